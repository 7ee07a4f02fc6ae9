//! What every API door is given and gives back.
//!
//! A [`Door`] is one AWS service, or any other way to say what should be. It turns calls into resources of the store
//! ([`Door::call`]), says what those ask to run ([`Door::wanted`]: tables of a workflow file, so that every door ends in the one
//! reader, `spec`), and what state they are in given what is seen to run ([`Door::observe`]). The last two are pure: the same
//! resources and sights give the same answer, so whoever calls them may do so again and again, after any crash.
//!
//! What other doors made, the workflow file and the native API among them, a service shows too ([`Others`]), and changes none of it.
//!
//! `control` gathers the doors: it listens, knows who asks and whether they may, and keeps what runs as wanted.

#![forbid(unsafe_code)]

mod arns;
mod caller;
mod listed;
mod names;
mod others;
mod refusal;
mod seen;
mod site;
mod tags;
mod wanted;

use std::future::Future;
use std::pin::Pin;

use aws::{Error, Map};
use media::Utc;
use store::{Observation, Resource};

pub use arns::Arns;
pub use caller::Caller;
pub use listed::listed;
pub use names::media_name;
pub use others::{Made, NoOthers, OWNER_TAG, Other, OtherState, Others, Sight, Told};
pub use refusal::{Refusal, refused, settle};
pub use seen::{ChannelSeen, Seen};
pub use site::Site;
pub use tags::{tag_map, tags};
pub use wanted::{Wanted, table};

/// What an answer is waited for with.
pub type Answer<'a> = Pin<Box<dyn Future<Output = Result<Map, Error>> + Send + 'a>>;

/// What the ARNs that a call is about are waited for with.
pub type About<'a> = Pin<Box<dyn Future<Output = Result<Vec<String>, Error>> + Send + 'a>>;

/// A page for anybody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Its media type.
    pub kind: &'static str,
    /// What is on it.
    pub text: String,
}

/// What a page is waited for with; it may turn out not to be there.
pub type Reading<'a> = Pin<Box<dyn Future<Output = Option<Page>> + Send + 'a>>;

/// One service.
pub trait Door: Send + Sync {
    /// Its name in [`aws::Model`]: `medialive`.
    fn service(&self) -> &'static str;

    /// Does an operation: `input` is as the description says in types and bounds. What it changes is durable, with its audit line,
    /// when this returns. An operation it does not do is `None`, which the caller hears by name.
    ///
    /// # Errors
    /// The service's own exceptions, by the names that the description gives them.
    fn call<'a>(&'a self, caller: &'a Caller, operation: &'static str, input: Map) -> Option<Answer<'a>>;

    /// The ARNs of what a call is about, for policies, which must allow every one: `*` where the operation is about none in particular
    /// (lists). None where the door does not say: then only what allows the operation on every resource allows it, and what denies it
    /// on any denies it. The input is not held against its description yet. [`Arns`] says it by a table.
    ///
    /// # Errors
    /// What it is about has to be looked up, and that failed.
    fn about<'a>(&'a self, caller: &'a Caller, operation: &'a str, input: &'a Map) -> About<'a> {
        let _ = (caller, operation, input);
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    /// Whether an operation may come without a signature, as links in messages do: its input must hold something that nobody can
    /// guess. The caller is then [`Caller::ANYBODY`].
    fn takes_unsigned(&self, operation: &str) -> bool {
        let _ = operation;
        false
    }

    /// A page that anybody may get by its path, such as a certificate that messages name; `None` where the path is no page of its.
    fn page<'a>(&'a self, path: &'a str) -> Option<Reading<'a>> {
        let _ = path;
        None
    }

    /// What the resources ask to run. `resources` is all the store holds, of every door, tombstones among them.
    fn wanted(&self, resources: &[Resource], site: &Site) -> Wanted {
        let _ = (resources, site);
        Wanted::default()
    }

    /// How a resource is, in its service's own word: `RUNNING`. `None` for what another door made, and for what has no state.
    fn state(&self, resource: &Resource) -> Option<String> {
        let _ = resource;
        None
    }

    /// The states of this door's resources, given what is seen; only those that differ from what is stored.
    fn observe(&self, resources: &[Resource], seen: &Seen, now: Utc) -> Vec<Observation> {
        let _ = (resources, seen, now);
        Vec::new()
    }
}
