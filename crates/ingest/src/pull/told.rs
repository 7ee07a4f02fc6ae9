//! What is wrong with a source, told once and counted always.

use std::fmt::Display;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use tokio::time::Instant;

use super::Pull;

/// A source is well again once nothing was wrong with it for so long: one that falters is told once.
const WELL: Duration = Duration::from_secs(10);

/// Counts every fault, tells operators when trouble begins and once it is over, and logs each other kind between.
pub(super) struct Told<'a> {
    pull: &'a Pull,
    trouble: Mutex<Option<Trouble>>,
}

struct Trouble {
    /// The kind that was logged last.
    reason: &'static str,
    /// When something was wrong last.
    latest: Instant,
}

impl<'a> Told<'a> {
    pub(super) fn new(pull: &'a Pull) -> Self {
        Self { pull, trouble: Mutex::new(None) }
    }

    pub(super) fn fault(&self, reason: &'static str, what: &dyn Display) {
        self.pull.metrics.fault(reason);
        let before = self.trouble().replace(Trouble { reason, latest: Instant::now() });
        let (channel, url, event) = (&self.pull.channel.name, &self.pull.from, self.pull.from.trouble());
        match before {
            None => {
                self.pull.metrics.failed.set(1);
                tracing::warn!(event, state = "raised", %channel, reason, %url, "HLS source in trouble: {what}");
            }
            Some(before) if before.reason != reason => {
                tracing::warn!(%channel, %url, reason, "HLS source in trouble: {what}");
            }
            Some(_) => {}
        }
    }

    /// Counts what is no trouble.
    pub(super) fn count(&self, reason: &'static str) {
        self.pull.metrics.fault(reason);
    }

    /// A segment came whole.
    pub(super) fn segment(&self) {
        self.pull.metrics.segments.inc();
        self.well();
    }

    /// Nothing is wrong in this moment.
    pub(super) fn well(&self) {
        let over = self.trouble().take_if(|trouble| trouble.latest.elapsed() >= WELL);
        if over.is_some() {
            self.over("HLS source is well again");
        }
    }

    fn over(&self, how: &str) {
        self.pull.metrics.failed.set(0);
        let (channel, url, event) = (&self.pull.channel.name, &self.pull.from, self.pull.from.trouble());
        tracing::info!(event, state = "cleared", %channel, %url, "{how}");
    }

    fn trouble(&self) -> MutexGuard<'_, Option<Trouble>> {
        self.trouble.lock().expect("nothing panics while it holds a word")
    }
}

impl Drop for Told<'_> {
    fn drop(&mut self) {
        if self.trouble().take().is_some() {
            self.over("HLS source is no longer read");
        }
    }
}
