//! Signed requests that were changed on the way: none may be taken for what it was not signed as.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use bytes::Bytes;
use door::Door;
use http::{HeaderName, HeaderValue, Method, Request, Uri};
use identity::sigv4::{Body, Claim, Signer};
use media::Utc;

use super::{answer, signed_parts};
use crate::testing::{self, Home, Recorder};

const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A request in parts that may be changed.
#[derive(Clone, Debug)]
struct Wire {
    method: Vec<u8>,
    path: Vec<u8>,
    query: Vec<u8>,
    headers: Vec<(Vec<u8>, Vec<u8>)>,
    body: Vec<u8>,
}

impl Wire {
    fn new(method: &str, path: &str, query: &str, headers: &[(&str, &str)], body: &str) -> Self {
        let headers =
            headers.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()));
        Self {
            method: method.into(),
            path: path.into(),
            query: query.into(),
            headers: [(b"host".to_vec(), b"127.0.0.1:8400".to_vec())].into_iter().chain(headers).collect(),
            body: body.into(),
        }
    }

    fn signed(mut self, home: &Home, service: &str, now: Utc) -> Self {
        let signer = Signer {
            access_key: home.root.access_key.as_str().to_owned(),
            secret: home.root.secret_key.clone(),
            token: None,
            region: "us-west-2".to_owned(),
            service: service.to_owned(),
        };
        let headers: Vec<(&str, &[u8])> = self
            .headers
            .iter()
            .map(|(name, value)| (std::str::from_utf8(name).expect("text"), value.as_slice()))
            .collect();
        let request = identity::sigv4::Request {
            method: std::str::from_utf8(&self.method).expect("text"),
            path: std::str::from_utf8(&self.path).expect("text"),
            query: std::str::from_utf8(&self.query).expect("text"),
            headers: &headers,
            body: Body::Whole(&self.body),
        };
        let added = signer.headers(&request, now).expect("signed");
        self.headers
            .extend(added.into_iter().map(|(name, value)| (name.to_ascii_lowercase().into(), value.into())));
        self
    }

    /// As hyper would give it; `None` for what is no HTTP.
    fn request(&self) -> Option<Request<Bytes>> {
        let mut target = self.path.clone();
        if !self.query.is_empty() {
            target.push(b'?');
            target.extend(&self.query);
        }
        let mut request = Request::new(Bytes::from(self.body.clone()));
        *request.method_mut() = Method::from_bytes(&self.method).ok()?;
        *request.uri_mut() = Uri::try_from(target.as_slice()).ok()?;
        for (name, value) in &self.headers {
            let (name, value) = (HeaderName::from_bytes(name).ok()?, HeaderValue::from_bytes(value).ok()?);
            request.headers_mut().append(name, value);
        }
        Some(request)
    }
}

/// What was signed by whom for what, as the receiver reads it; nothing where it is not signed.
fn canonical(request: &Request<Bytes>) -> Option<(Vec<u8>, String, String)> {
    let headers = signed_parts(request.headers());
    let parts = identity::sigv4::Request {
        method: request.method().as_str(),
        path: request.uri().path(),
        query: request.uri().query().unwrap_or(""),
        headers: &headers,
        body: Body::Whole(request.body()),
    };
    let claim = Claim::read(parts).ok()?;
    let authorization = request.headers().get("authorization")?.to_str().ok()?;
    let signature = authorization.rsplit_once("Signature=")?.1.to_owned();
    let scope = format!("{} {}", claim.access_key(), claim.scope());
    Some((claim.canonical_request().ok()?, scope, signature))
}

/// Small and the same on every machine.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % bound.max(1)
    }

    /// Changes, takes out, puts in or doubles a byte.
    fn spoil(&mut self, bytes: &mut Vec<u8>) {
        let at = self.below(bytes.len());
        let printable = b' ' + self.below(95) as u8;
        match self.below(5) {
            _ if bytes.is_empty() => bytes.push(printable),
            0 => bytes[at] ^= 1 << self.below(7),
            1 => drop(bytes.remove(at)),
            2 => bytes.insert(at, printable),
            3 => bytes.insert(at, bytes[at]),
            _ => bytes[at] = printable,
        }
    }

    fn mutate(&mut self, wire: &mut Wire, others: &[Wire]) {
        let header = self.below(wire.headers.len());
        match self.below(12) {
            0 => self.spoil(&mut wire.method),
            1 | 2 => self.spoil(&mut wire.path),
            3 => self.spoil(&mut wire.query),
            4 | 5 => self.spoil(&mut wire.body),
            6..=8 => self.spoil(&mut wire.headers[header].1),
            9 => drop(wire.headers.remove(header)),
            10 => {
                // Another request's signature, or one of its other headers.
                let other = &others[self.below(others.len())];
                let (name, value) = other.headers[self.below(other.headers.len())].clone();
                if self.below(2) == 0 {
                    wire.headers.retain(|(there, _)| *there != name);
                }
                wire.headers.push((name, value));
            }
            _ => {
                let other = &others[self.below(others.len())];
                match self.below(3) {
                    0 => wire.body.clone_from(&other.body),
                    1 => wire.path.clone_from(&other.path),
                    _ => wire.method.clone_from(&other.method),
                }
            }
        }
    }
}

fn originals(home: &Home, now: Utc) -> Vec<Wire> {
    let json = ("content-type", "application/json");
    let form = ("content-type", "application/x-www-form-urlencoded; charset=utf-8");
    let target = ("x-amz-target", "GraniteServiceVersion20100801.PutMetricAlarm");
    let alarm = r#"{"AlarmName":"a","EvaluationPeriods":1,"ComparisonOperator":"GreaterThanThreshold"}"#;
    let topic =
        "Action=DeleteTopic&Version=2010-03-31&TopicArn=arn%3Aaws%3Asns%3Aus-west-2%3A123456789012%3At";
    vec![
        Wire::new("POST", "/prod/inputs", "", &[json], r#"{"name":"n","type":"RTMP_PUSH"}"#).signed(
            home,
            "medialive",
            now,
        ),
        Wire::new("DELETE", "/prod/channels/1234567", "", &[], "").signed(home, "medialive", now),
        Wire::new("GET", "/prod/channels", "maxResults=5&nextToken=a%2Fb", &[], "").signed(
            home,
            "medialive",
            now,
        ),
        Wire::new("POST", "/", "", &[form], topic).signed(home, "sns", now),
        Wire::new("POST", "/", "", &[("content-type", "application/x-amz-json-1.0"), target], alarm).signed(
            home,
            "monitoring",
            now,
        ),
    ]
}

#[tokio::test]
async fn of_ten_thousand_signed_requests_that_were_changed_none_is_accepted() {
    let doors: Vec<_> = ["medialive", "sns", "cloudwatch"].into_iter().map(Recorder::new).collect();
    let home = testing::front(doors.iter().map(|door| door.clone() as Arc<dyn Door>).collect()).await;
    let now = Utc(1_795_400_000_000_000);
    let originals = originals(&home, now);
    let accepted = || doors.iter().map(|door| door.count()).sum::<usize>();
    for original in &originals {
        let request = original.request().expect("HTTP");
        let answered = answer(&home.front, &request, LOCAL, now, "id").await;
        assert_eq!(answered.response.status().as_u16() / 100, 2, "{original:?} {:?}", answered.response);
    }
    assert_eq!(accepted(), originals.len());

    let (mut chance, mut tried) = (Chance(20_261_127), 0);
    // Long past the moment in which a client may honestly send the same again.
    let later = now.plus_micros(60_000_000);
    while tried < 10_000 {
        let original = &originals[chance.below(originals.len())];
        let mut wire = original.clone();
        for _ in 0..=chance.below(2) {
            chance.mutate(&mut wire, &originals);
        }
        let Some(request) = wire.request() else { continue };
        let before = original.request().expect("HTTP");
        // What only looks different, such as two blanks for one, is the same request.
        if canonical(&request) == canonical(&before) {
            continue;
        }
        tried += 1;
        let answered = answer(&home.front, &request, LOCAL, later, "id").await;
        let status = answered.response.status().as_u16();
        assert!((400..500).contains(&status) || status == 501, "{status} to {wire:?}");
        assert_eq!(accepted(), originals.len(), "accepted {wire:?}");
    }
}

#[tokio::test]
async fn a_body_that_is_packed_on_the_way_is_not_unpacked() {
    let door = Recorder::new("medialive");
    let home = testing::front(vec![door.clone()]).await;
    let now = Utc(1_795_400_000_000_000);
    for header in ["content-encoding", "smithy-protocol"] {
        let mut wire = originals(&home, now).remove(0);
        wire.headers.push((header.into(), b"identity".to_vec()));
        let answered = answer(&home.front, &wire.request().expect("HTTP"), LOCAL, now, "id").await;
        assert_eq!((answered.response.status().as_u16(), door.count()), (403, 0), "{header}");
    }
    assert!(home.folder.path().exists());
}

#[tokio::test]
async fn a_signature_is_good_for_its_own_service_alone() {
    let (medialive, sns) = (Recorder::new("medialive"), Recorder::new("sns"));
    let home = testing::front(vec![medialive.clone(), sns.clone()]).await;
    let now = Utc(1_795_400_000_000_000);
    let wire = Wire::new("GET", "/prod/channels", "", &[], "").signed(&home, "sns", now);
    let answered = answer(&home.front, &wire.request().expect("HTTP"), LOCAL, now, "id").await;
    assert!(answered.response.status().is_client_error());
    assert_eq!(medialive.count() + sns.count(), 0);
    let wire = Wire::new("GET", "/prod/channels", "", &[], "").signed(&home, "medialive", now);
    answer(&home.front, &wire.request().expect("HTTP"), LOCAL, now, "id").await;
    let asked = medialive.asked.lock().expect("not poisoned").pop().expect("asked");
    assert_eq!((asked.operation, asked.caller.region.as_str()), ("ListChannels", "us-west-2"));
    assert_eq!(asked.caller.action, "medialive:ListChannels");
    assert!(asked.input.is_empty() && asked.caller.who.ends_with(":root"), "{asked:?}");
}
