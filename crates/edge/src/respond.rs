//! The head of an answer, and which of an object's bytes follow it.

use std::io::Write;
use std::sync::Arc;
use std::time::Instant;

use http::StatusCode;
use http_cache::conditional::{not_modified, range_applies};
use http_cache::range::{Range, range};

use crate::body::Piece;
use crate::counters::Phase;
use crate::gate::{Method, Persistence, Version, Wants};
use crate::object::{Object, may_have_body, status_line};

/// What of a request shapes its answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ask<'a> {
    pub(crate) method: Method,
    pub(crate) version: Version,
    /// What becomes of the connection: the viewer's wish, or `Close` during a drain.
    pub(crate) persistence: Persistence,
    pub(crate) wants: Wants<'a>,
}

/// What follows the head.
#[derive(Debug)]
pub(crate) enum Follow {
    Nothing,
    /// Bytes that are there.
    Piece(Piece),
    /// An object's bytes from `first` on, as they come.
    Filling {
        object: Arc<Object>,
        first: u64,
        framing: Framing,
    },
}

/// How the viewer can tell where the bytes end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// By a length told in the head: so many bytes follow.
    Length(u64),
    /// By chunks.
    Chunked,
    /// By the end of the connection, for HTTP/1.0.
    Close,
}

/// Writes the head of the answer to `ask` from `object` at the end of `head`; returns its status and what follows.
pub(crate) fn answer(
    ask: Ask<'_>,
    object: &Arc<Object>,
    phase: Phase,
    now: Instant,
    head: &mut Vec<u8>,
) -> (u16, Follow) {
    let mut persistence = ask.persistence;
    let conditional = object.status == StatusCode::OK;
    if conditional && not_modified(object.validators(), ask.wants.if_none_match, ask.wants.if_modified_since)
    {
        head.extend_from_slice(b"HTTP/1.1 304 Not Modified\r\n");
        for line in object.lines.split_inclusive(|b| *b == b'\n').filter(|line| is_kept_by_304(line)) {
            head.extend_from_slice(line);
        }
        finish(head, object, phase, now, ask.version, persistence);
        return (304, Follow::Nothing);
    }
    let range = match (ask.wants.range, object.len()) {
        (Some(value), Some(len))
            if conditional
                && ask.method == Method::Get
                && range_applies(object.validators(), ask.wants.if_range) =>
        {
            range(value, len)
        }
        _ => Range::Whole,
    };
    match range {
        Range::Unsatisfiable => {
            let len = object.len().unwrap_or_default();
            let _ = write!(head, "HTTP/1.1 416 Range Not Satisfiable\r\ncontent-range: bytes */{len}\r\n");
            for line in object.lines.split_inclusive(|b| *b == b'\n').filter(|line| is_kept_by_416(line)) {
                head.extend_from_slice(line);
            }
            head.extend_from_slice(b"content-length: 0\r\n");
            finish(head, object, phase, now, ask.version, persistence);
            (416, Follow::Nothing)
        }
        Range::Part { first, last } => {
            let len = last - first + 1;
            let whole_len = object.len().unwrap_or_default();
            head.extend_from_slice(b"HTTP/1.1 206 Partial Content\r\n");
            head.extend_from_slice(&object.lines);
            let _ =
                write!(head, "content-range: bytes {first}-{last}/{whole_len}\r\ncontent-length: {len}\r\n");
            finish(head, object, phase, now, ask.version, persistence);
            let follow = match object.whole() {
                Some(whole) => Follow::Piece(whole.body.part(first, len)),
                None => Follow::Filling { object: object.clone(), first, framing: Framing::Length(len) },
            };
            (206, follow)
        }
        Range::Whole => {
            let status = object.status.as_u16();
            let bodiless = ask.method == Method::Head || !may_have_body(object.status);
            if let Some(whole) = object.whole()
                && phase == Phase::Hit
            {
                head.extend_from_slice(&whole.hit_head);
                age(head, object, now);
                end(head, ask.version, persistence);
                let follow = if bodiless {
                    Follow::Nothing
                } else {
                    Follow::Piece(whole.body.part(0, whole.body.len()))
                };
                return (status, follow);
            }
            head.extend_from_slice(status_line(object.status).as_bytes());
            head.extend_from_slice(&object.lines);
            let framing = match (object.len(), ask.version) {
                (Some(len), _) => Framing::Length(len),
                (None, Version::Http11) => Framing::Chunked,
                (None, Version::Http10) => Framing::Close,
            };
            if may_have_body(object.status) {
                match framing {
                    Framing::Length(len) => {
                        let _ = write!(head, "content-length: {len}\r\n");
                    }
                    Framing::Chunked => head.extend_from_slice(b"transfer-encoding: chunked\r\n"),
                    Framing::Close => persistence = Persistence::Close,
                }
            }
            finish(head, object, phase, now, ask.version, persistence);
            let follow = match object.whole() {
                _ if bodiless => Follow::Nothing,
                Some(whole) => Follow::Piece(whole.body.part(0, whole.body.len())),
                None => Follow::Filling { object: object.clone(), first: 0, framing },
            };
            (status, follow)
        }
    }
}

/// The head of an answer that is passed on to one viewer.
pub(crate) fn passed(
    ask: Ask<'_>,
    status: StatusCode,
    lines: &[u8],
    declared: Option<u64>,
    delimited: bool,
    head: &mut Vec<u8>,
) -> Framing {
    let framing = match (declared, ask.version) {
        (Some(len), _) => Framing::Length(len),
        (None, Version::Http11) if delimited => Framing::Chunked,
        (None, _) => Framing::Close,
    };
    head.extend_from_slice(status_line(status).as_bytes());
    head.extend_from_slice(lines);
    let mut persistence = ask.persistence;
    if may_have_body(status) {
        match framing {
            Framing::Length(len) => {
                let _ = write!(head, "content-length: {len}\r\n");
            }
            Framing::Chunked => head.extend_from_slice(b"transfer-encoding: chunked\r\n"),
            Framing::Close => persistence = Persistence::Close,
        }
    }
    head.extend_from_slice(cache_status(Phase::Pass).as_bytes());
    end(head, ask.version, persistence);
    framing
}

/// An answer of the edge's own: a few words of text. Players read the status across origins, so CORS is open.
pub(crate) fn local(ask: Ask<'_>, status: u16, words: &str, extra: &str, head: &mut Vec<u8>) {
    let status = StatusCode::from_u16(status).expect("the edge's own statuses are valid");
    head.extend_from_slice(status_line(status).as_bytes());
    let _ = write!(
        head,
        "content-type: text/plain\r\ncontent-length: {}\r\ncache-control: no-store\r\n\
         access-control-allow-origin: *\r\n{extra}",
        words.len() + 1
    );
    end(head, ask.version, ask.persistence);
    if ask.method != Method::Head {
        head.extend_from_slice(words.as_bytes());
        head.push(b'\n');
    }
}

/// The answer to a preflight (Fetch standard §3.3.5): anybody may read, and send what players send.
pub(crate) fn preflight(ask: Ask<'_>, head: &mut Vec<u8>) {
    head.extend_from_slice(
        b"HTTP/1.1 204 No Content\r\n\
          allow: GET, HEAD, OPTIONS\r\n\
          access-control-allow-origin: *\r\n\
          access-control-allow-methods: GET, HEAD, OPTIONS\r\n\
          access-control-allow-headers: range, if-range, if-none-match, if-modified-since, cache-control, \
          cmcd-object, cmcd-request, cmcd-session, cmcd-status\r\n\
          access-control-max-age: 86400\r\n",
    );
    end(head, ask.version, ask.persistence);
}

fn finish(
    head: &mut Vec<u8>,
    object: &Object,
    phase: Phase,
    now: Instant,
    version: Version,
    next: Persistence,
) {
    head.extend_from_slice(cache_status(phase).as_bytes());
    age(head, object, now);
    end(head, version, next);
}

/// RFC 9211.
fn cache_status(phase: Phase) -> &'static str {
    match phase {
        Phase::Hit => "cache-status: headwater; hit\r\n",
        Phase::Miss => "cache-status: headwater; fwd=miss; stored\r\n",
        Phase::Collapsed => "cache-status: headwater; fwd=miss; collapsed\r\n",
        Phase::Revalidated => "cache-status: headwater; fwd=stale; stored\r\n",
        Phase::Stale => "cache-status: headwater; hit; detail=stale\r\n",
        Phase::Pass | Phase::Local => "cache-status: headwater; fwd=miss\r\n",
    }
}

fn age(head: &mut Vec<u8>, object: &Object, now: Instant) {
    head.extend_from_slice(b"age: ");
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    let mut rest = object.lifetime.age(now).as_secs();
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    head.extend_from_slice(&digits[at..]);
    head.extend_from_slice(b"\r\n");
}

fn end(head: &mut Vec<u8>, version: Version, persistence: Persistence) {
    head.extend_from_slice(match (persistence, version) {
        (Persistence::KeepAlive, Version::Http11) => b"\r\n".as_slice(),
        (Persistence::KeepAlive, Version::Http10) => b"connection: keep-alive\r\n\r\n",
        (Persistence::Close, _) => b"connection: close\r\n\r\n",
    });
}

/// RFC 9110 §15.4.5, and what browsers need to read it.
fn is_kept_by_304(line: &[u8]) -> bool {
    let name = name_of(line);
    matches!(
        name,
        b"cache-control" | b"content-location" | b"date" | b"etag" | b"expires" | b"vary" | b"last-modified"
    ) || name.starts_with(b"access-control-")
}

fn is_kept_by_416(line: &[u8]) -> bool {
    let name = name_of(line);
    matches!(name, b"date" | b"etag" | b"vary" | b"accept-ranges") || name.starts_with(b"access-control-")
}

fn name_of(line: &[u8]) -> &[u8] {
    &line[..line.iter().position(|b| *b == b':').unwrap_or(0)]
}
