//! Connections to servers that may be called.

use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use hyper::body::Body;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use playlist::{Scheme, Url};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::address::{Reach, Unreachable, resolve};

/// How long a connection may take, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// No address may be called.
    #[error(transparent)]
    Unreachable(#[from] Unreachable),
    /// Nobody listens there, or with no certificate that holds.
    #[error("connect to {server}: {source}")]
    Connect {
        /// Whom.
        server: String,
        /// How that failed.
        source: io::Error,
    },
    /// No certificate can be judged.
    #[error("this system has no certificate authorities (Debian: package ca-certificates)")]
    NoAuthorities,
    /// No answer in time.
    #[error("{0} does not answer in time")]
    Slow(String),
    /// It speaks something else.
    #[error("{server} breaks HTTP: {source}")]
    Http {
        /// Who.
        server: String,
        /// What is wrong.
        source: hyper::Error,
    },
}

/// An HTTP/1.1 connection to the server of `url`, at an address that `reach` allows; within ten seconds. It ends when it is dropped.
pub async fn connect<B>(url: &Url, reach: Reach) -> Result<SendRequest<B>, Fault>
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let address = resolve(url.host(), url.port(), reach).await?;
    let server = url.authority();
    let fault = |source| Fault::Connect { server: server.clone(), source };
    let open = async {
        let tcp = TcpStream::connect(address).await.map_err(fault)?;
        match url.scheme() {
            Scheme::Http => speak(tcp, &server).await,
            Scheme::Https => {
                let name = ServerName::try_from(url.host().to_owned())
                    .map_err(|_| fault(io::Error::other("no certificate can be for this host")))?;
                let connector = TlsConnector::from(trust().ok_or(Fault::NoAuthorities)?);
                speak(connector.connect(name, tcp).await.map_err(fault)?, &server).await
            }
        }
    };
    timeout(CONNECT_TIMEOUT, open).await.map_err(|_| Fault::Slow(url.authority()))?
}

async fn speak<S, B>(stream: S, server: &str) -> Result<SendRequest<B>, Fault>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let http = |source| Fault::Http { server: server.to_owned(), source };
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(http)?;
    // It ends when the sender is dropped; what goes wrong the request tells.
    tokio::spawn(async move {
        let _ = connection.await;
    });
    Ok(sender)
}

/// How to be a client of whoever the system's authorities vouch for; `None` where it has none.
pub fn trust() -> Option<Arc<ClientConfig>> {
    static TRUST: OnceLock<Option<Arc<ClientConfig>>> = OnceLock::new();
    TRUST
        .get_or_init(|| {
            let mut roots = RootCertStore::empty();
            // What cannot be read is as good as not there.
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if roots.is_empty() {
                return None;
            }
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let client = ClientConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .expect("ring knows TLS 1.2 and 1.3")
                .with_root_certificates(roots)
                .with_no_client_auth();
            Some(Arc::new(client))
        })
        .clone()
}
