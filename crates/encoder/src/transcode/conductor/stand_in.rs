//! Frames whose pictures have not come.

use std::time::{Duration, Instant};

use ffmpeg::Colour;
use wire::Content;

use super::super::cadence::{frame_time_ns, nearest_frame};
use super::super::fill::Shown;
use super::super::flow::Flow;
use super::super::track::Sink;
use super::super::{Pace, Start, TranscodeError};
use super::{
    AT_NEXT_CUT, COMPARE, Conductor, FILL_STRETCH_NS, GIVEN_UP_NS, LOOK, MOST_BACK_NS, START_WAIT_NS,
};

impl<S: Sink + 'static> Conductor<S> {
    /// How long the source may be waited for.
    pub(super) fn wait(&self, now: Instant) -> Duration {
        let Some(next_ns) = self.output.next_ns().filter(|_| self.settings.pace == Pace::Live) else {
            return self.look();
        };
        let left_ns = self.due_ns(next_ns) - self.nanoseconds_at(now);
        Duration::from_nanos(u64::try_from(left_ns).unwrap_or(0)).min(self.look())
    }

    const fn look(&self) -> Duration {
        if self.failover.is_some() { COMPARE } else { LOOK }
    }

    fn due_ns(&self, next_ns: i64) -> i64 {
        let is_catching_up = matches!(self.flow, Flow::CatchingUp { .. });
        self.patience.due(next_ns, self.heard_ns, is_catching_up)
    }

    /// Shows what stands in for the source at every frame that is due at `now`, when nothing waits to be taken.
    pub(super) fn fill(&mut self, now: Instant) -> Result<(), TranscodeError> {
        if self.settings.pace == Pace::Offline {
            return Ok(());
        }
        let now_ns = self.nanoseconds_at(now);
        self.began_ns.get_or_insert(now_ns);
        if matches!(self.flow, Flow::Dropping | Flow::Skipping) {
            tracing::info!("encoding keeps up with the source");
            self.flow = Flow::Live;
        }
        let next_ns = match self.output.next_ns() {
            Some(next_ns) => next_ns,
            None => match self.begin_on_slate(now_ns)? {
                Some(next_ns) => next_ns,
                None => return Ok(()),
            },
        };
        if now_ns < self.due_ns(next_ns) {
            return Ok(());
        }
        if now_ns - next_ns > GIVEN_UP_NS {
            let behind_ms = (now_ns - next_ns) / 1_000_000;
            tracing::warn!(behind_ms, "the output is far behind the clock: jumping to the live edge");
            self.start = Start::Slot(AT_NEXT_CUT);
            return self.end_run();
        }
        let until_ns = self.patience.until(now_ns).min(next_ns + FILL_STRETCH_NS);
        self.fill_until(until_ns)?;
        let silent_ns = self.heard_ns.map(|heard_ns| now_ns - heard_ns);
        let last_ns = self.last.as_ref().map(|(_, at_ns)| *at_ns);
        self.alarms.filled(self.schedule.at(until_ns, last_ns), silent_ns);
        self.encode_sound(now_ns)
    }

    /// Begins a run without a source, once it has been waited for; the first frame's time.
    fn begin_on_slate(&mut self, now_ns: i64) -> Result<Option<i64>, TranscodeError> {
        if self.began_ns.is_none_or(|began_ns| now_ns - began_ns < START_WAIT_NS) {
            return Ok(None);
        }
        let slowest = self.output.cuts.slowest();
        let latest = nearest_frame(self.patience.until(now_ns), slowest);
        let first = match self.start {
            // The slate is there at any time: a whole segment of it is what a player can have soonest.
            Start::Now => {
                let cut = self.output.cuts.frame(self.output.cuts.slot_of_frame(latest, slowest));
                let oldest = nearest_frame(frame_time_ns(latest, slowest) - MOST_BACK_NS, slowest);
                cut.max(oldest).max(self.output.ended_at())
            }
            Start::Slot(AT_NEXT_CUT) => {
                self.start = Start::Slot(self.output.cuts.slot_of_frame(latest, slowest) + 1);
                return Ok(None);
            }
            Start::Slot(slot) => self.output.cuts.frame(slot).max(self.output.ended_at()),
        };
        if first > latest {
            return Ok(None);
        }
        tracing::info!("no source yet: beginning on slate");
        self.begin_run(first, Colour::BT709)?;
        Ok(Some(frame_time_ns(first, slowest)))
    }

    /// Fills a hole that a source's own times leave before its picture at `at_ns`, where it is longer than frames wait.
    pub(super) fn fill_hole(&mut self, at_ns: i64) -> Result<(), TranscodeError> {
        let until_ns = at_ns - frame_time_ns(2, self.output.cuts.slowest());
        match self.output.next_ns() {
            Some(next_ns) if self.patience.until(until_ns) > next_ns => self.fill_until(until_ns),
            _ => Ok(()),
        }
    }

    fn fill_until(&mut self, until_ns: i64) -> Result<(), TranscodeError> {
        let Some(stills) = &self.still_pictures else { return Ok(()) };
        let (schedule, last, figures) = (self.schedule, &self.last, &self.figures);
        let last_ns = last.as_ref().map(|(_, at_ns)| *at_ns);
        let shown = |time_ns| schedule.at(time_ns, last_ns);
        let next = self.output.next_frame().unwrap_or(0);
        let slowest = self.output.cuts.slowest();
        let filled = self.output.fill(until_ns, |time_ns| {
            let shown = shown(time_ns);
            let content = match shown {
                Shown::Repeat => Content::Repeat,
                Shown::Black | Shown::Slate => Content::Fill,
            };
            (stills.of(shown, last.as_ref().map(|(picture, _)| picture)).clone(), content)
        })?;
        for index in next..next + filled {
            figures.fill_frames[shown(frame_time_ns(index, slowest)) as usize].inc();
        }
        self.speed.tell(until_ns, figures);
        Ok(())
    }
}
