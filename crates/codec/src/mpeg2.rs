//! MPEG-2 video (ITU-T H.262, ISO/IEC 13818-2): sequence headers and pictures.

use bytes::Bytes;
use media::{Rational, VideoCodec, VideoFormat};

use crate::bits::BitReader;
use crate::{BitsError, MAX_SIDE};

const PICTURE: u8 = 0x00;
const SEQUENCE: u8 = 0xB3;
const EXTENSION: u8 = 0xB5;
const GROUP: u8 = 0xB8;
const SEQUENCE_EXTENSION: u32 = 1;
const INTRA: u8 = 1;
const RATES: [(u32, u32); 8] =
    [(24_000, 1_001), (24, 1), (25, 1), (30_000, 1_001), (30, 1), (50, 1), (60_000, 1_001), (60, 1)];

/// Why bytes hold no MPEG-2 sequence header.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Mpeg2Error {
    /// No sequence header.
    #[error("no sequence header")]
    NoSequenceHeader,
    /// A sequence header without its extension: MPEG-1.
    #[error("no sequence extension: MPEG-1 video is not carried")]
    NoExtension,
    /// A field outside its bounds.
    #[error("sequence header field `{field}` is {value}")]
    Field {
        /// The standard's name of the field.
        field: &'static str,
        /// What stands there.
        value: u32,
    },
    /// It ends too early.
    #[error("sequence header: {0}")]
    Bits(#[from] BitsError),
}

/// The format described by the first sequence header among these bytes and its extension (§6.2.2.1, §6.2.2.3), which
/// together are its `config`.
pub fn format(stream: &[u8]) -> Result<VideoFormat, Mpeg2Error> {
    let mut units = units(stream).skip_while(|unit| unit.code != SEQUENCE);
    let header = units.next().ok_or(Mpeg2Error::NoSequenceHeader)?;
    let extension = units.next().filter(|unit| unit.code == EXTENSION).ok_or(Mpeg2Error::NoExtension)?;

    let mut bits = BitReader::new(header.body);
    let (width, height) = (bits.bits(12)?, bits.bits(12)?);
    let aspect = bits.bits(4)?;
    let rate = bits.bits(4)?;

    let mut bits = BitReader::new(extension.body);
    if bits.bits(4)? != SEQUENCE_EXTENSION {
        return Err(Mpeg2Error::NoExtension);
    }
    let profile = bits.bits(8)?;
    bits.skip(3)?; // progressive_sequence, chroma_format
    let width = bits.bits(2)? << 12 | width;
    let height = bits.bits(2)? << 12 | height;
    bits.skip(12 + 1 + 8 + 1)?; // bit rate, marker, buffer, low_delay
    let (num, den) = (bits.bits(2)? + 1, bits.bits(5)? + 1);

    for (field, value) in [("horizontal_size", width), ("vertical_size", height)] {
        if value == 0 || value > MAX_SIDE {
            return Err(Mpeg2Error::Field { field, value });
        }
    }
    let frame_rate = (rate as usize).checked_sub(1).and_then(|at| RATES.get(at));
    let (rate_num, rate_den) =
        frame_rate.ok_or(Mpeg2Error::Field { field: "frame_rate_code", value: rate })?;
    Ok(VideoFormat {
        codec: VideoCodec::Mpeg2,
        width,
        height,
        frame_rate: Rational::new(rate_num * num, rate_den * den),
        sample_aspect: sample_aspect(aspect, width, height),
        config: Bytes::copy_from_slice(&stream[header.start..extension.end]),
        rfc6381: format!("mp4v.{:x}", object_type(profile)),
    })
}

/// True where a decoder can start at this picture, given the sequence header: its first is an I picture. False on
/// damage.
pub fn is_intra(picture: &[u8]) -> bool {
    units(picture)
        .find(|unit| unit.code == PICTURE)
        .and_then(|unit| unit.body.get(1).copied())
        .is_some_and(|byte| byte >> 3 & 7 == INTRA)
}

/// True where these bytes begin a picture, with the headers in front of it, rather than go on with one.
pub fn begins_picture(stream: &[u8]) -> bool {
    units(stream).next().is_some_and(|unit| matches!(unit.code, PICTURE | SEQUENCE | GROUP))
}

/// A start code with what follows it.
struct Unit<'a> {
    code: u8,
    body: &'a [u8],
    /// Offset of the start code.
    start: usize,
    end: usize,
}

fn units(stream: &[u8]) -> impl Iterator<Item = Unit<'_>> {
    let mut starts = memchr::memmem::find_iter(stream, &[0, 0, 1]).peekable();
    std::iter::from_fn(move || {
        let start = starts.next()?;
        let end = starts.peek().copied().unwrap_or(stream.len());
        let code = *stream.get(start + 3)?;
        // 00 00 01 00 00 01 would be a picture's start code that overlaps the next.
        Some(Unit { code, body: stream.get(start + 4..end).unwrap_or_default(), start, end })
    })
}

/// Table 6-3: a display aspect ratio, spread over the samples.
fn sample_aspect(code: u32, width: u32, height: u32) -> Rational {
    let (across, down) = match code {
        2 => (4, 3),
        3 => (16, 9),
        4 => (221, 100),
        _ => return Rational::whole(1),
    };
    Rational::new(across * height, down * width).unwrap_or(Rational::whole(1))
}

/// The object type indication of a profile (ISO/IEC 14496-1 Table 5) from `profile_and_level_indication`.
const fn object_type(profile_and_level: u32) -> u8 {
    match (profile_and_level >> 7, profile_and_level >> 4 & 7) {
        (0, 5) => 0x60,
        (0, 4) => 0x61,
        (0, 3) => 0x62,
        (0, 2) => 0x63,
        (0, 1) => 0x64,
        _ => 0x65, // 4:2:2, by its escape
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `ffmpeg -f lavfi -i testsrc=s=720x576:r=25 -aspect 16:9 -c:v mpeg2video -f mpeg2video` (FFmpeg 5.1), up to its
    /// first picture.
    const PAL_WIDE: &[u8] = &[
        0, 0, 1, 0xB3, 0x2D, 0x02, 0x40, 0x33, 0xFF, 0xFF, 0xE0, 0x18, 0, 0, 1, 0xB5, 0x14, 0x8A, 0, 1, 0, 0,
        0, 0, 1, 0xB8, 0, 8, 0, 0x40, 0, 0, 1, 0, 0, 0x0F, 0xFF, 0xF8, 0, 0, 1, 0xB5, 0x8F, 0xFF, 0xF3, 0x41,
        0x80,
    ];

    #[test]
    fn a_real_sequence_header_says_what_was_encoded() {
        let pal = format(PAL_WIDE).expect("a sequence header");
        assert_eq!((pal.width, pal.height, pal.frame_rate), (720, 576, Rational::new(25, 1)));
        assert_eq!(Some(pal.sample_aspect), Rational::new(64, 45));
        assert_eq!(pal.rfc6381, "mp4v.61");
        assert_eq!(format(&pal.config), Ok(pal.clone()));
        assert_eq!(&pal.config[..], &PAL_WIDE[..22]);
    }

    #[test]
    fn pictures_tell_their_kind() {
        assert!(is_intra(PAL_WIDE) && begins_picture(PAL_WIDE));
        assert!(!is_intra(&[0, 0, 1, 0, 0, 0x57, 0xFF]));
        assert!(!begins_picture(&[0, 0, 1, 5, 1, 2, 3]), "a slice goes on");
        assert!(!is_intra(&[0, 0, 1]) && !is_intra(&[0, 0, 1, 0]));
    }

    #[test]
    fn what_is_missing_is_named() {
        assert_eq!(format(&PAL_WIDE[12..]), Err(Mpeg2Error::NoSequenceHeader));
        assert_eq!(format(&PAL_WIDE[..12]), Err(Mpeg2Error::NoExtension));
        assert_eq!(format(&PAL_WIDE[..18]), Err(Mpeg2Error::Bits(BitsError::End)));
        let mut flat = PAL_WIDE.to_vec();
        flat[4..7].fill(0);
        assert_eq!(format(&flat), Err(Mpeg2Error::Field { field: "horizontal_size", value: 0 }));
    }
}
