//! What one viewer is answered.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use common::{Answer, Edge, Origin, SEGMENT, body, ok, target};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Row 55; `oracle.rs` compares with nginx.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ranges_of_a_cached_object() {
    for len in [1_000, 100_000_usize] {
        let whole = body(len);
        let origin = Origin::fixed(ok(SEGMENT, &whole)).await;
        let edge = Edge::before(origin.address).await;
        assert!(edge.get("/s").await.body == whole);
        let last = len - 1;
        let cases = [
            ("bytes=0-0", 0..1),
            ("bytes=10-19", 10..20),
            ("bytes=500-", 500..len),
            ("bytes=-7", len - 7..len),
            ("bytes=0-999999", 0..len),
            ("bytes=-999999", 0..len),
        ];
        for (range, expected) in cases {
            let answer = edge.ask("GET", "/s", &format!("Range: {range}\r\n")).await;
            assert_eq!(answer.status, 206, "{range}");
            let told = format!("bytes {}-{}/{len}", expected.start, expected.end - 1);
            assert_eq!(answer.header("content-range"), Some(told.as_str()));
            assert!(answer.complete && answer.body == whole[expected]);
        }
        for range in [format!("bytes={len}-"), "bytes=-0".into()] {
            let answer = edge.ask("GET", "/s", &format!("Range: {range}\r\n")).await;
            assert_eq!(answer.status, 416, "{range}");
            assert_eq!(answer.header("content-range"), Some(format!("bytes */{len}").as_str()));
            assert!(answer.body.is_empty());
        }
        for ignored in ["bytes=0-1,5-6", "bytes=9-5", "lines=1-2", "bytes=x"] {
            let answer = edge.ask("GET", "/s", &format!("Range: {ignored}\r\n")).await;
            assert!(answer.status == 200 && answer.body == whole, "{ignored}");
        }
        let part = format!("Range: bytes=1-{last}\r\n");
        let matching = edge.ask("GET", "/s", &format!("{part}If-Range: \"s\"\r\n")).await;
        let other = edge.ask("GET", "/s", &format!("{part}If-Range: \"t\"\r\n")).await;
        let head = edge.ask("HEAD", "/s", &part).await;
        assert_eq!((matching.status, other.status, head.status), (206, 200, 200));
        assert_eq!(origin.heads().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conditions_head_options_and_ingest() {
    let headers = format!("{SEGMENT}Last-Modified: Sat, 21 Nov 2026 08:00:00 GMT\r\nServer: x/1\r\n");
    let origin = Origin::fixed(ok(&headers, &body(5_000))).await;
    let edge = Edge::before(origin.address).await;

    let missing = edge.ask("HEAD", "/s", "").await;
    assert_eq!((missing.status, missing.header("content-length")), (200, Some("5000")));
    assert!(missing.body.is_empty() && missing.cache().contains("fwd=uri-miss"));
    let hit = edge.get("/s").await;
    assert_eq!((hit.cache().as_str(), hit.header("server")), ("headwater; hit; ttl=_", None));
    let age: i64 = hit.header("age").unwrap().parse().unwrap();
    assert!((86_399..=86_400).contains(&(hit.ttl() + age)), "{}", hit.head);
    assert!(hit.body == body(5_000));

    for condition in ["If-None-Match: \"x\", W/\"s\"", "If-Modified-Since: Sat, 21 Nov 2026 09:00:00 GMT"] {
        let answer = edge.ask("GET", "/s", &format!("{condition}\r\n")).await;
        assert_eq!((answer.status, answer.header("etag")), (304, Some("\"s\"")), "{condition}");
        assert!(answer.body.is_empty() && answer.header("content-length").is_none());
        assert!(answer.header("cache-control").is_some());
    }
    let changed = edge.ask("GET", "/s", "If-None-Match: \"x\"\r\n").await;
    assert_eq!(changed.status, 200);

    let preflight =
        edge.ask("OPTIONS", "/s", "Origin: http://y\r\nAccess-Control-Request-Method: GET\r\n").await;
    assert_eq!((preflight.status, preflight.header("access-control-allow-origin")), (204, Some("*")));
    for path in ["/ingest/demo/720p30/init.mp4", "/ingest", "/%69ngest/demo"] {
        assert_eq!(edge.get(path).await.status, 404, "{path}");
    }
    assert_eq!(origin.heads().len(), 1);
}

/// Row 57; `poison.rs` tries many names.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_origin_is_asked_for_the_key_and_told_nothing_else() {
    let origin = Origin::fixed(ok(SEGMENT, b"x")).await;
    let edge = Edge::before(origin.address).await;
    let headers = "Cookie: a=b\r\nX-Forwarded-Host: evil\r\nX-Original-URL: /admin\r\nAuthorization: Basic eA==\r\n\
                   Accept-Encoding: gzip\r\nRange: bytes=0-0\r\nIf-None-Match: *\r\n";
    edge.ask("GET", "/%64emo/a?_HLS_part=1&x=2&_HLS_msn=3&CMCD=br%3D1", headers).await;
    edge.ask("GET", "/demo/a?_HLS_msn=3&_HLS_part=1", "").await;
    let heads = origin.heads();
    assert_eq!(heads.len(), 1);
    let expected = format!(
        "GET /demo/a?_HLS_msn=3&_HLS_part=1 HTTP/1.1\r\nhost: {}\r\naccept-encoding: identity\r\nvia: 1.1 headwater-",
        origin.address
    );
    let rest = heads[0].strip_prefix(&expected).unwrap_or_else(|| panic!("{}", heads[0]));
    assert_eq!(rest.len(), "0123456789abcdef\r\n\r\n".len(), "{rest}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pipelined_requests_are_answered_in_their_order() {
    let origin = Origin::start(|head, mut stream| async move {
        stream.write_all(&ok(SEGMENT, format!("this is {}", target(&head)).as_bytes())).await.ok()?;
        Some(stream)
    })
    .await;
    let edge = Edge::before(origin.address).await;
    // The second is cached, the others must wait for the origin.
    edge.get("/b").await;
    let mut requests = String::new();
    for path in ["/a", "/b", "/c", "/b"] {
        requests += &format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
    }
    requests +=
        "GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\nGET /never HTTP/1.1\r\nHost: x\r\n\r\n";
    let answers = String::from_utf8(edge.raw(requests.as_bytes()).await).unwrap();
    let said: Vec<&str> = answers.split("this is ").skip(1).map(|text| &text[..2]).collect();
    assert_eq!(said, ["/a", "/b", "/c", "/b", "/a"]);
    assert!(!origin.heads().iter().any(|head| target(head) == "/never"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_may_come_byte_by_byte_and_connections_are_kept() {
    let origin = Origin::fixed(ok(SEGMENT, b"x")).await;
    let edge = Edge::before(origin.address).await;
    let mut stream = edge.connect().await;
    for _ in 0..2 {
        for byte in b"GET /s HTTP/1.1\r\nHost: x\r\n\r\n" {
            stream.write_all(&[*byte]).await.unwrap();
            tokio::task::yield_now().await;
        }
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\nx") {
            assert_ne!(stream.read_buf(&mut answer).await.unwrap(), 0);
        }
        assert_eq!(Answer::read(&answer).status, 200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stale_copy_is_revalidated_and_its_bytes_are_not_sent_again() {
    let headers = "Cache-Control: max-age=0\r\nETag: \"v1\"\r\n";
    let origin = Origin::start(move |head, mut stream| async move {
        let answer = if head.contains("if-none-match: \"v1\"") {
            b"HTTP/1.1 304 Not Modified\r\nCache-Control: max-age=100\r\nETag: \"v1\"\r\nX-New: 1\r\n\r\n"
                .to_vec()
        } else {
            ok(headers, &body(80_000))
        };
        stream.write_all(&answer).await.ok()?;
        Some(stream)
    })
    .await;
    let edge = Edge::before(origin.address).await;
    let caches = [
        ("headwater; fwd=uri-miss; fwd-status=200; stored; ttl=_", None),
        ("headwater; fwd=stale; fwd-status=304; stored; ttl=_", Some("1")),
        ("headwater; hit; ttl=_", Some("1")),
    ];
    for (cache, new) in caches {
        let answer = edge.get("/p").await;
        assert!(answer.body == body(80_000));
        assert_eq!((answer.cache().as_str(), answer.header("x-new")), (cache, new));
    }
    assert_eq!(origin.heads().len(), 2);
    assert_eq!(edge.metric("headwater_edge_cache_objects").await, 1);
}

/// Fills the cache from an origin, kills it, and asks again.
async fn after_the_origin_died(control: &str, ask: &str) -> Answer {
    let origin = Origin::fixed(ok(&format!("Cache-Control: {control}\r\n"), b"kept")).await;
    let edge = Edge::before(origin.address).await;
    assert_eq!(edge.get("/a").await.status, 200);
    origin.stop().await;
    let first = edge.get(ask).await;
    // The failure is remembered for a moment, with the same answer.
    assert_eq!(edge.get(ask).await.status, first.status);
    first
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stale_answer_stands_in_for_a_dead_origin_where_it_may() {
    let kept = after_the_origin_died("max-age=0, stale-if-error=60", "/a").await;
    assert_eq!((kept.status, kept.body.as_slice()), (200, b"kept".as_slice()));
    assert_eq!(kept.cache(), "headwater; hit; ttl=_; detail=stale");
    assert!(kept.ttl() <= 0);
    let immutable = after_the_origin_died("max-age=0, immutable", "/a").await;
    assert_eq!(immutable.status, 200);

    let too_old = after_the_origin_died("max-age=0", "/a").await;
    assert_eq!((too_old.status, too_old.header("retry-after")), (503, Some("1")));
    let forbidden = after_the_origin_died("max-age=0, must-revalidate, stale-if-error=60", "/a").await;
    assert_eq!(forbidden.status, 503);
    let never_had = after_the_origin_died("max-age=0", "/b").await;
    assert_eq!(never_had.status, 502);
    assert_eq!(never_had.cache(), "headwater; fwd=uri-miss; detail=unreachable");
    assert_eq!(too_old.cache(), "headwater; fwd=stale; detail=too-stale");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failing_or_silent_origin_is_covered_for_too() {
    let healthy = Arc::new(AtomicBool::new(true));
    let origin = Origin::start({
        let healthy = healthy.clone();
        move |head, mut stream| {
            let healthy = healthy.load(Ordering::Relaxed);
            async move {
                match (healthy, target(&head)) {
                    (true, _) => stream
                        .write_all(&ok("Cache-Control: max-age=0, stale-if-error=60\r\n", b"kept"))
                        .await
                        .ok()?,
                    (false, "/silent" | "/never") => std::future::pending().await,
                    (false, _) => {
                        let answer = b"HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\noops";
                        stream.write_all(answer).await.ok()?
                    }
                }
                Some(stream)
            }
        }
    })
    .await;
    let limits = edge::Limits {
        stale_patience: std::time::Duration::from_millis(100),
        first_byte_time: std::time::Duration::from_millis(300),
        ..edge::Limits::default()
    };
    let edge = Edge::with(origin.address, limits, 1 << 20).await;
    for path in ["/failing", "/silent"] {
        edge.get(path).await;
    }
    healthy.store(false, Ordering::Relaxed);
    for path in ["/failing", "/silent"] {
        let answer = edge.get(path).await;
        assert_eq!((answer.status, answer.body.as_slice()), (200, b"kept".as_slice()), "{path}");
    }
    // What was never there: the origin's own word, and its silence.
    let failed = edge.get("/other").await;
    assert_eq!((failed.status, failed.body.as_slice()), (500, b"oops".as_slice()));
    assert_eq!(edge.get("/never").await.status, 504);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kept_connection_that_the_origin_closed_costs_no_viewer_an_error() {
    let origin = Origin::start(|_, mut stream| async move {
        stream.write_all(&ok("Cache-Control: no-store\r\n", b"x")).await.ok()?;
        // Closed without a word.
        None
    })
    .await;
    let edge = Edge::before(origin.address).await;
    for _ in 0..50 {
        assert_eq!(edge.get("/a").await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_cache_stays_within_its_room() {
    let origin = Origin::start(|head, mut stream| async move {
        let len = if target(&head).starts_with("/large") { 100_000 } else { 3_000 };
        stream.write_all(&ok(SEGMENT, &body(len))).await.ok()?;
        Some(stream)
    })
    .await;
    let limits = edge::Limits { large_objects: 4, ..edge::Limits::default() };
    let edge = Edge::with(origin.address, limits, 1 << 20).await;
    for number in 0..200 {
        assert!(edge.get(&format!("/large/{number}")).await.body == body(100_000));
        assert!(edge.get(&format!("/small/{number}")).await.body == body(3_000));
        assert!(edge.metric("headwater_edge_cache_bytes").await <= 1 << 20);
        assert!(edge.metric("headwater_edge_cache_large_objects").await <= 4);
    }
    assert!(edge.metric("headwater_edge_cache_evictions_total").await > 100);
    // One that can never fit is passed on.
    let origin = Origin::fixed(ok(SEGMENT, &body(3_000_000))).await;
    let edge = Edge::with(
        origin.address,
        edge::Limits { object_bytes: 1 << 20, ..edge::Limits::default() },
        1 << 20,
    )
    .await;
    assert!(edge.get("/huge").await.body == body(3_000_000));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_tells_what_the_cache_did_and_what_caches_further_up_said_comes_first() {
    let origin = Origin::fixed(ok(&format!("{SEGMENT}Cache-Status: up; hit\r\n"), &body(100))).await;
    let edge = Edge::before(origin.address).await;
    for own in ["headwater; fwd=uri-miss; fwd-status=200; stored; ttl=", "headwater; hit; ttl="] {
        let answer = edge.get("/s").await;
        let said: Vec<_> =
            answer.head.lines().filter_map(|line| line.strip_prefix("cache-status: ")).collect();
        assert_eq!(said[0], "up; hit");
        assert!(said[1].starts_with(own) && said.len() == 2, "{said:?}");
    }
    let part = edge.ask("GET", "/s", "Range: bytes=0-1\r\n").await;
    let confirmed = edge.ask("GET", "/s", "If-None-Match: \"s\"\r\n").await;
    for answer in [part, confirmed] {
        assert!(answer.head.contains("\r\ncache-status: headwater; hit; ttl="), "{}", answer.head);
    }
    for (method, target) in [("OPTIONS", "/s"), ("GET", "/ingest/a"), ("GET", "/a//b")] {
        assert_eq!(edge.ask(method, target, "").await.cache(), "headwater; detail=local", "{target}");
    }
}
