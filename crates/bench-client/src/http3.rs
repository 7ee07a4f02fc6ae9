//! Asks for one object over HTTP/3 again and again, for which there is no load generator to be had.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use bytes::{Buf, Bytes};
use h3::client::SendRequest;
use rustls::RootCertStore;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::task::JoinSet;

/// `http3`
#[derive(Debug, clap::Args)]
pub(crate) struct Http3 {
    /// The server that is asked; its certificate is for `bench`.
    ask: SocketAddr,
    /// What it is asked for.
    path: String,
    /// The certificate it shows.
    #[arg(long)]
    certificate: PathBuf,
    #[arg(long)]
    connections: usize,
    /// Requests at once on each.
    #[arg(long)]
    streams: usize,
    #[arg(long)]
    seconds: u64,
}

type Requests = SendRequest<h3_quinn::OpenStreams, Bytes>;

impl Http3 {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let mut endpoint = quinn::Endpoint::client(SocketAddr::new(self.ask.ip(), 0))?;
        endpoint.set_default_client_config(self.client_config()?);
        let mut connections = Vec::new();
        for _ in 0..self.connections {
            let quic = endpoint.connect(self.ask, "bench")?.await.context("connect")?;
            let (mut driver, requests) = h3::client::new(h3_quinn::Connection::new(quic)).await?;
            tokio::spawn(async move { std::future::poll_fn(|cx| driver.poll_close(cx)).await });
            connections.push(requests);
        }
        let end = Instant::now() + Duration::from_secs(self.seconds);
        let url = format!("https://bench:{}{}", self.ask.port(), self.path);
        let mut asking = JoinSet::new();
        for requests in &connections {
            for _ in 0..self.streams {
                asking.spawn(ask_until(end, requests.clone(), url.clone()));
            }
        }
        let (mut answers, mut bytes) = (0, 0);
        while let Some(asked) = asking.join_next().await {
            let (more_answers, more_bytes) = asked??;
            answers += more_answers;
            bytes += more_bytes;
        }
        println!("{}", serde_json::json!({ "answers": answers, "bytes": bytes }));
        Ok(())
    }

    /// AES-128-GCM alone, as in the other cases.
    fn client_config(&self) -> anyhow::Result<quinn::ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(&self.certificate).context("read the certificate")?)?;
        let mut provider = ring::default_provider();
        provider.cipher_suites = vec![ring::cipher_suite::TLS13_AES_128_GCM_SHA256];
        let mut config = rustls::ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"h3".to_vec()];
        let crypto = quinn::crypto::rustls::QuicClientConfig::try_from(config)?;
        Ok(quinn::ClientConfig::new(Arc::new(crypto)))
    }
}

/// How many answers came, and how many bytes of body. Anything but a whole answer is a fault.
async fn ask_until(end: Instant, mut requests: Requests, url: String) -> anyhow::Result<(u64, u64)> {
    let (mut answers, mut bytes) = (0, 0);
    while Instant::now() < end {
        let mut stream = requests.send_request(http::Request::get(&url).body(())?).await?;
        stream.finish().await?;
        let head = stream.recv_response().await?;
        if head.status() != http::StatusCode::OK {
            bail!("status {}", head.status());
        }
        while let Some(piece) = stream.recv_data().await? {
            bytes += piece.remaining() as u64;
        }
        answers += 1;
    }
    Ok((answers, bytes))
}
