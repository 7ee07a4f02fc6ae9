//! Two inputs: which is shown, and what becomes of the other.

use std::time::Instant;

use spec::Latency;

use super::super::TranscodeError;
use super::super::failover::{Reason, Side};
use super::super::frame_sync::FrameSync;
use super::super::input::{Decoded, Input};
use super::super::track::Sink;
use super::{Conductor, START_WAIT_NS};
use crate::source::{Event, InputTrack};

impl<S: Sink + 'static> Conductor<S> {
    /// Opens the decoders of an input's tracks.
    pub(super) fn open(&self, tracks: &[InputTrack]) -> Input {
        // A decoder on several threads holds a frame back for each.
        let cores = match self.settings.latency {
            Latency::Standard => self.settings.cores,
            Latency::Low { .. } => 1,
        };
        let input = Input::open(tracks, &self.settings.audio, self.output.fastest(), cores, &self.figures);
        if !input.has_video() {
            tracing::warn!("the source has no pictures that can be decoded: waiting for some");
        } else if !input.has_audio() {
            tracing::warn!("the source has no sound that can be decoded: the track is silent");
        }
        input
    }

    pub(super) fn faulty(&self, reason: &str) {
        self.figures.source_faults.inc();
        tracing::warn!("{reason}");
    }

    /// Takes an event of the input that is not shown.
    pub(super) fn stand_by(&mut self, side: Side, event: Event, arrived_ns: i64) {
        match event {
            Event::Tracks(tracks) => {
                if let Some(formats) = self.feeds[side.index()].comes_with(&tracks) {
                    self.alarms.changed(side, &formats);
                }
                let input = self.open(&tracks);
                self.feeds[side.index()].open(input);
            }
            Event::Fault(reason) => self.faulty(&reason),
            event => {
                if let Event::Ended(reason) = &event {
                    tracing::info!(input = side.as_str(), "the source ended: {reason}");
                }
                if self.feeds[side.index()].is_watched() {
                    self.settings.pulse.decodes(side.into());
                }
                self.feeds[side.index()].stand_by(event, arrived_ns);
            }
        }
    }

    /// Looks at both inputs, and goes over to the other one where it should be shown.
    pub(super) fn compare(&mut self, now: Instant) -> Result<(), TranscodeError> {
        let now_ns = self.nanoseconds_at(now);
        let has_waited = self.began_ns.is_some_and(|began_ns| now_ns - began_ns >= START_WAIT_NS);
        let Some((failover, alarms)) = self.failover.as_mut().filter(|_| has_waited) else { return Ok(()) };
        let from = failover.active();
        let [shown, other] = [from, from.other()].map(|side| &self.feeds[side.index()]);
        let (fault, against) = (shown.fault(now_ns), other.fault_to_go_to(now_ns));
        // What an input held back when it was cut may come seconds later, all at once: that is no return.
        alarms.faults(from, shown.fault_to_go_to(now_ns));
        alarms.faults(from.other(), against);
        let reason = failover.look(now_ns, fault, against, self.settings.selector.chosen());
        if let Some(reason) = reason {
            alarms.went_over(from.other(), reason);
            return self.go_over(from.other(), reason, now_ns);
        }
        // An input that will not be shown again by itself need not be decoded once it is well.
        if against.is_none() && failover.is_content(from) && self.feeds[from.other().index()].is_watched() {
            self.feeds[from.other().index()].unwatch();
        }
        Ok(())
    }

    /// Shows `side` from the output's next frame on.
    fn go_over(&mut self, side: Side, reason: Reason, now_ns: i64) -> Result<(), TranscodeError> {
        let cause = match reason {
            Reason::Fault(cause) => Some(cause),
            Reason::Clear | Reason::Chosen => None,
        };
        self.feeds[side.other().index()].leave(cause);
        self.sync = FrameSync::new(self.output.cuts.slowest());
        self.waiting_sound.clear();
        self.sound_heard_ns = now_ns;
        self.looked_at_anew();
        let feed = &mut self.feeds[side.index()];
        feed.input.tell(&self.figures);
        self.back_since_ns = feed.monitor.as_ref().map(|monitor| monitor.alive_since_ns());
        let mut kept = feed.enter();
        self.settings.pulse.decodes(side.into());
        // Pictures whose frames have been shown are passed over while others follow them.
        while let Some((sample, arrived_ns)) = kept.pop_front() {
            let mut decoded = Decoded::default();
            if let Err(fault) = self.feed().input.decode(&sample, &mut decoded) {
                self.count_fault(fault);
            }
            self.show(decoded, arrived_ns, !kept.is_empty())?;
        }
        Ok(())
    }
}
