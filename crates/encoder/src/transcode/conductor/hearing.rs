//! Sound goes beside the pictures: shifted as they are, and no further than they are.

use ffmpeg::Frame;

use super::Conductor;
use crate::transcode::TranscodeError;
use crate::transcode::cadence::frame_time_ns;
use crate::transcode::cuts::SOUND_RATE;
use crate::transcode::sound::Expect;
use crate::transcode::track::Sink;

/// Blocks of sound that may wait for the first picture (some ten seconds of AAC); the oldest goes first.
const MAX_WAITING_SOUND: usize = 512;

/// A block of sound; `at` in samples since the epoch.
pub(super) enum Heard {
    Decoded { frame: Frame, at: i64 },
    Raw { left: Vec<f32>, right: Vec<f32>, at: i64 },
}

impl<S: Sink + 'static> Conductor<S> {
    /// Lays sound on its line, shifted as the pictures are; until a picture tells by how much, it waits.
    pub(super) fn hear(&mut self, heard: Heard) {
        let Some(shift_ns) = self.shift_ns else {
            if self.waiting_sound.len() >= MAX_WAITING_SOUND {
                self.waiting_sound.pop_front();
            }
            self.waiting_sound.push_back(heard);
            return;
        };
        let shift = samples_at(shift_ns);
        let outcome = match heard {
            Heard::Decoded { frame, at } => self.sound.push_frame(&frame, at + shift),
            Heard::Raw { left, right, at } => {
                self.sound.push_samples(&left, &right, at + shift);
                Ok(())
            }
        };
        if let Err(fault) = outcome {
            self.count_fault(fault);
        }
    }

    /// Encodes sound up to where the picture is.
    pub(super) fn encode_sound(&mut self) -> Result<(), TranscodeError> {
        let Some(run) = &self.run else { return Ok(()) };
        let shown = frame_time_ns(run.cadences[0].1.next(), self.cuts.slowest());
        // Raw sources send sound beside pictures without having announced tracks.
        let expect =
            if self.input.has_audio() || !self.input.has_video() { Expect::Sound } else { Expect::Silence };
        self.sound.encode_until(samples_at(shown), expect)
    }
}

/// Nanoseconds to samples of the output's sound, to the nearest.
pub(super) const fn samples_at(time_ns: i64) -> i64 {
    let scaled = time_ns as i128 * SOUND_RATE as i128 * 2 + 1_000_000_000;
    scaled.div_euclid(2_000_000_000) as i64
}
