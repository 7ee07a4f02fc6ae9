use proptest::prelude::*;

use super::*;

fn check(asc: &[u8], name: &str, sample_rate: u32, channels: u16, frame_samples: u32) {
    let format = format_from_asc(Bytes::copy_from_slice(asc)).expect(name);
    assert_eq!(format.rfc6381, name, "{asc:02x?}");
    assert_eq!((format.sample_rate, format.channels), (sample_rate, channels), "{asc:02x?}");
    let config = AudioSpecificConfig::read(asc).expect(name);
    assert_eq!(config.frame_samples, frame_samples, "{asc:02x?}");
}

#[test]
fn object_types_rates_and_channels() {
    check(&[0x11, 0x90], "mp4a.40.2", 48_000, 2, 1_024);
    // FFmpeg's own encoder, 48 kHz stereo: says by the extension that there is no SBR.
    check(&[0x11, 0x90, 0x56, 0xE5, 0x00], "mp4a.40.2", 48_000, 2, 1_024);
    check(&[0x12, 0x10], "mp4a.40.2", 44_100, 2, 1_024);
    check(&[0x12, 0x08], "mp4a.40.2", 44_100, 1, 1_024);
    check(&[0x11, 0xB0], "mp4a.40.2", 48_000, 6, 1_024);
    check(&[0x11, 0xB8], "mp4a.40.2", 48_000, 8, 1_024);
    check(&[0x11, 0x94], "mp4a.40.2", 48_000, 2, 960);
    // A rate spelled out in 24 bits: 48,000.
    check(&[0x17, 0x80, 0x5D, 0xC0, 0x10], "mp4a.40.2", 48_000, 2, 1_024);
}

#[test]
fn sbr_and_ps_by_hierarchy_and_by_extension() {
    // fdk-aac's HE-AAC at 44.1 kHz stereo and HE-AAC v2, hierarchical.
    check(&[0x2B, 0x92, 0x08, 0x00], "mp4a.40.5", 44_100, 2, 2_048);
    check(&[0xEB, 0x8A, 0x08, 0x00], "mp4a.40.29", 44_100, 2, 2_048);
    // AAC-LC at 24 kHz, then SBR to 48 kHz, then parametric stereo over mono.
    check(&[0x13, 0x10, 0x56, 0xE5, 0x98], "mp4a.40.5", 48_000, 2, 2_048);
    check(&[0x13, 0x08, 0x56, 0xE5, 0x9D, 0x48, 0x80], "mp4a.40.29", 48_000, 2, 2_048);
}

#[test]
fn channels_of_a_program_config_element_are_counted() {
    // AAC-LC, 48 kHz, configuration 0; the element: one front pair, one LFE.
    let asc = bits("00010 0011 0000 000 0000 01 0011 0001 0000 0000 01 000 0000 0 0 0 1 0000 0000 00000000");
    check(&asc, "mp4a.40.2", 48_000, 3, 1_024);
}

#[test]
fn what_cannot_be_carried_is_named() {
    let read = AudioSpecificConfig::read;
    assert_eq!(read(&[]), Err(AacError::Bits(BitsError::End)));
    assert_eq!(read(&[0x11]), Err(AacError::Bits(BitsError::End)));
    assert_eq!(read(&[0x16, 0x90]), Err(AacError::SampleRate(13)));
    assert_eq!(read(&[0x11, 0xC8]), Err(AacError::Channels(9)));
    assert_eq!(read(&[0xF9, 0x46, 0x40]), Err(AacError::ObjectType(42)));
    assert_eq!(read(&[0x17, 0x80, 0, 0, 0x10]), Err(AacError::SampleRate(0)));
}

fn bits(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b' ').map(|byte| byte - b'0').collect();
    digits
        .chunks(8)
        .map(|byte| byte.iter().enumerate().fold(0, |sum, (at, bit)| sum | bit << (7 - at)))
        .collect()
}

proptest! {
    #[test]
    fn any_bytes_are_an_error_or_a_sane_format(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        if let Ok(format) = format_from_asc(bytes.into()) {
            prop_assert!((1..=MAX_RATE).contains(&format.sample_rate));
            prop_assert!(format.channels > 0);
        }
    }
}
