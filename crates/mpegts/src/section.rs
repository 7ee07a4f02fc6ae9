//! Sections over many packets (ISO/IEC 13818-1 §2.4.4) and their checksum (Annex A).

use bytes::Bytes;

use crate::limits::MAX_SECTION_BYTES;

const HEADER_BYTES: usize = 3;
const CRC_BYTES: usize = 4;
/// A table id that fills the rest of a packet.
const STUFFING: u8 = 0xFF;

/// Why a section is of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SectionFault {
    /// It says to be longer than [`MAX_SECTION_BYTES`].
    #[error("a section of {0} bytes, bound {MAX_SECTION_BYTES}")]
    Length(usize),
    /// Its bytes and its checksum do not agree.
    #[error("a section's checksum is wrong")]
    Checksum,
    /// A pointer or a field past the end.
    #[error("a section ends inside a field")]
    End,
}

/// Puts the sections of one PID together.
#[derive(Debug, Default)]
pub(crate) struct Sections {
    /// The section under way; empty where none is.
    partial: Vec<u8>,
}

impl Sections {
    /// Forgets the section under way, after a loss.
    pub(crate) fn reset(&mut self) {
        self.partial.clear();
    }

    /// Takes a packet's payload; gives whole sections, their checksums proved.
    pub(crate) fn packet(
        &mut self,
        payload: &[u8],
        starts: bool,
        mut give: impl FnMut(Result<Bytes, SectionFault>),
    ) {
        if !starts {
            if !self.partial.is_empty() {
                self.more(payload, &mut give);
            }
            return;
        }
        let Some((pointer, rest)) = payload.split_first() else {
            return;
        };
        let Some((tail, mut rest)) = rest.split_at_checked(usize::from(*pointer)) else {
            self.reset();
            return give(Err(SectionFault::End));
        };
        if !self.partial.is_empty() {
            self.more(tail, &mut give);
            self.reset();
        }
        while rest.first().is_some_and(|table| *table != STUFFING) {
            rest = self.more(rest, &mut give);
        }
    }

    /// Adds bytes to the section under way, up to its end; gives what is behind that.
    fn more<'a>(
        &mut self,
        mut bytes: &'a [u8],
        give: &mut impl FnMut(Result<Bytes, SectionFault>),
    ) -> &'a [u8] {
        let take = |partial: &mut Vec<u8>, bytes: &mut &'a [u8], wanted: usize| {
            let (taken, rest) = bytes.split_at(wanted.saturating_sub(partial.len()).min(bytes.len()));
            partial.extend_from_slice(taken);
            *bytes = rest;
            partial.len() >= wanted
        };
        if !take(&mut self.partial, &mut bytes, HEADER_BYTES) {
            return bytes;
        }
        let length = HEADER_BYTES + (usize::from(self.partial[1] & 0x0F) << 8 | usize::from(self.partial[2]));
        if length > MAX_SECTION_BYTES {
            give(Err(SectionFault::Length(length)));
            self.reset();
            return &[];
        }
        if take(&mut self.partial, &mut bytes, length) {
            let proved = length >= HEADER_BYTES + CRC_BYTES && crc32(&self.partial) == 0;
            give(match proved {
                true => Ok(Bytes::copy_from_slice(&self.partial)),
                false => Err(SectionFault::Checksum),
            });
            self.reset();
        }
        bytes
    }
}

/// CRC-32/MPEG-2; over a section with its checksum it is 0.
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    bytes.iter().fold(u32::MAX, |crc, byte| crc << 8 ^ TABLE[usize::from((crc >> 24) as u8 ^ byte)])
}

const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut at = 0;
    while at < 256 {
        let mut crc = (at as u32) << 24;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc >> 31 == 1 { crc << 1 ^ 0x04C1_1DB7 } else { crc << 1 };
            bit += 1;
        }
        table[at] = crc;
        at += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    fn section(body: usize, fill: u8) -> Vec<u8> {
        let length = body + CRC_BYTES;
        let mut section = vec![0xFC, 0x30 | (length >> 8) as u8, length as u8];
        section.resize(HEADER_BYTES + body, fill);
        section.extend(crc32(&section).to_be_bytes());
        section
    }

    /// Packets of 184 bytes for sections back to back, with pointers where one begins.
    fn packets(sections: &[Vec<u8>]) -> Vec<(Vec<u8>, bool)> {
        let mut stream = Vec::new();
        let mut starts = Vec::new();
        for section in sections {
            starts.push(stream.len());
            stream.extend_from_slice(section);
        }
        let (mut packets, mut at) = (Vec::new(), 0);
        while at < stream.len() {
            let start = starts.iter().find(|start| (at..at + 183).contains(*start));
            let mut payload: Vec<u8> = start.map(|start| (start - at) as u8).into_iter().collect();
            let end = (at + 184 - payload.len()).min(stream.len());
            payload.extend_from_slice(&stream[at..end]);
            payload.resize(184, STUFFING);
            packets.push((payload, start.is_some()));
            at = end;
        }
        packets
    }

    fn collect(packets: &[(Vec<u8>, bool)]) -> Vec<Result<Bytes, SectionFault>> {
        let mut sections = Sections::default();
        let mut found = Vec::new();
        for (payload, starts) in packets {
            sections.packet(payload, *starts, |section| found.push(section));
        }
        found
    }

    #[test]
    fn the_checksum_is_the_standard_s() {
        assert_eq!(crc32(b"123456789"), 0x0376_E6E7);
    }

    #[test]
    fn sections_come_whole_over_many_packets_and_several_in_one() {
        let sent = [section(20, 1), section(4_089, 2), section(30, 3), section(1, 4), section(700, 5)];
        let found = collect(&packets(&sent));
        assert_eq!(found.len(), sent.len());
        for (found, sent) in found.into_iter().zip(&sent) {
            assert_eq!(found.as_deref(), Ok(&sent[..]));
        }
    }

    #[test]
    fn damage_and_length_are_named() {
        let mut damaged = section(300, 1);
        damaged[40] ^= 4;
        let found = collect(&packets(&[damaged, section(9, 2)]));
        assert_eq!(found[0], Err(SectionFault::Checksum));
        assert_eq!(found[1].as_deref(), Ok(&section(9, 2)[..]));
        let found = collect(&[(vec![0, 0xFC, 0x3F, 0xFE, 1, 2], true)]);
        assert_eq!(found, [Err(SectionFault::Length(4_097))]);
        assert_eq!(collect(&[(vec![200, 1], true)]), [Err(SectionFault::End)]);
        assert_eq!(collect(&[(vec![0, 0xFC, 0x30, 0], true)]), [Err(SectionFault::Checksum)]);
    }

    #[test]
    fn nothing_is_read_before_a_section_begins() {
        let all = packets(&[section(500, 1), section(10, 2)]);
        assert_eq!(collect(&all[1..]).len(), 1);
    }
}
