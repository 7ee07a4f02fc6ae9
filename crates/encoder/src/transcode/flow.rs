//! What to do when encoding is slower than the source.

use std::time::{Duration, Instant};

use media::Utc;

/// Events older than this when they are taken up mean that encoding lags.
const LAGGING: Duration = Duration::from_millis(700);
/// Events younger than this mean that it keeps up.
const CAUGHT_UP: Duration = Duration::from_millis(150);
/// Beyond this age, or a segment where that is less, dropping most pictures has not helped.
const LOST: Duration = Duration::from_secs(3);
/// How often catching up must show progress.
const CHECK: Duration = Duration::from_secs(2);
/// The least share of real time that must be won back, as a divisor: a twentieth.
const LEAST_GAIN: i64 = 20;

/// How a live channel keeps up with its source.
///
/// ```text
/// CatchingUp --queue young--> Live --lagging--> Dropping --keeps up--> Live
///      `--no progress--> Skipping <--lost-- Dropping
///                            `--queue young--> Live
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    /// A replay is worked off; nothing is dropped while it shrinks.
    CatchingUp {
        /// When this began or last showed progress.
        since: Instant,
        /// How far behind the clock the picture was then, in microseconds.
        behind_us: Option<i64>,
    },
    /// In step.
    Live,
    /// Most new pictures are replaced by repeats, which cost little.
    Dropping,
    /// All are, until the queue is worked off.
    Skipping,
}

impl Flow {
    pub(crate) fn start(now: Instant) -> Self {
        Self::CatchingUp { since: now, behind_us: None }
    }

    /// The state after an event that waited for `age` was taken up. `shown` is the time of the latest picture, `segment` the
    /// length of one: the output is never later than that.
    pub(crate) fn after(
        self,
        age: Duration,
        segment: Duration,
        now: Instant,
        clock: Utc,
        shown: Option<Utc>,
    ) -> Self {
        match self {
            Self::CatchingUp { since, behind_us } => {
                let behind = shown.map(|shown| clock.0 - shown.0);
                if now.duration_since(since) < CHECK / 2 {
                    return Self::CatchingUp { since, behind_us: behind_us.or(behind) };
                }
                if age < CAUGHT_UP {
                    return Self::Live;
                }
                if now.duration_since(since) < CHECK {
                    return self;
                }
                let gain = CHECK.as_micros() as i64 / LEAST_GAIN;
                match (behind_us, behind) {
                    (Some(before), Some(behind)) if behind > before - gain => Self::Skipping,
                    _ => Self::CatchingUp { since: now, behind_us: behind },
                }
            }
            Self::Live if age > LAGGING => Self::Dropping,
            Self::Dropping if age > LOST.min(segment) => Self::Skipping,
            Self::Dropping | Self::Skipping if age < CAUGHT_UP => Self::Live,
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEGMENT: Duration = Duration::from_secs(6);

    #[test]
    fn a_short_lag_drops_pictures_and_a_long_one_jumps() {
        let now = Instant::now();
        let after = |flow: Flow, ms| flow.after(Duration::from_millis(ms), SEGMENT, now, Utc(0), None);
        assert_eq!(after(Flow::Live, 500), Flow::Live);
        assert_eq!(after(Flow::Live, 800), Flow::Dropping);
        assert_eq!(after(Flow::Dropping, 800), Flow::Dropping);
        assert_eq!(after(Flow::Dropping, 100), Flow::Live);
        assert_eq!(after(Flow::Dropping, 3_100), Flow::Skipping);
        let short =
            Flow::Dropping.after(Duration::from_millis(1_100), Duration::from_secs(1), now, Utc(0), None);
        assert_eq!(short, Flow::Skipping, "the output is never a segment late");
        assert_eq!(after(Flow::Skipping, 2_000), Flow::Skipping);
        assert_eq!(after(Flow::Skipping, 100), Flow::Live);
    }

    #[test]
    fn catching_up_goes_on_while_it_gains_and_jumps_when_it_does_not() {
        let begun = Instant::now();
        let old = Duration::from_secs(4);
        let second = Duration::from_secs(1);
        let run = |gain_percent: i64| {
            let mut flow = Flow::start(begun);
            let mut behind = 6_000_000;
            for step in 0..30 {
                let now = begun + second * step;
                flow = flow.after(old, SEGMENT, now, Utc(behind), Some(Utc(0)));
                behind -= 10_000 * gain_percent;
            }
            flow
        };
        assert!(matches!(run(20), Flow::CatchingUp { .. }));
        assert_eq!(run(2), Flow::Skipping);
        let flow = Flow::start(begun).after(Duration::ZERO, SEGMENT, begun + 2 * second, Utc(0), None);
        assert_eq!(flow, Flow::Live);
    }
}
