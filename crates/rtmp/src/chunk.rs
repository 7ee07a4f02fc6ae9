//! The chunk stream: messages cut in pieces and interleaved (RTMP 1.0 §5.3).

mod reader;
mod writer;

use bytes::Bytes;

pub use reader::Reader;
pub use writer::Writer;

/// Message types (RTMP 1.0 §5.4, §6.2, §7.1).
pub mod kind {
    /// Set Chunk Size.
    pub const SET_CHUNK_SIZE: u8 = 1;
    /// Abort Message.
    pub const ABORT: u8 = 2;
    /// Acknowledgement.
    pub const ACKNOWLEDGEMENT: u8 = 3;
    /// User Control.
    pub const USER_CONTROL: u8 = 4;
    /// Window Acknowledgement Size.
    pub const ACK_WINDOW: u8 = 5;
    /// Set Peer Bandwidth.
    pub const PEER_BANDWIDTH: u8 = 6;
    /// Audio.
    pub const AUDIO: u8 = 8;
    /// Video.
    pub const VIDEO: u8 = 9;
    /// Data in AMF 3.
    pub const DATA_AMF3: u8 = 15;
    /// Command in AMF 3.
    pub const COMMAND_AMF3: u8 = 17;
    /// Data in AMF 0.
    pub const DATA: u8 = 18;
    /// Command in AMF 0.
    pub const COMMAND: u8 = 20;
}

/// One whole message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its type, one of [`kind`] or another.
    pub kind: u8,
    /// The message stream it belongs to; 0 is the connection itself.
    pub stream: u32,
    /// Milliseconds, as sent: 32 bits that wrap.
    pub timestamp: u32,
    /// The body.
    pub body: Bytes,
}
