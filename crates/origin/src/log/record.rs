//! One record: 24 bytes of head, a line of JSON, and the bytes it speaks of.
//!
//! Head: magic `HWL1`, kind, three zero bytes, length of the JSON, length of the payload, CRC-32 of the payload, and
//! CRC-32 of the 20 bytes before it with the JSON. All numbers are little-endian.

use bytes::Bytes;
use manifest::{HeaderId, Period, TrackName};
use media::Utc;
use serde::{Deserialize, Serialize};

const MAGIC: [u8; 4] = *b"HWL1";
const HEAD: usize = 24;
/// Longest JSON of a record, in bytes: a state of 32 tracks fits ten times.
const META_MAX: usize = 64 << 10;
/// Longest payload of a record, in bytes: the largest segment taken.
const PAYLOAD_MAX: usize = crate::receive::SEGMENT_BYTES_MAX;

/// What a log file holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Record {
    /// Where the numbers stood when the file was begun.
    State(StateRecord),
    /// A track's CMAF header, the payload.
    Header(HeaderRecord, Bytes),
    /// A listed segment, the payload.
    Segment(SegmentRecord, Bytes),
    /// What the track shows when nobody publishes, the payload; the header that decodes it.
    Slate(HeaderRecord, Bytes),
}

/// What of a log file belongs to no record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Damage {
    /// Bytes in all.
    pub bytes: usize,
    /// Places where something was there and is not what was written: bit rot.
    pub corrupt: usize,
    /// The file ends in the middle of a record, as a kill or a full disk leaves it.
    pub torn: bool,
}

/// Where the numbers stood.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateRecord {
    /// The newest period.
    pub period: Option<Period>,
    /// The target duration, in seconds.
    pub target_s: u32,
    /// The next number of each track.
    pub next_numbers: Vec<(TrackName, u64)>,
}

/// Whose header the payload is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeaderRecord {
    /// The track.
    pub track: TrackName,
    /// The id it is served under.
    pub id: HeaderId,
}

/// Which segment the payload is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentRecord {
    /// The track.
    pub track: TrackName,
    /// The header that decodes it.
    pub header: HeaderId,
    /// Its media sequence number.
    pub number: u64,
    /// The period it belongs to.
    pub period: Period,
    /// First decode time, in ticks since the Unix epoch.
    pub start: i64,
    /// Ticks covered.
    pub duration: i64,
    /// Epoch time of its end.
    pub end: Utc,
    /// When it was first listed.
    pub published: Utc,
    /// The target duration then, in seconds.
    pub target_s: u32,
}

impl Record {
    /// Head and JSON; the payload follows them in the file.
    pub(super) fn front(&self) -> Vec<u8> {
        let (kind, meta) = match self {
            Self::State(state) => (0_u8, serde_json::to_vec(state)),
            Self::Header(header, _) => (1, serde_json::to_vec(header)),
            Self::Segment(segment, _) => (2, serde_json::to_vec(segment)),
            Self::Slate(header, _) => (3, serde_json::to_vec(header)),
        };
        let meta = meta.expect("plain structs become JSON");
        let payload = self.payload();
        let length =
            |bytes: &[u8]| u32::try_from(bytes.len()).expect("bounded far below 4 GiB").to_le_bytes();
        let mut front = Vec::with_capacity(HEAD + meta.len());
        front.extend_from_slice(&MAGIC);
        front.extend_from_slice(&[kind, 0, 0, 0]);
        front.extend_from_slice(&length(&meta));
        front.extend_from_slice(&length(payload));
        front.extend_from_slice(&crc32fast::hash(payload).to_le_bytes());
        let mut crc = crc32fast::Hasher::new();
        crc.update(&front);
        crc.update(&meta);
        front.extend_from_slice(&crc.finalize().to_le_bytes());
        front.extend_from_slice(&meta);
        front
    }

    pub(super) fn payload(&self) -> &[u8] {
        match self {
            Self::State(_) => &[],
            Self::Header(_, payload) | Self::Segment(_, payload) | Self::Slate(_, payload) => payload,
        }
    }
}

/// Reads the records of a log file, in any state of damage; returns them and what belongs to none.
///
/// A record whose checksums do not hold is passed over, and reading goes on at the next one that does: neither a torn
/// end nor damage in the middle costs more than the records it touches.
pub fn read_records(file: &[u8]) -> (Vec<Record>, Damage) {
    let mut records = Vec::new();
    let mut damage = Damage::default();
    let mut at = 0;
    while at < file.len() {
        let rest = &file[at..];
        match read_record(rest) {
            Some((record, length)) => {
                records.push(record);
                at += length;
            }
            None => {
                let next = memchr::memmem::find(&rest[1..], &MAGIC);
                let next = next.map_or(rest.len(), |offset| 1 + offset);
                damage.bytes += next;
                // Blocks that a power cut left empty are no rot either.
                match next == rest.len() && (is_cut_off(rest) || rest.iter().all(|byte| *byte == 0)) {
                    true => damage.torn = true,
                    false => damage.corrupt += 1,
                }
                at += next;
            }
        }
    }
    (records, damage)
}

/// Whether what is there is the beginning of a record that would be longer.
fn is_cut_off(bytes: &[u8]) -> bool {
    let Some(head) = bytes.first_chunk::<HEAD>() else {
        return MAGIC.starts_with(&bytes[..bytes.len().min(MAGIC.len())]);
    };
    let length =
        |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]) as usize;
    head.starts_with(&MAGIC) && bytes.len() < HEAD.saturating_add(length(8)).saturating_add(length(12))
}

fn read_record(bytes: &[u8]) -> Option<(Record, usize)> {
    let (head, rest) = bytes.split_first_chunk::<HEAD>()?;
    let number = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let meta_length = number(8) as usize;
    let payload_length = number(12) as usize;
    if head[..4] != MAGIC || meta_length > META_MAX || payload_length > PAYLOAD_MAX {
        return None;
    }
    let meta = rest.get(..meta_length)?;
    let payload = rest.get(meta_length..meta_length + payload_length)?;
    let mut crc = crc32fast::Hasher::new();
    crc.update(&head[..20]);
    crc.update(meta);
    if crc.finalize() != number(20) || crc32fast::hash(payload) != number(16) {
        return None;
    }
    // A copy of its own: a slice would keep the whole file in memory for as long as the segment lives.
    let payload = Bytes::copy_from_slice(payload);
    let record = match head[4] {
        0 => Record::State(serde_json::from_slice(meta).ok()?),
        1 => Record::Header(serde_json::from_slice(meta).ok()?, payload),
        2 => Record::Segment(serde_json::from_slice(meta).ok()?, payload),
        3 => Record::Slate(serde_json::from_slice(meta).ok()?, payload),
        _ => return None,
    };
    Some((record, HEAD + meta_length + payload_length))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn segment(number: u64, size: usize) -> Record {
        let record = SegmentRecord {
            track: "video".parse().expect("a name"),
            header: HeaderId(7),
            number,
            period: Period { number: 0, start_ms: 0 },
            start: number as i64 * 180_000,
            duration: 180_000,
            end: Utc(2),
            published: Utc(1),
            target_s: 2,
        };
        Record::Segment(record, vec![number as u8; size].into())
    }

    fn file(records: &[Record]) -> Vec<u8> {
        records.iter().flat_map(|record| [&record.front(), record.payload()].concat()).collect()
    }

    #[test]
    fn records_come_back_as_they_went() {
        let state = StateRecord {
            period: Some(Period { number: 3, start_ms: 5 }),
            target_s: 2,
            next_numbers: vec![("audio".parse().expect("a name"), 9)],
        };
        let header = HeaderRecord { track: "audio".parse().expect("a name"), id: HeaderId(u64::MAX) };
        let records = [
            Record::State(state),
            Record::Header(header.clone(), Bytes::from_static(b"ftyp")),
            Record::Slate(header, Bytes::from_static(b"moof")),
            segment(1, 1_000),
        ];
        assert_eq!(read_records(&file(&records)), (records.to_vec(), Damage::default()));
    }

    #[test]
    fn a_torn_end_costs_the_torn_record_only() {
        let bytes = file(&[segment(1, 100), segment(2, 100)]);
        for cut in 1..100 {
            let (records, damage) = read_records(&bytes[..bytes.len() - cut]);
            assert_eq!(records, [segment(1, 100)]);
            assert!(damage.torn && damage.corrupt == 0 && damage.bytes > 0, "{damage:?}");
        }
    }

    proptest! {
        #[test]
        fn damage_costs_only_what_it_touches(at in 0_usize..4_000, with in 1_u8..) {
            let whole: Vec<_> = (0..12).map(|number| segment(number, 200)).collect();
            let mut bytes = file(&whole);
            let at = at % bytes.len();
            bytes[at] ^= with;
            let (records, damage) = read_records(&bytes);
            prop_assert_eq!(records.len(), 11);
            prop_assert!(damage.corrupt > 0 || damage.torn, "{:?}", damage);
            prop_assert!(records.iter().all(|record| whole.contains(record)));
        }

        #[test]
        fn any_bytes_are_read_without_fault(bytes in proptest::collection::vec(any::<u8>(), 0..500)) {
            read_records(&bytes);
        }
    }
}
