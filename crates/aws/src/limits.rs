//! What a request may cost.

use std::cell::Cell;

/// Bounds on a request that is decoded. Depth is as the descriptions nest: MediaLive's deepest input has fewer than 20.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the body, unpacked.
    pub body: usize,
    /// Values in each other.
    pub depth: usize,
    /// Values in all, structures and lists counted too.
    pub values: usize,
}

impl Default for Limits {
    /// 2 MiB, 48 deep, 100,000 values: a schedule of MediaLive's greatest size passes.
    fn default() -> Self {
        Self { body: 2 << 20, depth: 48, values: 100_000 }
    }
}

/// What is left of the limits while a body is read.
#[derive(Debug)]
pub(crate) struct Budget {
    values: Cell<usize>,
    pub(crate) depth: usize,
}

/// A limit was passed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Exceeded {
    #[error("the request holds too many values")]
    Values,
    #[error("the request is nested too deeply")]
    Depth,
}

impl Budget {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self { values: Cell::new(limits.values), depth: limits.depth }
    }

    /// Takes one value at this depth.
    pub(crate) fn take(&self, depth: usize) -> Result<(), Exceeded> {
        if depth > self.depth {
            return Err(Exceeded::Depth);
        }
        self.values.set(self.values.get().checked_sub(1).ok_or(Exceeded::Values)?);
        Ok(())
    }
}
