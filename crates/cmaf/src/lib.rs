//! CMAF (ISO/IEC 23000-19): headers and chunks, written and read.
//!
//! Pure, and safe on any bytes.
//!
//! - Writing: [`init_segment`] makes a track's CMAF header, [`Fragmenter`] its chunks.
//! - Reading: [`ChunkReader`] takes a CMAF ingest body in any pieces and gives back [`Header`]s and
//!   [`ReadChunk`]s; [`Header::read`] reads a kept header; [`read_samples`] takes a chunk apart.
//! - [`Movie`] reads fragmented MP4 of several tracks, as HLS carries it.
//! - [`shift_decode_time`] moves a chunk on its track's timeline.

#![forbid(unsafe_code)]

mod boxes;
mod error;
mod fragment;
mod fragmenter;
mod header;
mod init_segment;
mod movie;
mod reader;
mod shift;

pub use boxes::FourCc;
pub use error::ReadError;
pub use fragment::{SampleDefaults, read_samples};
pub use fragmenter::{Begins, Chunk, DtsBackwards, Fragmenter};
pub use header::Header;
pub use init_segment::{Labels, init_segment};
pub use movie::Movie;
pub use reader::{ChunkReader, Event, MAX_MDAT, MAX_MOOF, MAX_MOOV, ReadChunk};
pub use shift::shift_decode_time;
