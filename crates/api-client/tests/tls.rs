//! An API behind TLS.

use std::path::Path;
use std::sync::Arc;

use api_client::{Client, Command, Error, Screen, Target, Whose, run};
use clap::Parser;
use identity::Secret;
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

#[derive(Debug, Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// Answers one call over TLS with an empty list, for `localhost`; gives its URL, and its certificate in `file`.
async fn serving(file: &Path) -> String {
    let params = rcgen::CertificateParams::new(["localhost".to_owned()]).expect("a name");
    let pair = rcgen::KeyPair::generate().expect("a key");
    let certificate = params.self_signed(&pair).expect("signed");
    std::fs::write(file, certificate.pem()).expect("written");
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(pair.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .expect("they belong together");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a client");
        let Ok(mut stream) = acceptor.accept(stream).await else { return };
        let mut asked = vec![0; 8192];
        let length = stream.read(&mut asked).await.expect("a request");
        let asked = String::from_utf8_lossy(&asked[..length]).to_lowercase();
        assert!(asked.contains(&format!("host: localhost:{port}")), "{asked}");
        assert!(asked.contains("authorization: aws4-hmac-sha256") && !asked.contains("a-secret"), "{asked}");
        let answer = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 24\r\n\r\n{\"items\":[],\"next\":null}";
        stream.write_all(answer.as_bytes()).await.expect("answered");
        let _ = stream.shutdown().await;
    });
    format!("https://localhost:{port}")
}

async fn ask(url: &str, authorities: Option<&Path>) -> Result<String, Error> {
    let target = Target {
        url: url.parse().expect("a URL"),
        access_key: "AKIATEST".to_owned(),
        secret: Secret::new("a-secret"),
        authorities: authorities.map(Path::to_owned),
        whose: Whose::Caller,
    };
    let command = Cli::parse_from(["headwater", "alarm", "ls", "--json"]).command;
    let (mut out, mut notes) = (Vec::new(), Vec::new());
    run(&command, &Client::new(target)?, &mut Screen::new(&mut out, &mut notes, true)).await?;
    Ok(String::from_utf8(out).expect("text"))
}

#[tokio::test]
async fn an_api_is_believed_by_the_authority_that_is_named_and_by_no_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("ca.pem");
    let url = serving(&file).await;
    assert_eq!(ask(&url, Some(&file)).await.expect("believed"), "{\"items\":[],\"next\":null}\n");

    let other = folder.path().join("other.pem");
    let url = serving(&other).await;
    let told = ask(&url, Some(&file)).await.expect_err("another's certificate");
    assert!(matches!(told, Error::Unreachable { .. }), "{told:?}");
    let url = serving(&other).await.replace("localhost", "127.0.0.1");
    let told = ask(&url, Some(&other)).await.expect_err("another name");
    assert!(matches!(told, Error::Unreachable { .. }), "{told:?}");
}

#[tokio::test]
async fn a_file_without_certificates_is_told_of_before_anybody_is_asked() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, "no certificate\n").expect("written");
    let told = ask("https://localhost:1", Some(&file)).await.expect_err("no authority").to_string();
    assert!(told.contains("ca.pem") && told.contains("no certificate in PEM"), "{told}");
    let told = ask("https://localhost:1", Some(&folder.path().join("none"))).await.expect_err("no file");
    assert!(matches!(told, Error::Authorities(_)), "{told:?}");
}
