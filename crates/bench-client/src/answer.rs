//! A viewer's side of one HTTP/1.1 connection.

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// Longest line or head that is read, in bytes.
const MAX_HEAD: usize = 16 * 1024;

thread_local! {
    /// Shared by all connections of the thread: ten thousand viewers must not hold ten thousand buffers.
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; 256 * 1024]);
}

/// One connection to a server.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
}

impl Connection {
    /// Connects.
    pub(crate) async fn open(address: SocketAddr) -> io::Result<Connection> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Connection { stream })
    }

    /// Asks for `path`.
    pub(crate) async fn ask(&mut self, path: &str) -> io::Result<()> {
        let request = format!("GET {path} HTTP/1.1\r\nHost: bench\r\nAccept: */*\r\n\r\n");
        self.stream.write_all(request.as_bytes()).await
    }

    /// Reads one answer; calls `body` with its bytes as they come. Returns its status.
    pub(crate) async fn answer(&mut self, mut body: impl FnMut(&[u8])) -> io::Result<u16> {
        let mut reading = Reading::new();
        loop {
            self.stream.readable().await?;
            let read = BUFFER.with_borrow_mut(|buffer| match self.stream.try_read(buffer) {
                Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(len) => reading.feed(&buffer[..len], &mut body),
                Err(fault) if fault.kind() == io::ErrorKind::WouldBlock => Ok(None),
                Err(fault) => Err(fault),
            })?;
            if let Some(status) = read {
                return Ok(status);
            }
        }
    }

    /// Asks for `path` and reads the whole answer.
    pub(crate) async fn get(&mut self, path: &str) -> io::Result<(u16, Vec<u8>)> {
        self.ask(path).await?;
        let mut whole = Vec::new();
        let status = self.answer(|bytes| whole.extend_from_slice(bytes)).await?;
        Ok((status, whole))
    }
}

/// An answer, half read.
struct Reading {
    status: u16,
    line: Vec<u8>,
    part: Part,
}

enum Part {
    Head,
    /// So much of the body is missing.
    Length(u64),
    ChunkSize,
    /// So much of the chunk and the CRLF after it is missing.
    Chunk(u64),
    /// The lines after the last chunk.
    Trailer,
}

impl Reading {
    fn new() -> Reading {
        Reading { status: 0, line: Vec::new(), part: Part::Head }
    }

    /// Takes bytes; returns the status when they complete the answer. Bytes behind it are a fault: nobody asked.
    fn feed(&mut self, mut bytes: &[u8], body: &mut impl FnMut(&[u8])) -> io::Result<Option<u16>> {
        while !bytes.is_empty() {
            match &mut self.part {
                Part::Head => {
                    let Some(head) = self.until(&mut bytes, b"\r\n\r\n")? else { return Ok(None) };
                    let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
                    self.status =
                        head.get(9..12).and_then(|code| code.parse().ok()).ok_or(fault("no status"))?;
                    let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name));
                    self.part = match field("content-length:") {
                        Some(len) => Part::Length(len.trim().parse().map_err(|_| fault("length"))?),
                        None if field("transfer-encoding:").is_some() => Part::ChunkSize,
                        None => return Err(fault("an answer without an end")),
                    };
                }
                Part::Length(left) => {
                    let now = bytes.len().min(*left as usize);
                    body(&bytes[..now]);
                    *left -= now as u64;
                    bytes = &bytes[now..];
                }
                Part::ChunkSize => {
                    let Some(line) = self.until(&mut bytes, b"\r\n")? else { return Ok(None) };
                    let text = String::from_utf8_lossy(&line);
                    let digits = text.split(';').next().unwrap_or_default().trim();
                    self.part = match u64::from_str_radix(digits, 16).map_err(|_| fault("chunk size"))? {
                        0 => Part::Trailer,
                        size => Part::Chunk(size + 2),
                    };
                }
                Part::Chunk(left) => {
                    let now = bytes.len().min(*left as usize);
                    let data = (now as u64).min(left.saturating_sub(2)) as usize;
                    body(&bytes[..data]);
                    *left -= now as u64;
                    bytes = &bytes[now..];
                    if *left == 0 {
                        self.part = Part::ChunkSize;
                    }
                }
                Part::Trailer => {
                    let Some(line) = self.until(&mut bytes, b"\r\n")? else { return Ok(None) };
                    if line == b"\r\n" {
                        self.part = Part::Length(0);
                    }
                }
            }
            if matches!(self.part, Part::Length(0)) {
                return if bytes.is_empty() {
                    Ok(Some(self.status))
                } else {
                    Err(fault("bytes nobody asked for"))
                };
            }
        }
        Ok(None)
    }

    /// Gathers bytes up to and with `end`.
    fn until(&mut self, bytes: &mut &[u8], end: &[u8]) -> io::Result<Option<Vec<u8>>> {
        while let Some((first, rest)) = bytes.split_first() {
            self.line.push(*first);
            *bytes = rest;
            if self.line.ends_with(end) {
                return Ok(Some(std::mem::take(&mut self.line)));
            }
            if self.line.len() > MAX_HEAD {
                return Err(fault("an endless line"));
            }
        }
        Ok(None)
    }
}

fn fault(words: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pieces: &[&str]) -> (io::Result<Option<u16>>, String) {
        let (mut reading, mut whole) = (Reading::new(), Vec::new());
        let mut last = Ok(None);
        for piece in pieces {
            last = reading.feed(piece.as_bytes(), &mut |bytes| whole.extend_from_slice(bytes));
        }
        (last, String::from_utf8(whole).unwrap())
    }

    #[test]
    fn an_answer_ends_where_its_length_or_its_last_chunk_says() {
        let answers = [
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=1\r\nabc\r\n02\r\nde\r\n0\r\nA: b\r\n\r\n",
        ];
        for answer in answers {
            let (status, body) = read(&[answer]);
            assert_eq!((status.unwrap(), body.as_str()), (Some(200), "abcde"));
            for cut in 1..answer.len() {
                let (status, body) = read(&[&answer[..cut], &answer[cut..]]);
                assert_eq!((status.unwrap(), body.as_str()), (Some(200), "abcde"), "cut at {cut}");
            }
            assert!(read(&[answer, "x"]).0.is_err() || read(&[&format!("{answer}x")]).0.is_err());
        }
        let (status, body) = read(&["HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"]);
        assert_eq!((status.unwrap(), body.as_str()), (Some(404), ""));
        assert!(read(&["HTTP/1.1 200 OK\r\n\r\n"]).0.is_err());
    }
}
