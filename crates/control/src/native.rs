//! The native API, `/v1`: JSON in and out, problem details (RFC 9457) for errors, generations as ETags, pages, a feed of changes.
//!
//! One table of [`routes`] is what is served and what [`openapi`] describes. Callers sign with SigV4 for the service `headwater`, or,
//! from this machine, show a key as `Authorization: Bearer KEY-ID.SECRET`. There is no HTTP Basic: browsers send that along by
//! themselves, whoever's page asks.

mod channel_door;
mod channel_settings;
mod channels;
mod events;
mod json;
mod openapi;
mod problem;
mod query;
mod resources;
mod routes;
#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use door::Caller;
use http::header::{ALLOW, AUTHORIZATION, CONTENT_TYPE, ETAG, LOCATION, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::{Either, Full};
use identity::Family;
use identity::policy::Decision;
use identity::sigv4::{self, Body, Claim, Fault, Scope};
use media::Utc;

pub(crate) use channel_door::{ChannelDoor, Stored, is_ours, with_name};
pub(crate) use channels::TOMBSTONE_US;
pub(crate) use events::Stream;
use problem::Problem;
use query::Query;
use routes::{Found, Operation, Route};

use crate::asker::{Asker, Denied, Effect, Trouble};
use crate::aws_call::signed_parts;
use crate::front::Front;
use crate::server;

/// The service's name in signatures, ARNs and policies.
pub(crate) const SERVICE: &str = "headwater";
/// The region of native resources, which have none.
pub(crate) const REGION: &str = "global";

/// A request of the native API whose caller is known and may.
struct Ask<'a> {
    front: &'a Arc<Front>,
    asker: &'a Asker,
    caller: Caller,
    peer: IpAddr,
    /// What `{name}` stands for.
    name: &'a str,
    query: Query,
    headers: &'a HeaderMap,
    body: &'a Bytes,
}

/// A good answer.
enum Reply {
    Json { status: StatusCode, body: serde_json::Value, generation: Option<i64>, location: Option<String> },
    Nothing,
    Events(Stream),
}

impl Reply {
    fn json(body: serde_json::Value) -> Self {
        Self::Json { status: StatusCode::OK, body, generation: None, location: None }
    }
}

/// Whether a request is for this API: its path says so, and it is not signed for another service.
pub(crate) fn is_meant(request: &Request<Bytes>) -> bool {
    let path = request.uri().path();
    if path != "/v1" && !path.starts_with("/v1/") {
        return false;
    }
    let headers = signed_parts(request.headers());
    !Claim::read(parts(request, &headers)).is_ok_and(|claim| claim.scope().service != SERVICE)
}

fn parts<'r>(request: &'r Request<Bytes>, headers: &'r [(&'r str, &'r [u8])]) -> sigv4::Request<'r> {
    sigv4::Request {
        method: request.method().as_str(),
        path: request.uri().path(),
        query: request.uri().query().unwrap_or(""),
        headers,
        body: Body::Whole(request.body()),
    }
}

pub(crate) async fn answer(
    front: &Arc<Front>,
    request: &Request<Bytes>,
    peer: IpAddr,
    now: Utc,
    id: &str,
) -> Response<server::Body> {
    match handle(front, request, peer, now, id).await {
        Ok(reply) => written(reply),
        Err(problem) => refusal(&problem, id),
    }
}

async fn handle(
    front: &Arc<Front>,
    request: &Request<Bytes>,
    peer: IpAddr,
    now: Utc,
    id: &str,
) -> Result<Reply, Problem> {
    let (route, name) = match routes::find(request.method(), request.uri().path()) {
        Found::Route(route, name) => (route, name),
        Found::OtherMethods(allowed) => return Err(Problem::method(allowed)),
        Found::Nothing => {
            return Err(Problem::not_found(
                "there is nothing here; GET /v1/openapi.json lists what there is",
            ));
        }
    };
    if request.body().len() > aws::Limits::default().body {
        return Err(Problem::too_large("the body is too large")); // and cut off: no signature could hold
    }
    let effect = route.effect();
    let mut caller = Caller {
        account: front.account.as_str().to_owned(),
        region: REGION.to_owned(),
        who: Caller::ANYBODY.to_owned(),
        access_key: String::new(),
        source: peer.to_string(),
        request_id: id.to_owned(),
        action: route.action(),
        at: now,
    };
    let refused = |caller: &Caller, problem: Problem| {
        if effect == Effect::Changes {
            front.refusals.note(caller.audit(), request.uri().path(), problem.code);
        }
        problem
    };
    let asker = match believe(front, request, effect, peer, now).await {
        Ok(asker) => asker,
        Err(problem) => {
            front.metrics.unauthenticated.inc();
            return Err(refused(&caller, problem));
        }
    };
    caller.who = asker.principal.to_string();
    caller.access_key = asker.access_key.clone();
    let query = Query::read(request.uri().query().unwrap_or(""), route.query);
    let query = query.map_err(|problem| refused(&caller, problem))?;
    let ask = Ask {
        front,
        asker: &asker,
        caller,
        peer,
        name,
        query,
        headers: request.headers(),
        body: request.body(),
    };
    ask.allow(route.permission, route.subject(&front.account, name).as_deref().unwrap_or("*"))
        .map_err(|problem| refused(&ask.caller, problem))?;
    let done = ask.perform(route).await;
    done.map_err(|problem| match problem.is_noted {
        true => problem,
        false => refused(&ask.caller, problem),
    })
}

async fn believe(
    front: &Front,
    request: &Request<Bytes>,
    effect: Effect,
    peer: IpAddr,
    now: Utc,
) -> Result<Asker, Problem> {
    let shown = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let asker = match shown.and_then(|text| text.split_once(' ')) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
            if !peer.is_loopback() {
                return Err(Problem::unauthenticated(
                    "a bearer key would cross the network in the clear: sign requests (SigV4, service `headwater`)",
                ));
            }
            let (key, secret) = token.trim().split_once('.').unwrap_or((token, ""));
            let scope = Scope { day: String::new(), region: REGION.to_owned(), service: SERVICE.to_owned() };
            front.shown(key, secret, &scope, now).await
        }
        _ => {
            let headers = signed_parts(request.headers());
            match Claim::read(parts(request, &headers)) {
                Ok(claim) if claim.scope().service != SERVICE => {
                    return Err(Problem::unauthenticated("sign for the service `headwater`"));
                }
                Ok(claim) => front.verify(&claim, effect, peer, now).await.map(|(asker, _)| asker),
                Err(fault) => Err(Denied::Fault(fault)),
            }
        }
    };
    asker.map_err(|denied| match denied {
        Denied::Fault(Fault::Missing) => Problem::unauthenticated(
            "sign the request (SigV4, service `headwater`), or from this machine send `Authorization: Bearer KEY-ID.SECRET`",
        ),
        Denied::Fault(fault) => Problem::unauthenticated(fault.answer(Family::RestJson).message),
        Denied::Trouble(Trouble::Away) => Problem::unavailable("the store is busy; try again in a few seconds"),
        Denied::Trouble(Trouble::Broken) => Problem::internal(),
    })
}

impl Ask<'_> {
    /// Whether the caller has a permission on a resource.
    fn allow(&self, permission: &str, resource: &str) -> Result<(), Problem> {
        let action = format!("{SERVICE}:{permission}");
        let context = self.asker.context(self.peer, REGION, self.caller.at);
        match self.asker.decide(&action, Some(resource), &context) {
            Decision::Allowed => Ok(()),
            Decision::NotAllowed | Decision::Denied => {
                Err(Problem::forbidden(format!("{} may not {action} on {resource}", self.caller.who)))
            }
        }
    }

    async fn perform(&self, route: &Route) -> Result<Reply, Problem> {
        match route.operation {
            Operation::OpenApi => Ok(Reply::json(openapi::document())),
            Operation::Status => self.status().await,
            Operation::Resources => self.resources().await,
            Operation::Events => self.events().await,
            Operation::ListChannels => self.list_channels().await,
            Operation::GetChannel => self.show_channel().await,
            Operation::PutChannel => self.put_channel().await,
            Operation::PatchChannel => self.patch_channel().await,
            Operation::DeleteChannel => self.delete_channel().await,
            Operation::StartChannel => self.set_started(true).await,
            Operation::StopChannel => self.set_started(false).await,
        }
    }
}

fn written(reply: Reply) -> Response<server::Body> {
    match reply {
        Reply::Nothing => {
            let mut response = Response::new(Either::Left(Full::default()));
            *response.status_mut() = StatusCode::NO_CONTENT;
            response
        }
        Reply::Events(stream) => {
            let mut response = Response::new(Either::Right(stream));
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
            response
        }
        Reply::Json { status, body, generation, location } => {
            let mut response = Response::new(Either::Left(Full::new(Bytes::from(body.to_string()))));
            *response.status_mut() = status;
            let headers = response.headers_mut();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            let tag = generation.map(|generation| format!("\"{generation}\""));
            for (name, value) in [(ETAG, tag), (LOCATION, location)] {
                if let Some(value) = value.and_then(|value| HeaderValue::from_str(&value).ok()) {
                    headers.insert(name, value);
                }
            }
            response
        }
    }
}

fn refusal(problem: &Problem, id: &str) -> Response<server::Body> {
    let body = problem.document(id).to_string();
    let mut response = Response::new(Either::Left(Full::new(Bytes::from(body))));
    *response.status_mut() = problem.status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if problem.status == StatusCode::UNAUTHORIZED {
        headers.insert(
            WWW_AUTHENTICATE,
            HeaderValue::from_static("Bearer realm=\"headwater\", AWS4-HMAC-SHA256"),
        );
    }
    if let Some(allowed) = problem.allowed.as_ref().and_then(|allowed| HeaderValue::from_str(allowed).ok()) {
        headers.insert(ALLOW, allowed);
    }
    response
}
