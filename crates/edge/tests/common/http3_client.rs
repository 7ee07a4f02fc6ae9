//! A client of quinn and h3.

use std::sync::Arc;

use bytes::{Buf, Bytes};
use h3::client::SendRequest;
use h3::error::StreamError;
use http::{HeaderMap, Request, StatusCode};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::common::{Edge, HANG};

type Requests = SendRequest<h3_quinn::OpenStreams, Bytes>;

/// A client's connection, and what keeps it going.
pub(crate) struct Client {
    pub(crate) requests: Requests,
    pub(crate) quic: quinn::Connection,
    _endpoint: quinn::Endpoint,
    _driver: tokio::task::JoinHandle<()>,
}

#[derive(Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) fields: HeaderMap,
    pub(crate) body: Vec<u8>,
}

pub(crate) fn endpoint(edge: &Edge) -> quinn::Endpoint {
    let mut roots = RootCertStore::empty();
    let certificate = std::fs::read(edge.tls_folder().join("self-made.pem")).unwrap();
    roots.add(CertificateDer::from_pem_slice(&certificate).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h3".to_vec()];
    let crypto = quinn::crypto::rustls::QuicClientConfig::try_from(config).unwrap();
    let mut endpoint = quinn::Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
    endpoint.set_default_client_config(quinn::ClientConfig::new(Arc::new(crypto)));
    endpoint
}

impl Client {
    pub(crate) async fn connect(edge: &Edge) -> Client {
        let endpoint = endpoint(edge);
        let quic = endpoint.connect(edge.tls_address(), "localhost").unwrap().await.unwrap();
        let (mut driver, requests) = h3::client::new(h3_quinn::Connection::new(quic.clone())).await.unwrap();
        let driver = tokio::spawn(async move {
            let _ = std::future::poll_fn(|cx| driver.poll_close(cx)).await;
        });
        Client { requests, quic, _endpoint: endpoint, _driver: driver }
    }

    pub(crate) async fn ask(
        &mut self,
        method: &str,
        target: &str,
        fields: &[(&str, &str)],
    ) -> Result<Answer, StreamError> {
        let mut request = Request::builder().method(method).uri(format!("https://localhost{target}"));
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let asked = async {
            let mut stream = self.requests.send_request(request.body(()).unwrap()).await?;
            stream.finish().await?;
            let head = stream.recv_response().await?;
            let mut body = Vec::new();
            while let Some(mut piece) = stream.recv_data().await? {
                body.extend_from_slice(&piece.copy_to_bytes(piece.remaining()));
            }
            Ok(Answer { status: head.status(), fields: head.headers().clone(), body })
        };
        tokio::time::timeout(HANG, asked).await.expect("an answer")
    }

    pub(crate) async fn get(&mut self, target: &str) -> Answer {
        self.ask("GET", target, &[]).await.unwrap()
    }
}
