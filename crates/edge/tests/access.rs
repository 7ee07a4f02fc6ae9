//! Paths that take tokens: who is let in, by which carrier and protocol, and what happens to keys meanwhile.

#[allow(dead_code, reason = "one request a connection is all that is asked here")]
#[path = "common/http3_client.rs"]
mod client;
mod common;

use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use client::Client;
use common::{Answer, Edge, HANG, Origin, SEGMENT, ok};
use edge::access::sign::{Claims, Signer, new_key};
use edge::{Access, AccessKey, KeyFile};
use http::Request;
use rustls::pki_types::SubjectPublicKeyInfoDer;
use rustls::pki_types::pem::PemObject;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;

/// Who makes tokens: a key of which the edge has the public half as `{id}.pem` in a folder.
struct Issuer {
    id: &'static str,
    signer: Signer,
    public_pem: String,
}

impl Issuer {
    fn new(id: &'static str) -> Issuer {
        let (private, public_pem) = new_key().unwrap();
        Issuer { id, signer: Signer::from_pem(private.as_bytes()).unwrap(), public_pem }
    }

    /// A token for an hour.
    fn token(&self, path: &str) -> String {
        self.sign(&Claims { exp: now_s() + 3600, nbf: None, path, ip: None })
    }

    fn sign(&self, claims: &Claims<'_>) -> String {
        self.signer.sign(Some(self.id), claims).unwrap()
    }

    /// Its public half as a member of a set.
    fn jwk(&self) -> String {
        let der = SubjectPublicKeyInfoDer::from_pem_slice(self.public_pem.as_bytes()).unwrap();
        let (x, y) = der[der.len() - 64..].split_at(32);
        let [x, y] = [x, y].map(|half| URL_SAFE_NO_PAD.encode(half));
        format!(
            r#"{{"kty":"EC","crv":"P-256","use":"sig","alg":"ES256","kid":"{}","x":"{x}","y":"{y}"}}"#,
            self.id
        )
    }
}

fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// Keys in files: `{id}.pem`, which hold the public halves of `issuers`.
fn keys(folder: &Path, issuers: &[&Issuer]) -> Vec<AccessKey> {
    let key = |issuer: &&Issuer| {
        let path = folder.join(format!("{}.pem", issuer.id));
        std::fs::write(&path, &issuer.public_pem).unwrap();
        AccessKey { id: issuer.id.to_owned(), file: KeyFile::Public(path) }
    };
    issuers.iter().map(key).collect()
}

fn table(paths: &[&str], keys: Vec<AccessKey>) -> Access {
    let paths = paths.iter().map(|path| (*path).to_owned()).collect();
    Access { paths, keys, jwks: None, jwks_keep_ms: 3_600_000 }
}

/// An edge whose paths below `/main/` take tokens of an issuer.
async fn guarded(origin: &Origin) -> (Edge, Issuer, TempDir) {
    let (folder, issuer) = (tempfile::tempdir().unwrap(), Issuer::new("k1"));
    let edge =
        Edge::with_access(origin.address, vec![table(&["/main/*"], keys(folder.path(), &[&issuer]))]).await;
    (edge, issuer, folder)
}

async fn refused(edge: &Edge, reason: &str) -> u64 {
    edge.metric(&format!("headwater_edge_access_refused_total{{reason=\"{reason}\"}}")).await
}

/// Asks until the answer has this status.
async fn until(edge: &Edge, target: &str, status: u16) -> Answer {
    let asked = async {
        loop {
            let answer = edge.get(target).await;
            if answer.status == status {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(HANG, asked).await.unwrap_or_else(|_| panic!("{target} never gets {status}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_carrier_lets_in_viewers_share_what_is_cached_and_the_origin_sees_no_token() {
    let origin = Origin::fixed(ok(SEGMENT, b"x")).await;
    let (edge, issuer, _folder) = guarded(&origin).await;
    let (one, other) = (issuer.token("/main/*"), issuer.token("/main/720p30/"));
    let plain = "/main/720p30/1.m4s";
    for (target, headers) in [
        (format!("/~{one}{plain}"), String::new()),
        (format!("/~{other}{plain}"), String::new()),
        (format!("{plain}?token={one}"), String::new()),
        (format!("{plain}?a=b&token={other}&c"), String::new()),
        (plain.to_owned(), format!("Authorization: Bearer {one}\r\n")),
        (plain.to_owned(), format!("authorization: bearer {other}\r\n")),
        (plain.to_owned(), format!("Cookie: a=b; headwater_token={one}\r\n")),
        (
            format!("/~{one}/%6dain/720p30/1.m4s?token=not-looked-at"),
            "Cookie: headwater_token=nor-this\r\n".into(),
        ),
    ] {
        let answer = edge.ask("GET", &target, &headers).await;
        assert_eq!((answer.status, &*answer.body), (200, &b"x"[..]), "{target} {headers}");
        assert!(answer.header("set-cookie").is_none());
    }
    let heads = origin.heads();
    assert_eq!(heads.len(), 1, "{heads:?}");
    assert!(heads[0].starts_with(&format!("GET {plain} HTTP/1.1\r\n")), "{heads:?}");
    assert!(!heads[0].to_ascii_lowercase().contains("token") && !heads[0].contains(&one), "{heads:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_refused_is_told_why_and_counted_by_reason() {
    let origin = Origin::fixed(ok(SEGMENT, b"x")).await;
    let (edge, issuer, _folder) = guarded(&origin).await;
    let valid = issuer.token("/main/*");
    let claims = Claims { exp: now_s() + 60, nbf: None, path: "/main/*", ip: None };
    let with = |token: &str| format!("/~{token}/main/a");
    // A viewer has it in the cache already; that helps nobody.
    assert_eq!(edge.get(&with(&valid)).await.status, 200);
    for (reason, target, words) in [
        ("missing", "/main/a".to_owned(), "takes a token"),
        ("expired", with(&issuer.sign(&Claims { exp: now_s() - 30, ..claims.clone() })), "expired"),
        (
            "not_yet",
            with(&issuer.sign(&Claims { nbf: Some(now_s() + 300), ..claims.clone() })),
            "not valid yet",
        ),
        ("path", with(&issuer.token("/main2/*")), "another path"),
        ("signature", with(&Issuer::new("k1").token("/main/*")), "signature"),
        ("key", with(&Issuer::new("k2").token("/main/*")), "key"),
        ("malformed", with("x"), "no token"),
        (
            "address",
            with(&issuer.sign(&Claims { ip: Some([192, 0, 2, 1].into()), ..claims.clone() })),
            "address",
        ),
    ] {
        let answer = edge.get(&target).await;
        let said = String::from_utf8(answer.body.clone()).unwrap();
        assert_eq!(answer.status, 403, "{reason}: {said}");
        assert!(said.contains(words) && said.len() < 200 && !said.contains("eyJ"), "{reason}: {said}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        assert_eq!(answer.cache(), "headwater; detail=local");
        assert_eq!(refused(&edge, reason).await, 1, "{reason}");
        let head = edge.ask("HEAD", &target, "").await;
        assert_eq!((head.status, head.body.len()), (403, 0));
    }
    let here = issuer.sign(&Claims { ip: Some([127, 0, 0, 1].into()), ..claims.clone() });
    assert_eq!(edge.get(&with(&here)).await.status, 200);
    assert_eq!(origin.heads().len(), 1, "who is refused reaches nobody");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_spellings_of_a_path_are_no_way_in() {
    let origin = Origin::fixed(ok(SEGMENT, b"x")).await;
    let (edge, issuer, _folder) = guarded(&origin).await;
    let other = issuer.token("/other/*");
    for target in [
        "/main/a",
        "/m%61in/a",
        "/other/../main/a",
        "/other/%2e%2e/main/a",
        "/other/%2E%2E/main/a",
        "/other/..%2fmain/a",
        "//main/a",
        "/main//a",
        "/./main/a",
        "/other%2f..%2fmain/a",
        "/main%2fa/../a",
    ] {
        for target in [format!("/~{other}{target}"), format!("{target}?token={other}"), target.to_owned()] {
            let answer = edge.get(&target).await;
            assert!([400, 403].contains(&answer.status), "{target}: {}", answer.head);
        }
    }
    for target in
        [format!("/~{other}"), format!("/~{other}/~{other}/main/a"), format!("/~{other}?token={other}")]
    {
        assert_eq!(edge.get(&target).await.status, 403, "{target}");
    }
    assert!(origin.heads().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_paths_stay_open_and_preflights_are_answered() {
    let origin = Origin::fixed(ok(SEGMENT, b"x")).await;
    let (edge, issuer, _folder) = guarded(&origin).await;
    for target in ["/other/a", "/main", "/main2/a", "/other/a?token=x"] {
        assert_eq!(edge.get(target).await.status, 200, "{target}");
    }
    // A token in front of an open path is taken off as well: copies of it would fill the cache.
    assert_eq!(edge.get(&format!("/~{}/other/a", issuer.token("/main/*"))).await.status, 200);
    assert_eq!(origin.heads().len(), 3);
    assert_eq!(edge.get("/~x/ingest/main/a").await.status, 404, "publishing never goes through an edge");
    let preflight = edge.ask("OPTIONS", "/main/a", "Access-Control-Request-Headers: authorization\r\n").await;
    assert_eq!(preflight.status, 204);
    assert!(preflight.header("access-control-allow-headers").unwrap().contains("authorization"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_was_good_is_refused_once_it_is_over() {
    let origin = Origin::fixed(ok(SEGMENT, b"x")).await;
    let (edge, issuer, _folder) = guarded(&origin).await;
    // Its time is over; the slack is for five seconds more.
    let token = issuer.sign(&Claims { exp: now_s() - 25, nbf: None, path: "/main/", ip: None });
    let target = format!("/~{token}/main/a");
    assert_eq!(edge.get(&target).await.status, 200);
    assert_eq!(edge.get(&target).await.status, 200);
    let over = until(&edge, &target, 403).await;
    assert!(String::from_utf8(over.body).unwrap().contains("expired"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_rotated_while_the_edge_runs() {
    let origin = Origin::fixed(ok(SEGMENT, b"x")).await;
    let (folder, first, second) = (tempfile::tempdir().unwrap(), Issuer::new("k1"), Issuer::new("k2"));
    let edge =
        Edge::with_access(origin.address, vec![table(&["/main/*"], keys(folder.path(), &[&first, &second]))])
            .await;
    let [of_first, of_second] =
        [&first, &second].map(|issuer| format!("/~{}/main/a", issuer.token("/main/*")));
    assert_eq!(edge.get(&of_first).await.status, 200);
    assert_eq!(edge.get(&of_second).await.status, 200);

    let renewed = Issuer::new("k1");
    let of_renewed = format!("/~{}/main/a", renewed.token("/main/*"));
    assert_eq!(edge.get(&of_renewed).await.status, 403);
    // Half written: the keys before stay.
    let file = folder.path().join("k1.pem");
    std::fs::write(&file, &renewed.public_pem[..40]).unwrap();
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(edge.get(&of_first).await.status, 200);
    std::fs::write(&file, &renewed.public_pem).unwrap();
    until(&edge, &of_renewed, 200).await;
    assert_eq!(
        edge.get(&of_first).await.status,
        403,
        "what was verified with a key that is gone is not believed"
    );
    assert_eq!(edge.get(&of_second).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_of_an_issuer_that_died_are_believed_for_a_while_and_then_nobody_is_let_in() {
    let origin = Origin::fixed(ok(SEGMENT, b"x")).await;
    let (first, second) = (Issuer::new("i1"), Issuer::new("i2"));
    let set = Arc::new(Mutex::new(format!(r#"{{"keys":[{}]}}"#, first.jwk())));
    let script = {
        let set = set.clone();
        move |_, mut stream: tokio::net::TcpStream| {
            let set = set.lock().unwrap().clone();
            async move {
                stream
                    .write_all(&ok("Content-Type: application/jwk-set+json\r\n", set.as_bytes()))
                    .await
                    .ok()?;
                Some(stream)
            }
        }
    };
    let issuer = Origin::start(script.clone()).await;
    let jwks = format!("http://{}/keys/v1.json", issuer.address).parse().unwrap();
    let access = Access { jwks: Some(jwks), jwks_keep_ms: 6_000, ..table(&["/main/*"], Vec::new()) };
    let edge = Edge::with_access(origin.address, vec![access]).await;
    let [of_first, of_second] =
        [&first, &second].map(|issuer| format!("/~{}/main/a", issuer.token("/main/*")));
    assert_eq!(edge.get(&of_first).await.status, 200, "keys are there before the first viewer");
    assert!(issuer.heads()[0].starts_with("GET /keys/v1.json HTTP/1.1\r\n"), "{:?}", issuer.heads());

    // A new key, seen with the first token that names it.
    assert_eq!(edge.get(&of_second).await.status, 403);
    *set.lock().unwrap() = format!(r#"{{"keys":[{},{}]}}"#, second.jwk(), first.jwk());
    until(&edge, &of_second, 200).await;

    let address = issuer.stop().await;
    let failed = "headwater_edge_jwks_fetches_total{result=\"failed\"}";
    edge.metric_reaches(failed, edge.metric(failed).await + 1).await;
    assert_eq!(edge.metric("headwater_edge_jwks_down").await, 0);
    for target in [&of_first, &of_second] {
        assert_eq!(edge.get(target).await.status, 200, "keys held go on");
    }
    let denied = until(&edge, &of_first, 403).await;
    assert!(String::from_utf8(denied.body).unwrap().contains("key"));
    assert_eq!(edge.get(&of_second).await.status, 403);
    assert_eq!(edge.metric("headwater_edge_jwks_down").await, 1);

    let back = Origin::start_at(address, script).await;
    until(&edge, &of_second, 200).await;
    assert_eq!(edge.metric("headwater_edge_jwks_down").await, 0);
    drop(back);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_set_of_keys_lets_nobody_in_and_the_edge_serves_the_rest() {
    let origin = Origin::fixed(ok(SEGMENT, b"x")).await;
    let issuer = Issuer::new("i1");
    let padded = format!(r#"{{"keys":[{}],"x":"{}"}}"#, issuer.jwk(), "x".repeat(64 * 1024));
    for answer in [
        b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n".to_vec(),
        ok("", b"<html>"),
        ok("", padded.as_bytes()),
    ] {
        let publisher = Origin::fixed(answer).await;
        let jwks = Some(format!("http://{}/keys.json", publisher.address).parse().unwrap());
        let access = Access { jwks, ..table(&["/main/*"], Vec::new()) };
        let edge = Edge::with_access(origin.address, vec![access]).await;
        assert_eq!(edge.get(&format!("/~{}/main/a", issuer.token("/main/*"))).await.status, 403);
        assert_eq!(edge.get("/other").await.status, 200);
        assert_eq!(edge.metric("headwater_edge_jwks_down").await, 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http_2_and_http_3_are_guarded_as_http_1() {
    let origin = Origin::fixed(ok(SEGMENT, b"x")).await;
    let (edge, issuer, _folder) = guarded(&origin).await;
    let token = issuer.token("/main/*");
    let bearer = format!("Bearer {token}");
    // HTTP/2 and HTTP/3 may send each cookie in a line of its own.
    let cookie = format!("headwater_token={token}");
    type Asked<'a> = (String, &'a [(&'a str, &'a str)], u16);
    let asked: [Asked<'_>; 6] = [
        ("/main/a".to_owned(), &[], 403),
        (format!("/~{token}/main/a"), &[], 200),
        (format!("/main/a?token={token}"), &[], 200),
        ("/main/a".to_owned(), &[("authorization", &bearer)], 200),
        ("/main/a".to_owned(), &[("cookie", "a=b"), ("cookie", &cookie)], 200),
        (format!("/~{}/main/a", issuer.token("/other/*")), &[], 403),
    ];
    for (target, fields, status) in &asked {
        let mut request = Request::get(format!("https://localhost{target}"));
        for (name, value) in *fields {
            request = request.header(*name, *value);
        }
        let request = request.body(()).unwrap();
        assert_eq!(by_http_2(&edge, request).await, *status, "HTTP/2: {target} {fields:?}");
        assert_eq!(by_http_3(&edge, target, fields).await, *status, "HTTP/3: {target} {fields:?}");
    }
    assert_eq!(origin.heads().len(), 1);
    assert_eq!((refused(&edge, "missing").await, refused(&edge, "path").await), (2, 2));
}

async fn by_http_2(edge: &Edge, request: Request<()>) -> u16 {
    let (send, connection) = h2::client::handshake(edge.connect().await).await.unwrap();
    let connection = tokio::spawn(connection);
    let mut send: h2::client::SendRequest<Bytes> = send.ready().await.unwrap();
    let (response, _) = send.send_request(request, true).unwrap();
    let (head, mut stream) = response.await.unwrap().into_parts();
    let mut body = Vec::new();
    while let Some(piece) = stream.data().await {
        body.extend_from_slice(&piece.unwrap());
    }
    connection.abort();
    judged(head.status.as_u16(), &body)
}

async fn by_http_3(edge: &Edge, target: &str, fields: &[(&str, &str)]) -> u16 {
    let answer = Client::connect(edge).await.ask("GET", target, fields).await.unwrap();
    judged(answer.status.as_u16(), &answer.body)
}

/// The status, of which the body is the proof.
fn judged(status: u16, body: &[u8]) -> u16 {
    match status {
        200 => assert_eq!(body, b"x"),
        _ => assert!(body.starts_with(b"access refused: "), "{}", String::from_utf8_lossy(body)),
    }
    status
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_that_openssl_made_sign_and_verify() {
    let origin = Origin::fixed(ok(SEGMENT, b"x")).await;
    let folder = tempfile::tempdir().unwrap();
    let openssl = |line: &str| {
        let done = Command::new("openssl").args(line.split(' ')).current_dir(folder.path()).output().unwrap();
        assert!(done.status.success(), "openssl {line}: {}", String::from_utf8_lossy(&done.stderr));
    };
    for (id, line) in [
        ("rsa", "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa.key"),
        ("ec", "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out ec.key"),
        ("ed", "genpkey -algorithm ed25519 -out ed.key"),
        ("weak", "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out weak.key"),
    ] {
        openssl(line);
        openssl(&format!("pkey -in {id}.key -pubout -out {id}.pem"));
    }
    openssl("rand -hex -out hs.pem 32");
    let key = |id: &str| AccessKey {
        id: id.to_owned(),
        file: KeyFile::Public(folder.path().join(format!("{id}.pem"))),
    };
    let secret = AccessKey { id: "hs".to_owned(), file: KeyFile::Secret(folder.path().join("hs.pem")) };
    let weak = edge::check_access(&[table(&["/main/*"], vec![key("weak")])]).unwrap_err();
    assert!(std::error::Error::source(&weak).unwrap().to_string().contains("1024"), "{weak:?}");

    let all = table(&["/main/*"], vec![key("rsa"), key("ec"), key("ed"), secret]);
    let edge = Edge::with_access(origin.address, vec![all]).await;
    let claims = Claims { exp: now_s() + 60, nbf: None, path: "/main/*", ip: None };
    for id in ["rsa", "ec", "ed", "hs"] {
        let signer = match id {
            "hs" => Signer::from_secret(&std::fs::read(folder.path().join("hs.pem")).unwrap()).unwrap(),
            _ => Signer::from_pem(&std::fs::read(folder.path().join(format!("{id}.key"))).unwrap()).unwrap(),
        };
        let valid = signer.sign(Some(id), &claims).unwrap();
        assert_eq!(edge.get(&format!("/~{valid}/main/a")).await.status, 200, "{id}");
        let as_another = signer.sign(Some(if id == "ec" { "ed" } else { "ec" }), &claims).unwrap();
        assert_eq!(edge.get(&format!("/~{as_another}/main/a")).await.status, 403, "{id}");
    }
}
