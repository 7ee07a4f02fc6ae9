//! What answers a request, whatever protocol it came by: status, header fields and a source of bytes.
//!
//! HTTP/1.1 writes an [`Answer`] as text ([`crate::http1`]); the others encode [`Answer::each_field`].

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::StatusCode;
use http_cache::conditional::{not_modified, range_applies};
use http_cache::range::{Range, range};

use crate::access::token::Refusal;
use crate::counters::Phase;
use crate::distribution::{Dress, Words};
use crate::gate::{Method, Violation, Wants};
use crate::object::{Came, Object, may_have_body};
use crate::source::Source;
use crate::store::Failure;

/// What of a request shapes its answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ask<'a> {
    pub(crate) method: Method,
    pub(crate) wants: Wants<'a>,
}

/// The answer to one request.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) phase: Phase,
    pub(crate) head: Head,
    pub(crate) body: Source,
    /// What a distribution does to its header fields; none: nothing.
    pub(crate) dress: Option<Box<Dress>>,
}

/// Where its header fields come from.
#[derive(Debug)]
pub(crate) enum Head {
    /// A stored or filling object.
    Object { object: Arc<Object>, shown: Shown },
    /// An answer passed on to one viewer. `delimited`: its end can be told from its breaking off. `bypass`: the cache
    /// was not asked, because the answer before was not to be shared either.
    Passed { lines: Bytes, len: Option<u64>, delimited: bool, bypass: bool },
    /// The edge's own words, so many bytes.
    Local { len: u64, cache_status: &'static str, extra: Option<(&'static str, &'static str)> },
    /// The answer to a preflight.
    Preflight,
}

/// How much of an object is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    Whole,
    /// Bytes `first` to `last` of `of`.
    Part {
        first: u64,
        last: u64,
        of: u64,
    },
    /// 304.
    NotModified,
    /// 416 for an object of `of` bytes.
    Unsatisfiable {
        of: u64,
    },
}

impl Answer {
    /// Answers `ask` from `object`.
    pub(crate) fn from_object(ask: Ask<'_>, object: Arc<Object>, phase: Phase) -> Answer {
        let shown = shown(ask, &object);
        let (status, body) = match shown {
            Shown::NotModified => (StatusCode::NOT_MODIFIED, Source::Nothing),
            Shown::Unsatisfiable { .. } => (StatusCode::RANGE_NOT_SATISFIABLE, Source::Nothing),
            Shown::Part { first, last, .. } => {
                (StatusCode::PARTIAL_CONTENT, Source::of(&object, first, Some(last - first + 1)))
            }
            Shown::Whole if ask.method == Method::Head || !may_have_body(object.status) => {
                (object.status, Source::Nothing)
            }
            Shown::Whole => (object.status, Source::of(&object, 0, object.len())),
        };
        Answer { status, phase, head: Head::Object { object, shown }, body, dress: None }
    }

    /// An answer of the edge's own: a few words of text.
    pub(crate) fn local(
        method: Method,
        status: u16,
        words: &str,
        extra: Option<(&'static str, &'static str)>,
    ) -> Answer {
        let text = Bytes::from(format!("{words}\n"));
        Answer {
            status: StatusCode::from_u16(status).expect("the edge's own statuses are valid"),
            phase: Phase::Local,
            head: Head::Local { len: text.len() as u64, cache_status: LOCAL_CACHE_STATUS, extra },
            body: if method == Method::Head { Source::Nothing } else { Source::bytes(text) },
            dress: None,
        }
    }

    /// The refusal of what is no request.
    pub(crate) fn refusal(violation: Violation) -> Answer {
        let extra = (violation == Violation::Method).then_some(("allow", "GET, HEAD, OPTIONS"));
        Answer::local(Method::Get, violation.status(), violation.label(), extra)
    }

    /// The answer to a request that was here before: asked for it again, the edge would wait for itself.
    pub(crate) fn looped(method: Method) -> Answer {
        Answer::local(method, 508, "this edge is among its own origins", None)
    }

    /// The answer where the origin gave none.
    pub(crate) fn failure(method: Method, failure: Failure) -> Answer {
        let extra = (failure.status() == 503).then_some(("retry-after", "1"));
        let mut answer = Answer::local(method, failure.status(), &failure.to_string(), extra);
        if let Head::Local { cache_status, .. } = &mut answer.head {
            *cache_status = failure.cache_status();
        }
        answer
    }

    /// The answer to who may not have what he asks for.
    pub(crate) fn no_access(method: Method, refusal: Refusal) -> Answer {
        Answer::local(method, 403, &refusal.to_string(), None)
    }

    /// The answer to one request too many from an address.
    pub(crate) fn too_many(method: Method) -> Answer {
        Answer::local(method, 429, "too many requests", Some(("retry-after", "1")))
    }

    /// The answer to who still waits when the edge ends.
    pub(crate) fn draining(method: Method) -> Answer {
        Answer::local(method, 503, "this edge is about to end", Some(("retry-after", "0")))
    }

    /// The answer to a preflight (Fetch standard §3.3.5): anybody may read, and send what players send.
    pub(crate) fn preflight() -> Answer {
        Answer {
            status: StatusCode::NO_CONTENT,
            phase: Phase::Local,
            head: Head::Preflight,
            body: Source::Nothing,
            dress: None,
        }
    }

    /// The value of `Content-Length`, where the answer has one; for HEAD that of the answer to GET.
    pub(crate) fn len(&self) -> Option<u64> {
        match &self.head {
            Head::Object { object, shown } => match shown {
                Shown::Whole if may_have_body(object.status) => object.len(),
                Shown::Part { first, last, .. } => Some(last - first + 1),
                Shown::Unsatisfiable { .. } => Some(0),
                Shown::Whole | Shown::NotModified => None,
            },
            Head::Passed { len, .. } => len.filter(|_| may_have_body(self.status)),
            Head::Local { len, .. } => Some(*len),
            Head::Preflight => None,
        }
    }

    /// Every header field, names in lower case.
    pub(crate) fn each_field(&self, now: Instant, mut each: impl FnMut(&[u8], &[u8])) {
        self.each_lasting_field(&mut each);
        self.each_passing_field(now, each);
    }

    /// The header fields that stay the same for an object's life.
    pub(crate) fn each_lasting_field(&self, each: impl FnMut(&[u8], &[u8])) {
        let words = match &self.head {
            Head::Object { .. } | Head::Passed { .. } => Words::Origins,
            Head::Local { .. } | Head::Preflight => Words::Edges,
        };
        match &self.dress {
            None => self.each_own_field(each),
            Some(dress) => dress.over(words, |own| self.each_own_field(own), each),
        }
    }

    /// The same, undressed.
    fn each_own_field(&self, mut each: impl FnMut(&[u8], &[u8])) {
        match &self.head {
            Head::Object { object, shown } => {
                let kept = match shown {
                    Shown::Whole | Shown::Part { .. } => |_: &[u8]| true,
                    Shown::NotModified => is_kept_by_304,
                    Shown::Unsatisfiable { .. } => is_kept_by_416,
                };
                each_line(&object.fields.lines, |name, value| {
                    if kept(name) {
                        each(name, value);
                    }
                });
                match shown {
                    Shown::Part { first, last, of } => {
                        each(b"content-range", format!("bytes {first}-{last}/{of}").as_bytes());
                    }
                    Shown::Unsatisfiable { of } => each(b"content-range", format!("bytes */{of}").as_bytes()),
                    Shown::Whole | Shown::NotModified => {}
                }
            }
            Head::Passed { lines, .. } => each_line(lines, &mut each),
            Head::Local { extra, .. } => {
                each(b"content-type", b"text/plain");
                each(b"cache-control", b"no-store");
                // Players read the status across origins.
                each(b"access-control-allow-origin", b"*");
                if let Some((name, value)) = extra {
                    each(name.as_bytes(), value.as_bytes());
                }
            }
            Head::Preflight => {
                for (name, value) in PREFLIGHT {
                    each(name.as_bytes(), value.as_bytes());
                }
            }
        }
        if let Some(len) = self.len() {
            decimal(len, |digits| each(b"content-length", digits));
        }
    }

    /// Those that each answer has anew, which come last: `Cache-Status` and `Age`.
    pub(crate) fn each_passing_field(&self, now: Instant, mut each: impl FnMut(&[u8], &[u8])) {
        self.cache_status(now, |value| each(b"cache-status", value));
        if let Head::Object { object, .. } = &self.head {
            decimal(object.lifetime.age(now).as_secs(), |digits| each(b"age", digits));
        }
    }

    /// RFC 9211: what the cache did.
    fn cache_status(&self, now: Instant, with: impl FnOnce(&[u8])) {
        let mut text = Text::default();
        match &self.head {
            Head::Object { object, .. } => {
                match (self.phase, object.came) {
                    (Phase::Stale, _) | (Phase::Hit, Came::Fetched { .. }) => text.push(b"headwater; hit"),
                    (_, Came::FromDisk) => text.push(b"headwater; hit; detail=disk"),
                    (_, Came::Fetched { status, after_stale }) => {
                        text.push(match after_stale {
                            true => b"headwater; fwd=stale; fwd-status=".as_slice(),
                            false => b"headwater; fwd=uri-miss; fwd-status=",
                        });
                        text.push(status.as_str().as_bytes());
                        text.push(b"; stored");
                        if self.phase == Phase::Collapsed {
                            text.push(b"; collapsed");
                        }
                    }
                }
                text.push(b"; ttl=");
                match object.lifetime.staleness(now).as_secs() {
                    0 => decimal(object.lifetime.left(now).as_secs(), |digits| text.push(digits)),
                    stale_for => {
                        text.push(b"-");
                        decimal(stale_for, |digits| text.push(digits));
                    }
                }
                if self.phase == Phase::Stale {
                    text.push(b"; detail=stale");
                }
            }
            Head::Passed { bypass, .. } => {
                text.push(match bypass {
                    true => b"headwater; fwd=bypass; fwd-status=".as_slice(),
                    false => b"headwater; fwd=uri-miss; fwd-status=",
                });
                text.push(self.status.as_str().as_bytes());
            }
            Head::Local { cache_status, .. } => text.push(cache_status.as_bytes()),
            Head::Preflight => text.push(LOCAL_CACHE_STATUS.as_bytes()),
        }
        with(text.as_bytes());
    }
}

/// What `Cache-Status` says of answers for which no cache was asked.
const LOCAL_CACHE_STATUS: &str = "headwater; detail=local";

/// A short text without an allocation.
#[derive(Debug)]
struct Text {
    bytes: [u8; Text::MAX],
    len: usize,
}

impl Default for Text {
    fn default() -> Text {
        Text { bytes: [0; Text::MAX], len: 0 }
    }
}

impl Text {
    /// Longer than any `Cache-Status` here: its words, a status and the digits of a `u64`.
    const MAX: usize = 128;

    fn push(&mut self, more: &[u8]) {
        self.bytes[self.len..self.len + more.len()].copy_from_slice(more);
        self.len += more.len();
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

const PREFLIGHT: [(&str, &str); 5] = [
    ("allow", "GET, HEAD, OPTIONS"),
    ("access-control-allow-origin", "*"),
    ("access-control-allow-methods", "GET, HEAD, OPTIONS"),
    (
        "access-control-allow-headers",
        "authorization, range, if-range, if-none-match, if-modified-since, cache-control, cmcd-object, cmcd-request, \
         cmcd-session, cmcd-status",
    ),
    ("access-control-max-age", "86400"),
];

fn shown(ask: Ask<'_>, object: &Object) -> Shown {
    if object.status != StatusCode::OK {
        return Shown::Whole;
    }
    if not_modified(object.validators(), ask.wants.if_none_match, ask.wants.if_modified_since) {
        return Shown::NotModified;
    }
    match (ask.wants.range, object.len()) {
        (Some(value), Some(of))
            if ask.method == Method::Get && range_applies(object.validators(), ask.wants.if_range) =>
        {
            match range(value, of) {
                Range::Whole => Shown::Whole,
                Range::Part { first, last } => Shown::Part { first, last, of },
                Range::Unsatisfiable => Shown::Unsatisfiable { of },
            }
        }
        _ => Shown::Whole,
    }
}

/// Calls `with` the digits of `number`, without an allocation.
pub(crate) fn decimal(number: u64, with: impl FnOnce(&[u8])) {
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    let mut rest = number;
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    with(&digits[at..]);
}

/// The fields of `lines`, each `name: value` with CRLF.
fn each_line(lines: &[u8], mut each: impl FnMut(&[u8], &[u8])) {
    for line in lines.split(|b| *b == b'\n') {
        if let Some(colon) = line.iter().position(|b| *b == b':') {
            each(&line[..colon], line[colon + 1..].trim_ascii());
        }
    }
}

/// RFC 9110 §15.4.5, and what browsers need to read it.
fn is_kept_by_304(name: &[u8]) -> bool {
    matches!(
        name,
        b"cache-control" | b"content-location" | b"date" | b"etag" | b"expires" | b"vary" | b"last-modified"
    ) || name.starts_with(b"access-control-")
}

fn is_kept_by_416(name: &[u8]) -> bool {
    matches!(name, b"date" | b"etag" | b"vary" | b"accept-ranges") || name.starts_with(b"access-control-")
}
