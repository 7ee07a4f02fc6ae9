//! Whether the wall clock was set while this runs. Nothing follows it: media goes on by the supervisor's own clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use daemon::EpochClock;
use media::Utc;

/// How often it is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// A step from one look to the next of more than this was no slewing; and so far off counts as wrong, in microseconds.
const STEP_US: i64 = 500_000;

/// How the wall clock stands, for the metrics page.
#[derive(Debug, Default)]
pub(crate) struct ClockFigures {
    offset_us: AtomicI64,
    steps: AtomicU64,
}

impl ClockFigures {
    /// As OpenMetrics text.
    pub(crate) fn text(&self) -> String {
        format!(
            "# HELP headwater_supervisor_clock_offset_seconds How far the wall clock is ahead of the clock media runs by\n\
             # TYPE headwater_supervisor_clock_offset_seconds gauge\n\
             headwater_supervisor_clock_offset_seconds {}\n\
             # HELP headwater_supervisor_clock_steps Times the wall clock was set\n\
             # TYPE headwater_supervisor_clock_steps counter\n\
             headwater_supervisor_clock_steps_total {}\n",
            self.offset_us.load(Ordering::Relaxed) as f64 / 1e6,
            self.steps.load(Ordering::Relaxed),
        )
    }
}

/// Looks at the wall clock for as long as this runs. Call inside a tokio runtime.
pub(crate) fn watch(clock: EpochClock) -> Arc<ClockFigures> {
    let figures = Arc::<ClockFigures>::default();
    let shared = figures.clone();
    tokio::spawn(async move {
        let mut wall = WallClock::default();
        loop {
            tokio::time::sleep(LOOK).await;
            let offset_us = Utc::from(SystemTime::now()).0 - clock.now().0;
            shared.offset_us.store(offset_us, Ordering::Relaxed);
            let offset_ms = offset_us / 1_000;
            match wall.look(offset_us) {
                None => {}
                Some(Told::Stepped { by_us }) => {
                    shared.steps.fetch_add(1, Ordering::Relaxed);
                    let by_ms = by_us / 1_000;
                    tracing::warn!(
                        event = "clock_step",
                        state = "raised",
                        by_ms,
                        offset_ms,
                        "the wall clock was set: media goes on by the clock it began with, until `headwater up` is started anew"
                    );
                }
                Some(Told::Right) => {
                    tracing::info!(
                        event = "clock_step",
                        state = "cleared",
                        offset_ms,
                        "the wall clock is right again"
                    );
                }
            }
        }
    });
    figures
}

/// What is to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// It was set, and is off now.
    Stepped { by_us: i64 },
    /// It is off no more.
    Right,
}

/// The wall clock, as its offsets from the media clock tell.
#[derive(Debug, Default)]
struct WallClock {
    offset_us: i64,
    is_off: bool,
}

impl WallClock {
    fn look(&mut self, offset_us: i64) -> Option<Told> {
        let by_us = offset_us - std::mem::replace(&mut self.offset_us, offset_us);
        let was_off = std::mem::replace(&mut self.is_off, offset_us.abs() > STEP_US);
        match (was_off, self.is_off) {
            (true, false) => Some(Told::Right),
            (_, true) if by_us.abs() > STEP_US => Some(Told::Stepped { by_us }),
            // Slewed so far over hours: told once.
            (false, true) => Some(Told::Stepped { by_us: offset_us }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_US: i64 = 3_600_000_000;

    #[test]
    fn each_step_is_told_once_and_the_way_back_too() {
        let mut wall = WallClock::default();
        let offsets = [0, 900, HOUR_US, HOUR_US + 40, -HOUR_US, -HOUR_US, 12, 12];
        let told: Vec<_> = offsets.map(|offset_us| wall.look(offset_us)).into_iter().flatten().collect();
        let stepped = |by_us| Told::Stepped { by_us };
        assert_eq!(told, [stepped(HOUR_US - 900), stepped(-2 * HOUR_US - 40), Told::Right]);
    }

    #[test]
    fn slewing_is_no_step_until_it_has_come_far() {
        let mut wall = WallClock::default();
        let told: Vec<_> = (0..1_000).filter_map(|second| wall.look(second * 1_000)).collect();
        assert_eq!(told, [Told::Stepped { by_us: 501_000 }]);
    }
}
