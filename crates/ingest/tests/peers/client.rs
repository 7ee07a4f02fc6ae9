//! A small RTMP publisher that says exactly what a test wants.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use bytes::{Bytes, BytesMut};
use rtmp::amf::{self, Value};
use rtmp::chunk::{Message, Reader, Writer, kind};

use crate::harness::PATIENCE;

pub(crate) struct Client {
    stream: TcpStream,
    writer: Writer,
    reader: Reader,
    input: BytesMut,
}

impl Client {
    /// Connects and shakes hands.
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let mut stream = TcpStream::connect(address).expect("connects");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
        let mut hello = vec![3_u8];
        hello.extend((0..1_536).map(|at| at as u8));
        stream.write_all(&hello).expect("writes");
        let mut answer = vec![0; 1 + 2 * 1_536];
        stream.read_exact(&mut answer).expect("reads");
        assert_eq!(answer[1 + 1_536..], hello[1..], "S2 echoes C1");
        stream.write_all(&answer[1..=1_536]).expect("writes");
        Self { stream, writer: Writer::new(), reader: Reader::new(), input: BytesMut::new() }
    }

    /// Connects and asks to publish; the answer's code and description.
    pub(crate) fn try_publish(address: SocketAddr, app: &str, name: &str) -> (Self, String, String) {
        let mut client = Self::ask(address, app, name);
        let (code, description) = client.status();
        (client, code, description)
    }

    /// Connects and asks to publish.
    pub(crate) fn ask(address: SocketAddr, app: &str, name: &str) -> Self {
        let mut client = Self::connect(address);
        let connect = Value::Object(vec![("app".into(), app.into()), ("tcUrl".into(), "rtmp://x/".into())]);
        client.command("connect", 1.0, &[connect]);
        client.command("createStream", 2.0, &[Value::Null]);
        client.command("publish", 3.0, &[Value::Null, name.into(), "live".into()]);
        client
    }

    /// Publishes; panics when refused.
    pub(crate) fn publish(address: SocketAddr, name: &str) -> Self {
        let (client, code, description) = Self::try_publish(address, "live", name);
        assert_eq!(code, "NetStream.Publish.Start", "{description}");
        client
    }

    pub(crate) fn command(&mut self, name: &str, transaction: f64, values: &[Value]) {
        let mut body = BytesMut::new();
        Value::from(name).write(&mut body);
        Value::from(transaction).write(&mut body);
        values.iter().for_each(|value| value.write(&mut body));
        self.message(3, kind::COMMAND, 0, body.freeze());
    }

    pub(crate) fn video(&mut self, timestamp: u32, body: impl Into<Bytes>) {
        self.message(6, kind::VIDEO, timestamp, body.into());
    }

    pub(crate) fn audio(&mut self, timestamp: u32, body: impl Into<Bytes>) {
        self.message(4, kind::AUDIO, timestamp, body.into());
    }

    /// Sends the first seconds of the clip, at once.
    pub(crate) fn send(&mut self, seconds: u32) {
        for (kind, ms, body) in tags::first(seconds) {
            match kind {
                9 => self.video(*ms, body.clone()),
                _ => self.audio(*ms, body.clone()),
            }
        }
    }

    /// Ends the stream in good order.
    pub(crate) fn goodbye(mut self) {
        self.command("FCUnpublish", 4.0, &[Value::Null, "x".into()]);
        self.command("deleteStream", 5.0, &[Value::Null, 1.0.into()]);
        let (code, _) = self.status();
        assert_eq!(code, "NetStream.Unpublish.Success");
    }

    /// Sends a video message to a server that may hang up meanwhile.
    pub(crate) fn try_video(&mut self, body: Vec<u8>) {
        let bytes = self.chunks(6, kind::VIDEO, 0, body.into());
        let _ = self.stream.write_all(&bytes);
    }

    fn message(&mut self, chunk_stream: u32, kind: u8, timestamp: u32, body: Bytes) {
        let bytes = self.chunks(chunk_stream, kind, timestamp, body);
        self.stream.write_all(&bytes).expect("writes");
    }

    fn chunks(&mut self, chunk_stream: u32, kind: u8, timestamp: u32, body: Bytes) -> BytesMut {
        let mut bytes = BytesMut::new();
        let message = Message { kind, stream: u32::from(kind != self::kind::COMMAND), timestamp, body };
        self.writer.write(chunk_stream, &message, &mut bytes);
        bytes
    }

    fn status(&mut self) -> (String, String) {
        loop {
            while let Some(message) = self.reader.next(&mut self.input).expect("chunks") {
                if message.kind != kind::COMMAND {
                    continue;
                }
                let values = amf::read_all(&message.body).expect("AMF");
                if values[0] != "onStatus".into() {
                    continue;
                }
                let text = |name| {
                    let member = values[3].member(name).and_then(Value::as_str);
                    member.expect("a status has it").to_owned()
                };
                return (text("code"), text("description"));
            }
            let mut bytes = [0; 4_096];
            let length = self.stream.read(&mut bytes).expect("an answer before the patience ends");
            assert_ne!(length, 0, "closed without an answer");
            self.input.extend_from_slice(&bytes[..length]);
        }
    }

    /// True when the server closes the connection, whatever it says before.
    pub(crate) fn ends_closed(mut self) -> bool {
        let mut sink = [0; 4_096];
        loop {
            match self.stream.read(&mut sink) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(fault) => return fault.kind() == std::io::ErrorKind::ConnectionReset,
            }
        }
    }
}

/// FLV tag bodies of a small H.264 and AAC stream, one picture and sound at a time.
pub(crate) mod tags {
    use std::sync::OnceLock;

    use bytes::Bytes;

    /// The video and audio messages of the clip with their timestamps, read from the FLV file: `(type, ms, body)`.
    pub(crate) fn clip() -> &'static [(u8, u32, Bytes)] {
        static TAGS: OnceLock<Vec<(u8, u32, Bytes)>> = OnceLock::new();
        TAGS.get_or_init(|| {
            let file = Bytes::from(std::fs::read(crate::harness::clip()).expect("the clip was made"));
            let mut tags = Vec::new();
            let mut at = 9 + 4;
            while let Some(header) = file.get(at..at + 11) {
                let field = |at: usize| u32::from_be_bytes([0, header[at], header[at + 1], header[at + 2]]);
                let (length, ms) = (field(1) as usize, field(4) | u32::from(header[7]) << 24);
                if header[0] != 18 {
                    tags.push((header[0], ms, file.slice(at + 11..at + 11 + length)));
                }
                at += 11 + length + 4;
            }
            tags
        })
    }

    /// Those of the first `seconds`.
    pub(crate) fn first(seconds: u32) -> impl Iterator<Item = &'static (u8, u32, Bytes)> {
        clip().iter().filter(move |(_, ms, _)| *ms < seconds * 1_000)
    }
}
