//! The watch page and the list of channels, embedded when this was built.

use bytes::Bytes;
use http::HeaderMap;
use http::header::{self, HeaderName, HeaderValue};

use super::conditional::{Content, respond};
use super::{Answer, IMMUTABLE};
use crate::window::Stored;

mod embedded {
    include!(concat!(env!("OUT_DIR"), "/web_files.rs"));
}

/// Pages are asked for again each time, and are usually not modified.
const PAGE_CACHE: &str = "no-cache";

/// Scripts and styles from here only; media and workers also from memory, as players make them.
const POLICY: &str = "default-src 'self'; media-src 'self' blob:; worker-src 'self' blob:; img-src 'self' data: blob:; \
     object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const NOT_BUILT: &str = "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>Headwater</title>\n\
     <h1>The watch page is not built in</h1>\n<p>Run <code>make web</code>, then build Headwater again. \
     The stream itself is there: <code>index.m3u8</code> (HLS) and <code>manifest.mpd</code> (DASH) \
     beside this page.</p>\n";

fn file(name: &str) -> Option<&'static [u8]> {
    embedded::FILES.iter().find(|(path, _)| *path == name).map(|(_, bytes)| *bytes)
}

pub(super) fn watch(request: &HeaderMap) -> Answer {
    page("watch.html", request)
}

pub(super) fn index(request: &HeaderMap) -> Answer {
    page("index.html", request)
}

fn page(name: &str, request: &HeaderMap) -> Answer {
    let bytes = Bytes::from_static(file(name).unwrap_or(NOT_BUILT.as_bytes()));
    let mut answer =
        respond(Content::stored("text/html; charset=utf-8", PAGE_CACHE, Stored::new(bytes)), request);
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    );
    answer
}

/// A file of the pages; its name holds its content's hash.
pub(super) fn asset(name: &str, request: &HeaderMap) -> Option<Answer> {
    let bytes = file(&format!("assets/{name}"))?;
    let kind = match name.rsplit('.').next() {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("woff2") => "font/woff2",
        Some("json" | "map") => "application/json",
        _ => "application/octet-stream",
    };
    let stored = Stored::new(Bytes::from_static(bytes));
    Some(respond(Content::stored(kind, IMMUTABLE, stored), request))
}
