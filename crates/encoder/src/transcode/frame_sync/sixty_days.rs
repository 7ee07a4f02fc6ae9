//! Sixty days of a channel on a clock that the test turns: from a publisher's counters, which wrap, over the epoch's line to
//! numbered frames with their sound.

use media::{Anchor, Unwrap, Utc};

use super::super::cadence::{Cadence, Place};
use super::super::fill::Patience;
use super::super::output::samples_at;
use super::*;

const SECOND: i64 = 1_000_000_000;
const MS: i64 = 1_000_000;
const HOUR: i64 = 3_600 * SECOND;
const SIXTY_DAYS: i64 = 60 * 24 * HOUR;
/// 2026-11-21.
const START: i64 = 1_795_219_200 * SECOND;
/// A picture, with its sound, so often; the frames between show it again.
const STEP: i64 = 4 * SECOND;
const RATE: Rational = Rational::whole(30);
/// How far apart multiplexers put the sound and the picture of one instant.
const DISORDER_MS: i64 = 3_000;

/// The output, and what came of it.
struct Channel {
    sync: FrameSync,
    cadence: Cadence,
    heard: Option<i64>,
    jumps: u64,
    /// Most that a picture lay from its sound, and the output from the clock.
    lip_sync_ns: i64,
    off_clock_ns: i64,
}

impl Channel {
    fn start() -> Self {
        Self {
            sync: FrameSync::new(RATE),
            cadence: Cadence::new(RATE, nearest_frame(START, RATE)),
            heard: None,
            jumps: 0,
            lip_sync_ns: 0,
            off_clock_ns: 0,
        }
    }

    fn next_ns(&self) -> i64 {
        frame_time_ns(self.cadence.next(), RATE)
    }

    /// Fills the frames that nobody waits for any longer.
    fn pass(&mut self, now_ns: i64) {
        let patience = Patience::new(spec::Latency::Standard);
        if now_ns >= patience.due(self.next_ns(), self.heard, false) {
            let until = nearest_frame(patience.until(now_ns), RATE);
            self.cadence.repeat((until - self.cadence.next()).max(1));
        }
        self.off_clock_ns = self.off_clock_ns.max((self.next_ns() - now_ns).abs());
    }

    /// Shows a picture and lays its sound, of epoch times, beside it.
    fn show(&mut self, picture_ns: i64, sound_ns: i64, now_ns: i64) {
        self.heard = Some(now_ns);
        let arrival = Arrival { now_ns, next_ns: Some(self.next_ns()), more_waits: false };
        let at = match self.sync.place(picture_ns, arrival) {
            Placed::At(at) => at,
            Placed::Jumped { at_ns, .. } => {
                self.jumps += 1;
                at_ns
            }
            Placed::Late => panic!("late at {now_ns}"),
        };
        let before = self.cadence.next();
        let Place::Show { index, fill } = self.cadence.place(at) else { panic!("left out at {now_ns}") };
        assert_eq!(index - fill, before, "no number is left out, and none is there twice");
        let shift_ns = self.sync.shift_ns().expect("placed above");
        let heard = i128::from(samples_at(sound_ns + shift_ns));
        let heard_ns = (heard * i128::from(SECOND) / 48_000) as i64;
        self.lip_sync_ns = self.lip_sync_ns.max((frame_time_ns(index, RATE) - heard_ns).abs());
    }
}

/// A channel whose publishers stay for `session_ns` each. Their clock has `hz` and runs `ppm` fast, their counters hold
/// `WRAP` values and begin anywhere. Returns how often those wrapped.
fn live<const WRAP: i64>(hz: i64, ppm: i64, session_ns: i64) -> i64 {
    let mut channel = Channel::start();
    let (mut began_ns, mut latest, mut wraps) = (START, Utc(0), 0);
    let mut seed = 7_u64;
    while began_ns < START + SIXTY_DAYS {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let first = (seed >> 8) as i64 % WRAP;
        let mut line = Unwrap::<WRAP>::default();
        let mut anchor = Anchor::after(latest).with_disorder(DISORDER_MS);
        channel.sync = FrameSync::new(RATE);
        let mut ticks = first;
        let steps = session_ns.min(START + SIXTY_DAYS - began_ns) / STEP;
        for step in 0..steps {
            let own_ns = step * STEP;
            let network_ns = step * 7_919 % 41 * MS;
            let now_ns = began_ns + own_ns - own_ns / 1_000_000 * ppm + network_ns;
            channel.pass(now_ns);
            // The sound of an instant comes a second behind its picture in the stream.
            let mut place = |own_ns: i64| {
                ticks = first + own_ns / MS * hz / 1_000;
                let placed = anchor.place(line.next(ticks % WRAP) * 1_000 / hz, Utc(now_ns / 1_000));
                assert_eq!(placed.jump_ms, None, "{hz} Hz, {ppm} ppm, at {now_ns}");
                placed.time.0 * 1_000
            };
            let picture_ns = place(own_ns);
            let sound_ns = place((own_ns - SECOND).max(0)) + SECOND.min(own_ns);
            channel.show(picture_ns, sound_ns, now_ns);
        }
        wraps += ticks / WRAP;
        latest = anchor.latest();
        // Gone for five seconds.
        let lasted_ns = steps * STEP;
        began_ns += lasted_ns - lasted_ns / 1_000_000 * ppm + 5 * SECOND;
    }
    let what = format!("{hz} Hz, {ppm} ppm, sessions of {} h", session_ns / HOUR);
    assert_eq!(channel.jumps, 0, "{what}");
    assert!(channel.lip_sync_ns < frame_time_ns(1, RATE), "{what}: {} ms", channel.lip_sync_ns / MS);
    assert!(channel.off_clock_ns < 6 * SECOND, "{what}: {} ms", channel.off_clock_ns / MS);
    wraps
}

#[test]
fn sixty_days_of_rtmp_are_one_timeline() {
    assert!(live::<{ 1 << 32 }>(1_000, 500, SIXTY_DAYS) >= 1);
    live::<{ 1 << 32 }>(1_000, -500, 7 * HOUR + 13 * SECOND);
}

#[test]
fn sixty_days_of_a_transport_stream_are_one_timeline() {
    assert!(live::<{ 1 << 33 }>(90_000, -500, SIXTY_DAYS) >= 54);
    live::<{ 1 << 33 }>(90_000, 500, 31 * HOUR + 7 * SECOND);
}

#[test]
fn sixty_days_of_rtp_are_one_timeline() {
    assert!(live::<{ 1 << 32 }>(90_000, 500, SIXTY_DAYS) >= 108);
    live::<{ 1 << 32 }>(90_000, -500, 13 * HOUR + 14 * SECOND);
}
