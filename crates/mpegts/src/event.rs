//! What a demultiplexer yields.

use bytes::Bytes;
use media::{Sample, Track};

use crate::descriptor::Language;
use crate::warning::Warning;

/// One thing that came of the bytes.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The program's tracks, or new ones in place of those before; samples of them follow. A track keeps its id while its
    /// PID stays.
    Tracks(Vec<Stream>),
    /// One sample of an announced track. Its times are those of the stream, unwrapped: on one line for all tracks, in
    /// the track's timescale (90 kHz for video, the sample rate for audio), which begins anywhere below 2^33 ticks of
    /// 90 kHz.
    Sample(Sample),
    /// A section of splice information (SCTE 35), its checksum proved.
    Section {
        /// The PID it came on.
        pid: u16,
        /// The section, from its table id to its checksum.
        data: Bytes,
        /// The latest time stamp before it, in 90 kHz on the samples' line: with [`crate::unwrap::nearest`] a splice
        /// time becomes one on that line.
        near: Option<i64>,
    },
    /// Timed metadata (ID3).
    Id3 {
        /// The PID it came on.
        pid: u16,
        /// When it holds, in 90 kHz on the samples' line.
        pts: Option<i64>,
        /// The tag.
        data: Bytes,
    },
    /// The program's clock does not go on from where it was: by its own word, or by a step back or of over ten seconds.
    ClockJump {
        /// The PID that carries it.
        pid: u16,
        /// From the reference before to this one, in 27 MHz; none before is none.
        step: Option<i64>,
    },
    /// Something is wrong with the stream; it goes on.
    Warning(Warning),
    /// The stream is over.
    Ended,
}

/// An announced track, and what the program's map says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    /// The track.
    pub track: Track,
    /// The PID that carries it.
    pub pid: u16,
    /// Its language where the map tells one.
    pub language: Option<Language>,
}
