//! What an endpoint's URLs hold: its own manifests, and the channel's segments.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode};
use manifest::hls::Extent;
use manifest::{Timeline, TrackName, dash, hls};

use super::conditional::{Content, respond};
use super::files::{self, half, media_type, rendered, seconds};
use super::route::{self, ChannelFile};
use super::{Body, IMMUTABLE, NEVER, plain};
use crate::Origin;
use crate::channel::{Channel, State};
use crate::endpoints::{Kept, Manifest};
use crate::window::Stored;

/// A file of an endpoint. The number is its manifest's place.
enum File {
    Multivariant(usize),
    Mpd(usize),
    Media(usize, TrackName),
    /// The segment that begins at this time, where segments are joined.
    Joined(TrackName, i64),
    /// The segment of this number.
    Numbered(TrackName, u64),
    /// As the channel has it.
    Channel(ChannelFile),
}

/// Answers for one file of an endpoint; nothing where there is none.
pub(super) async fn answer(
    origin: &Origin,
    kept: &Kept,
    file: &str,
    query: &str,
    headers: &HeaderMap,
) -> Option<http::Response<Body>> {
    if !kept.admits(headers) {
        let words = "this endpoint answers those who bring its identifier\n";
        return Some(plain(StatusCode::FORBIDDEN, words, NEVER).map(Body::Left));
    }
    let channel = origin.channels.get(&kept.endpoint.channel)?;
    let channel = &*channel;
    let file = read(kept, file)?;
    if !matches!(file, File::Channel(_)) {
        channel.caught_up().await;
    }
    match file {
        File::Multivariant(at) => {
            let style = &kept.endpoint.manifests[at].hls;
            let found = shown(&mut channel.state(), kept, at, "m3u8", |timeline| {
                hls::multivariant_in(style, timeline)
            });
            manifest(kept, channel, hls::CONTENT_TYPE, found?, headers)
        }
        File::Mpd(at) => {
            let style = &kept.endpoint.manifests[at].dash;
            let found =
                shown(&mut channel.state(), kept, at, "mpd", |timeline| dash::mpd_in(style, timeline));
            manifest(kept, channel, dash::CONTENT_TYPE, found?, headers)
        }
        File::Media(at, track) => {
            let found = &kept.endpoint.manifests[at];
            let render = |state: &mut State, extent| playlist(state, kept, at, &track, extent);
            if found.view.lists_parts && channel.state().timeline.shape().part_us.is_some() {
                return files::blocking_playlist(origin, channel, &track, query, headers, render).await;
            }
            let found = render(&mut channel.state(), Extent::Whole);
            manifest(kept, channel, hls::CONTENT_TYPE, found?, headers)
        }
        File::Joined(track, start) => {
            let state = channel.state();
            let listed = |at: usize| kept.listing(at).at(&track, start).map(|listed| listed.members.clone());
            segment(&state, kept, &track, listed, headers)
        }
        File::Numbered(track, number) => {
            let state = channel.state();
            let listed =
                |at: usize| kept.listing(at).numbered(&track, number).map(|listed| listed.members.clone());
            segment(&state, kept, &track, listed, headers)
        }
        File::Channel(file) => files::answer(origin, channel, &file, query, headers).await,
    }
}

fn read(kept: &Kept, file: &str) -> Option<File> {
    let manifests = &kept.endpoint.manifests;
    let named = |name: &str, is: fn(&Manifest) -> bool| {
        manifests.iter().position(|manifest| manifest.name == name && is(manifest))
    };
    let Some((track, name)) = file.split_once('/') else {
        return match file.rsplit_once('.')? {
            (name, "m3u8") => named(name, |manifest| manifest.kind.has_hls()).map(File::Multivariant),
            (name, "mpd") => named(name, |manifest| manifest.kind.has_dash()).map(File::Mpd),
            _ => None,
        };
    };
    let track: TrackName = track.parse().ok()?;
    if let Some(name) = name.strip_suffix(".m3u8") {
        return named(name, |manifest| manifest.kind.has_hls()).map(|at| File::Media(at, track));
    }
    if let Some(number) = name.strip_prefix("number-").and_then(|name| name.strip_suffix(".m4s")) {
        return Some(File::Numbered(track, route::canonical(number)?));
    }
    match route::track_file(track, name)? {
        ChannelFile::Segment(track, start) if kept.endpoint.segment_ms.is_some() => {
            Some(File::Joined(track, start))
        }
        ChannelFile::Slot(..) => None,
        file => Some(File::Channel(file)),
    }
}

/// A text of what a manifest's view shows now, made at most once for each state of the channel.
fn shown(
    state: &mut State,
    kept: &Kept,
    at: usize,
    what: &str,
    render: impl FnOnce(&Timeline) -> Option<String>,
) -> Option<Stored> {
    let view = &kept.endpoint.manifests[at].view;
    let (views, timeline) = (&mut state.rendered.views, &state.timeline);
    let present = || Arc::new(view.of(timeline, &mut kept.listing(at)));
    let shown = views.entry((kept.id, at)).or_insert_with(present).clone();
    rendered(state, &format!("{}/{at}/{what}", kept.id), |_| render(&shown))
}

fn playlist(state: &mut State, kept: &Kept, at: usize, track: &TrackName, extent: Extent) -> Option<Stored> {
    let style = &kept.endpoint.manifests[at].hls;
    let what = format!("{track}/{extent:?}");
    shown(state, kept, at, &what, |timeline| hls::media_in(style, timeline, track, extent))
}

fn manifest(
    kept: &Kept,
    channel: &Channel,
    kind: &str,
    stored: Stored,
    headers: &HeaderMap,
) -> Option<http::Response<Body>> {
    let segment_s = kept.endpoint.segment_ms.map_or(0, |ms| ms.div_ceil(1_000));
    let target_s = channel.state().timeline.target_s().max(segment_s);
    let cache = seconds(half(target_s));
    Some(respond(Content::stored(kind, &cache, stored), headers).map(Body::Left))
}

/// One or more of the channel's segments as one. `listed` finds which they are among what a manifest has listed lately.
fn segment(
    state: &State,
    kept: &Kept,
    track: &TrackName,
    listed: impl Fn(usize) -> Option<Vec<i64>>,
    headers: &HeaderMap,
) -> Option<http::Response<Body>> {
    let manifests = 0..kept.endpoint.manifests.len();
    let members = manifests.clone().find_map(&listed).or_else(|| {
        // Asked for before any playlist was since this origin or endpoint began: the player knows it from before.
        manifests.into_iter().find_map(|at| {
            kept.endpoint.manifests[at].view.of(&state.timeline, &mut kept.listing(at));
            listed(at)
        })
    })?;
    let found: Option<Vec<&Stored>> =
        members.iter().map(|start| state.window.segment(track, *start)).collect();
    let stored = match found?.as_slice() {
        [only] => (*only).clone(),
        all => Stored::new(concatenated(all)),
    };
    let kind = media_type(&state.timeline, track);
    Some(respond(Content::stored(kind, IMMUTABLE, stored), headers).map(Body::Left))
}

fn concatenated(all: &[&Stored]) -> Bytes {
    let mut bytes = BytesMut::with_capacity(all.iter().map(|stored| stored.bytes.len()).sum());
    all.iter().for_each(|stored| bytes.extend_from_slice(&stored.bytes));
    bytes.freeze()
}
