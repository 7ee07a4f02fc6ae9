//! Low-latency channels: what is listed of a segment before it is whole.

use conformance::{Playlist, Watch};
use expect_test::expect;
use media::Utc;
use proptest::prelude::*;

use crate::testing::{EPOCH_S, header, shape};
use crate::{Arrived, Awaited, Part, Shape, Timeline, TrackName, dash, hls};

const PART_US: i64 = 500_000;
const SCALE: i64 = 90_000;

fn low(window_s: i64) -> Shape {
    Shape { part_us: Some(PART_US), ..shape(window_s) }
}

fn name(text: &str) -> TrackName {
    text.parse().expect("a name")
}

/// A channel of one rung, `720p`, that has whole segments of 2 s and then parts of 0.5 s.
fn channel(segments: i64, parts: i64) -> Timeline {
    let mut timeline = Timeline::new(low(60));
    timeline.announce(&name("720p"), header("720p", 0)).expect("room");
    for segment in 0..segments {
        // The first begins the track, so it has no parts.
        if segment > 0 {
            (0..4).for_each(|index| push_part(&mut timeline, segment, index));
        }
        finish(&mut timeline, segment);
    }
    (0..parts).for_each(|index| push_part(&mut timeline, segments, index));
    timeline
}

fn push_part(timeline: &mut Timeline, segment: i64, index: i64) {
    let start = EPOCH_S * SCALE + segment * 2 * SCALE;
    let part = Part { start: start + index * SCALE / 2, duration: SCALE / 2, independent: index == 0 };
    let now = Utc((part.start + part.duration) / 9 * 100);
    assert!(timeline.append_part(&name("720p"), start, part, now).is_some(), "it continues its track");
}

fn finish(timeline: &mut Timeline, segment: i64) {
    let start = EPOCH_S * SCALE + segment * 2 * SCALE;
    let now = Utc((start / SCALE + 2) * 1_000_000);
    timeline
        .append(&name("720p"), Arrived { start, duration: 2 * SCALE, bytes: 1_000 }, now)
        .expect("in order");
}

fn playlist(timeline: &Timeline, extent: hls::Extent) -> String {
    hls::media(timeline, &name("720p"), extent).expect("listed")
}

#[test]
fn parts_of_the_newest_segments_are_listed_and_the_next_is_hinted() {
    expect![[r##"
        #EXTM3U
        #EXT-X-VERSION:6
        #EXT-X-INDEPENDENT-SEGMENTS
        #EXT-X-TARGETDURATION:2
        #EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=12,HOLD-BACK=6,PART-HOLD-BACK=1.5
        #EXT-X-PART-INF:PART-TARGET=0.5
        #EXT-X-MEDIA-SEQUENCE:500000000
        #EXT-X-DISCONTINUITY-SEQUENCE:0
    "##]]
    .assert_eq(&format!(
        "{}\n",
        playlist(&channel(2, 1), hls::Extent::Whole).lines().take(8).collect::<Vec<_>>().join("\n")
    ));
    expect![[r##"
        #EXTINF:2,
        90000000000000.m4s
        #EXT-X-PART:DURATION=0.5,URI="90000000180000.0.m4s",INDEPENDENT=YES
        #EXT-X-PART:DURATION=0.5,URI="90000000180000.1.m4s"
        #EXT-X-PART:DURATION=0.5,URI="90000000180000.2.m4s"
        #EXT-X-PART:DURATION=0.5,URI="90000000180000.3.m4s"
        #EXTINF:2,
        90000000180000.m4s
        #EXT-X-PART:DURATION=0.5,URI="90000000360000.0.m4s",INDEPENDENT=YES
        #EXT-X-PRELOAD-HINT:TYPE=PART,URI="90000000360000.1.m4s"
    "##]]
    .assert_eq(&format!(
        "{}\n",
        playlist(&channel(2, 1), hls::Extent::Whole).lines().skip(10).collect::<Vec<_>>().join("\n")
    ));
}

#[test]
fn a_whole_segment_is_followed_by_a_hint_at_the_next_ones_first_part() {
    let text = playlist(&channel(3, 0), hls::Extent::Whole);
    assert!(text.ends_with("URI=\"90000000540000.0.m4s\"\n"), "{text}");
}

#[test]
fn a_delta_update_with_what_the_player_has_is_the_whole_playlist() {
    let timeline = channel(20, 2);
    let (base, _) = Playlist::read(&playlist(&channel(19, 3), hls::Extent::Whole)).expect("readable");
    let (delta, broken) = Playlist::read(&playlist(&timeline, hls::Extent::Delta)).expect("readable");
    assert_eq!(broken, []);
    assert_eq!((delta.version, delta.skipped), (9, Some(14)));
    let (whole, _) = Playlist::read(&playlist(&timeline, hls::Extent::Whole)).expect("readable");
    let applied = delta.applied_to(&base).expect("they fit");
    assert_eq!(applied.segments, whole.segments);
    assert_eq!((applied.open, applied.hint), (whole.open, whole.hint));
}

#[test]
fn nothing_is_skipped_of_a_short_playlist() {
    let text = playlist(&channel(5, 0), hls::Extent::Delta);
    assert_eq!(text, playlist(&channel(5, 0), hls::Extent::Whole));
}

#[test]
fn a_player_waits_for_what_comes_next_and_is_told_when_it_is_mistaken() {
    use Awaited::{Here, NotYet, TooFar};
    let timeline = channel(3, 2);
    let track = timeline.track(&name("720p")).expect("known");
    let last = track.segments().last().expect("listed").number;
    for (ahead, part, is) in [
        (-1_i64, None, Here),
        (0, None, Here),
        (0, Some(3), Here),
        // A part behind the last of its segment is the next one's first.
        (0, Some(4), Here),
        (0, Some(99), Here),
        (1, Some(0), Here),
        (1, Some(1), Here),
        (1, Some(2), NotYet),
        (1, None, NotYet),
        (2, Some(0), NotYet),
        (2, None, NotYet),
        // Three seconds of parts ahead at most.
        (1, Some(7), NotYet),
        (1, Some(8), TooFar),
        (2, Some(6), TooFar),
        (3, None, TooFar),
        (3, Some(0), TooFar),
        (i64::MAX / 2, None, TooFar),
    ] {
        let msn = last.checked_add_signed(ahead).expect("in range");
        assert_eq!(track.awaited(msn, part, PART_US), is, "{ahead} {part:?}");
    }
    assert_eq!(track.awaited(u64::MAX, Some(u64::MAX), PART_US), TooFar);
    assert_eq!(track.awaited(0, Some(u64::MAX), PART_US), Here);
}

#[test]
fn a_segment_after_a_break_is_listed_when_it_is_whole() {
    let mut timeline = channel(3, 0);
    let start = EPOCH_S * SCALE + 20 * SCALE;
    let part = Part { start, duration: SCALE / 2, independent: true };
    let now = Utc((EPOCH_S + 21) * 1_000_000);
    assert!(timeline.append_part(&name("720p"), start, part, now).is_none());
    let arrived = Arrived { start, duration: 2 * SCALE, bytes: 1_000 };
    timeline.append(&name("720p"), arrived, now).expect("in order");
    let text = playlist(&timeline, hls::Extent::Whole);
    assert!(text.contains("#EXT-X-DISCONTINUITY\n"), "{text}");
    let (read, broken) = Playlist::read(&text).expect("readable");
    assert_eq!(broken, []);
    assert_eq!(read.segments.last().map(|segment| segment.parts.len()), Some(0));
}

#[test]
fn a_standard_channel_has_no_word_of_parts() {
    let mut timeline = Timeline::new(shape(60));
    timeline.announce(&name("720p"), header("720p", 0)).expect("room");
    (0..3).for_each(|segment| finish(&mut timeline, segment));
    let part = Part { start: EPOCH_S * SCALE + 6 * SCALE, duration: SCALE / 2, independent: true };
    assert!(timeline.append_part(&name("720p"), part.start, part, Utc(0)).is_none());
    let text = playlist(&timeline, hls::Extent::Delta);
    for tag in ["PART", "SERVER-CONTROL", "PRELOAD", "SKIP", "REPORT"] {
        assert!(!text.contains(tag), "{tag}: {text}");
    }
    let mpd = dash::mpd(&timeline).expect("listed");
    assert!(!mpd.contains("availabilityTimeOffset") && mpd.contains("SegmentTimeline"), "{mpd}");
}

#[test]
fn the_mpd_tells_when_the_open_segment_can_be_asked_for() {
    let mpd = dash::mpd(&channel(3, 2)).expect("listed");
    for said in [
        "availabilityTimeOffset=\"1.5\" availabilityTimeComplete=\"false\"",
        "media=\"$RepresentationID$/slot-$Number$.m4s\"",
        "startNumber=\"500000000\"",
        "<Latency referenceId=\"0\" target=\"3000\"",
        "suggestedPresentationDelay=\"PT2.5S\"",
        "<ProducerReferenceTime id=\"0\" type=\"captured\" wallClockTime=\"2001-09-09T01:46:40.000Z\"",
    ] {
        assert!(mpd.contains(said), "{said} in {mpd}");
    }
    assert!(!mpd.contains("SegmentTimeline"), "{mpd}");
}

/// What happens to a channel of two rungs and a sound.
#[derive(Clone, Debug)]
enum Step {
    /// A part comes, this many frames long, or what is left of the segment; with the last the segment is whole.
    Part { track: usize, frames: i64 },
    /// The publisher is gone for seconds.
    Pause { seconds: i64 },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        100 => (0..3_usize, 13..=15_i64).prop_map(|(track, frames)| Step::Part { track, frames }),
        1 => (1..15_i64).prop_map(|slots| Step::Pause { seconds: slots * 2 }),
    ];
    proptest::collection::vec(step, 1..400)
}

const FRAMES_PER_S: i64 = 30;
const FRAMES_PER_SEGMENT: i64 = 60;

/// One track's publisher, cutting on the grid; times in frames.
#[derive(Clone, Copy, Default)]
struct Publisher {
    segment: i64,
    sent: i64,
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn however_parts_come_the_playlists_keep_the_rules(steps in steps()) {
        let names = ["720p", "360p", "audio"].map(name);
        let frames = names.each_ref().map(|name| {
            i64::from(header(name.as_str(), 0).timescale.ticks_per_second()) / FRAMES_PER_S
        });
        let mut timeline = Timeline::new(low(30));
        for track in &names {
            timeline.announce(track, header(track.as_str(), 0)).expect("room");
        }
        let mut publishers = [Publisher::default(); 3];
        let mut wholes = [(); 3].map(|()| Watch::default());
        let mut deltas = [(); 3].map(|()| Watch::default());
        for step in steps {
            match step {
                Step::Part { track, frames: longest } => {
                    // Nobody gets a segment ahead of the slowest; a rung that stays behind is another test.
                    let slowest = (0..3).min_by_key(|track| publishers[*track].segment).expect("three");
                    let ahead = publishers[track].segment > publishers[slowest].segment;
                    let track = if ahead { slowest } else { track };
                    let (publisher, frame, name) = (&mut publishers[track], frames[track], &names[track]);
                    let count = longest.min(FRAMES_PER_SEGMENT - publisher.sent);
                    let start = EPOCH_S * FRAMES_PER_S * frame + publisher.segment * frame;
                    let part = Part {
                        start: start + publisher.sent * frame,
                        duration: count * frame,
                        independent: publisher.sent == 0,
                    };
                    publisher.sent += count;
                    let now = EPOCH_S * FRAMES_PER_S + publisher.segment + publisher.sent;
                    let now = Utc(now * 100_000 / 3);
                    timeline.append_part(name, start, part, now);
                    if publisher.sent == FRAMES_PER_SEGMENT {
                        let arrived = Arrived { start, duration: FRAMES_PER_SEGMENT * frame, bytes: 1_000 };
                        timeline.append(name, arrived, now).expect("in order");
                        *publisher = Publisher { segment: publisher.segment + FRAMES_PER_SEGMENT, sent: 0 };
                    }
                }
                Step::Pause { seconds } => {
                    let latest = publishers.iter().map(|publisher| publisher.segment).max().expect("three");
                    publishers = [Publisher { segment: latest + seconds * FRAMES_PER_S, sent: 0 }; 3];
                }
            }
            for ((name, whole), delta) in names.iter().zip(&mut wholes).zip(&mut deltas) {
                let Some(text) = hls::media(&timeline, name, hls::Extent::Whole) else { continue };
                prop_assert_eq!(whole.look(&text).expect("readable"), vec![], "{}", text);
                // Who was there before asks for what changed.
                let extent = if delta.last().is_some() { hls::Extent::Delta } else { hls::Extent::Whole };
                let text = hls::media(&timeline, name, extent).expect("listed");
                prop_assert_eq!(delta.look(&text).expect("readable"), vec![], "{}", text);
                prop_assert_eq!(uris(whole), uris(delta));
            }
        }
    }
}

fn uris(watch: &Watch) -> Vec<&str> {
    watch.last().iter().flat_map(|last| &last.segments).map(|segment| segment.uri.as_str()).collect()
}
