//! Packaging endpoints: other manifests over the same bytes, under paths of their own.
//!
//! A channel's segments are kept once. An endpoint says which of its tracks it shows, how far back, how late and in what
//! manifests ([`Manifest`]); its URLs all lie under its path, so that an edge keeps them like any other. The set can be replaced
//! while the origin runs ([`Endpoints::replace`]).

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, RwLock};

use http::HeaderMap;
use manifest::{Listing, View, dash, hls};
use media::ChannelName;
use sha2::{Digest, Sha256};

/// One endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The path in front of its files, without a slash at either end: `out/v1/0123`. No other's path continues it.
    pub path: String,
    /// Whose media it shows.
    pub channel: ChannelName,
    /// How long its segments are, in milliseconds, where longer than the channel's.
    pub segment_ms: Option<u32>,
    /// What a request must bring, where not everybody may ask.
    pub identifier: Option<Identifier>,
    /// What it offers; no two have the same name and kind of file.
    pub manifests: Vec<Manifest>,
}

/// A header field that only those know who may ask: a CDN's.
#[derive(Clone, PartialEq, Eq)]
pub struct Identifier {
    /// The field's name, in lower case.
    pub header: http::HeaderName,
    /// The SHA-256 of each value that is taken; never empty.
    pub sha256: Vec<[u8; 32]>,
}

impl fmt::Debug for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identifier").field("header", &self.header).finish_non_exhaustive()
    }
}

/// One manifest of an endpoint: `NAME.m3u8`, with `{track}/NAME.m3u8`, or `NAME.mpd`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// Its file name without ending.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// What it shows; its `segment_ms` is the endpoint's.
    pub view: View,
    /// How its playlists are written; `playlist` is its name.
    pub hls: hls::Style,
    /// How its MPD is written.
    pub dash: dash::Style,
}

/// What a manifest is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// HLS.
    Hls,
    /// HLS, and DASH under the same name.
    HlsAndDash,
    /// DASH.
    Dash,
}

impl Kind {
    pub(crate) const fn has_hls(self) -> bool {
        matches!(self, Self::Hls | Self::HlsAndDash)
    }

    pub(crate) const fn has_dash(self) -> bool {
        matches!(self, Self::Dash | Self::HlsAndDash)
    }
}

/// The endpoints of a running origin; every copy is the same set.
#[derive(Clone, Default)]
pub struct Endpoints(Arc<RwLock<BTreeMap<String, Arc<Kept>>>>);

impl fmt::Debug for Endpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.read().keys()).finish()
    }
}

impl Endpoints {
    /// These endpoints.
    pub fn new(endpoints: Vec<Endpoint>) -> Self {
        let set = Self::default();
        set.replace(endpoints);
        set
    }

    /// From now on these. One that is as before goes on as before, with the numbers of its segments.
    pub fn replace(&self, endpoints: Vec<Endpoint>) {
        let mut set = self.0.write().expect("no holder of the lock panics");
        let mut before = std::mem::take(&mut *set);
        for endpoint in endpoints {
            let kept = match before.remove(&endpoint.path) {
                Some(kept) if kept.endpoint == endpoint => kept,
                _ => Arc::new(Kept::new(endpoint)),
            };
            set.insert(kept.endpoint.path.clone(), kept);
        }
    }

    /// The endpoint under whose path this lies, and the file there.
    pub(crate) fn find<'p>(&self, path: &'p str) -> Option<(Arc<Kept>, &'p str)> {
        let path = path.strip_prefix('/')?;
        let set = self.read();
        let mut ends = path.match_indices('/').map(|(at, _)| at).take(MAX_ELEMENTS);
        ends.find_map(|at| set.get(&path[..at]).map(|kept| (kept.clone(), &path[at + 1..])))
    }

    /// All of them.
    pub(crate) fn all(&self) -> Vec<Arc<Kept>> {
        self.read().values().cloned().collect()
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, BTreeMap<String, Arc<Kept>>> {
        self.0.read().expect("no holder of the lock panics")
    }
}

/// Most elements of an endpoint's path.
const MAX_ELEMENTS: usize = 8;

/// An endpoint that is served.
pub(crate) struct Kept {
    pub(crate) endpoint: Endpoint,
    /// No other has had it: part of the keys of what is rendered.
    pub(crate) id: u64,
    /// What each manifest's view has listed lately, in their order.
    listings: Vec<Mutex<Listing>>,
    /// By kind of status, in the order of [`STATUSES`].
    answered: [Answered; STATUSES.len()],
}

/// Kinds of status that answers have.
const STATUSES: [&str; 4] = ["2xx", "3xx", "4xx", "5xx"];

/// What was answered.
#[derive(Debug, Default)]
pub(crate) struct Answered {
    requests: AtomicU64,
    bytes: AtomicU64,
}

impl Answered {
    /// How many requests.
    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Bytes of bodies.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}

impl Kept {
    fn new(endpoint: Endpoint) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let listings = endpoint.manifests.iter().map(|_| Mutex::default()).collect();
        Self { endpoint, id: NEXT.fetch_add(1, Ordering::Relaxed), listings, answered: Default::default() }
    }

    /// What a manifest's view has listed lately.
    pub(crate) fn listing(&self, manifest: usize) -> MutexGuard<'_, Listing> {
        self.listings[manifest].lock().expect("no holder of the lock panics")
    }

    /// A request was answered.
    pub(crate) fn count(&self, status: http::StatusCode, bytes: u64) {
        let kind = usize::from(status.as_u16() / 100).clamp(2, 5) - 2;
        self.answered[kind].requests.fetch_add(1, Ordering::Relaxed);
        self.answered[kind].bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// What was answered, by kind of status.
    pub(crate) fn answered(&self) -> impl Iterator<Item = (&'static str, &Answered)> {
        STATUSES.into_iter().zip(&self.answered)
    }

    /// Whether a request may ask.
    pub(crate) fn admits(&self, request: &HeaderMap) -> bool {
        let Some(identifier) = &self.endpoint.identifier else { return true };
        let mut values = request.get_all(&identifier.header).iter();
        let (Some(value), None) = (values.next(), values.next()) else { return false };
        let digest: [u8; 32] = Sha256::digest(value.as_bytes()).into();
        identifier.sha256.contains(&digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(path: &str, segment_ms: Option<u32>) -> Endpoint {
        let channel = "cam".parse().expect("a name");
        Endpoint { path: path.to_owned(), channel, segment_ms, identifier: None, manifests: Vec::new() }
    }

    #[test]
    fn a_path_leads_to_the_endpoint_it_begins_with() {
        let set = Endpoints::new(vec![endpoint("out/v1/a", None), endpoint("b", None)]);
        let found = |path| set.find(path).map(|(kept, file)| (kept.endpoint.path.clone(), file.to_owned()));
        let at = |endpoint: &str, file: &str| Some((endpoint.to_owned(), file.to_owned()));
        assert_eq!(found("/out/v1/a/index.m3u8"), at("out/v1/a", "index.m3u8"));
        assert_eq!(found("/out/v1/a/720p/1.m4s"), at("out/v1/a", "720p/1.m4s"));
        assert_eq!(found("/b/"), at("b", ""));
        for path in ["", "/", "/b", "/out/v1/ab/index.m3u8", "/out/v1/index.m3u8", "b/x"] {
            assert_eq!(found(path), None, "{path}");
        }
    }

    #[test]
    fn only_what_changed_begins_anew() {
        let set = Endpoints::new(vec![endpoint("a", None), endpoint("b", None)]);
        let id = |path| set.find(path).map(|(kept, _)| kept.id);
        let (a, b) = (id("/a/x"), id("/b/x"));
        set.replace(vec![endpoint("a", None), endpoint("b", Some(6_000))]);
        assert_eq!(id("/a/x"), a);
        assert_ne!(id("/b/x"), b);
        set.replace(vec![endpoint("a", None)]);
        assert_eq!(id("/b/x"), None);
    }
}
