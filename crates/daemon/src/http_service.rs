//! A small HTTP service beside a role's own traffic: metrics, an operator's requests.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};

use crate::Drain;
use crate::listen::{self, Listener};

/// A client that has not sent its request by then is let go.
const HEADER_LIMIT: Duration = Duration::from_secs(5);
/// Requests answered at once; further ones wait to be accepted.
const MAX_CONNECTIONS: usize = 16;

/// Answers the requests on `listener` with `answer` until the drain, one a connection. Call inside a tokio runtime.
pub fn serve<A, F, B>(listener: impl Listener, drain: Drain, answer: A)
where
    A: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Response<B>> + Send,
    B: Body<Data = Bytes, Error = Infallible> + Send + 'static,
{
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEADER_LIMIT).keep_alive(false);
    listen::each(listener, MAX_CONNECTIONS, drain, move |stream| {
        let answer = answer.clone();
        let service = service_fn(move |request| {
            let answered = answer(request);
            async move { Ok::<_, Infallible>(answered.await) }
        });
        let connection = http.serve_connection(TokioIo::new(stream), service);
        async move {
            // Whoever asked may have left.
            let _ = connection.await;
        }
    });
}
