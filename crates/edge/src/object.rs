//! A stored answer, whole or filling.

use std::fmt::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Instant, SystemTime};

use bytes::Bytes;
use http::header::{self, HeaderName};
use http::{HeaderMap, StatusCode};
use http_cache::conditional::Validators;
use http_cache::{Lifetime, Ticket};

use crate::body::{Body, Filling};
use crate::disk::Loaded;

/// One answer under one key. It never changes but for its bytes, which arrive.
#[derive(Debug)]
pub(crate) struct Object {
    pub(crate) status: StatusCode,
    pub(crate) fields: Fields,
    pub(crate) lifetime: Lifetime,
    pub(crate) came: Came,
    pub(crate) ticket: Arc<Ticket>,
    pub(crate) filling: Filling,
    whole: OnceLock<Whole>,
    /// It has been handed to the disk tier, or came from there.
    offered: AtomicBool,
}

/// The fields that stay with an object.
#[derive(Clone, Debug)]
pub(crate) struct Fields {
    /// Its end-to-end header lines, each with CRLF; without those that each answer gets anew (length, age, connection).
    pub(crate) lines: Bytes,
    etag: Option<String>,
    last_modified: Option<String>,
}

/// How this version of an object came here, as `Cache-Status` tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Came {
    /// From the origin.
    Fetched {
        /// The origin's status; 304 where it confirmed an older copy.
        status: StatusCode,
        /// There was a copy, no longer fresh, when it was asked for.
        after_stale: bool,
    },
    /// From the disk tier.
    FromDisk,
}

/// What a hit needs, made once.
#[derive(Debug)]
pub(crate) struct Whole {
    /// The answer to a plain GET from the status line up to the digits of `ttl` in `Cache-Status`; after them come
    /// `Age` and the empty line.
    pub(crate) hit_head: Bytes,
    /// The same as an HTTP/2 header block, made by the first who needs it.
    pub(crate) hit_block: OnceLock<Bytes>,
    pub(crate) body: Body,
}

impl Object {
    /// An answer of which the head has come.
    pub(crate) fn new(
        status: StatusCode,
        headers: &HeaderMap,
        declared: Option<u64>,
        lifetime: Lifetime,
        came: Came,
        ticket: Arc<Ticket>,
    ) -> Object {
        Object {
            status,
            fields: Fields::new(status, headers),
            lifetime,
            came,
            ticket,
            filling: Filling::new(declared),
            whole: OnceLock::new(),
            offered: AtomicBool::new(false),
        }
    }

    /// An object as the disk tier kept it.
    pub(crate) fn from_disk(loaded: Loaded, lifetime: Lifetime, ticket: Arc<Ticket>) -> Object {
        let Loaded { record, file, start } = loaded;
        let body = Body::Large { file: Arc::new(file.into()), start, len: record.body_len };
        let status = StatusCode::from_u16(record.status).unwrap_or(StatusCode::OK);
        let fields = Fields::from_lines(record.lines.into());
        let object = Object::with_body(status, fields, lifetime, Came::FromDisk, ticket, body);
        Object { offered: AtomicBool::new(true), ..object }
    }

    /// An object that is whole.
    fn with_body(
        status: StatusCode,
        fields: Fields,
        lifetime: Lifetime,
        came: Came,
        ticket: Arc<Ticket>,
        body: Body,
    ) -> Object {
        let object = Object {
            status,
            fields,
            lifetime,
            came,
            ticket,
            filling: Filling::whole(body.clone()),
            whole: OnceLock::new(),
            offered: AtomicBool::new(false),
        };
        object.complete(body);
        object
    }

    /// Whether the edge packed it ([`crate::gzip`]): origins are asked for nothing that is.
    pub(crate) fn is_packed(&self) -> bool {
        self.fields.lines.split(|byte| *byte == b'\n').any(|line| line.starts_with(b"content-encoding: gzip"))
    }

    /// Whether it is handed to the disk tier now: the first time it is asked.
    pub(crate) fn offer_to_disk(&self) -> bool {
        !self.offered.swap(true, Ordering::Relaxed)
    }

    /// The same bytes with a newer head (RFC 9111 §4.3.4): the origin said 304. Fields it did not repeat stay.
    pub(crate) fn refreshed(&self, headers: &HeaderMap, lifetime: Lifetime) -> Option<Object> {
        let whole = self.whole()?;
        let mut merged = HeaderMap::new();
        for line in self.fields.lines.split(|b| *b == b'\n') {
            let Some(colon) = line.iter().position(|b| *b == b':') else { continue };
            let (Ok(name), Ok(value)) = (
                HeaderName::from_bytes(&line[..colon]),
                http::HeaderValue::from_bytes(line[colon + 1..].trim_ascii()),
            ) else {
                continue;
            };
            if !headers.contains_key(&name) {
                merged.append(name, value);
            }
        }
        for (name, value) in headers {
            merged.append(name, value.clone());
        }
        let fields = Fields::new(self.status, &merged);
        let came = Came::Fetched { status: StatusCode::NOT_MODIFIED, after_stale: true };
        let (ticket, body) = (self.ticket.clone(), whole.body.clone());
        Some(Object::with_body(self.status, fields, lifetime, came, ticket, body))
    }

    /// The same, stale from `now` on; none where it is not whole.
    pub(crate) fn no_longer_fresh(&self, now: Instant) -> Option<Object> {
        let whole = self.whole()?;
        let lifetime = Lifetime { fresh: self.lifetime.age(now).min(self.lifetime.fresh), ..self.lifetime };
        let (ticket, body) = (self.ticket.clone(), whole.body.clone());
        Some(Object::with_body(self.status, self.fields.clone(), lifetime, self.came, ticket, body))
    }

    /// Takes the finished body; from now on hits are cheap.
    pub(crate) fn complete(&self, body: Body) {
        let mut hit_head = status_line(self.status);
        hit_head.push_str(std::str::from_utf8(&self.fields.lines).unwrap_or_default());
        if may_have_body(self.status) {
            let _ = write!(hit_head, "content-length: {}\r\n", body.len());
        }
        hit_head.push_str(match self.came {
            Came::Fetched { .. } => "cache-status: headwater; hit; ttl=",
            Came::FromDisk => "cache-status: headwater; hit; detail=disk; ttl=",
        });
        let _ = self.whole.set(Whole { hit_head: hit_head.into(), hit_block: OnceLock::new(), body });
    }

    /// The whole object, once it is.
    pub(crate) fn whole(&self) -> Option<&Whole> {
        self.whole.get()
    }

    /// Its length where that is known already.
    pub(crate) fn len(&self) -> Option<u64> {
        self.whole().map(|whole| whole.body.len()).or(self.filling.declared)
    }

    pub(crate) fn validators(&self) -> Validators<'_> {
        let Fields { etag, last_modified, .. } = &self.fields;
        Validators { etag: etag.as_deref(), last_modified: last_modified.as_deref() }
    }
}

impl Fields {
    fn new(status: StatusCode, headers: &HeaderMap) -> Fields {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        Fields {
            lines: end_to_end(status, headers),
            etag: text(header::ETAG),
            last_modified: text(header::LAST_MODIFIED),
        }
    }

    /// Lines that [`Fields::new`] made, as they were kept.
    fn from_lines(lines: Bytes) -> Fields {
        let field = |wanted: &str| {
            let text = std::str::from_utf8(&lines).unwrap_or_default();
            let line = text.lines().find_map(|line| line.strip_prefix(wanted)?.strip_prefix(':'));
            line.map(|value| value.trim().to_owned())
        };
        Fields { etag: field("etag"), last_modified: field("last-modified"), lines: lines.clone() }
    }
}

/// `HTTP/1.1 200 OK` and CRLF.
pub(crate) fn status_line(status: StatusCode) -> String {
    format!("HTTP/1.1 {} {}\r\n", status.as_u16(), status.canonical_reason().unwrap_or(""))
}

/// RFC 9110 §6.4.1.
pub(crate) fn may_have_body(status: StatusCode) -> bool {
    !matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) && !status.is_informational()
}

/// The lines that viewers get: no hop-by-hop fields (RFC 9110 §7.6.1), nothing the edge writes itself, no names or
/// versions of software. The `Cache-Status` of caches further up stays; the edge's own comes after it (RFC 9211 §2). Field values beyond ASCII are left out.
pub(crate) fn end_to_end(status: StatusCode, headers: &HeaderMap) -> Bytes {
    const NOT_PASSED_ON: [HeaderName; 11] = [
        header::CONNECTION,
        HeaderName::from_static("keep-alive"),
        header::PROXY_AUTHENTICATE,
        header::TE,
        header::TRAILER,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
        header::CONTENT_LENGTH,
        header::AGE,
        header::SERVER,
        header::VIA,
    ];
    let named_by_connection = |name: &HeaderName| {
        headers
            .get_all(header::CONNECTION)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .any(|text| text.split(',').any(|option| option.trim().eq_ignore_ascii_case(name.as_str())))
    };
    let mut lines = String::with_capacity(512);
    for (name, value) in headers {
        if NOT_PASSED_ON.contains(name) || name.as_str() == "x-powered-by" || named_by_connection(name) {
            continue;
        }
        if let Ok(value) = value.to_str() {
            let _ = write!(lines, "{name}: {value}\r\n");
        }
    }
    if !headers.contains_key(header::DATE) {
        // RFC 9110 §6.6.1: a recipient with a clock adds what its origin left out.
        let _ = write!(lines, "date: {}\r\n", httpdate::fmt_http_date(SystemTime::now()));
    }
    if status == StatusCode::OK && !headers.contains_key(header::ACCEPT_RANGES) {
        lines.push_str("accept-ranges: bytes\r\n");
    }
    lines.into()
}
