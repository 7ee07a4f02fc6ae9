//! How long to wait before the next try.

use std::time::Duration;

use tokio::time::sleep;

const FIRST: Duration = Duration::from_millis(500);

/// The pause before whatever is fetched is tried anew: doubled each time up to the longest.
#[derive(Debug)]
pub(crate) struct Pause {
    next: Duration,
    longest: Duration,
}

impl Pause {
    pub(crate) const fn up_to(longest: Duration) -> Self {
        Self { next: FIRST, longest }
    }

    /// The last try brought something: the next pause is short.
    pub(crate) const fn renew(&mut self) {
        self.next = FIRST;
    }

    /// How long the next one is.
    pub(crate) const fn next(&self) -> Duration {
        self.next
    }

    pub(crate) async fn wait(&mut self) {
        sleep(self.next).await;
        self.next = (self.next * 2).min(self.longest);
    }
}
