//! How long an origin takes to answer, of late.

use std::time::Duration;

/// An estimate as TCP makes one of its peer, for the same question: when is silence a loss (RFC 6298 §2)?
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pace {
    /// Smoothed time to a head and its variation, once there was one.
    estimate: Option<(Duration, Duration)>,
}

impl Pace {
    /// A head came after `time`.
    pub(super) fn took(&mut self, time: Duration) {
        self.estimate = Some(match self.estimate {
            None => (time, time / 2),
            Some((smoothed, variation)) => {
                ((smoothed * 7 + time) / 8, (variation * 3 + smoothed.abs_diff(time)) / 4)
            }
        });
    }

    /// Hardly a head takes longer; `None` before the first.
    pub(super) fn limit(self) -> Option<Duration> {
        self.estimate.map(|(smoothed, variation)| smoothed * 2 + variation * 4)
    }
}
