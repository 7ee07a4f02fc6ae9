//! HPACK (RFC 7541): header fields as bytes.
//!
//! [`Decoder`] is complete: static and dynamic table, Huffman coding, table size updates. Encoding knows no table but
//! the static one, so that [`status`] and [`field`] make blocks that stay right whatever connection they are sent on.

mod decoder;
mod encoder;
mod huffman;
mod integer;
mod table;

pub use decoder::{Decoder, Fields};
pub use encoder::{EMPTY_TABLE, field, field_raw, status};

/// Why a header block cannot be unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It ends inside a field.
    #[error("it ends inside a field")]
    Truncated,
    /// A number that is too long or too large (§5.1).
    #[error("a number too large")]
    Integer,
    /// An index that names no entry (§2.3.3).
    #[error("an index that names no entry")]
    Index,
    /// A Huffman code that cannot be, or padding that is none (§5.2).
    #[error("a wrong Huffman code")]
    Huffman,
    /// A table size update beyond our setting, or behind a field (§4.2, §6.3).
    #[error("a table size that cannot be")]
    TableSize,
}

#[cfg(test)]
mod tests;
