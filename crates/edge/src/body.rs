//! Where an object's bytes are: on the heap when small, in a memory file when large.
//!
//! A memory file leaves by `sendfile`, which hands the kernel pages instead of copying them; that is worth a file
//! descriptor from [`LARGE`] on. Nobody outside this module needs to know which it is.

use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::{Bytes, BytesMut};
use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use tokio::sync::Notify;

/// Objects of this size and more live in a memory file, in bytes.
pub(crate) const LARGE: u64 = 64 * 1024;

/// All bytes of a finished object.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    Small(Bytes),
    /// `len` bytes of `file` from `start` on.
    Large {
        file: Arc<OwnedFd>,
        start: u64,
        len: u64,
    },
}

impl Body {
    pub(crate) fn len(&self) -> u64 {
        match self {
            Body::Small(bytes) => bytes.len() as u64,
            Body::Large { len, .. } => *len,
        }
    }

    /// `len` bytes from `first` on, all of which exist.
    pub(crate) fn part(&self, first: u64, len: u64) -> Piece {
        match self {
            Body::Small(bytes) => Piece::Bytes(bytes.slice(first as usize..(first + len) as usize)),
            Body::Large { file, start, .. } => Piece::File { file: file.clone(), offset: start + first, len },
        }
    }
}

/// Bytes that are there to be sent.
#[derive(Clone, Debug)]
pub(crate) enum Piece {
    Bytes(Bytes),
    File { file: Arc<OwnedFd>, offset: u64, len: u64 },
}

impl Piece {
    pub(crate) fn len(&self) -> u64 {
        match self {
            Piece::Bytes(bytes) => bytes.len() as u64,
            Piece::File { len, .. } => *len,
        }
    }

    /// At most the first `max` bytes of it.
    pub(crate) fn cut(self, max: u64) -> Piece {
        match self {
            Piece::Bytes(bytes) if bytes.len() as u64 > max => Piece::Bytes(bytes.slice(..max as usize)),
            Piece::File { file, offset, len } => Piece::File { file, offset, len: len.min(max) },
            whole => whole,
        }
    }
}

/// What a reader at some offset of a filling object finds.
#[derive(Debug)]
pub(crate) enum Next {
    /// Bytes.
    Piece(Piece),
    /// The object ended here.
    End,
    /// The object will never be whole.
    Broken,
}

/// An object's bytes while they arrive: one writer appends, any number of readers follow, each from where it is.
#[derive(Debug)]
pub(crate) struct Filling {
    /// Its whole length, where the origin told.
    pub(crate) declared: Option<u64>,
    state: Mutex<State>,
    grown: Notify,
}

#[derive(Debug)]
struct State {
    bytes: Store,
    len: u64,
    end: End,
}

#[derive(Debug)]
enum Store {
    Small(Vec<Bytes>),
    /// From the file's byte `start` on; files that are written to begin at 0.
    Large {
        file: Arc<OwnedFd>,
        start: u64,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Open,
    Whole,
    Broken,
}

impl Filling {
    /// Nothing yet.
    pub(crate) fn new(declared: Option<u64>) -> Filling {
        let state = State { bytes: Store::Small(Vec::new()), len: 0, end: End::Open };
        Filling { declared, state: Mutex::new(state), grown: Notify::new() }
    }

    /// A finished object, as one filled at once.
    pub(crate) fn whole(body: Body) -> Filling {
        let len = body.len();
        let bytes = match body {
            Body::Small(bytes) => Store::Small(vec![bytes]),
            Body::Large { file, start, .. } => Store::Large { file, start },
        };
        let state = State { bytes, len, end: End::Whole };
        Filling { declared: Some(len), state: Mutex::new(state), grown: Notify::new() }
    }

    /// Whether `more` bytes on top of what there is need a memory file that is not there yet.
    pub(crate) fn will_spill(&self, more: u64) -> bool {
        let state = self.lock();
        matches!(state.bytes, Store::Small(_)) && (state.len + more).max(self.declared.unwrap_or(0)) >= LARGE
    }

    /// Adds bytes at the end and wakes the readers. On an error the object is as it was.
    pub(crate) fn append(&self, piece: Bytes) -> std::io::Result<()> {
        if piece.is_empty() {
            return Ok(());
        }
        let spill = self.will_spill(piece.len() as u64);
        // The one writer is the only one to change `bytes` and `len`, so it may write to the file without the lock:
        // readers look no further than `len`.
        let (file, at) = {
            let mut state = self.lock();
            let state = &mut *state;
            if spill && let Store::Small(pieces) = &state.bytes {
                let file = memfd_create("object", MemfdFlags::CLOEXEC)?;
                if let Some(declared) = self.declared {
                    // Where the kernel may use large pages for memory files, it does so for those whose size it knows.
                    ftruncate(&file, declared)?;
                }
                let mut at = 0;
                for piece in pieces {
                    write_all(&file, piece, at)?;
                    at += piece.len() as u64;
                }
                state.bytes = Store::Large { file: Arc::new(file), start: 0 };
            }
            match &mut state.bytes {
                Store::Large { file, .. } => (Some(file.clone()), state.len),
                Store::Small(pieces) => {
                    state.len += piece.len() as u64;
                    pieces.push(piece.clone());
                    (None, state.len)
                }
            }
        };
        if let Some(file) = file {
            write_all(&file, &piece, at)?;
            self.lock().len = at + piece.len() as u64;
        }
        self.grown.notify_waiters();
        Ok(())
    }

    /// The last byte has come. Returns the finished body.
    pub(crate) fn finish(&self) -> Body {
        let body = {
            let mut state = self.lock();
            state.end = End::Whole;
            let len = state.len;
            match &mut state.bytes {
                Store::Large { file, start } => Body::Large { file: file.clone(), start: *start, len },
                Store::Small(pieces) => {
                    let bytes = match pieces.as_slice() {
                        [] => Bytes::new(),
                        // A copy of its own: the piece is a view of the whole read buffer it came in.
                        [one] => Bytes::copy_from_slice(one),
                        many => {
                            let mut joined = BytesMut::with_capacity(len as usize);
                            many.iter().for_each(|piece| joined.extend_from_slice(piece));
                            joined.freeze()
                        }
                    };
                    *pieces = vec![bytes.clone()];
                    Body::Small(bytes)
                }
            }
        };
        self.grown.notify_waiters();
        body
    }

    /// No more bytes will come, and what came is not all.
    pub(crate) fn break_off(&self) {
        self.lock().end = End::Broken;
        self.grown.notify_waiters();
    }

    /// What there is at `offset`; waits where there is nothing yet.
    pub(crate) async fn next(&self, offset: u64) -> Next {
        loop {
            let grown = self.grown.notified();
            tokio::pin!(grown);
            // Registered before looking, so that growth between the look and the wait is not missed.
            grown.as_mut().enable();
            if let Some(next) = self.look(offset) {
                return next;
            }
            grown.await;
        }
    }

    fn look(&self, offset: u64) -> Option<Next> {
        let state = self.lock();
        if offset >= state.len {
            return match state.end {
                End::Open => None,
                End::Whole => Some(Next::End),
                End::Broken => Some(Next::Broken),
            };
        }
        Some(Next::Piece(match &state.bytes {
            Store::Large { file, start } => {
                Piece::File { file: file.clone(), offset: start + offset, len: state.len - offset }
            }
            Store::Small(pieces) => {
                let mut at = offset as usize;
                let mut pieces = pieces.iter();
                loop {
                    let piece = pieces.next().expect("the pieces add up to `len`");
                    if at < piece.len() {
                        break Piece::Bytes(piece.slice(at..));
                    }
                    at -= piece.len();
                }
            }
        }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it holds the lock")
    }
}

fn write_all(file: &OwnedFd, mut bytes: &[u8], mut at: u64) -> std::io::Result<()> {
    while !bytes.is_empty() {
        let written = rustix::io::retry_on_intr(|| rustix::io::pwrite(file, bytes, at))?;
        bytes = &bytes[written..];
        at += written as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents(piece: Piece) -> Vec<u8> {
        match piece {
            Piece::Bytes(bytes) => bytes.to_vec(),
            Piece::File { file, offset, len } => {
                let mut bytes = vec![0; len as usize];
                assert_eq!(rustix::io::pread(&*file, &mut bytes, offset).unwrap() as u64, len);
                bytes
            }
        }
    }

    async fn read_from(filling: &Filling, mut offset: u64) -> (Vec<u8>, bool) {
        let mut read = Vec::new();
        loop {
            match filling.next(offset).await {
                Next::Piece(piece) => {
                    offset += piece.len();
                    read.extend(contents(piece));
                }
                Next::End => return (read, true),
                Next::Broken => return (read, false),
            }
        }
    }

    #[tokio::test]
    async fn every_reader_sees_the_same_bytes_whenever_it_comes_and_wherever_they_are() {
        for size in [0, 1, 1_000, 64 * 1024 - 1, 64 * 1024, 300_000_usize] {
            for declared in [None, Some(size as u64)] {
                let bytes: Vec<u8> = (0..size).map(|at| (at / 7) as u8).collect();
                let filling = Arc::new(Filling::new(declared));
                let early = tokio::spawn({
                    let filling = filling.clone();
                    async move { read_from(&filling, 0).await }
                });
                for piece in bytes.chunks(10_000) {
                    filling.append(Bytes::copy_from_slice(piece)).unwrap();
                    tokio::task::yield_now().await;
                }
                let middle = size as u64 / 2;
                let (late, body) = tokio::join!(read_from(&filling, middle), async { filling.finish() });
                assert_eq!(early.await.unwrap(), (bytes.clone(), true));
                assert_eq!(late, (bytes[size / 2..].to_vec(), true));
                assert_eq!(matches!(body, Body::Large { .. }), size as u64 >= LARGE);
                assert_eq!(contents(body.part(middle, size as u64 - middle)), bytes[size / 2..]);
            }
        }
    }

    #[tokio::test]
    async fn a_broken_object_never_ends() {
        let filling = Filling::new(Some(10));
        filling.append(Bytes::from_static(b"four")).unwrap();
        filling.break_off();
        assert_eq!(read_from(&filling, 0).await, (b"four".to_vec(), false));
    }
}
