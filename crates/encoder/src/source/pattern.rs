//! The built-in source: a moving test pattern with a clock, a flash and a beep, on the epoch.
//!
//! Made as raw pictures and sound, so it costs no decoding. Everything on it is a function of the frame's time, so
//! that any piece of it can be made again, and whoever sees it can tell when it was made:
//!
//! - The **UTC clock** in large digits, `HH:MM:SS.mmm`: the time of the frame, rounded down to the millisecond.
//! - The **strip**, for programs: the bottom [`STRIP_SHARE`]th of the picture's rows, 48 cells of equal width,
//!   white for 1 and black for 0. The first 42 are the frame's UTC milliseconds since the epoch, the highest bit at
//!   the left; the last 6 check them: the exclusive or of the seven groups of 6 data bits, and of `101010`.
//!   Cell `i` covers `i × width / 48` to `(i + 1) × width / 48`; read the middle. [`read_strip`] does.
//! - The **flash**: a block at the upper right, 13/16 to 15/16 of the width and 1/8 to 3/8 of the height, white on the
//!   two frames at and after each whole second, else black.
//! - The **beep**: 1 kHz for 100 ms from each whole second on, on both channels.
//! - Colour bars, a grey ramp, and a ball that crosses it in four seconds, so that encoders have something to do.

use std::time::{Duration, Instant};

use daemon::{Drain, EpochClock};
use ffmpeg::Frame;
use media::{MediaTime, Rational, Timescale, Utc};

use crate::source::{Closed, Event, Sender};

pub(crate) mod font;
mod picture;
mod strip;

pub use picture::Painter;
pub use strip::{STRIP_SHARE, read_strip};

/// The beep: samples of its length at 48 kHz, and of one of its waves.
const BEEP_SAMPLES: i64 = 4_800;
const WAVE_SAMPLES: i64 = 48;
/// Loudness of the beep, of full scale.
const BEEP_LEVEL: f32 = 0.4;
const SOUND_RATE: i64 = 48_000;
/// Behind by more than this, the pattern leaves frames out: whoever takes them is too slow.
const LATE: Duration = Duration::from_millis(500);
/// Behind by less than this, a replay has caught up.
const CAUGHT_UP: Duration = Duration::from_millis(100);
/// How often a replay must have won back [`LEAST_GAIN`].
const CHECK: Duration = Duration::from_secs(2);
const LEAST_GAIN: Duration = Duration::from_millis(100);
/// Longest sleep before the drain is looked at again.
const NAP: Duration = Duration::from_millis(100);

/// What the pattern looks like.
#[derive(Clone, Debug)]
pub struct Pattern {
    /// Width, even, at least 320.
    pub width: u32,
    /// Height, even, at least 180.
    pub height: u32,
    /// Frames per second.
    pub frame_rate: Rational,
    /// Drawn under the clock.
    pub name: String,
}

impl Pattern {
    /// Sends the pattern in real time until the drain or until nobody receives it. `from`: begin there, as fast as it
    /// is taken, until the clock is reached. Blocks: give it a thread.
    pub fn run(
        &self,
        clock: &EpochClock,
        from: Option<Utc>,
        sender: &Sender,
        drain: &Drain,
    ) -> Result<(), ffmpeg::Error> {
        let mut painter = Painter::new(self)?;
        let at = |index: i64| frame_utc(index, self.frame_rate);
        let now = || next_frame(clock.now(), self.frame_rate);
        let mut index = from.map_or_else(now, |from| next_frame(from, self.frame_rate));
        let mut replay = from.map(|_| (Instant::now(), Duration::MAX));
        while !drain.is_requested() {
            let due = clock.instant_of(at(index));
            let late = Instant::now().saturating_duration_since(due);
            if let Some((checked, before)) = replay {
                if late < CAUGHT_UP {
                    replay = None;
                } else if checked.elapsed() > CHECK {
                    replay = (late + LEAST_GAIN < before).then(|| (Instant::now(), late));
                }
            } else if late > LATE {
                index = now();
                continue;
            }
            let wait = due.saturating_duration_since(Instant::now());
            if !wait.is_zero() {
                std::thread::sleep(wait.min(NAP));
                if wait > NAP {
                    continue;
                }
            }
            if self.send(index, &mut painter, sender)?.is_err() {
                return Ok(());
            }
            index += 1;
        }
        Ok(())
    }

    /// Sends frames `from..until` with their sound, as fast as they are taken.
    pub fn send_frames(
        &self,
        frames: std::ops::Range<i64>,
        sender: &Sender,
    ) -> Result<Result<(), Closed>, ffmpeg::Error> {
        let mut painter = Painter::new(self)?;
        for index in frames {
            if self.send(index, &mut painter, sender)?.is_err() {
                return Ok(Err(Closed));
            }
        }
        Ok(Ok(()))
    }

    fn send(
        &self,
        index: i64,
        painter: &mut Painter,
        sender: &Sender,
    ) -> Result<Result<(), Closed>, ffmpeg::Error> {
        let frame: Frame = painter.paint(index)?;
        let ticks = index * i64::from(self.frame_rate.frame_ticks());
        let time = MediaTime::new(ticks, self.frame_rate.frame_timescale());
        let at = first_sample(index, self.frame_rate);
        let sound = beep(at..first_sample(index + 1, self.frame_rate));
        let sound = Event::Sound { left: sound.clone(), right: sound, at };
        Ok(sender.send_blocking(sound).and_then(|()| sender.send_blocking(Event::Picture { frame, time })))
    }
}

/// The date of frame `index`, rounded down to the microsecond.
pub(crate) const fn frame_utc(index: i64, rate: Rational) -> Utc {
    Utc::of(MediaTime::new(index * rate.frame_ticks() as i64, rate.frame_timescale()))
}

/// The first frame at or after `utc`.
pub fn next_frame(utc: Utc, rate: Rational) -> i64 {
    let ticks = media::rescale_ceil(utc.0, Timescale::MICROS, rate.frame_timescale());
    let frame = i64::from(rate.frame_ticks());
    ticks.div_euclid(frame) + i64::from(ticks.rem_euclid(frame) > 0)
}

/// Whether the flash is on in frame `index`.
pub(crate) fn is_flash(index: i64, rate: Rational) -> bool {
    let second = frame_utc(index, rate).0.div_euclid(1_000_000) * 1_000_000;
    (0..2).contains(&(index - next_frame(Utc(second), rate)))
}

fn first_sample(index: i64, rate: Rational) -> i64 {
    let time = index as i128 * i128::from(rate.den()) * i128::from(SOUND_RATE);
    time.div_euclid(i128::from(rate.num())) as i64
}

/// The sound of samples `range` of the epoch.
fn beep(range: std::ops::Range<i64>) -> Vec<f32> {
    let sample = |at: i64| {
        let into = at.rem_euclid(SOUND_RATE);
        let turn = (into % WAVE_SAMPLES) as f32 / WAVE_SAMPLES as f32 * std::f32::consts::TAU;
        if into < BEEP_SAMPLES { turn.sin() * BEEP_LEVEL } else { 0.0 }
    };
    range.map(sample).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Utc = Utc(1_795_219_200_000_000);

    #[test]
    fn flash_and_beep_begin_at_the_whole_second() {
        for rate in [Rational::whole(30), Rational::whole(25), Rational::whole(60)] {
            let first = next_frame(NOW, rate);
            assert_eq!(frame_utc(first, rate), NOW);
            let flashes: Vec<i64> = (first - 2..first + 5).filter(|index| is_flash(*index, rate)).collect();
            assert_eq!(flashes, [first, first + 1], "{rate}");
            let at = first_sample(first, rate);
            assert_eq!(at, 1_795_219_200 * 48_000);
            let sound = beep(at - 100..at + 5_000);
            assert!(sound[..=100].iter().all(|sample| *sample == 0.0));
            assert!(sound[101] > 0.0 && sound[4_890..4_900].iter().any(|sample| *sample != 0.0));
            assert!(sound[4_900..].iter().all(|sample| *sample == 0.0));
        }
    }

    #[test]
    fn a_ntsc_second_flashes_within_a_frame_of_the_beep() {
        let rate = Rational::new(30_000, 1_001).expect("positive");
        let from = next_frame(NOW, rate);
        let flashes = (from..from + 30_000).filter(|index| is_flash(*index, rate)).count();
        assert_eq!(flashes, 2 * 1_001);
    }

    #[test]
    fn sound_is_contiguous_at_every_rate() {
        for rate in [Rational::whole(24), Rational::new(60_000, 1_001).expect("positive")] {
            let first = next_frame(NOW, rate);
            let samples: usize = (first..first + 1_000)
                .map(|index| beep(first_sample(index, rate)..first_sample(index + 1, rate)).len())
                .sum();
            assert_eq!(samples as i64, first_sample(first + 1_000, rate) - first_sample(first, rate));
        }
    }
}
