//! How fast a channel is encoded.

use std::time::{Duration, Instant};

use crate::metrics::ChannelFigures;

/// The speed is told over at least this long.
const WINDOW: Duration = Duration::from_secs(2);

/// How fast media time passes.
#[derive(Debug, Default)]
pub(super) struct Speed {
    since: Option<(Instant, i64)>,
}

impl Speed {
    pub(super) fn tell(&mut self, time_ns: i64, figures: &ChannelFigures) {
        let now = Instant::now();
        let (then, from_ns) = *self.since.get_or_insert((now, time_ns));
        let passed = now.duration_since(then);
        if passed >= WINDOW {
            figures.speed.set((time_ns - from_ns) as f64 / passed.as_nanos() as f64);
            self.since = Some((now, time_ns));
        }
    }
}
