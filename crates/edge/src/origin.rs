//! The edge as a client: one GET at a time over kept connections, with a limit on every wait.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, HOST, IF_MODIFIED_SINCE, IF_NONE_MATCH, VIA};
use http::{HeaderValue, Request, Response};
use http_body_util::{BodyExt, Empty};
use http_cache::conditional::Validators;
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use spec::{OriginUrl, Scheme};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::config::Limits;

/// Connections kept for reuse, a thread.
const MAX_KEPT: usize = 64;
/// How long one is kept unused; shorter than most servers' patience.
const KEEP_TIME: Duration = Duration::from_secs(10);
/// Read buffer of a connection to the origin, in bytes.
const READ_BUFFER: usize = 64 * 1024;

type Connection = SendRequest<Empty<Bytes>>;

/// Where the edge fetches.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    /// Host and port to connect to.
    address: (String, u16),
    host: HeaderValue,
    prefix: String,
}

/// An origin that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("origin `{url}`: {fault}")]
pub struct OriginError {
    url: String,
    fault: &'static str,
}

impl Origin {
    pub(crate) fn new(url: &OriginUrl) -> Result<Origin, OriginError> {
        if url.scheme == Scheme::Https {
            let fault = "TLS to the origin is not implemented; use http://";
            return Err(OriginError { url: url.to_string(), fault });
        }
        let host = HeaderValue::from_str(&url.authority()).expect("an authority is made of visible ASCII");
        Ok(Origin { address: (url.host.clone(), url.port), host, prefix: url.prefix.clone() })
    }
}

/// One thread's connections to the origin.
#[derive(Debug)]
pub(crate) struct Client {
    origin: Origin,
    kept: Mutex<Vec<(Connection, Instant)>>,
}

/// Why a fetch brought no head, or no end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    #[error("connect to the origin")]
    Connect(#[source] std::io::Error),
    #[error("the origin did not accept a connection in {0:?}")]
    ConnectTimeout(Duration),
    #[error("speak HTTP with the origin")]
    Http(#[from] hyper::Error),
    #[error("no answer from the origin in {0:?}")]
    FirstByteTimeout(Duration),
    #[error("nothing more from the origin in {0:?}")]
    BodyTimeout(Duration),
}

impl FetchError {
    pub(crate) fn is_timeout(&self) -> bool {
        match self {
            FetchError::FirstByteTimeout(_) | FetchError::BodyTimeout(_) | FetchError::ConnectTimeout(_) => {
                true
            }
            FetchError::Connect(_) | FetchError::Http(_) => false,
        }
    }
}

/// An answer whose head has come.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) head: http::response::Parts,
    body: Incoming,
    connection: Option<Connection>,
}

impl Client {
    pub(crate) fn new(origin: Origin) -> Client {
        Client { origin, kept: Mutex::default() }
    }

    /// Fetches a canonical target; with validators, only if it changed. Nothing of the viewer's request goes along.
    pub(crate) async fn get(
        &self,
        target: &str,
        known: Option<Validators<'_>>,
        limits: &Limits,
    ) -> Result<Reply, FetchError> {
        let patience = if target.contains("_HLS_msn=") {
            limits.blocking_first_byte_time
        } else {
            limits.first_byte_time
        };
        let deadline = Instant::now() + patience;
        let request = || {
            let mut request = Request::get(format!("{}{target}", self.origin.prefix))
                .header(HOST, &self.origin.host)
                .header(ACCEPT_ENCODING, "identity")
                .header(VIA, "1.1 headwater");
            if let Some(etag) = known.and_then(|known| known.etag) {
                request = request.header(IF_NONE_MATCH, etag);
            }
            if let Some(date) = known.and_then(|known| known.last_modified) {
                request = request.header(IF_MODIFIED_SINCE, date);
            }
            request.body(Empty::new()).expect("a canonical target and the origin's own validators are valid")
        };
        if let Some(mut kept) = self.take_kept() {
            match answer(&mut kept, request(), deadline, patience).await {
                // The origin closed it while it lay here; a GET may be sent again (RFC 9110 §9.2.2).
                Err(FetchError::Http(fault)) if is_stale_connection(&fault) => {}
                other => return Ok(Reply::new(other?, kept)),
            }
        }
        let mut connection = self.connect(limits.connect_time).await?;
        let response = answer(&mut connection, request(), deadline, patience).await?;
        Ok(Reply::new(response, connection))
    }

    async fn connect(&self, patience: Duration) -> Result<Connection, FetchError> {
        let stream =
            timeout(patience, TcpStream::connect((self.origin.address.0.as_str(), self.origin.address.1)))
                .await
                .map_err(|_| FetchError::ConnectTimeout(patience))?
                .map_err(FetchError::Connect)?;
        stream.set_nodelay(true).map_err(FetchError::Connect)?;
        let (sender, connection) =
            http1::Builder::new().max_buf_size(READ_BUFFER).handshake(TokioIo::new(stream)).await?;
        tokio::spawn(async move {
            // Its faults reach whoever waits for the answer.
            let _ = connection.await;
        });
        Ok(sender)
    }

    fn take_kept(&self) -> Option<Connection> {
        let mut kept = self.kept();
        while let Some((connection, since)) = kept.pop() {
            if since.elapsed() > KEEP_TIME {
                kept.clear();
            } else if !connection.is_closed() {
                return Some(connection);
            }
        }
        None
    }

    fn keep(&self, connection: Connection) {
        let mut kept = self.kept();
        if kept.len() < MAX_KEPT && !connection.is_closed() {
            kept.push((connection, Instant::now()));
        }
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Vec<(Connection, Instant)>> {
        self.kept.lock().expect("nothing panics while it holds the pool")
    }
}

impl Reply {
    fn new(response: Response<Incoming>, connection: Connection) -> Reply {
        let (head, body) = response.into_parts();
        Reply { head, body, connection: Some(connection) }
    }

    /// The body's length, where the origin told.
    pub(crate) fn declared_len(&self) -> Option<u64> {
        self.body.size_hint().exact()
    }

    /// Whether the body's end can be told from its breaking off: it has a length or is chunked.
    pub(crate) fn is_delimited(&self) -> bool {
        self.declared_len().is_some() || self.head.headers.contains_key(http::header::TRANSFER_ENCODING)
    }

    /// The next piece of the body; `None` at its end, when the connection goes back to `client`.
    pub(crate) async fn next(
        &mut self,
        client: &Client,
        patience: Duration,
    ) -> Result<Option<Bytes>, FetchError> {
        loop {
            let frame =
                timeout(patience, self.body.frame()).await.map_err(|_| FetchError::BodyTimeout(patience))?;
            match frame.transpose()?.map(|frame| frame.into_data()) {
                Some(Ok(bytes)) => return Ok(Some(bytes)),
                // Trailers.
                Some(Err(_)) => {}
                None => {
                    if let Some(connection) = self.connection.take() {
                        client.keep(connection);
                    }
                    return Ok(None);
                }
            }
        }
    }
}

async fn answer(
    connection: &mut Connection,
    request: Request<Empty<Bytes>>,
    deadline: Instant,
    patience: Duration,
) -> Result<Response<Incoming>, FetchError> {
    let answered = async {
        connection.ready().await?;
        connection.send_request(request).await
    };
    tokio::time::timeout_at(deadline.into(), answered)
        .await
        .map_err(|_| FetchError::FirstByteTimeout(patience))?
        .map_err(FetchError::Http)
}

fn is_stale_connection(fault: &hyper::Error) -> bool {
    fault.is_canceled() || fault.is_closed() || fault.is_incomplete_message() || is_reset(fault)
}

fn is_reset(fault: &hyper::Error) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionReset};
    std::error::Error::source(fault)
        .and_then(|source| source.downcast_ref::<std::io::Error>())
        .is_some_and(|fault| matches!(fault.kind(), ConnectionReset | BrokenPipe))
}
