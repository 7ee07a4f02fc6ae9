//! A client that can say anything.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use identity::Secret;
use identity::sigv4::{Body, Request, Signer};
use media::Utc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{PATIENCE, Server, now};

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Ask {
    pub(crate) fn new(method: &str, target: &str) -> Self {
        Self { method: method.to_owned(), target: target.to_owned(), headers: Vec::new(), body: Vec::new() }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    pub(crate) fn json(self, body: &str) -> Self {
        self.header("content-type", "application/json").body(body)
    }

    pub(crate) fn form(self, body: &str) -> Self {
        self.header("content-type", "application/x-www-form-urlencoded; charset=utf-8").body(body)
    }

    /// Signs with the root's key, now.
    pub(crate) fn signed(self, server: &Server, service: &str) -> Self {
        let root = &server.root;
        self.signed_by(server, root.access_key.as_str(), &root.secret_key, service, now())
    }

    pub(crate) fn signed_by(
        self,
        server: &Server,
        access_key: &str,
        secret: &Secret,
        service: &str,
        at: Utc,
    ) -> Self {
        self.signed_with(server, &signer(access_key, secret, service), at)
    }

    pub(crate) fn signed_with(mut self, server: &Server, signer: &Signer, at: Utc) -> Self {
        self.headers.push(("host".to_owned(), server.address.to_string()));
        let added = self.with_request(|request| signer.headers(&request, at)).expect("it can be signed");
        self.headers.extend(added.into_iter().map(|(name, value)| (name.to_owned(), value)));
        self
    }

    /// Puts a signature of the root's into the query.
    pub(crate) fn presigned(self, server: &Server, service: &str, at: Utc, expires_s: i64) -> Self {
        let root = &server.root;
        self.presigned_with(
            server,
            &signer(root.access_key.as_str(), &root.secret_key, service),
            at,
            expires_s,
        )
    }

    pub(crate) fn presigned_with(
        mut self,
        server: &Server,
        signer: &Signer,
        at: Utc,
        expires_s: i64,
    ) -> Self {
        self.headers.push(("host".to_owned(), server.address.to_string()));
        let query = self.with_request(|request| signer.presign(&request, at, expires_s)).expect("signed");
        self.target = format!("{}?{query}", self.target.split('?').next().expect("a path"));
        self
    }

    fn with_request<T>(&self, sign: impl FnOnce(Request<'_>) -> T) -> T {
        let headers: Vec<(&str, &[u8])> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let (path, query) = self.target.split_once('?').unwrap_or((&self.target, ""));
        sign(Request { method: &self.method, path, query, headers: &headers, body: Body::Whole(&self.body) })
    }

    /// With the root's key shown.
    pub(crate) fn bearer(self, server: &Server) -> Self {
        let token = format!("Bearer {}.{}", server.root.access_key, server.root.secret_key.expose());
        self.header("authorization", &token)
    }

    /// The bytes that go out.
    pub(crate) fn bytes(&self, address: SocketAddr) -> Vec<u8> {
        let mut text = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        if !self.headers.iter().any(|(name, _)| name == "host") {
            text += &format!("host: {address}\r\n");
        }
        for (name, value) in &self.headers {
            text += &format!("{name}: {value}\r\n");
        }
        text += &format!("content-length: {}\r\nconnection: close\r\n\r\n", self.body.len());
        let mut bytes = text.into_bytes();
        bytes.extend(&self.body);
        bytes
    }

    pub(crate) async fn send(&self, server: &Server) -> Answer {
        raw(server.address, &self.bytes(server.address)).await
    }
}

pub(crate) fn signer(access_key: &str, secret: &Secret, service: &str) -> Signer {
    Signer {
        access_key: access_key.to_owned(),
        secret: secret.clone(),
        token: None,
        region: "us-west-2".to_owned(),
        service: service.to_owned(),
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// Sends bytes, and reads until the server closes.
pub(crate) async fn raw(address: SocketAddr, bytes: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(address).await.expect("connected");
    // It may answer and close before it has read all.
    let _ = stream.write_all(bytes).await;
    let mut read = Vec::new();
    let reading = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut read)).await.expect("it answers");
    assert!(reading.is_ok() || !read.is_empty(), "{reading:?}");
    parsed(&read)
}

pub(crate) fn parsed(bytes: &[u8]) -> Answer {
    let text = String::from_utf8_lossy(bytes);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|status| status.parse().ok());
    let headers = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    Answer { status: status.unwrap_or(0), headers, body: body.to_owned() }
}
