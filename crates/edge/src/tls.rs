//! TLS 1.2 and 1.3 in front of viewers' connections: the handshake, and what every session shares.

pub(crate) mod acme;
pub(crate) mod certificate;

use std::io;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::server::{AcceptedAlert, Acceptor, NoServerSessionStorage, ResolvesServerCert};
use rustls::{CipherSuite, ServerConfig};
use tokio::net::TcpStream;

use crate::counters::{Counters, Session};
use crate::transport::Transport;

/// Protocols the edge speaks over TLS on TCP, in the order it prefers them (RFC 7301).
const OFFERED: [Protocol; 2] = [Protocol::Http2, Protocol::Http1];

/// What is spoken on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// HTTP/1.1, which is also what is spoken where a client agreed on nothing.
    Http1,
    /// HTTP/2.
    Http2,
    /// HTTP/3.
    Http3,
}

impl Protocol {
    pub(crate) const ALL: [Protocol; 3] = [Protocol::Http1, Protocol::Http2, Protocol::Http3];

    /// Its name in ALPN and in metrics.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Protocol::Http1 => "http/1.1",
            Protocol::Http2 => "h2",
            Protocol::Http3 => "h3",
        }
    }
}

/// What the sessions of one edge share.
#[derive(Debug)]
pub(crate) struct Acceptance {
    /// For clients that compute AES in hardware: they name it first.
    aes: Arc<ServerConfig>,
    /// For clients that do not.
    chacha: Arc<ServerConfig>,
}

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("the connection broke")]
    Io(#[from] io::Error),
    #[error("the handshake failed")]
    Tls(#[from] rustls::Error),
}

impl Acceptance {
    /// Sessions with the certificate that `identity` gives when they begin.
    pub(crate) fn new(identity: Arc<dyn ResolvesServerCert>) -> Result<Acceptance, rustls::Error> {
        // Tickets hold a session's state, encrypted, so that the edge need not (RFC 8446 §2.2).
        let ticketer = ring::Ticketer::new()?;
        let config = |rank: fn(Cipher) -> u8| {
            let mut provider = ring::default_provider();
            provider.cipher_suites.sort_by_key(|suite| rank(cipher(suite.suite())));
            let mut config = ServerConfig::builder_with_provider(Arc::new(provider))
                .with_safe_default_protocol_versions()?
                .with_no_client_auth()
                .with_cert_resolver(identity.clone());
            config.ignore_client_order = true;
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.ticketer = ticketer.clone();
            config.send_tls13_tickets = 1;
            config.alpn_protocols = OFFERED.map(|protocol| protocol.label().into()).into();
            Ok::<_, rustls::Error>(Arc::new(config))
        };
        Ok(Acceptance {
            aes: config(|cipher| match cipher {
                Cipher::Aes128 => 0,
                Cipher::Aes256 => 1,
                Cipher::ChaCha20 => 2,
            })?,
            chacha: config(|cipher| match cipher {
                Cipher::ChaCha20 => 0,
                Cipher::Aes128 => 1,
                Cipher::Aes256 => 2,
            })?,
        })
    }

    /// Shakes hands; the caller bounds the time.
    pub(crate) async fn accept(
        &self,
        tcp: TcpStream,
        counters: &Counters,
    ) -> Result<(Transport, Protocol), Fault> {
        let mut acceptor = Acceptor::default();
        let accepted = loop {
            tcp.readable().await?;
            match acceptor.read_tls(&mut Incoming(&tcp)) {
                Ok(0) => return Err(Fault::Io(io::ErrorKind::UnexpectedEof.into())),
                Ok(_) => {}
                Err(fault) if fault.kind() == io::ErrorKind::WouldBlock => continue,
                Err(fault) => return Err(fault.into()),
            }
            match acceptor.accept() {
                Ok(None) => {}
                Ok(Some(accepted)) => break accepted,
                Err((fault, alert)) => return Err(refuse(&tcp, fault, alert)),
            }
        };
        let config =
            if prefers_chacha(accepted.client_hello().cipher_suites()) { &self.chacha } else { &self.aes };
        let session = match accepted.into_connection(config.clone()) {
            Ok(session) => session,
            Err((fault, alert)) => return Err(refuse(&tcp, fault, alert)),
        };
        let mut transport = Transport::tls(tcp, session);
        transport.shake_hands().await?;
        counters.tls_session(if transport.is_resumed() { Session::Resumed } else { Session::Full });
        let agreed = transport.agreed_protocol();
        let protocol = OFFERED.into_iter().find(|protocol| agreed == Some(protocol.label().as_bytes()));
        Ok((transport, protocol.unwrap_or(Protocol::Http1)))
    }
}

/// TLS inside QUIC: version 1.3 alone (RFC 9001 §4.2).
pub(crate) fn quic_config(shown: Arc<dyn ResolvesServerCert>) -> Result<ServerConfig, rustls::Error> {
    let provider = Arc::new(ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_no_client_auth()
        .with_cert_resolver(shown);
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.ticketer = ring::Ticketer::new()?;
    config.send_tls13_tickets = 1;
    config.alpn_protocols = vec![Protocol::Http3.label().into()];
    Ok(config)
}

/// What a suite encrypts with. Each is strong enough for anybody; they differ in what they cost whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cipher {
    Aes128,
    Aes256,
    ChaCha20,
}

fn cipher(suite: CipherSuite) -> Cipher {
    use CipherSuite as Suite;
    match suite {
        Suite::TLS13_CHACHA20_POLY1305_SHA256
        | Suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256
        | Suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 => Cipher::ChaCha20,
        Suite::TLS13_AES_256_GCM_SHA384
        | Suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384
        | Suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 => Cipher::Aes256,
        _ => Cipher::Aes128,
    }
}

/// Whether a client names ChaCha20 first, as those do that have no AES in hardware.
fn prefers_chacha(offered: &[CipherSuite]) -> bool {
    // What is not known may be there to keep servers tolerant (RFC 8701).
    let known =
        offered.iter().find(|suite| ring::ALL_CIPHER_SUITES.iter().any(|ours| ours.suite() == **suite));
    known.is_some_and(|suite| cipher(*suite) == Cipher::ChaCha20)
}

fn refuse(tcp: &TcpStream, fault: rustls::Error, mut alert: AcceptedAlert) -> Fault {
    let mut bytes = Vec::new();
    if alert.write_all(&mut bytes).is_ok() {
        // A client that does not take it has gone.
        let _ = tcp.try_write(&bytes);
    }
    Fault::Tls(fault)
}

struct Incoming<'a>(&'a TcpStream);

impl io::Read for Incoming<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(room)
    }
}
