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
