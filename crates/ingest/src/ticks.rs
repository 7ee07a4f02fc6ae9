//! Ticks that many publishers share.

use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::Instant;

/// Wakes everyone who follows it every `period`, on one timer; stands still while nobody does.
#[derive(Debug)]
pub(crate) struct Ticks {
    period: Duration,
    tick: watch::Sender<()>,
    followed: Notify,
}

impl Ticks {
    /// Ticks every `period`, which is not zero, once [`Self::run`] is polled.
    pub(crate) fn every(period: Duration) -> Self {
        Self { period, tick: watch::Sender::new(()), followed: Notify::new() }
    }

    /// How far apart ticks are.
    pub(crate) const fn period(&self) -> Duration {
        self.period
    }

    /// A receiver that changes at each tick, until it is dropped.
    pub(crate) fn follow(&self) -> watch::Receiver<()> {
        let ticks = self.tick.subscribe();
        self.followed.notify_one();
        ticks
    }

    /// Ticks for ever.
    pub(crate) async fn run(&self) {
        loop {
            if self.tick.receiver_count() == 0 {
                self.followed.notified().await;
                continue;
            }
            tokio::time::sleep_until(Instant::now() + self.period).await;
            self.tick.send_replace(());
        }
    }
}
