//! What ends a connection.

use crate::attack::Attack;
use crate::frame::ErrorCode;
use crate::hpack;

/// How the peer broke the protocol. The connection was ended with a `GOAWAY`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The first bytes are not [`crate::PREFACE`] (RFC 9113 §3.4).
    #[error("no connection preface")]
    Preface,
    /// The first frame is not SETTINGS (§3.4).
    #[error("the first frame is not SETTINGS")]
    FirstFrame,
    /// A frame longer than we allow, or of a length its kind cannot have (§4.2).
    #[error("a frame of a length that cannot be")]
    FrameLength,
    /// More padding than payload (§6.1).
    #[error("more padding than payload")]
    Padding,
    /// A frame on stream 0 that needs a stream, or the other way round, or a stream only a server could open.
    #[error("a frame on a stream that cannot have it")]
    StreamId,
    /// Another frame inside a header block (§4.3).
    #[error("another frame inside a header block")]
    Interleaved,
    /// A frame on a stream that was not opened (§5.1).
    #[error("a frame on an idle stream")]
    IdleStream,
    /// A header block on a stream that has ended (§5.1).
    #[error("a header block on a closed stream")]
    ClosedStream,
    /// A setting with a value it cannot have (§6.5.2).
    #[error("a setting of a value that cannot be")]
    Setting,
    /// A window opened by nothing, or beyond what can be counted, or sent beyond (§6.9).
    #[error("a flow-control window opened by nothing")]
    WindowIncrement,
    /// A window beyond 2^31 - 1, or bytes beyond ours (§6.9.1).
    #[error("a flow-control window passed")]
    Window,
    /// A client cannot push (§8.4).
    #[error("a push from a client")]
    Push,
    /// A header block that cannot be unpacked; the tables differ from here on (RFC 7541 §3).
    #[error("a header block that cannot be unpacked: {0}")]
    Compression(#[from] hpack::Fault),
    /// What the peer may do, but not this often.
    #[error("an attack: {0}")]
    Attack(#[from] Attack),
}

impl Fault {
    /// The code the `GOAWAY` told (RFC 9113 §7).
    pub fn code(self) -> ErrorCode {
        match self {
            Fault::Preface
            | Fault::FirstFrame
            | Fault::Padding
            | Fault::StreamId
            | Fault::Interleaved
            | Fault::IdleStream
            | Fault::Setting
            | Fault::WindowIncrement
            | Fault::Push => ErrorCode::ProtocolError,
            Fault::FrameLength => ErrorCode::FrameSizeError,
            Fault::ClosedStream => ErrorCode::StreamClosed,
            Fault::Window => ErrorCode::FlowControlError,
            Fault::Compression(_) => ErrorCode::CompressionError,
            Fault::Attack(_) => ErrorCode::EnhanceYourCalm,
        }
    }
}
