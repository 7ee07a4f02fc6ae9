//! When to stop.

use std::io::{self, Read};
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Resolves when the process should finish what it has in flight and end.
#[derive(Clone, Debug)]
pub struct Drain {
    requested: watch::Receiver<bool>,
    /// Keeps the sender alive where nobody else does.
    _trigger: Arc<watch::Sender<bool>>,
}

/// Asks every clone of its [`Drain`] to stop.
#[derive(Clone, Debug)]
pub struct Trigger(Arc<watch::Sender<bool>>);

impl Drain {
    /// A drain that only its trigger starts.
    pub fn manual() -> (Self, Trigger) {
        let (sender, requested) = watch::channel(false);
        let sender = Arc::new(sender);
        (Self { requested, _trigger: sender.clone() }, Trigger(sender))
    }

    /// A drain that SIGTERM or SIGINT starts. Call inside a tokio runtime.
    pub fn on_signal() -> Self {
        let (drain, trigger) = Self::manual();
        tokio::spawn(async move {
            let mut terminate = signal(SignalKind::terminate()).expect("SIGTERM can be handled");
            let mut interrupt = signal(SignalKind::interrupt()).expect("SIGINT can be handled");
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            trigger.start();
        });
        drain
    }

    /// As [`Self::on_signal`], and also when standard input ends: the supervisor holds the other end, so no role
    /// outlives it, however it went.
    pub fn on_signal_or_orphaned() -> io::Result<Self> {
        let drain = Self::on_signal();
        let trigger = Trigger(drain._trigger.clone());
        std::thread::Builder::new().name("parent-watch".into()).spawn(move || {
            let mut sink = [0_u8; 64];
            let mut input = std::io::stdin().lock();
            while matches!(input.read(&mut sink), Ok(1..)) {}
            trigger.start();
        })?;
        Ok(drain)
    }

    /// Resolves once stopping was asked for; at once if it was already.
    pub async fn requested(&self) {
        let mut requested = self.requested.clone();
        // The sender lives in `self`, so waiting cannot fail.
        let _ = requested.wait_for(|requested| *requested).await;
    }

    /// Whether stopping was asked for.
    pub fn is_requested(&self) -> bool {
        *self.requested.borrow()
    }
}

impl Trigger {
    /// Starts the drain; again does nothing.
    pub fn start(&self) {
        self.0.send_replace(true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_trigger_reaches_every_clone() {
        let (drain, trigger) = Drain::manual();
        let other = drain.clone();
        assert!(!drain.is_requested());
        trigger.start();
        drain.requested().await;
        other.requested().await;
    }
}
