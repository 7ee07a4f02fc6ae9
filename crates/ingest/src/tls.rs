//! RTMPS: RTMP publishers by TLS.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use certificate::{CertificateError, Pair, Shown, reload};
use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::either::Either;

use crate::end::End;
use crate::transport::Socket;

/// How long a handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// The certificate publishers are shown.
#[derive(Clone, Debug)]
pub struct Tls {
    /// Where it lies; it is read again when it changes.
    pub pair: Pair,
    /// Folder in which one is made and kept, to be shown while there is none.
    pub folder: PathBuf,
}

impl Tls {
    /// How sessions begin. Call inside a tokio runtime.
    pub(crate) fn acceptor(self) -> Result<TlsAcceptor, CertificateError> {
        let seen = reload::stamps(&self.pair);
        let read = match self.pair.read() {
            // Somebody else's, which may come yet.
            Err(_) if !self.pair.certificate.exists() => {
                let own = Pair::self_made(&self.folder);
                own.make_once()?;
                tracing::warn!(
                    certificate = %own.certificate.display(),
                    "RTMPS with a certificate of our own making: publishers have to be told to take it"
                );
                own.read()
            }
            read => read,
        };
        let shown = Arc::new(Shown::new(read?));
        tokio::spawn(reload::watch(self.pair, seen, shown.clone(), |_| {}));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let server = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring knows TLS 1.2 and 1.3")
            .with_no_client_auth()
            .with_cert_resolver(shown);
        Ok(TlsAcceptor::from(Arc::new(server)))
    }
}

/// The handshake.
pub(crate) async fn shake_hands(acceptor: &TlsAcceptor, stream: TcpStream) -> Result<Socket, End> {
    match timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => Ok(Either::Right(Box::new(stream.into()))),
        Ok(Err(fault)) => Err(End::Tls(fault)),
        Err(_) => Err(End::Tls(std::io::ErrorKind::TimedOut.into())),
    }
}
