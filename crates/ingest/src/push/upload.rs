//! A request's body, taken within bounds.

use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use tokio::time::{Instant, timeout, timeout_at};

use super::room::Held;

/// Longest silence of whoever uploads.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(15);
/// How long one upload may take: encoders may begin to push a segment when it begins.
const WHOLE_TIMEOUT: Duration = Duration::from_secs(120);

/// The same where what is uploaded is not taken: some wait for the answer before they send anything, and do not say so (curl with
/// Digest and a body of no told length).
const REFUSED_SILENCE: Duration = Duration::from_millis(300);

/// Why a body was not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error("more than {0} bytes")]
    TooLarge(usize),
    #[error("it came too slowly")]
    Slow,
    #[error("it broke off: {0}")]
    Broken(hyper::Error),
    #[error("there is no memory left for it")]
    NoRoom,
}

/// The whole body, at most `limit` bytes, whose memory is `held`.
pub(super) async fn read(mut body: Incoming, limit: usize, held: &mut Held) -> Result<Vec<u8>, Fault> {
    let told = body.size_hint().lower();
    if told > limit as u64 {
        return Err(Fault::TooLarge(limit));
    }
    let until = Instant::now() + WHOLE_TIMEOUT;
    let mut bytes = Vec::new();
    while let Some(data) = piece(&mut body, until, SILENCE_TIMEOUT).await? {
        if bytes.len() + data.len() > limit {
            return Err(Fault::TooLarge(limit));
        }
        if !held.grow(data.len()) {
            return Err(Fault::NoRoom);
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}

/// Reads what a request still brings, at most `limit` bytes, and forgets it, so that its client comes to read the answer. False where
/// the connection is of no more use.
pub(super) async fn pass_over(mut body: Incoming, limit: usize) -> bool {
    let until = Instant::now() + WHOLE_TIMEOUT;
    let mut left = limit;
    loop {
        match piece(&mut body, until, REFUSED_SILENCE).await {
            Ok(None) => return true,
            Ok(Some(data)) if data.len() <= left => left -= data.len(),
            Ok(Some(_)) | Err(_) => return false,
        }
    }
}

async fn piece(
    body: &mut Incoming,
    until: Instant,
    silence: Duration,
) -> Result<Option<bytes::Bytes>, Fault> {
    loop {
        let frame = timeout_at(until, timeout(silence, body.frame())).await;
        let Ok(Ok(frame)) = frame else { return Err(Fault::Slow) };
        let Some(frame) = frame else { return Ok(None) };
        // Trailers are nobody's bytes.
        if let Ok(data) = frame.map_err(Fault::Broken)?.into_data() {
            return Ok(Some(data));
        }
    }
}
