//! Requests as botocore signs them (`testdata/README.md`), those of our own signer, and what is made of them on the way.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use serde::Deserialize;

use super::*;
use crate::{Secret, hex, iso_time};
use media::Utc;

#[derive(Deserialize)]
struct Vectors {
    now: String,
    key: String,
    temporary: String,
    secret: String,
    token: String,
    requests: Vec<Vector>,
}

#[derive(Clone, Deserialize)]
struct Vector {
    name: String,
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: String,
}

/// A request that can be changed.
#[derive(Clone, Debug, PartialEq)]
struct Sent {
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

impl Sent {
    fn of(vector: &Vector) -> Self {
        Sent {
            method: vector.method.clone(),
            path: vector.path.clone(),
            query: vector.query.clone(),
            headers: vector
                .headers
                .iter()
                .map(|(name, value)| (name.clone(), value.clone().into_bytes()))
                .collect(),
            body: STANDARD.decode(&vector.body).unwrap(),
        }
    }

    fn verify(&self, credential: Option<&Credential>, now: Utc) -> Result<Verified, Fault> {
        self.verify_by(|_| credential.cloned(), now)
    }

    /// As the front door does it: `find` knows who has a key.
    fn verify_by(&self, find: impl FnOnce(&str) -> Option<Credential>, now: Utc) -> Result<Verified, Fault> {
        let headers: Vec<(&str, &[u8])> =
            self.headers.iter().map(|(name, value)| (name.as_str(), &value[..])).collect();
        let claim = Claim::read(Request {
            method: &self.method,
            path: &self.path,
            query: &self.query,
            headers: &headers,
            body: Body::Whole(&self.body),
        })?;
        claim.verify(find(claim.access_key()).as_ref(), now, UnsignedPayload::Refuse)
    }

    fn header(&mut self, name: &str) -> &mut Vec<u8> {
        &mut self.headers.iter_mut().find(|(key, _)| key.eq_ignore_ascii_case(name)).unwrap().1
    }

    fn is_presigned(&self) -> bool {
        self.query.contains("X-Amz-Signature")
    }
}

impl fmt::Display for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} {}?{}", self.method, self.path, self.query)?;
        for (name, value) in &self.headers {
            writeln!(f, "{name}: {}", value.escape_ascii())?;
        }
        write!(f, "{}", self.body.escape_ascii())
    }
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("../../testdata/sigv4/botocore.json")).unwrap()
}

impl Vectors {
    fn now(&self) -> Utc {
        iso_time::parse_basic(&self.now).unwrap()
    }

    /// The credential of the key the request names.
    fn credential(&self, sent: &Sent) -> Credential {
        let is_temporary = sent.query.contains(&self.temporary)
            || sent.headers.iter().any(|(_, value)| String::from_utf8_lossy(value).contains(&self.temporary));
        let session = is_temporary
            .then(|| Session { token: Secret::new(&*self.token), expires: after(self.now(), 3_600) });
        Credential { secret: Secret::new(&*self.secret), session }
    }

    fn sent(&self, name: &str) -> Sent {
        Sent::of(self.requests.iter().find(|vector| vector.name == name).unwrap())
    }
}

fn after(time: Utc, seconds: i64) -> Utc {
    time.plus_micros(seconds * 1_000_000)
}

#[test]
fn what_botocore_signs_is_verified() {
    let vectors = vectors();
    assert!(vectors.requests.len() > 20);
    for vector in &vectors.requests {
        let sent = Sent::of(vector);
        let credential = vectors.credential(&sent);
        let verified = sent.verify(Some(&credential), vectors.now()).unwrap_or_else(|fault| {
            panic!("{}: {fault}", vector.name);
        });
        assert_eq!(verified.access_key == vectors.key, credential.session.is_none(), "{}", vector.name);
        let is_s3_url = vector.name.starts_with("s3 presigned");
        assert_eq!(verified.payload, if is_s3_url { Payload::Unsigned } else { Payload::Signed });
    }
}

#[test]
fn another_secret_or_no_key_is_refused() {
    let vectors = vectors();
    for vector in &vectors.requests {
        let sent = Sent::of(vector);
        let wrong = Credential { secret: Secret::new("another"), ..vectors.credential(&sent) };
        assert_eq!(sent.verify(Some(&wrong), vectors.now()), Err(Fault::Mismatch), "{}", vector.name);
        assert_eq!(sent.verify(None, vectors.now()), Err(Fault::UnknownKey));
    }
}

#[test]
fn a_signature_is_good_for_five_minutes_and_for_s3_fifteen() {
    let vectors = vectors();
    for (name, skew_s) in [("medialive get", limits::SKEW_S), ("s3 get", limits::SKEW_S3_S)] {
        let sent = vectors.sent(name);
        let at = |seconds| {
            let now = after(vectors.now(), seconds);
            sent.verify(Some(&vectors.credential(&sent)), now).map(|_| ())
        };
        assert_eq!(at(skew_s), Ok(()));
        assert_eq!(at(-skew_s), Ok(()));
        assert!(matches!(at(skew_s + 1), Err(Fault::Expired { .. })));
        assert!(matches!(at(-skew_s - 1), Err(Fault::NotYet { .. })));
    }
}

#[test]
fn a_presigned_url_is_good_until_it_expires() {
    let vectors = vectors();
    for (name, expires_s) in [("s3 presigned get", 3_600), ("sts presigned", 60)] {
        let sent = vectors.sent(name);
        let at = |seconds| {
            let now = after(vectors.now(), seconds);
            sent.verify(Some(&vectors.credential(&sent)), now).map(|verified| verified.form)
        };
        assert_eq!(at(expires_s), Ok(Form::Presigned { expires_s }));
        assert_eq!(at(expires_s + 1), Err(Fault::LinkExpired));
        assert!(matches!(at(-3_600), Err(Fault::NotYet { .. })));
    }
}

#[test]
fn a_temporary_key_needs_its_session_token_while_it_lasts() {
    let vectors = vectors();
    let now = vectors.now();
    for name in ["medialive session token", "sts query with a session token", "sts presigned with a token"] {
        let sent = vectors.sent(name);
        let Credential { secret, session } = vectors.credential(&sent);
        let session = session.unwrap();
        let with =
            |session| sent.verify(Some(&Credential { secret: secret.clone(), session }), now).map(|_| ());
        assert_eq!(with(Some(session.clone())), Ok(()));
        assert_eq!(with(Some(Session { expires: now, ..session.clone() })), Err(Fault::TokenExpired));
        assert_eq!(
            with(Some(Session { token: Secret::new("another"), ..session.clone() })),
            Err(Fault::Token)
        );
        assert_eq!(with(None), Err(Fault::Token));
    }
    let sent = vectors.sent("medialive get");
    let session = Session { token: Secret::new(&*vectors.token), expires: after(now, 60) };
    let temporary = Credential { secret: Secret::new(&*vectors.secret), session: Some(session) };
    assert_eq!(sent.verify(Some(&temporary), now), Err(Fault::Token));
}

#[test]
fn a_body_that_is_not_the_signed_one_is_refused() {
    let vectors = vectors();
    for (name, fault) in [
        ("medialive json body", Fault::Mismatch),
        ("s3 put", Fault::PayloadMismatch),
        ("lambda", Fault::Mismatch),
    ] {
        let mut sent = vectors.sent(name);
        sent.body.push(b' ');
        assert_eq!(sent.verify(Some(&vectors.credential(&sent)), vectors.now()), Err(fault), "{name}");
    }
}

#[test]
fn a_body_that_comes_later_is_owed() {
    let vectors = vectors();
    let sent = vectors.sent("s3 put");
    let headers: Vec<_> = sent.headers.iter().map(|(name, value)| (name.as_str(), &value[..])).collect();
    let request =
        Request { method: "PUT", path: &sent.path, query: "", headers: &headers, body: Body::Later };
    let claim = Claim::read(request).unwrap();
    let verified =
        claim.verify(Some(&vectors.credential(&sent)), vectors.now(), UnsignedPayload::Refuse).unwrap();
    let hash: [u8; 32] =
        hex::decode("03e71c6d7dc6bd4e89ceaf32f6488ca0aa69b0de784b706cac5818d680e9d97f").unwrap();
    assert_eq!(verified.payload, Payload::Owed(hash));
    assert_eq!(format!("{claim:?}").matches(&hex::encode(&verified.signature)).count(), 0);
}

#[test]
fn what_is_wrong_with_a_signature_is_named() {
    let vectors = vectors();
    let check = |change: &dyn Fn(&mut Sent), fault: Fault| {
        let mut sent = vectors.sent("cloudwatch json");
        change(&mut sent);
        assert_eq!(sent.verify(Some(&vectors.credential(&sent)), vectors.now()), Err(fault));
    };
    let authorization = |from: &'static str, to: &'static str| {
        move |sent: &mut Sent| {
            let value = String::from_utf8(sent.header("authorization").clone()).unwrap();
            assert!(value.contains(from));
            *sent.header("authorization") = value.replace(from, to).into_bytes();
        }
    };
    let without = |name: &'static str| {
        move |sent: &mut Sent| sent.headers.retain(|(key, _)| !key.eq_ignore_ascii_case(name))
    };
    let with = |name: &'static str, value: &'static str| {
        move |sent: &mut Sent| sent.headers.push((name.to_owned(), value.as_bytes().to_vec()))
    };
    check(&without("authorization"), Fault::Missing);
    check(&authorization("AWS4-HMAC-SHA256 ", "AWS "), Fault::Mechanism);
    check(&authorization("Credential=", "Credentials="), Fault::Unreadable("Authorization"));
    check(&authorization(", Signature=", ", Signature"), Fault::Unreadable("Authorization"));
    check(&authorization("SignedHeaders=", "Credential="), Fault::Twice("Credential"));
    check(&authorization("/aws4_request", ""), Fault::Scope("Credential"));
    check(&authorization("20261121", "20261122"), Fault::ScopeDay);
    check(&authorization("Signature=", "Signature=0"), Fault::Unreadable("Signature"));
    check(&authorization("host;x-amz-date", "x-amz-date;host"), Fault::Unreadable("SignedHeaders"));
    check(&authorization("host;", ""), Fault::UnsignedHeader("host".into()));
    check(&authorization("content-type;", "content-type;etag;"), Fault::AbsentHeader("etag".into()));
    check(&with("X-Amz-Tagging", "a"), Fault::UnsignedHeader("x-amz-tagging".into()));
    check(&with("Host", "127.0.0.1:8443"), Fault::Twice("host"));
    check(&with("Authorization", "AWS4-HMAC-SHA256"), Fault::Twice("Authorization"));
    check(&without("host"), Fault::AbsentHeader("host".into()));
    check(&without("x-amz-date"), Fault::MissingPart("x-amz-date"));
    check(&|sent| *sent.header("x-amz-date") = b"Sat, 21 Nov 2026".to_vec(), Fault::Unreadable("x-amz-date"));
    check(&|sent| sent.path = "/a/../".into(), Fault::Segments);
    check(&|sent| sent.query = vectors.sent("sts presigned").query, Fault::TwoWays);
}

#[test]
fn what_is_wrong_with_a_presigned_url_is_named() {
    let vectors = vectors();
    let check = |from: &str, to: &str, fault: Fault| {
        let mut sent = vectors.sent("sts presigned");
        assert!(sent.query.contains(from));
        sent.query = sent.query.replace(from, to);
        assert_eq!(sent.verify(Some(&vectors.credential(&sent)), vectors.now()), Err(fault), "{to}");
    };
    check("X-Amz-Expires=60", "X-Amz-Expires=0", Fault::Expires);
    check("X-Amz-Expires=60", "X-Amz-Expires=604801", Fault::Expires);
    check("X-Amz-Expires=60", "X-Amz-Expires=%2B60", Fault::Expires);
    check("X-Amz-Expires=60&", "", Fault::MissingPart("X-Amz-Expires"));
    check("X-Amz-Expires=60", "X-Amz-Expires=60&X-Amz-Expires=61", Fault::Twice("X-Amz-Expires"));
    check("X-Amz-Expires=60", "X-Amz-Expires=61", Fault::Mismatch);
    check("X-Amz-Algorithm=AWS4-HMAC-SHA256&", "", Fault::MissingPart("X-Amz-Algorithm"));
    check("SignedHeaders=host", "SignedHeaders=", Fault::Unreadable("X-Amz-SignedHeaders"));
    check("X-Amz-Signature=", "X-Amz-Signatur%65=", Fault::MissingPart("X-Amz-Signature"));
    check(
        "X-Amz-Algorithm=AWS4-HMAC-SHA256",
        "AWSAccessKeyId=AKIA&Expires=1&x=",
        Fault::MissingPart("X-Amz-Algorithm"),
    );

    let mut old = vectors.sent("s3 presigned get");
    old.query = "AWSAccessKeyId=AKIA&Signature=x&Expires=1".into();
    assert_eq!(old.verify(None, vectors.now()), Err(Fault::Mechanism));
}

#[test]
fn what_is_over_a_bound_is_refused_by_name() {
    let sent = vectors().sent("medialive get");
    let check = |change: &dyn Fn(&mut Sent), expected: &str| {
        let mut sent = sent.clone();
        change(&mut sent);
        match sent.verify(None, Utc(0)) {
            Err(Fault::TooLarge { what, .. }) => assert_eq!(what, expected),
            other => panic!("{expected}: {other:?}"),
        }
    };
    check(&|sent| sent.method = "A".repeat(limits::MAX_METHOD + 1), "method");
    check(&|sent| sent.path = "/".repeat(limits::MAX_PATH + 1), "path");
    check(&|sent| sent.query = "q".repeat(limits::MAX_QUERY + 1), "query");
    check(&|sent| sent.query = "a&".repeat(limits::MAX_PARAMETERS + 1), "number of query parameters");
    check(&|sent| sent.headers = vec![("a".into(), vec![]); limits::MAX_HEADERS + 1], "number of headers");
    check(
        &|sent| sent.headers.push(("a".into(), vec![b'a'; limits::MAX_HEADER_BYTES])),
        "size of all headers",
    );
    check(&|sent| *sent.header("authorization") = vec![b'a'; limits::MAX_AUTHORIZATION + 1], "Authorization");
    check(
        &|sent| sent.headers.push(("x-amz-security-token".into(), vec![b'a'; limits::MAX_TOKEN + 1])),
        "session token",
    );
    let names = (0..=limits::MAX_SIGNED).map(|number| format!("a{number}")).collect::<Vec<_>>().join(";");
    check(
        &|sent| {
            let value = String::from_utf8(sent.header("authorization").clone()).unwrap();
            *sent.header("authorization") =
                value.replace("SignedHeaders=", &format!("SignedHeaders={names};")).into();
        },
        "number of signed headers",
    );
}

#[test]
fn an_unsigned_payload_is_taken_only_where_the_connection_protects_it() {
    let signer = signer("s3", None);
    let headers = [("host", &b"localhost"[..])];
    let request = Request { method: "PUT", path: "/b/k", query: "", headers: &headers, body: Body::Later };
    let added = signer.headers(&request, Utc(0)).unwrap();
    let mut headers = headers.to_vec();
    headers.extend(added.iter().map(|(name, value)| (*name, value.as_bytes())));
    let claim = Claim::read(Request { headers: &headers, ..request }).unwrap();
    let credential = Credential { secret: signer.secret, session: None };
    let payload =
        |unsigned| claim.verify(Some(&credential), Utc(0), unsigned).map(|verified| verified.payload);
    assert_eq!(payload(UnsignedPayload::Accept), Ok(Payload::Unsigned));
    assert_eq!(payload(UnsignedPayload::Refuse), Err(Fault::PayloadUnsigned));
}

fn signer(service: &str, token: Option<&str>) -> Signer {
    Signer {
        access_key: "AKIAIOSFODNN7EXAMPLE".into(),
        secret: Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        token: token.map(Secret::new),
        region: "eu-west-1".into(),
        service: service.into(),
    }
}

proptest! {
    #[test]
    fn what_our_signer_signs_is_verified(
        service in "(s3|medialive)",
        path in "(/[a-zA-Z0-9 ~%é+]{1,8}){0,3}/?",
        query in "([a-cA-C é+]{1,3}(=[a-c/ ]{0,3})?&?){0,5}",
        token in proptest::option::of("[a-zA-Z0-9/+=]{1,40}"),
        value in "[ a-z]{0,10}",
        body in "[a-z]{0,10}",
        now in 0_i64..4_000_000_000,
    ) {
        let path = if path.is_empty() { "/".to_owned() } else { path.replace('%', "%25") };
        let now = Utc(now * 1_000_000);
        let signer = signer(&service, token.as_deref());
        let session = token.as_ref().map(|token| Session { token: Secret::new(&**token), expires: after(now, 1) });
        let credential = Credential { secret: signer.secret.clone(), session };
        let plain = [("Host", &b"localhost:8443"[..]), ("X-Amz-Meta-A", value.as_bytes()), ("User-Agent", b"a")];
        let body = Body::Whole(body.as_bytes());
        let request = Request { method: "POST", path: &path, query: &query, headers: &plain, body };

        let added = signer.headers(&request, now).unwrap();
        let mut headers = plain.to_vec();
        headers.extend(added.iter().map(|(name, value)| (*name, value.as_bytes())));
        let claim = Claim::read(Request { headers: &headers, ..request }).unwrap();
        prop_assert!(claim.verify(Some(&credential), now, UnsignedPayload::Refuse).is_ok());

        let request = Request { headers: &plain[..1], ..request };
        let query = signer.presign(&request, now, 60).unwrap();
        let claim = Claim::read(Request { query: &query, ..request }).unwrap();
        prop_assert!(claim.verify(Some(&credential), now, UnsignedPayload::Refuse).is_ok());
    }
}

/// Method, path, parameters, headers, body.
type Meaning = (String, String, Vec<(Vec<u8>, Vec<u8>)>, Vec<(String, Vec<u8>)>, Vec<u8>);

/// What a request asks for, told without the code that is tested: two that differ here ask for different things.
fn meaning(sent: &Sent) -> Meaning {
    let decode = |text: &str| {
        let (mut out, mut rest) = (Vec::new(), text.as_bytes());
        while let [first, tail @ ..] = rest {
            let code = (*first == b'%').then(|| tail.get(..2)).flatten();
            let code = code.and_then(|code| u8::from_str_radix(std::str::from_utf8(code).ok()?, 16).ok());
            out.push(code.unwrap_or(*first));
            rest = if code.is_some() { &tail[2..] } else { tail };
        }
        out
    };
    let mut pairs: Vec<_> = (sent.query.split('&').filter(|pair| !pair.is_empty()))
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect();
    pairs.sort();
    let words = |value: &[u8]| {
        let words = value.split(|byte| b" \t".contains(byte)).filter(|word| !word.is_empty());
        words.collect::<Vec<_>>().join(&b' ')
    };
    // Blanks between the parts of `Authorization` say nothing, nor does the order of headers of different names.
    let parts = |value: &[u8]| value.split(|byte| *byte == b',').map(words).collect::<Vec<_>>().join(&b',');
    let header = |(name, value): &(String, Vec<u8>)| match name.as_str() {
        "Authorization" => (name.clone(), parts(value)),
        _ => (name.to_ascii_lowercase(), words(value)),
    };
    let mut headers: Vec<_> = sent.headers.iter().map(header).collect();
    headers.sort_by(|one, other| one.0.cmp(&other.0));
    let path = String::from_utf8_lossy(&decode(&sent.path)).into_owned();
    (sent.method.clone(), path, pairs, headers, sent.body.clone())
}

/// One change to a byte of `text`.
fn change(text: &mut Vec<u8>, chance: &mut impl FnMut(usize) -> usize) {
    const ALPHABET: &[u8] = b"abcXYZ019-._~/%+=&;, !?\xe9";
    let at = chance(text.len() + 1);
    let letter = ALPHABET[chance(ALPHABET.len())];
    match chance(5) {
        0 if at < text.len() => drop(text.remove(at)),
        1 if at + 1 < text.len() => text.swap(at, at + 1),
        2 if at < text.len() => text[at] ^= 0x20,
        3 if at < text.len() => text[at] = letter,
        _ => text.insert(at, letter),
    }
}

/// One change to something that counts: a signed header, the signature, another part of the request.
fn mutate(sent: &mut Sent, chance: &mut impl FnMut(usize) -> usize) {
    let string = |text: &mut String, chance: &mut _| {
        let mut bytes = std::mem::take(text).into_bytes();
        change(&mut bytes, chance);
        *text = String::from_utf8_lossy(&bytes).into_owned();
    };
    let authorization = sent.headers.iter().find(|(name, _)| name == "Authorization");
    let names = authorization.map_or("host".into(), |(_, value)| String::from_utf8_lossy(value).into_owned());
    let counts = |name: &str| name == "Authorization" || names.contains(&name.to_lowercase());
    let counting: Vec<usize> = (0..sent.headers.len()).filter(|at| counts(&sent.headers[*at].0)).collect();
    // An earlier change may have taken the only one away.
    if counting.is_empty() {
        return;
    }
    let header = counting[chance(counting.len())];
    // The body of a presigned S3 URL is not signed.
    let has_signed_body = !(sent.is_presigned() && sent.query.contains("%2Fs3%2F"));
    match chance(8) {
        0 => string(&mut sent.method, chance),
        1 => string(&mut sent.path, chance),
        2 => string(&mut sent.query, chance),
        3 if has_signed_body => change(&mut sent.body, chance),
        4 => drop(sent.headers.remove(header)),
        5 => {
            let twice = sent.headers[header].clone();
            sent.headers.push(twice);
        }
        6 => sent.headers.push((format!("x-amz-{}", chance(100)), b"a".to_vec())),
        _ => change(&mut sent.headers[header].1, chance),
    }
}

#[test]
fn of_ten_thousand_requests_that_were_changed_none_is_accepted() {
    let vectors = vectors();
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let mut chance = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    let (mut refused, mut mismatches) = (0, 0);
    while refused < 10_000 {
        let original = Sent::of(&vectors.requests[chance(vectors.requests.len())]);
        let credential = vectors.credential(&original);
        let mut sent = original.clone();
        for _ in 0..=chance(3) {
            mutate(&mut sent, &mut chance);
        }
        if meaning(&sent) == meaning(&original) {
            continue;
        }
        let is_known = |key: &str| key == vectors.key || key == vectors.temporary;
        match sent.verify_by(|key| is_known(key).then_some(credential), vectors.now()) {
            Ok(_) => panic!(
                "accepted:
{sent}
signed:
{original}"
            ),
            Err(Fault::Mismatch | Fault::PayloadMismatch) => mismatches += 1,
            Err(_) => {}
        }
        refused += 1;
    }
    // Many must have come as far as the comparison, or this shows nothing of it.
    assert!(mismatches > 3_000, "{mismatches}");
}
