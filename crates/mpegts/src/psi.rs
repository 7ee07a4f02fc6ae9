//! The program association and program map tables (ISO/IEC 13818-1 §2.4.4.3, §2.4.4.8).

use crate::descriptor::{self, Descriptor};

const PAT_TABLE: u8 = 0;
const PMT_TABLE: u8 = 2;
/// Bytes of the header these tables share, up to and with `last_section_number`.
const HEADER_BYTES: usize = 8;
const CRC_BYTES: usize = 4;

/// Which programs there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pat {
    /// Program numbers and the PIDs of their maps, as far as this section names them; without the network's.
    pub(crate) programs: Vec<(u16, u16)>,
    /// True where this section is the whole table.
    pub(crate) whole: bool,
}

/// What a program is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pmt {
    pub(crate) program: u16,
    pub(crate) pcr_pid: u16,
    pub(crate) entries: Vec<Entry>,
}

/// One elementary stream in a map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) stream_type: u8,
    pub(crate) pid: u16,
    /// Its descriptors as they stand.
    pub(crate) descriptors: Vec<u8>,
}

impl Entry {
    pub(crate) fn descriptors(&self) -> impl Iterator<Item = Descriptor<'_>> {
        descriptor::all(&self.descriptors)
    }
}

impl Pat {
    /// Reads a proved section; `None` for another table, one that is not in force yet, or a broken one.
    pub(crate) fn read(section: &[u8]) -> Option<Self> {
        let (header, body) = long(section, PAT_TABLE)?;
        let (entries, _) = body.as_chunks::<4>();
        let programs = entries
            .iter()
            .map(|[a, b, c, d]| (u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d]) & 0x1FFF))
            .filter(|(program, _)| *program != 0)
            .collect();
        Some(Self { programs, whole: header[7] == 0 })
    }
}

impl Pmt {
    /// Reads a proved section; `None` for another table, one that is not in force yet, or a broken one.
    pub(crate) fn read(section: &[u8]) -> Option<Self> {
        let (header, body) = long(section, PMT_TABLE)?;
        let (fixed, rest) = body.split_first_chunk::<4>()?;
        let pcr_pid = u16::from_be_bytes([fixed[0], fixed[1]]) & 0x1FFF;
        let mut rest = rest.get(twelve_bits(fixed[2], fixed[3])..)?;
        let mut entries = Vec::new();
        while let Some((fixed, after)) = rest.split_first_chunk::<5>() {
            let (descriptors, after) = after.split_at_checked(twelve_bits(fixed[3], fixed[4]))?;
            entries.push(Entry {
                stream_type: fixed[0],
                pid: u16::from_be_bytes([fixed[1], fixed[2]]) & 0x1FFF,
                descriptors: descriptors.to_vec(),
            });
            rest = after;
        }
        Some(Self { program: u16::from_be_bytes([header[3], header[4]]), pcr_pid, entries })
    }
}

/// Header and body of a section of this table with the long header that is in force now.
fn long(section: &[u8], table: u8) -> Option<(&[u8; HEADER_BYTES], &[u8])> {
    let (header, body) = section.split_first_chunk::<HEADER_BYTES>()?;
    let body = body.get(..body.len().checked_sub(CRC_BYTES)?)?;
    let (has_long_header, in_force) = (header[1] & 0x80 != 0, header[5] & 1 != 0);
    (header[0] == table && has_long_header && in_force).then_some((header, body))
}

fn twelve_bits(high: u8, low: u8) -> usize {
    usize::from(high & 0x0F) << 8 | usize::from(low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ffmpeg_s_tables_are_read() {
        // FFmpeg 5.1: one program of H.264 and AAC in German.
        let pat = [0, 0xB0, 0x0D, 0, 1, 0xC1, 0, 0, 0, 1, 0xF0, 0, 0x2A, 0xB1, 0x04, 0xB2];
        let read = Pat::read(&pat).expect("a PAT");
        assert_eq!(read, Pat { programs: vec![(1, 0x1000)], whole: true });
        let pmt = [
            2, 0xB0, 0x1D, 0, 1, 0xC1, 0, 0, 0xE1, 0, 0xF0, 0, 0x1B, 0xE1, 0, 0xF0, 0, 0x0F, 0xE1, 1, 0xF0,
            6, 0x0A, 4, b'd', b'e', b'u', 0, 1, 2, 3, 4,
        ];
        let read = Pmt::read(&pmt).expect("a PMT");
        assert_eq!((read.program, read.pcr_pid), (1, 256));
        let types: Vec<_> = read.entries.iter().map(|entry| (entry.stream_type, entry.pid)).collect();
        assert_eq!(types, [(0x1B, 256), (0x0F, 257)]);
        assert_eq!(read.entries[1].descriptors().next(), Some(Descriptor { tag: 10, body: b"deu\0" }));
    }

    #[test]
    fn a_table_of_the_future_and_a_broken_one_are_none() {
        let mut pat = [0, 0xB0, 0x0D, 0, 1, 0xC1, 0, 0, 0, 1, 0xF0, 0, 0, 0, 0, 0];
        pat[5] = 0xC0;
        assert_eq!(Pat::read(&pat), None);
        assert_eq!(Pat::read(&[0, 0xB0, 0]), None);
        let torn = [2, 0xB0, 0x12, 0, 1, 0xC1, 0, 0, 0xE1, 0, 0xF0, 0, 0x1B, 0xE1, 0, 0xF0, 9, 0, 0, 0, 0];
        assert_eq!(Pmt::read(&torn), None);
    }
}
