//! A certificate from a real ACME server: Pebble, with a DNS server of its own that knows every name as 127.0.0.1.

mod common;

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use common::{Edge, Origin, SEGMENT, ok};
use edge::{Acme, Certificate, Limits};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// A process that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(program: &str, arguments: &[&str]) -> Running {
    let spawned = Command::new(program)
        .args(arguments)
        .env("PEBBLE_VA_NOSLEEP", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    Running(spawned.unwrap_or_else(|fault| panic!("{program} (`scripts/packages run peers`): {fault}")))
}

/// A port nobody has now.
fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Pebble, which looks for proofs at `http_port`.
struct Authority {
    directory: String,
    ca: std::path::PathBuf,
    _processes: [Running; 2],
}

impl Authority {
    fn start(folder: &Path, http_port: u16) -> Authority {
        let (api, management, dns, dns_management) = (free(), free(), free(), free());
        let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let (certificate, key) = (folder.join("pebble.pem"), folder.join("pebble-key.pem"));
        std::fs::write(&certificate, own.cert.pem()).unwrap();
        std::fs::write(&key, own.signing_key.serialize_pem()).unwrap();
        let config = folder.join("pebble.json");
        let text = format!(
            r#"{{"pebble": {{"listenAddress": "{api}", "managementListenAddress": "{management}",
                "certificate": "{}", "privateKey": "{}", "httpPort": {http_port}, "tlsPort": 5001,
                "ocspResponderURL": "", "externalAccountBindingRequired": false}}}}"#,
            certificate.display(),
            key.display()
        );
        std::fs::write(&config, text).unwrap();
        let names = start(
            "pebble-challtestsrv",
            &[
                "-defaultIPv4=127.0.0.1",
                "-defaultIPv6=",
                &format!("-dns01={dns}"),
                "-http01=",
                "-https01=",
                "-tlsalpn01=",
                &format!("-management={dns_management}"),
            ],
        );
        let pebble = start("pebble", &["-config", config.to_str().unwrap(), "-dnsserver", &dns.to_string()]);
        let directory = format!("https://localhost:{}/dir", api.port());
        Authority { directory, ca: certificate, _processes: [names, pebble] }
    }
}

/// What the edge shows to who asks for `name`.
async fn shown(edge: &Edge, name: &str) -> CertificateDer<'static> {
    #[derive(Debug)]
    struct Anything(rustls::crypto::CryptoProvider);
    impl rustls::client::danger::ServerCertVerifier for Anything {
        fn verify_server_cert(
            &self,
            _: &CertificateDer<'_>,
            _: &[CertificateDer<'_>],
            _: &ServerName<'_>,
            _: &[u8],
            _: rustls::pki_types::UnixTime,
        ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
            Ok(rustls::client::danger::ServerCertVerified::assertion())
        }
        fn verify_tls12_signature(
            &self,
            message: &[u8],
            certificate: &CertificateDer<'_>,
            signature: &rustls::DigitallySignedStruct,
        ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
            let known = &self.0.signature_verification_algorithms;
            rustls::crypto::verify_tls12_signature(message, certificate, signature, known)
        }
        fn verify_tls13_signature(
            &self,
            message: &[u8],
            certificate: &CertificateDer<'_>,
            signature: &rustls::DigitallySignedStruct,
        ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
            let known = &self.0.signature_verification_algorithms;
            rustls::crypto::verify_tls13_signature(message, certificate, signature, known)
        }
        fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
            self.0.signature_verification_algorithms.supported_schemes()
        }
    }
    let provider = rustls::crypto::ring::default_provider();
    let config = rustls::ClientConfig::builder_with_provider(Arc::new(provider.clone()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anything(provider)))
        .with_no_client_auth();
    let tcp = TcpStream::connect(edge.tls_address()).await.unwrap();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let stream = TlsConnector::from(Arc::new(config)).connect(name, tcp).await.unwrap();
    stream.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned()
}

#[tokio::test]
async fn a_certificate_is_asked_for_proved_shown_and_kept() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let origin = Origin::fixed(ok(SEGMENT, b"x")).await;
    let listener = common::listener();
    let authority = Authority::start(folder.path(), listener.local_addr().unwrap().port());
    let acme = Certificate::Acme(Acme {
        domains: vec!["live.example.org".to_owned(), "www.example.org".to_owned()],
        contact: Some("mailto:you@example.org".to_owned()),
        directory: authority.directory.clone(),
        directory_ca: Some(authority.ca.clone()),
    });
    // Pebble must listen before the edge asks: its next attempt would be a minute later.
    let api = authority.directory.trim_start_matches("https://").trim_end_matches("/dir").to_owned();
    while TcpStream::connect(&api).await.is_err() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let edge = Edge::with_certificate(listener, origin.address, Limits::default(), acme).await;
    edge.metric_reaches("headwater_edge_certificates_total{result=\"shown\"}", 1).await;

    let kept = std::fs::read(edge.tls_folder().join("acme.pem")).unwrap();
    assert_eq!(shown(&edge, "live.example.org").await, CertificateDer::from_pem_slice(&kept).unwrap());
    for secret in ["acme-key.pem", "acme.json"] {
        let mode = std::fs::metadata(edge.tls_folder().join(secret)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{secret}");
    }
    // Proofs are not the origin's to give, and are gone with their order.
    assert!(origin.heads().iter().all(|head| !head.contains("acme-challenge")), "{:?}", origin.heads());
}
