//! Viewer URLs.
//!
//! [`route`] tells what a path means, [`conditional`] turns something stored into an answer (ETag, Range, HEAD),
//! [`status`] and [`pages`] make what is not media.

mod conditional;
mod pages;
mod route;
mod status;

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{HeaderMap, Method, StatusCode};
use http_body_util::Full;
use manifest::{Timeline, dash, hls};

use self::conditional::{Content, respond};
use self::route::{ChannelFile, Route};
use crate::Origin;
use crate::channel::Channel;
use crate::fingerprint::fnv1a;
use crate::window::Stored;

/// An answer whose whole body is there.
pub(crate) type Answer = http::Response<Full<Bytes>>;

/// Headers and segments never change.
const IMMUTABLE: &str = "public, max-age=86400, immutable";
/// What is not there may be there in a second.
const MISSING: &str = "public, max-age=1";
/// Pages and the list of channels.
const SHORT: &str = "public, max-age=1";
/// The clock.
const NEVER: &str = "no-store";

/// Answers a viewer's request.
pub(crate) fn answer(origin: &Origin, method: &Method, path: &str, headers: &HeaderMap) -> Answer {
    if *method == Method::OPTIONS {
        return preflight();
    }
    if *method != Method::GET && *method != Method::HEAD {
        let mut answer = plain(StatusCode::METHOD_NOT_ALLOWED, "GET, HEAD or OPTIONS\n", NEVER);
        answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD, OPTIONS"));
        return answer;
    }
    let answer = match route::read(path) {
        Some(Route::Channel(name, file)) => match origin.channels.get(&name) {
            Some(channel) => file_answer(origin, channel, &file, headers),
            None => None,
        },
        Some(Route::Redirect(to)) => Some(redirect(&to)),
        Some(Route::Time) => {
            let content = Content::text("text/plain; charset=utf-8", NEVER, origin.clock.now().to_string());
            Some(respond(content, headers))
        }
        Some(Route::Health) => {
            Some(respond(Content::text("text/plain; charset=utf-8", NEVER, "ok\n".to_owned()), headers))
        }
        Some(Route::Channels) => {
            let text = status::channels(origin);
            Some(respond(Content::text("application/json", SHORT, text), headers))
        }
        Some(Route::Index) => Some(pages::index(headers)),
        Some(Route::Asset(name)) => pages::asset(name, headers),
        None => None,
    };
    let mut answer = answer.unwrap_or_else(|| plain(StatusCode::NOT_FOUND, "not here\n", MISSING));
    if *method == Method::HEAD {
        let length = http_body::Body::size_hint(answer.body()).exact().unwrap_or(0);
        answer.headers_mut().insert(header::CONTENT_LENGTH, length.into());
        *answer.body_mut() = Full::default();
    }
    answer
}

fn file_answer(
    origin: &Origin,
    channel: &Channel,
    file: &ChannelFile,
    headers: &HeaderMap,
) -> Option<Answer> {
    let now = origin.clock.now();
    match file {
        ChannelFile::Page => return Some(pages::watch(headers)),
        ChannelFile::Status => {
            let text = status::channel(channel, now);
            return Some(respond(Content::text("application/json", SHORT, text), headers));
        }
        _ => {}
    }
    let mut state = channel.state();
    // Half a target duration, in whole seconds as HTTP has them.
    let live = format!("public, max-age={}", (state.timeline.target_s() / 2).max(1));
    let (kind, cache, stored) = match file {
        ChannelFile::Multivariant => (hls::CONTENT_TYPE, live, rendered(&mut state, "", hls::multivariant)?),
        ChannelFile::Mpd => (dash::CONTENT_TYPE, live, rendered(&mut state, "mpd", dash::mpd)?),
        ChannelFile::Media(track) => {
            let key = format!("{track}/");
            (hls::CONTENT_TYPE, live, rendered(&mut state, &key, |timeline| hls::media(timeline, track))?)
        }
        ChannelFile::Header(track, id) => {
            let stored = state.window.header(track, *id)?.clone();
            (media_type(&state.timeline, track), IMMUTABLE.to_owned(), stored)
        }
        ChannelFile::Segment(track, start) => {
            let stored = state.window.segment(track, *start)?.clone();
            (media_type(&state.timeline, track), IMMUTABLE.to_owned(), stored)
        }
        ChannelFile::Page | ChannelFile::Status => unreachable!("answered above"),
    };
    drop(state);
    Some(respond(Content::stored(kind, &cache, stored), headers))
}

/// The text of the present timeline, made at most once for each of its states.
fn rendered(
    state: &mut crate::channel::State,
    key: &str,
    render: impl FnOnce(&Timeline) -> Option<String>,
) -> Option<Stored> {
    if let Some(stored) = state.rendered.get(key) {
        return Some(stored.clone());
    }
    let text = render(&state.timeline)?;
    let etag = format!("\"{:016x}\"", fnv1a(text.as_bytes()));
    let stored = Stored { bytes: text.into(), etag };
    state.rendered.insert(key.to_owned(), stored.clone());
    Some(stored)
}

fn media_type(timeline: &Timeline, track: &manifest::TrackName) -> &'static str {
    match timeline.track(track) {
        Some(track) if !track.header().format.is_video() => "audio/mp4",
        _ => "video/mp4",
    }
}

fn plain(status: StatusCode, text: &'static str, cache: &'static str) -> Answer {
    let mut answer = Answer::new(Full::new(Bytes::from_static(text.as_bytes())));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    conditional::allow_everyone(headers);
    answer
}

fn redirect(to: &str) -> Answer {
    let mut answer = plain(StatusCode::PERMANENT_REDIRECT, "", SHORT);
    if let Ok(to) = HeaderValue::from_str(to) {
        answer.headers_mut().insert(header::LOCATION, to);
    }
    answer
}

fn preflight() -> Answer {
    let mut answer = plain(StatusCode::NO_CONTENT, "", NEVER);
    let headers = answer.headers_mut();
    headers.remove(header::CONTENT_TYPE);
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, HEAD, OPTIONS"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("*, Range, If-None-Match"));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    answer
}
