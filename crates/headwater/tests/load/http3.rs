//! Viewers over HTTP/3, with a client of quinn and h3.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::{Buf, Bytes};
use h3::client::SendRequest;
use h3::error::StreamError;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::HANG;

/// UDP sockets on the viewers' side. Several viewers share one, as those behind an address translator share an address: what
/// the system joins on arrival then belongs to connections of different ages.
const SOCKETS: usize = 8;

/// Where viewers come in.
pub(crate) struct Door {
    edge: SocketAddr,
    sockets: Vec<quinn::Endpoint>,
    opened: Arc<AtomicUsize>,
}

/// One viewer, on one connection for as long as the edge keeps it.
pub(crate) struct Client {
    edge: SocketAddr,
    socket: quinn::Endpoint,
    opened: Arc<AtomicUsize>,
    connection: Option<Connection>,
}

struct Connection {
    requests: SendRequest<h3_quinn::OpenStreams, Bytes>,
}

impl Door {
    /// At `edge`, which shows `certificate`.
    pub(crate) fn new(edge: SocketAddr, certificate: &Path) -> Door {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(certificate).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = rustls::ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"h3".to_vec()];
        let crypto = quinn::crypto::rustls::QuicClientConfig::try_from(config).unwrap();
        let config = quinn::ClientConfig::new(Arc::new(crypto));
        let socket = || {
            let mut socket = quinn::Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
            socket.set_default_client_config(config.clone());
            socket
        };
        Door { edge, sockets: (0..SOCKETS).map(|_| socket()).collect(), opened: Arc::default() }
    }

    pub(crate) fn client(&self, viewer: usize) -> Client {
        let (socket, opened) = (self.sockets[viewer % SOCKETS].clone(), self.opened.clone());
        Client { edge: self.edge, socket, opened, connection: None }
    }

    /// Connections made so far.
    pub(crate) fn connections(&self) -> usize {
        self.opened.load(Ordering::Relaxed)
    }
}

impl Client {
    /// One request: the length of its body. A connection whose GOAWAY has come gets no more requests; nothing is tried again.
    pub(crate) async fn ask(&mut self, path: &str) -> Result<usize, String> {
        loop {
            let age = if self.connection.is_some() { "kept" } else { "new" };
            let told = |what: String| format!("{path} on a {age} connection: {what}");
            let connection = match &mut self.connection {
                Some(kept) => kept,
                None => {
                    let made = tokio::time::timeout(HANG, Connection::make(&self.socket, self.edge)).await;
                    self.opened.fetch_add(1, Ordering::Relaxed);
                    self.connection.insert(made.map_err(|_| told("hangs".to_owned()))?.map_err(told)?)
                }
            };
            match tokio::time::timeout(HANG, connection.ask(path)).await {
                Ok(Ok(Some(len))) => return Ok(len),
                Ok(Ok(None)) => self.connection = None,
                Ok(Err(fault)) => {
                    self.connection = None;
                    return Err(told(fault));
                }
                Err(_) => {
                    self.connection = None;
                    return Err(told("hangs".to_owned()));
                }
            }
        }
    }
}

impl Connection {
    async fn make(socket: &quinn::Endpoint, edge: SocketAddr) -> Result<Connection, String> {
        let connecting = socket.connect(edge, "localhost").map_err(|fault| fault.to_string())?;
        let quic = connecting.await.map_err(|fault| format!("connect: {fault}"))?;
        let made = h3::client::new(h3_quinn::Connection::new(quic)).await;
        let (mut driver, requests) = made.map_err(|fault| format!("connect: {fault}"))?;
        tokio::spawn(async move {
            let _ = std::future::poll_fn(|cx| driver.poll_close(cx)).await;
        });
        Ok(Connection { requests })
    }

    /// None: the edge takes no more requests here, and has not been asked.
    async fn ask(&mut self, path: &str) -> Result<Option<usize>, String> {
        let request = http::Request::get(format!("https://localhost{path}")).body(()).unwrap();
        let mut stream = match self.requests.send_request(request).await {
            Ok(stream) => stream,
            Err(StreamError::RemoteClosing { .. }) => return Ok(None),
            Err(fault) => return Err(format!("send: {fault}")),
        };
        let answered = async {
            stream.finish().await?;
            let head = stream.recv_response().await?;
            let mut len = 0;
            while let Some(piece) = stream.recv_data().await? {
                len += piece.remaining();
            }
            Ok::<_, StreamError>((head.status(), len))
        };
        match answered.await {
            Ok((http::StatusCode::OK, len)) => Ok(Some(len)),
            Ok((status, _)) => Err(status.to_string()),
            Err(fault) => Err(fault.to_string()),
        }
    }
}
