//! The window on disk.
//!
//! Each channel has a folder of append-only files, a new one about every minute, each readable by itself: it begins
//! with the state of the numbers and the headers in use. [`record`] is the form of a record; [`writer`] the one thread
//! that writes, behind a bounded queue; [`recover`] reads everything back at the start.

mod record;
mod recover;
mod writer;

pub use record::{HeaderRecord, Record, SegmentRecord, StateRecord, read_records};
pub(crate) use recover::{Kept, recover};
pub(crate) use writer::{Log, start};

/// The ending of a log file's name.
const EXTENSION: &str = "log";
