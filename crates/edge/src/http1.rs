//! An answer's head as HTTP/1.1 text (RFC 9112).

use std::time::Instant;

use crate::counters::Phase;
use crate::gate::{Persistence, Version};
use crate::object::{may_have_body, status_line};
use crate::respond::{Answer, Head, Shown, decimal};

/// How the viewer can tell where the bytes end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// By a length told in the head.
    Length,
    /// By chunks.
    Chunked,
    /// By the end of the connection, for HTTP/1.0.
    Close,
}

/// Writes the head of `answer` at the end of `head`, with `alt_svc` where there is one; returns how its body is framed. The
/// connection must close after [`Framing::Close`], whatever the viewer wished.
pub(crate) fn write_head(
    answer: &Answer,
    version: Version,
    mut persistence: Persistence,
    alt_svc: Option<&str>,
    now: Instant,
    head: &mut Vec<u8>,
) -> Framing {
    if let Head::Object { object, shown: Shown::Whole } = &answer.head
        && answer.phase == Phase::Hit
        && answer.dress.is_none()
        && let Some(whole) = object.whole()
    {
        head.extend_from_slice(&whole.hit_head);
        decimal(object.lifetime.left(now).as_secs(), |digits| head.extend_from_slice(digits));
        head.extend_from_slice(b"\r\nage: ");
        decimal(object.lifetime.age(now).as_secs(), |digits| head.extend_from_slice(digits));
        head.extend_from_slice(b"\r\n");
        end(head, version, persistence, alt_svc);
        return Framing::Length;
    }
    head.extend_from_slice(status_line(answer.status).as_bytes());
    answer.each_field(now, |name, value| {
        for part in [name, b": ", value, b"\r\n"] {
            head.extend_from_slice(part);
        }
    });
    let delimited = !matches!(answer.head, Head::Passed { delimited: false, .. });
    let framing = match (answer.len(), version) {
        (Some(_), _) => Framing::Length,
        _ if !may_have_body(answer.status) => Framing::Length,
        (None, Version::Http11) if delimited => Framing::Chunked,
        (None, _) => Framing::Close,
    };
    match framing {
        Framing::Length => {}
        Framing::Chunked => head.extend_from_slice(b"transfer-encoding: chunked\r\n"),
        Framing::Close => persistence = Persistence::Close,
    }
    end(head, version, persistence, alt_svc);
    framing
}

fn end(head: &mut Vec<u8>, version: Version, persistence: Persistence, alt_svc: Option<&str>) {
    if let Some(value) = alt_svc {
        for part in ["alt-svc: ", value, "\r\n"] {
            head.extend_from_slice(part.as_bytes());
        }
    }
    head.extend_from_slice(match (persistence, version) {
        (Persistence::KeepAlive, Version::Http11) => b"\r\n".as_slice(),
        (Persistence::KeepAlive, Version::Http10) => b"connection: keep-alive\r\n\r\n",
        (Persistence::Close, _) => b"connection: close\r\n\r\n",
    });
}
