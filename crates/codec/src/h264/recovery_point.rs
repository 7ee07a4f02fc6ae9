//! The recovery point SEI message (ITU-T H.264 §D.1.8).

use crate::bits::BitReader;
use crate::nal;

const RECOVERY_POINT: usize = 6;

/// True where the SEI messages of this NAL unit, its header taken off, hold a recovery point of no frames.
pub(super) fn is_immediate(sei: &[u8]) -> bool {
    let messages = nal::unescape(sei);
    let mut rest = &messages[..];
    while let (Some(kind), Some(length)) = (number(&mut rest), number(&mut rest)) {
        let Some((body, after)) = rest.split_at_checked(length) else {
            return false;
        };
        if kind == RECOVERY_POINT {
            return BitReader::new(body).ue() == Ok(0);
        }
        rest = after;
    }
    false
}

/// A sum of bytes of 255 and one less (§7.3.2.3.1).
fn number(rest: &mut &[u8]) -> Option<usize> {
    let mut sum = 0;
    loop {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        sum += usize::from(*byte);
        if *byte != 255 {
            return Some(sum);
        }
    }
}
