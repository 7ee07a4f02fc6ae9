//! Who runs what is wanted.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use door::Seen;
use tokio::sync::watch;

/// What an application of a workflow is waited for with.
pub type Applied<'a> = Pin<Box<dyn Future<Output = Result<(), Refused>> + Send + 'a>>;

/// A workflow that was not taken. What ran before runs on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the workflow was not taken: {0}")]
pub struct Refused(pub String);

/// Runs what a workflow file says: the supervisor, in the end.
pub trait Runner: Send + Sync {
    /// Makes what runs as `workflow` says, a file's text which `spec` takes, or one without channels where nothing is wanted. The
    /// same text again changes nothing. It returns once that is taken on, not only when all of it runs. `revision` is the store's, and comes back in [`Seen::revision`] once this is carried out.
    ///
    /// It is asked again with the newest text when it refuses, or does not tell that revision within some seconds.
    fn apply<'a>(&'a self, workflow: &'a str, revision: i64) -> Applied<'a>;

    /// What it sees now, and each time that changes.
    fn seen(&self) -> watch::Receiver<Arc<Seen>>;
}
