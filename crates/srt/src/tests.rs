//! Both ends over loopback.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::*;

const LATENCY: Duration = Duration::from_millis(50);

fn terms(passphrase: Option<&str>) -> Terms {
    let passphrase = passphrase.map(|text| Passphrase::new(text).expect("within bounds"));
    Terms { passphrase, latency: LATENCY }
}

/// A listener with one stream in the clear, `open`, one encrypted, `closed`, and one in use, `busy`.
fn listener() -> (Arc<Listener>, SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let address = socket.local_addr().expect("bound");
    let listener = Listener::start(socket, LATENCY, |knock| {
        assert_ne!(knock.stream_id, "panic", "a panic in a gate is a refusal");
        match StreamId::parse(knock.stream_id).map_err(|_| Rejection::BadRequest)?.resource {
            "open" => Ok(terms(None)),
            "closed" => Ok(terms(Some("correct horse"))),
            "busy" => Err(Rejection::Conflict),
            _ => Err(Rejection::NotFound),
        }
    });
    (Arc::new(listener.expect("listens")), address)
}

fn call(address: SocketAddr, stream_id: &str, passphrase: Option<&str>) -> Result<Connection, Error> {
    let mut calling = Calling::start(address, stream_id, &terms(passphrase))?;
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        match calling.poll()? {
            Some(connection) => return Ok(connection),
            None => sleep(Duration::from_millis(5)),
        }
        assert!(Instant::now() < end, "a call ends by itself");
    }
}

#[test]
fn a_caller_is_accepted_under_the_terms_of_its_stream() {
    let (listener, address) = listener();
    for (stream_id, passphrase, key) in
        [("open", None, None), ("#!::r=closed,m=publish", Some("correct horse"), Some(16))]
    {
        let caller = call(address, stream_id, passphrase).expect("accepted");
        let mut accepted = listener.accept().expect("a connection");
        assert_eq!(accepted.stream_id(), stream_id);
        assert_eq!(accepted.key_bytes(), key);
        assert_eq!(accepted.stats().expect("connected").latency, LATENCY);
        assert!(accepted.peer().ip().is_loopback() && accepted.id().is_connected());
        let mut buffer = [0; MAX_MESSAGE_BYTES];
        assert_eq!(accepted.receive(&mut buffer), Ok(Received::Nothing));
        drop(caller);
        let end = Instant::now() + Duration::from_secs(30);
        while matches!(accepted.receive(&mut buffer), Ok(Received::Nothing)) {
            assert!(Instant::now() < end, "the caller's end is seen");
            sleep(Duration::from_millis(5));
        }
        assert!(!accepted.id().is_connected());
    }
}

#[test]
fn who_is_refused_hears_why() {
    let (listener, address) = listener();
    for (stream_id, passphrase, reason) in [
        ("nowhere", None, "no such stream (1404)"),
        ("busy", None, "the stream is in use (1409)"),
        ("#!:{}", None, "the stream id cannot be read (1400)"),
        ("panic", None, "(1500)"),
        ("closed", Some("wrong horse!"), "the passphrase is wrong (10)"),
        ("closed", None, "one side wants encryption"),
        ("open", Some("wrong horse!"), "one side wants encryption"),
    ] {
        let refused = call(address, stream_id, passphrase).expect_err("refused").to_string();
        assert!(refused.contains(reason), "{stream_id}: {refused}");
    }
    // And the next is served as ever.
    let _caller = call(address, "open", None).expect("accepted");
    assert_eq!(listener.accept().expect("a connection").stream_id(), "open");
}

/// A connection to the stream `open` that is made packet by packet: its socket, and the number of the listener's end.
fn by_hand(address: SocketAddr) -> (UdpSocket, u32) {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    socket.connect(address).expect("can be set");
    socket.set_read_timeout(Some(Duration::from_secs(30))).expect("can be set");
    let shake = |version: u32, kind: u32, cookie: u32, flags: u32, extensions: &[u32]| {
        let fields = [version, flags, 1_000, 1_500, 8_192, kind, 0x2000_0001, cookie, 0x0100_007F, 0, 0, 0];
        let words = [0x8000_0000, 0, 0, 0].into_iter().chain(fields).chain(extensions.iter().copied());
        socket.send(&words.flat_map(u32::to_be_bytes).collect::<Vec<u8>>()).expect("sends");
        let mut answer = [0; 1_500];
        let length = socket.recv(&mut answer).expect("an answer");
        assert!(length >= 64, "a handshake");
        let word =
            |at: usize| u32::from_be_bytes([answer[at], answer[at + 1], answer[at + 2], answer[at + 3]]);
        (word(36), word(40), word(44))
    };
    let (_, _, cookie) = shake(4, 1, 0, 2, &[]);
    // Version 1.5.0 with what live mode needs, and the stream id in a word turned round.
    let extensions =
        [0x0001_0003, 0x0001_0500, 0xBF, 50 << 16 | 50, 0x0005_0001, u32::from_be_bytes(*b"nepo")];
    let (kind, id, _) = shake(5, u32::MAX, cookie, 5, &extensions);
    assert_eq!(kind, u32::MAX, "it is let in");
    (socket, id)
}

#[test]
fn a_peer_that_gives_up_a_thousand_million_packets_holds_nobody_up() {
    let (listener, address) = listener();
    let (hostile, id) = by_hand(address);
    let _accepted = listener.accept().expect("a connection");
    for [first, last] in [[0, 0x3FFF_FFF0], [1_000, 0x3FFF_FFF0], [0x7FFF_FFF0, 0x3FFF_FF00], [u32::MAX, 7]] {
        let drop_request = [0x8007_0000, 1, 0, id, first, last];
        hostile
            .send(&drop_request.into_iter().flat_map(u32::to_be_bytes).collect::<Vec<u8>>())
            .expect("sends");
    }
    // The thread that reads for all would be busy for minutes, and no call be answered within its three seconds.
    let _caller = call(address, "open", None).expect("accepted");
    assert_eq!(listener.accept().expect("a connection").stream_id(), "open");
}

#[test]
fn a_peer_may_give_up_as_many_packets_as_there_is_room_for() {
    let (_listener, address) = listener();
    let (caller, id) = by_hand(address);
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    filter::attach(&socket).expect("the system filters");
    socket.set_read_timeout(Some(Duration::from_secs(30))).expect("can be set");
    let send = |first: u32, last: u32| {
        let packet = [0x8007_0000, 1, 0, id, first, last];
        let packet: Vec<u8> = packet.into_iter().flat_map(u32::to_be_bytes).collect();
        let sender = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        sender.send_to(&packet, socket.local_addr().expect("bound")).expect("sends");
    };
    // Far too many, and numbers that are none; then some, also over the turn of the numbers.
    for (first, last) in [
        (0, 0x3FFF_FFF0),
        (0, 0x7FFF_FFFF),
        (5, 4),
        (0x8000_0000, 0x8000_0001),
        (0, u32::MAX),
        (7, 7),
        (0x7FFF_FFFF, 3),
    ] {
        send(first, last);
    }
    let heard = [(); 2].map(|()| {
        let mut packet = [0; 64];
        let length = socket.recv(&mut packet).expect("what may pass comes");
        packet[16..length].to_vec()
    });
    assert_eq!(heard, [[0, 0, 0, 7, 0, 0, 0, 7], [0x7F, 0xFF, 0xFF, 0xFF, 0, 0, 0, 3]]);
    drop(caller);
}

#[test]
fn a_socket_that_did_not_block_does_so_that_libsrts_thread_can_wait() {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    socket.set_nonblocking(true).expect("can be set");
    let kept = socket.try_clone().expect("a descriptor");
    let listener = Listener::start(socket, LATENCY, |_| Err(Rejection::NotFound)).expect("listens");
    assert!(!socket2::SockRef::from(&kept).nonblocking().expect("can be asked"));
    drop(listener);
}

#[test]
fn closing_a_listener_ends_the_wait_of_another_thread() {
    let (listener, address) = listener();
    let waiting = {
        let listener = listener.clone();
        std::thread::spawn(move || listener.accept().is_err())
    };
    sleep(Duration::from_millis(50));
    listener.close();
    assert!(waiting.join().expect("no panic"));
    assert!(call(address, "open", None).is_err());
}

#[test]
fn passphrases_have_bounds_and_are_not_printed() {
    for (length, fits) in [(9, false), (10, true), (79, true), (80, false)] {
        assert_eq!(Passphrase::new(&"x".repeat(length)).is_ok(), fits, "{length}");
    }
    assert!(!format!("{:?}", terms(Some("correct horse"))).contains("horse"));
}
