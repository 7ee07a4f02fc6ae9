//! Texts from this machine's own HTTP services.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is at a path; `None` where it cannot be had, has over `most` bytes, or is no text.
pub(crate) async fn text(address: SocketAddr, path: &str, most: usize) -> Option<String> {
    tokio::time::timeout(PATIENCE, get(address, path, most)).await.ok()?
}

async fn get(address: SocketAddr, path: &str, most: usize) -> Option<String> {
    let stream = TcpStream::connect(address).await.ok()?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake::<_, Full<Bytes>>(TokioIo::new(stream)).await.ok()?;
    let connection = tokio::spawn(connection);
    let request =
        hyper::Request::get(path).header(hyper::header::HOST, "localhost").body(Full::default()).ok()?;
    let response = sender.send_request(request).await.ok()?;
    let is_there = response.status().is_success();
    let body = Limited::new(response.into_body(), most).collect().await.ok()?.to_bytes();
    connection.abort();
    String::from_utf8(body.into()).ok().filter(|_| is_there)
}
