//! A connection, and what a publisher says on it.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use rtmp::amf::{self, Value};
use rtmp::chunk::{Message, Reader, Writer, kind};

/// Longest wait for the other end. One that is let in late waits two seconds.
const PATIENCE: Duration = Duration::from_secs(5);

/// A connection to a server.
#[derive(Debug)]
pub(super) struct Talk {
    stream: TcpStream,
    writer: Writer,
    reader: Reader,
    input: BytesMut,
}

/// C0 and C1.
pub(super) fn first_half() -> Vec<u8> {
    let mut hello = vec![3];
    hello.extend((0..1_536).map(|at| at as u8));
    hello
}

/// C2: what it says is not looked at.
pub(super) fn second_half() -> Vec<u8> {
    vec![0; 1_536]
}

/// A command's body.
pub(super) fn command(name: &str, transaction: f64, values: &[Value]) -> Bytes {
    let mut body = BytesMut::new();
    Value::from(name).write(&mut body);
    Value::from(transaction).write(&mut body);
    values.iter().for_each(|value| value.write(&mut body));
    body.freeze()
}

/// A message in chunks of 128 bytes.
pub(super) fn message(chunk_stream: u32, kind: u8, timestamp: u32, body: impl Into<Bytes>) -> Vec<u8> {
    let mut out = BytesMut::new();
    let stream = u32::from(!matches!(kind, kind::COMMAND | kind::SET_CHUNK_SIZE));
    Writer::new().write(chunk_stream, &Message { kind, stream, timestamp, body: body.into() }, &mut out);
    out.to_vec()
}

/// What a publisher says up to its wish to publish, message by message.
pub(super) fn asking(app: &str, key: &str) -> Vec<Vec<u8>> {
    let connect = Value::Object(vec![
        ("app".into(), app.into()),
        ("type".into(), "nonprivate".into()),
        ("flashVer".into(), "FMLE/3.0 (compatible; hostile)".into()),
        ("tcUrl".into(), "rtmp://127.0.0.1/live".into()),
    ]);
    let commands = [
        command("connect", 1.0, &[connect]),
        command("releaseStream", 2.0, &[Value::Null, key.into()]),
        command("FCPublish", 3.0, &[Value::Null, key.into()]),
        command("createStream", 4.0, &[Value::Null]),
        command("publish", 5.0, &[Value::Null, key.into(), "live".into()]),
    ];
    commands.into_iter().map(|body| message(3, kind::COMMAND, 0, body)).collect()
}

impl Talk {
    /// Connects.
    pub(super) fn connect(to: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&to, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, writer: Writer::new(), reader: Reader::new(), input: BytesMut::new() })
    }

    /// Connects, shakes hands, asks to publish, and waits to be let in; `None` where it is not.
    pub(super) fn publishing(to: SocketAddr, app: &str, key: &str) -> io::Result<Option<Self>> {
        let mut talk = Self::connect(to)?;
        talk.say(&first_half())?;
        talk.hear(1 + 2 * 1_536)?;
        talk.say(&second_half())?;
        for message in asking(app, key) {
            talk.say(&message)?;
        }
        Ok((talk.status()? == "NetStream.Publish.Start").then_some(talk))
    }

    /// Sends bytes as they are.
    pub(super) fn say(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Sends a message, in chunks of the size that was set.
    pub(super) fn send(
        &mut self,
        chunk_stream: u32,
        kind: u8,
        timestamp: u32,
        body: Bytes,
    ) -> io::Result<()> {
        let mut out = BytesMut::new();
        self.writer.write(chunk_stream, &Message { kind, stream: 1, timestamp, body }, &mut out);
        self.stream.write_all(&out)
    }

    /// Sends a Set Chunk Size and obeys it.
    pub(super) fn set_chunk_size(&mut self, size: u32) -> io::Result<()> {
        let mut out = BytesMut::new();
        self.writer.set_chunk_size(size, &mut out);
        self.stream.write_all(&out)
    }

    /// Reads `length` bytes.
    pub(super) fn hear(&mut self, length: usize) -> io::Result<()> {
        let mut bytes = vec![0; length];
        self.stream.read_exact(&mut bytes)
    }

    /// The code of the next `onStatus`.
    fn status(&mut self) -> io::Result<String> {
        let garbled = |what| io::Error::new(io::ErrorKind::InvalidData, what);
        loop {
            while let Some(message) = self.reader.next(&mut self.input).map_err(|_| garbled("chunks"))? {
                let values = amf::read_all(&message.body).unwrap_or_default();
                if message.kind == kind::COMMAND && values.first().and_then(Value::as_str) == Some("onStatus")
                {
                    let code = values.get(3).and_then(|value| value.member("code")?.as_str());
                    return Ok(code.unwrap_or_default().to_owned());
                }
            }
            let mut bytes = [0; 4_096];
            match self.stream.read(&mut bytes)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                length => self.input.extend_from_slice(&bytes[..length]),
            }
        }
    }

    /// Waits until the other end closes, `patience` at most.
    pub(super) fn outlive(&mut self, patience: Duration) {
        let _ = self.stream.set_read_timeout(Some(patience));
        let _ = self.stream.shutdown(Shutdown::Write);
        let mut sink = [0; 4_096];
        while matches!(self.stream.read(&mut sink), Ok(1..)) {}
    }
}
