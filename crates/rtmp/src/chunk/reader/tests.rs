use proptest::prelude::*;

use super::*;
use crate::chunk::Writer;

fn message(kind: u8, timestamp: u32, length: usize) -> Message {
    let body = (0..length).map(|at| (at * 7 + length) as u8).collect();
    Message { kind, stream: 1, timestamp, body }
}

fn read(bytes: &[u8], step: usize) -> Result<Vec<Message>, Fault> {
    let mut reader = Reader::new();
    let mut input = BytesMut::new();
    let mut messages = Vec::new();
    for piece in bytes.chunks(step.max(1)) {
        input.extend_from_slice(piece);
        while let Some(message) = reader.next(&mut input)? {
            messages.push(message);
        }
    }
    assert_eq!(reader.taken() as usize + input.len(), bytes.len());
    Ok(messages)
}

/// A chunk header of type 0 on `id` (below 64).
fn full(id: u8, timestamp: u32, length: u32, kind: u8) -> Vec<u8> {
    let mut header = vec![id];
    header.extend(&timestamp.to_be_bytes()[1..]);
    header.extend(&length.to_be_bytes()[1..]);
    header.push(kind);
    header.extend(1_u32.to_le_bytes());
    header
}

proptest! {
    #[test]
    fn any_messages_written_in_any_chunk_size_read_back_from_any_split(
        shapes in prop::collection::vec((0_u8..3, any::<u32>(), 0_usize..700), 1..20),
        chunk_size in 128_u32..600,
        step in 1_usize..900,
    ) {
        let sent: Vec<_> =
            shapes.iter().map(|(id, at, length)| message([8, 9, 18][usize::from(*id)], *at, *length)).collect();
        let mut writer = Writer::new();
        let mut bytes = BytesMut::new();
        writer.set_chunk_size(chunk_size, &mut bytes);
        for ((id, ..), message) in shapes.iter().zip(&sent) {
            writer.write(4 + u32::from(*id) * 100, message, &mut bytes);
        }
        let seen = read(&bytes, step).expect("our own chunks");
        prop_assert_eq!(&seen[1..], &sent[..]);
    }

    #[test]
    fn chunks_of_several_messages_may_interleave_in_any_order(
        lengths in prop::collection::vec(1_usize..900, 2..6),
        order in prop::collection::vec(any::<prop::sample::Index>(), 60),
        step in 1_usize..300,
    ) {
        let messages: Vec<_> = (0..).zip(&lengths).map(|(at, length)| message(9, at, *length)).collect();
        let mut left: Vec<_> = (0_u8..).zip(&messages).map(|(at, message)| (at, message, 0)).collect();
        let mut bytes = Vec::new();
        let mut finished = Vec::new();
        let mut order = order.iter().cycle();
        while !left.is_empty() {
            let pick = order.next().expect("endless").index(left.len());
            let (at, message, done) = &mut left[pick];
            match *done {
                0 => bytes.extend(full(3 + *at, message.timestamp, message.body.len() as u32, 9)),
                _ => bytes.push(0xC0 | (3 + *at)),
            }
            let end = message.body.len().min(*done + 128);
            bytes.extend(&message.body[*done..end]);
            *done = end;
            if end == message.body.len() {
                finished.push((*message).clone());
                left.remove(pick);
            }
        }
        prop_assert_eq!(read(&bytes, step), Ok(finished));
    }

    #[test]
    fn any_bytes_give_messages_or_a_named_fault_the_same_for_every_split(
        bytes in prop::collection::vec(prop_oneof![0_u8..8, any::<u8>()], 0..600),
        step in 1_usize..50,
    ) {
        prop_assert_eq!(read(&bytes, step), read(&bytes, bytes.len()));
    }
}

#[test]
fn chunks_of_two_messages_may_interleave() {
    let (video, audio) = (message(9, 40, 300), message(8, 41, 200));
    let mut bytes = full(6, 40, 300, 9);
    bytes.extend(&video.body[..128]);
    bytes.extend(full(4, 41, 200, 8));
    bytes.extend(&audio.body[..128]);
    bytes.push(0xC6);
    bytes.extend(&video.body[128..256]);
    bytes.push(0xC4);
    bytes.extend(&audio.body[128..]);
    bytes.push(0xC6);
    bytes.extend(&video.body[256..]);
    assert_eq!(read(&bytes, 1), Ok(vec![audio, video]));
}

#[test]
fn a_type_3_header_that_begins_a_message_repeats_the_delta() {
    let mut bytes = full(4, 1_000, 1, 8);
    bytes.push(b'a');
    bytes.extend([0x84, 0, 0, 23, b'b']); // type 2, delta 23
    bytes.extend([0xC4, b'c']);
    let times: Vec<_> = read(&bytes, 3).expect("valid").iter().map(|message| message.timestamp).collect();
    assert_eq!(times, [1_000, 1_023, 1_046]);
}

#[test]
fn an_extended_timestamp_is_read_whether_type_3_repeats_it_or_not() {
    let time = 0x0123_4567_u32;
    for repeats in [true, false] {
        let sent = message(9, time, 200);
        let mut bytes = full(6, EXTENDED, 200, 9);
        bytes.extend(time.to_be_bytes());
        bytes.extend(&sent.body[..128]);
        bytes.push(0xC6);
        if repeats {
            bytes.extend(time.to_be_bytes());
        }
        bytes.extend(&sent.body[128..]);
        assert_eq!(read(&bytes, 7), Ok(vec![sent]), "repeats: {repeats}");
    }
}

#[test]
fn an_abort_drops_the_unfinished_message() {
    let mut bytes = full(6, 0, 300, 9);
    bytes.extend([0; 128]);
    bytes.extend(full(2, 0, 4, kind::ABORT));
    bytes.extend(6_u32.to_be_bytes());
    bytes.extend(full(6, 5, 2, 9));
    bytes.extend(b"ok");
    let kinds: Vec<_> =
        read(&bytes, 11).expect("valid").iter().map(|message| (message.kind, message.body.len())).collect();
    assert_eq!(kinds, [(kind::ABORT, 4), (9, 2)]);
}

#[test]
fn every_limit_is_a_named_fault() {
    assert_eq!(read(&[0xC3], 1), Err(Fault::NoPreviousHeader { chunk_stream: 3, format: 3 }));
    assert_eq!(read(&full(3, 0, 0x50_0000, 9), 1), Err(Fault::MessageLength(0x50_0000)));

    let chunk_size = |size: u32| [&full(2, 0, 4, kind::SET_CHUNK_SIZE)[..], &size.to_be_bytes()].concat();
    for size in [0, 1, MIN_CHUNK_SIZE - 1, 0x8000_0000] {
        assert_eq!(read(&chunk_size(size), 99), Err(Fault::ChunkSize(size)));
    }
    assert_eq!(
        read(&[&full(2, 0, 1, kind::ABORT)[..], &[0]].concat(), 99),
        Err(Fault::ControlLength { kind: kind::ABORT, length: 1 })
    );

    let open = |id: u8, length: u32| [&full(id, 0, length, 9)[..], &[0; 128]].concat();
    let nine: Vec<u8> = (3..12).flat_map(|id| open(id, 129)).collect();
    assert_eq!(read(&nine, nine.len()), Err(Fault::PartialMessages));

    let streams: Vec<u8> = (3..=35).flat_map(|id| full(id, 0, 0, 9)).collect();
    assert_eq!(read(&streams, streams.len()), Err(Fault::ChunkStreams));

    let mut half = chunk_size(2 << 20);
    for id in 3..6 {
        half.extend(full(id, 0, (2 << 20) + 1, 9));
        half.extend(vec![0; 2 << 20]);
    }
    assert_eq!(read(&half, half.len()), Err(Fault::PartialBytes));
}
