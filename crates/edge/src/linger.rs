//! How a connection is closed whose viewer is to read the last answer.

use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::time::timeout;

use crate::transport::Transport;

/// After a refusal, what the viewer still sends is read and dropped up to this, in bytes, so that the refusal arrives.
const MOST_BYTES: usize = 64 * 1024;
/// The same, in time.
const MOST_TIME: Duration = Duration::from_secs(1);

/// Shuts the sending side, and drops what still comes for a short while.
pub(crate) async fn linger(stream: &mut Transport) {
    stream.shut();
    let stream = stream.tcp();
    let _ = timeout(MOST_TIME, async {
        let mut sink = [0; 1024];
        let mut dropped = 0;
        while dropped < MOST_BYTES {
            match stream.read(&mut sink).await? {
                0 => break,
                read => dropped += read,
            }
        }
        std::io::Result::Ok(())
    })
    .await;
}
