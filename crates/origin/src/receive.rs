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
/// Largest slate, in bytes: a still picture for a slot, many times over.
const SLATE_BYTES_MAX: usize = 4 << 20;
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
/// The header of the answer to media: up to where the track is on disk. Until then a restart may ask for it again.
const DURABLE: &str = "headwater-durable";

/// The header of a publisher's request: the decode time of the newest whole segment it has, all of which it sends.
const HAS: &str = "headwater-has";

/// What a publisher is told of its track, in track ticks.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    next: Option<i64>,
    durable: Option<i64>,
}

/// Answers a request below `/ingest/`; `path` is what stands after it.
pub(crate) async fn answer(origin: &Origin, path: &str, request: http::Request<Incoming>) -> Answer {
    let (parts, body) = request.into_parts();
    let (channel, rest) = path.split_once('/').unwrap_or((path, ""));
    let channel = channel.parse().ok().and_then(|name| origin.channels.get(&name));
    let Some(channel) = &channel else {
        // The name is the publisher's own text, so it is neither logged raw nor counted.
        return Refusal::NoChannel.answer();
    };
    let result = match parts.method {
        http::Method::PUT | http::Method::POST => put(channel, rest, &parts.headers, body).await,
        http::Method::DELETE => Ok(Told::default()),
        _ => Err(Refusal::Method),
    };
    match result {
        Ok(Told { next, durable }) => {
            let mut answer = Answer::new(http_body_util::Full::default());
            let told = [(NEXT, next), (DURABLE, durable)];
            let told = told.into_iter().filter_map(|(name, ticks)| Some((name, ticks?)));
            told.for_each(|(name, ticks)| drop(answer.headers_mut().insert(name, ticks.into())));
            answer
        }
        Err(refusal) => {
            channel.refused(refusal.name());
            let (channel, path) = (&channel.name, rest.escape_debug());
            match refusal {
                // An encoder that is stopped leaves the segment that it was in to the next one.
                Refusal::BrokenOff => tracing::info!(%channel, %path, "a segment was left unfinished"),
                _ => tracing::warn!(%channel, %path, %refusal, "refused"),
            }
            refusal.answer()
        }
    }
}

/// Reads a body.
async fn put(
    channel: &Arc<Channel>,
    path: &str,
    headers: &http::HeaderMap,
    body: Incoming,
) -> Result<Told, Refusal> {
    let _place = channel.bodies.try_acquire().map_err(|_| Refusal::Busy)?;
    let target = target::read(path, &channel.state().names)?;
    if let (Target::Track(..), Some(kind)) = (&target, headers.get(http::header::CONTENT_TYPE)) {
        let kind = kind.to_str().unwrap_or("").split(';').next().unwrap_or("").trim().to_ascii_lowercase();
        if !kind.is_empty() && !MEDIA_TYPES.contains(&kind.as_str()) {
            return Err(Refusal::ContentType(kind));
        }
    }
    let pipeline = Pipeline::read(headers.get(wire::PIPELINE))?;
    match target {
        Target::Ignored => {
            drain(body, MPD_BYTES_MAX).await?;
            Ok(Told::default())
        }
        Target::Manifest => {
            let text = drain(body, MPD_BYTES_MAX).await?;
            let names = read_mpd(&text).map_err(Refusal::Mpd)?;
            channel.state().names = names;
            Ok(Told::default())
        }
        Target::Slate(track) => {
            let bytes = drain(body, SLATE_BYTES_MAX).await?;
            channel.take_slate(&track, pipeline, bytes.into())?;
            Ok(Told::default())
        }
        Target::Track(track, cut) => {
            let mut measured = measured(headers);
            let mut reading = body::Reading::new(channel, track.clone(), cut, pipeline);
            let mut body = body;
            loop {
                match next_piece(&mut body).await? {
                    Some(Piece::Bytes(bytes)) => {
                        channel.somebody_publishes();
                        reading.feed(bytes)?;
                    }
                    Some(Piece::Trailers(trailers)) => measured = self::measured(&trailers).or(measured),
                    None => {
                        let next = reading.finish(measured)?;
                        let has = headers.get(HAS).and_then(|has| has.to_str().ok()?.parse().ok());
                        channel.publisher_has(&track, has);
                        return Ok(Told { next, durable: channel.durable(&track) });
                    }
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
