//! Row 49: an event's start. As many viewers as this process may have descriptors for ask for one object that nobody has.

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::{Edge, Origin, SEGMENT, body, ok, read_answer};
use edge::Limits;
use tokio::io::AsyncWriteExt;
use tokio::sync::Semaphore;

/// Longer than a loaded machine takes for all of them.
const PATIENCE: Duration = Duration::from_secs(240);

/// Viewers: 10,000, or as many as fit; each takes a descriptor here and one at the edge.
fn viewers() -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let limit = usize::try_from(limit.unwrap_or(65_536)).unwrap_or(65_536);
    10_000.min((limit - 500) / 2)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_viewers_of_a_missing_object_cost_the_origin_one_fetch() {
    let gate = Arc::new(Semaphore::new(0));
    let origin = Origin::start({
        let gate = gate.clone();
        move |_, mut stream| {
            let gate = gate.clone();
            async move {
                let _held = gate.acquire().await.unwrap();
                stream.write_all(&ok(SEGMENT, &body(2_000))).await.ok()?;
                Some(stream)
            }
        }
    })
    .await;
    let count = viewers();
    let limits = Limits { connections: count, connections_per_address: count, ..Limits::default() };
    let edge = Edge::with(origin.address, limits, 64 << 20).await;
    let mut viewers = Vec::with_capacity(count);
    for _ in 0..count {
        let mut viewer = edge.connect().await;
        viewer.write_all(b"GET /demo/720p30/0.m4s HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        viewers.push(viewer);
    }
    let all_in = async {
        while edge.metric("headwater_edge_connections").await < count as u64 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, all_in).await.expect("everybody is let in");
    gate.add_permits(1);
    let answered = async {
        for viewer in &mut viewers {
            let answer = read_answer(viewer).await;
            assert!(answer.status == 200 && answer.body == body(2_000), "{}", answer.head);
        }
    };
    tokio::time::timeout(PATIENCE, answered).await.expect("everybody is answered");
    assert_eq!(origin.heads().len(), 1);
    println!("{count} viewers, {} fetch", origin.heads().len());
}
