//! What a peer can do wrong.

use crate::amf::AmfError;
use crate::limits::*;

/// A peer broke the protocol. The session is of no more use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("RTMP broken at byte {offset}: {fault}")]
pub struct PeerError {
    /// Bytes of the connection taken before the message or header at fault.
    pub offset: u64,
    /// How.
    pub fault: Fault,
}

/// How a peer broke the protocol.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The first byte is no RTMP version that can be spoken; 3 is plain RTMP, 6 and 8 are encrypted.
    #[error("handshake version {0}, only 3 is spoken here")]
    Version(u8),
    /// A compressed chunk header on a chunk stream that has had no full one.
    #[error("chunk stream {chunk_stream} begins with a type {format} header")]
    NoPreviousHeader {
        /// The chunk stream's id.
        chunk_stream: u32,
        /// The header's type, 2 or 3.
        format: u8,
    },
    /// A message over [`MAX_MESSAGE_BYTES`].
    #[error("message of {0} bytes, bound {MAX_MESSAGE_BYTES}")]
    MessageLength(u32),
    /// Over [`MAX_CHUNK_STREAMS`].
    #[error("over {MAX_CHUNK_STREAMS} chunk streams")]
    ChunkStreams,
    /// Over [`MAX_PARTIAL_MESSAGES`].
    #[error("over {MAX_PARTIAL_MESSAGES} unfinished messages at once")]
    PartialMessages,
    /// Over [`MAX_PARTIAL_BYTES`].
    #[error("over {MAX_PARTIAL_BYTES} bytes of unfinished messages")]
    PartialBytes,
    /// A chunk size under [`MIN_CHUNK_SIZE`] or with its top bit set.
    #[error("chunk size {0}, bounds {MIN_CHUNK_SIZE} and 2147483647")]
    ChunkSize(u32),
    /// A protocol control message (types 1 to 6) shorter than its fields.
    #[error("control message of type {kind} with {length} bytes")]
    ControlLength {
        /// The message type.
        kind: u8,
        /// Its length.
        length: usize,
    },
    /// A command over [`MAX_COMMAND_BYTES`].
    #[error("command of {0} bytes, bound {MAX_COMMAND_BYTES}")]
    CommandLength(usize),
    /// A command that is no AMF 0.
    #[error("command: {0}")]
    Amf(#[from] AmfError),
    /// A command that does not begin with a name.
    #[error("command without a name")]
    NoCommandName,
    /// `connect` without an application, or with one over [`MAX_NAME_BYTES`].
    #[error("connect without an application name of at most {MAX_NAME_BYTES} bytes")]
    App,
    /// A second `connect`.
    #[error("connect after connect")]
    ConnectTwice,
    /// `publish` before `connect`, or without a stream name of at most [`MAX_NAME_BYTES`].
    #[error("publish without a connection or a stream name of at most {MAX_NAME_BYTES} bytes")]
    Publish,
    /// A second `publish` while one stands.
    #[error("a second publish on one connection")]
    PublishTwice,
    /// Over [`MAX_MESSAGE_STREAMS`].
    #[error("over {MAX_MESSAGE_STREAMS} message streams")]
    MessageStreams,
    /// The peer does not read our answers: over [`MAX_OUTGOING_BYTES`] wait.
    #[error("over {MAX_OUTGOING_BYTES} bytes of answers wait to be read")]
    Deaf,
}
