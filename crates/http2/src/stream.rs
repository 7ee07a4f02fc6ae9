//! The streams of a connection: those under way, and those that ended lately.

use std::fmt;

use crate::limits::RECENT_STREAMS;

/// A stream's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(u32);

impl StreamId {
    /// Number 0, which stands for the connection.
    pub const CONNECTION: StreamId = StreamId(0);

    /// Number `number`, of which 31 bits count.
    pub const fn new(number: u32) -> StreamId {
        StreamId(number & 0x7fff_ffff)
    }

    /// The number.
    pub const fn number(self) -> u32 {
        self.0
    }

    pub(crate) fn is_client_opened(self) -> bool {
        self.0 % 2 == 1
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A stream on which a request came and of which the answer has not gone out whole.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stream {
    pub(crate) id: StreamId,
    /// The client has sent all it will.
    pub(crate) remote_ended: bool,
    /// Bytes we may send; below 0 after the client made its windows smaller.
    pub(crate) send_window: i64,
    /// Bytes of a body the client may still send.
    pub(crate) receive_window: u32,
}

/// How a stream that is gone ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// We reset it while the client could still send: what comes is late, not wrong.
    Reset,
    /// Both sides knew.
    Both,
    /// So long ago that it is not known.
    Forgotten,
}

/// Where a stream stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Not opened.
    Idle,
    /// Under way; its place among the streams.
    Open(usize),
    /// Gone.
    Ended(Ended),
}

/// All of them. At most [`crate::limits::MAX_STREAMS`] are under way, in the order of their numbers.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    open: Vec<Stream>,
    last: u32,
    recent: Recent,
}

impl Streams {
    pub(crate) fn standing(&self, id: StreamId) -> Standing {
        if id.0 > self.last || !id.is_client_opened() {
            return Standing::Idle;
        }
        match self.find(id) {
            Some(at) => Standing::Open(at),
            None => Standing::Ended(self.recent.how(id)),
        }
    }

    pub(crate) fn find(&self, id: StreamId) -> Option<usize> {
        // The newest is asked for most.
        match self.open.last() {
            Some(newest) if newest.id == id => Some(self.open.len() - 1),
            _ => self.open.binary_search_by_key(&id, |stream| stream.id).ok(),
        }
    }

    pub(crate) fn at(&mut self, at: usize) -> &mut Stream {
        &mut self.open[at]
    }

    /// The stream and all idle ones below it are idle no more.
    pub(crate) fn saw(&mut self, id: StreamId) {
        self.last = id.0;
    }

    /// Adds a stream that [`Streams::saw`] was told of.
    pub(crate) fn add(&mut self, stream: Stream) {
        self.open.push(stream);
    }

    pub(crate) fn remove(&mut self, at: usize, how: Ended) {
        let stream = self.open.remove(at);
        self.recent.push(stream.id, how);
        if self.open.is_empty() && self.open.capacity() > 8 {
            self.open = Vec::new();
        }
    }

    /// Notes a stream that ended without having been added.
    pub(crate) fn ended(&mut self, id: StreamId, how: Ended) {
        self.recent.push(id, how);
    }

    pub(crate) fn len(&self) -> usize {
        self.open.len()
    }

    pub(crate) fn last(&self) -> StreamId {
        StreamId(self.last)
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Stream> {
        self.open.iter_mut()
    }
}

/// A ring of numbers; the topmost bit says [`Ended::Reset`].
#[derive(Debug)]
struct Recent {
    ring: [u32; RECENT_STREAMS],
    next: usize,
}

const RESET: u32 = 1 << 31;

impl Default for Recent {
    fn default() -> Recent {
        Recent { ring: [0; RECENT_STREAMS], next: 0 }
    }
}

impl Recent {
    fn push(&mut self, id: StreamId, how: Ended) {
        self.ring[self.next] = id.0 | if how == Ended::Reset { RESET } else { 0 };
        self.next = (self.next + 1) % RECENT_STREAMS;
    }

    fn how(&self, id: StreamId) -> Ended {
        match self.ring.iter().find(|entry| **entry & !RESET == id.0) {
            Some(entry) if entry & RESET != 0 => Ended::Reset,
            Some(_) => Ended::Both,
            None => Ended::Forgotten,
        }
    }
}
