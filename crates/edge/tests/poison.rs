//! Row 57: nobody can put into the cache what another viewer gets. An origin that repeats whatever it is told, in answers that
//! everybody may keep, is asked with every name that has poisoned caches elsewhere.

mod common;

use common::{Answer, Edge, Origin, ok};
use tokio::io::AsyncWriteExt;

/// What is put in, and must never come out.
const CANARY: &str = "canary7f3a";

/// Answers with everything it was told.
async fn parrot() -> Origin {
    Origin::start(|head, mut stream| async move {
        let answer = ok("Cache-Control: max-age=600\r\n", head.as_bytes());
        stream.write_all(&answer).await.ok()?;
        Some(stream)
    })
    .await
}

fn told(answer: &Answer) -> String {
    String::from_utf8(answer.body.clone()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_field_of_a_request_reaches_the_origin_or_another_viewer() {
    let names = [
        "Accept",
        "Accept-Charset",
        "Accept-Encoding",
        "Accept-Language",
        "Access-Control-Request-Headers",
        "Authorization",
        "Base-Url",
        "Cache-Control",
        "CF-Connecting-IP",
        "Client-IP",
        "Content-Type",
        "Cookie",
        "Cookie2",
        "Destination",
        "DNT",
        "Fastly-Client-IP",
        "Fastly-Host",
        "Forwarded",
        "From",
        "Front-End-Https",
        "Max-Forwards",
        "Origin",
        "Pragma",
        "Profile",
        "Proxy",
        "Proxy-Authorization",
        "Proxy-Host",
        "Redirect",
        "Referer",
        "Request-Uri",
        "Save-Data",
        "Sec-Fetch-Mode",
        "Surrogate-Capability",
        "True-Client-IP",
        "Upgrade-Insecure-Requests",
        "Uri",
        "Url",
        "User-Agent",
        "Via",
        "Viewport-Width",
        "X-Amz-Website-Redirect-Location",
        "X-Cluster-Client-IP",
        "X-Custom-IP-Authorization",
        "X-Forward-For",
        "X-Forwarded",
        "X-Forwarded-By",
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "X-Forwarded-Path",
        "X-Forwarded-Port",
        "X-Forwarded-Prefix",
        "X-Forwarded-Proto",
        "X-Forwarded-Scheme",
        "X-Forwarded-Server",
        "X-Forwarded-SSL",
        "X-Host",
        "X-HTTP-Host-Override",
        "X-HTTP-Method",
        "X-HTTP-Method-Override",
        "X-Method-Override",
        "X-Original-Host",
        "X-Original-URL",
        "X-Originating-IP",
        "X-Override-URL",
        "X-Proxy-Host",
        "X-ProxyUser-Ip",
        "X-Real-IP",
        "X-Remote-Addr",
        "X-Requested-With",
        "X-Rewrite-URL",
        "X-Server-Name",
        "X-Timer",
        "X-Url-Scheme",
        "X-Wap-Profile",
        "Zuul-Host",
    ];
    let origin = parrot().await;
    let edge = Edge::before(origin.address).await;
    for (at, name) in names.iter().enumerate() {
        let path = format!("/h{at}");
        let poisoned = edge.ask("GET", &path, &format!("{name}: {CANARY}\r\n")).await;
        assert_eq!(poisoned.status, 200, "{name}");
        assert!(!poisoned.head.contains(CANARY) && !told(&poisoned).contains(CANARY), "{name}");
        let next = edge.get(&path).await;
        assert!(next.cache().contains("hit") && next.body == poisoned.body, "{name}: {}", next.head);
    }
    // The host is no part of the key, so it must be no part of what the origin is told.
    let foreign = format!("GET /host HTTP/1.1\r\nHost: {CANARY}.example:81\r\nConnection: close\r\n\r\n");
    let foreign = Answer::read(&edge.raw(foreign.as_bytes()).await);
    assert_eq!(foreign.status, 200);
    assert_eq!(edge.get("/host").await.body, foreign.body);
    assert!(origin.heads().iter().all(|head| !head.contains(CANARY)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_parameter_is_in_the_key_or_the_origin_does_not_see_it() {
    let parameters = [
        "callback",
        "jsonp",
        "cb",
        "utm_source",
        "utm_content",
        "fbclid",
        "_method",
        "lang",
        "debug",
        "url",
        "host",
        "path",
        "CMCD",
        "x",
        "v",
        "_HLS_msn",
        "_HLS_part",
        "_HLS_skip",
        "_hls_msn",
        "_HLS_msn%20",
        "%5fHLS_msn",
    ];
    let origin = parrot().await;
    let edge = Edge::before(origin.address).await;
    for (at, name) in parameters.iter().enumerate() {
        for query in [
            format!("{name}={CANARY}"),
            format!("a=b&{name}={CANARY}"),
            format!("a=b;{name}={CANARY}"),
            format!("a=b?{name}={CANARY}"),
            format!("{name}[]={CANARY}"),
            CANARY.to_owned(),
        ] {
            let path = format!("/q{at}-{}", query.len());
            let poisoned = edge.get(&format!("{path}?{query}")).await;
            assert!(matches!(poisoned.status, 200 | 400), "{query}: {}", poisoned.head);
            let next = edge.get(&path).await;
            assert!(!told(&next).contains(CANARY), "{query}: {}", told(&next));
            // Nor may another value of the parameter find it.
            let other = edge.get(&format!("{path}?{}", query.replace(CANARY, "7"))).await;
            assert!(!told(&other).contains(CANARY), "{query}: {}", told(&other));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_path_is_the_same_to_cache_and_origin_or_is_refused() {
    let origin = parrot().await;
    let edge = Edge::before(origin.address).await;
    // Deception: a private page under a name that looks like a file's.
    for (at, path) in [
        "/live.m3u8/x.css",
        "/live.m3u8;x.css",
        "/live.m3u8%3Bx.css",
        "/live.m3u8%0Ax.css",
        "/live.m3u8%23x.css",
        "/live.m3u8%3Fx.css",
        "/live.m3u8%00x.css",
        "/live.m3u8\\x.css",
        "/live.m3u8%5Cx.css",
        "/live.m3u8%2Fx.css",
        "/a/../live.m3u8",
        "/a/%2e%2e/live.m3u8",
        "/a/.%2E/live.m3u8",
        "//live.m3u8",
        "/./live.m3u8",
        "/LIVE.m3u8",
        "/live.m3u8/",
        "/live.m3u8.",
        "/live.m3u8%20",
        "/l%69ve.m3u8",
        "/%6cive%2em3u8",
        "/live.m3u8%25%32%65",
    ]
    .iter()
    .enumerate()
    {
        let before = origin.heads().len();
        let answer = edge.get(path).await;
        let heads = origin.heads();
        match answer.status {
            400 => assert_eq!(heads.len(), before, "{path}"),
            200 => {
                // The answer is for the path the origin was asked for, and is found again under that one only.
                let asked = common::target(&heads[heads.len() - 1]).to_owned();
                let again = edge.get(&asked).await;
                assert!(again.cache().contains("hit") && again.body == answer.body, "{path} as {asked}");
                let decoded = |path: &str| {
                    path.replace("%69", "i").replace("%6c", "l").replace("%2e", ".").replace("%32%65", "2e")
                };
                let same = asked.eq_ignore_ascii_case(&decoded(path));
                assert!(same, "{at}: {path} was asked for as {asked}");
            }
            other => panic!("{path}: {other}"),
        }
    }
    let live = edge.get("/live.m3u8").await;
    assert!(told(&live).starts_with("GET /live.m3u8 HTTP/1.1\r\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_with_a_body_is_refused_whatever_its_method() {
    let origin = parrot().await;
    let edge = Edge::before(origin.address).await;
    for method in ["GET", "HEAD", "OPTIONS"] {
        let fat = format!("{method} /fat HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{CANARY}");
        let answer = Answer::read(&edge.raw(fat.as_bytes()).await);
        assert_eq!((answer.status, answer.header("connection")), (400, Some("close")), "{method}");
    }
    assert!(origin.heads().is_empty());
    assert!(!told(&edge.get("/fat").await).contains(CANARY));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_parameter_that_the_operator_named_is_part_of_the_key_and_no_other_is() {
    let origin = parrot().await;
    let edge = Edge::before(origin.address).await;
    let first = told(&edge.get("/a.m4s?variant=one&other=1").await);
    assert!(first.starts_with("GET /a.m4s?variant=one HTTP/1.1"), "{first}");
    let second = told(&edge.get("/a.m4s?variant=two").await);
    assert!(second.starts_with("GET /a.m4s?variant=two HTTP/1.1"), "{second}");
    assert_eq!(told(&edge.get("/a.m4s?z=2&variant=one").await), first, "the same object");
    for target in ["/a.m4s?variant=one&variant=two", "/a.m4s?variant=%2e", "/a.m4s?variant=a/b"] {
        assert_eq!(edge.get(target).await.status, 400, "{target}");
    }
}
