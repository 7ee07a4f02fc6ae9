//! Row 55: ranges, conditions, HEAD and codings, with nginx as the judge. The edge caches a file that nginx serves; asked the
//! same, both must answer the same.

mod common;

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use common::{Answer, Edge, HANG, body};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Bytes of the file.
const LEN: u64 = 10_000;

/// An nginx of the test's own.
struct Nginx {
    process: Child,
    address: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Nginx {
    async fn start() -> Nginx {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        let address = {
            let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            free.local_addr().unwrap()
        };
        std::fs::write(at.join("f.mp4"), body(LEN as usize)).unwrap();
        let shown = at.display();
        // Several ranges at once may be ignored (RFC 9110 §14.2), and are by the edge; times are compared as §13.1.3 says.
        let config = format!(
            "daemon off; master_process off; pid {shown}/pid; error_log stderr crit;\n\
             events {{}}\n\
             http {{\n\
               access_log off; default_type video/mp4; gzip on; gzip_min_length 1; gzip_types *;\n\
               client_body_temp_path {shown}/a; proxy_temp_path {shown}/b; fastcgi_temp_path {shown}/c;\n\
               uwsgi_temp_path {shown}/d; scgi_temp_path {shown}/e;\n\
               server {{ listen {address}; root {shown}; max_ranges 1; if_modified_since before;\n\
                 add_header cache-control max-age=600; }}\n\
             }}\n"
        );
        std::fs::write(at.join("nginx.conf"), config).unwrap();
        let process = Command::new("nginx")
            .args(["-p", at.to_str().unwrap(), "-e", "stderr", "-c", at.join("nginx.conf").to_str().unwrap()])
            .stdin(Stdio::null())
            .spawn()
            .expect("nginx is there: scripts/packages run test");
        let nginx = Nginx { process, address, _folder: folder };
        let answers = async { while TcpStream::connect(address).await.is_err() {} };
        tokio::time::timeout(HANG, answers).await.expect("nginx starts");
        nginx
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

async fn ask(server: SocketAddr, method: &str, headers: &str) -> Answer {
    let mut stream = TcpStream::connect(server).await.unwrap();
    let request = format!("{method} /f.mp4 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(HANG, stream.read_to_end(&mut bytes)).await;
    read.expect("an answer").unwrap();
    let mut answer = Answer::read(&bytes);
    // nginx spells names otherwise.
    let lines: Vec<String> = answer
        .head
        .lines()
        .map(|line| match line.split_once(':') {
            Some((name, value)) => format!("{}:{value}\r\n", name.to_ascii_lowercase()),
            None => format!("{line}\r\n"),
        })
        .collect();
    answer.head = lines.concat();
    answer
}

/// One request: what is asked, with placeholders for the file's own validators.
#[derive(Clone, Debug)]
struct Case {
    head: bool,
    range: Option<String>,
    if_range: Option<String>,
    if_none_match: Option<String>,
    if_modified_since: Option<String>,
    accept_encoding: Option<&'static str>,
}

fn offset() -> impl Strategy<Value = u64> {
    prop_oneof![
        0..LEN,
        Just(0),
        Just(LEN - 1),
        Just(LEN),
        Just(LEN + 1),
        (LEN..10 * LEN),
        Just(i64::MAX as u64),
    ]
}

fn range() -> impl Strategy<Value = String> {
    let one = prop_oneof![
        (offset(), offset()).prop_map(|(a, b)| format!("{}-{}", a.min(b), a.max(b))),
        offset().prop_map(|first| format!("{first}-")),
        offset().prop_map(|suffix| format!("-{suffix}")),
    ];
    prop_oneof![
        8 => one.clone().prop_map(|one| format!("bytes={one}")),
        // nginx leaves out what does not exist, so that one range may remain.
        1 => (0..LEN, 0..LEN).prop_map(|(one, other)| format!("bytes={one}-,{other}-{LEN}")),
        1 => one.prop_map(|one| format!("items={one}")),
    ]
}

fn tag() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => Just("ETAG".to_owned()),
        1 => Just("W/ETAG".to_owned()),
        2 => Just("\"other\"".to_owned()),
    ]
}

fn tags() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::collection::vec(tag(), 1..4).prop_map(|tags| tags.join(", ")),
        1 => Just("*".to_owned()),
    ]
}

fn time() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("MODIFIED".to_owned()),
        Just("Thu, 01 Jan 1970 00:00:01 GMT".to_owned()),
        Just("Fri, 01 Jan 2100 00:00:00 GMT".to_owned()),
    ]
}

fn case() -> impl Strategy<Value = Case> {
    (
        prop::bool::weighted(0.25),
        prop::option::weighted(0.8, range()),
        prop::option::weighted(0.4, prop_oneof![tag(), time()]),
        prop::option::weighted(0.3, tags()),
        prop::option::weighted(0.3, time()),
        prop::option::weighted(
            0.3,
            prop::sample::select(vec!["gzip", "gzip, br", "identity", "*", "gzip;q=0"]),
        ),
    )
        .prop_map(|(head, range, if_range, if_none_match, if_modified_since, accept_encoding)| Case {
            head,
            range,
            if_range,
            if_none_match,
            if_modified_since,
            accept_encoding,
        })
}

#[test]
fn ranges_and_conditions_are_answered_as_nginx_answers_them() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (nginx, edge) = runtime.block_on(async {
        let nginx = Nginx::start().await;
        let edge = Edge::before(nginx.address).await;
        (nginx, edge)
    });
    let whole = runtime.block_on(ask(edge.address, "GET", ""));
    assert_eq!((whole.status, whole.body.len() as u64), (200, LEN));
    assert_eq!(whole.header("content-encoding"), None);
    let (etag, modified) =
        (whole.header("etag").unwrap().to_owned(), whole.header("last-modified").unwrap().to_owned());

    let mut runner = TestRunner::new(Config { cases: 600, failure_persistence: None, ..Config::default() });
    let judged = runner.run(&case(), |case| {
        let named = |name: &str, value: &Option<String>| match value {
            Some(value) => {
                format!("{name}: {}\r\n", value.replace("ETAG", &etag).replace("MODIFIED", &modified))
            }
            None => String::new(),
        };
        let tags = named("If-None-Match", &case.if_none_match);
        let times = named("If-Modified-Since", &case.if_modified_since);
        let conditions = tags.clone() + &times;
        let ranges = named("Range", &case.range) + &named("If-Range", &case.if_range);
        let coding = case.accept_encoding.map(|coding| format!("Accept-Encoding: {coding}\r\n"));
        let method = if case.head { "HEAD" } else { "GET" };
        let ours = runtime.block_on(ask(
            edge.address,
            method,
            &(conditions.clone() + &ranges + &coding.unwrap_or_default()),
        ));
        // Range is for GET alone (RFC 9110 §14.2); nginx minds it for HEAD too. And the edge has one coding of each object,
        // so nginx is asked for that one.
        // A tag makes the time of no account (§13.1.3); nginx minds both.
        let judged = if tags.is_empty() { times } else { tags };
        let asked = if case.head { judged } else { judged + &ranges };
        let theirs = runtime.block_on(ask(nginx.address, method, &asked));
        prop_assert_eq!(ours.status, theirs.status);
        prop_assert_eq!(ours.header("content-range"), theirs.header("content-range"));
        prop_assert_eq!(
            ours.header("etag"),
            if ours.status == 416 { Some(etag.as_str()) } else { theirs.header("etag") }
        );
        prop_assert_eq!(ours.header("content-encoding"), None);
        if ours.status != 416 {
            // A 416 has nginx's own words for a body.
            prop_assert_eq!(ours.header("content-length"), theirs.header("content-length"));
            prop_assert!(ours.body == theirs.body);
        }
        prop_assert!(ours.status != 304 || ours.body.is_empty());
        prop_assert!(!case.head || ours.body.is_empty());
        Ok::<(), TestCaseError>(())
    });
    judged.unwrap();
    // Here nginx answers 416; what is no range is as good as none (RFC 9110 §14.2).
    for (range, status) in [("bytes=5-2", 200), ("bytes=x", 200), ("bytes=-", 200), ("bytes 0-9", 200)] {
        let answer = runtime.block_on(ask(edge.address, "GET", &format!("Range: {range}\r\n")));
        assert_eq!(answer.status, status, "{range}");
    }
    // Everything came from the one copy.
    assert_eq!(runtime.block_on(edge.metric(r#"headwater_edge_origin_fetches_total{result="stored"}"#)), 1);
    runtime.block_on(async { tokio::time::timeout(Duration::from_secs(30), edge.drained()).await.unwrap() });
}
