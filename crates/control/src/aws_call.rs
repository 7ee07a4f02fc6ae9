//! A call of one of AWS's APIs, from the request to its answer.
//!
//! Routed, believed, allowed, read, held against its description, done by its door, answered in the form it came in. What is refused
//! on the way and would have changed something leaves a line in the audit log; from its door on, the door writes that line.

#[cfg(test)]
mod tests;

use std::net::IpAddr;

use aws::validate::{self, Violation};
use aws::{Call, Error, Limits, Model, Protocol};
use bytes::Bytes;
use door::Caller;
use http::{HeaderMap, Request, Response};
use identity::policy::Decision;
use identity::sigv4::{self, Body, Claim, Fault};
use identity::{Answer, Family};
use media::Utc;

use crate::asker::{Asker, Denied, Effect, Trouble};
use crate::front::Front;
use crate::seed_dialect;

/// Operations that policies know by another's name.
const ACTIONS: [(&str, &str, &str); 5] = [
    ("cloudfront", "CreateDistributionWithTags", "CreateDistribution"),
    ("sns", "PublishBatch", "Publish"),
    ("sqs", "SendMessageBatch", "SendMessage"),
    ("sqs", "DeleteMessageBatch", "DeleteMessage"),
    ("sqs", "ChangeMessageVisibilityBatch", "ChangeMessageVisibility"),
];
/// Operations that everybody with a key may do, whatever policies say.
const FREE: [(&str, &str); 2] = [("sts", "GetCallerIdentity"), ("sts", "GetSessionToken")];
/// How the names of operations begin that change nothing.
const READS: [&str; 6] = ["Describe", "List", "Get", "Head", "BatchGet", "Check"];
/// One that begins so, and whose answer is for one reader: who sends it again must not get another key.
const MAKES_A_KEY: &str = "GetSessionToken";
/// Header fields that say what a body is: who could change them on the way could change what the call means.
const MEANING: [&str; 2] = ["content-encoding", "smithy-protocol"];

/// An answered call, and which door's it was.
pub(crate) struct Answered {
    pub(crate) response: Response<Bytes>,
    pub(crate) door: &'static str,
}

/// A request's parts as a signature covers them.
pub(crate) fn signed_parts(headers: &HeaderMap) -> Vec<(&str, &[u8])> {
    headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect()
}

/// Answers a request of any AWS client.
pub(crate) async fn answer(
    front: &Front,
    request: &Request<Bytes>,
    peer: IpAddr,
    now: Utc,
    id: &str,
) -> Answered {
    let limits = Limits::default();
    let call = match Model::bundled().route(request, &limits) {
        Ok(call) => call,
        Err(unrouted) => {
            let door = unrouted.service.map_or("none", |service| service.name);
            return Answered { response: unrouted.response(id), door };
        }
    };
    let service = call.service.name;
    let response = match handle(front, request, &call, &limits, Asked { peer, now, id }).await {
        Ok(response) => response,
        Err(error) => call.refusal(&error, id),
    };
    Answered { response, door: service }
}

/// Whose request, when, and its number.
#[derive(Clone, Copy)]
struct Asked<'a> {
    peer: IpAddr,
    now: Utc,
    id: &'a str,
}

async fn handle(
    front: &Front,
    request: &Request<Bytes>,
    call: &Call<'_>,
    limits: &Limits,
    asked: Asked<'_>,
) -> Result<Response<Bytes>, Error> {
    let door = front.door(call.service.name);
    let effect = effect(call.operation.name);
    let mut caller = Caller {
        account: front.account.as_str().to_owned(),
        region: "us-east-1".to_owned(),
        who: Caller::ANYBODY.to_owned(),
        access_key: String::new(),
        source: asked.peer.to_string(),
        request_id: asked.id.to_owned(),
        action: action(call),
        at: asked.now,
    };
    let takes_unsigned = door.is_some_and(|door| door.takes_unsigned(call.operation.name));
    let asker = match believe(front, request, call, effect, takes_unsigned, asked).await {
        Ok(Some((asker, region))) => {
            caller.who = asker.principal.to_string();
            caller.access_key = asker.access_key.clone();
            caller.region = region;
            Some(asker)
        }
        Ok(None) => None,
        Err((claimed, error)) => {
            front.metrics.unauthenticated.inc();
            if let Some(key) = claimed {
                caller.who = format!("unverified:{key}");
            }
            return Err(refused(front, &caller, effect, "", error));
        }
    };
    if asker.as_ref().is_some_and(|asker| asker.is_session) {
        within_a_session(call).map_err(|error| refused(front, &caller, effect, "", error))?;
    }
    let input = call.input(limits).map_err(|error| refused(front, &caller, effect, "", error))?;
    let about = match door {
        Some(door) => door.about(&caller, call.operation.name, &input).await?,
        None => Vec::new(),
    };
    let subject = about.first().map(String::as_str).unwrap_or_default();
    if let Some(asker) = &asker {
        allow(asker, &caller, call, &about, asked)
            .map_err(|error| refused(front, &caller, effect, subject, error))?;
    }
    let passes =
        |found: &Violation| seed_dialect::lets_through(call.service.name, call.operation.name, found);
    let violations = validate::violations_but(call.service, call.operation, &input, &passes);
    if !violations.is_empty() {
        let error = validate::refusal(call.service, call.operation, &violations);
        return Err(refused(front, &caller, effect, subject, error));
    }
    let Some(doing) = door.and_then(|door| door.call(&caller, call.operation.name, input)) else {
        return Ok(call.not_implemented(asked.id));
    };
    let output = doing.await?;
    call.answer(&output, asked.id).map_err(|fault| {
        let (service, operation) = (call.service.name, call.operation.name);
        tracing::error!(%fault, service, operation, request_id = asked.id, "a door's answer is not of its operation's type");
        internal()
    })
}

/// Who asks and for which region; `None` where nobody signed and nobody had to. An error comes with the key that was named.
async fn believe(
    front: &Front,
    request: &Request<Bytes>,
    call: &Call<'_>,
    effect: Effect,
    takes_unsigned: bool,
    asked: Asked<'_>,
) -> Result<Option<(Asker, String)>, (Option<String>, Error)> {
    let family = family(call);
    let told = |fault: Fault| (None, said(&fault.answer(family)));
    let headers = signed_parts(request.headers());
    let parts = sigv4::Request {
        method: request.method().as_str(),
        path: request.uri().path(),
        query: request.uri().query().unwrap_or(""),
        headers: &headers,
        body: Body::Whole(request.body()),
    };
    let claim = match Claim::read(parts) {
        Err(Fault::Missing) if takes_unsigned => return Ok(None),
        claim => claim.map_err(told)?,
    };
    let named = |error| (Some(claim.access_key().to_owned()), error);
    let is_open = |header: &&&str| request.headers().contains_key(**header) && !claim.signs(header);
    if let Some(open) = MEANING.iter().find(is_open) {
        return Err(named(said(&Fault::UnsignedHeader((*open).to_owned()).answer(family))));
    }
    let (asker, verified) = match front.verify(&claim, effect, asked.peer, asked.now).await {
        Ok(verified) => verified,
        Err(Denied::Fault(fault)) => return Err(named(said(&fault.answer(family)))),
        Err(Denied::Trouble(trouble)) => return Err(named(in_trouble(&trouble))),
    };
    if verified.scope.service != call.service.signing_name {
        let message =
            format!("Credential should be scoped to correct service: '{}'.", call.service.signing_name);
        let code = Fault::Mismatch.answer(family);
        return Err(named(said(&Answer { message, ..code })));
    }
    if verified.scope.region.len() > store::Key::MAX_WORD {
        return Err(named(said(&Fault::Scope("Credential").answer(family))));
    }
    Ok(Some((asker, verified.scope.region)))
}

/// What temporary keys may ask for: nothing that would outlive them, as AWS has it for keys made without a second factor.
fn within_a_session(call: &Call<'_>) -> Result<(), Error> {
    match (call.service.name, call.operation.name) {
        ("iam", _) => Err(said(&Fault::Token.answer(family(call)))),
        ("sts", name) if name != "GetCallerIdentity" => {
            let message = format!("Cannot call {name} with session credentials");
            Err(Error::new("AccessDenied", message).with_code("AccessDenied").with_status(403))
        }
        _ => Ok(()),
    }
}

/// What the policies say of a call and everything it is about.
fn allow(
    asker: &Asker,
    caller: &Caller,
    call: &Call<'_>,
    about: &[String],
    asked: Asked<'_>,
) -> Result<(), Error> {
    if FREE.contains(&(call.service.name, call.operation.name)) {
        return Ok(());
    }
    let context = asker.context(asked.peer, &caller.region, asked.now);
    let refused = |decision: Decision, resource| {
        let asked_for = identity::policy::Call { action: &caller.action, resource, context: &context };
        decision.answer(&caller.who, &asked_for, family(call)).map_or(Ok(()), |answer| Err(said(&answer)))
    };
    if about.is_empty() {
        return refused(asker.decide(&caller.action, None, &context), "*");
    }
    about.iter().try_for_each(|arn| refused(asker.decide(&caller.action, Some(arn), &context), arn))
}

/// Notes a refusal that would have changed something.
fn refused(front: &Front, caller: &Caller, effect: Effect, subject: &str, error: Error) -> Error {
    if effect == Effect::Changes {
        front.refusals.note(caller.audit(), subject, &error.name);
    }
    error
}

fn effect(operation: &str) -> Effect {
    let reads = operation != MAKES_A_KEY && READS.iter().any(|begin| operation.starts_with(begin));
    if reads { Effect::Reads } else { Effect::Changes }
}

/// What policies call it: `medialive:CreateChannel`.
fn action(call: &Call<'_>) -> String {
    let (service, name) = (call.service.name, call.operation.name);
    let known =
        ACTIONS.iter().find(|(its_service, its_name, _)| (*its_service, *its_name) == (service, name));
    format!("{service}:{}", known.map_or(name, |(_, _, action)| action))
}

fn family(call: &Call<'_>) -> Family {
    match call.protocol {
        _ if call.service.signing_name == "s3" => Family::S3,
        Protocol::RestJson | Protocol::RpcV2Cbor => Family::RestJson,
        Protocol::Json10 | Protocol::Json11 => Family::Json,
        Protocol::Query | Protocol::RestXml => Family::Query,
    }
}

fn said(answer: &Answer) -> Error {
    Error::new(answer.code, answer.message.clone()).with_code(answer.code).with_status(answer.status)
}

fn in_trouble(trouble: &Trouble) -> Error {
    match trouble {
        Trouble::Away => {
            Error::new("ServiceUnavailable", "the store is busy; try again in a few seconds").with_status(503)
        }
        Trouble::Broken => internal(),
    }
}

fn internal() -> Error {
    Error::new("InternalFailure", "this is a fault of the server; its log says more by this request's id")
        .with_status(500)
}
