use std::time::Duration;

use bytes::Bytes;
use media::{Format, Rational, VideoCodec, VideoFormat};
use proptest::prelude::*;

use media::{Track, TrackId};
use playlist::Chosen;

use super::line::TURN;
use super::*;
use crate::pull::round::{Round, track_id};
use crate::pull::segment::Apart;

const START: i64 = 1_700_000_000_000_000;
const FRAME: i64 = 3_600;

fn at(ms: i64) -> Utc {
    Utc(START + ms * 1_000)
}

/// A round of so many renditions of the picture, with so many of the sound apart.
fn round(pictures: usize, sounds: usize) -> std::sync::Arc<Round> {
    let url = |name: String| format!("http://h/{name}.m3u8").parse().expect("a URL");
    let sound = |at| playlist::Sound { url: url(format!("a{at}")), language: None };
    let main = (0..pictures).map(|at| url(format!("v{at}"))).collect();
    let chosen = Chosen { main, audio: (0..sounds).map(sound).collect() };
    std::sync::Arc::new(Round::new(1, chosen, |_| true))
}

/// A second of 25 pictures from `first`, in 90 kHz, of a line.
fn second(first: i64, line: u64) -> Piece {
    let format = Format::Video(VideoFormat {
        codec: VideoCodec::H264,
        width: 16,
        height: 16,
        frame_rate: None,
        sample_aspect: Rational::new(1, 1).expect("a ratio"),
        config: Bytes::new(),
        rfc6381: String::new(),
    });
    let track = Track { id: TrackId(7), timescale: Timescale::MPEG, format, language: None };
    let sample = |index: i64| {
        Item::Sample(Sample {
            track: TrackId(7),
            dts: (first + index * FRAME).rem_euclid(TURN),
            composition_offset: 0,
            duration: None,
            sync: index == 0,
            data: Bytes::from_static(b"x"),
        })
    };
    let items = [Item::Tracks(vec![track])].into_iter().chain((0..25).map(sample)).collect();
    let apart = Apart { items, wraps: true };
    let round = round(2, 0);
    Piece { apart, bytes: 1, line: (1, line), round, is_first: false, reserve: Duration::ZERO }
}

#[test]
fn a_line_begins_later_by_its_reserve_where_nothing_is_in_hand_and_where_that_ends_otherwise() {
    let mut timeline = Timeline::after(Utc(0));
    let mut out = Vec::new();
    let piece = |line| (0, Piece { reserve: Duration::from_secs(2), ..second(0, line) });
    timeline.push(vec![piece(1)], at(0), &mut out);
    assert_eq!(timeline.due(), Some(at(2_000)));
    timeline.push(vec![piece(2)], at(0), &mut out);
    assert_eq!(timeline.ahead_us(0, at(0)), 4_000_000);
}

/// Pictures of fragmented MP4 with these decode times, in `scale`.
fn movie(times: impl IntoIterator<Item = i64>, scale: u32, line: u64) -> Piece {
    let mut piece = second(0, line);
    piece.apart.wraps = false;
    let mut samples = Vec::new();
    for item in piece.apart.items.drain(..) {
        match item {
            Item::Tracks(mut tracks) => {
                tracks[0].timescale = Timescale::new(scale);
                samples.push(Item::Tracks(tracks));
            }
            Item::Sample(sample) if samples.len() == 1 => {
                let at = |dts| Item::Sample(Sample { dts, duration: Some(1), ..sample.clone() });
                samples.extend(times.into_iter().map(at));
                break;
            }
            Item::Sample(_) | Item::Warning(_) => {}
        }
    }
    piece.apart.items = samples;
    piece
}

/// How far ahead two lanes reach, in ms, after hostile pieces and then a second of pictures as it should be.
fn ahead_after(hostile: Vec<Piece>) -> i64 {
    let (mut timeline, mut out) = (Timeline::after(Utc(0)), Vec::new());
    for piece in hostile {
        timeline.push(vec![(0, piece)], at(0), &mut out);
    }
    assert!(
        timeline.ahead_us(0, at(0)) <= FURTHEST_AHEAD_US + JUMP_BACK_US,
        "{}",
        timeline.ahead_us(0, at(0))
    );
    let before = timeline.ahead_us(0, at(0)).max(0);
    timeline.push(vec![(0, second(77_000_000, 9))], at(0), &mut out);
    (timeline.ahead_us(0, at(0)) - before) / 1_000
}

/// The times at which pictures are shown, in ms; each piece with its arrival.
fn shown(pieces: Vec<(i64, Piece)>) -> Vec<i64> {
    let (mut timeline, mut out) = (Timeline::after(Utc(0)), Vec::new());
    for (arrival, piece) in pieces {
        timeline.release(at(arrival), &mut out);
        timeline.push(vec![(0, piece)], at(arrival), &mut out);
    }
    timeline.release(at(1_000_000), &mut out);
    let time = |output: &Output| match output {
        Output::Sample(sample) => Some((sample.dts - START * 9 / 100) / 90),
        Output::Tracks(_) | Output::Trouble(_) => None,
    };
    out.iter().filter_map(time).collect()
}

fn steady(from: i64, count: i64) -> Vec<i64> {
    (0..count).map(|index| from + index * 40).collect()
}

#[test]
fn pieces_that_come_in_a_burst_follow_each_other_in_time() {
    let pieces = (0..3).map(|index| (0, second(index * 90_000, 1))).collect();
    assert_eq!(shown(pieces), steady(0, 75));
}

#[test]
fn nothing_is_handed_on_before_its_time() {
    let (mut timeline, mut out) = (Timeline::after(Utc(0)), Vec::new());
    timeline.push(vec![(0, second(0, 1))], at(0), &mut out);
    timeline.release(at(399), &mut out);
    let samples = out.iter().filter(|output| matches!(output, Output::Sample(_))).count();
    assert_eq!((samples, timeline.due(), timeline.held_bytes()), (10, Some(at(400)), 15));
    assert_eq!(timeline.ahead_us(0, at(0)), 1_000_000);
}

#[test]
fn a_new_line_goes_on_where_the_one_before_it_ends() {
    let pieces = vec![(0, second(0, 1)), (0, second(77_000_000, 2)), (10, second(5, 3))];
    assert_eq!(shown(pieces), steady(0, 75));
}

#[test]
fn a_turn_of_the_time_stamps_is_not_seen() {
    let pieces = vec![(0, second(TURN - 45_000, 1)), (0, second(45_000, 1))];
    assert_eq!(shown(pieces), steady(0, 50));
}

#[test]
fn a_jump_that_nobody_announced_is_a_new_line() {
    assert_eq!(shown(vec![(0, second(0, 1)), (0, second(900_000_000, 1))]), steady(0, 50));
}

#[test]
fn what_comes_too_late_is_shown_when_it_comes() {
    let pieces = vec![(0, second(0, 1)), (5_000, second(90_000, 1)), (5_000, second(180_000, 1))];
    assert_eq!(shown(pieces), [steady(0, 25), steady(5_000, 50)].concat());
}

#[test]
fn a_segment_that_is_missing_leaves_its_time_empty() {
    let pieces = vec![(0, second(0, 1)), (0, second(270_000, 1))];
    assert_eq!(shown(pieces), [steady(0, 25), steady(3_000, 25)].concat());
}

#[test]
fn a_lane_that_is_behind_a_break_still_has_its_place() {
    let (mut timeline, mut out) = (Timeline::after(Utc(0)), Vec::new());
    // Both lanes carry pictures here; what counts is where each piece lies.
    for (lane, piece) in
        [(0, second(0, 1)), (0, second(77_000_000, 2)), (1, second(0, 1)), (1, second(77_000_000, 2))]
    {
        timeline.push(vec![(lane, piece)], at(0), &mut out);
    }
    let ahead = [0, 1].map(|lane| timeline.ahead_us(lane, at(0)));
    assert_eq!(ahead, [2_000_000; 2]);
    assert!(out.is_empty(), "{out:?}");
}

#[test]
fn times_that_no_clock_has_are_left_out_and_what_follows_plays() {
    for times in [[i64::MAX; 2], [i64::MIN; 2], [0, i64::MAX], [i64::MAX / 2, i64::MAX / 2 + 1]] {
        for scale in [1, 90_000, u32::MAX] {
            assert_eq!(ahead_after(vec![movie(times, scale, 1)]), 1_000, "{times:?} in {scale}");
        }
    }
}

#[test]
fn a_segment_whose_times_run_away_cannot_stop_its_channel_for_longer_than_segments_are() {
    let leaps = (0..1_000).map(|index| index * 29 * 90_000);
    assert_eq!(ahead_after(vec![movie(leaps, 90_000, 1)]), 1_000);
}

/// The piece `index` of a rendition: a second of pictures, each with its place in the source.
fn piece(index: i64, pictures: usize) -> Piece {
    let mut piece = Piece { round: round(pictures, 0), ..second(index * 90_000, 1) };
    let mut at = index * 25;
    for item in &mut piece.apart.items {
        if let Item::Sample(sample) = item {
            sample.data = Bytes::copy_from_slice(&at.to_be_bytes());
            at += 1;
        }
    }
    piece
}

/// Where each picture of the source was shown, by lane.
fn laid(out: &[Output]) -> std::collections::HashMap<(usize, i64), i64> {
    let lane_of = |id| (0..LANES).find(|lane| track_id(*lane, true) == id).expect("a picture's");
    let at = |output: &Output| match output {
        Output::Sample(sample) => {
            let index = i64::from_be_bytes(sample.data[..].try_into().expect("its place"));
            Some(((lane_of(sample.track), index), sample.dts))
        }
        Output::Tracks(_) | Output::Trouble(_) => None,
    };
    out.iter().filter_map(at).collect()
}

/// Three renditions; each piece comes so many ms after it was made.
fn ladder(delays: &[[i64; 3]]) -> (Timeline, Vec<Output>) {
    let (mut timeline, mut out) = (Timeline::after(Utc(0)), Vec::new());
    let mut arrivals = Vec::new();
    for lane in 0..3 {
        let mut earliest = 0;
        for (index, delays) in (0_i64..).zip(delays) {
            // A lane's pieces come in their order.
            earliest = earliest.max(index * 1_000 + delays[lane]);
            arrivals.push((earliest, lane, index));
        }
    }
    arrivals.sort_unstable();
    for (ms, lane, index) in arrivals {
        timeline.release(at(ms), &mut out);
        timeline.push(vec![(lane, piece(index, 3))], at(ms), &mut out);
    }
    timeline.release(at(10_000_000), &mut out);
    (timeline, out)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// However late pieces come, and whichever rendition's comes first: a picture of the source has one place on the epoch.
    #[test]
    fn what_renditions_show_of_one_moment_lies_at_one_time(
        delays in proptest::collection::vec([0..9_000_i64, 0..9_000_i64, 0..9_000_i64], 1..30),
    ) {
        let (_, out) = ladder(&delays);
        let laid = laid(&out);
        for ((lane, index), dts) in &laid {
            let other = laid.get(&((lane + 1) % 3, *index));
            prop_assert!(other.is_none_or(|other| other == dts), "{} of lane {}", index, lane);
        }
        for lane in 0..3 {
            let mut last = i64::MIN;
            for index in 0..delays.len() as i64 * 25 {
                let Some(dts) = laid.get(&(lane, index)) else { continue };
                prop_assert!(*dts > last, "times rise");
                last = *dts;
            }
        }
    }
}

#[test]
fn a_rendition_that_stays_away_is_announced_no_longer_and_anew_when_it_is_back() {
    let (mut timeline, mut out) = (Timeline::after(Utc(0)), Vec::new());
    let mut moved = Vec::new();
    for index in 0..40 {
        for lane in 0..3 {
            if lane == 1 && (5..25).contains(&index) {
                continue;
            }
            timeline.push(vec![(lane, piece(index, 3))], at(index * 1_000), &mut out);
            moved.extend(timeline.moved());
        }
        timeline.release(at(index * 1_000), &mut out);
    }
    assert_eq!(moved, [(1, Moved::Away), (1, Moved::Back)]);
    let announced = out.iter().filter_map(|output| match output {
        Output::Tracks(tracks) => Some(tracks.iter().map(|track| track.id.0).collect::<Vec<_>>()),
        Output::Sample(_) | Output::Trouble(_) => None,
    });
    let announced: Vec<_> = announced.collect();
    assert_eq!(announced[announced.len() - 3..], [vec![0, 65, 66], vec![0, 66], vec![0, 65, 66]]);
    let laid = laid(&out);
    assert!(laid.contains_key(&(1, 26 * 25)) && !laid.contains_key(&(1, 10 * 25)));
    assert_eq!(laid[&(1, 30 * 25)], laid[&(0, 30 * 25)]);
}

#[test]
fn a_rendition_that_counts_anew_alone_leaves_the_others_where_they_are_and_all_of_them_begin_one_line() {
    let (mut timeline, mut out) = (Timeline::after(Utc(0)), Vec::new());
    let mut push = |lane: usize, index: i64, line: u64, ms: i64| {
        let piece = Piece { line: (1, line), ..piece(index, 3) };
        timeline.push(vec![(lane, piece)], at(ms), &mut out);
    };
    for index in 0..4 {
        (0..3).for_each(|lane| push(lane, index, 1, index * 1_000));
    }
    // One was started anew, twice; then all are.
    push(2, 1_000, 2, 4_000);
    push(2, 2_000, 3, 5_000);
    for index in 4..8 {
        (0..2).for_each(|lane| push(lane, index, 1, index * 1_000));
    }
    for index in 100..104 {
        (0..3).for_each(|lane| push(lane, index, 4, (index - 92) * 1_000));
    }
    timeline.release(at(1_000_000), &mut out);
    let laid = laid(&out);
    for index in 4 * 25..8 * 25 {
        assert_eq!(laid[&(0, index)], laid[&(1, index)]);
        assert_eq!(laid[&(0, index)] - laid[&(0, 0)], index * FRAME, "without a seam");
    }
    for index in 100 * 25..104 * 25 {
        assert!([1, 2].iter().all(|lane| laid[&(*lane, index)] == laid[&(0, index)]));
    }
}

/// A second of pictures and sound, as most segments are.
fn with_sound(index: i64) -> Piece {
    let mut piece = piece(index, 2);
    let asc = Bytes::from_static(&[0x11, 0x90]);
    let format = Format::Audio(codec::aac::format_from_asc(asc).expect("AAC-LC"));
    let sound = Track { id: TrackId(8), timescale: Timescale::MPEG, format, language: None };
    if let Some(Item::Tracks(tracks)) = piece.apart.items.first_mut() {
        tracks.push(sound);
    }
    let frame = |at: i64| {
        let data = Bytes::copy_from_slice(&(at + index * 25).to_be_bytes());
        let dts = index * 90_000 + at * FRAME;
        let (track, duration) = (TrackId(8), Some(FRAME as u32));
        Item::Sample(Sample { track, dts, composition_offset: 0, duration, sync: true, data })
    };
    piece.apart.items.extend((0..25).map(frame));
    piece
}

#[test]
fn sound_goes_on_with_another_rendition_where_that_which_brought_it_stops() {
    let (mut timeline, mut out) = (Timeline::after(Utc(0)), Vec::new());
    for index in 0..20 {
        for lane in 0..2 {
            if lane == 1 || index < 5 {
                timeline.push(vec![(lane, with_sound(index))], at(index * 1_000), &mut out);
            }
        }
        timeline.release(at(index * 1_000 + 999), &mut out);
    }
    let heard: Vec<_> = out
        .iter()
        .filter_map(|output| match output {
            Output::Sample(sample) if sample.track == track_id(0, false) => Some(sample.dts),
            _ => None,
        })
        .collect();
    assert_eq!(heard.len(), 20 * 25, "each moment once");
    assert!(heard.windows(2).all(|pair| pair[1] - pair[0] == FRAME));
}
