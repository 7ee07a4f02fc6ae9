//! Whatever happens to a stream, nothing panics, and behind the damage it is what it was.

use media::Sample;
use mpegts::writer::{MapEntry, PesPacket, Writer};
use mpegts::{Demuxer, Event, PACKET_BYTES, Select};
use proptest::prelude::*;
use proptest::sample::Index;

const SETS: &[u8] = include_bytes!("../../codec/testdata/x264-720p30-baseline.h264");
/// Frames in a group of pictures, and groups in the stream.
const GROUP: i64 = 12;
const GROUPS: i64 = 6;

/// Video and sound, tables before each key frame.
fn stream() -> Vec<[u8; PACKET_BYTES]> {
    let entries = [
        MapEntry { stream_type: 0x1B, pid: 256, descriptors: b"" },
        MapEntry { stream_type: 0x0F, pid: 257, descriptors: b"" },
        MapEntry { stream_type: 0x86, pid: 258, descriptors: b"" },
    ];
    let mut writer = Writer::default();
    for frame in 0..GROUP * GROUPS {
        let key = frame % GROUP == 0;
        if key {
            writer.association(&[(1, 4_096)]);
            writer.map(4_096, 1, 0, 256, &entries);
            writer.section(258, &[[0xFC, 0x31, 0x30].as_slice(), &[frame as u8; 0x12C]].concat());
        }
        let sets = if key { SETS } else { &[] };
        let slice = [0, 0, 1, if key { 0x65 } else { 0x41 }, 0x88, 0x81, frame as u8 | 0x80];
        let payload =
            [&[0, 0, 0, 1, 9, 0xF0], sets, &slice, &vec![0x5A; 100 + 97 * (frame as usize % 7)]].concat();
        let (dts, pcr) = (3_000 * frame, Some(900_000 * (frame - 1)));
        let packet =
            PesPacket { stream_id: 0xE0, pts: Some(dts + 3_000), dts: Some(dts), pcr, payload: &payload };
        writer.pes(256, &packet);
        let sound: Vec<u8> = (0..3)
            .flat_map(|_| [&[0xFF, 0xF1, 0x4C, 0x80, 0x0A, 0x1F, 0xFC], &[frame as u8; 73][..]].concat())
            .collect();
        let packet =
            PesPacket { stream_id: 0xC0, pts: Some(5_760 * frame), dts: None, pcr: None, payload: &sound };
        writer.pes(257, &packet);
    }
    writer.take().as_chunks().0.to_vec()
}

fn samples(stream: &[u8], piece: usize) -> Vec<Sample> {
    let mut demuxer = Demuxer::new(Select::default());
    let mut samples = Vec::new();
    let mut take = |demuxer: &mut Demuxer| {
        while let Some(event) = demuxer.poll() {
            if let Event::Sample(sample) = event {
                samples.push(sample);
            }
        }
    };
    for piece in stream.chunks(piece) {
        demuxer.push(piece);
        take(&mut demuxer);
    }
    demuxer.finish();
    take(&mut demuxer);
    samples
}

fn pictures(samples: &[Sample]) -> Vec<&Sample> {
    samples.iter().filter(|sample| sample.track.0 == 0).collect()
}

/// Damaged bytes, then those of the last three groups as they were.
fn recovers(damaged: Vec<u8>, packets: &[[u8; PACKET_BYTES]], from: usize) -> Result<(), TestCaseError> {
    let whole = samples(packets.as_flattened(), 9_999);
    let bytes = [damaged, packets[from..].as_flattened().to_vec()].concat();
    let found = samples(&bytes, 1_316);
    // The first key frame may share a packet's confirmation with the damage; from the next on all is as it was, in time
    // too, but for whole wraps that a damaged time stamp may have cost.
    let groups = 2 * GROUP as usize;
    let (whole, found) = (pictures(&whole), pictures(&found));
    prop_assert!(found.len() >= groups, "{} pictures", found.len());
    for (whole, found) in whole[whole.len() - groups..].iter().zip(&found[found.len() - groups..]) {
        prop_assert_eq!(&whole.data, &found.data);
        prop_assert_eq!(whole.sync, found.sync);
        prop_assert_eq!((whole.dts - found.dts).rem_euclid(1 << 33), 0);
    }
    Ok(())
}

/// Where the group begins that is third from the end: its association table.
fn third_last(packets: &[[u8; PACKET_BYTES]]) -> usize {
    let tables = packets.iter().enumerate().filter(|(_, packet)| packet[1] & 0x1F == 0 && packet[2] == 0);
    let starts: Vec<usize> = tables.map(|(at, _)| at).collect();
    starts[starts.len() - 3]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn however_the_bytes_are_cut_the_samples_are_the_same(piece in 1..5_000_usize) {
        let packets = stream();
        let whole = samples(packets.as_flattened(), 188);
        prop_assert_eq!(whole.len(), (GROUP * GROUPS * 4) as usize);
        prop_assert_eq!(samples(packets.as_flattened(), piece), whole);
    }

    #[test]
    fn after_lost_packets_all_is_as_it_was(lost in prop::collection::vec(any::<Index>(), 1..60)) {
        let packets = stream();
        let from = third_last(&packets);
        let mut kept = packets[..from].to_vec();
        for at in lost {
            kept.remove(at.index(kept.len()));
        }
        recovers(kept.as_flattened().to_vec(), &packets, from)?;
    }

    #[test]
    fn after_flipped_bits_all_is_as_it_was(flips in prop::collection::vec((any::<Index>(), 0..8_u32), 1..200)) {
        let packets = stream();
        let from = third_last(&packets);
        let mut bytes = packets[..from].as_flattened().to_vec();
        for (at, bit) in flips {
            let at = at.index(bytes.len());
            bytes[at] ^= 1_u8 << bit;
        }
        recovers(bytes, &packets, from)?;
    }

    #[test]
    fn after_missing_bytes_all_is_as_it_was(cuts in prop::collection::vec((any::<Index>(), 1..700_usize), 1..8)) {
        let packets = stream();
        let from = third_last(&packets);
        let mut bytes = packets[..from].as_flattened().to_vec();
        for (at, length) in cuts {
            let at = at.index(bytes.len() - length);
            bytes.drain(at..at + length);
        }
        recovers(bytes, &packets, from)?;
    }

    #[test]
    fn packets_in_any_order_are_survived(swaps in prop::collection::vec((any::<Index>(), any::<Index>()), 1..300)) {
        let mut packets = stream();
        for (a, b) in swaps {
            let (a, b) = (a.index(packets.len()), b.index(packets.len()));
            packets.swap(a, b);
        }
        samples(packets.as_flattened(), 500);
    }

    #[test]
    fn any_bytes_in_packets_are_survived(
        payloads in prop::collection::vec((0..6_u16, any::<bool>(), prop::collection::vec(any::<u8>(), 184)), 1..40),
    ) {
        let mut bytes = stream().as_flattened()[..20 * PACKET_BYTES].to_vec();
        for (at, (pid, starts, payload)) in payloads.into_iter().enumerate() {
            let pid = [0, 256, 257, 258, 4_096, 8_191][usize::from(pid)];
            bytes.push(0x47);
            bytes.extend((pid | u16::from(starts) << 14).to_be_bytes());
            bytes.push(0x10 | at as u8 & 0x0F);
            bytes.extend(payload);
        }
        samples(&bytes, 999);
    }
}
