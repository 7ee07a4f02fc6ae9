use std::time::Duration;

use bytes::Bytes;
use media::{Format, Rational, VideoCodec, VideoFormat};

use super::*;
use crate::pull::segment::Apart;

const START: i64 = 1_700_000_000_000_000;
const FRAME: i64 = 3_600;

fn at(ms: i64) -> Utc {
    Utc(START + ms * 1_000)
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
    Piece { apart, bytes: 1, line: (1, line), lanes: Lanes::One, is_first: false, reserve: Duration::ZERO }
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
