//! The operator's hand on a channel's inputs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use super::failover::Side;

/// Which input the operator wants to see, shared between whoever is told and the channel. Clones are one.
#[derive(Clone, Debug, Default)]
pub struct Selector(Arc<AtomicU8>);

impl Selector {
    /// Shows `side` whatever the inputs do; `None`: the channel decides again.
    pub fn choose(&self, side: Option<Side>) {
        let code = match side {
            None => 0,
            Some(Side::Primary) => 1,
            Some(Side::Backup) => 2,
        };
        self.0.store(code, Ordering::Relaxed);
    }

    /// What was chosen.
    pub fn chosen(&self) -> Option<Side> {
        match self.0.load(Ordering::Relaxed) {
            1 => Some(Side::Primary),
            2 => Some(Side::Backup),
            _ => None,
        }
    }
}
