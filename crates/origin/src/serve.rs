//! Viewer URLs.
//!
//! What lies under an endpoint's path is [`endpoint`]'s. Of the rest, [`route`] tells what a path means and [`files`] finds it: [`directives`] reads what a query asks, [`blocking`] holds
//! requests for what is about to come, [`conditional`] turns something stored into an answer (ETag, Range, HEAD).
//! [`status`] and [`pages`] make what is not media.

mod blocking;
mod conditional;
mod directives;
mod endpoint;
mod files;
mod pages;
mod route;
mod status;

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{HeaderMap, Method, StatusCode};
use http_body_util::{Either, Full};

use self::conditional::{Content, respond};
use self::route::Route;
use crate::Origin;
use crate::open::Unfinished;

/// An answer whose whole body is there.
pub(crate) type Answer = http::Response<Full<Bytes>>;

/// What is there, or a segment that is coming in.
pub(crate) type Body = Either<Full<Bytes>, Growing>;
type Growing = http_body_util::channel::Channel<Bytes, Unfinished>;

/// Headers and segments never change.
const IMMUTABLE: &str = "public, max-age=86400, immutable";
/// What is not there may be there in a second.
const MISSING: &str = "public, max-age=1";
/// Pages and the list of channels.
const SHORT: &str = "public, max-age=1";
/// The clock.
const NEVER: &str = "no-store";

/// Answers a viewer's request; waits where it asks for what is about to come.
pub(crate) async fn answer(
    origin: &Origin,
    method: &Method,
    uri: &http::Uri,
    headers: &HeaderMap,
) -> http::Response<Body> {
    if *method == Method::OPTIONS {
        return preflight().map(Body::Left);
    }
    if *method != Method::GET && *method != Method::HEAD {
        let mut answer = plain(StatusCode::METHOD_NOT_ALLOWED, "GET, HEAD or OPTIONS\n", NEVER);
        answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD, OPTIONS"));
        return answer.map(Body::Left);
    }
    let query = uri.query().unwrap_or("");
    let missing = || plain(StatusCode::NOT_FOUND, "not here\n", MISSING).map(Body::Left);
    let mut answer = if let Some((kept, file)) = origin.endpoints.find(uri.path()) {
        let answer = endpoint::answer(origin, &kept, file, query, headers).await.unwrap_or_else(missing);
        let bytes = http_body::Body::size_hint(answer.body()).exact().filter(|_| *method == Method::GET);
        kept.count(answer.status(), bytes.unwrap_or(0));
        answer
    } else {
        channels(origin, uri.path(), query, headers).await.unwrap_or_else(missing)
    };
    if *method == Method::HEAD {
        if let Some(length) = http_body::Body::size_hint(answer.body()).exact() {
            answer.headers_mut().insert(header::CONTENT_LENGTH, length.into());
        }
        *answer.body_mut() = Body::Left(Full::default());
    }
    answer
}

/// Answers for what is no endpoint's; nothing where there is none.
async fn channels(
    origin: &Origin,
    path: &str,
    query: &str,
    headers: &HeaderMap,
) -> Option<http::Response<Body>> {
    let whole = |answer: Option<Answer>| answer.map(|answer| answer.map(Body::Left));
    match route::read(path) {
        Some(Route::Channel(name, file)) => match origin.channels.get(&name) {
            Some(channel) => files::answer(origin, &channel, &file, query, headers).await,
            None => None,
        },
        Some(Route::Redirect(to)) => whole(Some(redirect(&to))),
        Some(Route::Time) => {
            let content = Content::text("text/plain; charset=utf-8", NEVER, origin.clock.now().to_string());
            whole(Some(respond(content, headers)))
        }
        Some(Route::Health) => whole(Some(respond(
            Content::text("text/plain; charset=utf-8", NEVER, "ok\n".to_owned()),
            headers,
        ))),
        Some(Route::Channels) => {
            let text = status::channels(origin);
            whole(Some(respond(Content::text("application/json", SHORT, text), headers)))
        }
        Some(Route::Index) => whole(Some(pages::index(headers))),
        Some(Route::Asset(name)) => whole(pages::asset(name, headers)),
        None => None,
    }
}

fn plain(status: StatusCode, text: &'static str, cache: &'static str) -> Answer {
    let mut answer = Answer::new(Full::new(Bytes::from_static(text.as_bytes())));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    conditional::allow_everyone(headers);
    answer
}

fn redirect(to: &str) -> Answer {
    let mut answer = plain(StatusCode::PERMANENT_REDIRECT, "", SHORT);
    if let Ok(to) = HeaderValue::from_str(to) {
        answer.headers_mut().insert(header::LOCATION, to);
    }
    answer
}

fn preflight() -> Answer {
    let mut answer = plain(StatusCode::NO_CONTENT, "", NEVER);
    let headers = answer.headers_mut();
    headers.remove(header::CONTENT_TYPE);
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, HEAD, OPTIONS"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("*, Range, If-None-Match"));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    answer
}
