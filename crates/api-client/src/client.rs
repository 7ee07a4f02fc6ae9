//! Asks the API: a signed request on a connection of its own, and its answer within bounds.

use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderName};
use http::{HeaderValue, Request};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use identity::sigv4::{self, Body, Signer};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::refusal::Refusal;
use crate::table::printable;
use crate::{Error, Target, iam, trust};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);
/// How long an answer may take: a call of the API ends within 30 s.
const PATIENCE: Duration = Duration::from_secs(40);
/// Longest answer that is read, in bytes: a page of a thousand resources with their states is some of it.
const MAX_ANSWER_BYTES: usize = 64 << 20;
/// What of a foreign answer is shown, in characters.
const SHOWN: usize = 200;

/// A client of one API with one key.
#[derive(Debug)]
pub struct Client {
    target: Target,
    /// Without what is signed for.
    signer: Signer,
    tls: Option<Arc<ClientConfig>>,
}

/// Which of the APIs on the port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Api {
    /// `/v1`: JSON.
    Native,
    /// AWS's IAM: forms, and XML.
    Iam,
}

impl Api {
    /// What is signed for: service and region.
    fn scope(self) -> (&'static str, &'static str) {
        match self {
            Self::Native => ("headwater", "global"),
            Self::Iam => ("iam", "us-east-1"),
        }
    }

    fn media_type(self) -> &'static str {
        match self {
            Self::Native => "application/json",
            Self::Iam => "application/x-www-form-urlencoded; charset=utf-8",
        }
    }
}

/// What is asked.
#[derive(Clone, Debug)]
pub(crate) struct Ask<'a> {
    /// For people: `stop channel main`.
    pub(crate) asked: String,
    pub(crate) api: Api,
    pub(crate) method: &'static str,
    pub(crate) path: &'a str,
    /// Encoded, without its `?`.
    pub(crate) query: &'a str,
    /// JSON, or a form.
    pub(crate) body: Option<&'a str>,
    /// It makes something new, or nothing: `If-None-Match: *`.
    pub(crate) is_only_if_absent: bool,
}

impl<'a> Ask<'a> {
    /// A request without query and body.
    pub(crate) fn new(asked: impl Into<String>, method: &'static str, path: &'a str) -> Self {
        let (api, query, body) = (Api::Native, "", None);
        Self { asked: asked.into(), api, method, path, query, body, is_only_if_absent: false }
    }
}

/// What the API answered.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// JSON; null where there is no body.
    pub(crate) body: Value,
}

impl Client {
    /// A client of `target`. The files of certificate authorities are read here.
    pub fn new(target: Target) -> Result<Self, Error> {
        let tls = target.url.is_tls().then(|| trust::client(target.authorities.as_deref())).transpose()?;
        let signer = Signer {
            access_key: target.access_key.clone(),
            secret: target.secret.clone(),
            token: None,
            region: String::new(),
            service: String::new(),
        };
        Ok(Self { target, signer, tls })
    }

    /// Whom it asks.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Asks once. What the API refuses is [`Error::Refused`].
    pub(crate) async fn ask(&self, ask: Ask<'_>) -> Result<Answer, Error> {
        let url = &self.target.url;
        let request = self.signed(&ask)?;
        let stream = timeout(CONNECT, TcpStream::connect((url.host(), url.port()))).await;
        let stream = stream.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        let stream = stream.map_err(|source| self.unreachable(source))?;
        let exchanged = async {
            let Some(tls) = &self.tls else { return self.exchange(stream, request).await };
            let name = ServerName::try_from(url.host().to_owned())
                .map_err(|fault| self.unreachable(io::Error::other(fault)))?;
            let secured = TlsConnector::from(tls.clone()).connect(name, stream).await;
            self.exchange(secured.map_err(|source| self.unreachable(source))?, request).await
        };
        let (status, media_type, body) = timeout(PATIENCE, exchanged)
            .await
            .map_err(|_| Error::Silent { url: url.clone(), patience: PATIENCE })??;
        self.read(ask.asked, status, &media_type, &body)
    }

    fn unreachable(&self, source: io::Error) -> Error {
        Error::Unreachable { url: self.target.url.clone(), whose: self.target.whose.clone(), source }
    }

    fn signed(&self, ask: &Ask<'_>) -> Result<Request<Full<Bytes>>, Error> {
        let authority = self.target.url.authority();
        let mut headers = vec![(HOST.as_str(), authority)];
        headers.extend(ask.body.map(|_| (CONTENT_TYPE.as_str(), ask.api.media_type())));
        headers.extend(ask.is_only_if_absent.then_some(("if-none-match", "*")));
        let as_bytes: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        let body = ask.body.unwrap_or_default();
        let request = sigv4::Request {
            method: ask.method,
            path: ask.path,
            query: ask.query,
            headers: &as_bytes,
            body: Body::Whole(body.as_bytes()),
        };
        let (service, region) = ask.api.scope();
        let signer = Signer { service: service.into(), region: region.into(), ..self.signer.clone() };
        let signature = signer.headers(&request, SystemTime::now().into());
        let signature = signature.map_err(|fault| Error::Unsignable(fault.to_string()))?;
        let target = match ask.query {
            "" => ask.path.to_owned(),
            query => format!("{}?{query}", ask.path),
        };
        let mut request = Request::builder()
            .method(ask.method)
            .uri(target)
            .body(Full::new(Bytes::copy_from_slice(body.as_bytes())))
            .expect("paths and queries are made of names and encoded text");
        let signature = signature.iter().map(|(name, value)| (*name, value.as_str()));
        for (name, value) in headers.into_iter().chain(signature) {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("these are header names");
            let value = HeaderValue::from_str(value).map_err(|_| {
                Error::Unsignable("it has characters that no HTTP header may have".to_owned())
            })?;
            request.headers_mut().insert(name, value);
        }
        Ok(request)
    }

    /// Status, media type and body.
    async fn exchange<S>(
        &self,
        stream: S,
        request: Request<Full<Bytes>>,
    ) -> Result<(u16, String, Bytes), Error>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let url = &self.target.url;
        let broken = |source| Error::Connection { url: url.clone(), source };
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
        let connection = tokio::spawn(connection);
        let answer = sender.send_request(request).await.map_err(broken)?;
        let status = answer.status().as_u16();
        let header =
            |name| answer.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let media_type = header(CONTENT_TYPE).split(';').next().unwrap_or_default().trim().to_owned();
        let length = header(CONTENT_LENGTH).to_owned();
        let body = Limited::new(answer.into_body(), MAX_ANSWER_BYTES).collect().await.map_err(|fault| {
            let what = format!("its answer of {length} bytes cannot be read: {fault}");
            Error::Foreign { url: url.clone(), what }
        })?;
        connection.abort();
        Ok((status, media_type, body.to_bytes()))
    }

    fn read(&self, asked: String, status: u16, media_type: &str, body: &[u8]) -> Result<Answer, Error> {
        let foreign = || {
            let begin: String = String::from_utf8_lossy(body).chars().take(SHOWN).collect();
            let what = format!("status {status}, `{}`: {}", printable(media_type), printable(begin.trim()));
            Error::Foreign { url: self.target.url.clone(), what }
        };
        match (status, media_type) {
            (204, _) => Ok(Answer { status, body: Value::Null }),
            (200..=299, "application/json") => {
                let body = serde_json::from_slice(body).map_err(|_| foreign())?;
                Ok(Answer { status, body })
            }
            (400..=599, "application/problem+json") => {
                let refusal: Refusal = serde_json::from_slice(body).map_err(|_| foreign())?;
                let refusal = Box::new(Refusal { status, ..refusal });
                Err(Error::Refused { asked, refusal, whose: self.target.whose.clone() })
            }
            (200..=599, "text/xml") => {
                let answer = iam::read(body).ok_or_else(foreign)?;
                if status < 300 {
                    return Ok(Answer { status, body: answer });
                }
                let refusal = Box::new(Refusal::of_iam(status, &answer).ok_or_else(foreign)?);
                Err(Error::Refused { asked, refusal, whose: self.target.whose.clone() })
            }
            _ => Err(foreign()),
        }
    }
}
