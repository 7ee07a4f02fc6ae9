//! What metrics were: aggregates of minutes for 15 days, and of seconds for three hours where they were asked for.
//!
//! [`History::record`] adds values in memory and returns; it never waits for a disk. A thread writes them to a log and syncs it
//! each second, so that a kill takes the last second at most. Every few hours what is in memory becomes a block, a file sorted by
//! series, and its log goes. [`History::range`] puts memory and blocks together, period by period; [`History::list`] tells which
//! metrics there are. What is too old goes with its file.
//!
//! Aggregates add up in any order, so a value may come late, and blocks may overlap in time.
//!
//! `codec` holds the bytes of files (pure), [`files`] reads what may be damaged, `head` is what memory holds, `block` one
//! file of the past, `tier` everything of one resolution, `catalogue` which metrics there are, `keeper` the thread.
#![forbid(unsafe_code)]

mod block;
mod catalogue;
mod codec;
pub mod files;
mod head;
mod history;
mod keeper;
mod limits;
mod sample;
mod tier;

pub use catalogue::{DimensionFilter, Filter};
pub use history::{Damaged, History, OpenFault, Refused};
pub use limits::Limits;
pub use sample::{Resolution, Sample, Span};
