//! Viewer URLs.
//!
//! [`route`] tells what a path means, [`directives`] what a query asks, [`blocking`] holds requests for what is about to
//! come, [`conditional`] turns something stored into an answer (ETag, Range, HEAD),
//! [`status`] and [`pages`] make what is not media.

mod blocking;
mod conditional;
mod directives;
mod pages;
mod route;
mod status;

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{HeaderMap, Method, StatusCode};
use http_body_util::{Either, Full};
use manifest::hls::Extent;
use manifest::{Awaited, Timeline, TrackName, Whole, dash, hls};
use media::MediaTime;

use self::blocking::{Look, No};
use self::conditional::{Content, respond};
use self::directives::Directives;
use self::route::{ChannelFile, Route};
use crate::Origin;
use crate::channel::{Channel, State};
use crate::fingerprint::fnv1a;
use crate::open::Unfinished;
use crate::window::Stored;

/// An answer whose whole body is there.
pub(crate) type Answer = http::Response<Full<Bytes>>;

/// What is there, or a segment that is coming in.
pub(crate) type Body = Either<Full<Bytes>, Growing>;
type Growing = http_body_util::channel::Channel<Bytes, Unfinished>;

/// Answers to blocked requests live so many target durations: their URLs are never asked for again (RFC 8216bis §6.2.5).
const TARGETS_BLOCKED: u32 = 6;
const TARGETS_BLOCKED_FAILED: u32 = 4;
/// What is said of a part that did not come lives so many.
const TARGETS_PART_FAILED: u32 = 1;
/// Slots after the newest that are waited for: clocks differ.
const SLOTS_AHEAD: i64 = 1;

/// Headers and segments never change.
const IMMUTABLE: &str = "public, max-age=86400, immutable";
/// What is not there may be there in a second.
const MISSING: &str = "public, max-age=1";
/// Pages and the list of channels.
const SHORT: &str = "public, max-age=1";
/// The clock.
const NEVER: &str = "no-store";

/// Answers a viewer's request; waits where it asks for what is about to come.
pub(crate) async fn answer(
    origin: &Origin,
    method: &Method,
    uri: &http::Uri,
    headers: &HeaderMap,
) -> http::Response<Body> {
    if *method == Method::OPTIONS {
        return preflight().map(Body::Left);
    }
    if *method != Method::GET && *method != Method::HEAD {
        let mut answer = plain(StatusCode::METHOD_NOT_ALLOWED, "GET, HEAD or OPTIONS\n", NEVER);
        answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD, OPTIONS"));
        return answer.map(Body::Left);
    }
    let whole = |answer: Option<Answer>| answer.map(|answer| answer.map(Body::Left));
    let answer = match route::read(uri.path()) {
        Some(Route::Channel(name, file)) => match origin.channels.get(&name) {
            Some(channel) => file_answer(origin, channel, &file, uri.query().unwrap_or(""), headers).await,
            None => None,
        },
        Some(Route::Redirect(to)) => whole(Some(redirect(&to))),
        Some(Route::Time) => {
            let content = Content::text("text/plain; charset=utf-8", NEVER, origin.clock.now().to_string());
            whole(Some(respond(content, headers)))
        }
        Some(Route::Health) => whole(Some(respond(
            Content::text("text/plain; charset=utf-8", NEVER, "ok\n".to_owned()),
            headers,
        ))),
        Some(Route::Channels) => {
            let text = status::channels(origin);
            whole(Some(respond(Content::text("application/json", SHORT, text), headers)))
        }
        Some(Route::Index) => whole(Some(pages::index(headers))),
        Some(Route::Asset(name)) => whole(pages::asset(name, headers)),
        None => None,
    };
    let mut answer =
        answer.unwrap_or_else(|| plain(StatusCode::NOT_FOUND, "not here\n", MISSING).map(Body::Left));
    if *method == Method::HEAD {
        if let Some(length) = http_body::Body::size_hint(answer.body()).exact() {
            answer.headers_mut().insert(header::CONTENT_LENGTH, length.into());
        }
        *answer.body_mut() = Body::Left(Full::default());
    }
    answer
}

async fn file_answer(
    origin: &Origin,
    channel: &Channel,
    file: &ChannelFile,
    query: &str,
    headers: &HeaderMap,
) -> Option<http::Response<Body>> {
    let now = origin.clock.now();
    let whole = |kind, cache: &str, stored| {
        Some(respond(Content::stored(kind, cache, stored), headers).map(Body::Left))
    };
    match file {
        ChannelFile::Page => Some(pages::watch(headers).map(Body::Left)),
        ChannelFile::Status => {
            let text = status::channel(channel, now);
            Some(respond(Content::text("application/json", SHORT, text), headers).map(Body::Left))
        }
        ChannelFile::Multivariant => {
            let mut state = channel.state();
            let stored = rendered(&mut state, "", hls::multivariant)?;
            whole(hls::CONTENT_TYPE, &live(&state.timeline), stored)
        }
        ChannelFile::Mpd => {
            let mut state = channel.state();
            let stored = rendered(&mut state, "mpd", dash::mpd)?;
            whole(dash::CONTENT_TYPE, &live(&state.timeline), stored)
        }
        ChannelFile::Media(track) => media_playlist(origin, channel, track, query, headers).await,
        ChannelFile::Header(track, id) => {
            let state = channel.state();
            let stored = state.window.header(track, *id)?.clone();
            whole(media_type(&state.timeline, track), IMMUTABLE, stored)
        }
        ChannelFile::Segment(track, start) => {
            let state = channel.state();
            let stored = state.window.segment(track, *start)?.clone();
            whole(media_type(&state.timeline, track), IMMUTABLE, stored)
        }
        ChannelFile::Part(track, start, index) => {
            let found =
                blocking::until(origin, channel, track, |state| part(state, track, *start, *index)).await;
            match found {
                Ok((kind, bytes)) => whole(kind, IMMUTABLE, Stored::new(bytes)),
                Err(no) => Some(refused(channel, no, TARGETS_PART_FAILED)),
            }
        }
        ChannelFile::Slot(track, slot) => {
            let found = blocking::until(origin, channel, track, |state| in_slot(state, track, *slot)).await;
            match found {
                Ok((kind, Found::Whole(stored))) => whole(kind, IMMUTABLE, stored),
                Ok((kind, Found::Growing(body))) => Some(growing(kind, body)),
                Err(no) => Some(refused(channel, no, TARGETS_PART_FAILED)),
            }
        }
    }
}

/// A media playlist, held until it has what the player asks for.
async fn media_playlist(
    origin: &Origin,
    channel: &Channel,
    track: &TrackName,
    query: &str,
    headers: &HeaderMap,
) -> Option<http::Response<Body>> {
    let Some(part_us) = channel.state().timeline.shape().part_us else {
        // Directives are for servers that offer them.
        let mut state = channel.state();
        let stored = rendered_media(&mut state, track, Extent::Whole)?;
        let cache = live(&state.timeline);
        let content = Content::stored(hls::CONTENT_TYPE, &cache, stored);
        return Some(respond(content, headers).map(Body::Left));
    };
    let directives = match Directives::read(query) {
        Ok(directives) => directives,
        Err(error) => return Some(bad_request(channel, &error.to_string())),
    };
    let look = |state: &mut State| {
        if let (Some((msn, part)), Some(found)) = (directives.awaited, state.timeline.track(track)) {
            match found.awaited(msn, part, part_us) {
                Awaited::Here => {}
                Awaited::NotYet => return Look::NotYet,
                Awaited::TooFar => return Look::Never(No::TooFar),
            }
        }
        match rendered_media(state, track, directives.extent) {
            Some(stored) => Look::Here((stored, state.timeline.target_s())),
            None => Look::Never(No::Missing),
        }
    };
    let blocked = directives.awaited.is_some();
    match blocking::until(origin, channel, track, look).await {
        Ok((stored, target_s)) => {
            let cache = match blocked {
                true => seconds(TARGETS_BLOCKED * target_s),
                false => seconds((target_s / 2).max(1)),
            };
            Some(respond(Content::stored(hls::CONTENT_TYPE, &cache, stored), headers).map(Body::Left))
        }
        Err(No::Missing) if !blocked => None,
        Err(no) => Some(refused(channel, no, TARGETS_BLOCKED_FAILED)),
    }
}

fn rendered_media(state: &mut State, track: &TrackName, extent: Extent) -> Option<Stored> {
    let key = format!("{track}/{extent:?}");
    rendered(state, &key, |timeline| hls::media(timeline, track, extent))
}

/// A part that is listed, or is the one that playlists hint at.
fn part(state: &mut State, name: &TrackName, start: i64, index: usize) -> Look<(&'static str, Bytes)> {
    let Some(track) = state.timeline.track(name) else {
        return Look::Never(No::Missing);
    };
    let open = track.open().filter(|open| open.start() == start).and(state.open.get(name));
    let found = open.and_then(|open| open.part(index)).or_else(|| state.window.part(name, start, index));
    let hinted = track.next_part(state.timeline.shape().grid);
    match found {
        Some(bytes) => Look::Here((media_type(&state.timeline, name), bytes)),
        None if hinted == Some((start, index)) => Look::NotYet,
        None => Look::Never(No::Missing),
    }
}

/// A segment's bytes.
enum Found {
    Whole(Stored),
    Growing(Growing),
}

/// The segment in a slot, whole or as it comes. One that is not there yet is waited for: players were told when to ask.
fn in_slot(state: &mut State, name: &TrackName, slot: i64) -> Look<(&'static str, Found)> {
    let timeline = &state.timeline;
    let grid = timeline.shape().grid;
    let Some(track) = timeline.track(name).filter(|_| timeline.shape().part_us.is_some()) else {
        return Look::Never(No::Missing);
    };
    let kind = media_type(timeline, name);
    match track.in_slot(grid, slot) {
        Some((Whole::Yes, start)) => match state.window.segment(name, start) {
            Some(stored) => Look::Here((kind, Found::Whole(stored.clone()))),
            None => Look::Never(No::Missing),
        },
        Some((Whole::No, _)) => match state.open.get(name) {
            Some(open) => Look::Here((kind, Found::Growing(open.body()))),
            None => Look::Never(No::Missing),
        },
        None => {
            let newest = track
                .next_part(grid)
                .map(|(start, _)| grid.slot(MediaTime::new(start, track.next_header().timescale)));
            match newest {
                Some(newest) if (newest..=newest + SLOTS_AHEAD).contains(&slot) => Look::NotYet,
                _ => Look::Never(No::Missing),
            }
        }
    }
}

fn growing(kind: &'static str, body: Growing) -> http::Response<Body> {
    let mut answer = http::Response::new(Body::Right(body));
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(IMMUTABLE));
    conditional::allow_everyone(headers);
    answer
}

fn refused(channel: &Channel, no: No, targets: u32) -> http::Response<Body> {
    let (status, words) = match no {
        No::Missing => (StatusCode::NOT_FOUND, "not here\n"),
        No::TooFar => (StatusCode::BAD_REQUEST, "too far ahead\n"),
        No::Late => (StatusCode::SERVICE_UNAVAILABLE, "it did not come in time\n"),
    };
    let mut answer = plain(status, words, NEVER);
    let cache = seconds(targets * channel.state().timeline.target_s());
    let headers = answer.headers_mut();
    match no {
        No::Late => headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1")),
        No::Missing | No::TooFar => headers.insert(
            header::CACHE_CONTROL,
            HeaderValue::from_str(&cache).expect("made here of visible characters"),
        ),
    };
    answer.map(Body::Left)
}

fn bad_request(channel: &Channel, words: &str) -> http::Response<Body> {
    let mut answer = refused(channel, No::TooFar, TARGETS_BLOCKED_FAILED);
    *answer.body_mut() = Body::Left(Full::new(format!("{words}\n").into()));
    answer
}

/// Half a target duration, in whole seconds as HTTP has them.
fn live(timeline: &Timeline) -> String {
    seconds((timeline.target_s() / 2).max(1))
}

fn seconds(max_age: u32) -> String {
    format!("public, max-age={max_age}")
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
