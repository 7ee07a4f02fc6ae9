//! What is done now and then: keys' last use written down, old history and tombstones forgotten.

use std::sync::Arc;
use std::time::Duration;

use daemon::Drain;
use store::{Key, Retention};

use crate::front::Front;

/// Between two writes of keys' last use.
const KEYS_EVERY: Duration = Duration::from_secs(20);
/// Between two looks for what has had its time, in rounds of the above.
const FORGET_EVERY: u32 = 3;

pub(crate) async fn run(front: Arc<Front>, drain: Drain) {
    let mut round: u32 = 0;
    loop {
        let is_last = tokio::select! {
            () = tokio::time::sleep(KEYS_EVERY) => false,
            () = drain.requested() => true,
        };
        front.used.write(&front.store).await;
        if is_last {
            return;
        }
        round = round.wrapping_add(1);
        if round.is_multiple_of(FORGET_EVERY)
            && let Err(error) = forget(&front).await
        {
            tracing::warn!(%error, "the store could not be tidied");
        }
    }
}

async fn forget(front: &Front) -> Result<(), store::Error> {
    let now = front.now();
    front.store.upkeep(now, Retention::default()).await?;
    let (_, resources) = front.store.every().await?;
    let over: Vec<Key> = resources
        .into_iter()
        .filter(|resource| resource.deleted.is_some_and(|(_, until)| until <= now))
        .map(|resource| resource.key)
        .collect();
    if !over.is_empty() {
        front.store.forget(&over, now).await?;
    }
    Ok(())
}
