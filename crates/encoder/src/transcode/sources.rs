//! The queues a channel takes its inputs from.

use super::failover::Side;
use crate::source::{Envelope, Receiver};

/// One or two sources.
#[derive(Debug)]
pub struct Sources {
    /// The channel's `input`.
    pub primary: Receiver,
    /// Its `backup`.
    pub backup: Option<Receiver>,
}

impl From<Receiver> for Sources {
    fn from(primary: Receiver) -> Self {
        Self { primary, backup: None }
    }
}

impl Sources {
    /// The next event of either; `None` once the primary's senders have gone.
    pub(crate) async fn receive(&mut self) -> Option<(Side, Envelope)> {
        let Some(backup) = &mut self.backup else {
            return self.primary.receive().await.map(|envelope| (Side::Primary, envelope));
        };
        tokio::select! {
            envelope = self.primary.receive() => envelope.map(|envelope| (Side::Primary, envelope)),
            envelope = backup.receive() => match envelope {
                Some(envelope) => Some((Side::Backup, envelope)),
                None => {
                    self.backup = None;
                    self.primary.receive().await.map(|envelope| (Side::Primary, envelope))
                }
            },
        }
    }

    /// Whether nothing of `side` waits.
    pub(crate) fn is_empty(&self, side: Side) -> bool {
        match side {
            Side::Primary => self.primary.is_empty(),
            Side::Backup => self.backup.as_ref().is_none_or(Receiver::is_empty),
        }
    }
}
