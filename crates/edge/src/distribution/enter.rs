//! A request to a distribution, from its door to its answer.

use std::sync::Arc;
use std::time::Instant;

use http::StatusCode;
use http_cache::Key;
use spec::distribution::{Methods, ViewerProtocol};

use super::dress::Dress;
use super::routes::Distribution;
use super::way::{Asked, Way};
use crate::gate::{Method, Violation, Wants};
use crate::object::Object;
use crate::resolve::{Entered, Errand, Visit, is_ingest, settle};
use crate::respond::{Answer, Ask};
use crate::worker::Worker;

/// Judges a request for `rest` below `distribution`; `token` stood in front of its path. What is refused is answered here.
pub(crate) fn enter<'t>(
    worker: &Worker,
    distribution: &Arc<Distribution>,
    visit: &Visit<'_, 't>,
    token: Option<&str>,
    rest: &str,
) -> Result<Entered<'t>, Box<Answer>> {
    judge(worker, distribution, visit, token, rest).inspect_err(|answer| distribution.counts.answered(answer))
}

fn judge<'t>(
    worker: &Worker,
    distribution: &Arc<Distribution>,
    visit: &Visit<'_, 't>,
    token: Option<&str>,
    rest: &str,
) -> Result<Entered<'t>, Box<Answer>> {
    let method = visit.method;
    let refuse = |status, words: &str| Box::new(Answer::local(method, status, words, None));
    if !distribution.spec.enabled {
        return Err(refuse(403, "this distribution is disabled"));
    }
    let path = rest.split_once('?').map_or(rest, |(path, _)| path);
    let root = distribution.spec.default_root.as_ref().map(|root| format!("/{root}"));
    let path = match path {
        "" | "/" => root.as_deref().unwrap_or("/"),
        path => path,
    };
    let spec = &distribution.behaviours[distribution.behaviour(path)].spec;
    if method == Method::Options && spec.methods == Methods::Read {
        return Err(refuse(403, "this distribution answers GET and HEAD"));
    }
    match spec.viewer_protocol {
        ViewerProtocol::HttpsOnly if !visit.secure => {
            return Err(refuse(403, "this is served by https only"));
        }
        ViewerProtocol::RedirectToHttps if !visit.secure => return Err(to_https(worker, visit)),
        _ => {}
    }
    let guard = worker.shared.access.as_deref();
    let asked =
        Asked { path, query: visit.presented.query, fields: visit.fields, hides_token: guard.is_some() };
    let (key, way) = Way::find(distribution, &asked).map_err(|violation| {
        worker.counters.rejected(violation);
        Box::new(Answer::refusal(violation))
    })?;
    for own in &way.behaviour().supply.own_paths {
        // What a path of this edge's own takes a token for, it takes one for by this way too.
        let own = format!("{own}{path}");
        if is_ingest(&own) {
            return Err(refuse(404, "not here"));
        }
        if let Some(guard) = guard {
            guard.admit(token, &own, method, visit.presented, visit.place.viewer).map_err(|refusal| {
                worker.counters.access_refused(refusal);
                Box::new(Answer::no_access(method, refusal))
            })?;
        }
    }
    Ok(Entered::by(key, Arc::new(way)))
}

/// The same URL by https, at the port where this edge speaks it.
fn to_https(worker: &Worker, visit: &Visit<'_, '_>) -> Box<Answer> {
    let host = visit.host.and_then(|host| std::str::from_utf8(host).ok());
    let (Some(host), Some(port)) = (host, worker.shared.tls_port) else {
        return Box::new(Answer::refusal(Violation::Host));
    };
    let name = match host.rfind(':').filter(|at| !host[*at..].contains(']')) {
        Some(at) => &host[..at],
        None => host,
    };
    let port = if port == 443 { String::new() } else { format!(":{port}") };
    let path = visit.target.split_once('?').map_or(visit.target, |(path, _)| path);
    let query = visit.presented.query.map_or_else(String::new, |query| format!("?{query}"));
    let status = if visit.method == Method::Options { 307 } else { 301 };
    let mut answer = Answer::local(visit.method, status, "by https", None);
    answer.dress = Some(Dress::to(format!("https://{name}{port}{path}{query}")));
    Box::new(answer)
}

/// What the viewer gets of `answer`: a page of the distribution's where it is an error that has one, and dressed.
pub(crate) async fn finish(worker: &Arc<Worker>, way: &Arc<Way>, ask: Ask<'_>, mut answer: Answer) -> Answer {
    if let Some(page) = way.distribution.page(answer.status.as_u16())
        && let Some(mut instead) = page_at(worker, way, &page.path, ask.method).await
    {
        instead.status = StatusCode::from_u16(page.status).unwrap_or(answer.status);
        instead.dress = Some(Dress::of(way).unwrap_or_default());
        way.distribution.counts.answered(&instead);
        return instead;
    }
    dress(way, &mut answer);
    answer
}

/// The page, where it is there.
async fn page_at(worker: &Arc<Worker>, way: &Arc<Way>, path: &str, method: Method) -> Option<Answer> {
    let (key, errand) = way_to_page(worker, way, path)?;
    let found = worker.shared.store.lookup(key.as_str(), Instant::now());
    let ask = Ask { method, wants: Wants::default() };
    let answer = settle(worker, &key, ask, &errand, found).await;
    (answer.status == StatusCode::OK).then_some(answer)
}

fn way_to_page(worker: &Worker, way: &Arc<Way>, path: &str) -> Option<(Key, Errand)> {
    let asked = Asked { path, query: None, fields: &|_| {}, hides_token: false };
    let (key, way) = Way::find(&way.distribution, &asked).ok()?;
    // A page that takes a token here is none for everybody.
    let takes_token = |own: &String| {
        let guard = worker.shared.access.as_deref();
        guard.is_some_and(|guard| guard.protects(&format!("{own}{path}")))
    };
    let is_open = !way.behaviour().supply.own_paths.iter().any(takes_token);
    is_open.then(|| (key, Errand { via: None, way: Some(Arc::new(way)) }))
}

/// Dresses an answer as its behaviour says; a viewer gets it now.
pub(crate) fn dress(way: &Arc<Way>, answer: &mut Answer) {
    way.distribution.counts.answered(answer);
    answer.dress = Dress::of(way);
}

/// Whether a stored object is an answer as it is.
pub(crate) fn is_final(way: Option<&Way>, object: &Object) -> bool {
    way.is_none_or(|way| way.distribution.page(object.status.as_u16()).is_none())
}
