use proptest::prelude::*;

use super::*;
use crate::amf;
use crate::chunk::Reader;
use crate::flv::{Audio, AudioPacket, Video, VideoPacket};

/// The handshake's bytes from a client.
fn shake() -> BytesMut {
    let mut bytes = BytesMut::from(&[3_u8][..]);
    bytes.extend([7; 2 * 1_536]);
    bytes
}

/// A client's bytes, written message by message.
struct Client {
    writer: chunk::Writer,
    bytes: BytesMut,
}

impl Client {
    fn new() -> Self {
        Self { writer: chunk::Writer::new(), bytes: shake() }
    }

    fn send(mut self, chunk_stream: u32, kind: u8, timestamp: u32, body: impl Into<Bytes>) -> Self {
        let message = Message { kind, stream: 1, timestamp, body: body.into() };
        self.writer.write(chunk_stream, &message, &mut self.bytes);
        self
    }

    fn command(self, name: &str, transaction: f64, values: &[Value]) -> Self {
        self.send(3, kind::COMMAND, 0, command::body(name, transaction, values))
    }

    fn connect(self, app: &str) -> Self {
        let object = vec![("app".to_owned(), app.into()), ("flashVer".to_owned(), "FMLE/3.0\n(test)".into())];
        self.command("connect", 1.0, &[Value::Object(object)])
    }

    fn publish(self, name: &str) -> Self {
        self.command("releaseStream", 2.0, &[Value::Null, name.into()])
            .command("FCPublish", 3.0, &[Value::Null, name.into()])
            .command("createStream", 4.0, &[Value::Null])
            .command("publish", 5.0, &[Value::Null, name.into(), "live".into()])
    }
}

/// Everything a session yields when `bytes` come in pieces of `step`, publish requests accepted.
fn run(bytes: &[u8], step: usize) -> (Result<Vec<Event>, PeerError>, Bytes) {
    let mut session = Session::new();
    let mut input = BytesMut::new();
    let mut events = Vec::new();
    let mut sent = BytesMut::new();
    for piece in bytes.chunks(step.max(1)) {
        input.extend_from_slice(piece);
        loop {
            match session.poll(&mut input) {
                Ok(None) => break,
                Ok(Some(event)) => {
                    if matches!(event, Event::Publish(_)) {
                        session.accept();
                    }
                    events.push(event);
                }
                Err(fault) => return (Err(fault), sent.freeze()),
            }
        }
        sent.extend_from_slice(&session.take_outgoing());
    }
    (Ok(events), sent.freeze())
}

/// The messages in what a session sent, handshake left out.
fn answers(sent: &[u8]) -> Vec<Message> {
    let mut input = BytesMut::from(&sent[1 + 2 * 1_536..]);
    let mut reader = Reader::new();
    std::iter::from_fn(|| reader.next(&mut input).expect("our own chunks")).collect()
}

fn codes(sent: &[u8]) -> Vec<String> {
    let commands = answers(sent).into_iter().filter(|message| message.kind == kind::COMMAND);
    commands
        .filter_map(|message| {
            let values = amf::read_all(&message.body).expect("our own AMF");
            let code = values.iter().find_map(|value| value.member("code"))?;
            code.as_str().map(str::to_owned)
        })
        .collect()
}

fn publication() -> BytesMut {
    let metadata = {
        let mut body = BytesMut::new();
        Value::from("@setDataFrame").write(&mut body);
        Value::from("onMetaData").write(&mut body);
        Value::EcmaArray(vec![("width".into(), 1280.0.into()), ("encoder".into(), "Lavf".into())])
            .write(&mut body);
        body
    };
    Client::new()
        .connect("live/")
        .publish("key?x=1")
        .send(4, kind::DATA, 0, metadata)
        .send(6, kind::VIDEO, 0, &b"\x17\0\0\0\0avcC"[..])
        .send(4, kind::AUDIO, 0, &b"\xAF\0\x11\x90"[..])
        .send(6, kind::VIDEO, 0xFFFF_FFF0, [&b"\x17\x01\0\0\0"[..], &[1; 900]].concat())
        .send(4, kind::AUDIO, 5, &b"\xAF\x01raw"[..])
        .send(6, 99, 5, &b"of a later specification"[..])
        .command("FCUnpublish", 6.0, &[Value::Null, "key".into()])
        .command("deleteStream", 7.0, &[Value::Null, 1.0.into()])
        .bytes
}

#[test]
fn a_publication_from_handshake_to_goodbye() {
    let (events, sent) = run(&publication(), 4_096);
    let events = events.expect("valid");
    let [publish, metadata, config, asc, video, audio, goodbye] = &events[..] else {
        panic!("{events:?}");
    };
    let Event::Publish(request) = publish else { panic!("{publish:?}") };
    assert_eq!((request.app.as_str(), request.encoder.as_str()), ("live", "FMLE/3.0(test)"));
    assert_eq!(request.key, Key::new("key"));
    assert!(!format!("{events:?}").contains("key?"), "no key in {events:?}");
    let Event::Media(Media::Metadata(metadata)) = metadata else { panic!("{metadata:?}") };
    assert_eq!((metadata.width, metadata.encoder.as_deref()), (Some(1280), Some("Lavf")));
    assert!(matches!(
        config,
        Event::Media(Media::Video { video: Video { packet: VideoPacket::Config { .. }, .. }, .. })
    ));
    assert!(matches!(
        asc,
        Event::Media(Media::Audio { audio: Audio { packet: AudioPacket::Config { .. }, .. }, .. })
    ));
    let Event::Media(Media::Video { timestamp_ms: -16, video }) = video else { panic!("{video:?}") };
    assert!(matches!(&video.packet, VideoPacket::Frame { key: true, data, .. } if data[..] == [1; 900]));
    assert!(matches!(audio, Event::Media(Media::Audio { timestamp_ms: 5, .. })));
    assert_eq!(goodbye, &Event::Unpublish);
    assert_eq!(
        codes(&sent),
        [
            "NetConnection.Connect.Success",
            "NetStream.Publish.Start",
            "NetStream.Publish.Start",
            "NetStream.Unpublish.Success"
        ]
    );
}

#[test]
fn connect_is_answered_with_what_enhanced_rtmp_is_spoken() {
    let (_, sent) = run(&Client::new().connect("live").bytes, 9_999);
    let result = answers(&sent).pop().expect("an answer");
    let values = amf::read_all(&result.body).expect("our own AMF");
    let properties = &values[2];
    assert_eq!(properties.member("capsEx"), Some(&6.0.into()));
    let list = ["avc1", "hvc1", "av01", "mp4a", "Opus"].map(Value::from).to_vec();
    assert_eq!(properties.member("fourCcList"), Some(&Value::StrictArray(list)));
    let video = properties.member("videoFourCcInfoMap").expect("a map");
    assert_eq!(video.member("hvc1"), Some(&4.0.into()));
}

#[test]
fn a_key_may_stand_in_the_application() {
    for (app, name) in
        [("live/key", ""), ("live/key", "?query"), ("live", "key"), ("/live//", "/key"), ("live?a", "key")]
    {
        let (events, _) = run(&Client::new().connect(app).publish(name).bytes, 9_999);
        let expected =
            PublishRequest { app: "live".into(), key: Key::new("key"), encoder: "FMLE/3.0(test)".into() };
        assert_eq!(events, Ok(vec![Event::Publish(expected)]), "{app} {name}");
    }
}

#[test]
fn a_refusal_says_bad_name_and_reads_no_more() {
    let mut session = Session::new();
    let mut input = Client::new().connect("live").publish("key").send(6, kind::VIDEO, 0, &b"x"[..]).bytes;
    assert!(matches!(session.poll(&mut input), Ok(Some(Event::Publish(_)))));
    assert_eq!(session.poll(&mut input), Ok(None));
    session.refuse("this stream key is not known here");
    assert_eq!(session.poll(&mut input), Ok(None));
    assert!(input.is_empty());
    let sent = session.take_outgoing();
    assert_eq!(codes(&sent).last().map(String::as_str), Some("NetStream.Publish.BadName"));
}

#[test]
fn a_player_is_told_that_nothing_plays_here() {
    let client = Client::new().connect("live").command("createStream", 2.0, &[Value::Null]);
    let (events, sent) = run(&client.command("play", 3.0, &[Value::Null, "key".into()]).bytes, 9_999);
    assert_eq!(events, Ok(vec![Event::PlayRefused]));
    assert_eq!(codes(&sent).last().map(String::as_str), Some("NetStream.Play.Failed"));
}

#[test]
fn pings_are_answered_and_bytes_acknowledged_as_asked() {
    let window = 40_000_u32.to_be_bytes();
    let client = Client::new()
        .connect("live")
        .send(2, kind::USER_CONTROL, 0, command::user_control(PING_REQUEST, 77).to_vec())
        .send(2, kind::ACK_WINDOW, 0, window.to_vec())
        .send(6, kind::VIDEO, 0, vec![0; 60_000]);
    let (_, sent) = run(&client.bytes, 1_000);
    let answers = answers(&sent);
    let pong = answers.iter().find(|message| message.kind == kind::USER_CONTROL).expect("a pong");
    assert_eq!(pong.body[..], command::user_control(PING_RESPONSE, 77));
    let acknowledged = answers.iter().filter(|message| message.kind == kind::ACKNOWLEDGEMENT);
    assert_eq!(acknowledged.count(), 1);
}

#[test]
fn each_broken_rule_is_a_fault_with_its_place() {
    let at = |client: Client| run(&client.bytes, 9_999).0.expect_err("a fault");
    let connect = Client::new().connect("live").bytes.len() as u64;
    let twice = at(Client::new().connect("live").connect("live"));
    assert_eq!(twice, PeerError { offset: connect, fault: Fault::ConnectTwice });
    assert_eq!(at(Client::new().command("connect", 1.0, &[])).fault, Fault::App);
    assert_eq!(at(Client::new().publish("key")).fault, Fault::Publish);
    assert_eq!(at(Client::new().connect("live").command("publish", 0.0, &[])).fault, Fault::Publish);
    assert_eq!(at(Client::new().connect("live").publish("a").publish("b")).fault, Fault::PublishTwice);
    assert_eq!(at(Client::new().send(3, kind::COMMAND, 0, &b"\x05"[..])).fault, Fault::NoCommandName);
    let long = vec![0; MAX_COMMAND_BYTES + 1];
    assert_eq!(
        at(Client::new().send(3, kind::COMMAND, 0, long)).fault,
        Fault::CommandLength(MAX_COMMAND_BYTES + 1)
    );
    assert_eq!(
        at(Client::new().send(2, kind::USER_CONTROL, 0, &b"\0"[..])).fault,
        Fault::ControlLength { kind: kind::USER_CONTROL, length: 1 }
    );
    let greedy = (0..=MAX_MESSAGE_STREAMS)
        .fold(Client::new().connect("live"), |client, _| client.command("createStream", 2.0, &[]));
    assert_eq!(at(greedy).fault, Fault::MessageStreams);
    let pings = (0..5_000).fold(Client::new().connect("live"), |client, _| {
        client.send(2, kind::USER_CONTROL, 0, command::user_control(PING_REQUEST, 1).to_vec())
    });
    assert_eq!(run(&pings.bytes, usize::MAX).0.expect_err("a fault").fault, Fault::Deaf);
    let http = run(b"GET / HTTP/1.1\r\n\r\n", 99).0.expect_err("a fault");
    assert_eq!(http, PeerError { offset: 0, fault: Fault::Version(b'G') });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_split_of_the_bytes_gives_the_same_events(step in 1_usize..5_000) {
        let bytes = publication();
        prop_assert_eq!(run(&bytes, step), run(&bytes, bytes.len()));
    }

    #[test]
    fn a_damaged_publication_gives_events_or_a_named_fault(
        damage in prop::collection::vec((3_073_usize..5_000, any::<u8>()), 1..12),
        cut in 0_usize..5_000,
        step in 1_usize..700,
    ) {
        let mut bytes = publication();
        for (at, byte) in damage {
            let at = at % bytes.len();
            bytes[at.max(1)] = byte;
        }
        bytes.truncate(bytes.len().saturating_sub(cut % 200));
        let _ = run(&bytes, step);
    }
}
