//! The guarded HTTP client: for URLs that an operator, or a playlist he named, points at.
//!
//! Every URL's host is looked up and checked by [`mod@reach`], redirects too, and the address that was checked is the one that
//! is called. No cookies, no proxies; every wait and every size is bounded. User and password of a URL are sent to its own
//! server alone.

use std::io;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::{Bytes, BytesMut};
use http::header::{
    ACCEPT, AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, HOST, LOCATION, RANGE, USER_AGENT,
};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use playlist::{ByteRange, Scheme, Url, UrlFault};
use reach::{Reach, Unreachable};
use tokio::fs::File;
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use crate::unreachable::Advised;

/// Redirects that are followed for one request.
const MAX_REDIRECTS: usize = 5;
/// How long the head of an answer may take, and each piece of its body.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(8);
/// How long one request may take, redirects and body included.
const WHOLE_TIMEOUT: Duration = Duration::from_secs(30);
const AGENT: &str = concat!("headwater/", env!("CARGO_PKG_VERSION"));

/// Why nothing was fetched.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error(transparent)]
    Unreachable(#[from] Advised),
    #[error(transparent)]
    Connection(reach::Fault),
    #[error("{0} does not answer in time")]
    Slow(String),
    #[error("{server} breaks HTTP: {source}")]
    Http { server: String, source: hyper::Error },
    #[error("status {0}")]
    Status(StatusCode),
    #[error("more than {MAX_REDIRECTS} redirects")]
    Redirects,
    #[error("a redirect that leads nowhere: {0}")]
    Location(#[from] UrlFault),
    #[error("a redirect from https to http")]
    Downgrade,
    #[error("more than {0} bytes")]
    TooLarge(u64),
    #[error("it cannot be kept: {0}")]
    Disk(io::Error),
    #[error(
        "all fetched files together would be over {0} bytes: remove some that are no longer played from `data/files`"
    )]
    Full(u64),
    #[error("it took longer than {0:?}")]
    TooLong(Duration),
    #[error("the answer is compressed, which was not asked for")]
    Compressed,
    #[error("the answer has not the bytes that were asked for")]
    WrongRange,
}

impl From<reach::Fault> for Fault {
    fn from(fault: reach::Fault) -> Self {
        match fault {
            reach::Fault::Unreachable(unreachable) => Self::Unreachable(unreachable.into()),
            other => Self::Connection(other),
        }
    }
}

impl Fault {
    /// The value of the metric's `reason` label.
    pub(crate) fn label(&self) -> &'static str {
        match self {
            Self::Unreachable(Advised(Unreachable::Private { .. })) => "forbidden_address",
            Self::Connection(reach::Fault::Slow(_)) | Self::Slow(_) => "slow",
            Self::Connection(reach::Fault::Http { .. }) => "broken_answer",
            Self::Unreachable(_) | Self::Connection(_) => "unreachable",
            Self::Http { .. } | Self::Compressed | Self::WrongRange => "broken_answer",
            Self::Status(StatusCode::NOT_FOUND | StatusCode::GONE) => "not_found",
            Self::Status(_) => "status",
            Self::Redirects | Self::Location(_) | Self::Downgrade => "redirect",
            Self::TooLarge(_) => "too_large",
            Self::Disk(_) => "disk",
            Self::Full(_) => "full",
            Self::TooLong(_) => "too_long",
        }
    }
}

/// What was fetched.
#[derive(Debug)]
pub(crate) struct Fetched {
    /// Where it was, after redirects: what references in it are relative to.
    pub(crate) url: Url,
    pub(crate) body: Bytes,
}

/// A client of one server at a time, whose connection is kept between requests.
#[derive(Debug)]
pub(crate) struct Client {
    reach: Reach,
    /// The server, and the connection to it.
    kept: Option<(Url, SendRequest<Empty<Bytes>>)>,
}

impl Client {
    pub(crate) const fn new(reach: Reach) -> Self {
        Self { reach, kept: None }
    }

    /// GETs `url`, or some of its bytes; at most `limit` of them.
    pub(crate) async fn get(
        &mut self,
        url: &Url,
        range: Option<ByteRange>,
        limit: usize,
    ) -> Result<Fetched, Fault> {
        let fetched = timeout(WHOLE_TIMEOUT, self.follow(url, range, limit)).await;
        match fetched {
            Ok(fetched) => fetched,
            Err(_) => {
                self.kept = None;
                Err(Fault::Slow(url.authority()))
            }
        }
    }

    /// GETs all of `url` into `file`, at most `limit` bytes, and no more than `room` has room for, which is asked with how
    /// many there are; how many there were. It may take as long as it takes, but not be silent.
    pub(crate) async fn save(
        &mut self,
        url: &Url,
        file: &mut File,
        limit: u64,
        room: impl Fn(u64) -> Result<(), Fault>,
    ) -> Result<u64, Fault> {
        // Nothing else is asked on this connection.
        self.kept = None;
        let (url, answer) = self.open(url, None).await?;
        let told = check(&answer, limit)?.unwrap_or(0);
        room(told)?;
        let mut body = answer.into_body();
        let mut length = 0;
        while let Some(data) = piece(&url, &mut body).await? {
            length += data.len() as u64;
            if length > limit {
                return Err(Fault::TooLarge(limit));
            }
            room(length.max(told))?;
            file.write_all(&data).await.map_err(Fault::Disk)?;
        }
        file.sync_all().await.map_err(Fault::Disk)?;
        self.kept = None;
        Ok(length)
    }

    async fn follow(&mut self, url: &Url, range: Option<ByteRange>, limit: usize) -> Result<Fetched, Fault> {
        let (url, answer) = self.open(url, range).await?;
        let is_part = answer.status() == StatusCode::PARTIAL_CONTENT;
        match read(&url, answer, limit).await {
            Ok(body) => Ok(Fetched { body: wanted(body, range, is_part)?, url }),
            Err(fault) => {
                self.kept = None;
                Err(fault)
            }
        }
    }

    /// Where `url` is in the end, and an answer that has a body of it.
    async fn open(
        &mut self,
        url: &Url,
        range: Option<ByteRange>,
    ) -> Result<(Url, Response<Incoming>), Fault> {
        let mut url = url.clone();
        for _ in 0..=MAX_REDIRECTS {
            let answer = self.ask(&url, range).await?;
            let status = answer.status();
            if status.is_redirection() && status != StatusCode::NOT_MODIFIED {
                let next = url.join(location(answer.headers()).ok_or(Fault::Status(status))?)?;
                if url.scheme() == Scheme::Https && next.scheme() == Scheme::Http {
                    return Err(Fault::Downgrade);
                }
                // The rest of this answer is not read, so its connection is of no more use.
                self.kept = None;
                url = next;
                continue;
            }
            if status != StatusCode::OK && status != StatusCode::PARTIAL_CONTENT {
                self.kept = None;
                return Err(Fault::Status(status));
            }
            return Ok((url, answer));
        }
        self.kept = None;
        Err(Fault::Redirects)
    }

    /// Sends the request and waits for the answer's head.
    async fn ask(&mut self, url: &Url, range: Option<ByteRange>) -> Result<Response<Incoming>, Fault> {
        if let Some((server, mut connection)) = self.kept.take()
            && server.same_server(url)
            && let Ok(Ok(())) = timeout(SILENCE_TIMEOUT, connection.ready()).await
            && let Ok(Ok(answer)) =
                timeout(SILENCE_TIMEOUT, connection.send_request(request(url, range))).await
        {
            self.kept = Some((server, connection));
            return Ok(answer);
        }
        // There is none, or its other end is gone.
        let mut connection = reach::connect(url, self.reach).await?;
        let answer = timeout(SILENCE_TIMEOUT, connection.send_request(request(url, range)))
            .await
            .map_err(|_| Fault::Slow(url.authority()))?
            .map_err(|source| Fault::Http { server: url.authority(), source })?;
        self.kept = Some((url.clone(), connection));
        Ok(answer)
    }
}

fn request(url: &Url, range: Option<ByteRange>) -> Request<Empty<Bytes>> {
    let mut request = Request::new(Empty::new());
    *request.uri_mut() = url.target().parse().unwrap_or_else(|_| http::Uri::from_static("/"));
    let headers = request.headers_mut();
    let text = |text: &str| HeaderValue::from_str(text).expect("URLs are made of visible ASCII");
    headers.insert(HOST, text(&url.authority()));
    headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
    if let Some(user_info) = url.user_info() {
        let mut value = text(&format!("Basic {}", BASE64_STANDARD.encode(user_info)));
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    if let Some(ByteRange { start, length }) = range {
        headers.insert(RANGE, text(&format!("bytes={start}-{}", start.saturating_add(length - 1))));
    }
    request
}

fn location(headers: &HeaderMap) -> Option<&str> {
    headers.get(LOCATION)?.to_str().ok()
}

/// The whole body, at most `limit` bytes.
async fn read(url: &Url, answer: Response<Incoming>, limit: usize) -> Result<Bytes, Fault> {
    check(&answer, limit as u64)?;
    let mut body = answer.into_body();
    let mut bytes = BytesMut::new();
    while let Some(data) = piece(url, &mut body).await? {
        if bytes.len() + data.len() > limit {
            return Err(Fault::TooLarge(limit as u64));
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes.freeze())
}

/// Refuses a body by what its head says of it; how long it says it is.
fn check(answer: &Response<Incoming>, limit: u64) -> Result<Option<u64>, Fault> {
    let headers = answer.headers();
    if headers.get(CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
        return Err(Fault::Compressed);
    }
    let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > limit) {
        return Err(Fault::TooLarge(limit));
    }
    Ok(length)
}

/// A body's next bytes; `None` at its end.
async fn piece(url: &Url, body: &mut Incoming) -> Result<Option<Bytes>, Fault> {
    loop {
        let frame = timeout(SILENCE_TIMEOUT, body.frame()).await.map_err(|_| Fault::Slow(url.authority()))?;
        let Some(frame) = frame else { return Ok(None) };
        let frame = frame.map_err(|source| Fault::Http { server: url.authority(), source })?;
        // Trailers are nobody's bytes.
        if let Ok(data) = frame.into_data() {
            return Ok(Some(data));
        }
    }
}

/// The bytes of `range` of a whole file.
pub(crate) fn part(body: Bytes, range: Option<ByteRange>) -> Result<Bytes, Fault> {
    wanted(body, range, false)
}

/// The bytes of `range`, which some servers answer with the whole file.
fn wanted(body: Bytes, range: Option<ByteRange>, is_part: bool) -> Result<Bytes, Fault> {
    let Some(ByteRange { start, length }) = range else {
        return Ok(body);
    };
    let start = if is_part { 0 } else { start };
    let end = start.checked_add(length).filter(|end| *end <= body.len() as u64).ok_or(Fault::WrongRange)?;
    Ok(body.slice(start as usize..end as usize))
}

#[cfg(test)]
pub(crate) mod tests;
