//! What an operator is told about a channel's source: each condition once when it begins, once when it is over, and a
//! metric meanwhile.
//!
//! An event is one log line with the fields `event` and `state` (`raised`, `cleared`; `happened` for what has no
//! length), so that logs as JSON can be followed by name.

use super::failover::{Reason, Side};
use super::monitor::SLOW_STEPS;
use crate::metrics::{Cause, ChannelFigures, InputFigures, Shown};

/// A source counts as back once its pictures came for this long, in nanoseconds.
const CLEAR_NS: i64 = 1_000_000_000;
/// Drift is told above the one and no longer below the other, in parts per million.
const DRIFT_RAISED_PPM: f64 = 200.0;
const DRIFT_CLEARED_PPM: f64 = 100.0;

/// The conditions of one channel.
#[derive(Debug)]
pub(crate) struct Alarms {
    figures: ChannelFigures,
    /// What stands in for the source now.
    shown: Option<Shown>,
    lost: bool,
    /// Since when the source's pictures are shown again.
    back_since_ns: Option<i64>,
    /// When the latest picture was shown, and how long after the one before.
    latest_ns: Option<i64>,
    step_ns: i64,
    drifts: bool,
    has_long_gop: bool,
    sound_drifts: bool,
}

impl Alarms {
    pub(crate) fn new(figures: &ChannelFigures) -> Self {
        figures.input_lost.set(0);
        figures.quality_step.set(0);
        Self {
            figures: figures.clone(),
            shown: None,
            lost: false,
            back_since_ns: None,
            latest_ns: None,
            step_ns: 0,
            drifts: false,
            has_long_gop: false,
            sound_drifts: false,
        }
    }

    /// Whether something else than the source's own pictures is shown.
    pub(crate) const fn hides_source(&self) -> bool {
        matches!(self.shown, Some(Shown::Black | Shown::Slate))
    }

    /// A frame stood in for the source's, which has been silent for `silent_ns`; `None`: it never came.
    pub(crate) fn filled(&mut self, shown: Shown, silent_ns: Option<i64>) {
        self.back_since_ns = None;
        if !self.lost && silent_ns.is_some_and(|silent| silent <= self.step_ns * SLOW_STEPS) {
            return;
        }
        if !self.lost {
            self.lost = true;
            self.figures.input_lost.set(1);
            let silent_ms = silent_ns.unwrap_or(0) / 1_000_000;
            tracing::warn!(event = "input_loss", state = "raised", silent_ms, "the source is lost");
        }
        if self.shown != Some(shown) {
            self.shown = Some(shown);
            tracing::warn!(event = "fill", state = "raised", shows = shown.as_str(), "filling");
        }
    }

    /// A picture of the source was shown.
    pub(crate) fn shown(&mut self, now_ns: i64) {
        if let Some(shown) = self.shown.take() {
            tracing::info!(event = "fill", state = "cleared", shows = shown.as_str(), "the source is shown");
        }
        let latest_ns = self.latest_ns.replace(now_ns);
        if !self.lost {
            self.step_ns = latest_ns.map_or(0, |latest_ns| now_ns - latest_ns);
            return;
        }
        if now_ns - *self.back_since_ns.get_or_insert(now_ns) >= CLEAR_NS {
            self.lost = false;
            self.step_ns = 0;
            self.back_since_ns = None;
            self.figures.input_lost.set(0);
            tracing::info!(event = "input_loss", state = "cleared", "the source is back");
        }
    }

    /// The source's times were laid on the output anew, moved by `by_ns`.
    pub(crate) fn jumped(&self, by_ns: i64) {
        self.figures.timestamp_jumps.inc();
        let by_ms = by_ns / 1_000_000;
        tracing::warn!(event = "timestamp_jump", state = "happened", by_ms, "the source's times moved");
    }

    /// So many steps of quality, of `deepest`, are given up because encoding is slower than real time.
    pub(crate) fn slow(&self, step: u8, deepest: u8) {
        self.figures.quality_step.set(step.into());
        match step {
            0 => {
                tracing::info!(event = "slow_encoder", state = "cleared", step, deepest, "full quality again")
            }
            _ => {
                tracing::warn!(event = "slow_encoder", state = "raised", step, deepest, "quality is given up")
            }
        }
    }

    /// `side` came with other formats than before.
    pub(crate) fn changed(&self, side: Side, [before, now]: &[String; 2]) {
        self.figures.input_changes.inc();
        let input = side.as_str();
        tracing::warn!(event = "input_changed", state = "happened", input, before, now, "another format");
    }

    /// The source's key frames are far apart, or no longer.
    pub(crate) fn long_gop(&mut self, is_long: bool) {
        if is_long == self.has_long_gop {
            return;
        }
        self.has_long_gop = is_long;
        self.figures.long_gop.set(is_long.into());
        let text = "no key frame for ten seconds: whoever joins or returns waits for one";
        match is_long {
            true => tracing::warn!(event = "long_gop", state = "raised", "{text}"),
            false => tracing::info!(event = "long_gop", state = "cleared", "key frames come again"),
        }
    }

    /// The source's sound has run `late_ms` from its own times.
    pub(crate) fn sound_drifts(&mut self, is_over: bool, late_ms: i64) {
        self.figures.av_drift_ms.set(late_ms);
        if is_over == self.sound_drifts {
            return;
        }
        self.sound_drifts = is_over;
        let state = if is_over { "raised" } else { "cleared" };
        tracing::warn!(event = "av_drift", state, late_ms, "the source's sound runs from its own times");
    }

    /// The source's clock runs fast by `ppm`.
    pub(crate) fn drifts(&mut self, ppm: f64) {
        self.figures.drift_ppm.set(ppm);
        let bound = if self.drifts { DRIFT_CLEARED_PPM } else { DRIFT_RAISED_PPM };
        if (ppm.abs() > bound) == self.drifts {
            return;
        }
        self.drifts = !self.drifts;
        let (state, ppm) = (if self.drifts { "raised" } else { "cleared" }, ppm.round());
        tracing::warn!(event = "clock_drift", state, ppm, "the source's clock runs differently");
    }
}

/// The conditions of a channel's two inputs.
#[derive(Debug)]
pub(crate) struct InputAlarms {
    figures: InputFigures,
    faults: [Option<Cause>; 2],
}

impl InputAlarms {
    /// `first` is shown to begin with.
    pub(crate) fn new(figures: InputFigures, first: Side) -> Self {
        figures.active[first.index()].set(1);
        Self { figures, faults: [None; 2] }
    }

    /// `side` has this fault, or none.
    pub(crate) fn faults(&mut self, side: Side, fault: Option<Cause>) {
        let before = std::mem::replace(&mut self.faults[side.index()], fault);
        if before == fault {
            return;
        }
        let input = side.as_str();
        let gauges = &self.figures.faults[side.index()];
        if let Some(cause) = before {
            gauges[cause as usize].set(0);
            let cause = cause.as_str();
            tracing::info!(
                event = "input_fault",
                state = "cleared",
                input,
                cause,
                "an input's fault is over"
            );
        }
        if let Some(cause) = fault {
            gauges[cause as usize].set(1);
            let cause = cause.as_str();
            tracing::warn!(event = "input_fault", state = "raised", input, cause, "an input has a fault");
        }
    }

    /// `to` is shown now.
    pub(crate) fn went_over(&self, to: Side, reason: Reason) {
        self.figures.active[to.index()].set(1);
        self.figures.active[to.other().index()].set(0);
        self.figures.failovers[reason.index()].inc();
        let (from, to, reason) = (to.other().as_str(), to.as_str(), reason.as_str());
        tracing::warn!(event = "failover", state = "happened", from, to, reason, "another input is shown");
    }
}

#[cfg(test)]
mod tests {
    use super::super::frame_sync::{Arrival, FrameSync};
    use super::*;
    use crate::metrics::TranscodeMetrics;

    const MS: i64 = 1_000_000;

    #[test]
    fn a_loss_is_raised_once_and_cleared_when_pictures_came_for_a_second() {
        let figures = TranscodeMetrics::default().channel("c");
        let mut alarms = Alarms::new(&figures);
        alarms.filled(Shown::Slate, None);
        assert_eq!(figures.input_lost.get(), 1);
        assert!(alarms.hides_source());
        for n in 0..31 {
            alarms.shown(n * 33 * MS);
            assert_eq!(figures.input_lost.get(), i64::from(n < 31), "{n}");
            assert!(!alarms.hides_source());
        }
        alarms.shown(1_001 * MS);
        assert_eq!(figures.input_lost.get(), 0);
    }

    #[test]
    fn a_slide_show_is_slow_and_not_lost() {
        let figures = TranscodeMetrics::default().channel("c");
        let mut alarms = Alarms::new(&figures);
        alarms.shown(0);
        alarms.shown(2_000 * MS);
        alarms.filled(Shown::Repeat, Some(1_900 * MS));
        assert_eq!(figures.input_lost.get(), 0);
        alarms.filled(Shown::Repeat, Some(4_100 * MS));
        assert_eq!(figures.input_lost.get(), 1);
    }

    #[test]
    fn a_clock_that_runs_wrong_is_told_while_it_does() {
        let figures = TranscodeMetrics::default().channel("c");
        let mut alarms = Alarms::new(&figures);
        let mut sync = FrameSync::new(media::Rational::whole(30));
        let (mut source_ns, mut told) = (0, Vec::new());
        // Ten minutes of a right clock, twenty of one that is half a thousandth fast, and a right one again.
        for half_second in 0..7_200 {
            let is_fast = (1_200..3_600).contains(&half_second);
            source_ns += 500 * MS + if is_fast { 250_000 } else { 0 };
            let arrival = Arrival { now_ns: half_second * 500 * MS, next_ns: None, more_waits: false };
            sync.place(source_ns, arrival);
            let before = alarms.drifts;
            alarms.drifts(sync.drift_ppm());
            if alarms.drifts != before {
                told.push((half_second / 120, alarms.drifts, figures.drift_ppm.get() > 150.0));
            }
        }
        let minutes: Vec<_> = told.iter().map(|(_, drifts, is_much)| (*drifts, *is_much)).collect();
        assert_eq!(minutes, [(true, true), (false, false)], "{told:?}");
        assert!(
            (11..=14).contains(&told[0].0),
            "in the minutes that it takes to tell a clock from a network: {told:?}"
        );
    }

    #[test]
    fn drift_is_told_with_some_distance_between_raise_and_clear() {
        let mut alarms = Alarms::new(&TranscodeMetrics::default().channel("c"));
        let mut told = |ppm| {
            alarms.drifts(ppm);
            alarms.drifts
        };
        assert_eq!([150.0, -250.0, -150.0, 90.0].map(&mut told), [false, true, true, false]);
    }
}
