use media::{Sample, Track, TrackId};

use super::*;
use crate::boxes::FourCc;
use crate::{Begins, ChunkReader, Event, Fragmenter, Header, Labels, init_segment, read_samples};

fn track() -> Track {
    Track {
        id: TrackId(1),
        timescale: Timescale::new(48_000),
        format: media::Format::Audio(
            codec::aac::format_from_asc(Bytes::from_static(&[0x11, 0x90])).expect("AAC-LC"),
        ),
        language: None,
    }
}

fn chunk() -> Bytes {
    let mut fragmenter = Fragmenter::new(&track());
    for index in 0..3 {
        let sample = Sample {
            track: TrackId(1),
            dts: 4_800 + index * 1_024,
            composition_offset: 0,
            duration: Some(1_024),
            sync: true,
            data: vec![index as u8; 5].into(),
        };
        fragmenter.push(sample, Begins::Nothing).expect("rising");
    }
    fragmenter.finish().expect("three frames").to_bytes()
}

/// The chunk as older muxers write it: 32-bit `tfdt`, data offsets from the start of their file.
fn old_fashioned(chunk: &Bytes) -> Bytes {
    let mut out = BytesMut::new();
    for found in boxes(chunk) {
        let found = found.expect("our own");
        if !found.is(b"moof") {
            out.put_slice(found.whole);
            continue;
        }
        put(&mut out, b"moof", |out| {
            for child in found.children().map(|child| child.expect("our own")) {
                if !child.is(b"traf") {
                    out.put_slice(child.whole);
                    continue;
                }
                put(out, b"traf", |out| {
                    for child in child.children().map(|child| child.expect("our own")) {
                        match &child.kind.0 {
                            b"tfhd" => put(out, b"tfhd", |out| {
                                let flags = u32::from_be_bytes(*child.body.first_chunk().expect("full"));
                                out.put_u32(flags & !0x02_0000 | 1);
                                out.put_slice(&child.body[4..8]);
                                out.put_u64(123_456);
                                out.put_slice(&child.body[8..]);
                            }),
                            b"tfdt" => put(out, b"tfdt", |out| {
                                out.put_u32(0);
                                out.put_slice(&child.body[8..]);
                            }),
                            // 8 bytes more in tfhd, 4 fewer in tfdt.
                            _ => trun::write_moved(out, child, 4).expect("our own"),
                        }
                    }
                });
            }
        });
    }
    out.freeze()
}

fn header() -> Header {
    Header::read(init_segment(&track(), &Labels::named("audio"))).expect("our own")
}

#[test]
fn a_shift_moves_every_time_and_nothing_else() {
    let chunk = chunk();
    let delta = 1_790_000_000 * 48_000;
    let moved = shift_decode_time(&chunk, delta, Timescale::new(48_000)).expect("in range");
    assert_eq!(moved.len(), chunk.len());
    let before = read_samples(&chunk, &header()).expect("our own");
    let after = read_samples(&moved, &header()).expect("still whole");
    for (before, after) in before.into_iter().zip(after) {
        assert_eq!(after, Sample { dts: before.dts + delta, ..before });
    }
    let back = shift_decode_time(&moved, -delta, Timescale::new(48_000)).expect("in range");
    assert_eq!(back, chunk);
}

#[test]
fn a_32_bit_time_grows_to_64_and_offsets_stay_true() {
    let chunk = chunk();
    let old = old_fashioned(&chunk);
    assert_eq!(old.len(), chunk.len() + 4);
    let moved = shift_decode_time(&old, 1 << 33, Timescale::new(48_000)).expect("in range");
    let straight = shift_decode_time(&chunk, 1 << 33, Timescale::new(48_000)).expect("in range");
    assert_eq!(moved, straight);
    // The reader gives it out in today's fashion by itself.
    let mut reader = ChunkReader::with_header(header().into());
    reader.feed(old);
    assert_eq!(reader.next(), Ok(Some(Event::SegmentStart)));
    match reader.next() {
        Ok(Some(Event::Chunk(found))) => assert_eq!(found.raw, chunk),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_time_before_zero_is_refused() {
    let shifted = shift_decode_time(&chunk(), -4_801, Timescale::new(48_000));
    assert_eq!(shifted, Err(ReadError::TimeRange));
}

#[test]
fn events_move_with_their_media() {
    let mut emsg = BytesMut::new();
    crate::boxes::put_full(&mut emsg, b"emsg", 1, 0, |out| {
        out.put_u32(90_000);
        out.put_u64(9_000);
        out.put_slice(b"then\0the\0rest\0");
    });
    let emsg = emsg.freeze();
    let moved = shift_decode_time(&emsg, 48_000, Timescale::new(48_000)).expect("in range");
    assert_eq!(moved.len(), emsg.len());
    assert_eq!(moved[16..24], 99_000_u64.to_be_bytes());
    assert_eq!(moved[24..], emsg[24..]);
    let torn = shift_decode_time(&emsg.slice(..20), 1, Timescale::MPEG);
    assert_eq!(torn, Err(ReadError::Size { kind: FourCc(*b"emsg"), size: emsg.len() as u64 }));
}
