//! What an operator takes out of the cache is gone, also for fetches that were under way.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::{Edge, Origin, SEGMENT, ok, target};
use tokio::io::AsyncWriteExt;
use tokio::sync::Semaphore;

/// An origin whose every answer is another one, with the number of the request as its body.
async fn counting() -> Origin {
    let count = Arc::new(AtomicUsize::new(0));
    Origin::start(move |_, mut stream| {
        let number = count.fetch_add(1, Ordering::Relaxed);
        async move {
            stream.write_all(&ok(SEGMENT, number.to_string().as_bytes())).await.ok()?;
            Some(stream)
        }
    })
    .await
}

async fn body_of(edge: &Edge, target: &str) -> String {
    String::from_utf8(edge.get(target).await.body).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_purged_path_is_fetched_anew_with_all_its_queries_and_nothing_else_is() {
    let origin = counting().await;
    let edge = Edge::before(origin.address).await;
    let targets = ["/main/index.m3u8", "/main/index.m3u8?_HLS_msn=1", "/main/a.m4s", "/other/a.m4s"];
    for (number, target) in targets.iter().enumerate() {
        assert_eq!(body_of(&edge, target).await, number.to_string());
    }
    assert_eq!(edge.purge("/main/%69ndex.m3u8", "exact").await, (200, "2".to_owned()));
    let expected = ["4", "5", "2", "3"];
    for (target, expected) in targets.iter().zip(expected) {
        assert_eq!(body_of(&edge, target).await, expected, "{target}");
    }
    assert_eq!(edge.purge("/main/*", "exact").await, (200, "3".to_owned()));
    assert_eq!(body_of(&edge, "/main/a.m4s").await, "6");
    assert_eq!(body_of(&edge, "/other/a.m4s").await, "3");
    assert_eq!(edge.purge("/nobody/*", "exact").await, (200, "0".to_owned()));
    assert_eq!(edge.metric("headwater_edge_purged_objects_total").await, 5);
    assert_eq!(edge.metric("headwater_edge_cache_objects").await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_softly_purged_object_is_confirmed_or_stands_in_for_a_dead_origin() {
    let origin = Origin::start(|head, mut stream| async move {
        let answer = match head.contains("if-none-match: \"s\"") {
            true => format!("HTTP/1.1 304 Not Modified\r\n{SEGMENT}\r\n").into_bytes(),
            false => ok(SEGMENT, b"kept"),
        };
        stream.write_all(&answer).await.ok()?;
        Some(stream)
    })
    .await;
    let edge = Edge::before(origin.address).await;
    edge.get("/a").await;
    assert_eq!(edge.purge("/a", "soft").await, (200, "1".to_owned()));
    let confirmed = edge.get("/a").await;
    assert_eq!(confirmed.body, b"kept");
    assert_eq!(confirmed.cache(), "headwater; fwd=stale; fwd-status=304; stored; ttl=_");
    assert_eq!(edge.get("/a").await.cache(), "headwater; hit; ttl=_");
    assert_eq!(edge.purge("/*", "soft").await, (200, "1".to_owned()));
    origin.stop().await;
    let stale = edge.get("/a").await;
    assert_eq!((stale.body.as_slice(), stale.cache().contains("detail=stale")), (b"kept".as_slice(), true));
    assert_eq!(edge.metric("headwater_edge_cache_objects").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fetch_under_way_at_a_purge_serves_those_who_wait_and_leaves_nothing_behind() {
    let (head, rest) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let count = Arc::new(AtomicUsize::new(0));
    let origin = Origin::start({
        let (head, rest) = (head.clone(), rest.clone());
        move |request, mut stream| {
            let (head, rest, number) = (head.clone(), rest.clone(), count.fetch_add(1, Ordering::Relaxed));
            async move {
                let answer = ok(SEGMENT, format!("old {number}").as_bytes());
                if number == 0 && target(&request) == "/waits" {
                    head.acquire().await.unwrap().forget();
                }
                let (front, back) = answer.split_at(answer.len() - 3);
                stream.write_all(front).await.ok()?;
                if number == 0 && target(&request) == "/fills" {
                    rest.acquire().await.unwrap().forget();
                }
                stream.write_all(back).await.ok()?;
                Some(stream)
            }
        }
    })
    .await;
    for (path, permit) in [("/waits", &head), ("/fills", &rest)] {
        let edge = Arc::new(Edge::before(origin.address).await);
        let asked = origin.heads().len();
        let first = tokio::spawn({
            let edge = edge.clone();
            async move { body_of(&edge, path).await }
        });
        while origin.heads().len() == asked {
            tokio::task::yield_now().await;
        }
        if path == "/fills" {
            edge.metric_reaches("headwater_edge_cache_objects", 1).await;
        }
        edge.purge("/*", "exact").await;
        permit.add_permits(1);
        let old = first.await.unwrap();
        assert!(old.starts_with("old "), "{old}");
        let after = body_of(&edge, path).await;
        assert_ne!(after, old, "{path}");
        assert_eq!(body_of(&edge, path).await, after, "{path}");
        edge.metric_reaches("headwater_edge_cache_objects", 1).await;
        assert_eq!(edge.metric("headwater_edge_cache_objects").await, 1, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_purge_is_refused_and_viewers_cannot_purge() {
    let origin = counting().await;
    let edge = Edge::before(origin.address).await;
    edge.get("/a").await;
    for (pattern, mode) in [("/a*b", "exact"), ("/../a", "exact"), ("/a", "hard")] {
        assert_eq!(edge.purge(pattern, mode).await.0, 400, "{pattern} {mode}");
    }
    assert_eq!(edge.ask("PURGE", "/a", "").await.status, 405);
    assert_eq!(body_of(&edge, "/a").await, "0");
}
