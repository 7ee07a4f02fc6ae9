//! Sockets: accepts connections, reads whole requests within their bounds, and answers them until the drain.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use daemon::Drain;
use door::Page;
use http::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Either, Full};
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::front::Front;
use crate::limits::{self, Limits};
use crate::{aws_call, native, random};

/// An answer's body: there, or a stream of changes.
pub(crate) type Body = Either<Full<Bytes>, native::Stream>;

/// A reader that takes nothing for so long is gone.
const READER_PATIENCE: Duration = Duration::from_secs(30);

/// What serves all connections.
struct Server {
    front: Arc<Front>,
    limits: Limits,
    /// Kibibytes that bodies may take in all.
    memory: Arc<Semaphore>,
}

pub(crate) async fn serve(listener: TcpListener, front: &Arc<Front>, limits: Limits, drain: Drain) {
    let memory = Arc::new(Semaphore::new(limits::BODY_BYTES_IN_ALL >> 10));
    let server = Arc::new(Server { front: front.clone(), limits, memory });
    let places = Arc::new(Semaphore::new(limits.connections));
    let connections = GracefulShutdown::new();
    if let Ok(address) = listener.local_addr() {
        tracing::info!(%address, account = %front.account, "the control role listens");
        if !address.ip().is_loopback() {
            tracing::warn!(%address, "API calls come in the clear from other machines: put TLS in front of this port");
        }
    }
    loop {
        let next = async {
            let place = places.clone().acquire_owned().await.expect("the semaphore is never closed");
            (listener.accept().await, place)
        };
        let (accepted, place) = tokio::select! {
            next = next => next,
            () = drain.requested() => break,
        };
        match accepted {
            Ok((stream, peer)) => spawn(server.clone(), stream, peer.ip(), place, &connections),
            Err(error) => {
                // Out of descriptors: wait for some to come back.
                tracing::warn!(error = %daemon::WithShortage(&error), "accept");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    drop(listener);
    if tokio::time::timeout(limits.drain_time, connections.shutdown()).await.is_err() {
        tracing::info!("drained with requests still in flight");
    }
}

fn spawn(
    server: Arc<Server>,
    stream: TcpStream,
    peer: IpAddr,
    place: OwnedSemaphorePermit,
    connections: &GracefulShutdown,
) {
    // Small answers leave at once.
    let _ = stream.set_nodelay(true);
    let _ = socket2::SockRef::from(&stream).set_tcp_user_timeout(Some(READER_PATIENCE));
    let gauge = server.front.metrics.connections.clone();
    gauge.inc();
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(server.limits.head_time)
        .max_buf_size(limits::HEAD_BYTES_MAX)
        .max_headers(limits::HEADERS_MAX);
    let peer = peer.to_canonical();
    let service = service_fn(move |request| {
        let server = server.clone();
        async move { Ok::<_, Infallible>(server.answer(request, peer).await) }
    });
    let connection = connections.watch(http.serve_connection(TokioIo::new(stream), service));
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "connection");
        }
        gauge.dec();
        drop(place);
    });
}

/// A request's body, or why there is none.
enum Read {
    Whole(Bytes),
    /// Its first bytes, one more than is allowed: whoever reads it says so in the client's protocol.
    TooLarge(Bytes),
    /// It did not come in time.
    Late,
    /// Too many others are being read.
    Full,
    /// The client broke off, or its framing is wrong.
    Broken,
}

impl Server {
    async fn answer(&self, request: Request<Incoming>, peer: IpAddr) -> Response<Body> {
        let id = random::request_id();
        let (response, door) = self.routed(request, peer, &id).await;
        self.front.metrics.request(door, response.status().as_u16());
        finished(response, &id)
    }

    async fn routed(
        &self,
        request: Request<Incoming>,
        peer: IpAddr,
        id: &str,
    ) -> (Response<Body>, &'static str) {
        if request.uri().path() == "/health" {
            return (self.health(request.method()).await, "health");
        }
        let (head, body) = request.into_parts();
        let (body, memory) = self.body(body).await;
        let (body, is_whole) = match body {
            Read::Whole(bytes) => (bytes, true),
            Read::TooLarge(bytes) => (bytes, false),
            Read::Late => {
                return (plain(StatusCode::REQUEST_TIMEOUT, "the body did not come in time"), "none");
            }
            Read::Broken => return (plain(StatusCode::BAD_REQUEST, "the body cannot be read"), "none"),
            Read::Full => {
                let text = "too many requests at once; try again in a few seconds";
                return (plain(StatusCode::SERVICE_UNAVAILABLE, text), "none");
            }
        };
        let request = Request::from_parts(head, body);
        // A task of its own: what has begun is done whether or not the client waits, and a bug in it is one call's.
        let (front, number) = (self.front.clone(), id.to_owned());
        let answering = tokio::spawn(async move {
            let answered = dispatch(&front, request, peer, &number).await;
            drop(memory);
            answered
        });
        let (mut response, door) = match tokio::time::timeout(self.limits.answer_time, answering).await {
            Ok(Ok(answered)) => answered,
            Ok(Err(error)) => {
                tracing::error!(%error, request_id = id, "a call broke off");
                let text = "this is a fault of the server; its log says more by this request's id";
                (plain(StatusCode::INTERNAL_SERVER_ERROR, text), "none")
            }
            Err(_) => {
                tracing::error!(request_id = id, "a call takes too long; its client was told to look later");
                (
                    plain(
                        StatusCode::SERVICE_UNAVAILABLE,
                        "it takes too long; look later whether it was done",
                    ),
                    "none",
                )
            }
        };
        if !is_whole {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        (response, door)
    }

    /// Reads a body of as many bytes as AWS's codec takes.
    async fn body(&self, mut body: Incoming) -> (Read, Option<OwnedSemaphorePermit>) {
        let most = aws::Limits::default().body;
        let hint = body.size_hint();
        let expected =
            hint.exact().map_or(most, |bytes| usize::try_from(bytes).map_or(most, |bytes| bytes.min(most)));
        if hint.exact() == Some(0) {
            return (Read::Whole(Bytes::new()), None);
        }
        let permits = u32::try_from((expected >> 10) + 1).expect("the bound is far below");
        let Ok(Ok(memory)) =
            tokio::time::timeout(self.limits.body_time, self.memory.clone().acquire_many_owned(permits))
                .await
        else {
            return (Read::Full, None);
        };
        let reading = async {
            let mut bytes = BytesMut::new();
            while let Some(frame) = body.frame().await {
                let Ok(frame) = frame else { return Read::Broken };
                let Ok(data) = frame.into_data() else { continue };
                bytes.extend_from_slice(&data[..data.len().min(most + 1 - bytes.len())]);
                if bytes.len() > most {
                    return Read::TooLarge(bytes.freeze());
                }
            }
            Read::Whole(bytes.freeze())
        };
        let read = tokio::time::timeout(self.limits.body_time, reading).await.unwrap_or(Read::Late);
        (read, Some(memory))
    }

    async fn health(&self, method: &http::Method) -> Response<Body> {
        if !matches!(method.as_str(), "GET" | "HEAD") {
            return plain(StatusCode::METHOD_NOT_ALLOWED, "only GET");
        }
        match self.front.store.revision().await {
            Ok(_) => json(StatusCode::OK, r#"{"status":"ok"}"#.to_owned()),
            Err(error) => {
                tracing::warn!(%error, "the store does not answer");
                json(StatusCode::SERVICE_UNAVAILABLE, r#"{"status":"the store does not answer"}"#.to_owned())
            }
        }
    }
}

async fn dispatch(
    front: &Arc<Front>,
    request: Request<Bytes>,
    peer: IpAddr,
    id: &str,
) -> (Response<Body>, &'static str) {
    let now = front.now();
    if request.method() == Method::GET
        && let Some(reading) = front.doors.iter().find_map(|door| door.page(request.uri().path()))
    {
        return match reading.await {
            Some(Page { kind, text }) => (page(kind, text), "page"),
            None => (plain(StatusCode::NOT_FOUND, "there is no such page"), "page"),
        };
    }
    if native::is_meant(&request) {
        return (native::answer(front, &request, peer, now, id).await, "native");
    }
    let aws_call::Answered { response, door } = aws_call::answer(front, &request, peer, now, id).await;
    (response.map(|body| Either::Left(Full::new(body))), door)
}

/// An answer to what no protocol is known of.
fn plain(status: StatusCode, message: &str) -> Response<Body> {
    json(status, serde_json::json!({ "message": message }).to_string())
}

fn page(kind: &'static str, text: String) -> Response<Body> {
    let mut response = Response::new(Either::Left(Full::new(Bytes::from(text))));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

fn json(status: StatusCode, text: String) -> Response<Body> {
    let mut response = Response::new(Either::Left(Full::new(Bytes::from(text))));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// What every answer carries; hyper adds the date.
fn finished(mut response: Response<Body>, id: &str) -> Response<Body> {
    let status = response.status();
    let headers = response.headers_mut();
    let mut put = |name: HeaderName, value: &str| {
        if let (false, Ok(value)) = (headers.contains_key(&name), HeaderValue::from_str(value)) {
            headers.insert(name, value);
        }
    };
    put(HeaderName::from_static("x-amzn-requestid"), id);
    put(HeaderName::from_static("x-content-type-options"), "nosniff");
    put(CACHE_CONTROL, "no-store");
    if status == StatusCode::SERVICE_UNAVAILABLE {
        put(http::header::RETRY_AFTER, "2");
    }
    response
}
