//! `pasp`: the shape of a pixel (ISO/IEC 14496-12 §12.1.4).

use bytes::{BufMut, BytesMut};
use media::Rational;

use super::{BoxRef, put};
use crate::ReadError;

pub(crate) fn write(out: &mut BytesMut, aspect: Rational) {
    put(out, b"pasp", |out| {
        out.put_u32(aspect.num());
        out.put_u32(aspect.den());
    });
}

/// `None` where it names no ratio.
pub(crate) fn read(pasp: BoxRef<'_>) -> Result<Option<Rational>, ReadError> {
    let mut fields = pasp.fields();
    Ok(Rational::new(fields.u32()?, fields.u32()?))
}
