//! The table of fields that indices name: a static part, then what the peer added (RFC 7541 §2.3).

use std::collections::VecDeque;

use super::Fault;
use crate::limits::MAX_TABLE;

/// RFC 7541 Appendix A; index 1 comes first.
pub(super) const STATIC: [(&[u8], &[u8]); 61] = [
    (b":authority", b""),
    (b":method", b"GET"),
    (b":method", b"POST"),
    (b":path", b"/"),
    (b":path", b"/index.html"),
    (b":scheme", b"http"),
    (b":scheme", b"https"),
    (b":status", b"200"),
    (b":status", b"204"),
    (b":status", b"206"),
    (b":status", b"304"),
    (b":status", b"400"),
    (b":status", b"404"),
    (b":status", b"500"),
    (b"accept-charset", b""),
    (b"accept-encoding", b"gzip, deflate"),
    (b"accept-language", b""),
    (b"accept-ranges", b""),
    (b"accept", b""),
    (b"access-control-allow-origin", b""),
    (b"age", b""),
    (b"allow", b""),
    (b"authorization", b""),
    (b"cache-control", b""),
    (b"content-disposition", b""),
    (b"content-encoding", b""),
    (b"content-language", b""),
    (b"content-length", b""),
    (b"content-location", b""),
    (b"content-range", b""),
    (b"content-type", b""),
    (b"cookie", b""),
    (b"date", b""),
    (b"etag", b""),
    (b"expect", b""),
    (b"expires", b""),
    (b"from", b""),
    (b"host", b""),
    (b"if-match", b""),
    (b"if-modified-since", b""),
    (b"if-none-match", b""),
    (b"if-range", b""),
    (b"if-unmodified-since", b""),
    (b"last-modified", b""),
    (b"link", b""),
    (b"location", b""),
    (b"max-forwards", b""),
    (b"proxy-authenticate", b""),
    (b"proxy-authorization", b""),
    (b"range", b""),
    (b"referer", b""),
    (b"refresh", b""),
    (b"retry-after", b""),
    (b"server", b""),
    (b"set-cookie", b""),
    (b"strict-transport-security", b""),
    (b"transfer-encoding", b""),
    (b"user-agent", b""),
    (b"vary", b""),
    (b"via", b""),
    (b"www-authenticate", b""),
];

/// What an entry counts beyond its bytes (RFC 7541 §4.1).
pub(crate) const OVERHEAD: usize = 32;

/// The table, of at most [`MAX_TABLE`] as the specification counts. It holds at most twice that in bytes: entries lie
/// behind one another, and room at the front is taken back when it has grown as large as the table may be.
#[derive(Debug)]
pub(super) struct Table {
    bytes: Vec<u8>,
    /// The newest first.
    entries: VecDeque<Entry>,
    size: usize,
    max: usize,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    begin: usize,
    name: usize,
    value: usize,
}

impl Entry {
    fn size(self) -> usize {
        self.name + self.value + OVERHEAD
    }
}

impl Table {
    pub(super) fn new() -> Table {
        Table { bytes: Vec::new(), entries: VecDeque::new(), size: 0, max: MAX_TABLE }
    }

    /// Name and value of entry `index`.
    pub(super) fn entry(&self, index: usize) -> Result<(&[u8], &[u8]), Fault> {
        let index = index.checked_sub(1).ok_or(Fault::Index)?;
        if let Some((name, value)) = STATIC.get(index) {
            return Ok((name, value));
        }
        let entry = self.entries.get(index - STATIC.len()).ok_or(Fault::Index)?;
        let middle = entry.begin + entry.name;
        Ok((&self.bytes[entry.begin..middle], &self.bytes[middle..middle + entry.value]))
    }

    /// Adds an entry, which may be larger than the table: then the table is empty (§4.4).
    pub(super) fn add(&mut self, name: &[u8], value: &[u8]) {
        let size = name.len() + value.len() + OVERHEAD;
        self.shrink_to(self.max.saturating_sub(size));
        if size > self.max {
            return;
        }
        let oldest = self.entries.back().map_or(self.bytes.len(), |entry| entry.begin);
        if oldest >= MAX_TABLE {
            self.bytes.drain(..oldest);
            for entry in &mut self.entries {
                entry.begin -= oldest;
            }
        }
        let entry = Entry { begin: self.bytes.len(), name: name.len(), value: value.len() };
        self.bytes.extend_from_slice(name);
        self.bytes.extend_from_slice(value);
        self.entries.push_front(entry);
        self.size += size;
    }

    /// Follows a table size update (§6.3).
    pub(super) fn resize(&mut self, max: usize) -> Result<(), Fault> {
        if max > MAX_TABLE {
            return Err(Fault::TableSize);
        }
        self.max = max;
        self.shrink_to(max);
        Ok(())
    }

    fn shrink_to(&mut self, size: usize) {
        while self.size > size {
            let Some(oldest) = self.entries.pop_back() else { break };
            self.size -= oldest.size();
        }
        if self.entries.is_empty() {
            self.bytes.clear();
        }
    }

    #[cfg(test)]
    pub(super) fn size(&self) -> usize {
        self.size
    }

    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.bytes.capacity()
    }
}
