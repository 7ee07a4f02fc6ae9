use proptest::prelude::*;

use super::*;
use crate::amf;
use crate::{Event, Session};

fn target() -> Target {
    Target { server_url: "rtmp://far:1935/live".into(), app: "live".into(), stream: "s3cret?token=1".into() }
}

/// A server's bytes, written message by message.
struct Server {
    writer: chunk::Writer,
    bytes: BytesMut,
}

impl Server {
    fn shaken() -> Self {
        let mut bytes = BytesMut::from(&[VERSION][..]);
        bytes.extend((0..2 * HALF_BYTES).map(|at| at as u8));
        Self { writer: chunk::Writer::new(), bytes }
    }

    fn send(mut self, kind: u8, stream: u32, timestamp: u32, body: impl AsRef<[u8]>) -> Self {
        let body = Bytes::copy_from_slice(body.as_ref());
        let message = Message { kind, stream, timestamp, body };
        self.writer.write(4, &message, &mut self.bytes);
        self
    }

    fn command(self, name: &str, transaction: f64, values: &[Value]) -> Self {
        self.send(kind::COMMAND, 0, 0, command::body(name, transaction, values))
    }

    fn status(self, level: &str, code: &str, description: &str) -> Self {
        self.command("onStatus", 0.0, &[Value::Null, command::information(level, code, description)])
    }

    fn playing() -> Self {
        Self::shaken()
            .command("_result", 1.0, &command::connected(0.0))
            .command("_result", 2.0, &[Value::Null, 7.0.into()])
            .status("status", "NetStream.Play.Reset", "Resetting.")
            .status("status", "NetStream.Play.Start", "Started.")
    }
}

/// Everything a client yields when `bytes` come in pieces of `step`, and what it sent.
fn run(bytes: &[u8], step: usize) -> (Result<Vec<Played>, PeerError>, BytesMut) {
    let mut client = Client::new(target());
    let (mut input, mut played) = (BytesMut::new(), Vec::new());
    let mut sent = BytesMut::from(&client.take_outgoing()[..]);
    for piece in bytes.chunks(step.max(1)) {
        input.extend_from_slice(piece);
        loop {
            match client.poll(&mut input) {
                Ok(None) => break,
                Ok(Some(event)) => played.push(event),
                Err(fault) => return (Err(fault), sent),
            }
        }
        sent.extend_from_slice(&client.take_outgoing());
    }
    (Ok(played), sent)
}

/// The commands in what a client sent behind its handshake: name and last text.
fn commands(sent: &[u8]) -> Vec<(String, String)> {
    let mut input = BytesMut::from(&sent[1 + 2 * HALF_BYTES..]);
    let mut reader = chunk::Reader::new();
    std::iter::from_fn(|| reader.next(&mut input).expect("our own chunks"))
        .filter(|message| message.kind == kind::COMMAND)
        .map(|message| {
            let values = amf::read_all(&message.body).expect("our own AMF");
            let texts: Vec<_> = values.iter().filter_map(Value::as_str).map(str::to_owned).collect();
            (texts[0].clone(), texts.last().expect("there is a name").clone())
        })
        .collect()
}

#[test]
fn a_stream_is_asked_for_and_played_to_its_end() {
    let bytes = Server::playing()
        .send(kind::VIDEO, 7, 0xFFFF_FFF0, &b"\x17\x01\0\0\0picture"[..])
        .send(kind::AUDIO, 7, 5, &b"\xAF\x01raw"[..])
        .send(kind::USER_CONTROL, 0, 0, &command::user_control(STREAM_EOF, 7)[..])
        .bytes;
    for step in [1, 1_000, 100_000] {
        let (played, sent) = run(&bytes, step);
        let played = played.expect("valid");
        let [
            Played::Started,
            Played::Media(Media::Video { timestamp_ms: first, .. }),
            Played::Media(Media::Audio { timestamp_ms: second, .. }),
            Played::Ended,
        ] = &played[..]
        else {
            panic!("{played:?}");
        };
        assert_eq!(second - first, 21, "32 bits of milliseconds wrap between them");
        let names: Vec<_> = commands(&sent).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["connect", "createStream", "play"]);
        assert_eq!(commands(&sent)[2].1, "s3cret?token=1");
    }
}

#[test]
fn our_own_server_understands_the_client_and_plays_nothing() {
    let (mut client, mut server) = (Client::new(target()), Session::new());
    let (mut up, mut down) = (BytesMut::new(), BytesMut::new());
    let (mut refused, mut heard) = (false, None);
    for _ in 0..6 {
        up.extend_from_slice(&client.take_outgoing());
        while let Some(event) = server.poll(&mut up).expect("a client of ours") {
            refused |= event == Event::PlayRefused;
        }
        down.extend_from_slice(&server.take_outgoing());
        while let Some(event) = client.poll(&mut down).expect("a server of ours") {
            heard = Some(event);
        }
    }
    assert!(refused);
    assert_eq!(heard, Some(Played::Refused("This server takes streams; play them over HTTP.".into())));
}

#[test]
fn a_refusal_is_told_without_the_streams_name() {
    let refusal = |bytes: &[u8]| match run(bytes, 4_096).0.expect("valid").pop() {
        Some(Played::Refused(reason)) => reason,
        other => panic!("{other:?}"),
    };
    let connected = || Server::shaken().command("_result", 1.0, &command::connected(0.0));
    let created = || connected().command("_result", 2.0, &[Value::Null, 1.0.into()]);
    let rejected = command::information("error", "NetConnection.Connect.Rejected", "");
    assert_eq!(
        refusal(&Server::shaken().command("_error", 1.0, &[Value::Null, rejected]).bytes),
        "NetConnection.Connect.Rejected"
    );
    assert_eq!(
        refusal(&created().status("error", "NetStream.Play.StreamNotFound", "No such stream").bytes),
        "No such stream"
    );
    assert_eq!(
        refusal(&created().status("error", "NetStream.Play.StreamNotFound", "No s3cret here").bytes),
        "it does not have the stream"
    );
}

#[test]
fn pings_are_answered_and_bytes_acknowledged_as_asked() {
    let bytes = Server::playing()
        .send(kind::ACK_WINDOW, 0, 0, &40_000_u32.to_be_bytes()[..])
        .send(kind::USER_CONTROL, 0, 0, &command::user_control(PING_REQUEST, 99)[..])
        .send(kind::VIDEO, 7, 0, vec![0x27; 50_000])
        .bytes;
    let (played, sent) = run(&bytes, 4_096);
    assert!(played.is_ok());
    let mut input = BytesMut::from(&sent[1 + 2 * HALF_BYTES..]);
    let mut reader = chunk::Reader::new();
    let kinds: Vec<_> = std::iter::from_fn(|| reader.next(&mut input).expect("our own chunks"))
        .filter(|message| message.kind != kind::COMMAND)
        .map(|message| message.kind)
        .collect();
    // The window we ask for, the buffer length, the pong, the acknowledgement.
    assert_eq!(kinds, [kind::ACK_WINDOW, kind::USER_CONTROL, kind::USER_CONTROL, kind::ACKNOWLEDGEMENT]);
}

#[test]
fn another_protocol_is_told_at_its_first_byte_and_media_before_play_are_passed_over() {
    let (played, _) = run(b"HTTP/1.1 400", 4_096);
    assert_eq!(played.expect_err("no RTMP").fault, Fault::Version(b'H'));
    let early = Server::shaken().send(kind::VIDEO, 1, 0, &b"\x17\x01\0\0\0"[..]).bytes;
    assert_eq!(run(&early, 4_096).0, Ok(Vec::new()));
}

proptest! {
    #[test]
    fn a_damaged_server_gives_events_or_a_named_fault(
        at in 0_usize..6_000,
        bytes in proptest::collection::vec(any::<u8>(), 1..64),
    ) {
        let mut whole = Server::playing().send(kind::VIDEO, 7, 3, vec![0x27; 2_000]).bytes;
        let at = (1 + 2 * HALF_BYTES + at).min(whole.len() - 1);
        let end = (at + bytes.len()).min(whole.len());
        whole[at..end].copy_from_slice(&bytes[..end - at]);
        let _ = run(&whole, 700);
    }
}
