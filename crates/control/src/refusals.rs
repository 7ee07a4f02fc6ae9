//! Calls that were refused before they came to a door, for the audit log: written behind the scenes, so that nobody who is refused
//! waits for a disk, or makes others wait.

use std::time::Duration;

use store::{Call, Store};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::metrics::Metrics;

/// Refusals that wait to be written; further ones are counted, not kept.
const QUEUE: usize = 256;
/// Between two lines: whoever sends calls without a key must not keep the store's writer from others.
const PACE: Duration = Duration::from_millis(10);
/// How long what waits is written at the end.
const LAST_LINES: Duration = Duration::from_secs(3);
/// Longest text of a line that is the caller's own, in bytes.
const TEXT_MAX: usize = 256;

/// Where refusals are put.
#[derive(Clone, Debug)]
pub(crate) struct Refusals {
    queue: mpsc::Sender<Refusal>,
    metrics: Metrics,
}

#[derive(Debug)]
struct Refusal {
    call: Call,
    subject: String,
    outcome: String,
}

/// Writes them down until every [`Refusals`] is gone.
#[derive(Debug)]
pub(crate) struct Writer(JoinHandle<()>);

pub(crate) fn start(store: Store, metrics: Metrics) -> (Refusals, Writer) {
    let (queue, mut waiting) = mpsc::channel::<Refusal>(QUEUE);
    let writer = tokio::spawn(async move {
        while let Some(Refusal { call, subject, outcome }) = waiting.recv().await {
            let request_id = call.request_id.clone();
            if let Err(error) = store.refused(call, &subject, &outcome).await {
                tracing::warn!(%error, request_id, outcome, "a refused call could not be written to the audit log");
            }
            tokio::time::sleep(PACE).await;
        }
    });
    (Refusals { queue, metrics }, Writer(writer))
}

impl Refusals {
    /// A mutating call that was refused: `outcome` is the error's code.
    pub(crate) fn note(&self, call: Call, subject: &str, outcome: &str) {
        let refusal = Refusal {
            call: Call { who: bounded(&call.who), action: bounded(&call.action), ..call },
            subject: bounded(subject),
            outcome: bounded(outcome),
        };
        if self.queue.try_send(refusal).is_err() {
            self.metrics.audit_lost.inc();
        }
    }
}

impl Writer {
    /// Waits some seconds until all is written.
    pub(crate) async fn finished(self) {
        let _ = tokio::time::timeout(LAST_LINES, self.0).await;
    }
}

fn bounded(text: &str) -> String {
    let mut end = text.len().min(TEXT_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].replace('\0', " ")
}
