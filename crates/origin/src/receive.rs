//! CMAF ingest (DASH-IF Live Media Ingest, interface 1).
//!
//! [`target`] tells what a path means, [`body`] reads a body into headers and segments, [`mpd`] learns names from a
//! pushed manifest, [`refusal`] is what a publisher hears when something is not taken.

mod body;
mod mpd;
mod parts;
mod refusal;
mod target;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Frame, Incoming};
use manifest::{Header, HeaderId};
use wire::Measured;

pub use self::mpd::{MpdError, Names, read_mpd};
use self::refusal::Refusal;
use self::target::Target;
use crate::Origin;
use crate::channel::{Channel, Pipeline};
use crate::serve::Answer;

/// Largest segment taken, in bytes: 16 s at 32 Mbit/s.
pub(crate) const SEGMENT_BYTES_MAX: usize = 64 << 20;
/// Largest CMAF header taken, in bytes: headers are kept as long as their segments, and real ones have a few kB.
const HEADER_BYTES_MAX: usize = 1 << 20;
/// Largest pushed manifest, in bytes.
const MPD_BYTES_MAX: usize = 1 << 20;
/// A publisher that sends nothing for so long in the middle of a body is gone. Longer than any segment is open.
const BODY_IDLE: Duration = Duration::from_secs(30);
/// Content types a publisher may name for what it sends; none is taken too.
const MEDIA_TYPES: [&str; 8] = [
    "video/mp4",
    "audio/mp4",
    "application/mp4",
    "video/iso.segment",
    "audio/iso.segment",
    "application/octet-stream",
    "application/x-www-form-urlencoded",
    "video/x-m4v",
];

/// The header of the answer to a CMAF header: where to go on.
const NEXT: &str = "headwater-next";

/// Answers a request below `/ingest/`; `path` is what stands after it.
pub(crate) async fn answer(origin: &Origin, path: &str, request: http::Request<Incoming>) -> Answer {
    let (parts, body) = request.into_parts();
    let (channel, rest) = path.split_once('/').unwrap_or((path, ""));
    let channel = channel.parse().ok().and_then(|name| origin.channels.get(&name));
    let Some(channel) = channel else {
        // The name is the publisher's own text, so it is neither logged raw nor counted.
        return Refusal::NoChannel.answer();
    };
    let result = match parts.method {
        http::Method::PUT | http::Method::POST => put(channel, rest, &parts.headers, body).await,
        http::Method::DELETE => Ok(None),
        _ => Err(Refusal::Method),
    };
    match result {
        Ok(next) => {
            let mut answer = Answer::new(http_body_util::Full::default());
            if let Some(next) = next {
                answer.headers_mut().insert(NEXT, next.into());
            }
            answer
        }
        Err(refusal) => {
            channel.refused(refusal.name());
            tracing::warn!(channel = %channel.name, path = %rest.escape_debug(), %refusal, "refused");
            refusal.answer()
        }
    }
}

/// Reads a body. Returns where the publisher may go on, where a header came and there is an answer to it.
async fn put(
    channel: &Arc<Channel>,
    path: &str,
    headers: &http::HeaderMap,
    body: Incoming,
) -> Result<Option<i64>, Refusal> {
    let _place = channel.bodies.try_acquire().map_err(|_| Refusal::Busy)?;
    let target = target::read(path, &channel.state().names)?;
    if let (Target::Track(..), Some(kind)) = (&target, headers.get(http::header::CONTENT_TYPE)) {
        let kind = kind.to_str().unwrap_or("").split(';').next().unwrap_or("").trim().to_ascii_lowercase();
        if !kind.is_empty() && !MEDIA_TYPES.contains(&kind.as_str()) {
            return Err(Refusal::ContentType(kind));
        }
    }
    match target {
        Target::Ignored => {
            drain(body, MPD_BYTES_MAX).await?;
            Ok(None)
        }
        Target::Manifest => {
            let text = drain(body, MPD_BYTES_MAX).await?;
            let names = read_mpd(&text).map_err(Refusal::Mpd)?;
            channel.state().names = names;
            Ok(None)
        }
        Target::Track(track, cut) => {
            let pipeline = Pipeline::read(headers.get(wire::PIPELINE))?;
            let mut measured = measured(headers);
            let mut reading = body::Reading::new(channel, track, cut, pipeline);
            let mut body = body;
            loop {
                match next_piece(&mut body).await? {
                    Some(Piece::Bytes(bytes)) => reading.feed(bytes)?,
                    Some(Piece::Trailers(trailers)) => measured = self::measured(&trailers).or(measured),
                    None => return reading.finish(measured),
                }
            }
        }
    }
}

/// What was measured of a segment, in its fields or trailer fields. Text that says nothing is as none: the segment counts.
fn measured(fields: &http::HeaderMap) -> Option<Measured> {
    fields.get(wire::MEASURED)?.to_str().ok()?.parse().ok()
}

/// What a body brings.
enum Piece {
    Bytes(Bytes),
    Trailers(http::HeaderMap),
}

/// The next piece of a body; `None` at its end. A body that breaks off or stands still is an error.
async fn next_piece(body: &mut Incoming) -> Result<Option<Piece>, Refusal> {
    loop {
        let frame = tokio::time::timeout(BODY_IDLE, body.frame()).await.map_err(|_| Refusal::Idle)?;
        match frame {
            None => return Ok(None),
            Some(Err(_)) => return Err(Refusal::BrokenOff),
            Some(Ok(frame)) => match frame.into_data().map_err(Frame::into_trailers) {
                Ok(bytes) => return Ok(Some(Piece::Bytes(bytes))),
                Err(Ok(trailers)) => return Ok(Some(Piece::Trailers(trailers))),
                Err(Err(_)) => {}
            },
        }
    }
}

async fn drain(mut body: Incoming, most: usize) -> Result<Vec<u8>, Refusal> {
    let mut all = Vec::new();
    while let Some(piece) = next_piece(&mut body).await? {
        let Piece::Bytes(bytes) = piece else { continue };
        if all.len() + bytes.len() > most {
            return Err(Refusal::TooLarge(most));
        }
        all.extend_from_slice(&bytes);
    }
    Ok(all)
}

/// What the timeline needs to know of a CMAF header.
pub(crate) fn header_of(header: &cmaf::Header, id: HeaderId) -> Header {
    let language = &header.labels.language;
    // BCP 47 as far as playlists need it: what else a header may say stays out of them.
    let fits = (2..=35).contains(&language.len())
        && language != "und"
        && language.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let is_plain = |label: &&String| {
        (1..=128).contains(&label.len()) && label.chars().all(|c| !c.is_control() && c != '"')
    };
    Header {
        label: header.labels.label.as_ref().filter(is_plain).cloned(),
        id,
        timescale: header.track.timescale,
        format: header.track.format.clone(),
        language: fits.then(|| language.clone()),
        declared_bps: header.labels.bitrate_bps,
    }
}
