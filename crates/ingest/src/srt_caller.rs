//! SRT streams that are fetched: called, and called again when they end.

use std::sync::Arc;
use std::time::Duration;

use srt::{Calling, Connection, Link};
use tokio::time::{Instant, sleep};

use crate::pause::Pause;
use crate::unreachable::Advised;
use crate::{Call, Ingest, link};

/// Longest pause before the next call.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How often a call under way is looked at.
const LOOK_PERIOD: Duration = Duration::from_millis(20);
/// How long a call may take at most; libsrt gives up after three seconds.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// A stream that lasted this long was one.
const WELL: Duration = Duration::from_secs(5);

/// Why a call brought no connection.
#[derive(Debug, thiserror::Error)]
enum NoAnswer {
    #[error(transparent)]
    Unreachable(#[from] Advised),
    #[error(transparent)]
    Srt(#[from] srt::Error),
    #[error("no answer in {CALL_TIMEOUT:?}")]
    Slow,
}

/// Calls for ever.
pub(crate) async fn call(ingest: Arc<Ingest>, call: Arc<Call>) {
    let channel = &call.channel.name;
    let (host, port) = (&call.to.host, call.to.port);
    let mut pause = Pause::up_to(LONGEST_PAUSE);
    loop {
        match connect(&call).await {
            Ok(connection) => {
                let began = Instant::now();
                publish(&ingest, &call, connection).await;
                // The other side may accept, and close at once.
                if began.elapsed() >= WELL {
                    pause.renew();
                }
                // Nobody is kept out for it: the pause before the next call grows.
                call.channel.look_at_flaps(&ingest.clock);
            }
            Err(fault) => {
                ingest.metrics.refused("call");
                tracing::warn!(%channel, host, port, reason = %fault, again_in = ?pause.next(), "SRT call failed");
            }
        }
        pause.wait().await;
    }
}

async fn connect(call: &Call) -> Result<Connection, NoAnswer> {
    let to = &call.to;
    let peer = reach::resolve(&to.host, to.port, to.reach).await.map_err(Advised)?;
    let mut calling = Calling::start(peer, &to.stream_id, &to.terms)?;
    let end = Instant::now() + CALL_TIMEOUT;
    while Instant::now() < end {
        if let Some(connection) = calling.poll()? {
            return Ok(connection);
        }
        sleep(LOOK_PERIOD).await;
    }
    Err(NoAnswer::Slow)
}

async fn publish(ingest: &Ingest, call: &Call, mut connection: Connection) {
    let channel = &call.channel.name;
    let Some(lease) = call.channel.claim_from_stale(&ingest.clock).await else {
        tracing::error!(%channel, "a channel that only its call publishes to is busy");
        return;
    };
    let conn = ingest.next_conn();
    let peer = connection.peer();
    let key_bits = connection.key_bytes().map_or(0, |bytes| bytes * 8);
    tracing::info!(%channel, conn, %peer, key_bits, "fetching by SRT");
    call.link.key_bits.set(key_bits.into());
    match link::publish(ingest, lease, &call.to.select, conn, &call.ticks, &call.link, &mut connection).await
    {
        Ok(()) => tracing::info!(%channel, conn, %peer, "the other side closed the connection"),
        Err(end) => {
            tracing::warn!(%channel, conn, %peer, reason = %end, "SRT stream gone");
            ingest.metrics.refused(end.label());
        }
    }
}
