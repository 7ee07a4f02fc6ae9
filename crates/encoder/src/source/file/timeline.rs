//! One file's samples laid on the epoch, without a jump and with no sound beyond the pictures.
//!
//! ```text
//! file:    pictures 0..5 s, 900..905 s      sound 0..6 s, 900..906 s
//! laid:    line 0: 0..5 s, line 1: 5..10 s  sound 0..5 s,   5..10 s
//! ```
//! Times that belong together, those of one [`Line`], are moved by one offset. A line begins with the file, and where the times of its
//! leading track jump: there it goes on where the media before ended. Sound is held until there are pictures for its time, or until
//! it is known on which line it is; what is held at the file's end is left out.

use std::collections::VecDeque;
use std::mem;

use media::{Sample, TrackId};

/// A decode time so far behind the one before is a jump, in µs. Less is what multiplexers do.
const JUMP_BACK_US: i64 = 500_000;
/// A decode time so far ahead of all media that were read is a jump, in µs: nobody leaves a second of a file empty.
const JUMP_AHEAD_US: i64 = 1_000_000;
/// How far pictures go on before sound whose times jumped is laid without them, in µs: in transport streams one is up to
/// a second and a half before the other.
const ALONE_US: i64 = 3_000_000;
/// Most sound held, in samples (half a minute of AAC) and bytes. Beyond it what comes is left out.
const MAX_HELD: usize = 1_500;
const MAX_HELD_BYTES: usize = 8 << 20;
/// Lines that sound may be behind the pictures. Beyond it the oldest is forgotten.
const MAX_LINES: usize = 8;

/// Where a file's samples meet. Times are in µs, those of samples too.
#[derive(Debug)]
pub(super) struct Timeline {
    leader: TrackId,
    /// Where the leader's media end on the epoch so far.
    end_us: i64,
    /// The leader's latest decode time on the epoch.
    latest_us: i64,
    /// The newest is last; the first ones only while sound may be on them.
    lines: VecDeque<Line>,
    sound: Sound,
}

#[derive(Clone, Copy, Debug)]
struct Line {
    number: u64,
    offset_us: i64,
    /// On the epoch.
    begins_us: i64,
}

#[derive(Debug, Default)]
struct Sound {
    /// The number of the line it is on and its offset; `None` until there is one.
    on: Option<(u64, i64)>,
    /// Its times jumped when pictures ended there, and it waits for theirs to.
    waits_from_us: Option<i64>,
    /// Where what was read of it ends on the epoch.
    end_us: i64,
    /// With its time on the epoch where its line is known. Those come first.
    held: VecDeque<(Option<i64>, Sample)>,
    held_bytes: usize,
}

impl Timeline {
    /// A file that begins at `begins_us` on the epoch, with the first sample of the track that leads: its pictures, or its
    /// sound where it has none.
    pub(super) fn begin(leader: TrackId, begins_us: i64) -> Self {
        Self {
            leader,
            end_us: begins_us,
            latest_us: begins_us,
            lines: VecDeque::new(),
            sound: Sound { end_us: begins_us, ..Sound::default() },
        }
    }

    /// Where the leader's media end on the epoch so far: there the next file begins.
    pub(super) const fn end_us(&self) -> i64 {
        self.end_us
    }

    /// Takes the file's next sample, with its duration where it is known; what can be sent goes to `out`, in the order of
    /// its time. By how much the leader's times jumped, if they did.
    pub(super) fn push(&mut self, sample: Sample, out: &mut Vec<Sample>) -> Option<i64> {
        if sample.track == self.leader {
            return self.lead(sample, out);
        }
        match self.place(&sample) {
            Placed::At(at_us) if at_us < self.end_us => out.push(moved(sample, at_us)),
            Placed::At(at_us) => self.hold(Some(at_us), sample),
            Placed::Unknown => self.hold(None, sample),
            Placed::Nowhere => {}
        }
        None
    }

    fn lead(&mut self, sample: Sample, out: &mut Vec<Sample>) -> Option<i64> {
        let mut jump_us = None;
        let expected = |line: &Line| sample.dts.saturating_add(line.offset_us);
        let is_jump = |at_us: i64| {
            at_us < self.latest_us.saturating_sub(JUMP_BACK_US) || at_us > self.sound.reach_us(self.end_us)
        };
        let offset_us = match self.lines.back() {
            Some(line) if !is_jump(expected(line)) => line.offset_us,
            before => {
                jump_us = before.map(|line| expected(line).saturating_sub(self.latest_us));
                let number = before.map_or(0, |line| line.number + 1);
                let offset_us = self.end_us.saturating_sub(pts(&sample));
                if self.lines.len() == MAX_LINES {
                    self.lines.pop_front();
                }
                self.lines.push_back(Line { number, offset_us, begins_us: self.end_us });
                self.sound_follows(number, offset_us);
                offset_us
            }
        };
        let at_us = sample.dts.saturating_add(offset_us);
        self.latest_us = self.latest_us.max(at_us);
        let lasts_us = sample.duration.map_or(0, i64::from);
        self.end_us = self.end_us.max(pts(&sample).saturating_add(offset_us).saturating_add(lasts_us));
        self.wait_for_no_jump();
        self.release(at_us.saturating_add(1), out);
        out.push(moved(sample, at_us));
        self.release(self.end_us, out);
        jump_us
    }

    /// The pictures jumped, or begin. Sound that waited for it is on the new line, and what was held before has no pictures
    /// any more.
    fn sound_follows(&mut self, number: u64, offset_us: i64) {
        let sound = &mut self.sound;
        if sound.on.is_some() && sound.waits_from_us.is_none() {
            return sound.keep(|_| false);
        }
        sound.keep(|at_us| at_us.is_none());
        sound.lay(number, offset_us, self.end_us, self.end_us);
    }

    /// The pictures go on as before. Sound that waits had only paused, where they have come near its time by now; else it
    /// is laid without them.
    fn wait_for_no_jump(&mut self) {
        let (Some(since_us), Some((number, offset_us))) = (self.sound.waits_from_us, self.sound.on) else {
            return;
        };
        let first = self.sound.held.iter().find(|(at_us, _)| at_us.is_none());
        let Some(first_us) = first.map(|(_, sample)| pts(sample)) else { return };
        let from_us = self.sound.end_us.saturating_sub(JUMP_BACK_US);
        let near_us = from_us..=self.end_us.saturating_add(JUMP_AHEAD_US);
        if near_us.contains(&first_us.saturating_add(offset_us)) {
            let begins_us = self.lines.back().map_or(from_us, |line| line.begins_us);
            self.sound.lay(number, offset_us, from_us.max(begins_us), self.end_us);
        } else if self.end_us.saturating_sub(since_us) > ALONE_US {
            let offset_us =
                self.sound.end_us.max(since_us.saturating_sub(JUMP_AHEAD_US)).saturating_sub(first_us);
            // Silence has taken the time of what lies before.
            self.sound.lay(number, offset_us, self.end_us.saturating_sub(JUMP_BACK_US), self.end_us);
        }
    }

    /// Where a sample of sound belongs.
    fn place(&mut self, sample: &Sample) -> Placed {
        let (Some((mut number, mut offset_us)), None) = (self.sound.on, self.sound.waits_from_us) else {
            return Placed::Unknown;
        };
        let time_us = pts(sample);
        let stays = time_us.saturating_add(offset_us).abs_diff(self.sound.end_us);
        let far = |line: &Line| time_us.saturating_add(line.offset_us).abs_diff(line.begins_us);
        let later =
            self.lines.iter().filter(|line| line.number > number).min_by_key(|line| far(line)).copied();
        match later {
            Some(line) if far(&line) < stays => (number, offset_us) = (line.number, line.offset_us),
            // The pictures jumped long ago and it did not.
            Some(line) if self.end_us.saturating_sub(line.begins_us) > ALONE_US => {
                number = self.lines.back().map_or(number, |line| line.number);
                offset_us = self.end_us.saturating_sub(time_us);
            }
            _ => {}
        }
        let at_us = time_us.saturating_add(offset_us);
        let begins = self.lines.iter().find(|line| line.number >= number).map(|line| line.begins_us);
        let least_us = match (later, begins) {
            (Some(_), Some(begins_us)) => begins_us.min(self.sound.end_us),
            _ => self.sound.end_us,
        };
        if at_us < least_us.saturating_sub(JUMP_BACK_US) || at_us > self.sound.reach_us(self.end_us) {
            self.sound.waits_from_us = Some(self.end_us);
            return Placed::Unknown;
        }
        self.sound.on = Some((number, offset_us));
        self.sound.end_us = at_us.saturating_add(sample.duration.map_or(0, i64::from));
        let begins = self.lines.iter().find(|line| line.number >= number).map(|line| line.begins_us);
        let ends = self.lines.iter().find(|line| line.number > number).map(|line| line.begins_us);
        let is_within = begins.is_none_or(|begins| at_us >= begins) && ends.is_none_or(|ends| at_us < ends);
        if is_within { Placed::At(at_us) } else { Placed::Nowhere }
    }

    fn hold(&mut self, at_us: Option<i64>, sample: Sample) {
        let size = sample.data.len();
        let is_full = |sound: &Sound| {
            sound.held.len() >= MAX_HELD || sound.held_bytes.saturating_add(size) > MAX_HELD_BYTES
        };
        // What lies long before the first picture is not played.
        while self.lines.is_empty() && is_full(&self.sound) {
            let Some((_, oldest)) = self.sound.held.pop_front() else { break };
            self.sound.held_bytes -= oldest.data.len();
        }
        if !is_full(&self.sound) {
            self.sound.held_bytes += size;
            self.sound.held.push_back((at_us, sample));
        }
    }

    /// Lets go what is held from before `until_us`.
    fn release(&mut self, until_us: i64, out: &mut Vec<Sample>) {
        while let Some((Some(at_us), _)) = self.sound.held.front()
            && *at_us < until_us
            && let (at_us, Some((_, sample))) = (*at_us, self.sound.held.pop_front())
        {
            self.sound.held_bytes -= sample.data.len();
            out.push(moved(sample, at_us));
        }
    }
}

/// Where sound belongs.
enum Placed {
    /// To this time on the epoch.
    At(i64),
    /// That is not known yet.
    Unknown,
    /// To a time without pictures.
    Nowhere,
}

impl Sound {
    /// It is on this line, and so is what waited; of that what lies before `from_us` or far beyond it all is left out.
    fn lay(&mut self, number: u64, offset_us: i64, from_us: i64, pictures_end_us: i64) {
        (self.on, self.waits_from_us) = (Some((number, offset_us)), None);
        for (at_us, sample) in mem::take(&mut self.held) {
            let time_us = at_us.unwrap_or_else(|| pts(&sample).saturating_add(offset_us));
            let lies_within = (from_us..=self.reach_us(pictures_end_us)).contains(&time_us);
            if at_us.is_none() && lies_within {
                self.end_us = time_us.saturating_add(sample.duration.map_or(0, i64::from));
            }
            match at_us.is_some() || lies_within {
                true => self.held.push_back((Some(time_us), sample)),
                false => self.held_bytes -= sample.data.len(),
            }
        }
    }

    /// The latest time that is not a jump.
    fn reach_us(&self, pictures_end_us: i64) -> i64 {
        self.end_us.max(pictures_end_us).saturating_add(JUMP_AHEAD_US)
    }

    /// Holds on only to what `is_wanted`, by its time on the epoch.
    fn keep(&mut self, is_wanted: impl Fn(Option<i64>) -> bool) {
        self.held.retain(|(at_us, _)| is_wanted(*at_us));
        self.held_bytes = self.held.iter().map(|(_, sample)| sample.data.len()).sum();
    }
}

fn pts(sample: &Sample) -> i64 {
    sample.dts.saturating_add(sample.composition_offset.into())
}

/// The sample at its time; how long it lasts, the next one tells.
fn moved(sample: Sample, dts: i64) -> Sample {
    Sample { dts, duration: None, ..sample }
}

#[cfg(test)]
mod tests;
