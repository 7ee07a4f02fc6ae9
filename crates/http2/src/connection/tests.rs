use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::frame::setting;
use crate::{hpack, limits};

/// `GET https://x/`, all from the static table but the host.
const GET: &[u8] = b"\x82\x87\x84\x41\x01x";

/// A connection and a client that writes frames by hand.
struct Pair {
    connection: Connection,
    headers: Headers,
    now: Instant,
    out: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sent {
    kind: Kind,
    flags: u8,
    stream: u32,
    /// The first four bytes of the payload, as a number.
    number: u32,
    /// The second four.
    second: u32,
    len: usize,
}

fn frame_of(kind: Kind, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame::write(kind, flags, StreamId::new(stream), payload, &mut bytes);
    bytes
}

fn get(stream: u32) -> Vec<u8> {
    frame_of(Kind::Headers, frame::END_HEADERS | frame::END_STREAM, stream, GET)
}

fn setting(id: u16, value: u32) -> Vec<u8> {
    frame_of(Kind::Settings, 0, 0, &[&id.to_be_bytes()[..], &value.to_be_bytes()].concat())
}

fn update(stream: u32, increment: u32) -> Vec<u8> {
    frame_of(Kind::WindowUpdate, 0, stream, &increment.to_be_bytes())
}

fn reset(stream: u32) -> Vec<u8> {
    frame_of(Kind::RstStream, 0, stream, &8_u32.to_be_bytes())
}

fn sent(mut bytes: &[u8]) -> Vec<Sent> {
    let mut frames = Vec::new();
    while let Some(Head { len, kind, flags, stream }) = Head::read(bytes) {
        let payload = &bytes[frame::HEAD..frame::HEAD + len];
        let number = |at: usize| {
            payload.get(at..at + 4).map_or(0, |four| u32::from_be_bytes(four.try_into().unwrap()))
        };
        let (number, second) = (number(0), number(4));
        frames.push(Sent { kind, flags, stream: stream.number(), number, second, len });
        bytes = &bytes[frame::HEAD + len..];
    }
    assert!(bytes.is_empty());
    frames
}

impl Pair {
    /// Nothing sent yet.
    fn fresh() -> Pair {
        let (now, mut out) = (Instant::now(), Vec::new());
        let connection = Connection::new(now, &mut out);
        out.clear();
        Pair { connection, headers: Headers::default(), now, out }
    }

    /// Behind preface and settings.
    fn open() -> Pair {
        let mut pair = Pair::fresh();
        pair.feed(&[&PREFACE_AND_SETTINGS[..]]).unwrap();
        assert_eq!(sent(&pair.out)[0].flags, frame::ACK);
        pair.out.clear();
        pair
    }

    fn feed<B: AsRef<[u8]>>(&mut self, frames: &[B]) -> Result<Vec<Event>, Fault> {
        let input: Vec<u8> = frames.iter().flat_map(|frame| frame.as_ref()).copied().collect();
        let (mut at, mut events) = (0, Vec::new());
        loop {
            let received =
                self.connection.receive(&input[at..], self.now, &mut self.headers, &mut self.out)?;
            at += received.used;
            match received.event {
                Some(event) => events.push(event),
                None => return Ok(events),
            }
        }
    }

    /// What was written since this was asked last.
    fn sent(&mut self) -> Vec<Sent> {
        sent(&std::mem::take(&mut self.out))
    }

    /// Feeds until the connection ends; the fault must be told in a GOAWAY.
    fn refused<B: AsRef<[u8]>>(&mut self, frames: &[B]) -> Fault {
        let fault = self.feed(frames).expect_err("the connection ends");
        let last = *self.sent().last().unwrap();
        assert_eq!((last.kind, last.second), (Kind::GoAway, fault.code() as u32));
        fault
    }

    fn send(&mut self, stream: u32, want: usize, end: End) -> Result<usize, Fault> {
        let id = StreamId::new(stream);
        let len = self.connection.allowance(id, want);
        let end = if len == want { end } else { End::No };
        if len > 0 || want == 0 {
            self.connection.send_data(id, Data { len, want, end }, self.now, &mut self.out, |out| {
                out.resize(out.len() + len, b'd');
                Ok::<(), Fault>(())
            })?;
        }
        Ok(len)
    }
}

const PREFACE_AND_SETTINGS: &[u8; 33] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

fn request(stream: u32) -> Event {
    Event::Request { stream: StreamId::new(stream) }
}

fn is_reset(stream: u32) -> Event {
    Event::Reset { stream: StreamId::new(stream) }
}

/// The frame of `sent` that resets a stream, as the stream and the code.
fn resets(sent: &[Sent]) -> Vec<(u32, u32)> {
    sent.iter()
        .filter(|frame| frame.kind == Kind::RstStream)
        .map(|frame| (frame.stream, frame.number))
        .collect()
}

#[test]
fn a_request_comes_with_its_fields_and_is_answered() {
    let mut pair = Pair::open();
    assert_eq!(pair.feed(&[get(1)]), Ok(vec![request(1)]));
    assert_eq!((pair.headers.method(), pair.headers.scheme()), (&b"GET"[..], &b"https"[..]));
    assert_eq!((pair.headers.path(), pair.headers.authority()), (&b"/"[..], Some(&b"x"[..])));
    let mut block = Vec::new();
    hpack::status(200, &mut block);
    pair.connection.send_headers(StreamId::new(1), &[&block, b""], End::No, &mut pair.out);
    pair.send(1, 5, End::Yes).unwrap();
    let sent = pair.sent();
    assert_eq!((sent[0].kind, sent[0].flags, sent[0].len), (Kind::Headers, frame::END_HEADERS, 1));
    assert_eq!((sent[1].kind, sent[1].flags, sent[1].len), (Kind::Data, frame::END_STREAM, 5));
    assert_eq!(pair.connection.streams(), 0);
}

#[test]
fn our_settings_tell_our_bounds() {
    let mut out = Vec::new();
    Connection::new(Instant::now(), &mut out);
    let head = Head::read(&out).unwrap();
    assert_eq!((head.kind, head.len), (Kind::Settings, 18));
    assert_eq!(out[9..21], *b"\0\x03\0\0\0\x64\0\x06\0\0\x40\0");
}

#[test]
fn pieces_as_small_as_may_be_mean_the_same() {
    let mut pair = Pair::fresh();
    let bytes = [&PREFACE_AND_SETTINGS[..], &get(1), &get(3), &reset(3)].concat();
    let (mut unread, mut events) = (Vec::new(), Vec::new());
    for byte in bytes {
        unread.push(byte);
        loop {
            let received =
                pair.connection.receive(&unread, pair.now, &mut pair.headers, &mut pair.out).unwrap();
            unread.drain(..received.used);
            match received.event {
                Some(event) => events.push(event),
                None => break,
            }
        }
    }
    assert_eq!(events, [request(1), request(3), is_reset(3)]);
    assert!(unread.is_empty());
}

#[test]
fn what_breaks_the_connection_is_named() {
    let headers = |flags, stream, block: &[u8]| frame_of(Kind::Headers, flags, stream, block);
    let whole = frame::END_HEADERS | frame::END_STREAM;
    for (frames, fault) in [
        (vec![frame_of(Kind::Data, 0, 0, b"x")], Fault::StreamId),
        (vec![frame_of(Kind::Data, 0, 1, b"x")], Fault::IdleStream),
        (vec![get(1), frame_of(Kind::Data, frame::PADDED, 1, b"\x05abcd")], Fault::Padding),
        (vec![get(1), frame_of(Kind::Data, frame::PADDED, 1, b"")], Fault::FrameLength),
        (vec![headers(whole, 0, GET)], Fault::StreamId),
        (vec![headers(whole, 2, GET)], Fault::StreamId),
        (vec![get(5), get(3)], Fault::StreamId),
        (vec![get(1), reset(1), get(1)], Fault::ClosedStream),
        (vec![headers(whole | frame::PADDED, 1, b"\x07\x82\x87\x84")], Fault::Padding),
        (vec![headers(whole | frame::PRIORITY, 1, b"\0\0\0")], Fault::FrameLength),
        (vec![headers(whole, 1, b"\x80")], Fault::Compression(hpack::Fault::Index)),
        (vec![headers(0, 1, GET), get(3)], Fault::Interleaved),
        (vec![headers(0, 1, GET), frame_of(Kind::Ping, 0, 0, &[0; 8])], Fault::Interleaved),
        (vec![headers(0, 1, GET), frame_of(Kind::Continuation, 4, 3, b"")], Fault::Interleaved),
        (vec![headers(0, 1, GET), frame_of(Kind::Unknown(99), 0, 1, b"")], Fault::Interleaved),
        (vec![frame_of(Kind::Continuation, 4, 1, b"")], Fault::Interleaved),
        (vec![frame_of(Kind::Priority, 0, 0, &[0; 5])], Fault::StreamId),
        (vec![frame_of(Kind::Priority, 0, 1, &[0; 4])], Fault::FrameLength),
        (vec![reset(0)], Fault::StreamId),
        (vec![reset(1)], Fault::IdleStream),
        (vec![reset(2)], Fault::IdleStream),
        (vec![get(1), frame_of(Kind::RstStream, 0, 1, &[0; 3])], Fault::FrameLength),
        (vec![frame_of(Kind::Settings, 0, 1, b"")], Fault::StreamId),
        (vec![frame_of(Kind::Settings, 0, 0, b"\0\0\0")], Fault::FrameLength),
        (vec![frame_of(Kind::Settings, frame::ACK, 0, &[0; 6])], Fault::FrameLength),
        (vec![setting(setting::ENABLE_PUSH, 2)], Fault::Setting),
        (vec![setting(setting::INITIAL_WINDOW_SIZE, 1 << 31)], Fault::Window),
        (vec![setting(setting::MAX_FRAME_SIZE, 16_383)], Fault::Setting),
        (vec![setting(setting::MAX_FRAME_SIZE, 16_777_216)], Fault::Setting),
        (vec![frame_of(Kind::PushPromise, 4, 1, &[0; 8])], Fault::Push),
        (vec![frame_of(Kind::Ping, 0, 1, &[0; 8])], Fault::StreamId),
        (vec![frame_of(Kind::Ping, 0, 0, &[0; 7])], Fault::FrameLength),
        (vec![frame_of(Kind::GoAway, 0, 1, &[0; 8])], Fault::StreamId),
        (vec![frame_of(Kind::GoAway, 0, 0, &[0; 7])], Fault::FrameLength),
        (vec![update(0, 0)], Fault::WindowIncrement),
        (vec![update(1, 1)], Fault::IdleStream),
        (vec![update(0, (1 << 31) - 1)], Fault::Window),
        (vec![frame_of(Kind::WindowUpdate, 0, 0, &[0; 3])], Fault::FrameLength),
        (vec![vec![0, 0x40, 1, 0, 0, 0, 0, 0, 1]], Fault::FrameLength),
        (
            vec![get(1), update(1, (1 << 31) - 1 - 65_535), setting(setting::INITIAL_WINDOW_SIZE, 65_536)],
            Fault::Window,
        ),
    ] {
        assert_eq!(Pair::open().refused(&frames), fault, "{frames:?}");
    }
    assert_eq!(Pair::fresh().refused(&[b"GET / HTTP/1.1\r\n"]), Fault::Preface);
    assert_eq!(Pair::fresh().refused(&[&frame::PREFACE[..], &get(1)]), Fault::FirstFrame);
    let ack = frame_of(Kind::Settings, frame::ACK, 0, b"");
    assert_eq!(Pair::fresh().refused(&[&frame::PREFACE[..], &ack]), Fault::FirstFrame);
}

#[test]
fn what_breaks_a_stream_resets_it_and_leaves_the_others() {
    let headers = |flags, stream, block: &[u8]| frame_of(Kind::Headers, flags, stream, block);
    let whole = frame::END_HEADERS | frame::END_STREAM;
    let (protocol, closed, flow) = (1, 5, 3);
    for (frames, code) in [
        // Malformed: an upper-case name, no path, a trailer that does not end the stream, one with a pseudo-header.
        (vec![headers(whole, 1, b"\x82\x87\x84\x00\x01A\x01b")], protocol),
        (vec![headers(whole, 1, b"\x82\x87")], protocol),
        (vec![headers(frame::END_HEADERS, 1, GET), headers(frame::END_HEADERS, 1, b"")], protocol),
        (vec![headers(frame::END_HEADERS, 1, GET), headers(whole, 1, b"\x84")], protocol),
        (vec![get(1), get(1)], closed),
        (vec![get(1), frame_of(Kind::Data, 0, 1, b"x")], closed),
        (vec![get(1), update(1, 0)], protocol),
        (vec![get(1), update(1, (1 << 31) - 1)], flow),
    ] {
        let mut pair = Pair::open();
        pair.feed(&frames).unwrap();
        assert_eq!(resets(&pair.sent()), [(1, code)], "{frames:?}");
        assert_eq!(pair.connection.streams(), 0);
        assert_eq!(pair.feed(&[get(3)]), Ok(vec![request(3)]));
    }
}

#[test]
fn a_block_in_continuations_is_one_and_a_trailer_ends_a_stream() {
    let mut pair = Pair::open();
    let padded = [&[2, 0, 0, 0, 3, 9][..], &GET[..2], &[0, 0]].concat();
    let frames = [
        frame_of(Kind::Headers, frame::PADDED | frame::PRIORITY, 1, &padded),
        frame_of(Kind::Continuation, 0, 1, &GET[2..3]),
        frame_of(Kind::Continuation, frame::END_HEADERS, 1, &GET[3..]),
    ];
    assert_eq!(pair.feed(&frames), Ok(vec![request(1)]));
    assert_eq!(pair.headers.authority(), Some(&b"x"[..]));
    let trailer = frame_of(Kind::Headers, frame::END_HEADERS | frame::END_STREAM, 1, b"\0\x01a\x01b");
    assert_eq!(pair.feed(&[frame_of(Kind::Data, 0, 1, b"body"), trailer]), Ok(vec![]));
    pair.connection.send_headers(StreamId::new(1), &[b"\x88"], End::Yes, &mut pair.out);
    assert_eq!(resets(&pair.sent()), []);
}

#[test]
fn a_client_that_still_sends_is_told_that_it_need_not_and_what_was_on_its_way_is_no_fault() {
    let mut pair = Pair::open();
    let post = |stream| frame_of(Kind::Headers, frame::END_HEADERS, stream, GET);
    assert_eq!(pair.feed(&[post(1)]), Ok(vec![request(1)]));
    pair.connection.send_headers(StreamId::new(1), &[b"\x88"], End::Yes, &mut pair.out);
    assert_eq!(resets(&pair.sent()), [(1, 0)]);
    let late = [
        frame_of(Kind::Data, 0, 1, b"late"),
        update(1, 1),
        frame_of(Kind::Headers, frame::END_HEADERS | frame::END_STREAM, 1, b""),
        reset(1),
    ];
    assert_eq!(pair.feed(&late), Ok(vec![]));
    assert!(pair.sent().is_empty());
}

#[test]
fn no_more_streams_than_told_and_no_body_beyond_the_window() {
    let mut pair = Pair::open();
    let gets: Vec<_> = (0..=limits::MAX_STREAMS as u32).map(|at| get(2 * at + 1)).collect();
    assert_eq!(pair.feed(&gets).unwrap().len(), limits::MAX_STREAMS);
    assert_eq!(resets(&pair.sent()), [(2 * limits::MAX_STREAMS as u32 + 1, 7)]);

    let mut pair = Pair::open();
    let post = frame_of(Kind::Headers, frame::END_HEADERS, 1, GET);
    let data = frame_of(Kind::Data, 0, 1, &[0; MAX_FRAME]);
    assert_eq!(pair.feed(&[&post, &data, &data, &data]), Ok(vec![request(1)]));
    let given_back: u32 =
        pair.sent().iter().filter(|frame| frame.kind == Kind::WindowUpdate).map(|frame| frame.number).sum();
    assert_eq!(given_back, 3 * MAX_FRAME as u32 - 16_384);
    // The connection's window is open again, the stream's is not.
    assert_eq!(pair.feed(&[&data]), Ok(vec![is_reset(1)]));
    assert_eq!(resets(&pair.sent()), [(1, 3)]);
}

#[test]
fn data_keeps_to_both_windows_and_goes_on_when_they_open() {
    let mut pair = Pair::open();
    pair.feed(&[setting(setting::INITIAL_WINDOW_SIZE, 1_000), get(1), get(3)]).unwrap();
    assert_eq!(pair.send(1, 5_000, End::Yes), Ok(1_000));
    assert_eq!(pair.send(1, 4_000, End::Yes), Ok(0));
    assert!(pair.connection.is_shut(StreamId::new(1)) && !pair.connection.is_shut(StreamId::new(3)));
    // A smaller initial window takes back what was sent already (RFC 9113 §6.9.2).
    pair.feed(&[setting(setting::INITIAL_WINDOW_SIZE, 500), update(1, 600)]).unwrap();
    assert_eq!(pair.send(1, 4_000, End::Yes), Ok(100));
    pair.feed(&[update(1, 100_000)]).unwrap();
    // The connection's is what is left of 65,535.
    let mut all = 0;
    loop {
        match pair.send(1, 100_000, End::Yes).unwrap() {
            0 => break,
            len => all += len,
        }
    }
    assert_eq!(all, 65_535 - 1_100);
    assert!(!pair.connection.is_shut(StreamId::new(1)));
    pair.feed(&[update(0, 10)]).unwrap();
    assert_eq!(pair.send(3, 10, End::Yes), Ok(10));
    assert_eq!(pair.connection.streams(), 1);
}

#[test]
fn a_peer_that_wants_a_smaller_table_is_told_that_ours_is_empty() {
    let mut pair = Pair::open();
    pair.feed(&[setting(setting::HEADER_TABLE_SIZE, 0), get(1), get(3)]).unwrap();
    pair.sent();
    for (stream, len) in [(1, 2), (3, 1)] {
        pair.connection.send_headers(StreamId::new(stream), &[b"\x88"], End::Yes, &mut pair.out);
        assert_eq!(pair.sent()[0].len, len);
    }
}

#[test]
fn a_long_header_block_goes_out_in_continuations() {
    let mut pair = Pair::open();
    pair.feed(&[get(1)]).unwrap();
    let block = vec![0x88; MAX_FRAME + 5];
    pair.connection.send_headers(StreamId::new(1), &[&block], End::Yes, &mut pair.out);
    let sent = pair.sent();
    let shape: Vec<_> = sent.iter().map(|frame| (frame.kind, frame.flags, frame.len)).collect();
    assert_eq!(
        shape,
        [(Kind::Headers, frame::END_STREAM, MAX_FRAME), (Kind::Continuation, frame::END_HEADERS, 5)]
    );
}

#[test]
fn a_list_too_large_is_reported_and_the_tables_still_agree() {
    let mut pair = Pair::open();
    let mut block = [GET, b"\x40\x01a\x7f\xf1\x02"].concat();
    block.extend_from_slice(&[b'b'; 0x7f + 0x171]);
    // The same entry by its index until the list is over its bound.
    block.extend_from_slice(&[0xbe; 40]);
    let frame = frame_of(Kind::Headers, frame::END_HEADERS | frame::END_STREAM, 1, &block);
    assert_eq!(pair.feed(&[frame]), Ok(vec![Event::TooLarge { stream: StreamId::new(1) }]));
    let next = frame_of(Kind::Headers, frame::END_HEADERS | frame::END_STREAM, 3, b"\x82\x87\x84\xbf\xbe");
    assert_eq!(pair.feed(&[next]), Ok(vec![request(3)]));
    assert_eq!(
        pair.headers.regular().map(|(name, value)| (name.len(), value.len())).collect::<Vec<_>>(),
        [(1, 0x1f0)]
    );
    assert_eq!(pair.headers.authority(), Some(&b"x"[..]));
}

#[test]
fn a_drain_answers_what_is_on_its_way_and_nothing_behind_it() {
    let mut pair = Pair::open();
    pair.feed(&[get(1)]).unwrap();
    pair.connection.drain(&mut pair.out);
    let sent = pair.sent();
    assert_eq!((sent[0].kind, sent[0].number, sent[0].second), (Kind::GoAway, 0x7fff_ffff, 0));
    assert_eq!(sent[1].kind, Kind::Ping);
    assert_eq!(pair.feed(&[get(3)]), Ok(vec![request(3)]));
    pair.feed(&[frame_of(Kind::Ping, frame::ACK, 0, &DRAIN_PING)]).unwrap();
    let sent = pair.sent();
    assert_eq!((sent[0].kind, sent[0].number, sent[0].second), (Kind::GoAway, 3, 0));
    assert_eq!(pair.feed(&[get(5)]), Ok(vec![]));
    assert!(pair.sent().is_empty() && !pair.connection.is_drained());
    for stream in [1, 3] {
        pair.connection.send_headers(StreamId::new(stream), &[b"\x88"], End::Yes, &mut pair.out);
    }
    assert!(pair.connection.is_drained());
}

/// Repeats `frames` until the connection ends, and says how often that took.
fn flood(pair: &mut Pair, mut frames: impl FnMut(u32) -> Vec<Vec<u8>>) -> (Fault, u32) {
    for round in 0..100_000 {
        let fed = pair.feed(&frames(round));
        if let Err(fault) = fed {
            let last = *pair.sent().last().unwrap();
            assert_eq!((last.kind, last.second), (Kind::GoAway, ErrorCode::EnhanceYourCalm as u32));
            return (fault, round);
        }
    }
    panic!("nobody ended it");
}

#[test]
fn every_attack_ends_its_connection_at_its_budget() {
    let attack = |frames: fn(u32) -> Vec<Vec<u8>>| flood(&mut Pair::open(), frames);
    let id = |round: u32| 2 * round + 1;
    assert_eq!(
        attack(|round| vec![get(2 * round + 1), reset(2 * round + 1)]),
        (Attack::RapidReset.into(), limits::RESETS.burst)
    );
    assert_eq!(
        attack(|round| vec![get(2 * round + 1), update(2 * round + 1, 0)]),
        (Attack::MadeYouReset.into(), limits::FORCED_RESETS.burst)
    );
    assert_eq!(
        attack(|round| vec![get(2 * round + 1), frame_of(Kind::Data, 0, 2 * round + 1, b"x")]),
        (Attack::MadeYouReset.into(), limits::FORCED_RESETS.burst)
    );
    assert_eq!(
        attack(|round| vec![frame_of(
            if round == 0 { Kind::Headers } else { Kind::Continuation },
            0,
            1,
            b""
        )]),
        (Attack::Continuation.into(), limits::MAX_CONTINUATIONS + 1)
    );
    assert_eq!(
        attack(|round| vec![frame_of(
            if round == 0 { Kind::Headers } else { Kind::Continuation },
            0,
            1,
            &[0x82; MAX_FRAME]
        )]),
        (Attack::Continuation.into(), (limits::MAX_HEADER_BLOCK / MAX_FRAME) as u32)
    );
    assert_eq!(
        attack(|_| vec![frame_of(Kind::Ping, 0, 0, &[7; 8])]),
        (Attack::Ping.into(), limits::PINGS.burst)
    );
    let (fault, rounds) = attack(|round| vec![setting(setting::INITIAL_WINDOW_SIZE, round)]);
    // One came first.
    assert_eq!((fault, rounds), (Attack::Settings.into(), limits::SETTINGS.burst - 1));
    let (fault, rounds) = attack(|_| vec![frame_of(Kind::Settings, 0, 0, &[0; 16_380])]);
    assert_eq!((fault, rounds), (Attack::Settings.into(), 0));
    assert_eq!(
        attack(|round| match round {
            0 => vec![frame_of(Kind::Headers, frame::END_HEADERS, 1, GET)],
            _ => vec![frame_of(Kind::Data, 0, 1, b"")],
        }),
        (Attack::EmptyData.into(), limits::EMPTY_DATA.burst + 1)
    );
    for frame in
        [frame_of(Kind::Priority, 0, 1, &[0; 5]), frame_of(Kind::Unknown(0xba), 0, 0, b"x"), update(0, 1)]
    {
        let (fault, rounds) = flood(&mut Pair::open(), |_| vec![frame.clone()]);
        assert_eq!((fault, rounds), (Attack::FrameFlood.into(), limits::IDLE_FRAMES.burst));
    }
    // A table's whole room in one entry, then its index: 4 KiB a byte.
    let mut block = [GET, b"\x40\x01a\x7f\xdb\x1e"].concat();
    block.extend_from_slice(&[b'b'; 0x7f + 0xf5b]);
    block.extend_from_slice(&[0xbe; 1_000]);
    let (fault, rounds) =
        flood(&mut Pair::open(), |round| vec![frame_of(Kind::Headers, 5, id(round), &block)]);
    assert_eq!((fault, rounds), (Attack::HpackBomb.into(), 0));
}

#[test]
fn a_window_opened_by_crumbs_ends_the_connection() {
    let mut pair = Pair::open();
    pair.feed(&[setting(setting::INITIAL_WINDOW_SIZE, 0), get(1)]).unwrap();
    for crumb in 0.. {
        pair.feed(&[update(1, 1)]).unwrap();
        if let Err(fault) = pair.send(1, 10_000, End::Yes) {
            assert_eq!((fault, crumb), (Attack::BrokeWindow.into(), limits::CUT_DATA.burst));
            assert_eq!(pair.sent().last().unwrap().kind, Kind::GoAway);
            return;
        }
    }
}

#[test]
fn a_viewer_who_keeps_to_the_protocol_is_never_accused() {
    let mut pair = Pair::open();
    // An hour: a request every 100 ms, each with an update a DATA frame, one in ten taken back, a PING every 10 s.
    for round in 0..36_000_u32 {
        pair.now += Duration::from_millis(100);
        let stream = 2 * round + 1;
        assert_eq!(pair.feed(&[get(stream)]), Ok(vec![request(stream)]));
        pair.connection.send_headers(StreamId::new(stream), &[b"\x88"], End::No, &mut pair.out);
        for _ in 0..4 {
            pair.send(stream, 300, End::No).unwrap();
            pair.feed(&[update(stream, 300), update(0, 300)]).unwrap();
        }
        if round % 10 == 0 {
            pair.feed(&[reset(stream)]).unwrap();
        } else {
            pair.send(stream, 100, End::Yes).unwrap();
            pair.feed(&[update(0, 100)]).unwrap();
        }
        if round % 100 == 0 {
            pair.feed(&[frame_of(Kind::Ping, 0, 0, &[1; 8])]).unwrap();
        }
        pair.out.clear();
    }
    assert_eq!(pair.connection.streams(), 0);
}

/// A frame with a likely mistake in it.
fn any_frame() -> impl Strategy<Value = Vec<u8>> {
    let kind = prop_oneof![4 => 0_u8..10, 1 => any::<u8>()].prop_map(Kind::from);
    let flags = prop_oneof![3 => Just(5_u8), 1 => Just(4), 1 => Just(0), 1 => any::<u8>()];
    let stream = prop_oneof![4 => (0_u32..40).prop_map(|n| 2 * n + 1), 1 => Just(0), 1 => any::<u32>()];
    let payload = prop_oneof![
        3 => Just(GET.to_vec()),
        1 => Just(vec![0; 4]),
        1 => Just(vec![0, 4, 0, 0, 0, 9]),
        2 => prop::collection::vec(any::<u8>(), 0..40),
        1 => prop::collection::vec(any::<u8>(), 0..20_000),
    ];
    (kind, flags, stream, payload)
        .prop_map(|(kind, flags, stream, payload)| frame_of(kind, flags, stream, &payload))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_frames_get_a_bounded_answer_and_no_panic(frames in prop::collection::vec(any_frame(), 0..100)) {
        let mut pair = Pair::open();
        let mut came = 0;
        for frame in frames {
            came += frame.len();
            let Ok(events) = pair.feed(&[frame]) else { break };
            for event in events {
                if let Event::Request { stream } = event
                    && stream.number() % 3 == 0
                {
                    pair.connection.send_headers(stream, &[b"\x88"], End::No, &mut pair.out);
                    pair.send(stream.number(), 7, End::Yes).unwrap();
                }
            }
            prop_assert!(pair.connection.streams() <= limits::MAX_STREAMS);
            prop_assert!(pair.out.len() <= 8 * came, "{} for {came}", pair.out.len());
        }
        sent(&pair.out);
    }

    #[test]
    fn any_bytes_are_judged_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..5_000)) {
        let _ = Pair::fresh().feed(&[&bytes]);
        let _ = Pair::open().feed(&[&bytes]);
    }
}
