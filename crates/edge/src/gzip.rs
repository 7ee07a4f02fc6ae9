//! Text packed with gzip, for viewers of a distribution who take it.

use std::io::{self, Write};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{self, HeaderValue};
use http::{HeaderMap, StatusCode};

/// Bodies that are packed, in bytes: below, it hardly pays; above, it takes too long. As CloudFront has it.
const WORTH: std::ops::RangeInclusive<u64> = 1_000..=10_000_000;

/// Whether an answer is packed: whole text of a length that pays, which nobody packed or forbade to.
pub(crate) fn pays(status: StatusCode, headers: &HeaderMap, len: Option<u64>) -> bool {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok()).unwrap_or("");
    let kind = text(header::CONTENT_TYPE).split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    status == StatusCode::OK
        && len.is_some_and(|len| WORTH.contains(&len))
        && !headers.contains_key(header::CONTENT_ENCODING)
        && !text(header::CACHE_CONTROL).to_ascii_lowercase().contains("no-transform")
        && is_text(&kind)
}

fn is_text(kind: &str) -> bool {
    kind.starts_with("text/")
        || kind.ends_with("+xml")
        || kind.ends_with("+json")
        || matches!(
            kind,
            "application/vnd.apple.mpegurl"
                | "application/x-mpegurl"
                | "audio/mpegurl"
                | "application/json"
                | "application/javascript"
                | "application/xml"
        )
}

/// Packs a whole body, away from the serving thread.
pub(crate) async fn pack(body: Vec<u8>) -> io::Result<Bytes> {
    let packed = tokio::task::spawn_blocking(move || {
        let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 3), Compression::default());
        encoder.write_all(&body)?;
        encoder.finish()
    });
    packed.await.map_err(io::Error::other)?.map(Bytes::from)
}

/// Makes the fields of an answer those of the packed one (RFC 9110 §8.4, §8.8.1).
pub(crate) fn mark(headers: &mut HeaderMap) {
    headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    headers.remove(header::CONTENT_LENGTH);
    headers.remove("content-md5");
    headers.remove("content-digest");
    headers.remove("repr-digest");
    headers.append(header::VARY, HeaderValue::from_static("accept-encoding"));
    let strong = headers.get(header::ETAG).filter(|etag| !etag.as_bytes().starts_with(b"W/"));
    if let Some(weak) =
        strong.and_then(|etag| HeaderValue::from_bytes(&[b"W/", etag.as_bytes()].concat()).ok())
    {
        headers.insert(header::ETAG, weak);
    }
}
