//! The edge over TLS, with clients of rustls and of OpenSSL.

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::{Answer, Edge, HANG, Origin, SEGMENT, body, ok};
use edge::{Certificate, Limits};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, HandshakeKind, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A client that trusts `certificate` alone.
fn client(certificate: &[u8], versions: &[&'static rustls::SupportedProtocolVersion]) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(certificate).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions).unwrap();
    TlsConnector::from(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
}

async fn connect(edge: &Edge, client: &TlsConnector) -> std::io::Result<TlsStream<TcpStream>> {
    let tcp = TcpStream::connect(edge.tls_address()).await?;
    client.connect(ServerName::try_from("localhost").unwrap(), tcp).await
}

async fn ask(edge: &Edge, client: &TlsConnector, request: &str) -> std::io::Result<Answer> {
    let mut stream = connect(edge, client).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    tokio::time::timeout(HANG, stream.read_to_end(&mut answer)).await.expect("the edge closes")?;
    Ok(Answer::read(&answer))
}

fn get(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
}

async fn self_made(origin: &Origin) -> (Edge, Vec<u8>) {
    let edge = Edge::with_tls(origin.address, Limits::default(), Certificate::SelfMade).await;
    let certificate = std::fs::read(edge.tls_folder().join("self-made.pem")).unwrap();
    (edge, certificate)
}

#[tokio::test]
async fn both_versions_carry_bodies_of_every_size_whole() {
    for size in [0, 10, 16_383, 16_385, 70_000, 3_000_000] {
        let whole = body(size);
        let origin = Origin::fixed(ok(SEGMENT, &whole)).await;
        let (edge, certificate) = self_made(&origin).await;
        for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
            let client = client(&certificate, &[version]);
            // The first fills the cache, the second is answered from it.
            for _ in 0..2 {
                let answer = ask(&edge, &client, &get("/a/b/1.m4s")).await.unwrap();
                assert_eq!((answer.status, answer.body == whole), (200, true), "{size} bytes by {version:?}");
            }
            let mut stream = connect(&edge, &client).await.unwrap();
            let pipelined =
                format!("{}{}", get("/a/b/1.m4s").replace("close", "keep-alive"), get("/a/b/1.m4s"));
            stream.write_all(pipelined.as_bytes()).await.unwrap();
            let mut answers = Vec::new();
            stream.read_to_end(&mut answers).await.unwrap();
            assert_eq!(
                answers.windows(whole.len().max(15)).filter(|w| w.starts_with(b"HTTP/1.1 200 OK")).count(),
                2
            );
            assert!(answers.ends_with(&whole));
        }
    }
}

#[tokio::test]
async fn the_second_session_of_a_client_is_resumed_from_its_ticket() {
    let origin = Origin::fixed(ok(SEGMENT, b"x")).await;
    let (edge, certificate) = self_made(&origin).await;
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let client = client(&certificate, &[version]);
        for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
            let mut stream = connect(&edge, &client).await.unwrap();
            stream.write_all(get("/a").as_bytes()).await.unwrap();
            stream.read_to_end(&mut Vec::new()).await.unwrap();
            assert_eq!(stream.get_ref().1.handshake_kind(), Some(kind), "{version:?}");
        }
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_does_not_end_as_a_whole_one_does() {
    let origin = Origin::start(|_, mut stream| async move {
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
            .await
            .ok()?;
        None
    })
    .await;
    let (edge, certificate) = self_made(&origin).await;
    let client = client(&certificate, rustls::ALL_VERSIONS);
    ask(&edge, &client, &get("/a")).await.expect_err("cut, not closed");
}

#[tokio::test]
async fn who_does_not_shake_hands_in_time_is_let_go() {
    let origin = Origin::fixed(ok(SEGMENT, b"x")).await;
    let limits = Limits { head_time: Duration::from_millis(200), ..Limits::default() };
    let edge = Edge::with_tls(origin.address, limits, Certificate::SelfMade).await;
    // Nothing, and a record that never becomes whole.
    for begin in [&b""[..], &[22, 3, 1, 2, 0, 1]] {
        let mut stream = TcpStream::connect(edge.tls_address()).await.unwrap();
        stream.write_all(begin).await.unwrap();
        tokio::time::timeout(HANG, stream.read_to_end(&mut Vec::new())).await.expect("closed").unwrap();
    }
    edge.metric_reaches("headwater_edge_closed_total{reason=\"head_time\"}", 2).await;
}

/// A ClientHello of a version before TLS 1.2 (RFC 4346 §7.4.1.2), with suites of then, and signature algorithms: without
/// them it would be refused for another reason.
fn old_client_hello(minor: u8) -> Vec<u8> {
    let mut hello = vec![3, minor];
    hello.extend([7; 32]);
    hello.extend([0, 0, 4, 0xc0, 0x13, 0x00, 0x2f, 1, 0]);
    hello.extend([0, 10, 0, 13, 0, 6, 0, 4, 4, 1, 4, 3]);
    let mut record = vec![22, 3, minor, 0, hello.len() as u8 + 4, 1, 0, 0, hello.len() as u8];
    record.extend(hello);
    record
}

#[tokio::test]
async fn who_leaves_in_the_middle_of_the_handshake_costs_nobody_else() {
    let origin = Origin::fixed(ok(SEGMENT, b"x")).await;
    let (edge, certificate) = self_made(&origin).await;
    let client = client(&certificate, rustls::DEFAULT_VERSIONS);
    let mut hello = Vec::new();
    let server = ServerName::try_from("localhost").unwrap();
    rustls::ClientConnection::new(client.config().clone(), server).unwrap().write_tls(&mut hello).unwrap();
    // More of them than there are serving threads: browsers do this all the time.
    for sent in [&hello[..], &hello[..hello.len() / 2], &[], &hello[..]].repeat(3) {
        let mut tcp = TcpStream::connect(edge.tls_address()).await.unwrap();
        tcp.write_all(sent).await.unwrap();
        tcp.shutdown().await.unwrap();
        // The edge has seen the end once it ends, too.
        let _ = tokio::time::timeout(HANG, tcp.read_to_end(&mut Vec::new())).await.expect("the edge lets go");
    }
    assert_eq!(ask(&edge, &client, &get("/a/b/1.m4s")).await.unwrap().status, 200);
}

#[tokio::test]
async fn versions_before_1_2_are_refused_with_an_alert() {
    let origin = Origin::fixed(ok(SEGMENT, b"x")).await;
    let (edge, _) = self_made(&origin).await;
    for minor in [0, 1, 2] {
        let mut stream = TcpStream::connect(edge.tls_address()).await.unwrap();
        stream.write_all(&old_client_hello(minor)).await.unwrap();
        let mut answer = Vec::new();
        tokio::time::timeout(HANG, stream.read_to_end(&mut answer)).await.expect("closed").unwrap();
        // A fatal alert: protocol_version (RFC 5246 §7.2.2).
        assert_eq!((answer[0], &answer[5..]), (21, &[2, 70][..]), "3.{minor}: {answer:?}");
    }
    edge.metric_reaches("headwater_edge_closed_total{reason=\"tls_handshake\"}", 3).await;
}

#[tokio::test]
async fn a_certificate_is_exchanged_while_connections_live_and_a_bad_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    let make = || rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (first, second) = (make(), make());
    std::fs::write(&certificate, first.cert.pem()).unwrap();
    std::fs::write(&key, first.signing_key.serialize_pem()).unwrap();

    let origin = Origin::fixed(ok(SEGMENT, b"hello")).await;
    let files = Certificate::Files { certificate: certificate.clone(), key: key.clone() };
    let edge = Edge::with_tls(origin.address, Limits::default(), files).await;
    let old = client(first.cert.pem().as_bytes(), rustls::ALL_VERSIONS);
    let new = client(second.cert.pem().as_bytes(), rustls::ALL_VERSIONS);
    let mut living = connect(&edge, &old).await.unwrap();
    assert!(connect(&edge, &new).await.is_err());

    // A certificate without its key: refused, and the old pair stays.
    std::fs::write(&certificate, second.cert.pem()).unwrap();
    edge.metric_reaches("headwater_edge_certificates_total{result=\"refused\"}", 1).await;
    connect(&edge, &old).await.unwrap();

    std::fs::write(&key, second.signing_key.serialize_pem()).unwrap();
    edge.metric_reaches("headwater_edge_certificates_total{result=\"shown\"}", 1).await;
    assert_eq!(ask(&edge, &new, &get("/a")).await.unwrap().body, b"hello");
    living.write_all(get("/a").as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    living.read_to_end(&mut answer).await.unwrap();
    assert_eq!(Answer::read(&answer).body, b"hello");
}

#[tokio::test]
async fn a_key_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let origin = Origin::fixed(ok(SEGMENT, b"x")).await;
    let (edge, _) = self_made(&origin).await;
    let mode = std::fs::metadata(edge.tls_folder().join("self-made-key.pem")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn a_reader_that_stops_is_evicted_over_tls_too() {
    let origin = Origin::fixed(ok(SEGMENT, &body(20_000_000))).await;
    let limits = Limits { pace_window: Duration::from_millis(500), ..Limits::default() };
    let edge = Edge::with_tls(origin.address, limits, Certificate::SelfMade).await;
    let certificate = std::fs::read(edge.tls_folder().join("self-made.pem")).unwrap();
    let client = client(&certificate, rustls::ALL_VERSIONS);
    let mut stream = connect(&edge, &client).await.unwrap();
    stream.write_all(get("/a").as_bytes()).await.unwrap();
    edge.metric_reaches("headwater_edge_closed_total{reason=\"slow_reader\"}", 1).await;
}

#[tokio::test]
async fn openssl_shakes_hands_and_reads_an_answer() {
    let origin = Origin::fixed(ok(SEGMENT, &body(200_000))).await;
    let (edge, _) = self_made(&origin).await;
    for version in ["--tlsv1.2", "--tlsv1.3"] {
        let maximum = version.replace("--tlsv", "");
        let output = tokio::process::Command::new("curl")
            .args(["-sS", "--http1.1", version, "--tls-max", &maximum, "-m", "20", "--cacert"])
            .arg(edge.tls_folder().join("self-made.pem"))
            .arg(format!("https://localhost:{}/a", edge.tls_address().port()))
            .output()
            .await
            .expect("curl is installed (`scripts/packages run test`)");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.stdout, body(200_000));
    }
}
