//! HLS that is pushed: encoders PUT playlists and segments, and `pull` reads them.
//!
//! ```text
//! socket --> door (who it is, how much) --> upload --> store (in memory, bounded) --> pull: lane, timeline --> publisher
//!                                                        '-- standby: a store of its own, read while nothing comes to the first
//! ```

mod door;
mod place;
mod room;
mod store;
mod upload;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use playlist::{Choice, Chosen};
use tokio::time::sleep;

use crate::metrics::PushMetrics;

pub(crate) use door::serve;
pub(crate) use place::Place;
pub(crate) use room::Room;
use store::Patience;
pub(crate) use store::Store;

/// How often it is looked whether a stream has come or gone.
const LOOK_PERIOD: Duration = Duration::from_millis(250);

/// A channel to which HLS is pushed, at one place or two.
#[derive(Debug)]
pub(crate) struct Push {
    places: Vec<Arc<Place>>,
    choice: Choice,
    metrics: PushMetrics,
    /// Which of the places is read.
    active: AtomicUsize,
}

impl Push {
    pub(crate) fn new(places: Vec<Arc<Place>>, choice: Choice, metrics: PushMetrics) -> Self {
        Self { places, choice, metrics, active: AtomicUsize::new(0) }
    }

    pub(crate) fn places(&self) -> &[Arc<Place>] {
        &self.places
    }

    /// What is read.
    pub(crate) fn store(&self) -> Arc<Store> {
        self.place().store.clone()
    }

    /// Waits for a stream, at the place that was read last rather than at the other.
    pub(crate) async fn choose(&self) -> Chosen {
        loop {
            let now = Instant::now();
            let active = self.active.load(Ordering::Relaxed);
            let others = (0..self.places.len()).filter(|at| *at != active);
            let found = [active].into_iter().chain(others).find_map(|at| {
                let chosen = self.places[at].store.stream(&self.choice, Patience::Long, now)?;
                Some((at, chosen))
            });
            if let Some((at, chosen)) = found {
                self.read_from(at);
                return chosen;
            }
            sleep(LOOK_PERIOD).await;
        }
    }

    /// Resolves when something else is to be read than `chosen`: another stream of the same place, or the other place, since nothing
    /// comes to this one any more.
    pub(crate) async fn is_left(&self, chosen: &Chosen) {
        loop {
            sleep(LOOK_PERIOD).await;
            let now = Instant::now();
            let stream = |place: &Place, patience| place.store.stream(&self.choice, patience, now);
            if stream(self.place(), Patience::Short).is_none()
                && let Some(other) = self.other()
                && stream(&self.places[other], Patience::Short).is_some()
            {
                return self.read_from(other);
            }
            if stream(self.place(), Patience::Long).is_some_and(|now| !now.is_of_same(chosen)) {
                return;
            }
        }
    }

    fn place(&self) -> &Place {
        &self.places[self.active.load(Ordering::Relaxed)]
    }

    fn other(&self) -> Option<usize> {
        let active = self.active.load(Ordering::Relaxed);
        (0..self.places.len()).find(|at| *at != active)
    }

    fn read_from(&self, at: usize) {
        let before = self.active.swap(at, Ordering::Relaxed);
        let place = &self.places[at];
        let channel = &place.channel.name;
        match (before, at) {
            (0, 1..) => {
                self.metrics.standby.set(1);
                tracing::warn!(event = "standby_read", state = "raised", %channel, "nothing is pushed to the first place: the standby is read");
            }
            (1.., 0) => {
                self.metrics.standby.set(0);
                tracing::info!(event = "standby_read", state = "cleared", %channel, "the first place is read again");
            }
            _ => {}
        }
    }
}
