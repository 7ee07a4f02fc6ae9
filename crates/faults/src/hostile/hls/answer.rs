//! What a hostile server answers.

use std::io::{self, Write};
use std::thread;
use std::time::Duration;

use super::list;
use crate::hostile::damage::{damage, damaged};
use crate::hostile::material::Material;
use crate::hostile::transport_stream;
use crate::random::Random;

/// Of so many answers one breaks HTTP, or leads astray. What is fetched in vain is asked for again only after a pause.
const ONE_IN_BROKEN: u64 = 12;
/// Of so many of those one takes its time, up to what a client waits.
const ONE_IN_SLOW: u64 = 16;
/// More than any client takes.
const ENDLESS: usize = 60 << 20;

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    /// What it is, in words.
    pub(super) done: &'static str,
    bytes: Vec<u8>,
    after: After,
}

/// What follows the bytes.
#[derive(Debug)]
enum After {
    /// The next answer.
    Next,
    /// The end of the connection.
    Close,
    /// More of the last byte, for ever.
    Endless,
    /// A byte now and then.
    Drops(Duration),
}

impl Answer {
    fn whole(done: &'static str, body: &[u8]) -> Self {
        let mut bytes = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()).into_bytes();
        bytes.extend_from_slice(body);
        Self { done, bytes, after: After::Next }
    }

    fn raw(done: &'static str, text: &str) -> Self {
        Self { done, bytes: text.as_bytes().to_vec(), after: After::Close }
    }

    /// Whether the connection goes on.
    pub(super) const fn goes_on(&self) -> bool {
        matches!(self.after, After::Next)
    }

    /// Sends it.
    pub(super) fn write(&self, stream: &mut impl Write) -> io::Result<()> {
        stream.write_all(&self.bytes)?;
        match self.after {
            After::Next | After::Close => Ok(()),
            After::Endless => {
                let more = [b'x'; 64 << 10];
                (0..ENDLESS / more.len()).try_for_each(|_| stream.write_all(&more))
            }
            After::Drops(pause) => (0..20).try_for_each(|_| {
                thread::sleep(pause);
                stream.write_all(b"x")
            }),
        }
    }
}

/// An answer to a request for `file`.
pub(super) fn to(file: &str, random: &mut Random, material: &Material) -> Answer {
    if random.one_in(ONE_IN_BROKEN) {
        return broken(random);
    }
    match file.rsplit('.').next().unwrap_or_default() {
        "m3u8" => Answer::whole("playlists", &list::hostile(random)),
        "key" => {
            let length = *random.pick(&[16, 16, 16, 0, 1, 15, 17, 32, 64, 65, 4_000]);
            Answer::whole("keys", &random.bytes(length))
        }
        "mp4" => match random.below(4) {
            0 => Answer::whole("fMP4: real header", &material.header),
            1 => Answer::whole("fMP4: a header's place taken", &material.streams[0]),
            _ => Answer::whole("fMP4: damaged header", &damaged(random, &material.header)),
        },
        "m4s" => fragments(random, material),
        "ts" => Answer::whole("transport streams", &transport_stream::hostile(random, material)),
        _ => {
            let length = random.below(30_000) as usize;
            Answer::whole("garbage segments", &random.bytes(length))
        }
    }
}

/// Fragments whose boxes, times and sizes are not what they were.
fn fragments(random: &mut Random, material: &Material) -> Answer {
    let mut bytes = material.fragments.clone();
    match random.below(4) {
        0 => {}
        1 => {
            // Within the boxes that say where what is.
            let moofs: Vec<_> =
                bytes.windows(4).enumerate().filter(|(_, four)| *four == b"moof").map(|(at, _)| at).collect();
            for at in moofs {
                for _ in 0..=random.below(3) {
                    let at = at + random.below(300) as usize;
                    if let Some(byte) = bytes.get_mut(at) {
                        *byte = *random.pick(&[0, 1, 0x7F, 0x80, 0xFF, random.clone().bits() as u8]);
                    }
                }
            }
        }
        2 => {
            // Decode times of every size.
            let tfdt: Vec<_> =
                bytes.windows(4).enumerate().filter(|(_, four)| *four == b"tfdt").map(|(at, _)| at).collect();
            for at in tfdt {
                let time = random.bytes(8);
                if let Some(place) = bytes.get_mut(at + 8..at + 16) {
                    place.copy_from_slice(&time);
                }
            }
        }
        _ => damage(random, &mut bytes),
    }
    if random.one_in(4) {
        let mut header = damaged(random, &material.header);
        header.extend(bytes);
        bytes = header;
    }
    Answer::whole("fMP4: fragments", &bytes)
}

fn broken(random: &mut Random) -> Answer {
    if random.one_in(ONE_IN_SLOW) {
        let text = "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n";
        let bytes = text.as_bytes()[..random.place(text.len() + 1)].to_vec();
        return Answer { done: "HTTP: by drops", bytes, after: After::Drops(random.between_ms(50, 1_200)) };
    }
    if random.one_in(12) {
        let text = *random.pick(&[
            "HTTP/1.1 200 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFF\r\n",
            "HTTP/1.1 200 OK\r\nX-Long: ",
        ]);
        return Answer { done: "HTTP: endless", bytes: text.as_bytes().to_vec(), after: After::Endless };
    }
    let garbage = String::from_utf8_lossy(&random.bytes(200)).into_owned();
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X-Many: y\r\n".repeat(500));
    let texts = [
        "HTTP/1.1 302 Found\r\nLocation: again.ts\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 302 Found\r\nLocation: http://0.0.0.0:1/x\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 301 Moved\r\nLocation: //////\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 307 x\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\nshort",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n",
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
        "HTTP/1.1 206 Partial\r\nContent-Range: bytes 0-1/2\r\nContent-Length: 2\r\n\r\nab",
        "HTTP/1.1 500 x\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 404 x\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/0.9 200\r\n\r\n",
        "HTTP/1.1 999999 x\r\n\r\n",
        "\r\n\r\n\r\n",
        "",
        garbage.as_str(),
        many.as_str(),
    ];
    let nth = random.place(texts.len());
    let done = match nth {
        0..=4 => "HTTP: redirects",
        5..=10 => "HTTP: bodies that lie",
        11 | 12 => "HTTP: errors",
        _ => "HTTP: broken heads",
    };
    Answer::raw(done, texts[nth])
}
