use media::Rational;
use proptest::prelude::*;

use super::*;

const LIBAOM: &[u8] = include_bytes!("../../testdata/libaom-360p25.obu");
const SVTAV1: &[u8] = include_bytes!("../../testdata/svtav1-360p25-10bit.obu");
const FRAMES: &[u8] = include_bytes!("../../testdata/libaom-64p25-3-frames.ivf");

/// The temporal units of an IVF file: a 32-byte header, then 12 bytes (length first) before each unit.
fn ivf(file: &'static [u8]) -> Vec<Bytes> {
    let mut rest = &file[32..];
    let mut units = Vec::new();
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let end = 8 + u32::from_le_bytes(*length) as usize;
        units.push(Bytes::from_static(&after[8..end]));
        rest = &after[end..];
    }
    units
}

#[test]
fn real_sequence_headers_say_what_was_encoded() {
    for (stream, name) in [(LIBAOM, "av01.0.01M.08"), (SVTAV1, "av01.0.01M.10")] {
        let format = format_from_obus(stream).expect("the encoder's own sequence header");
        assert_eq!((format.width, format.height), (640, 360), "{name}");
        assert_eq!(format.frame_rate, None::<Rational>, "neither writes timing");
        assert_eq!(format.rfc6381, name);
        assert_eq!(format_from_av1c(format.config.clone()), Ok(format));
    }
}

#[test]
fn only_the_first_of_three_frames_is_a_key_frame() {
    let units = ivf(FRAMES);
    let keys: Vec<bool> = units.iter().map(|unit| is_key_frame(unit)).collect();
    assert_eq!(keys, [true, false, false]);
    for unit in units {
        let bare = strip_temporal_delimiters(unit.clone()).expect("libaom's own units");
        assert_eq!(bare, unit.slice(2..), "a temporal delimiter has two bytes and stands first");
        assert_eq!(is_key_frame(&bare), is_key_frame(&unit));
    }
}

#[test]
fn padding_between_obus_goes_too() {
    let unit = Bytes::from_static(&[0x12, 0, 0x0A, 1, 9, 0x7A, 2, 1, 1, 0x32, 1, 0x10]);
    let bare = strip_temporal_delimiters(unit).expect("whole OBUs");
    assert_eq!(&bare[..], [0x0A, 1, 9, 0x32, 1, 0x10]);
    let torn = Bytes::from_static(&[0x12, 0, 0x0A, 9, 9]);
    assert_eq!(strip_temporal_delimiters(torn), Err(Av1Error::Obu(2)));
}

#[test]
fn what_is_missing_is_named() {
    assert_eq!(format_from_obus(&[0x12, 0]), Err(Av1Error::NoSequenceHeader));
    assert_eq!(format_from_av1c(Bytes::from_static(&[0x81, 0, 0])), Err(Av1Error::Short(3)));
    assert_eq!(format_from_av1c(Bytes::from_static(&[1, 0, 0, 0])), Err(Av1Error::Version(1)));
    let config = format_from_obus(LIBAOM).expect("libaom's").config;
    for length in 0..config.len() {
        assert!(format_from_av1c(config.slice(..length)).is_err(), "cut to {length} bytes");
    }
}

proptest! {
    #[test]
    fn damage_is_an_error_or_a_sane_format_never_a_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..60),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let _ = is_key_frame(&bytes);
        let _ = strip_temporal_delimiters(bytes.clone().into());
        let _ = sequence_header::read(&bytes);
        let mut record = format_from_obus(SVTAV1).expect("SVT-AV1's").config.to_vec();
        for (at, value) in changes {
            let at = at.index(record.len());
            record[at] = value;
        }
        if let Ok(format) = format_from_av1c(record.into()) {
            prop_assert!((1..=crate::MAX_SIDE).contains(&format.width));
        }
    }
}
