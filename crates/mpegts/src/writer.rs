//! Writes transport streams: tables, PES packets, clock references. Small, for tests of what reads them.

use std::collections::BTreeMap;

use bytes::{BufMut, Bytes, BytesMut};

use crate::packet::{PACKET_BYTES, SYNC_BYTE};
use crate::section::crc32;
use crate::unwrap::STAMP_WRAP;

/// A transport stream that grows.
#[derive(Debug, Default)]
pub struct Writer {
    out: BytesMut,
    continuity: BTreeMap<u16, u8>,
}

/// One stream in a program's map.
#[derive(Clone, Copy, Debug)]
pub struct MapEntry<'a> {
    /// What it holds (ISO/IEC 13818-1 Table 2-34).
    pub stream_type: u8,
    /// Where.
    pub pid: u16,
    /// Its descriptors as they stand.
    pub descriptors: &'a [u8],
}

/// A PES packet to be written.
#[derive(Clone, Copy, Debug)]
pub struct PesPacket<'a> {
    /// 0xE0 for video, 0xC0 for MPEG audio, 0xBD for the rest.
    pub stream_id: u8,
    /// In 90 kHz; wrapped here.
    pub pts: Option<i64>,
    /// In 90 kHz, where it is not `pts`.
    pub dts: Option<i64>,
    /// A clock reference in front of it, in 27 MHz; wrapped here.
    pub pcr: Option<i64>,
    /// What it carries. Over 65,527 bytes its length is written as 0, unbounded.
    pub payload: &'a [u8],
}

impl Writer {
    /// What was written since this was called last.
    pub fn take(&mut self) -> Bytes {
        self.out.split().freeze()
    }

    /// The program association table: program numbers and the PIDs of their maps.
    pub fn association(&mut self, programs: &[(u16, u16)]) {
        let mut body = BytesMut::new();
        for (program, pid) in programs {
            body.put_u16(*program);
            body.put_u16(0xE000 | pid);
        }
        self.table(0, 0, 1, 0, &body);
    }

    /// A program's map on `pid`.
    pub fn map(&mut self, pid: u16, program: u16, version: u8, pcr_pid: u16, entries: &[MapEntry<'_>]) {
        let mut body = BytesMut::new();
        body.put_u16(0xE000 | pcr_pid);
        body.put_u16(0xF000);
        for entry in entries {
            body.put_u8(entry.stream_type);
            body.put_u16(0xE000 | entry.pid);
            body.put_u16(0xF000 | entry.descriptors.len() as u16);
            body.put_slice(entry.descriptors);
        }
        self.table(pid, 2, program, version, &body);
    }

    fn table(&mut self, pid: u16, table: u8, id: u16, version: u8, body: &[u8]) {
        let mut section = BytesMut::new();
        section.put_u8(table);
        section.put_u16(0xB000 | (5 + body.len() + 4) as u16);
        section.put_u16(id);
        section.put_u8(0xC1 | version << 1);
        section.put_u16(0); // the first section, and the last
        section.put_slice(body);
        self.section(pid, &section);
    }

    /// A section that lacks its checksum, which is added.
    pub fn section(&mut self, pid: u16, section: &[u8]) {
        let mut bytes = BytesMut::from(&[0][..]);
        bytes.put_slice(section);
        bytes.put_u32(crc32(section));
        let mut starts = true;
        for piece in bytes.chunks(PACKET_BYTES - 4) {
            let mut payload = [0xFF; PACKET_BYTES - 4];
            payload[..piece.len()].copy_from_slice(piece);
            self.packet(pid, starts, None, &payload);
            starts = false;
        }
    }

    /// A PES packet on `pid`.
    pub fn pes(&mut self, pid: u16, packet: &PesPacket<'_>) {
        let mut bytes = BytesMut::with_capacity(packet.payload.len() + 32);
        let fields = 5 * (usize::from(packet.pts.is_some()) + usize::from(packet.dts.is_some()));
        bytes.put_slice(&[0, 0, 1, packet.stream_id]);
        bytes.put_u16(u16::try_from(3 + fields + packet.payload.len()).unwrap_or(0));
        bytes.put_u8(0x84); // begins with an access unit
        bytes.put_u8(match (packet.pts, packet.dts) {
            (None, _) => 0,
            (Some(_), None) => 0x80,
            (Some(_), Some(_)) => 0xC0,
        });
        bytes.put_u8(fields as u8);
        if let Some(pts) = packet.pts {
            put_stamp(&mut bytes, if packet.dts.is_some() { 3 } else { 2 }, pts);
        }
        if let Some(dts) = packet.dts {
            put_stamp(&mut bytes, 1, dts);
        }
        bytes.put_slice(packet.payload);
        let (mut rest, mut starts, mut pcr) = (&bytes[..], true, packet.pcr);
        while !rest.is_empty() {
            let room = PACKET_BYTES - 4 - if pcr.is_some() { 8 } else { 0 };
            let (piece, after) = rest.split_at(room.min(rest.len()));
            self.packet(pid, starts, pcr.take(), piece);
            (rest, starts) = (after, false);
        }
    }

    /// A packet whose payload is `payload`, filled up by its adaptation field.
    fn packet(&mut self, pid: u16, starts: bool, pcr: Option<i64>, payload: &[u8]) {
        let counter = self.continuity.entry(pid).or_insert(0);
        let adaptation = PACKET_BYTES - 4 - payload.len();
        self.out.put_u8(SYNC_BYTE);
        self.out.put_u16(u16::from(starts) << 14 | pid);
        self.out.put_u8(if adaptation > 0 { 0x30 } else { 0x10 } | *counter);
        *counter = (*counter + 1) & 0x0F;
        if adaptation > 0 {
            self.out.put_u8(adaptation as u8 - 1);
        }
        let mut stuffing = adaptation.saturating_sub(1);
        if stuffing > 0 {
            self.out.put_u8(if pcr.is_some() { 0x10 } else { 0 });
            stuffing -= 1;
        }
        if let Some(pcr) = pcr {
            let base = (pcr / 300).rem_euclid(STAMP_WRAP) as u64;
            let word = base << 15 | 0x7E00 | pcr.rem_euclid(300) as u64;
            self.out.put_uint(word, 6);
            stuffing -= 6;
        }
        self.out.put_bytes(0xFF, stuffing);
        self.out.put_slice(payload);
    }
}

fn put_stamp(out: &mut BytesMut, mark: u8, stamp: i64) {
    let stamp = stamp.rem_euclid(STAMP_WRAP) as u64;
    out.put_u8(mark << 4 | (stamp >> 29) as u8 & 0x0E | 1);
    out.put_u16((stamp >> 14) as u16 | 1);
    out.put_u16((stamp << 1) as u16 | 1);
}
