//! One origin as a thread's client of it: one GET at a time over kept connections, with a limit on every wait.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, HOST, IF_MODIFIED_SINCE, IF_NONE_MATCH, VIA};
use http::response::Parts;
use http::{HeaderName, HeaderValue, Request, Response};
use http_body_util::{BodyExt, Empty};
use http_cache::conditional::Validators;
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use socket2::TcpKeepalive;
use spec::{OriginUrl, Scheme};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::config::Limits;
use crate::trust::{Trust, TrustError};

/// Connections kept for reuse, a thread and origin.
const MAX_KEPT: usize = 64;
/// How long one is kept unused; shorter than most servers' patience.
const KEEP_TIME: Duration = Duration::from_secs(10);
/// A connection that waits for an answer is asked so often whether its other end lives,
const ALIVE_PERIOD: Duration = Duration::from_secs(1);
/// and is broken off when so many have brought no sign.
const ALIVE_TRIES: u32 = 4;
/// Read buffer of a connection to the origin, in bytes. All of it from the first read on: each piece that comes wakes every
/// viewer who waits for the object, so one that came whole should not be handed on in four.
const READ_BUFFER: usize = 64 * 1024;

type Connection = SendRequest<Empty<Bytes>>;

/// Where the edge fetches.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    /// Host and port to connect to.
    address: (String, u16),
    host: HeaderValue,
    prefix: String,
    tls: Option<Tls>,
    terms: Terms,
}

/// On which terms one origin is asked.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    /// Fields of every request, instead of the viewer's.
    pub(crate) fields: Vec<(HeaderName, HeaderValue)>,
    /// To connect, where not as the edge has it.
    pub(crate) connect_time: Option<Duration>,
    /// To connect, at least one.
    pub(crate) attempts: u8,
    /// To the head of an answer, at most.
    pub(crate) read_time: Option<Duration>,
    /// How long a connection is kept unused.
    pub(crate) keep_time: Duration,
}

impl Default for Terms {
    fn default() -> Terms {
        Terms { fields: Vec::new(), connect_time: None, attempts: 1, read_time: None, keep_time: KEEP_TIME }
    }
}

/// How it proves who it is.
#[derive(Clone)]
struct Tls {
    connector: TlsConnector,
    name: ServerName<'static>,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Tls").field(&self.name).finish()
    }
}

/// An origin that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OriginError {
    /// The edge was given none, or more than it can keep apart.
    #[error("an edge has 1 to 8 origins")]
    Count,
    /// Nothing could prove who the origin is.
    #[error("origin `{url}`")]
    Trust {
        /// The origin.
        url: Box<OriginUrl>,
        /// What is missing.
        #[source]
        source: Box<TrustError>,
    },
    /// A host that no certificate can be for.
    #[error("origin `{url}`: a certificate cannot be for this host")]
    Name {
        /// The origin.
        url: Box<OriginUrl>,
    },
}

impl Origin {
    /// `trust` is asked only where the origin is reached by TLS.
    pub(crate) fn new(url: &OriginUrl, trust: &mut Trust) -> Result<Origin, OriginError> {
        let tls = match url.scheme {
            Scheme::Http => None,
            Scheme::Https => {
                let fault = |source| OriginError::Trust { url: url.clone().into(), source: Box::new(source) };
                let source = trust.client().map_err(fault)?;
                let name = ServerName::try_from(url.host.clone())
                    .map_err(|_| OriginError::Name { url: url.clone().into() })?;
                Some(Tls { connector: TlsConnector::from(source), name })
            }
        };
        let host = HeaderValue::from_str(&url.authority()).expect("an authority is made of visible ASCII");
        let address = (url.host.clone(), url.port);
        Ok(Origin { address, host, prefix: url.prefix.clone(), tls, terms: Terms::default() })
    }

    /// The same on these terms.
    pub(crate) fn on(self, terms: Terms) -> Origin {
        Origin { terms, ..self }
    }
}

/// What is asked of an origin. Nothing of the viewer's request goes along but the edges it came through, and what a
/// distribution names.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ask<'a> {
    /// A canonical target.
    pub(crate) target: &'a str,
    /// Only if it changed.
    pub(crate) known: Option<Validators<'a>>,
    /// The viewer's fields that go along.
    pub(crate) fields: &'a [(HeaderName, HeaderValue)],
    /// The value of `Via`.
    pub(crate) via: &'a HeaderValue,
    /// From now to the head of the answer.
    pub(crate) patience: Duration,
}

/// Why a fetch brought no head, or no end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    #[error("connect to the origin")]
    Connect(#[source] io::Error),
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
    /// What this machine has no more of, where that is why there is no connection.
    pub(crate) fn shortage(&self) -> Option<&'static str> {
        match self {
            FetchError::Connect(fault) => daemon::shortage(fault),
            _ => None,
        }
    }

    pub(crate) fn is_timeout(&self) -> bool {
        match self {
            FetchError::FirstByteTimeout(_) | FetchError::BodyTimeout(_) | FetchError::ConnectTimeout(_) => {
                true
            }
            FetchError::Connect(_) | FetchError::Http(_) => false,
        }
    }
}

/// One thread's connections to one origin.
#[derive(Debug)]
pub(crate) struct Connections {
    origin: Arc<Origin>,
    kept: Mutex<Vec<(Connection, Instant)>>,
}

/// The rest of an answer whose head has come.
#[derive(Debug)]
pub(crate) struct Begun {
    body: Incoming,
    connection: Option<Connection>,
}

impl Connections {
    pub(crate) fn new(origin: Arc<Origin>) -> Connections {
        Connections { origin, kept: Mutex::default() }
    }

    /// Fetches.
    pub(crate) async fn get(&self, ask: Ask<'_>, limits: &Limits) -> Result<(Parts, Begun), FetchError> {
        let terms = &self.origin.terms;
        let patience = terms.read_time.map_or(ask.patience, |own| own.min(ask.patience));
        let deadline = Instant::now() + patience;
        let request = || {
            let mut request = Request::get(format!("{}{}", self.origin.prefix, ask.target))
                .header(HOST, &self.origin.host)
                .header(ACCEPT_ENCODING, "identity")
                .header(VIA, ask.via);
            if let Some(etag) = ask.known.and_then(|known| known.etag) {
                request = request.header(IF_NONE_MATCH, etag);
            }
            if let Some(date) = ask.known.and_then(|known| known.last_modified) {
                request = request.header(IF_MODIFIED_SINCE, date);
            }
            let mut request = request
                .body(Empty::new())
                .expect("a canonical target and the origin's own validators are valid");
            for (name, value) in ask.fields {
                request.headers_mut().append(name, value.clone());
            }
            for (name, value) in &terms.fields {
                request.headers_mut().insert(name, value.clone());
            }
            request
        };
        if let Some(mut kept) = self.take_kept() {
            match answer(&mut kept, request(), deadline, patience).await {
                // The origin closed it while it lay here; a GET may be sent again (RFC 9110 §9.2.2).
                Err(FetchError::Http(fault)) if is_stale_connection(&fault) => {}
                other => return Ok(Begun::new(other?, kept)),
            }
        }
        let mut connection = self.connect_in(terms.connect_time.unwrap_or(limits.connect_time)).await?;
        let response = answer(&mut connection, request(), deadline, patience).await?;
        Ok(Begun::new(response, connection))
    }

    /// Connects, each attempt in this time.
    async fn connect_in(&self, time: Duration) -> Result<Connection, FetchError> {
        let mut left = self.origin.terms.attempts;
        loop {
            left = left.saturating_sub(1);
            let connected = timeout(time, self.connect()).await;
            match connected.unwrap_or(Err(FetchError::ConnectTimeout(time))) {
                Err(_) if left > 0 => {}
                done => return done,
            }
        }
    }

    async fn connect(&self) -> Result<Connection, FetchError> {
        let (host, port) = &self.origin.address;
        let stream = TcpStream::connect((host.as_str(), *port)).await.map_err(FetchError::Connect)?;
        stream.set_nodelay(true).map_err(FetchError::Connect)?;
        // A machine that has gone says nothing, and one that may hold its answer is not expected to: the kernels ask.
        let socket = socket2::SockRef::from(&stream);
        let asking =
            TcpKeepalive::new().with_time(ALIVE_PERIOD).with_interval(ALIVE_PERIOD).with_retries(ALIVE_TRIES);
        socket.set_tcp_keepalive(&asking).map_err(FetchError::Connect)?;
        socket.set_tcp_user_timeout(Some(ALIVE_PERIOD * ALIVE_TRIES)).map_err(FetchError::Connect)?;
        match &self.origin.tls {
            None => handshake(stream).await,
            Some(Tls { connector, name }) => {
                let stream = connector.connect(name.clone(), stream).await.map_err(FetchError::Connect)?;
                handshake(stream).await
            }
        }
    }

    fn take_kept(&self) -> Option<Connection> {
        let mut kept = self.kept();
        while let Some((connection, since)) = kept.pop() {
            if since.elapsed() > self.origin.terms.keep_time {
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

impl Begun {
    fn new(response: Response<Incoming>, connection: Connection) -> (Parts, Begun) {
        let (head, body) = response.into_parts();
        (head, Begun { body, connection: Some(connection) })
    }

    /// The body's length, where the origin told.
    pub(crate) fn declared_len(&self) -> Option<u64> {
        self.body.size_hint().exact()
    }

    /// The next piece of the body; `None` at its end, when the connection goes back to `connections`.
    pub(crate) async fn next(
        &mut self,
        connections: &Connections,
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
                        connections.keep(connection);
                    }
                    return Ok(None);
                }
            }
        }
    }
}

async fn handshake(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) -> Result<Connection, FetchError> {
    let (sender, connection) =
        http1::Builder::new().read_buf_exact_size(Some(READ_BUFFER)).handshake(TokioIo::new(stream)).await?;
    tokio::spawn(async move {
        // Its faults reach whoever waits for the answer.
        let _ = connection.await;
    });
    Ok(sender)
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
        .and_then(|source| source.downcast_ref::<io::Error>())
        .is_some_and(|fault| matches!(fault.kind(), ConnectionReset | BrokenPipe))
}
