//! An edge that stands alone is replaced by SIGUSR2, under load.

mod load;

use std::path::Path;

use load::{Alone, Load, Origin, is_running};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edge_alone_hands_over_twice_under_load_and_no_request_fails() {
    let origin = Origin::start().await;
    let mut edge = Alone::start(Path::new(env!("CARGO_BIN_EXE_headwater")), origin.address).await;
    let load = Load::start(edge.viewers, 200);
    load.answers_more(500).await;
    for _ in 0..2 {
        let before = edge.pid;
        edge.take_over().await;
        assert_ne!(edge.pid, before);
        load.answers_more(500).await;
        load::eventually("the one before is gone", || !is_running(before)).await;
        load.answers_more(500).await;
    }
    let (answers, faults) = load.stop().await;
    println!("{answers} answers, {} faults", faults.len());
    assert!(faults.is_empty(), "{} of {answers} failed: {:?}", faults.len(), &faults[..faults.len().min(5)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_hands_its_viewers_over_http_3_over_too() {
    let origin = Origin::start().await;
    let mut edge = Alone::start_with_http3(Path::new(env!("CARGO_BIN_EXE_headwater")), origin.address).await;
    let door = edge.http3();
    let load = Load::start_http3(&door, 40);
    load.answers_more(300).await;
    for _ in 0..2 {
        let before = edge.pid;
        edge.take_over().await;
        load.answers_more(300).await;
        load::eventually("the one before is gone", || !is_running(before)).await;
        load.answers_more(300).await;
    }
    let (answers, faults) = load.stop().await;
    println!("{answers} answers, {} faults, {} connections", faults.len(), door.connections());
    assert!(faults.is_empty(), "{} of {answers} failed: {:?}", faults.len(), &faults[..faults.len().min(5)]);
    assert!(door.connections() <= 40 * 3, "{} connections", door.connections());
}
