//! An answer under way on one stream.

use std::fmt;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use http_cache::Key;
use http2::{Data, End, Fault, StreamId, frame::ErrorCode, limits::SMALL_DATA};

use super::head;
use crate::body::{Next, Piece};
use crate::counters::{Phase, Shed};
use crate::gate::Method;
use crate::resolve::{Question, resolve};
use crate::respond::Answer;
use crate::source::Source;
use crate::store::Found;
use crate::worker::Worker;

/// One stream's answer, wherever it stands.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) stream: StreamId,
    key: Key,
    method: Method,
    status: u16,
    phase: Phase,
    /// Since when the stream's own window is shut, or opened by crumbs.
    pub(super) shut_since: Option<Instant>,
    state: State,
}

type Wait<T> = Pin<Box<dyn Future<Output = T> + Send>>;

///  Resolving --> Answered --head--> Sending <--bytes come--> Waiting
enum State {
    Resolving(Wait<Answer>),
    Answered(Box<Answer>),
    Sending { source: Source, piece: Option<Piece> },
    Waiting(Wait<(Source, Next)>),
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            State::Resolving(_) => "Resolving",
            State::Answered(_) => "Answered",
            State::Sending { .. } => "Sending",
            State::Waiting(_) => "Waiting",
        })
    }
}

/// What a step came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A head or a frame was written; there may be more.
    Wrote,
    /// Nothing to write until the origin sends.
    Waits,
    /// Nothing may be written until the viewer opens a window.
    Shut,
    /// The answer is out, or given up.
    Done,
}

/// Where a step writes.
pub(super) struct Desk<'a> {
    pub(super) worker: &'a Worker,
    pub(super) alt_svc: Option<&'a str>,
    pub(super) connection: &'a mut http2::Connection,
    pub(super) now: Instant,
    pub(super) scratch: &'a mut Vec<u8>,
    pub(super) output: &'a mut Vec<u8>,
}

impl Reply {
    /// One whose answer is known.
    pub(super) fn answered(stream: StreamId, target: &str, answer: Answer) -> Reply {
        let (status, phase) = (answer.status.as_u16(), answer.phase);
        let key = Key::from_canonical(target);
        let state = State::Answered(Box::new(answer));
        Reply { stream, key, method: Method::Get, status, phase, shut_since: None, state }
    }

    /// One whose answer takes waiting.
    pub(super) fn resolving(
        worker: &Arc<Worker>,
        stream: StreamId,
        question: Question,
        found: Found,
    ) -> Reply {
        let (worker, key, method) = (worker.clone(), question.key.clone(), question.method());
        let answer = Box::pin(async move { resolve(&worker, &question, found).await });
        let state = State::Resolving(answer);
        Reply { stream, key, method, status: 0, phase: Phase::Local, shut_since: None, state }
    }

    /// The edge is about to end: who still waits for a head is told to ask again.
    pub(super) fn end_wait(&mut self, worker: &Worker) {
        if matches!(self.state, State::Resolving(_)) {
            worker.counters.shed(Shed::Draining);
            let answer = Answer::draining(self.method);
            self.status = answer.status.as_u16();
            self.state = State::Answered(Box::new(answer));
        }
    }

    /// Goes on as far as one frame.
    pub(super) fn step(&mut self, cx: &mut Context<'_>, desk: &mut Desk<'_>) -> Result<Step, Fault> {
        loop {
            match &mut self.state {
                State::Resolving(wait) => {
                    let Poll::Ready(answer) = wait.as_mut().poll(cx) else { return Ok(Step::Waits) };
                    (self.status, self.phase) = (answer.status.as_u16(), answer.phase);
                    self.state = State::Answered(Box::new(answer));
                }
                State::Answered(answer) => {
                    let Desk { alt_svc, connection, now, scratch, output, .. } = desk;
                    head::write(answer, *alt_svc, connection, self.stream, *now, scratch, output);
                    let source = std::mem::replace(&mut answer.body, Source::Nothing);
                    if source.is_nothing() {
                        return Ok(self.done(desk));
                    }
                    self.state = State::Sending { source, piece: None };
                    return Ok(Step::Wrote);
                }
                State::Sending { source, piece: place @ Some(_) } => {
                    let piece = place.take().expect("it was just looked at");
                    let is_last = source.is_nothing();
                    let len = desk.connection.allowance(self.stream, window_want(&piece));
                    if len == 0 && piece.len() > 0 {
                        *place = Some(piece);
                        if self.shut_since.is_none() && desk.connection.is_shut(self.stream) {
                            self.shut_since = Some(desk.now);
                        }
                        return Ok(Step::Shut);
                    }
                    let (sent, rest) = split(piece, len as u64);
                    let is_end = is_last && rest.is_none();
                    let data = Data { len, want: window_want_of(&sent, &rest), end: end(is_end) };
                    if len == data.want || len >= SMALL_DATA {
                        self.shut_since = None;
                    }
                    *place = rest;
                    desk.send(self.stream, data, Some(&sent))?;
                    return Ok(if is_end { self.done(desk) } else { Step::Wrote });
                }
                State::Sending { source, piece: place } => match std::mem::replace(source, Source::Nothing) {
                    Source::Nothing => return self.finish(desk),
                    Source::Piece(piece) => *place = Some(piece),
                    mut more => {
                        self.state = State::Waiting(Box::pin(async move {
                            let next = more.next().await;
                            (more, next)
                        }));
                    }
                },
                State::Waiting(wait) => {
                    let Poll::Ready((source, next)) = wait.as_mut().poll(cx) else { return Ok(Step::Waits) };
                    match next {
                        Next::Piece(piece) => self.state = State::Sending { source, piece: Some(piece) },
                        Next::End => return self.finish(desk),
                        Next::Broken => {
                            // No viewer may take a part for the whole.
                            desk.connection.reset(self.stream, ErrorCode::InternalError, desk.output);
                            return Ok(Step::Done);
                        }
                    }
                }
            }
        }
    }

    /// Ends the stream where the last bytes could not say that they were.
    fn finish(&mut self, desk: &mut Desk<'_>) -> Result<Step, Fault> {
        desk.send(self.stream, Data { len: 0, want: 0, end: End::Yes }, None)?;
        Ok(self.done(desk))
    }

    fn done(&self, desk: &Desk<'_>) -> Step {
        desk.worker.counters.answered(self.status, self.phase);
        let (status, cache) = (self.status, self.phase);
        tracing::debug!(target: "edge::access", target_path = %self.key, status, ?cache);
        Step::Done
    }
}

impl Desk<'_> {
    /// Writes an answer of which the bytes are there, if the windows let them out at once.
    pub(super) fn write_whole(&mut self, stream: StreamId, answer: &Answer) -> Result<bool, Fault> {
        let piece = match &answer.body {
            Source::Nothing => None,
            Source::Piece(piece @ Piece::Bytes(bytes)) => {
                if self.connection.allowance(stream, bytes.len()) < bytes.len() {
                    return Ok(false);
                }
                Some(piece)
            }
            _ => return Ok(false),
        };
        head::write(answer, self.alt_svc, self.connection, stream, self.now, self.scratch, self.output);
        if let Some(piece) = piece {
            let len = piece.len() as usize;
            self.send(stream, Data { len, want: len, end: End::Yes }, Some(piece))?;
        }
        self.worker.counters.answered(answer.status.as_u16(), answer.phase);
        Ok(true)
    }

    fn send(&mut self, stream: StreamId, data: Data, piece: Option<&Piece>) -> Result<(), Fault> {
        self.connection.send_data(stream, data, self.now, self.output, |output| {
            match piece {
                None => {}
                Some(Piece::Bytes(bytes)) => output.extend_from_slice(bytes),
                Some(Piece::File { file, offset, .. }) => {
                    let begin = output.len();
                    output.resize(begin + data.len, 0);
                    read_exactly(file, &mut output[begin..], *offset);
                }
            }
            Ok(())
        })
    }
}

/// A memory file can always be read, and has what was read of it before.
fn read_exactly(file: &OwnedFd, mut room: &mut [u8], mut offset: u64) {
    while !room.is_empty() {
        let read = rustix::io::retry_on_intr(|| rustix::io::pread(file, &mut *room, offset)).unwrap_or(0);
        assert!(read > 0, "an object's file holds its bytes");
        offset += read as u64;
        room = &mut room[read..];
    }
}

fn end(is_end: bool) -> End {
    if is_end { End::Yes } else { End::No }
}

/// What of `piece` one frame would carry if the windows were open.
fn window_want(piece: &Piece) -> usize {
    piece.len().min(http2::limits::MAX_FRAME as u64) as usize
}

fn window_want_of(sent: &Piece, rest: &Option<Piece>) -> usize {
    let whole = sent.len() + rest.as_ref().map_or(0, Piece::len);
    whole.min(http2::limits::MAX_FRAME as u64) as usize
}

/// The first `len` bytes of `piece`, and the others if there are any.
fn split(piece: Piece, len: u64) -> (Piece, Option<Piece>) {
    let rest = match &piece {
        whole if whole.len() <= len => None,
        Piece::Bytes(bytes) => Some(Piece::Bytes(bytes.slice(len as usize..))),
        Piece::File { file, offset, len: whole } => {
            Some(Piece::File { file: file.clone(), offset: offset + len, len: whole - len })
        }
    };
    (piece.cut(len), rest)
}
