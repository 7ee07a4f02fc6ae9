//! How an input is: whether it comes, and whether there is anything to see and hear.

use ffmpeg::LumaSamples;
use spec::{Failover, Latency};

use crate::metrics::Cause;

/// An input that has just come back is well once it came for this long, in nanoseconds.
const ALIVE_NS: i64 = 300_000_000;
/// A picture moves where samples differ by this much on average, or one by that much, of 255. Coding a still again
/// differs by less.
const MOVED_MEAN: f64 = 0.6;
const MOVED_ONE: u8 = 24;
/// A black picture may have so many brighter samples in a thousand: a logo, a clock.
const BRIGHT_PERMILLE: usize = 10;
/// A silence of so many of an input's own steps is no loss yet: it is slow.
pub(super) const SLOW_STEPS: i64 = 2;

/// Watches one input. Times are the channel's clock, in nanoseconds.
#[derive(Debug)]
pub(crate) struct Monitor {
    loss_ns: i64,
    black_ns: Option<i64>,
    silence_ns: Option<i64>,
    frozen_ns: Option<i64>,
    /// Brightest black luma, of 255.
    black_luma: u8,
    /// Loudest silence, as a share of full scale.
    silence_peak: f32,
    /// Since when it comes without a gap, when it came last, and the step before that.
    alive_since_ns: i64,
    heard_ns: Option<i64>,
    step_ns: i64,
    /// When its content was looked at first and last, and was last not black, moving, loud.
    seen_from_ns: Option<i64>,
    seen_ns: i64,
    bright_ns: i64,
    moved_ns: i64,
    loud_ns: i64,
    /// The picture that later ones are compared with.
    reference: Option<LumaSamples>,
}

impl Monitor {
    pub(crate) fn new(settings: &Failover) -> Self {
        let ns = |ms: u32| i64::from(ms) * 1_000_000;
        Self {
            // Also where a loss is no reason to leave an input: a lost one is none to go over to.
            loss_ns: ns(settings.loss_ms.unwrap_or(Failover::loss_ms_of(Latency::Standard))),
            black_ns: settings.black_ms.map(ns),
            silence_ns: settings.silence_ms.map(ns),
            frozen_ns: settings.frozen_ms.map(ns),
            black_luma: (settings.black_permille * 255 / 1_000) as u8,
            silence_peak: 10_f32.powf(settings.silence_dbfs as f32 / 20.0),
            alive_since_ns: 0,
            heard_ns: None,
            step_ns: 0,
            seen_from_ns: None,
            seen_ns: 0,
            bright_ns: 0,
            moved_ns: 0,
            loud_ns: 0,
            reference: None,
        }
    }

    /// Whether pictures must be looked at.
    pub(crate) const fn looks(&self) -> bool {
        self.black_ns.is_some() || self.frozen_ns.is_some()
    }

    /// A picture, coded or not, came.
    pub(crate) fn heard(&mut self, now_ns: i64) {
        match self.heard_ns {
            // What was kept is decoded later than it came.
            Some(heard_ns) if now_ns < heard_ns => return,
            Some(heard_ns) if now_ns - heard_ns < self.patience_ns() => self.step_ns = now_ns - heard_ns,
            Some(_) | None => {
                self.alive_since_ns = now_ns;
                self.step_ns = 0;
            }
        }
        self.heard_ns = Some(now_ns);
    }

    /// A picture was decoded that looks like this.
    pub(crate) fn seen(&mut self, luma: &LumaSamples, now_ns: i64) {
        self.begin(now_ns);
        self.seen_ns = now_ns;
        let bright = luma.0.iter().filter(|sample| **sample > self.black_luma).count();
        if bright * 1_000 > luma.0.len() * BRIGHT_PERMILLE {
            self.bright_ns = now_ns;
        }
        if self.reference.as_ref().is_none_or(|reference| moved(reference, luma)) {
            self.moved_ns = now_ns;
            self.reference = Some(luma.clone());
        }
    }

    /// Sound of this peak, as a share of full scale, was decoded.
    pub(crate) fn listened(&mut self, peak: f32, now_ns: i64) {
        self.begin(now_ns);
        if peak > self.silence_peak {
            self.loud_ns = now_ns;
        }
    }

    /// From now on nobody looks at its content, or somebody does afresh: what is not seen is not judged.
    pub(crate) fn forget(&mut self) {
        self.seen_from_ns = None;
        self.reference = None;
    }

    /// What is wrong at `now_ns`; `None` where it is well.
    pub(crate) fn fault(&self, now_ns: i64) -> Option<Cause> {
        let Some(heard_ns) = self.heard_ns else { return Some(Cause::Loss) };
        if now_ns - heard_ns >= self.patience_ns() {
            return Some(Cause::Loss);
        }
        self.seen_from_ns?;
        let lasts = |threshold: Option<i64>, until_ns: i64, since_ns: i64| {
            threshold.is_some_and(|threshold| until_ns - since_ns >= threshold)
        };
        if lasts(self.black_ns, self.seen_ns, self.bright_ns) {
            Some(Cause::Black)
        } else if lasts(self.silence_ns, now_ns, self.loud_ns) {
            Some(Cause::Silence)
        } else if lasts(self.frozen_ns, self.seen_ns, self.moved_ns) {
            Some(Cause::Frozen)
        } else {
            None
        }
    }

    /// As [`Self::fault`], for an input that is to be gone over to: it must have come for a moment.
    pub(crate) fn fault_to_go_to(&self, now_ns: i64) -> Option<Cause> {
        let came_ns = self.heard_ns.map_or(0, |heard_ns| heard_ns - self.alive_since_ns);
        if came_ns < ALIVE_NS { Some(Cause::Loss) } else { self.fault(now_ns) }
    }

    /// Since when it comes without a gap.
    pub(crate) const fn alive_since_ns(&self) -> i64 {
        self.alive_since_ns
    }

    const fn patience_ns(&self) -> i64 {
        let slow = self.step_ns * SLOW_STEPS;
        if slow > self.loss_ns { slow } else { self.loss_ns }
    }

    fn begin(&mut self, now_ns: i64) {
        if self.seen_from_ns.is_none() {
            self.seen_from_ns = Some(now_ns);
            (self.seen_ns, self.bright_ns, self.moved_ns, self.loud_ns) = (now_ns, now_ns, now_ns, now_ns);
        }
    }
}

fn moved(reference: &LumaSamples, luma: &LumaSamples) -> bool {
    let pairs = || reference.0.iter().zip(&luma.0).map(|(one, other)| one.abs_diff(*other));
    let sum: u64 = pairs().map(u64::from).sum();
    sum as f64 / luma.0.len() as f64 > MOVED_MEAN || pairs().any(|difference| difference > MOVED_ONE)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;

    fn monitor() -> Monitor {
        Monitor::new(&Failover {
            black_ms: Some(1_000),
            silence_ms: Some(1_000),
            frozen_ms: Some(2_000),
            loss_ms: Some(200),
            ..Failover::default()
        })
    }

    /// The first fault of an input of 30 pictures a second that looks and sounds so at each, and its time in ms.
    fn first_fault(luma: impl Fn(i64) -> [u8; 4], peak: f32) -> Option<(Cause, i64)> {
        let mut monitor = monitor();
        (0..300).find_map(|n| {
            let now = n * 1_000 * MS / 30;
            monitor.heard(now);
            monitor.seen(&LumaSamples(luma(n).to_vec()), now);
            monitor.listened(peak, now);
            monitor.fault(now).map(|cause| (cause, now / MS))
        })
    }

    #[test]
    fn each_fault_is_found_after_its_time_and_a_good_input_has_none() {
        let moving = |n: i64| [(n * 7 % 200) as u8, 90, 100, 30];
        assert_eq!(first_fault(moving, 0.1), None);
        assert_eq!(first_fault(|n| [2, (n % 3) as u8, 1, 0], 0.1), Some((Cause::Black, 1_000)));
        assert_eq!(first_fault(moving, 0.003), Some((Cause::Silence, 1_000)));
        // A still that is coded again and again.
        assert_eq!(first_fault(|n| [90, 91 - (n % 2) as u8, 80, 60], 0.1), Some((Cause::Frozen, 2_000)));
    }

    #[test]
    fn what_hardly_moves_still_moves_and_a_dark_film_is_not_black() {
        assert_eq!(first_fault(|n| [40 + (n / 30) as u8 * 3, 30, 20, 50], 0.1), None);
        assert_eq!(first_fault(|n| [9, 3, 12, (n % 15) as u8], 0.1), None);
    }

    #[test]
    fn what_was_held_back_and_comes_all_at_once_is_no_return() {
        for loss_ms in [200, 350, 1_000] {
            let mut monitor = Monitor::new(&Failover { loss_ms: Some(loss_ms), ..Failover::default() });
            (0..100).for_each(|n| monitor.heard(n * 33 * MS));
            assert_eq!(monitor.fault_to_go_to(4_500 * MS), Some(Cause::Loss));
            (0..20).for_each(|n| monitor.heard((5_000 + n / 10) * MS));
            for ms in (5_002..7_000).step_by(10) {
                assert_eq!(monitor.fault_to_go_to(ms * MS), Some(Cause::Loss), "{ms}, {loss_ms}");
            }
        }
    }

    #[test]
    fn a_loss_is_silence_that_is_longer_than_the_input_s_own_pace() {
        let mut monitor = monitor();
        assert_eq!(monitor.fault(0), Some(Cause::Loss), "it never came");
        monitor.heard(0);
        monitor.heard(33 * MS);
        assert_eq!(monitor.fault(232 * MS), None);
        assert_eq!(monitor.fault(233 * MS), Some(Cause::Loss));
        // One that comes back is not gone over to at its first picture.
        monitor.heard(5_000 * MS);
        assert_eq!(monitor.fault(5_100 * MS), None);
        assert_eq!(monitor.fault_to_go_to(5_100 * MS), Some(Cause::Loss));
        monitor.heard(5_180 * MS);
        monitor.heard(5_300 * MS);
        assert_eq!(monitor.fault_to_go_to(5_310 * MS), None);
        // Every 150 ms: a slow one.
        monitor.heard(5_450 * MS);
        assert_eq!(monitor.fault(5_700 * MS), None);
    }
}
