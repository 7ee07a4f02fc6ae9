//! Windows give way where memory is short: live goes on before what is past.

use std::sync::Arc;
use std::time::Duration;

use daemon::Drain;
use daemon::memory::{Memory, Watch};

use crate::Origin;

/// Between two looks.
const PERIOD: Duration = Duration::from_secs(1);

/// Shortens windows while memory is short, until the drain.
pub(crate) async fn watch(origin: Arc<Origin>, drain: Drain) {
    let mut watch = Watch::start();
    loop {
        tokio::select! {
            () = tokio::time::sleep(PERIOD) => {}
            () = drain.requested() => return,
        }
        let look = watch.look();
        daemon::tell_memory!(look, "windows are shorter while memory is short");
        origin.metrics.memory_short.set((look.memory == Memory::Short).into());
        origin.channels.all().values().for_each(|channel| channel.fit(look.memory));
    }
}
