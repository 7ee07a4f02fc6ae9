//! Something whole, asked for with conditions (RFC 9110 §13, §14).

use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};
use http_body_util::Full;

use super::Answer;
use crate::fingerprint::fnv1a;
use crate::window::Stored;

/// What a viewer's script may read of an answer from another host.
const EXPOSED: &str = "Date, Age, ETag, Content-Length, Content-Range, Cache-Control";

/// A body and what is said of it.
pub(super) struct Content<'a> {
    kind: &'a str,
    cache: &'a str,
    stored: Stored,
}

impl<'a> Content<'a> {
    pub(super) fn stored(kind: &'a str, cache: &'a str, stored: Stored) -> Self {
        Self { kind, cache, stored }
    }

    /// A small text made for this answer.
    pub(super) fn text(kind: &'a str, cache: &'a str, text: String) -> Self {
        let etag = format!("\"{:016x}\"", fnv1a(text.as_bytes()));
        Self { kind, cache, stored: Stored { bytes: text.into(), etag } }
    }
}

/// Any page may read it: what is served here is public.
pub(super) fn allow_everyone(headers: &mut HeaderMap) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
    headers.insert(HeaderName::from_static("timing-allow-origin"), HeaderValue::from_static("*"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

/// 200, 206, 304 or 416, as the request's conditions ask.
pub(super) fn respond(content: Content<'_>, request: &HeaderMap) -> Answer {
    let Content { kind, cache, stored } = content;
    let total = stored.bytes.len() as u64;
    let text = |name: HeaderName| request.get(name).and_then(|value| value.to_str().ok());
    let mut answer = Answer::default();
    let headers = answer.headers_mut();
    insert(headers, header::ETAG, &stored.etag);
    insert(headers, header::CACHE_CONTROL, cache);
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    allow_everyone(headers);
    if text(header::IF_NONE_MATCH).is_some_and(|tags| matches(tags, &stored.etag)) {
        *answer.status_mut() = StatusCode::NOT_MODIFIED;
        return answer;
    }
    insert(headers, header::CONTENT_TYPE, kind);
    let range = text(header::RANGE).filter(|_| {
        // If-Range compares strongly; a date never matches, as none is given out.
        text(header::IF_RANGE).is_none_or(|tag| tag == stored.etag)
    });
    let body = match range.and_then(|range| single_range(range, total)) {
        None => stored.bytes,
        Some(Ok((from, to))) => {
            insert(headers, header::CONTENT_RANGE, &format!("bytes {from}-{to}/{total}"));
            *answer.status_mut() = StatusCode::PARTIAL_CONTENT;
            stored.bytes.slice(from as usize..=to as usize)
        }
        Some(Err(Unsatisfiable)) => {
            insert(headers, header::CONTENT_RANGE, &format!("bytes */{total}"));
            *answer.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
            Bytes::new()
        }
    };
    *answer.body_mut() = Full::new(body);
    answer
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    let value = HeaderValue::from_str(value).expect("made here of visible characters");
    headers.insert(name, value);
}

/// Weak comparison against a list of entity tags, or `*`.
fn matches(tags: &str, etag: &str) -> bool {
    tags.split(',').map(str::trim).any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

#[derive(Debug, PartialEq, Eq)]
struct Unsatisfiable;

/// The first and last byte of a single range; `None` where there is none to honour (RFC 9110 lets a server ignore
/// what it does not understand, and several ranges at once).
fn single_range(value: &str, total: u64) -> Option<Result<(u64, u64), Unsatisfiable>> {
    let (from, to) = value.strip_prefix("bytes=")?.split_once('-')?;
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse().unwrap_or(u64::MAX))
    };
    let (from, to) = match (from.trim(), to.trim()) {
        ("", suffix) => {
            let suffix = number(suffix)?;
            if suffix == 0 || total == 0 {
                return Some(Err(Unsatisfiable));
            }
            (total.saturating_sub(suffix), total - 1)
        }
        (from, "") => (number(from)?, u64::MAX),
        (from, to) => (number(from)?, number(to)?),
    };
    if from > to {
        return None;
    }
    if from >= total {
        return Some(Err(Unsatisfiable));
    }
    Some(Ok((from, to.min(total - 1))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_as_rfc_9110_has_them() {
        for (value, expected) in [
            ("bytes=0-0", Some(Ok((0, 0)))),
            ("bytes=2-", Some(Ok((2, 9)))),
            ("bytes=-3", Some(Ok((7, 9)))),
            ("bytes=-30", Some(Ok((0, 9)))),
            ("bytes=5-500", Some(Ok((5, 9)))),
            ("bytes=10-", Some(Err(Unsatisfiable))),
            ("bytes=-0", Some(Err(Unsatisfiable))),
            ("bytes=99999999999999999999-", Some(Err(Unsatisfiable))),
            ("bytes=5-4", None),
            ("bytes=0-1,3-4", None),
            ("bytes=a-", None),
            ("lines=0-1", None),
        ] {
            assert_eq!(single_range(value, 10), expected, "{value}");
        }
    }

    fn ask(headers: &[(HeaderName, &str)]) -> Answer {
        let content = Content::stored("video/mp4", "x", Stored::new(Bytes::from_static(b"0123456789")));
        let mut request = HeaderMap::new();
        for (name, value) in headers {
            request.insert(name, value.parse().expect("a header value"));
        }
        respond(content, &request)
    }

    #[test]
    fn conditions_decide_the_status() {
        let etag = ask(&[]).headers()[header::ETAG].to_str().expect("text").to_owned();
        let weak = format!("\"x\", W/{etag}");
        for (headers, status) in [
            (vec![], 200),
            (vec![(header::IF_NONE_MATCH, etag.as_str())], 304),
            (vec![(header::IF_NONE_MATCH, weak.as_str())], 304),
            (vec![(header::IF_NONE_MATCH, "*")], 304),
            (vec![(header::IF_NONE_MATCH, "\"x\"")], 200),
            (vec![(header::RANGE, "bytes=1-2")], 206),
            (vec![(header::RANGE, "bytes=1-2"), (header::IF_RANGE, etag.as_str())], 206),
            (vec![(header::RANGE, "bytes=1-2"), (header::IF_RANGE, "\"x\"")], 200),
            (vec![(header::RANGE, "bytes=10-")], 416),
        ] {
            assert_eq!(ask(&headers).status(), status, "{headers:?}");
        }
    }
}
