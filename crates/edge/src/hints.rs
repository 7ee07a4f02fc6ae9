//! Which targets an origin may hold: those that playlists hint at before they exist.
//!
//! A playlist of low-latency HLS names the next part by `EXT-X-PRELOAD-HINT`; the origin answers a request for it when
//! the part is there (RFC 8216bis §4.4.5.3). Its silence until then is no sign of ill health.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use http::{HeaderMap, header};
use http_cache::KeyRules;

/// How long a hint is believed: parts are far shorter.
const BELIEF: Duration = Duration::from_secs(20);
/// Hints known at once. Each rendition has one or two; when there are more, the oldest are forgotten.
const MAX_HINTS: usize = 4_096;
/// How much of a playlist's end is searched, in bytes: hints stand there.
const SEARCHED: usize = 4 * 1024;

/// The hints of late.
#[derive(Debug, Default)]
pub(crate) struct Hints {
    known: Mutex<HashMap<Box<str>, Instant>>,
}

/// Whether an answer is a playlist of HLS.
pub(crate) fn is_playlist(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    kind.is_some_and(|kind| kind.to_ascii_lowercase().contains("mpegurl"))
}

/// The last bytes of a body that comes in pieces.
#[derive(Debug, Default)]
pub(crate) struct Ending(Vec<u8>);

impl Ending {
    pub(crate) fn append(&mut self, piece: &[u8]) {
        self.0.extend_from_slice(&piece[piece.len().saturating_sub(SEARCHED)..]);
        self.0.drain(..self.0.len().saturating_sub(SEARCHED));
    }
}

impl Hints {
    /// Whether the origin may hold its answer to `target`: a blocking playlist reload, or a part that was hinted at.
    pub(crate) fn is_held(&self, target: &str, now: Instant) -> bool {
        is_blocking_reload(target)
            || self.known().get(target).is_some_and(|since| now.saturating_duration_since(*since) < BELIEF)
    }

    /// Learns from the end of a playlist, the answer to `target`.
    pub(crate) fn learn(&self, target: &str, playlist: &Ending, rules: &KeyRules, now: Instant) {
        for uri in hinted(&playlist.0) {
            let Some(target) = resolve(target, uri) else { continue };
            let Ok(target) = rules.canonical(&target) else { continue };
            let mut known = self.known();
            if known.len() >= MAX_HINTS {
                known.retain(|_, since| now.saturating_duration_since(*since) < BELIEF);
            }
            if known.len() >= MAX_HINTS {
                known.clear();
            }
            known.insert(target.into(), now);
        }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<Box<str>, Instant>> {
        self.known.lock().expect("nothing panics while it holds the hints")
    }
}

fn is_blocking_reload(target: &str) -> bool {
    let query = target.split_once('?').map_or("", |(_, query)| query);
    query.split('&').any(|parameter| parameter.starts_with("_HLS_msn="))
}

/// The URIs of the `EXT-X-PRELOAD-HINT` tags in a playlist, or the end of one.
fn hinted(playlist: &[u8]) -> impl Iterator<Item = &str> {
    playlist.split(|b| *b == b'\n').filter_map(|line| {
        let attributes = std::str::from_utf8(line).ok()?.strip_prefix("#EXT-X-PRELOAD-HINT:")?;
        let uri = attributes.split_once("URI=\"")?.1.split_once('"')?.0;
        (!uri.is_empty()).then_some(uri)
    })
}

/// The target of `uri`, which stands in the answer to `base`; `None` for one on another host.
fn resolve(base: &str, uri: &str) -> Option<String> {
    if uri.starts_with('/') {
        return (!uri.starts_with("//")).then(|| uri.to_owned());
    }
    if uri.split('/').next().is_some_and(|first| first.contains(':')) {
        return None;
    }
    let path = base.split_once('?').map_or(base, |(path, _)| path);
    let mut folder = path.rsplit_once('/')?.0;
    let mut rest = uri;
    loop {
        if let Some(same) = rest.strip_prefix("./") {
            rest = same;
        } else if let Some(above) = rest.strip_prefix("../") {
            (folder, rest) = (folder.rsplit_once('/')?.0, above);
        } else {
            return Some(format!("{folder}/{rest}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_hinted_part_and_the_blocking_reload_may_be_held() {
        let (hints, rules, now) = (Hints::default(), KeyRules::hls(), Instant::now());
        let playlist = b"#EXTM3U\n#EXTINF:2,\n5.m4s\n#EXT-X-PART:DURATION=0.25,URI=\"6.0.m4s\"\n\
            #EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"6.1.m4s\",BYTERANGE-START=0\n";
        let target = "/demo/720p30/index.m3u8?_HLS_msn=6&_HLS_part=1";
        let mut ending = Ending::default();
        ending.append(&[b' '; 9_000]);
        for piece in playlist.chunks(7) {
            ending.append(piece);
        }
        hints.learn(target, &ending, &rules, now);
        for (target, held) in [
            ("/demo/720p30/6.1.m4s", true),
            ("/demo/720p30/6.0.m4s", false),
            ("/demo/720p30/index.m3u8", false),
            ("/demo/720p30/index.m3u8?_HLS_msn=6", true),
            ("/demo/_HLS_msn=6/index.m3u8", false),
        ] {
            assert_eq!(hints.is_held(target, now), held, "{target}");
        }
        assert!(!hints.is_held("/demo/720p30/6.1.m4s", now + BELIEF));
    }

    #[test]
    fn hints_are_resolved_as_players_do() {
        for (uri, target) in [
            ("p.mp4", Some("/a/b/p.mp4")),
            ("./p.mp4", Some("/a/b/p.mp4")),
            ("../c/p.mp4", Some("/a/c/p.mp4")),
            ("/p.mp4", Some("/p.mp4")),
            ("//host/p.mp4", None),
            ("http://host/p.mp4", None),
            ("../../../p.mp4", None),
        ] {
            assert_eq!(resolve("/a/b/index.m3u8?x=/1", uri).as_deref(), target, "{uri}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_may_come_and_hints_stay_bounded(
            bytes in "(#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"[a-z./]{0,5}\"?\n|.{0,9}\n){0,50}",
        ) {
            let hints = Hints::default();
            hints.learn("/a/index.m3u8", &Ending(bytes.into_bytes()), &KeyRules::hls(), Instant::now());
            prop_assert!(hints.known().len() <= 50);
        }
    }
}
