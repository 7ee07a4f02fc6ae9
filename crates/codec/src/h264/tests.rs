use h264_reader::nal::sps::SeqParameterSet;
use h264_reader::rbsp::{BitReader, ByteReader};
use media::Rational;
use proptest::prelude::*;

use super::*;

const BASELINE_720P: &[u8] = include_bytes!("../../testdata/x264-720p30-baseline.h264");
const CROPPED_1080P: &[u8] = include_bytes!("../../testdata/x264-1080p29.97-cropped.h264");
const ANAMORPHIC_576I: &[u8] = include_bytes!("../../testdata/x264-576i25-anamorphic.h264");
const ODD_444: &[u8] = include_bytes!("../../testdata/x264-638x358-444.h264");

#[test]
fn real_parameter_sets_say_what_was_encoded() {
    let pal_wide = Rational::new(64, 45);
    for (stream, width, height, rate, aspect, name) in [
        (BASELINE_720P, 1_280, 720, Rational::new(30, 1), Rational::new(1, 1), "avc1.42c01f"),
        (CROPPED_1080P, 1_920, 1_080, Rational::new(30_000, 1_001), Rational::new(1, 1), "avc1.640028"),
        (ANAMORPHIC_576I, 720, 576, Rational::new(25, 1), pal_wide, "avc1.64001e"),
        (ODD_444, 638, 358, Rational::new(25, 1), Rational::new(1, 1), "avc1.f4001e"),
    ] {
        let format = format_from_annexb(stream).expect("x264's own parameter sets");
        assert_eq!((format.width, format.height), (width, height), "{name}");
        assert_eq!(format.frame_rate, rate, "{name}");
        assert_eq!(Some(format.sample_aspect), aspect, "{name}");
        assert_eq!(format.rfc6381, name);
        // And the avcC made of them says the same.
        assert_eq!(format_from_avcc(format.config.clone()), Ok(format));
    }
}

#[test]
fn another_reader_finds_the_same_size() {
    for stream in [BASELINE_720P, CROPPED_1080P, ANAMORPHIC_576I, ODD_444] {
        let ours = format_from_annexb(stream).expect("x264's own parameter sets");
        let unit = nal::annexb(stream).next().expect("the SPS is first");
        let rbsp = BitReader::new(ByteReader::skipping_h264_header(unit));
        let theirs = SeqParameterSet::from_bits(rbsp).expect("h264-reader reads it");
        assert_eq!(theirs.pixel_dimensions().ok(), Some((ours.width, ours.height)));
        let timing = theirs.vui_parameters.and_then(|vui| vui.timing_info).expect("timing");
        let rate = Rational::new(timing.time_scale, 2 * timing.num_units_in_tick);
        assert_eq!(ours.frame_rate, rate);
    }
}

#[test]
fn a_record_with_short_lengths_is_known_and_its_config_says_four() {
    let format = format_from_annexb(BASELINE_720P).expect("x264's own parameter sets");
    let mut short = format.config.to_vec();
    short[avcc::LENGTH_SIZE_AT] = 0xFD;
    assert_eq!(length_size(&short), Ok(2));
    assert_eq!(format_from_avcc(short.clone().into()), Ok(format));
    short[avcc::LENGTH_SIZE_AT] = 0xFE;
    assert_eq!(format_from_avcc(short.into()), Err(H264Error::LengthSize));
}

#[test]
fn what_is_missing_is_named() {
    let sets: Vec<&[u8]> = nal::annexb(BASELINE_720P).collect();
    let (sps, pps) = (sets[0], sets[1]);
    assert_eq!(format_from_parameter_sets(&[], &[pps]), Err(H264Error::NoSps));
    assert_eq!(format_from_parameter_sets(&[sps], &[]), Err(H264Error::NoPps));
    assert_eq!(format_from_parameter_sets(&[pps], &[pps]), Err(H264Error::NotSps(8)));
    let config = format_from_annexb(BASELINE_720P).expect("x264's").config;
    for length in 0..config.len() {
        assert!(format_from_avcc(config.slice(..length)).is_err(), "cut to {length} bytes");
    }
}

#[test]
fn an_access_unit_loses_its_delimiter_and_keeps_its_slices() {
    let unit = [0, 0, 0, 1, 9, 0xF0, 0, 0, 1, 0x65, 0x88, 0, 0, 1, 12, 0xFF, 0x80];
    let sample = annexb_to_length_prefixed(&unit);
    assert_eq!(&sample[..], [0, 0, 0, 2, 0x65, 0x88]);
    assert!(is_idr(&sample));
    assert!(!is_idr(&[0, 0, 0, 2, 0x41, 0x88]));
    assert!(!is_idr(&[0, 0, 0, 9, 0x65, 0x88]), "damage is no key frame");
}

proptest! {
    #[test]
    fn damage_is_an_error_or_a_sane_format_never_a_panic(
        which in 0..4_usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let stream = [BASELINE_720P, CROPPED_1080P, ANAMORPHIC_576I, ODD_444][which];
        let mut record = format_from_annexb(stream).expect("x264's").config.to_vec();
        for (at, value) in changes {
            let at = at.index(record.len());
            record[at] = value;
        }
        for bytes in [record.clone(), record[..cut.index(record.len())].to_vec()] {
            if let Ok(format) = format_from_avcc(bytes.into()) {
                prop_assert!((1..=crate::MAX_SIDE).contains(&format.width));
                prop_assert!((1..=crate::MAX_SIDE).contains(&format.height));
            }
        }
    }

    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = is_idr(&bytes);
        let _ = format_from_annexb(&bytes);
        let _ = annexb_to_length_prefixed(&bytes);
        let mut record = vec![1, 100, 0, 31, 0xFF, 0xE1, 0, bytes.len() as u8, 0x67, 100, 0, 31];
        record.extend_from_slice(&bytes);
        let _ = format_from_avcc(record.into());
    }
}
