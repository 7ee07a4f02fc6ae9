//! The disk tier: what it keeps over memory and restarts, and that nothing torn or purged comes back from it.

mod common;

use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use common::{Edge, HANG, Origin, SEGMENT, body, ok, target};
use tokio::io::AsyncWriteExt;

const MIB: u64 = 1 << 20;

/// An origin of objects that differ by their target, with some that do not belong on a disk.
async fn origin() -> Origin {
    Origin::start(|head, mut stream| async move {
        let answer = match target(&head) {
            "/small" => ok(SEGMENT, &body(1_000)),
            "/playlist" => ok("Cache-Control: max-age=1\r\n", &body(100_000)),
            "/missing" => b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec(),
            target => ok(SEGMENT, &segment(target)),
        };
        stream.write_all(&answer).await.ok()?;
        Some(stream)
    })
    .await
}

/// 300 kB that no other target has.
fn segment(target: &str) -> Vec<u8> {
    let seed = target.bytes().fold(7_usize, |seed, byte| seed * 31 % 65_521 + usize::from(byte));
    (0..300_000).map(|at| ((at * 31 + seed * (1 + at / 4_096)) / 7) as u8).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .flat_map(|path| std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()))
        .collect();
    files.sort();
    files
}

/// An edge whose disk tier has been read back and holds `objects`.
async fn edge(origin: &Origin, folder: &Path, memory: u64, objects: u64) -> Edge {
    let edge = Edge::with_disk(origin.address, memory, folder, 64 * MIB).await;
    let open = async {
        while !folder.join("ff").exists() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(HANG, open).await.unwrap();
    edge.metric_reaches("headwater_edge_disk_objects", objects).await;
    // The folder is read in one go; a write shows that it is done.
    let probe = format!("/probe/{}", edge.address.port());
    let written = edge.metric(r#"headwater_edge_disk_total{result="written"}"#).await;
    for attempt in 0.. {
        edge.get(&format!("{probe}/{attempt}")).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
        if edge.metric(r#"headwater_edge_disk_total{result="written"}"#).await > written {
            break;
        }
        assert!(attempt < 200, "nothing is written");
    }
    edge.purge("/probe/*", "exact").await;
    edge
}

async fn written(edge: &Edge, more: u64) {
    edge.metric_reaches("headwater_edge_disk_objects", more).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_segment_outlives_a_restart_with_its_validators_age_and_ranges() {
    let origin = origin().await;
    let folder = tempfile::tempdir().unwrap();
    let first = edge(&origin, folder.path(), 64 * MIB, 0).await;
    for target in ["/a", "/small", "/playlist", "/missing"] {
        first.get(target).await;
    }
    written(&first, 1).await;
    let before = first.get("/a").await;
    first.drained().await;
    let asked = origin.heads().iter().filter(|head| !head.contains("/probe/")).count();

    let second = edge(&origin, folder.path(), 64 * MIB, 1).await;
    assert_eq!(second.metric("headwater_edge_disk_objects").await, 1, "only the segment was worth it");
    let part = second.ask("GET", "/a", "Range: bytes=100000-200000\r\n").await;
    assert_eq!((part.status, part.header("content-range")), (206, Some("bytes 100000-200000/300000")));
    assert!(part.body == segment("/a")[100_000..=200_000]);
    let hit = second.get("/a").await;
    assert!(hit.complete && hit.body == segment("/a"));
    assert_eq!(hit.cache(), "headwater; hit; detail=disk; ttl=_");
    assert_eq!(hit.header("etag"), before.header("etag"));
    assert_eq!(hit.header("date"), before.header("date"));
    let age: i64 = hit.header("age").unwrap().parse().unwrap();
    assert!((86_399..=86_400).contains(&(age + hit.ttl())), "{}", hit.head);
    let known = second.ask("GET", "/a", "If-None-Match: \"s\"\r\n").await;
    assert_eq!(known.status, 304);
    let now = origin.heads().iter().filter(|head| !head.contains("/probe/")).count();
    assert_eq!(now, asked, "the origin was not asked again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_leaves_memory_comes_back_from_disk_and_the_disk_keeps_its_bound() {
    let origin = origin().await;
    let folder = tempfile::tempdir().unwrap();
    // Memory for six segments, disk for about two hundred.
    let edge = edge(&origin, folder.path(), 2 * MIB, 0).await;
    for number in 0..30 {
        assert_eq!(edge.get(&format!("/s/{number}")).await.status, 200);
        written(&edge, number + 1).await;
    }
    let asked = origin.heads().len();
    for number in 0..30 {
        let target = format!("/s/{number}");
        assert!(edge.get(&target).await.body == segment(&target), "{target}");
    }
    assert_eq!(origin.heads().len(), asked);
    for number in 30..300 {
        edge.get(&format!("/s/{number}")).await;
    }
    edge.metric_reaches(r#"headwater_edge_disk_total{result="evicted"}"#, 1).await;
    assert!(edge.metric("headwater_edge_disk_bytes").await <= 64 * MIB);
    edge.drained().await;
    let lying: u64 = files(folder.path()).iter().map(|file| file.metadata().unwrap().len()).sum();
    assert!(lying <= 64 * MIB, "{lying}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn torn_and_damaged_files_are_never_served() {
    let origin = origin().await;
    let folder = tempfile::tempdir().unwrap();
    let first = edge(&origin, folder.path(), 64 * MIB, 0).await;
    for number in 1..=4 {
        first.get(&format!("/s/{number}")).await;
        written(&first, number).await;
    }
    first.drained().await;
    let files = files(folder.path());
    assert_eq!(files.len(), 4);
    let open = |file: &Path| std::fs::OpenOptions::new().write(true).open(file).unwrap();
    open(&files[0]).set_len(200_000).unwrap();
    open(&files[1]).write_all_at(&[0; 4_096], 150_000).unwrap();
    open(&files[2]).write_all_at(&[0xff; 8], 30).unwrap();
    std::fs::write(files[0].with_extension("tmp"), b"half").unwrap();
    std::fs::write(files[0].with_file_name("0000000000abcdef"), b"not ours").unwrap();

    // The head of one and the length of another tell at the start; the third's body tells when it is read.
    let second = edge(&origin, folder.path(), 64 * MIB, 2).await;
    assert_eq!(second.metric("headwater_edge_disk_objects").await, 2);
    for number in 1..=4 {
        let target = format!("/s/{number}");
        assert!(second.get(&target).await.body == segment(&target), "{target}");
    }
    assert_eq!(second.metric(r#"headwater_edge_disk_total{result="damaged"}"#).await, 1);
    assert_eq!(second.metric(r#"headwater_edge_disk_total{result="read"}"#).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_purged_stays_away_after_a_restart_and_what_was_marked_stale_is_confirmed() {
    let origin = origin().await;
    let folder = tempfile::tempdir().unwrap();
    let first = edge(&origin, folder.path(), 64 * MIB, 0).await;
    for (number, target) in ["/main/a", "/main/b", "/other/a"].iter().enumerate() {
        first.get(target).await;
        written(&first, number as u64 + 1).await;
    }
    assert_eq!(first.purge("/main/*", "exact").await, (200, "2 in memory, 2 on disk".to_owned()));
    assert_eq!(first.purge("/other/*", "soft").await, (200, "1 in memory, 1 on disk".to_owned()));
    assert_eq!(files(folder.path()).len(), 1);
    first.drained().await;

    let second = edge(&origin, folder.path(), 64 * MIB, 1).await;
    assert_eq!(second.get("/main/a").await.cache(), "headwater; fwd=uri-miss; fwd-status=200; stored; ttl=_");
    second.get("/other/a").await;
    let last = origin.heads().pop().unwrap();
    assert!(target(&last) == "/other/a" && last.contains("if-none-match: \"s\""), "{last}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_cannot_be_used_costs_no_viewer_anything() {
    let origin = origin().await;
    let folder = tempfile::tempdir().unwrap();
    let blocked = folder.path().join("file");
    std::fs::write(&blocked, b"").unwrap();
    let edge = Edge::with_disk(origin.address, 64 * MIB, &blocked.join("cache"), 64 * MIB).await;
    for target in ["/a", "/b", "/a"] {
        assert!(edge.get(target).await.body == segment(target));
    }
    assert_eq!(edge.metric("headwater_edge_disk_objects").await, 0);
    assert_eq!(origin.heads().len(), 2);
    edge.drained().await;
}
