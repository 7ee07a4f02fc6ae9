//! AV1 as transport streams carry it: OBUs behind start codes, with emulation prevention (AV1 in MPEG-2 TS, AOMedia §3).

use bytes::{BufMut, Bytes, BytesMut};

const HAS_SIZE: u8 = 0x02;
const HAS_EXTENSION: u8 = 0x04;

/// The OBUs of a payload as a stream of sized ones; a payload without start codes is taken to be one already.
pub(super) fn sized_obus(payload: &Bytes) -> Bytes {
    if !payload.starts_with(&[0, 0, 1]) && !payload.starts_with(&[0, 0, 0, 1]) {
        return payload.clone();
    }
    let mut out = BytesMut::with_capacity(payload.len());
    for unit in codec::nal::annexb(payload) {
        let obu = codec::nal::unescape(unit);
        let Some((&header, rest)) = obu.split_first() else {
            continue;
        };
        if header & HAS_SIZE != 0 {
            out.put_slice(&obu);
            continue;
        }
        let (extension, body) = rest.split_at(usize::from(header & HAS_EXTENSION != 0).min(rest.len()));
        out.put_u8(header | HAS_SIZE);
        out.put_slice(extension);
        put_leb128(&mut out, body.len());
        out.put_slice(body);
    }
    out.freeze()
}

fn put_leb128(out: &mut BytesMut, mut value: usize) {
    while value > 0x7F {
        out.put_u8(value as u8 | 0x80);
        value >>= 7;
    }
    out.put_u8(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn start_codes_and_emulation_prevention_become_sizes() {
        let carried = Bytes::from_static(&[0, 0, 1, 0x10, 0, 0, 1, 0x30, 9, 0, 0, 3, 1, 0, 0, 1, 0x32, 1, 5]);
        let sized = sized_obus(&carried);
        assert_eq!(&sized[..], [0x12, 0, 0x32, 4, 9, 0, 0, 1, 0x32, 1, 5]);
        assert_eq!(sized_obus(&sized), sized);
        let long = [&[0, 0, 1, 0x34, 0xA0][..], &[7; 200]].concat();
        assert_eq!(&sized_obus(&long.into())[..5], [0x36, 0xA0, 0xC8, 0x01, 7]);
    }
}
