//! What is wrong with a source, told once and counted always.

use std::fmt::Display;
use std::sync::Mutex;

use super::Pull;

/// Counts every fault, logs each kind when it begins, and once when all is well again.
pub(super) struct Told<'a> {
    pull: &'a Pull,
    /// The kind that was logged last, until a segment comes.
    trouble: Mutex<Option<&'static str>>,
}

impl<'a> Told<'a> {
    pub(super) fn new(pull: &'a Pull) -> Self {
        Self { pull, trouble: Mutex::new(None) }
    }

    pub(super) fn fault(&self, reason: &'static str, what: &dyn Display) {
        self.pull.metrics.fault(reason);
        let before = self.trouble.lock().expect("nothing panics while it holds a word").replace(reason);
        if before != Some(reason) {
            let url = &self.pull.from.url;
            tracing::warn!(channel = %self.pull.channel.name, %url, reason, "HLS source in trouble: {what}");
        }
    }

    /// A segment came whole.
    pub(super) fn segment(&self) {
        self.pull.metrics.segments.inc();
        if self.trouble.lock().expect("nothing panics while it holds a word").take().is_some() {
            tracing::info!(channel = %self.pull.channel.name, url = %self.pull.from.url, "HLS source is well again");
        }
    }
}
