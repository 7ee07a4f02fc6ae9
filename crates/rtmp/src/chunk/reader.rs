//! Puts messages together from chunks.

use bytes::{Buf, Bytes, BytesMut};

use super::{Message, kind};
use crate::Fault;
use crate::limits::*;

/// The chunk size before a Set Chunk Size (§5.4.1).
const DEFAULT_CHUNK_SIZE: usize = 128;
/// In a 24-bit timestamp field: the real one follows in four bytes (§5.3.1.3).
const EXTENDED: u32 = 0xFF_FFFF;
/// What is set aside for a message at its first chunk; more comes as more arrives, so a length alone costs nothing.
const FIRST_RESERVE: usize = 16 << 10;
/// From this chunk size on a message of one chunk shares the input's memory. Below, most bytes are copied when messages
/// are put together, and a small message left in the input would keep all of those in memory a second time.
const SHARE_FROM: usize = 32 << 10;

/// Reads a chunk stream. Set Chunk Size and Abort are obeyed here and yielded all the same.
#[derive(Debug)]
pub struct Reader {
    chunk_size: usize,
    streams: Vec<ChunkStream>,
    partial_messages: usize,
    partial_bytes: usize,
    taken: u64,
}

/// What is remembered of a chunk stream: its last header and an unfinished message.
#[derive(Debug)]
struct ChunkStream {
    id: u32,
    header: Header,
    partial: Option<BytesMut>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Header {
    timestamp: u32,
    /// The last timestamp field, absolute or delta: what a type 3 header repeats.
    field: u32,
    extended: bool,
    length: u32,
    kind: u8,
    stream: u32,
}

impl Default for Reader {
    fn default() -> Self {
        Self::new()
    }
}

impl Reader {
    /// A reader at the start of a chunk stream.
    pub fn new() -> Self {
        Self {
            chunk_size: DEFAULT_CHUNK_SIZE,
            streams: Vec::with_capacity(6),
            partial_messages: 0,
            partial_bytes: 0,
            taken: 0,
        }
    }

    /// Bytes taken from inputs so far.
    pub const fn taken(&self) -> u64 {
        self.taken
    }

    /// Takes chunks off the front of `input` until a message is whole; `None` when `input` ends before that. A chunk is
    /// taken only when all of it is there, so `input` may be left with up to a chunk of bytes. A message of one large
    /// chunk shares `input`'s memory.
    ///
    /// After a fault the stream cannot go on.
    pub fn next(&mut self, input: &mut BytesMut) -> Result<Option<Message>, Fault> {
        loop {
            let before = input.len();
            match self.chunk(input)? {
                Step::Wanting => return Ok(None),
                Step::Taken(message) => {
                    self.taken += (before - input.len()) as u64;
                    if let Some(message) = message {
                        self.obey(&message)?;
                        return Ok(Some(message));
                    }
                }
            }
        }
    }

    fn chunk(&mut self, input: &mut BytesMut) -> Result<Step, Fault> {
        let mut fields = Fields(input);
        let Some((format, id)) = fields.basic_header() else {
            return Ok(Step::Wanting);
        };
        let known = self.streams.iter().position(|stream| stream.id == id);
        let mut header = match known {
            Some(at) => self.streams[at].header,
            // librtmp begins its ping channel with a type 1 header, which lacks nothing but the message stream.
            None if format < 2 => Header::default(),
            None => return Err(Fault::NoPreviousHeader { chunk_stream: id, format }),
        };
        let continues = format == 3 && known.is_some_and(|at| self.streams[at].partial.is_some());
        if !header.read(format, continues, &mut fields) {
            return Ok(Step::Wanting);
        }
        if header.length as usize > MAX_MESSAGE_BYTES {
            return Err(Fault::MessageLength(header.length));
        }
        let header_bytes = input.len() - fields.0.len();
        let have = match known {
            Some(at) if continues => self.streams[at].partial.as_ref().map_or(0, BytesMut::len),
            _ => 0,
        };
        let left = header.length as usize - have;
        let payload = left.min(self.chunk_size);
        if input.len() < header_bytes + payload {
            return Ok(Step::Wanting);
        }

        // From here on the chunk is whole: state may change.
        let at = match known {
            Some(at) => at,
            None if self.streams.len() == MAX_CHUNK_STREAMS => return Err(Fault::ChunkStreams),
            None => {
                self.streams.push(ChunkStream { id, header, partial: None });
                self.streams.len() - 1
            }
        };
        if !continues {
            // A new header inside a message: the sender gave the message up.
            self.drop_partial(at);
        }
        self.streams[at].header = header;
        input.advance(header_bytes);
        if have == 0 && payload == left {
            let body = input.split_to(payload);
            let body = match self.chunk_size {
                SHARE_FROM.. => body.freeze(),
                _ => Bytes::copy_from_slice(&body),
            };
            return Ok(Step::Taken(Some(header.message(body))));
        }
        self.keep(at, &input[..payload])?;
        input.advance(payload);
        if payload < left {
            return Ok(Step::Taken(None));
        }
        let body = self.take_partial(at).unwrap_or_default().freeze();
        Ok(Step::Taken(Some(header.message(body))))
    }

    fn keep(&mut self, at: usize, payload: &[u8]) -> Result<(), Fault> {
        if self.partial_bytes + payload.len() > MAX_PARTIAL_BYTES {
            return Err(Fault::PartialBytes);
        }
        let stream = &mut self.streams[at];
        let partial = match &mut stream.partial {
            Some(partial) => partial,
            None if self.partial_messages == MAX_PARTIAL_MESSAGES => return Err(Fault::PartialMessages),
            none => {
                self.partial_messages += 1;
                none.insert(BytesMut::with_capacity(FIRST_RESERVE.min(stream.header.length as usize)))
            }
        };
        partial.extend_from_slice(payload);
        self.partial_bytes += payload.len();
        Ok(())
    }

    fn take_partial(&mut self, at: usize) -> Option<BytesMut> {
        let partial = self.streams[at].partial.take()?;
        self.partial_messages -= 1;
        self.partial_bytes -= partial.len();
        Some(partial)
    }

    fn drop_partial(&mut self, at: usize) {
        self.take_partial(at);
    }

    fn obey(&mut self, message: &Message) -> Result<(), Fault> {
        if !matches!(message.kind, kind::SET_CHUNK_SIZE | kind::ABORT) {
            return Ok(());
        }
        let value = message
            .body
            .first_chunk::<4>()
            .map(|bytes| u32::from_be_bytes(*bytes))
            .ok_or(Fault::ControlLength { kind: message.kind, length: message.body.len() })?;
        if message.kind == kind::ABORT {
            if let Some(at) = self.streams.iter().position(|stream| stream.id == value) {
                self.drop_partial(at);
            }
            return Ok(());
        }
        if !(MIN_CHUNK_SIZE..=i32::MAX as u32).contains(&value) {
            return Err(Fault::ChunkSize(value));
        }
        // No chunk is longer than its message, so a larger size means the same.
        self.chunk_size = (value as usize).min(MAX_MESSAGE_BYTES);
        Ok(())
    }
}

enum Step {
    /// Nothing was taken.
    Wanting,
    /// A chunk was; perhaps a message's last.
    Taken(Option<Message>),
}

impl Header {
    /// Reads a message header of type `format` over the previous one. False when `fields` end inside it.
    fn read(&mut self, format: u8, continues: bool, fields: &mut Fields<'_>) -> bool {
        self.try_read(format, continues, fields).is_some()
    }

    fn try_read(&mut self, format: u8, continues: bool, fields: &mut Fields<'_>) -> Option<()> {
        if format < 3 {
            self.field = fields.u24()?;
            if format < 2 {
                self.length = fields.u24()?;
                self.kind = fields.u8()?;
            }
            if format == 0 {
                self.stream = fields.u32_le()?;
            }
            self.extended = self.field == EXTENDED;
            if self.extended {
                self.field = fields.u32()?;
            }
        } else if self.extended {
            // Type 3 repeats the extended timestamp (§5.3.1.3). Some senders leave it out, some repeat the absolute
            // time after a delta: what stands there decides.
            let repeated = fields.peek_u32()?;
            if repeated == self.field || repeated == self.timestamp {
                fields.u32()?;
            }
        }
        match format {
            0 => self.timestamp = self.field,
            _ if continues => {}
            _ => self.timestamp = self.timestamp.wrapping_add(self.field),
        }
        Some(())
    }

    fn message(&self, body: Bytes) -> Message {
        Message { kind: self.kind, stream: self.stream, timestamp: self.timestamp, body }
    }
}

/// Bytes not yet taken.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn basic_header(&mut self) -> Option<(u8, u32)> {
        let first = self.u8()?;
        let id = match first & 0x3F {
            0 => 64 + u32::from(self.u8()?),
            1 => 64 + u32::from(self.u8()?) + 256 * u32::from(self.u8()?),
            id => u32::from(id),
        };
        Some((first >> 6, id))
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take::<1>().map(|[byte]| byte)
    }

    fn u24(&mut self) -> Option<u32> {
        self.take::<3>().map(|[a, b, c]| u32::from_be_bytes([0, a, b, c]))
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_be_bytes)
    }

    fn u32_le(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn peek_u32(&self) -> Option<u32> {
        self.0.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
    }
}

#[cfg(test)]
mod tests;
