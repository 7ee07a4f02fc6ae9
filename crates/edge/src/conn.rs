//! One viewer's connection: read, look up, write; again.
//!
//! The common case, a small object that is fresh, is answered between one read and one write without a wait, an
//! allocation or a task: bytes are read into the thread's buffer, the answers to all requests in it gathered in
//! another, and sent at once. A connection holds memory of its own only while a request is half read or its answer
//! has to wait ([`crate::answer`]).

use std::cell::RefCell;
use std::future::poll_fn;
use std::io::IoSlice;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use ::http2::PREFACE;
use memchr::memchr;
use tokio::io::ReadBuf;
use tokio::time::{Sleep, sleep_until};

use crate::admission::Place;
use crate::answer::{self, Known, Waiting};
use crate::body::Piece;
use crate::counters::{Closed, Phase};
use crate::gate::{self, MAX_HEAD, Persistence, Request, Version, Violation};
use crate::http1;
use crate::http2;
use crate::linger::linger;
use crate::resolve::{Entered, Question, Visit, at_once, enter};
use crate::respond::{Answer, Ask};
use crate::send::{Gone, Sender};
use crate::source::Source;
use crate::tls::Protocol;
use crate::transport::{Outgoing, Transport};
use crate::worker::Worker;

/// Bodies up to this size are copied beside their head, in bytes; larger ones leave from where they are.
const COPIED: u64 = 16 * 1024;
/// Gathered answers are sent when they come to this, in bytes. With what may be unread and one more answer, a
/// connection holds at most 64 KiB.
const BATCH: usize = 16 * 1024;
/// Length of the preface's first line, in bytes.
const PREFACE_LINE: usize = 16;

thread_local! {
    /// Nothing is kept in them between two polls.
    static BUFFERS: RefCell<Buffers> =
        RefCell::new(Buffers { input: vec![0; MAX_HEAD].into(), output: Vec::with_capacity(BATCH + 2 * COPIED as usize) });
}

struct Buffers {
    input: Box<[u8]>,
    output: Vec<u8>,
}

/// Serves `stream` until one side closes it.
pub(crate) async fn serve(stream: Transport, worker: Arc<Worker>, place: Place) {
    let now = Instant::now();
    let deadline = now + worker.shared.limits.idle_time;
    let mut connection = Connection {
        stream,
        unread: Vec::new(),
        unread_is_new: false,
        has_asked: false,
        deadline,
        timer: Box::pin(sleep_until(deadline.into())),
        worker,
        place,
    };
    match connection.run().await {
        Ok(SpeaksHttp2) => {
            let Connection { stream, worker, place, unread, .. } = connection;
            // Boxed, so that HTTP/1.1 does not hold room for it.
            Box::pin(http2::serve(stream, worker, place, unread)).await;
        }
        // Whatever ended it, there is nobody left to tell.
        Err(Gone) => connection.stream.shut(),
    }
}

struct Connection {
    stream: Transport,
    worker: Arc<Worker>,
    place: Place,
    /// A head that has not come whole, or requests behind one whose answer had to wait.
    unread: Vec<u8>,
    /// `unread` may hold a whole request.
    unread_is_new: bool,
    /// A request has come: what follows is HTTP/1.1 too.
    has_asked: bool,
    deadline: Instant,
    /// Fires at `deadline` or before it; moved only when it fires too early, so that a request costs no timer.
    timer: Pin<Box<Sleep>>,
}

/// What a poll could not do without waiting.
struct Work {
    /// Answers that the socket had no room for.
    unsent: Vec<u8>,
    then: Then,
}

enum Then {
    /// Read on.
    Read,
    /// Answer this.
    Answer(Box<Waiting>),
    /// Refuse what was read.
    Refuse(Violation),
    /// Close.
    Close,
    /// Give the connection to HTTP/2.
    Http2,
}

/// The viewer began with HTTP/2's preface (RFC 9113 §3.3); it is unread.
struct SpeaksHttp2;

impl Connection {
    async fn run(&mut self) -> Result<SpeaksHttp2, Gone> {
        loop {
            let Work { unsent, then } = poll_fn(|cx| self.poll_turn(cx)).await?;
            if !unsent.is_empty() || self.stream.has_rest() {
                self.sender().bytes(&[&unsent]).await?;
            }
            match then {
                Then::Read => {}
                Then::Answer(waiting) => {
                    // Boxed, so that an idle connection does not hold room for it.
                    let answered = Box::pin(answer::run(&self.worker, &mut self.stream, *waiting)).await?;
                    if answered == Persistence::Close {
                        return self.close().await;
                    }
                }
                Then::Refuse(violation) => {
                    self.refuse(violation).await?;
                    return self.close().await;
                }
                Then::Close => return self.close().await,
                Then::Http2 => return Ok(SpeaksHttp2),
            }
            self.deadline = Instant::now() + self.worker.shared.limits.idle_time;
        }
    }

    /// Reads and answers until there is nothing to read, or something that takes waiting.
    fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<Result<Work, Gone>> {
        BUFFERS.with_borrow_mut(|Buffers { input, output }| {
            loop {
                let have = self.unread.len();
                input[..have].copy_from_slice(&self.unread);
                let mut filled = have;
                if !std::mem::take(&mut self.unread_is_new) {
                    let mut room = ReadBuf::new(&mut input[have..]);
                    match self.stream.poll_read(cx, &mut room) {
                        Poll::Ready(Ok(())) if !room.filled().is_empty() => {}
                        Poll::Ready(_) => return Poll::Ready(Err(Gone)),
                        Poll::Pending => return self.poll_deadline(cx).map(Err),
                    }
                    let read = room.filled().len();
                    filled += read;
                    let came = &input[have..filled];
                    // A head grows valid or invalid by whole lines only.
                    if have > 0 && filled < MAX_HEAD && memchr(b'\n', came).is_none() {
                        self.unread.extend_from_slice(came);
                        continue;
                    }
                }
                output.clear();
                let (used, then) = self.answer_all(&input[..filled], output);
                let began_before = have > 0 && used == 0;
                self.unread.clear();
                self.unread.extend_from_slice(&input[used..filled]);
                if self.unread.is_empty() {
                    self.unread = Vec::new();
                }
                self.unread_is_new = then.is_some() && used < filled;

                let mut sent = 0;
                if !output.is_empty() {
                    sent = match self.stream.try_send(Outgoing::Bytes(&[IoSlice::new(output)])) {
                        Ok(sent) => sent,
                        Err(fault) if fault.kind() == std::io::ErrorKind::WouldBlock => 0,
                        Err(_) => return Poll::Ready(Err(Gone)),
                    };
                    self.worker.counters.sent(sent as u64);
                }
                match then {
                    None if sent == output.len() && !self.stream.has_rest() => {
                        if !self.unread.is_empty() && !began_before {
                            self.wait_at_most(self.worker.shared.limits.head_time);
                        }
                    }
                    then => {
                        let unsent = output[sent..].to_vec();
                        return Poll::Ready(Ok(Work { unsent, then: then.unwrap_or(Then::Read) }));
                    }
                }
            }
        })
    }

    /// Answers the requests in `input` that need no waiting; returns how much of it they were, and what stopped it.
    fn answer_all(&mut self, input: &[u8], output: &mut Vec<u8>) -> (usize, Option<Then>) {
        let worker = &self.worker;
        let shared = &worker.shared;
        let now = Instant::now();
        let alt_svc = self.stream.alt_svc(shared);
        let mut used = 0;
        while used < input.len() {
            let (request, len) = match gate::read(&input[used..], &shared.key_rules) {
                Ok(Some(read)) => read,
                Ok(None) => return (used, None),
                // Its first line is one of HTTP/1 with a method nobody has, so that other servers refuse it.
                Err(_) if !self.has_asked && used == 0 && input.starts_with(&PREFACE[..PREFACE_LINE]) => {
                    return (0, Some(Then::Http2));
                }
                Err(violation) => return (used, Some(Then::Refuse(violation))),
            };
            used += len;
            self.has_asked = true;
            worker.counters.asked_by(Protocol::Http1);
            let persistence = if shared.is_draining() { Persistence::Close } else { request.persistence };
            let (version, ask) = (request.version, ask_of(&request));
            let visit = Visit {
                place: &self.place,
                target: &request.target,
                host: request.host,
                method: request.method,
                presented: &request.presented,
                secure: self.stream.is_tls(),
                fields: &|each| request.each_field(each),
            };
            match enter(worker, &visit, now) {
                Err(answer) => write_whole(worker, &answer, version, persistence, alt_svc, now, output),
                Ok(entered) => {
                    if let Err(known) =
                        quick_answer(worker, &entered, &request, persistence, alt_svc, now, output)
                    {
                        let question = Question::new(entered, ask).through(request.via.as_deref());
                        let waiting = Waiting { question, version, persistence, known };
                        return (used, Some(Then::Answer(Box::new(waiting))));
                    }
                }
            }
            if persistence == Persistence::Close {
                return (used, Some(Then::Close));
            }
            if output.len() >= BATCH {
                return (used, Some(Then::Read));
            }
        }
        // Only now is the connection idle; partial heads have a deadline of their own.
        self.deadline = now + shared.limits.idle_time;
        (used, None)
    }

    fn wait_at_most(&mut self, time: Duration) {
        self.deadline = Instant::now() + time;
        if self.timer.deadline().into_std() > self.deadline {
            self.timer.as_mut().reset(self.deadline.into());
        }
    }

    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<Gone> {
        loop {
            ready!(self.timer.as_mut().poll(cx));
            if Instant::now() >= self.deadline {
                let reason = if self.unread.is_empty() { Closed::IdleTime } else { Closed::HeadTime };
                self.worker.counters.closed(reason);
                return Poll::Ready(Gone);
            }
            self.timer.as_mut().reset(self.deadline.into());
        }
    }

    fn sender(&mut self) -> Sender<'_> {
        Sender::new(&mut self.stream, &self.worker.shared.limits, &self.worker.counters)
    }

    async fn refuse(&mut self, violation: Violation) -> Result<(), Gone> {
        self.worker.counters.rejected(violation);
        self.worker.counters.answered(violation.status(), Phase::Local);
        tracing::debug!(target: "edge::gate", reason = violation.label(), "refused");
        let answer = Answer::refusal(violation);
        let mut head = Vec::new();
        let alt_svc = self.stream.alt_svc(&self.worker.shared);
        http1::write_head(&answer, Version::Http11, Persistence::Close, alt_svc, Instant::now(), &mut head);
        append_body(&answer, &mut head);
        self.sender().bytes(&[&head]).await
    }

    /// Ends the connection so that what was sent arrives: bytes that come after a close are answered with a reset,
    /// which can overtake the answer.
    async fn close<T>(&mut self) -> Result<T, Gone> {
        linger(&mut self.stream).await;
        Err(Gone)
    }
}

fn ask_of<'a>(request: &Request<'a>) -> Ask<'a> {
    Ask { method: request.method, wants: request.wants }
}

/// Answers a request that needs neither the origin nor a wait; otherwise tells what is known.
fn quick_answer(
    worker: &Worker,
    entered: &Entered<'_>,
    request: &Request<'_>,
    persistence: Persistence,
    alt_svc: Option<&str>,
    now: Instant,
    output: &mut Vec<u8>,
) -> Result<(), Known> {
    let answer = match &request.via {
        Some(via) if worker.client.origins.pseudonym.is_in(via) => Answer::looped(request.method),
        _ => at_once(worker, entered, ask_of(request), now).map_err(Known::Found)?,
    };
    if let Source::Piece(piece) = &answer.body
        && (piece.len() > COPIED || matches!(piece, Piece::File { .. }))
    {
        return Err(Known::Answer(Box::new(answer)));
    }
    write_whole(worker, &answer, request.version, persistence, alt_svc, now, output);
    let status = answer.status.as_u16();
    tracing::debug!(target: "edge::access", target_path = entered.key(), status, cache = ?answer.phase);
    Ok(())
}

/// Writes and counts an answer whose body is there.
fn write_whole(
    worker: &Worker,
    answer: &Answer,
    version: Version,
    persistence: Persistence,
    alt_svc: Option<&str>,
    now: Instant,
    output: &mut Vec<u8>,
) {
    http1::write_head(answer, version, persistence, alt_svc, now, output);
    append_body(answer, output);
    worker.counters.answered(answer.status.as_u16(), answer.phase);
}

/// Copies a body that is on the heap.
fn append_body(answer: &Answer, output: &mut Vec<u8>) {
    if let Source::Piece(Piece::Bytes(bytes)) = &answer.body {
        output.extend_from_slice(bytes);
    }
}
