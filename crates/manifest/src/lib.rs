//! One timeline, rendered as HLS and DASH.
//!
//! Pure: no clock, socket or file. `now` is an argument.
//!
//! A [`Timeline`] holds what one channel can show: its [`Track`]s and, for each, the [`Segment`]s of the live window.
//! Headers come in by [`Timeline::announce`], whole segments by [`Timeline::append`]; a segment becomes visible once
//! every track has its like, so that all renditions move in step. On low-latency channels the parts of the segment that
//! is coming in are listed too ([`Timeline::append_part`]). [`hls::multivariant`], [`hls::media`] and
//! [`dash::mpd`] are plain functions of the timeline. Nothing but a whole segment or part is ever listed.
//!
//! - [`timeline`](Timeline): append, publish in step, trim.
//! - [`Period`]: a stretch of continuous media; its number is HLS's discontinuity number and DASH's Period id.
//! - [`Restored`]: a timeline that goes on after a restart.
//! - [`View`]: what an endpoint shows of a timeline; [`hls::Style`] and [`dash::Style`]: how.

pub mod dash;
mod decimal;
pub mod hls;
mod order;
mod part;
mod period;
mod restore;
mod segment;
mod shape;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod timeline;
mod track;
mod track_name;
mod view;

pub use order::Order;
pub use part::{Awaited, Open, Part};
pub use period::Period;
pub use restore::{RestoreError, Restored, RestoredTrack};
pub use segment::{Arrived, Presence, Segment};
pub use shape::Shape;
pub use timeline::{AnnounceError, AppendError, Published, Removed, Timeline, Update};
pub use track::{Header, HeaderId, Track, Whole};
pub use track_name::{TrackName, TrackNameError};
pub use view::{Listed, Listing, View};
