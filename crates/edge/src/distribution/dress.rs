//! What is done to the header fields of an answer before a viewer gets it.

use std::sync::Arc;

use spec::distribution::{Cors, ResponseHeaders};

use super::way::Way;

/// What is done to the header fields of one answer.
#[derive(Debug, Default)]
pub(crate) struct Dress {
    /// By the rules of this way's behaviour.
    way: Option<Arc<Way>>,
    /// Besides, of this answer alone.
    own: Option<(&'static str, String)>,
}

/// Whose words the fields are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Words {
    /// An origin's.
    Origins,
    /// The edge's own: they give way to rules that leave an origin's as they are.
    Edges,
}

/// Names and values.
type Lines = Vec<(Vec<u8>, Vec<u8>)>;

impl Dress {
    /// That of a way; none where its behaviour leaves answers as they are.
    pub(super) fn of(way: &Arc<Way>) -> Option<Box<Dress>> {
        let has_rules = way.behaviour().spec.response.is_some();
        has_rules.then(|| Box::new(Dress { way: Some(way.clone()), own: None }))
    }

    /// One that says where to go.
    pub(super) fn to(location: String) -> Box<Dress> {
        Box::new(Dress { way: None, own: Some(("location", location)) })
    }

    /// Calls `each` with the fields that `own` tells, dressed.
    pub(crate) fn over(
        &self,
        words: Words,
        own: impl FnOnce(&mut dyn FnMut(&[u8], &[u8])),
        mut each: impl FnMut(&[u8], &[u8]),
    ) {
        let mut lines = Lines::new();
        own(&mut |name, value| lines.push((name.to_vec(), value.to_vec())));
        if let Some(way) = &self.way
            && let Some(rules) = &way.behaviour().spec.response
        {
            apply(rules, way.asked_by.as_deref(), words, &mut lines);
        }
        if let Some((name, value)) = &self.own {
            lines.push((name.as_bytes().to_vec(), value.as_bytes().to_vec()));
        }
        for (name, value) in &lines {
            each(name, value);
        }
    }
}

fn apply(rules: &ResponseHeaders, asked_by: Option<&str>, words: Words, lines: &mut Lines) {
    lines.retain(|(name, _)| !rules.remove.iter().any(|removed| removed.as_bytes() == name));
    if let Some(cors) = &rules.cors {
        tell_page(cors, asked_by, words, lines);
    }
    for header in &rules.set {
        let is_it = |name: &Vec<u8>| name == header.name.as_bytes();
        if header.overrides || words == Words::Edges {
            lines.retain(|(name, _)| !is_it(name));
        } else if lines.iter().any(|(name, _)| is_it(name)) {
            continue;
        }
        add(lines, &header.name, &header.value);
    }
}

/// The Fetch standard's CORS protocol.
fn tell_page(cors: &Cors, asked_by: Option<&str>, words: Words, lines: &mut Lines) {
    let says = |name: &[u8]| name.starts_with(b"access-control-");
    if !cors.origins.iter().any(|origin| origin == "*") {
        // Caches on the way must not give one page's answer to another.
        add(lines, "vary", "origin");
    }
    let Some(page) = asked_by else { return };
    let is_preflight = words == Words::Edges;
    if cors.overrides || words == Words::Edges {
        lines.retain(|(name, _)| !says(name));
    } else if lines.iter().any(|(name, _)| says(name)) {
        return;
    }
    let Some(allowed) = cors.allowed(page) else { return };
    add(lines, "access-control-allow-origin", allowed);
    if cors.credentials {
        add(lines, "access-control-allow-credentials", "true");
    }
    let mut list = |name, words: &[String]| {
        if !words.is_empty() {
            add(lines, name, &words.join(", "));
        }
    };
    list("access-control-expose-headers", &cors.expose);
    if is_preflight {
        list("access-control-allow-methods", &cors.methods);
        list("access-control-allow-headers", &cors.headers);
        if let Some(seconds) = cors.max_age_s {
            add(lines, "access-control-max-age", &seconds.to_string());
        }
    }
}

fn add(lines: &mut Lines, name: &str, value: &str) {
    lines.push((name.as_bytes().to_vec(), value.as_bytes().to_vec()));
}
