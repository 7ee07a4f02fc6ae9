//! One viewer's HTTP/2 connection: [`http2::Connection`] between the socket and the cache.
//!
//! As over HTTP/1.1, small objects that are fresh are answered between one read and one write: the requests of a read
//! are answered into the thread's buffer, which leaves in one write. Answers that take longer are [`Reply`]s, which go
//! round: each may write one frame before the next one's turn. Nothing is written ahead of the kernel but what it
//! refused, at most [`QUEUE`], and nothing is read while it refuses, so that a viewer who asks and does not read waits
//! for himself.
//!
//! How long a viewer may keep the edge waiting is judged as over HTTP/1.1 (`patience`), wherever he does it: with the
//! socket's buffer or with the protocol's windows.

mod drain;
mod head;
mod patience;
mod reply;
mod send;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use http2::{Connection, Event, Fault, Headers, StreamId};
use tokio::io::ReadBuf;
use tokio::time::{Sleep, sleep_until};

use self::drain::Drain;
use self::patience::Pace;
use self::reply::{Desk, Reply, Step};
use crate::admission::Place;
use crate::counters::Closed;
use crate::gate::{self, Pseudo, Violation};
use crate::linger::linger;
use crate::resolve::{Question, Visit, at_once, enter};
use crate::respond::{Answer, Ask};
use crate::send::Gone;
use crate::source::Source;
use crate::tls::Protocol;
use crate::transport::Transport;
use crate::worker::Worker;

/// What is read at once, in bytes; a longest frame fits.
const INPUT: usize = 2 * http2::limits::MAX_FRAME;
/// Answers are sent when they come to this, in bytes.
const BATCH: usize = 48 * 1024 - http2::limits::MAX_FRAME;
/// Most that is written and not taken by the kernel, in bytes: a batch, one more small answer and what the protocol
/// itself has to say.
const QUEUE: usize = 64 * 1024;
/// Largest body that is answered at once, in bytes: one frame.
const AT_ONCE: u64 = http2::limits::MAX_FRAME as u64;
/// Whoever takes this much at once, in bytes, may be fast enough for a deeper queue.
const DEEPENS: usize = 16 * 1024;
/// After so many bytes other viewers of the thread get a turn.
const TURN: usize = 1 << 20;

thread_local! {
    /// Nothing is kept in them between two polls.
    static BUFFERS: RefCell<Buffers> = RefCell::new(Buffers {
        input: vec![0; INPUT].into(),
        output: Vec::with_capacity(QUEUE),
        headers: Headers::default(),
        scratch: Vec::with_capacity(1024),
    });
}

struct Buffers {
    input: Box<[u8]>,
    output: Vec<u8>,
    headers: Headers,
    scratch: Vec<u8>,
}

/// Serves `transport` until one side closes it. `received` was read from it already.
pub(crate) async fn serve(transport: Transport, worker: Arc<Worker>, place: Place, received: Vec<u8>) {
    let now = Instant::now();
    let mut unsent = Vec::new();
    let connection = Connection::new(now, &mut unsent);
    let deadline = now + worker.shared.limits.head_time;
    let mut viewer = Viewer {
        transport,
        drain: Drain::begun(worker.clone()),
        worker,
        place,
        connection,
        unread_is_new: !received.is_empty(),
        unread: received,
        unsent,
        replies: VecDeque::new(),
        owed_since: Some(now),
        idle_since: now,
        pace: None,
        ended: false,
        is_starved: false,
        timer: Box::pin(sleep_until(deadline.into())),
    };
    match poll_fn(|cx| viewer.poll(cx)).await {
        // It was told why, and is to hear it.
        Ok(()) => linger(&mut viewer.transport).await,
        // There is nobody left to tell.
        Err(Gone) => viewer.transport.shut(),
    }
}

/// What an answer is written with.
struct Paper<'a> {
    now: Instant,
    scratch: &'a mut Vec<u8>,
    output: &'a mut Vec<u8>,
}

struct Viewer {
    transport: Transport,
    worker: Arc<Worker>,
    place: Place,
    drain: Drain,
    connection: Connection,
    /// A frame that has not come whole, or frames behind a full batch.
    unread: Vec<u8>,
    /// `unread` may hold a whole frame.
    unread_is_new: bool,
    /// What the kernel had no room for.
    unsent: Vec<u8>,
    replies: VecDeque<Reply>,
    /// Since when the rest of a frame or of a header block is owed.
    owed_since: Option<Instant>,
    /// When there was something to do last.
    idle_since: Instant,
    /// Kept while the viewer keeps the edge waiting.
    pace: Option<Pace>,
    /// Nothing more is read or answered; what is written goes out.
    ended: bool,
    /// Answers wait for the viewer's windows.
    is_starved: bool,
    /// Fires at what is due next or before it; moved only when it fires too early, or too late.
    timer: Pin<Box<Sleep>>,
}

/// Whether there is more to do at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum More {
    Yes,
    No,
}

impl Viewer {
    /// Reads and answers until there is nothing to do without waiting.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Gone>> {
        BUFFERS.with_borrow_mut(|buffers| {
            let mut moved = 0;
            loop {
                let turn = self.turn(cx, buffers)?;
                moved += buffers.output.len();
                let is_blocked = !self.unsent.is_empty() || self.transport.has_rest();
                if self.ended && !is_blocked {
                    return Poll::Ready(Ok(()));
                }
                if is_blocked || turn == More::No {
                    return self.wait(cx, is_blocked);
                }
                if moved > TURN {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
            }
        })
    }

    /// One round: reads once, lets every reply write, sends what was written.
    fn turn(&mut self, cx: &mut Context<'_>, buffers: &mut Buffers) -> Result<More, Gone> {
        buffers.output.clear();
        if !self.send(cx, &[])? || self.ended {
            return Ok(More::No);
        }
        let now = Instant::now();
        self.follow_drain(cx, &mut buffers.output);
        self.give_up_shut(now, &mut buffers.output);
        let mut more = self.read(cx, now, buffers)?;
        if !self.ended && self.reply(cx, now, buffers) == More::Yes {
            more = More::Yes;
        }
        self.ended |= self.connection.is_drained();
        if self.send(cx, &buffers.output)? && buffers.output.len() > DEEPENS {
            self.transport.took_copies();
        }
        Ok(more)
    }

    /// Reads once and answers what needs no waiting.
    fn read(&mut self, cx: &mut Context<'_>, now: Instant, buffers: &mut Buffers) -> Result<More, Gone> {
        let input = &mut buffers.input;
        let have = self.unread.len();
        input[..have].copy_from_slice(&self.unread);
        let mut filled = have;
        if !std::mem::take(&mut self.unread_is_new) {
            let mut room = ReadBuf::new(&mut input[have..]);
            match self.transport.poll_read(cx, &mut room) {
                Poll::Ready(Ok(())) if !room.filled().is_empty() => filled += room.filled().len(),
                Poll::Ready(_) => return Err(Gone),
                Poll::Pending => return Ok(More::No),
            }
        }
        let was_owed = self.connection.is_owed();
        let mut used = 0;
        let is_full = loop {
            if buffers.output.len() >= BATCH {
                break true;
            }
            let Buffers { input, output, headers, .. } = buffers;
            match self.connection.receive(&input[used..filled], now, headers, output) {
                Ok(received) => {
                    used += received.used;
                    let Some(event) = received.event else { break false };
                    if let Err(fault) = self.event(event, now, buffers) {
                        self.fault(fault);
                        break false;
                    }
                }
                Err(fault) => {
                    self.fault(fault);
                    break false;
                }
            }
        };
        self.unread.clear();
        if used < filled {
            self.unread.extend_from_slice(&buffers.input[used..filled]);
        } else {
            self.unread = Vec::new();
        }
        self.unread_is_new = is_full && used < filled;
        let is_owed = self.connection.is_owed();
        self.owed_since = match self.owed_since {
            Some(since) if is_owed && was_owed || used == 0 => Some(since),
            _ if is_owed || !self.unread.is_empty() => Some(now),
            _ => None,
        };
        Ok(More::Yes)
    }

    fn event(&mut self, event: Event, now: Instant, buffers: &mut Buffers) -> Result<(), Fault> {
        let Buffers { headers, scratch, output, .. } = buffers;
        let mut paper = Paper { now, scratch, output };
        match event {
            Event::Request { stream } => self.request(stream, headers, &mut paper),
            Event::TooLarge { stream } => self.refuse(stream, headers, Violation::HeadLength, &mut paper),
            Event::Reset { stream } => {
                self.replies.retain(|reply| reply.stream != stream);
                Ok(())
            }
        }
    }

    fn request(&mut self, stream: StreamId, headers: &Headers, paper: &mut Paper<'_>) -> Result<(), Fault> {
        // PING keeps no connection; a request does.
        self.idle_since = paper.now;
        let pseudo =
            Pseudo { method: headers.method(), path: headers.path(), authority: headers.authority() };
        let request = match gate::check(pseudo, headers.regular(), &self.worker.shared.key_rules) {
            Ok(request) => request,
            Err(violation) => return self.refuse(stream, headers, violation, paper),
        };
        let worker = &self.worker;
        worker.counters.asked_by(Protocol::Http2);
        let ask = Ask { method: request.method, wants: request.wants };
        let visit = Visit {
            place: &self.place,
            target: &request.target,
            host: request.host,
            method: request.method,
            presented: &request.presented,
            secure: self.transport.is_tls(),
            fields: &|each| headers.regular().for_each(|(name, value)| each(name, value)),
        };
        let entered = match enter(worker, &visit, paper.now) {
            Ok(entered) => entered,
            Err(answer) => return self.answer(stream, "-", *answer, paper),
        };
        match at_once(worker, &entered, ask, paper.now) {
            Ok(answer) => self.answer(stream, entered.key(), answer, paper),
            Err(found) => {
                let question = Question::new(entered, ask);
                self.replies.push_back(Reply::resolving(worker, stream, question, found));
                Ok(())
            }
        }
    }

    fn refuse(
        &mut self,
        stream: StreamId,
        headers: &Headers,
        violation: Violation,
        paper: &mut Paper<'_>,
    ) -> Result<(), Fault> {
        self.worker.counters.rejected(violation);
        tracing::debug!(target: "edge::gate", reason = violation.label(), "refused");
        let mut answer = Answer::refusal(violation);
        if headers.method() == b"HEAD" {
            answer.body = Source::Nothing;
        }
        self.answer(stream, "-", answer, paper)
    }

    /// Answers at once what is small; what is not gets its turns.
    fn answer(
        &mut self,
        stream: StreamId,
        target: &str,
        answer: Answer,
        paper: &mut Paper<'_>,
    ) -> Result<(), Fault> {
        let mut desk = self.desk(paper.now, paper.scratch, paper.output);
        let is_small = answer.body.len_at_hand().is_some_and(|len| len <= AT_ONCE);
        if is_small && desk.write_whole(stream, &answer)? {
            let (status, cache) = (answer.status.as_u16(), answer.phase);
            tracing::debug!(target: "edge::access", target_path = target, status, ?cache);
        } else {
            self.replies.push_back(Reply::answered(stream, target, answer));
        }
        Ok(())
    }

    /// Gives every reply turns of one frame, until there is a batch or none can go on.
    fn reply(&mut self, cx: &mut Context<'_>, now: Instant, buffers: &mut Buffers) -> More {
        loop {
            let mut wrote = false;
            self.is_starved = false;
            for _ in 0..self.replies.len() {
                if buffers.output.len() >= BATCH {
                    return More::Yes;
                }
                let Some(mut reply) = self.replies.pop_front() else { break };
                let mut desk = self.desk(now, &mut buffers.scratch, &mut buffers.output);
                match reply.step(cx, &mut desk) {
                    Ok(Step::Done) => {
                        wrote = true;
                        self.idle_since = now;
                        continue;
                    }
                    Ok(Step::Wrote) => wrote = true,
                    Ok(Step::Waits) => {}
                    Ok(Step::Shut) => self.is_starved = true,
                    Err(fault) => {
                        self.fault(fault);
                        return More::No;
                    }
                }
                self.replies.push_back(reply);
            }
            if !wrote {
                return More::No;
            }
        }
    }

    fn desk<'a>(&'a mut self, now: Instant, scratch: &'a mut Vec<u8>, output: &'a mut Vec<u8>) -> Desk<'a> {
        let alt_svc = self.transport.alt_svc(&self.worker.shared);
        Desk { worker: &self.worker, alt_svc, connection: &mut self.connection, now, scratch, output }
    }

    /// Takes note of what ended the connection; its `GOAWAY` is written.
    fn fault(&mut self, fault: Fault) {
        match fault {
            Fault::Attack(attack) => self.worker.counters.attacked(attack),
            _ => self.worker.counters.closed(Closed::Http2),
        }
        tracing::debug!(target: "edge::http2", %fault, "ended");
        self.ended = true;
        self.replies.clear();
        self.unread = Vec::new();
    }
}
