//! Windows give way where memory is short: live goes on before what is past.

use std::sync::Arc;
use std::time::Duration;

use daemon::Drain;
use daemon::memory::{Look, Memory, Watch};

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
        tell(look);
        origin.metrics.memory_short.set((look.memory == Memory::Short).into());
        origin.channels.all().values().for_each(|channel| channel.fit(look.memory));
    }
}

/// Tells operators where it is another than before.
fn tell(look: Look) {
    let used_percent = look.used_percent;
    match (look.is_new, look.memory) {
        (false, _) => {}
        (true, Memory::Short) => {
            tracing::warn!(
                event = "memory_short",
                state = "raised",
                used_percent,
                "windows are shorter while memory is short"
            );
        }
        (true, Memory::Ample) => {
            tracing::info!(event = "memory_short", state = "cleared", used_percent, "there is enough again");
        }
    }
}
