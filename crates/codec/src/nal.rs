//! NAL units: in Annex B byte streams (start codes) and in MP4 samples (length prefixes).

use bytes::{BufMut, Bytes, BytesMut};

/// A sample that is not a whole number of length-prefixed NAL units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NalError {
    /// A length that reaches past the sample's end.
    #[error("NAL unit at byte {at} claims {claimed} bytes, {left} are left")]
    Length {
        /// Where its length stands, in bytes from the start of the sample.
        at: usize,
        /// What it claims.
        claimed: usize,
        /// What the sample still holds.
        left: usize,
    },
    /// Lengths have 1, 2 or 4 bytes.
    #[error("NAL unit lengths of {0} bytes; 1, 2 and 4 exist")]
    LengthSize(u8),
}

/// The NAL units of a sample with 4-byte lengths, in order; ends after the first fault.
pub fn length_prefixed(sample: &[u8]) -> impl Iterator<Item = Result<&[u8], NalError>> {
    with_lengths_of(sample, 4)
}

fn with_lengths_of(sample: &[u8], length_size: usize) -> impl Iterator<Item = Result<&[u8], NalError>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        if at == sample.len() {
            return None;
        }
        let start = at + length_size;
        let claimed = sample
            .get(at..start)
            .map(|prefix| prefix.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)));
        let unit = claimed.and_then(|claimed| sample.get(start..start.checked_add(claimed)?));
        match unit {
            Some(unit) => {
                at = start + unit.len();
                Some(Ok(unit))
            }
            None => {
                let fault = NalError::Length {
                    at,
                    claimed: claimed.unwrap_or(length_size),
                    left: sample.len().saturating_sub(start),
                };
                at = sample.len();
                Some(Err(fault))
            }
        }
    })
}

/// A sample whose lengths have `length_size` bytes, with lengths of 4 bytes as [`media::Sample`] holds them.
/// Costs nothing where they have 4 already; those are not checked.
pub fn with_four_byte_lengths(sample: Bytes, length_size: u8) -> Result<Bytes, NalError> {
    match length_size {
        4 => return Ok(sample),
        1 | 2 => {}
        other => return Err(NalError::LengthSize(other)),
    }
    let mut out = BytesMut::with_capacity(sample.len() + 64);
    for unit in with_lengths_of(&sample, usize::from(length_size)) {
        put(&mut out, unit?);
    }
    Ok(out.freeze())
}

/// The NAL units of an Annex B byte stream, without start codes or trailing zeros (H.264 Annex B). Bytes
/// before the first start code are passed over.
pub fn annexb(stream: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut starts = memchr::memmem::find_iter(stream, &[0, 0, 1]).map(|at| (at, at + 3));
    let mut current = starts.next();
    std::iter::from_fn(move || {
        loop {
            let (_, start) = current?;
            current = starts.next();
            let end = current.map_or(stream.len(), |(end, _)| end);
            let unit = &stream[start..end];
            let zeros = unit.iter().rev().take_while(|byte| **byte == 0).count();
            if zeros < unit.len() {
                return Some(&unit[..unit.len() - zeros]);
            }
        }
    })
}

/// Appends one NAL unit with its 4-byte length.
pub(crate) fn put(out: &mut BytesMut, unit: &[u8]) {
    out.reserve(4 + unit.len());
    out.put_u32(unit.len() as u32);
    out.put_slice(unit);
}

/// The payload of a NAL unit without emulation prevention bytes (H.264 §7.4.1): `00 00 03` stands for
/// `00 00`.
pub fn unescape(payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(payload.len());
    let mut zeros = 0;
    for &byte in payload {
        if zeros >= 2 && byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        out.push(byte);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn start_codes_of_three_and_four_bytes_both_separate() {
        let stream = [9, 0, 0, 0, 1, 0x67, 1, 0, 0, 1, 0x68, 0, 0, 0, 0, 1, 0, 0, 1, 0x65, 7];
        let units: Vec<&[u8]> = annexb(&stream).collect();
        assert_eq!(units, [&[0x67, 1][..], &[0x68], &[0x65, 7]]);
        assert_eq!(annexb(&[1, 2, 3]).count(), 0);
    }

    #[test]
    fn a_length_past_the_end_is_named_and_ends_the_walk() {
        let sample = [0, 0, 0, 1, 9, 0, 0, 0, 5, 1, 2];
        let units: Vec<_> = length_prefixed(&sample).collect();
        assert_eq!(units[0], Ok(&[9][..]));
        assert_eq!(units[1], Err(NalError::Length { at: 5, claimed: 5, left: 2 }));
        assert_eq!(units.len(), 2);
        assert_eq!(length_prefixed(&[0, 0]).count(), 1);
    }

    #[test]
    fn short_lengths_become_four_bytes() {
        let sample = Bytes::from_static(&[0, 1, 9, 0, 2, 7, 8]);
        let longer = with_four_byte_lengths(sample, 2).expect("whole units");
        assert_eq!(&longer[..], [0, 0, 0, 1, 9, 0, 0, 0, 2, 7, 8]);
        assert_eq!(with_four_byte_lengths(Bytes::new(), 3), Err(NalError::LengthSize(3)));
    }

    #[test]
    fn emulation_prevention_goes_and_nothing_else() {
        assert_eq!(unescape(&[0, 0, 3, 1, 0, 0, 3, 0, 0, 3]), [0, 0, 1, 0, 0, 0, 0]);
        assert_eq!(unescape(&[0, 3, 0, 0, 2]), [0, 3, 0, 0, 2]);
    }
}
