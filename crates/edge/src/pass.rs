//! Answers for one viewer alone: as fast as he takes them, nothing kept.

use std::sync::Arc;

use http_cache::Key;
use tokio::sync::OwnedSemaphorePermit;

use crate::body::{Next, Piece};
use crate::client::{Fetch, Reply};
use crate::counters::{FetchEnd, Phase};
use crate::fetch::{self, Chain};
use crate::gate::Method;
use crate::object::{end_to_end, may_have_body};
use crate::respond::{Answer, Ask, Head};
use crate::source::Source;
use crate::store::Failure;
use crate::worker::Worker;

/// The body of an answer that is passed on.
#[derive(Debug)]
pub(crate) struct Passing {
    worker: Arc<Worker>,
    key: Key,
    reply: Reply,
    ahead: Option<Next>,
    _permit: OwnedSemaphorePermit,
}

/// Fetches for this viewer alone, or passes on what was fetched.
pub(crate) async fn pass(
    worker: &Arc<Worker>,
    key: &Key,
    ask: Ask<'_>,
    via: Option<&str>,
    reply: Option<Reply>,
) -> Answer {
    let limits = &worker.shared.limits;
    let Some(permit) = worker.may_fetch() else {
        return Answer::failure(ask.method, Failure::Busy);
    };
    let bypass = reply.is_none();
    let reply = match reply {
        Some(reply) => reply,
        None => match worker.client.get(Fetch { target: key.as_str(), known: None, via }, limits).await {
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
        let (worker, key) = (worker.clone(), key.clone());
        Source::Passing(Box::new(Passing { worker, key, reply, ahead: None, _permit: permit }))
    };
    if !body.begin().await {
        return Answer::failure(ask.method, Failure::BrokenOff);
    }
    Answer { status, phase: Phase::Pass, head, body }
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
        let limit = self.worker.shared.limits.between_bytes_time;
        match self.reply.next(&self.worker.client, limit).await {
            Ok(Some(bytes)) => Next::Piece(Piece::Bytes(bytes)),
            Ok(None) => Next::End,
            Err(fault) => {
                tracing::warn!(key = %self.key, fault = %Chain(&fault), "the origin's answer broke off");
                Next::Broken
            }
        }
    }
}
