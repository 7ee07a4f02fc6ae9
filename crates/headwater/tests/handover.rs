//! Restarts under load: `headwater up` with an edge in front of an origin of the test's own, hundreds of viewers, and
//! not one request that fails.

mod load;

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use load::{Load, Origin, Up, eventually, is_running};

/// Viewers that keep their connections.
const VIEWERS: usize = 300;
/// The same over HTTP/3.
const QUIC_VIEWERS: usize = 60;
/// How often the edge is replaced.
const REPLACEMENTS: usize = 3;

fn headwater() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_headwater"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_edge_is_restarted_three_times_under_load_and_no_request_fails() {
    let origin = Origin::start().await;
    let up = Up::start(headwater(), origin.address, "[edge.limits]\ndrain = 3\n").await;
    let load = Load::start(up.viewers, VIEWERS);
    load.answers_more(1_000).await;
    let mut edges = vec![up.edge()];
    for _ in 0..REPLACEMENTS {
        let said = up.restart_edge().expect("it is replaced");
        assert!(said.contains("serves"), "{said}");
        let left = edges[edges.len() - 1];
        edges.push(up.edge());
        assert!(!edges[..edges.len() - 1].contains(&up.edge()), "a new process: {edges:?}");
        eventually("the one before is gone", || !is_running(left)).await;
        load.answers_more(1_000).await;
    }
    let (answers, faults) = load.stop().await;
    println!("{answers} answers, {} faults", faults.len());
    assert!(faults.is_empty(), "{} of {answers} failed: {:?}", faults.len(), &faults[..faults.len().min(5)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn viewers_over_http_3_stay_connected_until_they_are_told_to_connect_anew() {
    let origin = Origin::start().await;
    let up = Up::start(headwater(), origin.address, "[edge.limits]\ndrain = 3\n").await;
    let door = up.http3();
    let load = Load::start_http3(&door, QUIC_VIEWERS);
    load.answers_more(500).await;
    for _ in 0..REPLACEMENTS {
        let left = up.edge();
        up.restart_edge().expect("it is replaced");
        eventually("the one before is gone", || !is_running(left)).await;
        load.answers_more(500).await;
    }
    let (answers, faults) = load.stop().await;
    println!("{answers} answers, {} faults, {} connections", faults.len(), door.connections());
    assert!(faults.is_empty(), "{} of {answers} failed: {:?}", faults.len(), &faults[..faults.len().min(5)]);
    assert!(door.connections() <= QUIC_VIEWERS * (1 + REPLACEMENTS), "{} connections", door.connections());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_crash_viewers_over_http_3_learn_from_the_next_edge_that_their_connection_is_gone() {
    let origin = Origin::start().await;
    let up = Up::start(headwater(), origin.address, "").await;
    let mut viewer = up.http3().client(0);
    assert_eq!(viewer.ask("/2000/a").await, Ok(2_000));
    let crashed = up.edge();
    load::kill(crashed);
    eventually("another edge serves", || up.edges().iter().any(|edge| *edge != crashed)).await;
    let fault = viewer.ask("/2000/b").await.expect_err("its connection went with the edge");
    // Without a word from the next one, it would be a timeout.
    assert!(fault.contains("reset by peer"), "{fault}");
    assert_eq!(viewer.ask("/2000/c").await, Ok(2_000));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_runs_the_program_that_lies_there_now() {
    let folder = tempfile::tempdir().unwrap();
    let (program, newer) = (folder.path().join("headwater"), folder.path().join("newer"));
    copy(headwater(), &program);
    let origin = Origin::start().await;
    let up = Up::start(&program, origin.address, "").await;
    let load = Load::start(up.viewers, 20);
    load.answers_more(100).await;
    // As installers do it: the new file takes the old one's name.
    copy(headwater(), &newer);
    std::fs::rename(&newer, &program).unwrap();
    up.restart_edge().expect("it is replaced");
    let runs = std::fs::metadata(format!("/proc/{}/exe", up.edge())).unwrap().ino();
    assert_eq!(runs, std::fs::metadata(&program).unwrap().ino());
    // One that cannot even start leaves the running one where it is.
    std::fs::write(&newer, "no program").unwrap();
    std::fs::rename(&newer, &program).unwrap();
    let before = up.edge();
    let refused = up.restart_edge_with(headwater()).expect_err("no program");
    assert!(refused.contains("the running edge goes on"), "{refused}");
    assert_eq!(up.edge(), before);
    load.answers_more(100).await;
    let (answers, faults) = load.stop().await;
    assert!(faults.is_empty(), "of {answers}: {faults:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sighup_replaces_the_edge_and_a_crash_refuses_nobody() {
    let origin = Origin::start().await;
    let up = Up::start(headwater(), origin.address, "").await;
    let first = up.edge();
    up.signal("HUP");
    eventually("another edge serves", || up.edges().iter().any(|edge| *edge != first)).await;
    eventually("the first is gone", || !is_running(first)).await;
    load::kill(up.edge());
    // Who comes while there is no edge waits for the next.
    for _ in 0..20 {
        assert_eq!(load::get(up.viewers, "/2000/a").await, Ok(2_000));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// By a process of its own: a program whose file is open for writing anywhere cannot be started, and every process that
/// another test starts meanwhile would inherit the open file for a moment.
fn copy(from: &Path, to: &Path) {
    assert!(std::process::Command::new("cp").args([from, to]).status().unwrap().success());
}
