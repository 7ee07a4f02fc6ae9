//! Answers for one viewer alone: as fast as he takes them, nothing kept.

use std::sync::Arc;
use std::time::Duration;

use http_cache::Key;
use tokio::sync::OwnedSemaphorePermit;

use crate::body::{Next, Piece};
use crate::client::{Client, Reply};
use crate::counters::{FetchEnd, Phase};
use crate::fetch::{self, Chain};
use crate::gate::Method;
use crate::object::{end_to_end, may_have_body};
use crate::resolve::Errand;
use crate::respond::{Answer, Ask, Head};
use crate::source::Source;
use crate::store::Failure;
use crate::worker::Worker;

/// The body of an answer that is passed on.
#[derive(Debug)]
pub(crate) struct Passing {
    key: Key,
    client: Arc<Client>,
    /// Between two pieces of it.
    patience: Duration,
    reply: Reply,
    ahead: Option<Next>,
    _permit: OwnedSemaphorePermit,
}

/// Fetches for this viewer alone, or passes on what was fetched.
pub(crate) async fn pass(
    worker: &Arc<Worker>,
    key: &Key,
    ask: Ask<'_>,
    errand: &Errand,
    reply: Option<Reply>,
) -> Answer {
    let (limits, client) = (errand.limits(worker), errand.client(worker));
    let Some(permit) = worker.may_fetch() else {
        return Answer::failure(ask.method, Failure::Busy);
    };
    let bypass = reply.is_none();
    let reply = match reply {
        Some(reply) => reply,
        None => match client.get(errand.fetch(key, None), limits).await {
            Ok(reply) => {
                worker.counters.fetched(FetchEnd::Passed);
                reply
            }
            Err(fault) => {
                tracing::warn!(%key, fault = %Chain(&fault), "fetch failed");
                let (end, failure) = fetch::end_of(&fault);
                worker.counters.fetched(end);
                return Answer::failure(ask.method, failure);
            }
        },
    };
    let status = reply.head.status;
    let head = Head::Passed {
        lines: end_to_end(status, &reply.head.headers),
        len: reply.declared_len(),
        delimited: reply.is_delimited(),
        bypass,
    };
    let mut body = if ask.method == Method::Head || !may_have_body(status) {
        Source::Nothing
    } else {
        let (key, patience) = (key.clone(), limits.between_bytes_time);
        Source::Passing(Box::new(Passing { key, client, patience, reply, ahead: None, _permit: permit }))
    };
    if !body.begin().await {
        return Answer::failure(ask.method, Failure::BrokenOff);
    }
    Answer { status, phase: Phase::Pass, head, body, dress: None }
}

impl Passing {
    pub(crate) async fn begin(&mut self) -> bool {
        let next = self.next().await;
        let begun = !matches!(next, Next::Broken);
        self.ahead = Some(next);
        begun
    }

    pub(crate) async fn next(&mut self) -> Next {
        if let Some(next) = self.ahead.take() {
            return next;
        }
        match self.reply.next(&self.client, self.patience).await {
            Ok(Some(bytes)) => Next::Piece(Piece::Bytes(bytes)),
            Ok(None) => Next::End,
            Err(fault) => {
                tracing::warn!(key = %self.key, fault = %Chain(&fault), "the origin's answer broke off");
                Next::Broken
            }
        }
    }
}
