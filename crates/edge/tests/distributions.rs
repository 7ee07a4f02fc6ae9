//! Distributions: whose host, which rule, what key, what origin, and what viewers see of a change.

mod common;
#[allow(dead_code, reason = "its own part of it")]
#[path = "common/http3_client.rs"]
mod http3_client;

use std::net::SocketAddr;

use common::{Answer, Edge, HANG, Origin, SEGMENT, ok, target};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// The distributions of a workflow's tables; `{origin}` in them is the address of `elsewhere`.
fn read(tables: &str, elsewhere: Option<SocketAddr>) -> Vec<spec::Distribution> {
    let elsewhere = elsewhere.map_or_else(|| "127.0.0.1:9".to_owned(), |address| address.to_string());
    let text = format!(
        "[listen]\nviewers_tls = \"127.0.0.1:8443\"\n[edge]\norigins = [\"http://127.0.0.1:9\"]\n{}",
        tables.replace("{origin}", &elsewhere)
    );
    spec::Workflow::parse(&text).expect("valid tables").distributions
}

/// One named `live` at `live.localhost`, before the edge's own origin, with more lines.
fn live(lines: &str) -> String {
    format!(
        "[[distribution]]\nname = \"live\"\nhosts = [\"live.localhost\"]\nmount = true\n\
         origin = [{{ id = \"main\", target = \"origin\", path = \"/inside\" }}]\n{lines}\n"
    )
}

/// The same with the lines of its only behaviour.
fn behaving(lines: &str) -> String {
    live(&format!("[[distribution.behaviour]]\n{lines}"))
}

async fn edge(origin: &Origin, tables: &str) -> Edge {
    Edge::with_distributions(origin.address, read(tables, None), Vec::new()).await
}

/// Asks at a host, with more header lines.
async fn ask(edge: &Edge, method: &str, host: &str, target: &str, headers: &str) -> Answer {
    let request = format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}\r\n");
    Answer::read(&edge.raw(request.as_bytes()).await)
}

async fn get(edge: &Edge, host: &str, target: &str) -> Answer {
    ask(edge, "GET", host, target, "").await
}

/// An origin that tells what it was asked for.
async fn echo(fields: &'static str) -> Origin {
    Origin::start(move |head, mut stream| async move {
        stream.write_all(&ok(fields, target(&head).as_bytes())).await.ok()?;
        Some(stream)
    })
    .await
}

fn body(answer: &Answer) -> &str {
    std::str::from_utf8(&answer.body).unwrap()
}

/// Every value of a field.
fn fields<'a>(answer: &'a Answer, name: &str) -> Vec<&'a str> {
    answer.head.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_or_a_mount_leads_to_a_distribution_and_all_else_to_the_edge_itself() {
    let origin = echo(SEGMENT).await;
    let edge = edge(&origin, &live("default_root = \"index.html\"")).await;
    for (host, target, asked) in [
        ("live.localhost", "/a.m4s", "/inside/a.m4s"),
        ("LIVE.localhost:8080", "/b.m4s", "/inside/b.m4s"),
        ("live.localhost", "/", "/inside/index.html"),
        ("other", "/d/live/c.m4s", "/inside/c.m4s"),
        ("other", "/d/live", "/inside/index.html"),
        ("other", "/d/lively/c.m4s", "/d/lively/c.m4s"),
        ("other", "/a.m4s", "/a.m4s"),
        ("xlive.localhost", "/b.m4s", "/b.m4s"),
    ] {
        let answer = get(&edge, host, target).await;
        assert_eq!((answer.status, body(&answer)), (200, asked), "{host}{target}");
    }
    let again = get(&edge, "elsewhere:1", "/d/live/a.m4s").await;
    assert!(
        again.header("cache-status").unwrap_or_default().starts_with("headwater; hit"),
        "one object by both ways"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wildcard_is_any_name_one_label_longer() {
    let origin = echo(SEGMENT).await;
    let edge = edge(&origin, &live("").replace("live.localhost", "*.example.org")).await;
    for (host, asked) in [("a.example.org", "/inside/x"), ("example.org", "/x"), ("a.b.example.org", "/x")] {
        assert_eq!(body(&get(&edge, host, "/x").await), asked, "{host}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_behaviour_that_fits_counts_and_its_origin_is_asked_with_its_fields() {
    let (own, other) = (echo(SEGMENT).await, echo(SEGMENT).await);
    let tables = r#"
[[distribution]]
name = "live"
hosts = ["live.localhost"]
[[distribution.origin]]
id = "own"
target = "origin"
[[distribution.origin]]
id = "other"
target = "http://{origin}/base"
path = "/deep"
headers = [{ name = "X-Secret", value = "s3cret" }]
[[distribution.behaviour]]
path = "/a/*.m3u8"
origin = "other"
[[distribution.behaviour]]
path = "*.m3u8"
origin = "own"
[[distribution.behaviour]]
origin = "other"
"#;
    let edge = Edge::with_distributions(own.address, read(tables, Some(other.address)), Vec::new()).await;
    for (target, asked) in
        [("/a/x.m3u8", "/base/deep/a/x.m3u8"), ("/b/x.m3u8", "/b/x.m3u8"), ("/b/x.m4s", "/base/deep/b/x.m4s")]
    {
        assert_eq!(body(&get(&edge, "live.localhost", target).await), asked);
    }
    assert!(other.heads().iter().all(|head| head.to_lowercase().contains("\r\nx-secret: s3cret\r\n")));
    assert!(!own.heads()[0].to_lowercase().contains("x-secret"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_in_the_key_parts_the_cache_and_reaches_the_origin() {
    let origin = echo(SEGMENT).await;
    let lines = "query = [\"v\"]\nheaders = [\"X-Kind\"]\ncookies = [\"kind\"]\n\
        forward_query = [\"also\"]\nforward_headers = [\"X-Also\"]";
    let edge = edge(&origin, &behaving(lines)).await;
    let asked = async |target: &str, headers: &str| {
        let before = origin.heads().len();
        let answer = ask(&edge, "GET", "live.localhost", target, headers).await;
        assert_eq!(answer.status, 200);
        origin.heads()[before..].to_vec()
    };
    let first =
        asked("/x?other=1&also=2&v=3", "X-Kind: a\r\nX-Also: b\r\nX-Other: c\r\nCookie: z=1; kind=d\r\n")
            .await;
    let head = first[0].to_lowercase();
    assert_eq!(target(&first[0]), "/inside/x?also=2&v=3");
    assert!(head.contains("\r\nx-kind: a\r\n") && head.contains("\r\nx-also: b\r\n"), "{head}");
    assert!(head.contains("\r\ncookie: kind=d\r\n") && !head.contains("x-other"), "{head}");
    let same = "X-Also: other\r\nX-Kind: a\r\nCookie: kind=d; z=2\r\n";
    assert!(asked("/x?v=3&also=9", same).await.is_empty(), "all that differs is not in the key");
    for (target, headers) in [
        ("/x?v=4", same),
        ("/x", same),
        ("/x?v=3", "X-Kind: b\r\nCookie: kind=d\r\n"),
        ("/x?v=3", "X-Kind: a\r\nCookie: kind=e\r\n"),
        ("/x?v=3", "X-Kind: a\r\n"),
        ("/x?v=3", ""),
    ] {
        assert_eq!(asked(target, headers).await.len(), 1, "{target} {headers}");
    }
    let blocking = asked("/x?_HLS_part=1&_HLS_msn=2", same).await;
    assert_eq!(target(&blocking[0]), "/inside/x?_HLS_msn=2&_HLS_part=1", "delivery directives always count");
    assert_eq!(ask(&edge, "GET", "live.localhost", "/x?v=%zz", "").await.status, 400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_of_a_query_or_all_but_some_may_count() {
    let origin = echo(SEGMENT).await;
    let edge = edge(&origin, &behaving("query = { except = [\"session\"] }")).await;
    let answer = get(&edge, "live.localhost", "/x?b=2&session=9&a=1&&b=3").await;
    assert_eq!(body(&answer), "/inside/x?b=2&a=1&b=3");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bounds_on_lifetimes_hold_and_are_shown() {
    let ttl = async |fields: &'static str, ttl: &str| {
        let origin = echo(fields).await;
        let edge = edge(&origin, &behaving(&format!("ttl = {ttl}"))).await;
        let answer = get(&edge, "live.localhost", "/x").await;
        let status = answer.header("cache-status").unwrap_or_default().to_owned();
        status.split("ttl=").nth(1).map(|ttl| ttl.split(';').next().unwrap().parse::<i64>().unwrap())
    };
    let near = |found: Option<i64>, wanted: i64| {
        let found = found.expect("it is stored");
        assert!((wanted - 20..=wanted).contains(&found), "{found} for {wanted}");
    };
    near(ttl("", "{ default = 500 }").await, 500);
    near(ttl("Cache-Control: max-age=9000\r\n", "{ default = 50, max = 100 }").await, 100);
    near(ttl("Cache-Control: max-age=5\r\n", "{ min = 300 }").await, 300);
    near(ttl("Cache-Control: no-store\r\n", "{ min = 300 }").await, 300);
    assert_eq!(ttl("Cache-Control: no-store\r\n", "{ min = 0 }").await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_are_kept_as_told_and_shown_as_a_page() {
    let origin = Origin::start(|head, mut stream| async move {
        let answer = match target(&head) {
            "/inside/errors/404.html" => ok(SEGMENT, b"a page"),
            _ => b"HTTP/1.1 404 Not Found\r\ncontent-length: 4\r\n\r\nnone".to_vec(),
        };
        stream.write_all(&answer).await.ok()?;
        Some(stream)
    })
    .await;
    let errors = "[[distribution.error]]\nstatus = 404\nttl = 600\npage = \"/errors/404.html\"\nanswer = 200\n\
        [[distribution.error]]\nstatus = 502\nttl = 600\npage = \"/errors/404.html\"";
    let edge = edge(&origin, &live(errors)).await;
    for round in 0..3 {
        let answer = get(&edge, "live.localhost", "/gone").await;
        assert_eq!((answer.status, body(&answer)), (200, "a page"), "round {round}");
        let head = ask(&edge, "HEAD", "live.localhost", "/gone", "").await;
        assert_eq!((head.status, head.body.len()), (200, 0));
    }
    let asked: Vec<_> = origin.heads().iter().map(|head| target(head).to_owned()).collect();
    assert_eq!(asked, ["/inside/gone", "/inside/errors/404.html"], "both are kept");
    origin.stop().await;
    let answer = get(&edge, "live.localhost", "/new").await;
    assert_eq!((answer.status, body(&answer)), (502, "a page"), "also where no origin answers");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_second_of_a_group_answers_where_the_first_says_it_does_not_have_it() {
    let first = Origin::start(|head, mut stream| async move {
        let answer = match target(&head) {
            old if old.starts_with("/old") => b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_vec(),
            _ => ok(SEGMENT, b"first"),
        };
        stream.write_all(&answer).await.ok()?;
        Some(stream)
    })
    .await;
    let second = Origin::fixed(ok(SEGMENT, b"second")).await;
    let tables = r#"
[[distribution]]
name = "live"
hosts = ["live.localhost"]
[[distribution.origin]]
id = "a"
target = "origin"
[[distribution.origin]]
id = "b"
target = "http://{origin}"
[[distribution.group]]
id = "either"
origins = ["a", "b"]
failover_on = [404, 503]
[[distribution.behaviour]]
origin = "either"
"#;
    let edge = Edge::with_distributions(first.address, read(tables, Some(second.address)), Vec::new()).await;
    for at in 0..5 {
        assert_eq!(body(&get(&edge, "live.localhost", &format!("/old{at}")).await), "second");
        let has = get(&edge, "live.localhost", &format!("/new{at}")).await;
        assert_eq!(body(&has), "first", "one that does not have everything is still asked first");
    }
    first.stop().await;
    assert_eq!(body(&get(&edge, "live.localhost", "/later").await), "second");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn viewers_come_as_they_are_told_to() {
    let origin = echo(SEGMENT).await;
    let edge =
        edge(&origin, &behaving("viewer_protocol = \"redirect-to-https\"\nmethods = [\"GET\", \"HEAD\"]"))
            .await;
    let moved = get(&edge, "live.localhost:1234", "/a?b=1").await;
    assert_eq!(moved.status, 301);
    let port = edge.tls_address().port();
    assert_eq!(moved.header("location").unwrap_or_default(), format!("https://live.localhost:{port}/a?b=1"));
    assert!(origin.heads().is_empty());
    let only = read(&behaving("viewer_protocol = \"https-only\""), None);
    edge.distributions.set(&only).unwrap();
    assert_eq!(get(&edge, "live.localhost", "/a").await.status, 403);
    let reading = read(&behaving("methods = [\"GET\", \"HEAD\"]"), None);
    edge.distributions.set(&reading).unwrap();
    assert_eq!(ask(&edge, "OPTIONS", "live.localhost", "/a", "").await.status, 403);
    assert_eq!(ask(&edge, "OPTIONS", "other", "/a", "").await.status, 204);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_are_dressed_as_told_also_from_the_cache() {
    let origin = echo("Cache-Control: max-age=60\r\nX-Powered: y\r\nX-Kept: origin\r\nETag: \"1\"\r\n").await;
    let lines = r#"response = { remove = ["X-Powered"], set = [{ name = "X-Frame-Options", value = "DENY" }, { name = "X-Kept", value = "rule", override = false }, { name = "Cache-Control", value = "no-cache" }], cors = { origins = ["https://*.example"], max_age = 60, expose = ["x-kept"], credentials = true } }"#;
    let edge = edge(&origin, &behaving(lines)).await;
    for round in 0..2 {
        let answer = ask(&edge, "GET", "live.localhost", "/a", "Origin: https://a.example\r\n").await;
        assert_eq!(fields(&answer, "x-powered").len(), 0);
        assert_eq!(answer.header("x-frame-options").unwrap_or_default(), "DENY");
        assert_eq!(answer.header("x-kept").unwrap_or_default(), "origin", "round {round}");
        assert_eq!(fields(&answer, "cache-control"), ["no-cache"]);
        assert_eq!(answer.header("access-control-allow-origin").unwrap_or_default(), "https://a.example");
        assert_eq!(answer.header("access-control-allow-credentials").unwrap_or_default(), "true");
        assert_eq!(answer.header("access-control-expose-headers").unwrap_or_default(), "x-kept");
        assert_eq!(answer.header("vary").unwrap_or_default(), "origin");
        assert_eq!(body(&answer), "/inside/a");
    }
    let stranger = ask(&edge, "GET", "live.localhost", "/a", "Origin: https://evil\r\n").await;
    assert!(fields(&stranger, "access-control-allow-origin").is_empty());
    let preflight = ask(
        &edge,
        "OPTIONS",
        "live.localhost",
        "/a",
        "Origin: https://a.example\r\nAccess-Control-Request-Method: GET\r\n",
    )
    .await;
    assert_eq!(preflight.status, 204);
    assert_eq!(fields(&preflight, "access-control-allow-origin"), ["https://a.example"]);
    assert_eq!(preflight.header("access-control-max-age").unwrap_or_default(), "60");
    assert_eq!(origin.heads().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn text_is_packed_for_who_takes_it_and_only_then() {
    let text = "#EXTM3U\n".repeat(500);
    let answer = ok(
        "Cache-Control: max-age=60\r\nContent-Type: application/vnd.apple.mpegurl\r\nETag: \"1\"\r\n",
        text.as_bytes(),
    );
    let origin = Origin::fixed(answer).await;
    let edge = edge(&origin, &behaving("compress = true")).await;
    for round in 0..2 {
        let packed = ask(&edge, "GET", "live.localhost", "/a.m3u8", "Accept-Encoding: br, gzip\r\n").await;
        assert_eq!(packed.header("content-encoding").unwrap_or_default(), "gzip", "round {round}");
        assert_eq!(packed.header("etag").unwrap_or_default(), "W/\"1\"");
        assert!(packed.body.len() < text.len() / 10);
        assert_eq!(packed.body[..2], [0x1f, 0x8b]);
        let plain = get(&edge, "live.localhost", "/a.m3u8").await;
        assert_eq!(body(&plain), text);
        assert!(fields(&plain, "content-encoding").is_empty());
    }
    assert_eq!(origin.heads().len(), 2);
    assert!(origin.heads().iter().all(|head| head.to_lowercase().contains("accept-encoding: identity")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn distributions_change_under_a_connection_that_stays_open() {
    let origin = echo("Cache-Control: max-age=60\r\n").await;
    let edge = edge(&origin, &live("")).await;
    let mut viewer = edge.connect().await;
    let mut asks = async |target: &str| {
        let request = format!("GET {target} HTTP/1.1\r\nHost: live.localhost\r\n\r\n");
        viewer.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        // Heads end in an empty line; these bodies are the targets that were asked for.
        while !answer.windows(4).any(|end| end == b"\r\n\r\n") {
            answer.push(viewer.read_u8().await.unwrap());
        }
        let head = String::from_utf8(answer).unwrap().to_lowercase();
        let len =
            head.split("content-length: ").nth(1).unwrap().split("\r\n").next().unwrap().parse().unwrap();
        let mut body = vec![0; len];
        viewer.read_exact(&mut body).await.unwrap();
        (head[9..12].to_owned(), String::from_utf8(body).unwrap())
    };
    assert_eq!(asks("/a").await, ("200".to_owned(), "/inside/a".to_owned()));
    edge.distributions.set(&read(&live("").replace("/inside", "/outside"), None)).unwrap();
    assert_eq!(asks("/a").await.1, "/inside/a", "what is cached stays");
    assert_eq!(asks("/b").await.1, "/outside/b");
    edge.distributions.set(&read(&live("enabled = false"), None)).unwrap();
    assert_eq!(asks("/b").await.0, "403");
    edge.distributions.set(&[]).unwrap();
    assert_eq!(asks("/b").await, ("200".to_owned(), "/b".to_owned()), "the edge's own again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_drops_nobody_who_is_waiting_for_an_answer() {
    let (go, wait) = tokio::sync::watch::channel(false);
    let origin = Origin::start(move |_, mut stream| {
        let mut wait = wait.clone();
        async move {
            wait.wait_for(|go| *go).await.ok()?;
            stream.write_all(&ok(SEGMENT, b"late")).await.ok()?;
            Some(stream)
        }
    })
    .await;
    let edge = std::sync::Arc::new(edge(&origin, &live("")).await);
    let waiting = tokio::spawn({
        let edge = edge.clone();
        async move { get(&edge, "live.localhost", "/a").await }
    });
    let asked = async {
        while origin.heads().is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(HANG, asked).await.unwrap();
    edge.distributions.set(&[]).unwrap();
    go.send_replace(true);
    assert_eq!(body(&waiting.await.unwrap()), "late");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_purge_means_one_distribution_or_the_edges_own_paths() {
    let origin = echo(SEGMENT).await;
    let edge = edge(&origin, &behaving("query = \"all\"\nheaders = [\"x-kind\"]")).await;
    let fill = async || {
        get(&edge, "live.localhost", "/a").await;
        ask(&edge, "GET", "live.localhost", "/a?x=1", "X-Kind: b\r\n").await;
        get(&edge, "live.localhost", "/b").await;
        get(&edge, "other", "/a").await;
    };
    fill().await;
    assert_eq!(edge.purge_of("live", "/a").await, (200, "2".to_owned()));
    fill().await;
    assert_eq!(edge.purge_of("live", "/*").await, (200, "3".to_owned()));
    assert_eq!(edge.purge_of("nobody", "/*").await.0, 404);
    fill().await;
    assert_eq!(edge.purge("/a", "exact").await, (200, "1".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_path_that_takes_a_token_takes_it_by_a_distribution_too() {
    let origin = echo(SEGMENT).await;
    let access = "[edge]\norigins = [\"http://a\"]\n[[edge.access]]\npaths = [\"/inside/*\"]\n\
        keys = [{ id = \"k\", secret_file = \"FILE\" }]";
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    std::fs::write(&file, [7; 32]).unwrap();
    let access =
        spec::Workflow::parse(&access.replace("FILE", &file.display().to_string())).unwrap().edge.access;
    let edge = Edge::with_distributions(origin.address, read(&live(""), None), access).await;
    for (host, target) in [("live.localhost", "/a"), ("other", "/d/live/a"), ("other", "/inside/a")] {
        let answer = get(&edge, host, target).await;
        assert_eq!(answer.status, 403, "{host}{target}");
    }
    assert_eq!(get(&edge, "other", "/a").await.status, 200);
    assert_eq!(origin.heads().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_path_is_for_the_networks_it_names_and_for_distributions() {
    let origin = echo(SEGMENT).await;
    let edge = edge(&origin, &live("")).await;
    let endpoint = |allow: &str| {
        let text = format!(
            "[[channel]]\nname = \"main\"\ninput = \"test\"\n[[endpoint]]\nname = \"a\"\nchannel = \"main\"\npath = \"inside\"\n\
             allow = [\"{allow}\"]\nmanifest = [{{ name = \"index\", kind = \"hls\" }}]\n"
        );
        spec::Workflow::parse(&text).expect("valid").endpoints
    };
    assert_eq!(get(&edge, "other", "/inside/a").await.status, 200);
    edge.fences.set(&endpoint("192.0.2.0/24"));
    for target in ["/inside/a", "/inside/b?x", "/%69nside/a"] {
        let answer = get(&edge, "other", target).await;
        let said = "access refused: this path is not for your network address\n";
        assert_eq!((answer.status, body(&answer)), (403, said), "{target}");
    }
    assert_eq!(edge.metric("headwater_edge_access_refused_total{reason=\"network\"}").await, 3);
    assert_eq!(get(&edge, "other", "/a").await.status, 200);
    assert_eq!(get(&edge, "live.localhost", "/a").await.status, 200);
    edge.fences.set(&endpoint("127.0.0.0/8"));
    assert_eq!(get(&edge, "other", "/inside/b?x").await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_are_counted_by_distribution_and_go_on_over_a_change() {
    let origin = echo(SEGMENT).await;
    let edge = edge(&origin, &live("")).await;
    let count = |class: &str| {
        format!("headwater_edge_distribution_answers_total{{distribution=\"live\",status=\"{class}\"}}")
    };
    for _ in 0..3 {
        get(&edge, "live.localhost", "/a").await;
        get(&edge, "other", "/a").await;
    }
    edge.distributions.set(&read(&live("enabled = false"), None)).unwrap();
    get(&edge, "live.localhost", "/a").await;
    assert_eq!(edge.metric(&count("2xx")).await, 3);
    assert_eq!(edge.metric(&count("4xx")).await, 1);
    for (cache, times) in [("miss", 1), ("hit", 2), ("local", 0)] {
        let name = "headwater_edge_distribution_cache_total";
        let counted = edge.metric(&format!("{name}{{distribution=\"live\",cache=\"{cache}\"}}")).await;
        assert_eq!(counted, times, "{cache}");
    }
    let bytes = edge.metric("headwater_edge_distribution_bytes_total{distribution=\"live\"}").await;
    assert_eq!(bytes, 3 * "/inside/a".len() as u64 + "this distribution is disabled\n".len() as u64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn publishing_never_goes_through_a_distribution() {
    let origin = echo(SEGMENT).await;
    let edge = edge(&origin, &live("").replace("/inside", "/ingest")).await;
    assert_eq!(get(&edge, "live.localhost", "/main").await.status, 404);
    let plain = live("").replace(", path = \"/inside\"", "");
    edge.distributions.set(&read(&plain, None)).unwrap();
    assert_eq!(get(&edge, "live.localhost", "/ingest/main").await.status, 404);
    assert!(origin.heads().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_protocol_comes_to_its_distribution() {
    let origin = echo(SEGMENT).await;
    let hosts = live("").replace("live.localhost", "localhost");
    let edge = edge(&origin, &hosts).await;
    let mut http3 = http3_client::Client::connect(&edge).await;
    let answer = http3.get("/three").await;
    assert_eq!(answer.body, b"/inside/three");
    let (send, connection) = h2::client::handshake(edge.connect().await).await.unwrap();
    tokio::spawn(connection);
    let mut send: h2::client::SendRequest<bytes::Bytes> = send.ready().await.unwrap();
    let request = http::Request::get("http://localhost/two").body(()).unwrap();
    let (head, mut stream) = send.send_request(request, true).unwrap().0.await.unwrap().into_parts();
    assert_eq!(head.status, 200);
    assert_eq!(stream.data().await.unwrap().unwrap(), "/inside/two");
}
