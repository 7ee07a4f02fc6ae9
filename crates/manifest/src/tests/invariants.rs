//! What holds however segments come.

use std::collections::HashMap;

use media::Utc;
use proptest::prelude::*;

use crate::testing::{EPOCH_S, header, kept, shape};
use crate::{Arrived, Presence, Shape, Timeline, TrackName, hls};

/// Something that happens to a channel of three tracks.
#[derive(Clone, Debug)]
enum Step {
    /// The next segment of the track, after a pause in tenths of a second.
    Segment { track: usize, pause: i64 },
    /// The publisher connects again; other versions are other headers.
    Header { track: usize, version: u64 },
    /// All tracks leap forward by seconds.
    Leap { seconds: i64 },
    /// The origin restarts; the newest segments were not kept.
    Restart { tail: usize },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let segment = (0..3_usize, prop_oneof![20 => Just(0_i64), 1 => 0..60_i64])
        .prop_map(|(track, pause)| Step::Segment { track, pause });
    let step = prop_oneof![
        40 => segment,
        2 => (0..3_usize, 0..2_u64).prop_map(|(track, version)| Step::Header { track, version }),
        1 => (1..4_000_i64).prop_map(|seconds| Step::Leap { seconds }),
        1 => (0..3_usize).prop_map(|tail| Step::Restart { tail }),
    ];
    proptest::collection::vec(step, 1..300)
}

/// Remembers every number ever given out and checks each new state against it.
#[derive(Default)]
struct Witness {
    given_out: HashMap<(TrackName, u64), (i64, i64)>,
    periods: HashMap<(TrackName, u64), u64>,
    last_first: HashMap<TrackName, u64>,
}

impl Witness {
    fn look(&mut self, timeline: &Timeline) {
        for track in timeline.tracks() {
            let listed: Vec<_> = track.segments().collect();
            for pair in listed.windows(2) {
                assert_eq!(pair[0].number + 1, pair[1].number, "numbers are dense");
                assert!(pair[0].period <= pair[1].period, "periods rise");
                assert!(pair[0].start_us() < pair[1].start_us(), "times rise");
            }
            if let Some(first) = listed.first() {
                let before = self.last_first.insert(track.name().clone(), first.number);
                assert!(before <= Some(first.number), "the first number never falls");
            }
            for segment in listed {
                let key = (track.name().clone(), segment.number);
                if segment.presence == Presence::Lost {
                    continue;
                }
                let what = (segment.start_us(), segment.duration_us());
                let before = *self.given_out.entry(key.clone()).or_insert(what);
                assert_eq!(before, what, "a number names one segment for ever");
                let period = *self.periods.entry(key).or_insert(segment.period);
                assert_eq!(period, segment.period, "a segment stays in its period");
                let seconds = (segment.duration_us() + 500_000) / 1_000_000;
                assert!(seconds <= i64::from(timeline.target_s()), "none is over the target");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn numbers_are_dense_and_never_repeat(steps in steps(), lasts in 20..40_i64) {
        let names: Vec<TrackName> =
            ["720p", "360p", "audio"].iter().map(|n| n.parse().expect("a name")).collect();
        let mut timeline = Timeline::new(shape(30));
        let mut witness = Witness::default();
        let mut at = [EPOCH_S * 10; 3];
        let mut changed = timeline.changed();
        for (name, version) in names.iter().zip([0, 0, 0]) {
            timeline.announce(name, header(name.as_str(), version)).expect("room");
        }
        for step in steps {
            match step {
                Step::Segment { track, pause } => {
                    let start = at[track] + pause;
                    at[track] = start + lasts;
                    let scale = header(names[track].as_str(), 0).timescale;
                    let ticks = i64::from(scale.ticks_per_second()) / 10;
                    let arrived = Arrived { start: start * ticks, duration: lasts * ticks, bytes: 1_000 };
                    let before: Vec<_> = timeline.tracks().iter().map(|t| t.segments().len()).collect();
                    let update = timeline.append(&names[track], arrived, Utc(at[track] * 100_000));
                    let update = update.expect("in order");
                    let after: usize = timeline.tracks().iter().map(|t| t.segments().len()).sum();
                    let lost = timeline.tracks().iter().flat_map(|t| t.segments());
                    let lost = lost.filter(|s| s.presence == Presence::Lost && s.published == Utc(at[track] * 100_000)).count();
                    prop_assert!(
                        before.iter().sum::<usize>() + update.published.len() + lost >= after,
                        "nothing is listed unreported"
                    );
                    if update.published.is_empty() {
                        prop_assert_eq!(timeline.changed(), changed);
                    } else {
                        prop_assert!(timeline.changed() > changed);
                    }
                    for removed in &update.removed {
                        let track = timeline.track(&removed.track).expect("known");
                        prop_assert!(track.is_stalled() || track.segments().len() >= 1);
                    }
                    changed = timeline.changed();
                }
                Step::Header { track, version } => {
                    let name = &names[track];
                    timeline.announce(name, header(name.as_str(), version)).expect("room");
                }
                Step::Leap { seconds } => {
                    let latest = at.iter().max().expect("three") + seconds * 10;
                    at = [latest; 3];
                }
                Step::Restart { tail } => {
                    timeline = Timeline::restore(shape(30), kept(&timeline, tail)).expect("kept in order");
                    // What is listed goes back only as far as what was lost.
                    witness.last_first.clear();
                    changed = timeline.changed();
                    for (track, name) in names.iter().enumerate() {
                        let kept_to = timeline.track(name).and_then(|t| t.segments().last().map(|s| s.end_us()));
                        if let Some(kept_to) = kept_to {
                            at[track] = at[track].max(kept_to / 100_000);
                        }
                    }
                }
            }
            witness.look(&timeline);
        }
        for track in timeline.tracks() {
            let Some(text) = hls::media(&timeline, track.name(), hls::Extent::Whole) else { continue };
            let read = m3u8_rs::parse_media_playlist_res(text.as_bytes()).expect("m3u8-rs reads it");
            prop_assert_eq!(read.segments.len(), track.segments().len());
        }
    }

    #[test]
    fn tracks_of_one_publisher_stay_in_step(gone in 0..40_usize, lasts in 10..40_i64, rounds in 1..60_usize) {
        let names: Vec<TrackName> =
            ["720p", "360p", "audio"].iter().map(|n| n.parse().expect("a name")).collect();
        let mut timeline = Timeline::new(shape(30));
        for name in &names {
            timeline.announce(name, header(name.as_str(), 0)).expect("room");
        }
        let mut at = EPOCH_S * 10;
        for round in 0..rounds {
            if round == gone {
                at += 5_000;
            }
            for name in &names {
                let scale = header(name.as_str(), 0).timescale;
                let ticks = i64::from(scale.ticks_per_second()) / 10;
                let arrived = Arrived { start: at * ticks, duration: lasts * ticks, bytes: 1_000 };
                timeline.append(name, arrived, Utc(at * 100_000)).expect("in order");
                let numbers: Vec<_> = timeline
                    .tracks()
                    .iter()
                    .filter_map(|t| t.segments().last().map(|s| s.number))
                    .collect();
                if let (Some(least), Some(most)) = (numbers.iter().min(), numbers.iter().max()) {
                    prop_assert!(most - least <= 1, "one segment apart at most: {numbers:?}");
                }
            }
            at += lasts;
            let lists: Vec<Vec<_>> = timeline
                .tracks()
                .iter()
                .map(|t| t.segments().map(|s| (s.number, s.period, s.start_us())).collect())
                .collect();
            prop_assert_eq!(&lists[0], &lists[1]);
            prop_assert_eq!(&lists[0], &lists[2]);
        }
        let listed = timeline.tracks()[0].segments().len();
        prop_assert!(listed >= Shape::MIN_SEGMENTS.min(rounds));
    }
}
