//! A webhook: takes what comes, answers as it is told, and verifies signatures as SDKs do.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use notify::Notifier;
use ring::signature::{
    RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey,
};
use serde_json::Value as Json;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use crate::home::URL;

/// A request that came.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) line: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Received {
    pub(crate) fn json(&self) -> Json {
        serde_json::from_str(&self.body).expect("JSON")
    }
}

/// A webhook.
pub(crate) struct Receiver {
    pub(crate) url: String,
    received: Arc<Mutex<Vec<Received>>>,
    answers: Arc<Mutex<VecDeque<&'static str>>>,
    came: Arc<Notify>,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/hook?a=b", listener.local_addr().expect("bound"));
        let this = Self { url, received: Arc::default(), answers: Arc::default(), came: Arc::default() };
        let (received, answers, came) = (this.received.clone(), this.answers.clone(), this.came.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (received, answers, came) = (received.clone(), answers.clone(), came.clone());
                tokio::spawn(async move {
                    let Some((request, mut stream)) = read(stream).await else { return };
                    received.lock().expect("no panic").push(request);
                    let status = answers.lock().expect("no panic").pop_front().unwrap_or("200 OK");
                    came.notify_one();
                    if status == "silence" {
                        std::future::pending::<()>().await;
                    }
                    let answer =
                        format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nlocation: /elsewhere\r\n\r\n");
                    let _ = stream.write_all(answer.as_bytes()).await;
                });
            }
        });
        this
    }

    /// What the next requests are answered with; further ones with 200.
    pub(crate) fn answers(&self, statuses: &[&'static str]) {
        *self.answers.lock().expect("no panic") = statuses.iter().copied().collect();
    }

    /// What came since the last look.
    pub(crate) fn taken(&self) -> Vec<Received> {
        std::mem::take(&mut *self.received.lock().expect("no panic"))
    }

    /// The next that comes, while something delivers.
    pub(crate) async fn next(&self) -> Received {
        loop {
            let first = {
                let mut received = self.received.lock().expect("no panic");
                if received.is_empty() { None } else { Some(received.remove(0)) }
            };
            match first {
                Some(first) => return first,
                None => self.came.notified().await,
            }
        }
    }
}

async fn read(stream: TcpStream) -> Option<(Received, TcpStream)> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).await.ok()?;
    let mut headers = BTreeMap::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).await.ok()?;
        match header.trim_end().split_once(": ") {
            Some((name, value)) => headers.insert(name.to_ascii_lowercase(), value.to_owned()),
            None => break,
        };
    }
    let mut body = vec![0; headers.get("content-length")?.parse().ok()?];
    reader.read_exact(&mut body).await.ok()?;
    let body = String::from_utf8(body).ok()?;
    Some((Received { line: line.trim_end().to_owned(), headers, body }, reader.into_inner()))
}

/// Whether a message's signature is that of the certificate it names, over the text that AWS's guide describes.
pub(crate) async fn verifies(notifier: &Notifier, message: &Json) -> bool {
    let names: &[&str] = match message["Type"].as_str().expect("a type") {
        "Notification" => &["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"],
        _ => &["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"],
    };
    let text: String =
        names.iter().filter_map(|name| Some(format!("{name}\n{}\n", message[name].as_str()?))).collect();
    let path = message["SigningCertURL"].as_str().expect("a URL").strip_prefix(URL).expect("here");
    let pem = notifier.certificate(path).await.expect("a certificate");
    let (_, pem) = x509_parser::pem::parse_x509_pem(pem.as_bytes()).expect("PEM");
    let certificate = pem.parse_x509().expect("a certificate");
    let key = certificate.public_key().subject_public_key.data.clone();
    let signature = BASE64_STANDARD.decode(message["Signature"].as_str().expect("text")).expect("base64");
    let with_sha1 = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, &key);
    let with_sha256 = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &key);
    match message["SignatureVersion"].as_str() {
        Some("1") => with_sha1.verify(text.as_bytes(), &signature).is_ok(),
        Some("2") => with_sha256.verify(text.as_bytes(), &signature).is_ok(),
        other => panic!("signature version {other:?}"),
    }
}
