//! Paths that only some network addresses may fetch: packaging endpoints with `allow`.
//!
//! [`Fences`] is a handle, as [`Distributions`](crate::Distributions) is one: [`Fences::set`] puts others in place while the edge serves. What
//! comes by a distribution is not looked at here: there the endpoint is asked by the edge, not by its viewer.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use spec::{Endpoint, Network};

/// Who may fetch what lies below which paths, to be changed while the edge serves. Copies are one and the same.
#[derive(Clone, Debug, Default)]
pub struct Fences(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// There are any: all that others' requests look at.
    any: AtomicBool,
    /// By path, without slashes around it. None goes on from another.
    fences: RwLock<BTreeMap<String, Vec<Network>>>,
}

impl Fences {
    /// Puts those of these endpoints in place of those there are, for all requests that come from now on.
    pub fn set(&self, endpoints: &[Endpoint]) {
        let fenced = endpoints.iter().filter(|endpoint| !endpoint.allow.is_empty());
        let fences: BTreeMap<_, _> =
            fenced.map(|endpoint| (endpoint.path.clone(), endpoint.allow.clone())).collect();
        let any = !fences.is_empty();
        *self.0.fences.write().unwrap_or_else(PoisonError::into_inner) = fences;
        self.0.any.store(any, Ordering::Release);
    }

    /// Whether `viewer` may fetch `target`, which is canonical.
    pub(crate) fn lets_in(&self, target: &str, viewer: IpAddr) -> bool {
        if !self.0.any.load(Ordering::Acquire) {
            return true;
        }
        let path = target.split_once('?').map_or(target, |(path, _)| path).trim_start_matches('/');
        let fences = self.0.fences.read().unwrap_or_else(PoisonError::into_inner);
        let mut above = path.match_indices('/').map(|(at, _)| &path[..at]).chain([path]);
        let fence = above.find_map(|path| fences.get(path));
        fence.is_none_or(|networks| networks.iter().any(|network| network.contains(viewer)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_below_a_path_is_for_its_networks() {
        let text = "[[channel]]\nname = \"main\"\ninput = \"test\"\n[[endpoint]]\nname = \"a\"\nchannel = \"main\"\n\
                    path = \"out/v1/main\"\nallow = [\"10.0.0.0/8\", \"::1\"]\nmanifest = [{ name = \"index\", kind = \"hls\" }]\n";
        let endpoints = spec::Workflow::parse(text).expect("valid").endpoints;
        let fences = Fences::default();
        let asks = |target: &str, viewer: &str| fences.lets_in(target, viewer.parse().expect(viewer));
        assert!(asks("/out/v1/main/index.m3u8", "192.0.2.1"));
        fences.set(&endpoints);
        for target in
            ["/out/v1/main/index.m3u8", "/out/v1/main/720p30/7.m4s?x=/out/v1/other/", "/out/v1/main"]
        {
            assert!(
                asks(target, "10.1.2.3") && asks(target, "::ffff:10.1.2.3") && asks(target, "::1"),
                "{target}"
            );
            assert!(!asks(target, "192.0.2.1") && !asks(target, "::2"), "{target}");
        }
        for target in ["/out/v1/main2/index.m3u8", "/out/v1", "/main/index.m3u8", "/"] {
            assert!(asks(target, "192.0.2.1"), "{target}");
        }
        fences.set(&[]);
        assert!(asks("/out/v1/main/index.m3u8", "192.0.2.1"));
    }
}
