//! Frames: nine bytes of head, then a payload (RFC 9113 §4).

use crate::stream::StreamId;

/// What a client sends first (RFC 9113 §3.4).
pub const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Length of a frame's head, in bytes.
pub const HEAD: usize = 9;

/// A frame's kind (RFC 9113 §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the specification's")]
pub enum Kind {
    Data,
    Headers,
    Priority,
    RstStream,
    Settings,
    PushPromise,
    Ping,
    GoAway,
    WindowUpdate,
    Continuation,
    /// A kind of an extension, to be ignored.
    Unknown(u8),
}

impl From<u8> for Kind {
    fn from(byte: u8) -> Kind {
        match byte {
            0 => Kind::Data,
            1 => Kind::Headers,
            2 => Kind::Priority,
            3 => Kind::RstStream,
            4 => Kind::Settings,
            5 => Kind::PushPromise,
            6 => Kind::Ping,
            7 => Kind::GoAway,
            8 => Kind::WindowUpdate,
            9 => Kind::Continuation,
            other => Kind::Unknown(other),
        }
    }
}

impl Kind {
    fn byte(self) -> u8 {
        match self {
            Kind::Data => 0,
            Kind::Headers => 1,
            Kind::Priority => 2,
            Kind::RstStream => 3,
            Kind::Settings => 4,
            Kind::PushPromise => 5,
            Kind::Ping => 6,
            Kind::GoAway => 7,
            Kind::WindowUpdate => 8,
            Kind::Continuation => 9,
            Kind::Unknown(byte) => byte,
        }
    }
}

/// `ACK` of SETTINGS and PING.
pub const ACK: u8 = 0x1;
/// `END_STREAM` of DATA and HEADERS.
pub const END_STREAM: u8 = 0x1;
/// `END_HEADERS` of HEADERS and CONTINUATION.
pub const END_HEADERS: u8 = 0x4;
/// `PADDED` of DATA and HEADERS.
pub const PADDED: u8 = 0x8;
/// `PRIORITY` of HEADERS.
pub const PRIORITY: u8 = 0x20;

/// A frame's head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Bytes of payload.
    pub len: usize,
    /// Its kind.
    pub kind: Kind,
    /// Its flags, of which only the kind's own mean something.
    pub flags: u8,
    /// Its stream, or [`StreamId::CONNECTION`].
    pub stream: StreamId,
}

impl Head {
    /// Reads a head from the front of `bytes`; `None` where it has not come whole. Anything is a head.
    pub fn read(bytes: &[u8]) -> Option<Head> {
        let [l1, l2, l3, kind, flags, s1, s2, s3, s4] = *bytes.first_chunk::<HEAD>()?;
        Some(Head {
            len: u32::from_be_bytes([0, l1, l2, l3]) as usize,
            kind: Kind::from(kind),
            flags,
            // The topmost bit is reserved and ignored.
            stream: StreamId::new(u32::from_be_bytes([s1, s2, s3, s4]) & 0x7fff_ffff),
        })
    }

    /// Appends the head.
    pub fn write(self, out: &mut Vec<u8>) {
        let [_, l1, l2, l3] = (self.len as u32).to_be_bytes();
        let [s1, s2, s3, s4] = self.stream.number().to_be_bytes();
        out.extend_from_slice(&[l1, l2, l3, self.kind.byte(), self.flags, s1, s2, s3, s4]);
    }

    pub(crate) fn has(self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// Appends a whole frame.
pub fn write(kind: Kind, flags: u8, stream: StreamId, payload: &[u8], out: &mut Vec<u8>) {
    Head { len: payload.len(), kind, flags, stream }.write(out);
    out.extend_from_slice(payload);
}

/// Why a stream or connection ended (RFC 9113 §7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
#[allow(missing_docs, reason = "the names are the specification's")]
pub enum ErrorCode {
    NoError = 0x0,
    ProtocolError = 0x1,
    InternalError = 0x2,
    FlowControlError = 0x3,
    SettingsTimeout = 0x4,
    StreamClosed = 0x5,
    FrameSizeError = 0x6,
    RefusedStream = 0x7,
    Cancel = 0x8,
    CompressionError = 0x9,
    EnhanceYourCalm = 0xb,
}

/// Settings (RFC 9113 §6.5.2, RFC 9218 §2.1).
pub mod setting {
    #![allow(missing_docs, reason = "the names are the specification's")]
    pub const HEADER_TABLE_SIZE: u16 = 0x1;
    pub const ENABLE_PUSH: u16 = 0x2;
    pub const MAX_CONCURRENT_STREAMS: u16 = 0x3;
    pub const INITIAL_WINDOW_SIZE: u16 = 0x4;
    pub const MAX_FRAME_SIZE: u16 = 0x5;
    pub const MAX_HEADER_LIST_SIZE: u16 = 0x6;
    pub const NO_RFC7540_PRIORITIES: u16 = 0x9;
}
