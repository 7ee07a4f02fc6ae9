//! The window on disk.
//!
//! Each channel has a folder of append-only files, a new one about every minute, each readable by itself: it begins
//! with the state of the numbers, the headers in use and the slates. [`record`] is the form of a record; [`writer`] the one
//! thread that writes, behind a bounded queue, to a [`folder`] a channel; [`health`] knows what is not on disk yet, and
//! how the disk does; [`mod@recover`] reads everything back at the start.

mod folder;
mod health;
mod record;
mod recover;
mod writer;

pub use record::{Damage, HeaderRecord, Record, SegmentRecord, StateRecord, read_records};
pub(crate) use recover::{Kept, recover};
pub(crate) use writer::{Lag, Log, start};

/// The ending of a log file's name.
const EXTENSION: &str = "log";
