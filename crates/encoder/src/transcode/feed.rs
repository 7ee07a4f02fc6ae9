//! One input of a channel: its decoders, how it is, and what it would begin with if it were shown from now on.

use std::collections::VecDeque;

use ffmpeg::{Frame, Resampler};
use media::Sample;

use super::cuts::SOUND_RATE;
use super::input::{Decoded, Input};
use super::monitor::Monitor;
use super::sound::peak;
use crate::metrics::Cause;
use crate::source::{Event, InputTrack};

/// How far back what is kept reaches at least, in nanoseconds: further than a fault takes to be found, so that no frame
/// is missing when the other input takes over.
const REACH_NS: i64 = 1_000_000_000;
/// Most that is kept, in samples and bytes: ten seconds of 1080p60 at 12 Mbit/s. At the bound everything goes, and
/// keeping begins again at the next key frame.
const MAX_KEPT: usize = 2_048;
const MAX_KEPT_BYTES: usize = 16 << 20;

/// One input.
#[derive(Debug)]
pub(crate) struct Feed {
    pub(crate) input: Input,
    /// How it is; `None` where there is no other to go over to.
    pub(crate) monitor: Option<Monitor>,
    kept: Kept,
    /// What its tracks were when it last had some, for the log.
    formats: String,
    /// It is decoded, though not shown, to see when what was wrong with it is over.
    is_watched: bool,
    ears: Resampler,
}

impl Feed {
    pub(crate) fn new(failover: Option<&spec::Failover>) -> Self {
        Self {
            input: Input::default(),
            monitor: failover.map(Monitor::new),
            kept: Kept::default(),
            formats: String::new(),
            is_watched: false,
            ears: Resampler::new(SOUND_RATE),
        }
    }

    /// Opens the decoders of a new publisher or format.
    pub(crate) fn open(&mut self, input: Input) {
        self.input = input;
        self.kept.clear();
        self.is_watched = false;
        if let Some(monitor) = &mut self.monitor {
            monitor.forget();
        }
    }

    /// Takes note of its tracks; what they were before, where that was something else.
    pub(crate) fn comes_with(&mut self, tracks: &[InputTrack]) -> Option<[String; 2]> {
        let now: Vec<&str> = tracks.iter().map(|track| track.description.as_str()).collect();
        let now = now.join(", ");
        if now.is_empty() || now == self.formats {
            return None;
        }
        let before = std::mem::replace(&mut self.formats, now.clone());
        (!before.is_empty()).then_some([before, now])
    }

    /// Looks at a picture that was decoded, at `now_ns`.
    pub(crate) fn see(&mut self, frame: &Frame, now_ns: i64) {
        let Some(monitor) = &mut self.monitor else { return };
        monitor.heard(now_ns);
        if monitor.looks()
            && let Some(luma) = frame.luma_samples()
        {
            monitor.seen(&luma, now_ns);
        }
    }

    /// Listens to sound of this peak.
    pub(crate) fn listen(&mut self, peak: f32, now_ns: i64) {
        if let Some(monitor) = &mut self.monitor {
            monitor.listened(peak, now_ns);
        }
    }

    /// What is wrong with it.
    pub(crate) fn fault(&self, now_ns: i64) -> Option<Cause> {
        self.monitor.as_ref().and_then(|monitor| monitor.fault(now_ns))
    }

    /// What speaks against going over to it.
    pub(crate) fn fault_to_go_to(&self, now_ns: i64) -> Option<Cause> {
        self.monitor.as_ref().and_then(|monitor| monitor.fault_to_go_to(now_ns))
    }

    /// Keeps a sample, shown or not: an input that was left a moment ago may be shown again before its next key frame.
    pub(crate) fn keep(&mut self, sample: &Sample, now_ns: i64) {
        // Where there is no other input, none is left.
        if self.monitor.is_some() {
            let is_start = self.input.video_id().is_none_or(|id| id == sample.track && sample.sync);
            self.kept.push(sample.clone(), is_start, now_ns);
        }
    }

    /// Takes a sample, picture or sound while the other input is shown. Damage is passed over: it is told when it is
    /// seen.
    pub(crate) fn stand_by(&mut self, event: Event, now_ns: i64) {
        match event {
            Event::Sample(sample) => {
                if self.input.video_id().is_none_or(|id| id == sample.track)
                    && let Some(monitor) = &mut self.monitor
                {
                    monitor.heard(now_ns);
                }
                if self.is_watched {
                    self.watch(&sample, now_ns);
                }
                self.keep(&sample, now_ns);
            }
            Event::Picture { frame, .. } => self.see(&frame, now_ns),
            Event::Sound { left, right, .. } => self.listen(peak(&left, &right), now_ns),
            Event::Ended(_) => self.open(Input::default()),
            Event::Tracks(_) | Event::Fault(_) => {}
        }
    }

    fn watch(&mut self, sample: &Sample, now_ns: i64) {
        let mut decoded = Decoded::default();
        let _ = self.input.decode(sample, &mut decoded);
        for (_, frame) in decoded.pictures {
            self.see(&frame, now_ns);
        }
        for (_, _, frame) in decoded.sounds.into_iter().filter(|(rendition, ..)| *rendition == 0) {
            let (mut left, mut right) = (Vec::new(), Vec::new());
            if self.ears.convert(&frame, &mut left, &mut right).is_ok() {
                self.listen(peak(&left, &right), now_ns);
            }
        }
    }

    /// It is shown no more. After `cause`, which only its content can tell to be over, it is watched.
    pub(crate) fn leave(&mut self, cause: Option<Cause>) {
        self.is_watched = cause.is_some_and(|cause| cause != Cause::Loss);
        if cause == Some(Cause::Loss) {
            // What comes after a loss may not follow what came before it.
            self.kept.clear();
        }
        if !self.is_watched {
            self.unwatch();
        }
    }

    /// Nothing is wrong with its content any more: it is only kept.
    pub(crate) fn unwatch(&mut self) {
        self.is_watched = false;
        self.input.restart();
        if let Some(monitor) = &mut self.monitor {
            monitor.forget();
        }
    }

    pub(crate) const fn is_watched(&self) -> bool {
        self.is_watched
    }

    /// It is shown from now on: what it brought lately, from a key frame on, with the times of arrival. A watched one
    /// goes on where its decoders are.
    pub(crate) fn enter(&mut self) -> VecDeque<(Sample, i64)> {
        if std::mem::take(&mut self.is_watched) {
            return VecDeque::new();
        }
        if let Some(monitor) = &mut self.monitor {
            monitor.forget();
        }
        self.kept.samples.clone()
    }
}

/// Coded samples from a key frame on.
#[derive(Debug, Default)]
struct Kept {
    samples: VecDeque<(Sample, i64)>,
    bytes: usize,
    /// Samples dropped so far: the number of the first that is kept.
    first: u64,
    /// Numbers of those a decoder can start at, with their arrival.
    starts: VecDeque<(u64, i64)>,
}

impl Kept {
    fn push(&mut self, sample: Sample, is_start: bool, now_ns: i64) {
        if self.samples.len() >= MAX_KEPT || self.bytes + sample.data.len() > MAX_KEPT_BYTES {
            self.clear();
        }
        if is_start {
            self.starts.push_back((self.first + self.samples.len() as u64, now_ns));
        }
        if self.starts.is_empty() {
            return;
        }
        self.bytes += sample.data.len();
        self.samples.push_back((sample, now_ns));
        while let Some((start, arrived_ns)) = self.starts.get(1).copied()
            && now_ns - arrived_ns >= REACH_NS
        {
            self.starts.pop_front();
            let gone = (start - self.first) as usize;
            self.bytes -= self.samples.drain(..gone).map(|(sample, _)| sample.data.len()).sum::<usize>();
            self.first = start;
        }
    }

    fn clear(&mut self) {
        self.first += self.samples.len() as u64;
        self.samples.clear();
        self.starts.clear();
        self.bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use media::TrackId;
    use proptest::prelude::*;

    use super::*;

    const MS: i64 = 1_000_000;

    fn sample(bytes: usize) -> Sample {
        Sample {
            track: TrackId(0),
            dts: 0,
            composition_offset: 0,
            duration: None,
            sync: false,
            data: Bytes::from(vec![0; bytes]),
        }
    }

    #[test]
    fn a_second_is_kept_from_a_key_frame_on() {
        let mut kept = Kept::default();
        for n in 0..300 {
            kept.push(sample(10), n % 60 == 5, n * 33 * MS);
        }
        // Key frames at 245 and 185: the newer is 1.8 s old.
        let times: Vec<i64> = kept.samples.iter().map(|(_, arrived)| arrived / MS / 33).collect();
        assert_eq!(times, (245..300).collect::<Vec<_>>());
    }

    #[test]
    fn a_group_too_large_is_given_up_until_the_next_key_frame() {
        let mut kept = Kept::default();
        kept.push(sample(10), true, 0);
        kept.push(sample(MAX_KEPT_BYTES), false, MS);
        assert!(kept.samples.is_empty(), "it cannot be decoded without its key frame");
        kept.push(sample(10), false, 2 * MS);
        assert!(kept.samples.is_empty());
        kept.push(sample(10), true, 3 * MS);
        assert_eq!(kept.samples.len(), 1);
    }

    proptest! {
        #[test]
        fn what_is_kept_begins_at_a_key_frame_and_is_bounded(
            steps in proptest::collection::vec((any::<bool>(), 0..400_000_usize, 0..500_i64), 0..400),
        ) {
            let (mut kept, mut now) = (Kept::default(), 0);
            for (is_start, bytes, wait) in steps {
                now += wait * MS;
                kept.push(sample(bytes), is_start, now);
                prop_assert!(kept.bytes <= MAX_KEPT_BYTES && kept.samples.len() <= MAX_KEPT);
                prop_assert_eq!(kept.bytes, kept.samples.iter().map(|(sample, _)| sample.data.len()).sum::<usize>());
                prop_assert_eq!(kept.samples.is_empty(), kept.starts.is_empty());
                if let Some((start, _)) = kept.starts.front() {
                    prop_assert_eq!(*start, kept.first);
                }
            }
        }
    }
}
