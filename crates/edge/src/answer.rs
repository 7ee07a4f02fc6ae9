//! Answers over HTTP/1.1 that take waiting: for the origin, for an object to fill, for a large object to leave.

use std::sync::Arc;
use std::time::Instant;

use crate::body::{Next, Piece};
use crate::counters::{Phase, Shed};
use crate::gate::{Persistence, Version};
use crate::http1::{self, Framing};
use crate::resolve::{Question, resolve};
use crate::respond::Answer;
use crate::send::{Gone, Sender};
use crate::store::Found;
use crate::transport::Transport;
use crate::worker::{Draining, Worker};

/// A request whose answer has to wait.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) question: Question,
    pub(crate) version: Version,
    pub(crate) persistence: Persistence,
    pub(crate) known: Known,
}

/// What is known of the answer already.
#[derive(Debug)]
pub(crate) enum Known {
    Answer(Box<Answer>),
    Found(Found),
}

/// Answers; says what becomes of the connection.
pub(crate) async fn run(
    worker: &Arc<Worker>,
    stream: &mut Transport,
    waiting: Waiting,
) -> Result<Persistence, Gone> {
    let Waiting { question, version, persistence, known } = waiting;
    let answer = match known {
        Known::Answer(answer) => *answer,
        Known::Found(found) => tokio::select! {
            biased;
            answer = or_gone(stream, resolve(worker, &question, found)) => answer?,
            () = worker.shared.drained_to(Draining::Ending) => {
                worker.counters.shed(Shed::Draining);
                Answer::draining(question.method())
            }
        },
    };
    // One that waited since before the drain is told now.
    let persistence = if worker.shared.is_draining() { Persistence::Close } else { persistence };
    let (status, phase) = (answer.status.as_u16(), answer.phase);
    if phase == Phase::Local {
        worker.counters.answered(status, phase);
    }
    let persistence = send(worker, stream, answer, version, persistence).await?;
    if phase != Phase::Local {
        worker.counters.answered(status, phase);
    }
    tracing::debug!(target: "edge::access", target_path = %question.key, status, cache = ?phase);
    Ok(persistence)
}

/// Waits, unless the viewer leaves meanwhile.
async fn or_gone<T>(stream: &mut Transport, wait: impl Future<Output = T>) -> Result<T, Gone> {
    tokio::pin!(wait);
    tokio::select! {
        biased;
        done = &mut wait => Ok(done),
        gone = stream.gone() => if gone {
            Err(Gone)
        } else {
            // The next request is here already: its sender is waiting for this answer.
            Ok(wait.await)
        },
    }
}

/// Sends an answer, its bytes as they come. One that breaks off takes the connection with it, so that no viewer takes
/// a part for the whole.
async fn send(
    worker: &Worker,
    stream: &mut Transport,
    mut answer: Answer,
    version: Version,
    persistence: Persistence,
) -> Result<Persistence, Gone> {
    let mut head = Vec::with_capacity(1024);
    let framing = http1::write_head(
        &answer,
        version,
        persistence,
        stream.alt_svc(&worker.shared),
        Instant::now(),
        &mut head,
    );
    let mut sender = Sender::new(stream, &worker.shared.limits, &worker.counters);
    if answer.body.is_nothing() {
        sender.bytes(&[&head]).await?;
        return Ok(if framing == Framing::Close { Persistence::Close } else { persistence });
    }
    let mut head = head.as_slice();
    loop {
        match answer.body.next().await {
            Next::Piece(piece) => {
                sender.was_idle();
                sender.head_and_piece(std::mem::take(&mut head), piece, framing).await?;
            }
            Next::End => {
                if !head.is_empty() {
                    sender.head_and_piece(head, Piece::Bytes(bytes::Bytes::new()), framing).await?;
                }
                sender.end(framing).await?;
                return Ok(if framing == Framing::Close { Persistence::Close } else { persistence });
            }
            Next::Broken => {
                stream.abort();
                return Err(Gone);
            }
        }
    }
}
