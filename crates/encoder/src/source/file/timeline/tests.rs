use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::source::file::FARTHEST_US;

const VIDEO: TrackId = TrackId(0);
const AUDIO: TrackId = TrackId(1);
const BEGINS: i64 = 1_795_219_200_000_000;
const FRAME_MS: i64 = 40;
const BLOCK_MS: i64 = 20;

fn picture(at_ms: i64) -> Sample {
    sample(VIDEO, at_ms, FRAME_MS)
}

fn sound(at_ms: i64) -> Sample {
    sample(AUDIO, at_ms, BLOCK_MS)
}

fn sample(track: TrackId, at_ms: i64, lasts_ms: i64) -> Sample {
    Sample {
        track,
        dts: at_ms * 1_000,
        composition_offset: 0,
        duration: u32::try_from(lasts_ms * 1_000).ok(),
        sync: true,
        data: Bytes::from_static(b"some"),
    }
}

/// Pictures and sound from `from_ms` on, each for so long, in the order of their times; sound lies `sound_first_ms` earlier
/// in the file than pictures of its time.
fn part(from_ms: i64, pictures_ms: i64, sound_ms: i64, sound_first_ms: i64) -> Vec<Sample> {
    let pictures = (0..pictures_ms / FRAME_MS).map(|n| (n * FRAME_MS, picture(from_ms + n * FRAME_MS)));
    let sounds =
        (0..sound_ms / BLOCK_MS).map(|n| (n * BLOCK_MS - sound_first_ms, sound(from_ms + n * BLOCK_MS)));
    let mut all: Vec<_> = pictures.chain(sounds).collect();
    all.sort_by_key(|(at, sample)| (*at, sample.track.0));
    all.into_iter().map(|(_, sample)| sample).collect()
}

/// What becomes of a file: times in ms from its beginning, of pictures and of sound, as they are sent.
fn laid(file: Vec<Sample>) -> (Vec<i64>, Vec<i64>) {
    let mut timeline = Timeline::begin(VIDEO, BEGINS);
    let mut out = Vec::new();
    for sample in file {
        timeline.push(sample, &mut out);
        assert!(timeline.sound.held.len() <= MAX_HELD && timeline.sound.held_bytes <= MAX_HELD_BYTES);
    }
    let of = |track| {
        let times = out.iter().filter(|sample| sample.track == track);
        times.map(|sample| (sample.dts - BEGINS) / 1_000).collect()
    };
    (of(VIDEO), of(AUDIO))
}

fn every(step_ms: i64, until_ms: i64) -> Vec<i64> {
    (0..until_ms / step_ms).map(|n| n * step_ms).collect()
}

#[test]
fn a_file_whose_times_begin_anywhere_is_laid_as_it_is() {
    for first_ms in [-700, 0, 95_000_000] {
        let (pictures, sounds) = laid(part(first_ms, 4_000, 4_000, 0));
        assert_eq!((pictures, sounds), (every(FRAME_MS, 4_000), every(BLOCK_MS, 4_000)));
    }
}

#[test]
fn sound_is_sent_in_time_however_far_from_its_pictures_it_lies_in_the_file() {
    for sound_first_ms in [-1_400, -500, 500, 1_400] {
        let (pictures, sounds) = laid(part(10_000, 8_000, 8_000, sound_first_ms));
        assert_eq!(pictures, every(FRAME_MS, 8_000), "{sound_first_ms}");
        assert_eq!(sounds, every(BLOCK_MS, 8_000), "{sound_first_ms}");
    }
}

#[test]
fn sound_beyond_the_pictures_is_left_out_however_long_it_is() {
    for sound_ms in [4_040, 7_000, 3_600_000] {
        let (pictures, sounds) = laid(part(0, 4_000, sound_ms, 0));
        assert_eq!((pictures, sounds), (every(FRAME_MS, 4_000), every(BLOCK_MS, 4_000)));
    }
}

#[test]
fn sound_from_before_the_first_picture_is_left_out() {
    let mut file: Vec<_> = (0..100).map(|n| sound(n * BLOCK_MS)).collect();
    file.extend(part(2_000, 2_000, 2_000, 0));
    assert_eq!(laid(file), (every(FRAME_MS, 2_000), every(BLOCK_MS, 2_000)));
}

#[test]
fn sound_goes_on_while_a_picture_stands_for_long() {
    let mut file = vec![picture(0)];
    file.extend((0..1_000).map(|n| sound(n * BLOCK_MS)));
    file.extend(part(20_000, 1_000, 1_000, 0));
    let (pictures, sounds) = laid(file);
    assert_eq!(pictures[..2], [0, 20_000], "its times say so, and sound was there all along");
    assert_eq!(sounds, every(BLOCK_MS, 21_000));
}

#[test]
fn after_a_jump_all_goes_on_where_the_pictures_ended() {
    for jump_ms in [-3_600_000, -4_000, -600, 1_100, 5_000, 95_443_000] {
        for sound_first_ms in [-1_400, -300, 0, 300, 1_400] {
            let mut file = part(7_000_000, 4_000, 4_000, sound_first_ms);
            file.extend(part(7_004_000 + jump_ms, 4_000, 4_000, sound_first_ms));
            let what = format!("jump {jump_ms}, sound {sound_first_ms}");
            let (pictures, sounds) = laid(file);
            assert_eq!(pictures, every(FRAME_MS, 8_000), "{what}");
            assert_eq!(sounds, every(BLOCK_MS, 8_000), "{what}");
        }
    }
}

#[test]
fn at_a_jump_sound_that_is_too_long_is_left_out_and_the_next_part_keeps_its_own() {
    let mut file = part(0, 4_000, 6_000, 0);
    file.extend(part(900_000, 4_000, 4_000, 0));
    assert_eq!(laid(file), (every(FRAME_MS, 8_000), every(BLOCK_MS, 8_000)));
}

#[test]
fn at_a_jump_sound_that_is_too_short_leaves_its_time_empty() {
    let mut file = part(0, 4_000, 3_000, 0);
    file.extend(part(900_000, 4_000, 4_000, 0));
    let (pictures, sounds) = laid(file);
    assert_eq!(pictures, every(FRAME_MS, 8_000));
    let expected: Vec<_> =
        every(BLOCK_MS, 8_000).into_iter().filter(|at| !(3_000..4_000).contains(at)).collect();
    assert_eq!(sounds, expected);
}

#[test]
fn sound_that_jumps_alone_is_heard_again_and_in_time() {
    for jump_ms in [-50_000, 50_000] {
        let mut file = part(100_000, 20_000, 20_000, 0);
        for sample in &mut file {
            if sample.track == AUDIO && sample.dts >= 110_000_000 {
                sample.dts += jump_ms * 1_000;
            }
        }
        let (pictures, sounds) = laid(file);
        assert_eq!(pictures, every(FRAME_MS, 20_000));
        let silent_ms = 20_000 - sounds.len() as i64 * BLOCK_MS;
        assert!(silent_ms <= ALONE_US / 1_000, "{silent_ms} ms are silent");
        assert!(sounds.iter().all(|at| at % BLOCK_MS == 0) && sounds.is_sorted(), "{sounds:?}");
        assert_eq!(sounds.last(), Some(&19_980));
    }
}

#[test]
fn pictures_that_jump_alone_go_on_and_so_does_their_sound() {
    let mut file = part(100_000, 20_000, 20_000, 0);
    for sample in &mut file {
        if sample.track == VIDEO && sample.dts >= 110_000_000 {
            sample.dts += 50_000_000;
        }
    }
    let (pictures, sounds) = laid(file);
    assert_eq!(pictures, every(FRAME_MS, 20_000));
    assert!(20_000 - sounds.len() as i64 * BLOCK_MS <= ALONE_US / 1_000 + 200, "{}", sounds.len());
}

#[test]
fn files_of_many_short_parts_are_laid_end_to_end() {
    let mut file = Vec::new();
    for n in 0..40 {
        file.extend(part(if n % 3 == 0 { 50_000 } else { n * 777_000 }, 400, 400, 100));
    }
    let (pictures, sounds) = laid(file);
    assert_eq!(pictures, every(FRAME_MS, 16_000));
    assert_eq!(sounds, every(BLOCK_MS, 16_000));
}

fn time_us() -> impl Strategy<Value = i64> {
    prop_oneof![-FARTHEST_US..FARTHEST_US, -5_000_000..5_000_000_i64]
}

proptest! {
    #[test]
    fn whatever_times_come_nothing_is_sent_far_from_its_time(
        times in proptest::collection::vec((any::<bool>(), time_us(), any::<i32>(), any::<u32>()), 1..300),
    ) {
        let mut timeline = Timeline::begin(VIDEO, BEGINS);
        let mut farthest_us = BEGINS;
        for (leads, dts, composition_offset, lasts_us) in times {
            let lasts_us = lasts_us % 1_000_000;
            let track = if leads { VIDEO } else { AUDIO };
            let composition_offset = composition_offset % 500_000;
            let data = Bytes::from_static(b"some");
            let sample = Sample { track, dts, composition_offset, duration: Some(lasts_us), sync: true, data };
            let (end_us, sound_us) = (timeline.end_us(), timeline.sound.end_us);
            let mut out = Vec::new();
            timeline.push(sample, &mut out);
            farthest_us += 3_000_000;
            prop_assert!(timeline.end_us().max(timeline.sound.end_us) <= farthest_us);
            for sample in out {
                // A picture moves the end by what all media that were read allow, a reorder and its length.
                prop_assert!(sample.dts >= BEGINS - 1_000_000, "{}", sample.dts - BEGINS);
                prop_assert!(sample.dts <= end_us.max(sound_us) + 3_000_000);
            }
        }
    }
}
