//! MPEG transport streams (ISO/IEC 13818-1) as a value you feed: from bytes to tracks and samples.
//!
//! [`Demuxer`] follows one program. Push bytes as they come, cut anywhere, and poll until it wants more:
//!
//! ```
//! # let received: &[u8] = &[];
//! let mut demuxer = mpegts::Demuxer::new(mpegts::Select::default());
//! demuxer.push(received);
//! while let Some(event) = demuxer.poll() {
//!     match event {
//!         mpegts::Event::Tracks(streams) => println!("{} tracks", streams.len()),
//!         mpegts::Event::Sample(sample) => println!("{} bytes at {}", sample.data.len(), sample.dts),
//!         _ => {}
//!     }
//! }
//! ```
//!
//! The way of a byte: [`sync`] finds packets → [`packet`] reads their headers → tables ([`section`], [`psi`]) tell which
//! streams there are ([`stream_type`], [`program`]) → [`pes`] puts each one's packets together and [`unwrap`] lays their
//! times on one long line → [`stream`] makes samples and formats of them → [`announce`] holds those back until the tracks
//! can be told. What is wrong with a stream is a [`Warning`], and it goes on; every bound is in [`limits`].
//!
//! A picture of which packets were lost is dropped, and so is sound; what follows is passed on, though pictures up to the
//! next key frame may refer to what is missing. [`writer`] makes streams for tests.

#![forbid(unsafe_code)]

mod announce;
mod clock;
mod continuity;
mod demuxer;
mod descriptor;
mod event;
pub mod limits;
mod packet;
mod pes;
mod program;
mod psi;
mod section;
mod select;
mod stream;
mod stream_type;
mod sync;
pub mod unwrap;
mod warning;
pub mod writer;

pub use demuxer::Demuxer;
pub use descriptor::Language;
pub use event::{Event, Stream};
pub use packet::{PACKET_BYTES, SYNC_BYTE};
pub use pes::PesFault;
pub use section::SectionFault;
pub use select::Select;
pub use warning::Warning;
