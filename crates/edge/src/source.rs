//! Where an answer's bytes come from, piece by piece.

use std::sync::Arc;

use bytes::Bytes;

use crate::body::{Next, Piece};
use crate::object::Object;
use crate::pass::Passing;

/// The rest of one answer's body. Dropping it lets go of everything it holds.
#[derive(Debug)]
pub(crate) enum Source {
    /// No more bytes.
    Nothing,
    /// Bytes that are there.
    Piece(Piece),
    /// An object's bytes as they come.
    Filling(Following),
    /// The origin's answer to this one request.
    Passing(Box<Passing>),
}

/// A reader of a filling object.
#[derive(Debug)]
pub(crate) struct Following {
    object: Arc<Object>,
    offset: u64,
    /// Bytes still owed, where a length was told.
    left: Option<u64>,
    /// Looked up ahead by [`Source::begin`].
    ahead: Option<Next>,
}

impl Source {
    /// `len` bytes of `object` from `first` on, or all of them; a length is known wherever the object is whole.
    pub(crate) fn of(object: &Arc<Object>, first: u64, len: Option<u64>) -> Source {
        match object.whole() {
            Some(whole) => Source::Piece(whole.body.part(first, len.unwrap_or(whole.body.len() - first))),
            None => {
                Source::Filling(Following { object: object.clone(), offset: first, left: len, ahead: None })
            }
        }
    }

    /// These bytes.
    pub(crate) fn bytes(bytes: Bytes) -> Source {
        Source::Piece(Piece::Bytes(bytes))
    }

    /// How many bytes there will be, where they are all on the heap.
    pub(crate) fn len_at_hand(&self) -> Option<u64> {
        match self {
            Source::Nothing => Some(0),
            Source::Piece(piece @ Piece::Bytes(_)) => Some(piece.len()),
            Source::Piece(Piece::File { .. }) | Source::Filling(_) | Source::Passing(_) => None,
        }
    }

    /// Whether there are no bytes and will be none.
    pub(crate) fn is_nothing(&self) -> bool {
        matches!(self, Source::Nothing)
    }

    /// Waits until the first bytes are there, so that a body that breaks off before them can still be answered
    /// otherwise; false if it did.
    pub(crate) async fn begin(&mut self) -> bool {
        match self {
            Source::Nothing | Source::Piece(_) => true,
            Source::Filling(following) => {
                let next = following.next().await;
                let begun = !matches!(next, Next::Broken);
                following.ahead = Some(next);
                begun
            }
            Source::Passing(passing) => passing.begin().await,
        }
    }

    /// The next bytes; waits for them where they have not come. May be dropped and called again: nothing is lost.
    pub(crate) async fn next(&mut self) -> Next {
        match self {
            Source::Nothing => Next::End,
            Source::Piece(piece) => {
                let piece = piece.clone();
                *self = Source::Nothing;
                Next::Piece(piece)
            }
            Source::Filling(following) => following.next().await,
            Source::Passing(passing) => passing.next().await,
        }
    }
}

impl Following {
    async fn next(&mut self) -> Next {
        if let Some(next) = self.ahead.take() {
            return next;
        }
        if self.left == Some(0) {
            return Next::End;
        }
        match self.object.filling.next(self.offset).await {
            Next::Piece(piece) => {
                let piece = piece.cut(self.left.unwrap_or(u64::MAX));
                self.offset += piece.len();
                self.left = self.left.map(|left| left - piece.len());
                Next::Piece(piece)
            }
            // A viewer must not take a part for the whole.
            Next::End if self.left.is_some() => Next::Broken,
            other => other,
        }
    }
}
