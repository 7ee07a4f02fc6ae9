//! What becomes of one request to a distribution: its key, and what its origin is asked.

use std::sync::{Arc, OnceLock};

use http::{HeaderName, HeaderValue, header};
use http_cache::purge::VARIANT;
use http_cache::{Key, KeyRules};

use super::root;
use super::routes::{Behaviour, Distribution};
use crate::config::Upstream;
use crate::gate::{self, Violation};
use crate::via::Pseudonym;

/// HLS's delivery directives (draft-pantos-hls-rfc8216bis §6.2.5), always part of the key: without them a blocking reload does not
/// block. The gate has seen that each comes once and is well formed.
const DIRECTIVES: [&str; 3] = ["_HLS_msn", "_HLS_part", "_HLS_skip"];

/// The way of one request: it outlives a change of distributions.
#[derive(Debug)]
pub(crate) struct Way {
    pub(super) distribution: Arc<Distribution>,
    behaviour: usize,
    /// What the origin is asked for: a path, and a query where there is one.
    pub(crate) target: String,
    /// The viewer's fields that go along.
    pub(crate) fields: Vec<(HeaderName, HeaderValue)>,
    /// The viewer takes gzip, and gets it where that pays.
    pub(crate) packs: bool,
    /// Which page asks, where answers are told who may read them.
    pub(super) asked_by: Option<Box<str>>,
}

/// The viewer's header fields, to be gone through.
pub(crate) type FieldsOf<'a> = &'a dyn Fn(&mut dyn FnMut(&[u8], &[u8]));

/// What a request is asked with, below a distribution.
pub(super) struct Asked<'a> {
    /// Canonical, without a query.
    pub(super) path: &'a str,
    /// As it came, its bytes checked.
    pub(super) query: Option<&'a str>,
    pub(super) fields: FieldsOf<'a>,
    /// The query parameter `token` is the edge's own.
    pub(super) hides_token: bool,
}

impl Way {
    /// The way, and the key that its answer has.
    pub(super) fn find(distribution: &Arc<Distribution>, asked: &Asked<'_>) -> Result<(Key, Way), Violation> {
        let place = distribution.behaviour(asked.path);
        let behaviour = &distribution.behaviours[place];
        let mut key = root(&distribution.spec.name);
        key.push_str(asked.path);
        let mut target = asked.path.to_owned();
        if let Some(query) = asked.query {
            add_query(behaviour, query, asked.hides_token, &mut key, &mut target)?;
        }
        let viewer = Viewer::read(behaviour, asked.fields)?;
        viewer.add_to_key(behaviour, &mut key);
        let Viewer { fields, packs, asked_by, .. } = viewer;
        let distribution = distribution.clone();
        let way = Way { distribution, behaviour: place, target, fields, packs, asked_by };
        Ok((Key::from_canonical(&key), way))
    }

    pub(crate) fn behaviour(&self) -> &Behaviour {
        &self.distribution.behaviours[self.behaviour]
    }
}

/// For the fuzzer and the tests: the key of a request head below a distribution in whose keys is all that can be.
pub fn key_of(head: &[u8]) -> Option<String> {
    const TABLES: &str = "[edge]\norigins = [\"http://a\"]\n[[distribution]]\nname = \"live\"\nmount = true\n\
        origin = [{ id = \"a\", target = \"origin\" }]\n[[distribution.behaviour]]\n\
        query = { except = [\"session\"] }\nheaders = [\"x-kind\"]\ncookies = [\"kind\"]\nforward_query = \"all\"\n\
        forward_headers = [\"x-also\"]\nforward_cookies = [\"also\"]\ncompress = true\n\
        response = { cors = { origins = [\"https://a.example\"] } }\n";
    static ONE: OnceLock<Arc<Distribution>> = OnceLock::new();
    let one = ONE.get_or_init(|| {
        let tables = spec::Workflow::parse(TABLES).expect("the tables above are valid");
        let own = Upstream::of(tables.edge.origins);
        let one = Distribution::new(&tables.distributions[0], None, &own, &Pseudonym::new());
        Arc::new(one.expect("a plain origin needs no certificate"))
    });
    let (request, _) = gate::read(head, &KeyRules::hls()).ok()??;
    let path = request.target.split_once('?').map_or(&*request.target, |(path, _)| path);
    let (query, fields) =
        (request.presented.query, &|each: &mut dyn FnMut(&[u8], &[u8])| request.each_field(each));
    let (key, way) = Way::find(one, &Asked { path, query, fields, hides_token: true }).ok()?;
    // What an origin is asked for is a request target, whatever came.
    assert!(way.target.parse::<http::Uri>().is_ok(), "{}", way.target);
    Some(key.as_str().to_owned())
}

fn add_query(
    behaviour: &Behaviour,
    query: &str,
    hides_token: bool,
    key: &mut String,
    target: &mut String,
) -> Result<(), Violation> {
    let pairs = || {
        query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| (pair.split_once('=').map_or(pair, |(name, _)| name), pair))
    };
    let mut joints = ('?', '?');
    let mut add = |pair: &str, keyed: bool| {
        if keyed {
            key.push(std::mem::replace(&mut joints.0, '&'));
            key.push_str(pair);
        }
        target.push(std::mem::replace(&mut joints.1, '&'));
        target.push_str(pair);
    };
    for directive in DIRECTIVES {
        if let Some((_, pair)) = pairs().find(|(name, _)| *name == directive) {
            add(pair, true);
        }
    }
    for (name, pair) in pairs() {
        if DIRECTIVES.contains(&name) || (hides_token && name == spec::Access::QUERY) {
            continue;
        }
        let keyed = behaviour.spec.query.takes(name);
        if keyed || behaviour.spec.forward_query.takes(name) {
            if !is_encoded_well(pair) {
                return Err(Violation::TargetByte);
            }
            add(pair, keyed);
        }
    }
    Ok(())
}

fn is_encoded_well(text: &str) -> bool {
    text.split('%')
        .skip(1)
        .all(|rest| rest.len() >= 2 && rest.as_bytes()[..2].iter().all(u8::is_ascii_hexdigit))
}

/// What counts of the viewer's header fields.
#[derive(Default)]
struct Viewer {
    fields: Vec<(HeaderName, HeaderValue)>,
    /// `name=value` of cookies in the key, in the order of the behaviour's list.
    cookies: Vec<Vec<u8>>,
    packs: bool,
    asked_by: Option<Box<str>>,
}

impl Viewer {
    fn read(behaviour: &Behaviour, fields: FieldsOf<'_>) -> Result<Viewer, Violation> {
        let spec = &behaviour.spec;
        let tells_pages = spec.response.as_ref().is_some_and(|response| response.cors.is_some());
        let has_cookies = !spec.cookies.is_empty() || !spec.forward_cookies.is_empty();
        let named = [&behaviour.keyed, &behaviour.forwarded];
        let mut viewer = Viewer::default();
        if !tells_pages && !has_cookies && !spec.compress && named.iter().all(|names| names.is_empty()) {
            return Ok(viewer);
        }
        let (mut all_fit, mut cookies) = (true, Vec::new());
        fields(&mut |name, value| {
            let value = value.trim_ascii();
            let is = |known: &HeaderName| name.eq_ignore_ascii_case(known.as_str().as_bytes());
            if tells_pages && is(&header::ORIGIN) {
                viewer.asked_by = std::str::from_utf8(value).ok().map(Box::from);
            }
            if spec.compress && is(&header::ACCEPT_ENCODING) {
                viewer.packs |= takes_gzip(value);
            }
            if has_cookies && is(&header::COOKIE) {
                cookies.extend(value.split(|byte| *byte == b';').map(|pair| pair.trim_ascii().to_vec()));
            }
            if let Some(known) = named.iter().flat_map(|names| names.iter()).find(|known| is(known)) {
                match HeaderValue::from_bytes(value) {
                    Ok(value) => viewer.fields.push((known.clone(), value)),
                    Err(_) => all_fit = false,
                }
            }
        });
        if !all_fit {
            return Err(Violation::FieldValue);
        }
        viewer.take_cookies(behaviour, &cookies)?;
        Ok(viewer)
    }

    fn take_cookies(&mut self, behaviour: &Behaviour, came: &[Vec<u8>]) -> Result<(), Violation> {
        let of = |wanted: &String| {
            let is = |pair: &&Vec<u8>| {
                pair.strip_prefix(wanted.as_bytes()).is_some_and(|rest| rest.first() == Some(&b'='))
            };
            came.iter().filter(is).cloned().collect::<Vec<_>>()
        };
        self.cookies = behaviour.spec.cookies.iter().flat_map(of).collect();
        let also =
            behaviour.spec.forward_cookies.iter().filter(|name| !behaviour.spec.cookies.contains(name));
        let sent: Vec<_> = self.cookies.iter().cloned().chain(also.flat_map(of)).collect();
        if !sent.is_empty() {
            let value = HeaderValue::from_bytes(&sent.join(&b"; "[..])).map_err(|_| Violation::FieldValue)?;
            self.fields.push((header::COOKIE, value));
        }
        Ok(())
    }

    /// As a digest: what viewers send may be long, and is nothing for logs.
    fn add_to_key(&self, behaviour: &Behaviour, key: &mut String) {
        let has_digest = !behaviour.keyed.is_empty() || !behaviour.spec.cookies.is_empty();
        if !has_digest && !self.packs {
            return;
        }
        key.push(VARIANT);
        if has_digest {
            let mut digest = ring::digest::Context::new(&ring::digest::SHA256);
            // Every piece with its length, so that no two lists are one text.
            let mut add = |piece: &[u8]| {
                digest.update(&(piece.len() as u64).to_le_bytes());
                digest.update(piece);
            };
            for name in &behaviour.keyed {
                for (_, value) in self.fields.iter().filter(|(other, _)| other == name) {
                    add(name.as_str().as_bytes());
                    add(value.as_bytes());
                }
            }
            add(b"");
            self.cookies.iter().for_each(|pair| add(pair));
            for byte in &digest.finish().as_ref()[..16] {
                key.push_str(&format!("{byte:02x}"));
            }
        }
        if self.packs {
            key.push_str("gz");
        }
    }
}

/// Whether a viewer's `Accept-Encoding` names gzip, and not only to refuse it (RFC 9110 §12.5.3).
fn takes_gzip(value: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(value) else { return false };
    text.split(',').any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let is_gzip = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        is_gzip && weight.is_none_or(|weight| weight.parse().is_ok_and(|weight: f32| weight > 0.0))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_key_is_one_line_below_its_root_and_hides_what_viewers_sent(
            target in "/[a-z/]{0,9}(\\?[ -~]{0,40})?", kind in "[ -~]{0,20}", cookie in "[ -~]{0,20}", gzip: bool,
        ) {
            let coding = if gzip { "gzip" } else { "br" };
            let head = format!(
                "GET {target} HTTP/1.1\r\nHost: x\r\nX-Kind: {kind}-secret\r\nCookie: kind={cookie}-secret\r\n\
                 Accept-Encoding: {coding}\r\n\r\n"
            );
            if let Some(key) = key_of(head.as_bytes()) {
                prop_assert!(key.starts_with("//live/") && key.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
                prop_assert_eq!(key.matches(VARIANT).count(), 1);
                prop_assert!(!key.contains("-secret"));
                prop_assert_eq!(key.ends_with("gz"), gzip);
                prop_assert_eq!(key_of(head.as_bytes()), Some(key));
            }
        }
    }

    #[test]
    fn fields_and_cookies_that_differ_make_keys_that_differ() {
        let key =
            |lines: &str| key_of(format!("GET /a HTTP/1.1\r\nHost: x\r\n{lines}\r\n").as_bytes()).unwrap();
        let heads = [
            "",
            "X-Kind: a\r\n",
            "X-Kind: b\r\n",
            "X-Kind: a\r\nX-Kind: b\r\n",
            "X-Kind: ab\r\n",
            "Cookie: kind=a\r\n",
            "Cookie: kind=a; kind=b\r\n",
            "Cookie: kind=ab\r\n",
            "X-Kind: kind=a\r\n",
        ];
        for (at, head) in heads.iter().enumerate() {
            for other in &heads[..at] {
                assert_ne!(key(head), key(other), "{head:?} {other:?}");
            }
        }
        assert_eq!(key("Cookie: also=a; kind=k\r\nX-Also: 1\r\n"), key("cookie: kind=k\r\n"));
    }

    #[test]
    fn gzip_is_taken_where_it_is_named_and_not_refused() {
        for (value, takes) in [
            ("gzip", true),
            ("br, GZIP;q=0.5", true),
            ("gzip;q=0", false),
            ("gzip; q=0.000", false),
            ("br", false),
            ("*", false),
            ("", false),
            ("x-gzip", false),
        ] {
            assert_eq!(takes_gzip(value.as_bytes()), takes, "{value}");
        }
    }

    #[test]
    fn a_broken_percent_encoding_is_seen() {
        for (text, well) in
            [("a=%20", true), ("a=b", true), ("a=%2", false), ("%zz=1", false), ("a=%", false)]
        {
            assert_eq!(is_encoded_well(text), well, "{text}");
        }
    }
}
