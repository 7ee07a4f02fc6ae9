//! Cuts messages into chunks.

use bytes::{BufMut, BytesMut};

use super::{Message, kind};

const EXTENDED: u32 = 0xFF_FFFF;
/// The chunk stream of protocol control messages (§5.4).
const CONTROL: u32 = 2;

/// Writes a chunk stream: a full header for each message, type 3 headers for its further chunks. We send few and small
/// messages, so headers are not compressed.
#[derive(Debug)]
pub struct Writer {
    chunk_size: usize,
}

impl Default for Writer {
    fn default() -> Self {
        Self::new()
    }
}

impl Writer {
    /// A writer at the start of a chunk stream: chunks of 128 bytes.
    pub const fn new() -> Self {
        Self { chunk_size: 128 }
    }

    /// Writes a Set Chunk Size of `size` bytes (1 to 2³¹-1) and obeys it from the next message on.
    pub fn set_chunk_size(&mut self, size: u32, out: &mut BytesMut) {
        self.control(kind::SET_CHUNK_SIZE, &size.to_be_bytes(), out);
        self.chunk_size = size as usize;
    }

    /// Writes a protocol control message.
    pub fn control(&self, kind: u8, body: &[u8], out: &mut BytesMut) {
        let message = Message { kind, stream: 0, timestamp: 0, body: bytes::Bytes::copy_from_slice(body) };
        self.write(CONTROL, &message, out);
    }

    /// Writes one message, of at most 16,777,215 bytes, on chunk stream `id` (2 to 65,599).
    pub fn write(&self, id: u32, message: &Message, out: &mut BytesMut) {
        let extended = message.timestamp >= EXTENDED;
        let put_extended = |out: &mut BytesMut| {
            if extended {
                out.put_u32(message.timestamp);
            }
        };
        out.reserve(message.body.len() + 18 + message.body.len() / self.chunk_size * 7);
        put_basic_header(0, id, out);
        out.put_uint(u64::from(message.timestamp.min(EXTENDED)), 3);
        out.put_uint(message.body.len() as u64, 3);
        out.put_u8(message.kind);
        out.put_u32_le(message.stream);
        put_extended(out);
        for (at, piece) in message.body.chunks(self.chunk_size).enumerate() {
            if at > 0 {
                put_basic_header(3, id, out);
                put_extended(out);
            }
            out.put_slice(piece);
        }
    }
}

fn put_basic_header(format: u8, id: u32, out: &mut BytesMut) {
    let format = format << 6;
    match id {
        ..64 => out.put_u8(format | id as u8),
        64..320 => out.put_slice(&[format, (id - 64) as u8]),
        _ => out.put_slice(&[format | 1, (id - 64) as u8, ((id - 64) >> 8) as u8]),
    }
}
