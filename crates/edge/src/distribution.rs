//! Distributions: sites of their own on one edge, each with hosts, origins and rules.
//!
//! A request whose `Host` is a distribution's, or whose path lies below its mount, is answered by the first of its behaviours
//! that fits the path: [`way`] makes of the request the key it has in the cache, what the origin is asked, and what is done
//! to the answer ([`dress`]). Everything between is the edge's as for any request: distributions share its cache, each below a
//! root of its own (`//NAME`), which no request target can have.
//!
//! [`Distributions`] is a handle: [`Distributions::set`] puts another set in place while the edge serves. Requests under
//! way go on by the rules they came under, and origins that stayed the same keep their connections and what is known of them.

mod dress;
mod enter;
mod figures;
mod routes;
mod upstream;
mod way;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, RwLock};

use crate::config::Upstream;
use crate::origin::OriginError;
use crate::via::Pseudonym;

pub(crate) use dress::{Dress, Words};
pub(crate) use enter::{dress, enter, finish, is_final};
pub(crate) use figures::DistributionFigures;
pub(crate) use routes::Distribution;
pub use way::key_of;
pub(crate) use way::{FieldsOf, Way};

use routes::Routes;

/// The distributions of an edge, to be changed while it serves. Copies are one and the same.
#[derive(Clone, Debug)]
pub struct Distributions(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// Where the edge itself fetches: what `target = "origin"` means.
    own: Upstream,
    /// What the edge calls itself, whichever origin it asks.
    pseudonym: Pseudonym,
    /// There are any: all that others' requests look at.
    any: AtomicBool,
    routes: RwLock<Arc<Routes>>,
    /// One change at a time.
    changing: Mutex<()>,
}

impl Distributions {
    /// None yet, for an edge that fetches from `own`.
    pub fn new(own: &Upstream) -> Distributions {
        Distributions(Arc::new(Shared {
            own: own.clone(),
            pseudonym: Pseudonym::new(),
            any: AtomicBool::new(false),
            routes: RwLock::default(),
            changing: Mutex::default(),
        }))
    }

    /// Puts these in place of those there are, for all requests that come from now on. On an error nothing has changed.
    ///
    /// # Errors
    /// An origin that cannot be used: its certificate could not be verified, or a name no certificate can be for.
    pub fn set(&self, distributions: &[spec::Distribution]) -> Result<(), OriginError> {
        let _one = self.0.changing.lock().expect("nothing panics while it changes distributions");
        let before = self.routes();
        let next = Arc::new(Routes::new(distributions, &before, &self.0.own, &self.0.pseudonym)?);
        *self.0.routes.write().expect("nothing panics while it holds the routes") = next.clone();
        self.0.any.store(!distributions.is_empty(), Ordering::Release);
        before.retire_all_but(&next);
        tracing::info!(distributions = distributions.len(), "distributions in place");
        Ok(())
    }

    /// The distribution that a request is for, and the rest of its target below it. `target` is canonical.
    pub(crate) fn find<'t>(
        &self,
        host: Option<&[u8]>,
        target: &'t str,
    ) -> Option<(Arc<Distribution>, &'t str)> {
        if !self.0.any.load(Ordering::Acquire) {
            return None;
        }
        let routes = self.0.routes.read().expect("nothing panics while it holds the routes");
        routes.find(host, target).map(|(found, rest)| (found.clone(), rest))
    }

    /// Whether there is one of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.routes().has(name)
    }

    pub(crate) fn pseudonym(&self) -> Pseudonym {
        self.0.pseudonym.clone()
    }

    fn routes(&self) -> Arc<Routes> {
        self.0.routes.read().expect("nothing panics while it holds the routes").clone()
    }
}

/// What every key of a distribution begins with.
pub(crate) fn root(name: &str) -> String {
    format!("//{name}")
}
