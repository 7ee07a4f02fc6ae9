use media::Rational;
use proptest::prelude::*;

use super::*;

const MAIN_1080P: &[u8] = include_bytes!("../../testdata/x265-1080p30-main.h265");
const MAIN10: &[u8] = include_bytes!("../../testdata/x265-638x358p59.94-main10.h265");

#[test]
fn real_parameter_sets_say_what_was_encoded() {
    for (stream, width, height, rate, name) in [
        (MAIN_1080P, 1_920, 1_080, Rational::new(30, 1), "hvc1.1.6.L120.90"),
        (MAIN10, 638, 358, Rational::new(60_000, 1_001), "hvc1.2.4.L90.90"),
    ] {
        let format = format_from_annexb(stream).expect("x265's own parameter sets");
        assert_eq!((format.width, format.height), (width, height), "{name}");
        assert_eq!(format.frame_rate, rate, "{name}");
        assert_eq!(format.sample_aspect, Rational::whole(1));
        assert_eq!(format.rfc6381, name);
        assert_eq!(format_from_hvcc(format.config.clone()), Ok(format));
    }
}

#[test]
fn what_is_missing_is_named() {
    let sets: Vec<&[u8]> = nal::annexb(MAIN_1080P).collect();
    let (vps, sps, pps) = (sets[0], sets[1], sets[2]);
    assert_eq!(format_from_parameter_sets(&[], &[sps], &[pps]), Err(H265Error::NoVps));
    assert_eq!(format_from_parameter_sets(&[vps], &[], &[pps]), Err(H265Error::NoSps));
    assert_eq!(format_from_parameter_sets(&[vps], &[sps], &[]), Err(H265Error::NoPps));
    assert_eq!(format_from_parameter_sets(&[vps], &[vps], &[pps]), Err(H265Error::NotSps(32)));
    let config = format_from_annexb(MAIN_1080P).expect("x265's").config;
    for length in 0..config.len() {
        assert!(format_from_hvcc(config.slice(..length)).is_err(), "cut to {length} bytes");
    }
}

#[test]
fn a_decoder_starts_at_idr_and_cra_only() {
    for (kind, starts) in [(1, false), (15, false), (16, true), (19, true), (21, true), (24, false)] {
        assert_eq!(is_irap(&[0, 0, 0, 3, kind << 1, 1, 0xAF]), starts, "NAL unit type {kind}");
    }
    assert!(!is_irap(&[0, 0, 0, 9, 19 << 1, 1]), "damage is no key frame");
}

proptest! {
    #[test]
    fn damage_is_an_error_or_a_sane_format_never_a_panic(
        main10 in any::<bool>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let stream = if main10 { MAIN10 } else { MAIN_1080P };
        let mut record = format_from_annexb(stream).expect("x265's").config.to_vec();
        for (at, value) in changes {
            let at = at.index(record.len());
            record[at] = value;
        }
        for bytes in [record.clone(), record[..cut.index(record.len())].to_vec()] {
            if let Ok(format) = format_from_hvcc(bytes.into()) {
                prop_assert!((1..=crate::MAX_SIDE).contains(&format.width));
                prop_assert!((1..=crate::MAX_SIDE).contains(&format.height));
            }
        }
    }

    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = is_irap(&bytes);
        let _ = format_from_annexb(&bytes);
        let _ = sps::read(&[&[NAL_SPS << 1, 1][..], &bytes].concat());
    }
}
