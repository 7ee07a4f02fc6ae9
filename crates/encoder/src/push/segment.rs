//! A segment on its way: chunks are added at one end while a request body reads them at the other.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use bytes::{Buf, Bytes};
use hyper::HeaderMap;
use hyper::body::{Body, Frame, SizeHint};
use hyper::header::{HeaderName, HeaderValue};
use wire::{MEASURED, Measured};

/// One segment; may be read several times, by one body at a time.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) first_dts: i64,
    /// The header its chunks go with.
    pub(super) header: Bytes,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    chunks: Vec<Vec<Bytes>>,
    bytes: usize,
    measured: Option<Measured>,
    progress: Progress,
    /// The body that waits for more.
    waiting: Option<Waker>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Progress {
    #[default]
    Open,
    Ended,
    GivenUp,
}

/// Nothing more comes of the segment, and it has no end.
#[derive(Debug, thiserror::Error)]
#[error("segment {0} was given up")]
pub(super) struct GivenUp(i64);

impl Segment {
    pub(super) fn new(first_dts: i64, header: Bytes) -> Self {
        Self { first_dts, header, state: Mutex::default() }
    }

    pub(super) fn add(&self, chunk: Vec<Bytes>) {
        let mut state = self.state();
        if state.progress == Progress::Open {
            state.bytes += chunk.iter().map(Bytes::len).sum::<usize>();
            state.chunks.push(chunk);
            state.wake();
        }
    }

    pub(super) fn end(&self) {
        let mut state = self.state();
        if state.progress == Progress::Open {
            state.progress = Progress::Ended;
            state.wake();
        }
    }

    /// What is wrong with it, before it ends.
    pub(super) fn measured(&self, measured: Measured) {
        let mut state = self.state();
        if state.progress == Progress::Open {
            state.measured = Some(measured);
        }
    }

    /// Ends it without an end: a body that reads it breaks off, so that the origin publishes nothing of it.
    pub(super) fn give_up(&self) {
        let mut state = self.state();
        state.progress = Progress::GivenUp;
        state.chunks = Vec::new();
        state.bytes = 0;
        state.wake();
    }

    pub(super) fn bytes(&self) -> usize {
        self.state().bytes
    }

    pub(super) fn is_open(&self) -> bool {
        self.state().progress == Progress::Open
    }

    pub(super) fn is_given_up(&self) -> bool {
        self.state().progress == Progress::GivenUp
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics with a segment locked")
    }
}

impl State {
    fn wake(&mut self) {
        if let Some(waiting) = self.waiting.take() {
            waiting.wake();
        }
    }
}

/// A request body of bytes that are there, or of a segment that may still grow.
pub(super) enum PushBody {
    Whole(Option<Bytes>),
    /// `length` is known where the segment was complete when the request was made.
    Segment {
        segment: Arc<Segment>,
        next: usize,
        length: Option<usize>,
        trailer: Trailer,
    },
}

/// What was measured of a segment that is made while it is sent follows its last chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trailer {
    ToCome,
    Done,
}

impl PushBody {
    /// The body, and what was measured of the segment where it is complete: that goes in front, as nothing can follow a
    /// body whose length is told.
    pub(super) fn of(segment: Arc<Segment>) -> (Self, Option<HeaderValue>) {
        let (length, measured) = {
            let state = segment.state();
            match state.progress {
                Progress::Ended => (Some(state.bytes), state.measured),
                Progress::Open | Progress::GivenUp => (None, None),
            }
        };
        let trailer = if length.is_some() { Trailer::Done } else { Trailer::ToCome };
        (Self::Segment { segment, next: 0, length, trailer }, measured.map(text))
    }
}

fn text(measured: Measured) -> HeaderValue {
    HeaderValue::from_str(&measured.to_string()).expect("letters, digits, `=`, `,` and spaces")
}

impl Body for PushBody {
    type Data = Pieces;
    type Error = GivenUp;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Pieces>, GivenUp>>> {
        match &mut *self {
            Self::Whole(bytes) => {
                Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(Pieces::new([bytes])))))
            }
            Self::Segment { segment, next, trailer, .. } => {
                let mut state = segment.state();
                if *next < state.chunks.len() {
                    // All that is there goes as one HTTP chunk and, where the socket takes it, one write.
                    let pieces = state.chunks[*next..].iter().flatten().cloned();
                    let frame = Frame::data(Pieces::new(pieces));
                    *next = state.chunks.len();
                    return Poll::Ready(Some(Ok(frame)));
                }
                match state.progress {
                    Progress::Open => {
                        state.waiting = Some(context.waker().clone());
                        Poll::Pending
                    }
                    Progress::Ended => {
                        let to_come = std::mem::replace(trailer, Trailer::Done) == Trailer::ToCome;
                        let measured = state.measured.filter(|_| to_come);
                        let trailers = |measured| {
                            HeaderMap::from_iter([(HeaderName::from_static(MEASURED), text(measured))])
                        };
                        Poll::Ready(measured.map(|measured| Ok(Frame::trailers(trailers(measured)))))
                    }
                    Progress::GivenUp => Poll::Ready(Some(Err(GivenUp(segment.first_dts)))),
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_none(),
            Self::Segment { segment, next, trailer, .. } => {
                let state = segment.state();
                let says_more = *trailer == Trailer::ToCome && state.measured.is_some();
                state.progress == Progress::Ended && *next == state.chunks.len() && !says_more
            }
        }
    }

    /// Exact for a segment that was complete at once, which then goes with a `Content-Length`.
    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
            Self::Segment { next: 0, length: Some(length), .. } => SizeHint::with_exact(*length as u64),
            Self::Segment { .. } => SizeHint::default(),
        }
    }
}

/// Several pieces of bytes as one buffer, for vectored writes.
#[derive(Debug)]
pub(super) struct Pieces {
    pieces: VecDeque<Bytes>,
    left: usize,
}

impl Pieces {
    fn new(pieces: impl IntoIterator<Item = Bytes>) -> Self {
        let pieces: VecDeque<Bytes> = pieces.into_iter().filter(|piece| !piece.is_empty()).collect();
        let left = pieces.iter().map(Bytes::len).sum();
        Self { pieces, left }
    }
}

impl Buf for Pieces {
    fn remaining(&self) -> usize {
        self.left
    }

    fn chunk(&self) -> &[u8] {
        self.pieces.front().map_or(&[], |piece| piece)
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let mut filled = 0;
        for (slice, piece) in slices.iter_mut().zip(&self.pieces) {
            *slice = IoSlice::new(piece);
            filled += 1;
        }
        filled
    }

    fn advance(&mut self, mut count: usize) {
        assert!(count <= self.left, "advance past the end");
        self.left -= count;
        while count > 0 {
            let front = self.pieces.front_mut().expect("bytes are left, so a piece is");
            let now = count.min(front.len());
            front.advance(now);
            count -= now;
            if front.is_empty() {
                self.pieces.pop_front();
            }
        }
    }
}
