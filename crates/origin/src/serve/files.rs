//! What a channel's URLs hold: playlists, manifests, headers, segments and parts.

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{HeaderMap, StatusCode};
use http_body_util::Full;
use manifest::hls::Extent;
use manifest::{Awaited, Timeline, TrackName, Whole, dash, hls};
use media::MediaTime;

use super::blocking::{self, Look, No};
use super::conditional::{self, Content, respond};
use super::directives::Directives;
use super::route::ChannelFile;
use super::{Body, Growing, IMMUTABLE, NEVER, SHORT, pages, plain, status};
use crate::Origin;
use crate::channel::{Channel, State};
use crate::cmsd;
use crate::fingerprint::fnv1a;
use crate::window::Stored;

/// Parts, and answers to blocked requests, live so many target durations: after that nobody asks for their URLs
/// (RFC 8216bis §6.2.5).
const TARGETS_BLOCKED: u32 = 6;
/// Slots after the newest that are waited for: clocks differ.
const SLOTS_AHEAD: i64 = 1;

/// Answers for one file of a channel; nothing where there is none.
pub(super) async fn answer(
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
        ChannelFile::Multivariant | ChannelFile::Mpd | ChannelFile::Media(_) => channel.caught_up().await,
        ChannelFile::Segment(track, start) if channel.state().window.segment(track, *start).is_none() => {
            channel.caught_up().await;
        }
        _ => {}
    }
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
            let cmsd = state.window.cmsd(track, *start).cloned();
            let mut answer = whole(media_type(&state.timeline, track), IMMUTABLE, stored)?;
            if let Some(cmsd) = cmsd {
                answer.headers_mut().insert(cmsd::STATIC, cmsd);
            }
            Some(answer)
        }
        ChannelFile::Part(track, start, index) => {
            let found =
                blocking::until(origin, channel, track, |state| part(state, track, *start, *index)).await;
            match found {
                // It never changes, but nobody asks for it once it is listed no longer.
                Ok((kind, bytes)) => {
                    let cache = seconds(TARGETS_BLOCKED * channel.state().timeline.target_s());
                    whole(kind, &cache, Stored::new(bytes))
                }
                Err(no) => Some(refused(channel, no)),
            }
        }
        ChannelFile::Slot(track, slot) => {
            let found = blocking::until(origin, channel, track, |state| in_slot(state, track, *slot)).await;
            match found {
                Ok((kind, Found::Whole(stored))) => whole(kind, IMMUTABLE, stored),
                Ok((kind, Found::Growing(body))) => Some(growing(kind, body)),
                Err(no) => Some(refused(channel, no)),
            }
        }
    }
}

/// A media playlist, held until it has what the player asks for where the channel has parts.
async fn media_playlist(
    origin: &Origin,
    channel: &Channel,
    track: &TrackName,
    query: &str,
    headers: &HeaderMap,
) -> Option<http::Response<Body>> {
    if channel.state().timeline.shape().part_us.is_none() {
        // Directives are for servers that offer them.
        let mut state = channel.state();
        let stored = rendered_media(&mut state, track, Extent::Whole)?;
        let cache = live(&state.timeline);
        let content = Content::stored(hls::CONTENT_TYPE, &cache, stored);
        return Some(respond(content, headers).map(Body::Left));
    }
    let render = |state: &mut State, extent| rendered_media(state, track, extent);
    blocking_playlist(origin, channel, track, query, headers, render).await
}

/// A media playlist of a channel that has parts, held until it has what the player asks for.
pub(super) async fn blocking_playlist(
    origin: &Origin,
    channel: &Channel,
    track: &TrackName,
    query: &str,
    headers: &HeaderMap,
    render: impl Fn(&mut State, Extent) -> Option<Stored>,
) -> Option<http::Response<Body>> {
    let part_us = channel.state().timeline.shape().part_us?;
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
        match render(state, directives.extent) {
            Some(stored) => Look::Here((stored, state.timeline.target_s())),
            None => Look::Never(No::Missing),
        }
    };
    let blocked = directives.awaited.is_some();
    match blocking::until(origin, channel, track, look).await {
        Ok((stored, target_s)) => {
            let cache = match blocked {
                true => seconds(TARGETS_BLOCKED * target_s),
                false => seconds(half(target_s)),
            };
            Some(respond(Content::stored(hls::CONTENT_TYPE, &cache, stored), headers).map(Body::Left))
        }
        Err(No::Missing) if !blocked => None,
        Err(no) => Some(refused(channel, no)),
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

/// What is refused now may be there soon, so caches keep the refusal no longer than a playlist.
fn refused(channel: &Channel, no: No) -> http::Response<Body> {
    let (status, words) = match no {
        No::Missing => (StatusCode::NOT_FOUND, "not here\n"),
        No::TooFar => (StatusCode::BAD_REQUEST, "too far ahead\n"),
        No::Late => (StatusCode::SERVICE_UNAVAILABLE, "it did not come in time\n"),
    };
    let mut answer = plain(status, words, NEVER);
    let cache = live(&channel.state().timeline);
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
    let mut answer = refused(channel, No::TooFar);
    *answer.body_mut() = Body::Left(Full::new(format!("{words}\n").into()));
    answer
}

/// Half a target duration, in whole seconds as HTTP has them.
fn live(timeline: &Timeline) -> String {
    seconds(half(timeline.target_s()))
}

pub(super) fn half(target_s: u32) -> u32 {
    (target_s / 2).max(1)
}

pub(super) fn seconds(max_age: u32) -> String {
    format!("public, max-age={max_age}")
}

/// The text of the present timeline, made at most once for each of its states.
pub(super) fn rendered(
    state: &mut State,
    key: &str,
    render: impl FnOnce(&Timeline) -> Option<String>,
) -> Option<Stored> {
    if let Some(stored) = state.rendered.texts.get(key) {
        return Some(stored.clone());
    }
    let text = render(&state.timeline)?;
    let etag = format!("\"{:016x}\"", fnv1a(text.as_bytes()));
    let stored = Stored { bytes: text.into(), etag };
    state.rendered.texts.insert(key.to_owned(), stored.clone());
    Some(stored)
}

pub(super) fn media_type(timeline: &Timeline, track: &manifest::TrackName) -> &'static str {
    match timeline.track(track) {
        Some(track) if !track.header().format.is_video() => "audio/mp4",
        _ => "video/mp4",
    }
}
