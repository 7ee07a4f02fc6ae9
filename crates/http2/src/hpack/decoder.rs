//! From a header block to its fields (RFC 7541 §3.2, §6).

use super::table::Table;
use super::{Fault, huffman, integer};

/// Who takes the fields of a block.
pub trait Fields {
    /// Why the rest is not wanted.
    type Stop: From<Fault>;

    /// The next field.
    fn field(&mut self, name: &[u8], value: &[u8]) -> Result<(), Self::Stop>;
}

/// One connection's decoder. After an error its table is no longer the peer's.
#[derive(Debug)]
pub struct Decoder {
    table: Table,
}

impl Default for Decoder {
    fn default() -> Decoder {
        Decoder { table: Table::new() }
    }
}

impl Decoder {
    /// Unpacks a whole block. `scratch` is emptied, and holds at most the longest field.
    pub fn decode<F: Fields>(
        &mut self,
        block: &[u8],
        scratch: &mut Vec<u8>,
        fields: &mut F,
    ) -> Result<(), F::Stop> {
        let mut at = 0;
        let mut may_resize = true;
        while let Some(first) = block.get(at) {
            match first {
                0x80.. => {
                    let index = integer::read(block, &mut at, 7)?;
                    let (name, value) = self.table.entry(index)?;
                    fields.field(name, value)?;
                }
                0x20..0x40 => {
                    // At most two may come, the smallest size between two blocks and the last one (§4.2).
                    if !may_resize {
                        return Err(Fault::TableSize.into());
                    }
                    self.table.resize(integer::read(block, &mut at, 5)?)?;
                    continue;
                }
                _ => {
                    let is_added = *first >= 0x40;
                    let index = integer::read(block, &mut at, if is_added { 6 } else { 4 })?;
                    scratch.clear();
                    if index == 0 {
                        text(block, &mut at, scratch)?;
                    } else {
                        scratch.extend_from_slice(self.table.entry(index)?.0);
                    }
                    let name_len = scratch.len();
                    text(block, &mut at, scratch)?;
                    let (name, value) = scratch.split_at(name_len);
                    if is_added {
                        self.table.add(name, value);
                    }
                    fields.field(name, value)?;
                }
            }
            may_resize = false;
        }
        Ok(())
    }

    #[cfg(test)]
    pub(super) fn table(&self) -> &Table {
        &self.table
    }
}

/// Appends a string literal (§5.2).
fn text(block: &[u8], at: &mut usize, out: &mut Vec<u8>) -> Result<(), Fault> {
    let is_coded = block.get(*at).ok_or(Fault::Truncated)? & 0x80 != 0;
    let len = integer::read(block, at, 7)?;
    let bytes = block.get(*at..*at + len).ok_or(Fault::Truncated)?;
    *at += len;
    if is_coded {
        huffman::decode(bytes, out)
    } else {
        out.extend_from_slice(bytes);
        Ok(())
    }
}
