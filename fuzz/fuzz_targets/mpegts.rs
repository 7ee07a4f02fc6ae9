#![no_main]
//! A transport stream in pieces as long as the first byte says. Packets that lack their sync byte are given it, and the
//! stream begins with tables that name every kind of stream, so that what lies deep is reached.

use libfuzzer_sys::fuzz_target;
use mpegts::writer::{MapEntry, PesPacket, Writer};
use mpegts::{Demuxer, PACKET_BYTES, SYNC_BYTE, Select};

const TYPES: [(u8, &[u8]); 11] = [
    (0x1B, b""),
    (0x0F, b"\x0A\x04deu\0"),
    (0x03, b""),
    (0x81, b""),
    (0x06, b"\x05\x04Opus\x7F\x02\x80\x06"),
    (0x86, b""),
    (0x15, b""),
    (0x24, b""),
    (0x02, b""),
    (0x06, b"\x05\x04AV01"),
    (0x11, b""),
];

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, input)) = bytes.split_first() else {
        return;
    };
    let entries: Vec<_> = (256..)
        .zip(TYPES)
        .map(|(pid, (stream_type, descriptors))| MapEntry { stream_type, pid, descriptors })
        .collect();
    // One of the four kinds of video.
    let video_pid = Some([256, 263, 264, 265][usize::from(choice & 3)]);
    let mut demuxer = Demuxer::new(Select { video_pid, ..Select::default() });
    let mut writer = Writer::default();
    writer.association(&[(1, 4_096)]);
    writer.map(4_096, 1, 0, 256, &entries);
    let mut stream = writer.take().to_vec();
    if choice & 4 == 0 {
        // As payloads of whole PES packets, by turns on each PID.
        for (at, payload) in input.chunks(300).enumerate() {
            let pts = Some(at as i64 * 3_000);
            let packet = PesPacket { stream_id: 0xBD, pts, dts: None, pcr: None, payload };
            writer.pes(256 + (at % TYPES.len()) as u16, &packet);
        }
        stream.extend_from_slice(&writer.take());
    } else {
        let start = stream.len();
        stream.extend_from_slice(input);
        if choice & 8 == 0 {
            stream[start..].iter_mut().step_by(PACKET_BYTES).for_each(|byte| *byte = SYNC_BYTE);
        }
    }
    for (at, piece) in stream.chunks(usize::from(*choice) * 16 + 1).enumerate() {
        // Now and then the carrier tells of a loss.
        if choice & 16 != 0 && at % 3 == 2 {
            demuxer.lost(16);
        }
        demuxer.push(piece);
        while demuxer.poll().is_some() {}
    }
    demuxer.finish();
    while demuxer.poll().is_some() {}
});
