//! The head of a file that holds one stored object: what it is, how long it is good, and how to tell that it is whole.
//!
//! ```text
//! 0   8  "HWCACHE1"
//! 8   1  `F`, or anything else: stale whatever else is said (outside the checksum, so that one byte marks it)
//! 9   3  0
//! 12  4  length of the head
//! 16  4  CRC-32 of the head from byte 20 on
//! 20  4  CRC-32 of the body
//! 24  8  length of the body
//! 32  8  when its head came, ms since 1970
//! 40  8  its age then, ms
//! 48  24 fresh for, while-revalidate, if-error, ms each
//! 72  2  status, 2 zero, 4 length of the key, 4 length of the lines; then key and lines; the body follows
//! ```
//! Numbers are little-endian.

use std::time::{Duration, Instant};

use crate::freshness::Lifetime;

/// Longest head, in bytes: a key and the header lines of an answer.
pub const MAX_HEAD: usize = 128 * 1024;
/// Where the byte lies that [`STALE`] overwrites.
pub const MARK_OFFSET: u64 = 8;
/// Marks an object as stale.
pub const STALE: u8 = b'S';
/// Length of the part whose length is fixed, in bytes; enough to learn the whole head's from.
pub const FIXED: usize = 84;

const MAGIC: &[u8; 8] = b"HWCACHE1";
const FRESH: u8 = b'F';

/// What the head says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The key's text.
    pub key: String,
    /// The answer's status.
    pub status: u16,
    /// Its header lines, each with CRLF.
    pub lines: String,
    /// Length of the body, in bytes.
    pub body_len: u64,
    /// CRC-32 of the body.
    pub body_crc: u32,
    /// When the answer came, in ms since 1970.
    pub arrived_ms: u64,
    /// Its age then.
    pub age: Duration,
    /// Fresh while its age is below this.
    pub fresh: Duration,
    /// See [`Lifetime::while_revalidate`].
    pub while_revalidate: Duration,
    /// See [`Lifetime::if_error`].
    pub if_error: Duration,
    /// It was marked stale since.
    pub marked_stale: bool,
}

/// Why bytes are no head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecordFault {
    /// Fewer bytes than it says.
    #[error("torn")]
    Torn,
    /// Another kind of file, or another version's.
    #[error("not a cached object")]
    Magic,
    /// A length that cannot be.
    #[error("a length that cannot be")]
    Length,
    /// The checksum does not match.
    #[error("damaged")]
    Checksum,
    /// Key or lines are no text.
    #[error("not text")]
    Text,
}

impl Record {
    /// The head as bytes; none where key and lines are longer than a head may be.
    pub fn encode(&self) -> Option<Vec<u8>> {
        let len = FIXED + self.key.len() + self.lines.len();
        if len > MAX_HEAD {
            return None;
        }
        let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).to_le_bytes();
        let mut head = Vec::with_capacity(len);
        head.extend_from_slice(MAGIC);
        head.extend_from_slice(&[if self.marked_stale { STALE } else { FRESH }, 0, 0, 0]);
        head.extend_from_slice(&(len as u32).to_le_bytes());
        head.extend_from_slice(&[0; 4]);
        head.extend_from_slice(&self.body_crc.to_le_bytes());
        head.extend_from_slice(&self.body_len.to_le_bytes());
        head.extend_from_slice(&self.arrived_ms.to_le_bytes());
        for duration in [self.age, self.fresh, self.while_revalidate, self.if_error] {
            head.extend_from_slice(&ms(duration));
        }
        head.extend_from_slice(&self.status.to_le_bytes());
        head.extend_from_slice(&[0; 2]);
        head.extend_from_slice(&(self.key.len() as u32).to_le_bytes());
        head.extend_from_slice(&(self.lines.len() as u32).to_le_bytes());
        head.extend_from_slice(self.key.as_bytes());
        head.extend_from_slice(self.lines.as_bytes());
        let checksum = crc32fast::hash(&head[20..]);
        head[16..20].copy_from_slice(&checksum.to_le_bytes());
        Some(head)
    }

    /// The length of the head that begins with `start`, [`FIXED`] bytes of it.
    pub fn head_len(start: &[u8]) -> Result<usize, RecordFault> {
        if start.len() < FIXED {
            return Err(RecordFault::Torn);
        }
        if &start[..8] != MAGIC {
            return Err(RecordFault::Magic);
        }
        let len = u32_at(start, 12) as usize;
        if (FIXED..=MAX_HEAD).contains(&len) { Ok(len) } else { Err(RecordFault::Length) }
    }

    /// Reads a head from the front of `bytes`.
    pub fn parse(bytes: &[u8]) -> Result<Record, RecordFault> {
        let len = Record::head_len(bytes)?;
        let head = bytes.get(..len).ok_or(RecordFault::Torn)?;
        if crc32fast::hash(&head[20..]) != u32_at(head, 16) {
            return Err(RecordFault::Checksum);
        }
        let (key_len, lines_len) = (u32_at(head, 76) as usize, u32_at(head, 80) as usize);
        if key_len.checked_add(lines_len).and_then(|text| text.checked_add(FIXED)) != Some(len) {
            return Err(RecordFault::Length);
        }
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).map_err(|_| RecordFault::Text);
        let ms = |at| Duration::from_millis(u64_at(head, at));
        Ok(Record {
            key: text(&head[FIXED..FIXED + key_len])?,
            status: u16::from_le_bytes([head[72], head[73]]),
            lines: text(&head[FIXED + key_len..])?,
            body_len: u64_at(head, 24),
            body_crc: u32_at(head, 20),
            arrived_ms: u64_at(head, 32),
            age: ms(40),
            fresh: ms(48),
            while_revalidate: ms(56),
            if_error: ms(64),
            marked_stale: head[MARK_OFFSET as usize] != FRESH,
        })
    }

    /// How long the object is good, at `now`, which is `now_ms` since 1970. A clock that went back makes nothing younger
    /// than it was.
    pub fn lifetime(&self, now: Instant, now_ms: u64) -> Lifetime {
        let age = self.age.saturating_add(Duration::from_millis(now_ms.saturating_sub(self.arrived_ms)));
        Lifetime {
            fresh: if self.marked_stale { self.fresh.min(age) } else { self.fresh },
            age,
            arrived: now,
            while_revalidate: self.while_revalidate,
            if_error: self.if_error,
        }
    }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record(key: &str, lines: &str, fresh_s: u64) -> Record {
        Record {
            key: key.to_owned(),
            status: 200,
            lines: lines.to_owned(),
            body_len: 70_000,
            body_crc: 7,
            arrived_ms: 1_000_000,
            age: Duration::from_secs(2),
            fresh: Duration::from_secs(fresh_s),
            while_revalidate: Duration::ZERO,
            if_error: Duration::from_secs(9),
            marked_stale: false,
        }
    }

    #[test]
    fn age_goes_on_while_nobody_runs() {
        let record = record("/a", "", 60);
        let now = Instant::now();
        assert_eq!(record.lifetime(now, 1_030_000).age(now), Duration::from_secs(32));
        assert!(record.lifetime(now, 1_057_999).is_fresh(now));
        assert!(!record.lifetime(now, 1_058_000).is_fresh(now));
        assert_eq!(record.lifetime(now, 0).age(now), Duration::from_secs(2));
    }

    #[test]
    fn one_byte_marks_it_stale() {
        let mut head = record("/a", "etag: \"x\"\r\n", 60).encode().unwrap();
        head[MARK_OFFSET as usize] = STALE;
        let marked = Record::parse(&head).unwrap();
        let now = Instant::now();
        assert!(marked.marked_stale && !marked.lifetime(now, 1_000_000).is_fresh(now));
        assert!(marked.lifetime(now, 1_000_000).serves_on_error(now));
    }

    #[test]
    fn what_is_too_long_has_no_head() {
        assert!(record("/a", &"x".repeat(MAX_HEAD), 1).encode().is_none());
    }

    proptest! {
        #[test]
        fn a_head_reads_back_as_it_was(key in "/[ -~]{0,80}", lines in "[ -~\r\n]{0,300}", fresh in 0u64..1 << 40) {
            let record = record(&key, &lines, fresh);
            let mut bytes = record.encode().unwrap();
            prop_assert_eq!(Record::head_len(&bytes), Ok(bytes.len()));
            bytes.extend_from_slice(b"body");
            prop_assert_eq!(Record::parse(&bytes), Ok(record));
        }

        #[test]
        fn a_torn_or_damaged_head_is_refused(at: prop::sample::Index, bit in 0u8..8, cut: prop::sample::Index) {
            let bytes = record("/main/720p30/1.m4s", "etag: \"x\"\r\n", 60).encode().unwrap();
            prop_assert!(Record::parse(&bytes[..cut.index(bytes.len())]).is_err());
            let at = at.index(bytes.len());
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << bit;
            match Record::parse(&damaged) {
                // The mark and the zeros beside it are outside the checksum, and can only make it stale.
                Ok(found) => prop_assert!((8..12).contains(&at) && (found.marked_stale || at > 8)),
                Err(_) => prop_assert!(!(8..12).contains(&at)),
            }
        }

        #[test]
        fn any_bytes_are_a_head_or_a_named_fault(bytes: Vec<u8>) {
            let _ = Record::parse(&bytes);
            let mut begun = MAGIC.to_vec();
            begun.extend_from_slice(&bytes);
            let _ = Record::parse(&begun);
        }
    }
}
