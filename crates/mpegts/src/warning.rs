//! What can be wrong with a stream, while it goes on.

use std::fmt;

use crate::limits::*;
use crate::pes::PesFault;
use crate::section::SectionFault;

/// A fault that the demultiplexer went past: counted by [`Warning::label`], logged in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Warning {
    /// Bytes that are no packets were passed over.
    Sync {
        /// How many.
        skipped: u64,
    },
    /// Bytes were pushed faster than read; the oldest were dropped.
    Unread {
        /// How many.
        dropped: usize,
    },
    /// An adaptation field that does not fit its packet.
    Packet {
        /// The packet's PID.
        pid: u16,
    },
    /// A packet that a receiver before us marked as damaged.
    TransportError {
        /// The packet's PID, if that is not what was damaged.
        pid: u16,
    },
    /// The stream is encrypted and cannot be read; told once until a clear packet comes.
    Scrambled {
        /// The stream's PID.
        pid: u16,
    },
    /// Packets are missing.
    Continuity {
        /// The stream's PID.
        pid: u16,
        /// How many, modulo 16.
        missing: u8,
    },
    /// A section was dropped.
    Section {
        /// Its PID.
        pid: u16,
        /// Why.
        fault: SectionFault,
    },
    /// A PES packet was dropped.
    Pes {
        /// Its PID.
        pid: u16,
        /// Why.
        fault: PesFault,
    },
    /// The program asked for is not in the stream.
    NoProgram {
        /// Its number.
        program: u16,
    },
    /// A PID asked for is not one of the program's, or holds something else.
    NoStream {
        /// The PID.
        pid: u16,
    },
    /// Pictures or sound that cannot be carried.
    NotCarried {
        /// The stream's PID.
        pid: u16,
        /// Its codec.
        what: &'static str,
    },
    /// A stream over [`MAX_STREAMS`].
    TooManyStreams {
        /// The first one left out.
        pid: u16,
    },
    /// Pictures or sound without a time were dropped.
    NoTimestamp {
        /// The stream's PID.
        pid: u16,
    },
    /// A decode time that did not rise: moved a tick behind its predecessor.
    DecodeTime {
        /// The stream's PID.
        pid: u16,
    },
    /// A presentation time before its decode time, or over ten seconds after it: taken to be equal.
    PresentationTime {
        /// The stream's PID.
        pid: u16,
    },
    /// A picture before the first parameter sets.
    MissingHeader {
        /// The stream's PID.
        pid: u16,
    },
    /// A picture before the first that a decoder can start at.
    BeforeKeyFrame {
        /// The stream's PID.
        pid: u16,
    },
    /// Parameter sets or a frame header that do not parse.
    BadHeader {
        /// The stream's PID.
        pid: u16,
        /// Why.
        why: String,
    },
    /// A payload that cannot be what it says.
    BadSample {
        /// The stream's PID.
        pid: u16,
        /// Why.
        why: &'static str,
    },
    /// Bytes between frames of sound were passed over.
    FrameSync {
        /// The stream's PID.
        pid: u16,
        /// How many.
        skipped: usize,
    },
}

impl Warning {
    /// The kind, as a metric's label has it.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Sync { .. } => "sync",
            Self::Unread { .. } => "unread",
            Self::Packet { .. } => "packet",
            Self::TransportError { .. } => "transport_error",
            Self::Scrambled { .. } => "scrambled",
            Self::Continuity { .. } => "continuity",
            Self::Section { .. } => "section",
            Self::Pes { .. } => "pes",
            Self::NoProgram { .. } => "no_program",
            Self::NoStream { .. } => "no_stream",
            Self::NotCarried { .. } => "not_carried",
            Self::TooManyStreams { .. } => "too_many_streams",
            Self::NoTimestamp { .. } => "no_timestamp",
            Self::DecodeTime { .. } => "decode_time",
            Self::PresentationTime { .. } => "presentation_time",
            Self::MissingHeader { .. } => "missing_header",
            Self::BeforeKeyFrame { .. } => "before_key_frame",
            Self::BadHeader { .. } => "bad_header",
            Self::BadSample { .. } => "bad_sample",
            Self::FrameSync { .. } => "frame_sync",
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sync { skipped } => write!(f, "{skipped} bytes are no transport packets"),
            Self::Unread { dropped } => {
                write!(f, "{dropped} bytes were dropped unread, over {MAX_UNREAD_BYTES} waited")
            }
            Self::Packet { pid } => write!(f, "PID {pid}: an adaptation field is broken"),
            Self::TransportError { pid } => write!(f, "PID {pid}: a packet was damaged on its way here"),
            Self::Scrambled { pid } => write!(f, "PID {pid} is scrambled: send it in the clear"),
            Self::Continuity { pid, missing } => {
                write!(f, "PID {pid}: {missing} or more packets are missing")
            }
            Self::Section { pid, fault } => write!(f, "PID {pid}: {fault}"),
            Self::Pes { pid, fault } => write!(f, "PID {pid}: a PES packet was dropped: {fault}"),
            Self::NoProgram { program } => write!(f, "there is no program {program} in the stream"),
            Self::NoStream { pid } => write!(f, "PID {pid} is not in the program, or of another kind"),
            Self::NotCarried { pid, what } => write!(f, "PID {pid}: {what} is not carried"),
            Self::TooManyStreams { pid } => {
                write!(f, "PID {pid} and those after it are left out: over {MAX_STREAMS} streams")
            }
            Self::NoTimestamp { pid } => write!(f, "PID {pid}: dropped what has no time stamp"),
            Self::DecodeTime { pid } => write!(f, "PID {pid}: a decode time did not rise"),
            Self::PresentationTime { pid } => {
                write!(f, "PID {pid}: a presentation time is before its decode time, or far from it")
            }
            Self::MissingHeader { pid } => write!(f, "PID {pid}: a picture came before its parameter sets"),
            Self::BeforeKeyFrame { pid } => write!(f, "PID {pid}: a picture came before the first key frame"),
            Self::BadHeader { pid, why } => write!(f, "PID {pid}: {why}"),
            Self::BadSample { pid, why } => write!(f, "PID {pid}: {why}"),
            Self::FrameSync { pid, skipped } => {
                write!(f, "PID {pid}: {skipped} bytes between frames are no sound")
            }
        }
    }
}
