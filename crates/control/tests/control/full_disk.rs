//! The store's disk is full: calls that change something are refused as a whole, and those that only look are answered.

use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::client::{Answer, Ask};
use crate::support::{Options, Server};

const FOLDER: &str = "HEADWATER_TEST_SMALL_DISK";

async fn put(server: &Server, name: &str) -> Answer {
    let target = format!("/v1/channels/{name}");
    Ask::new("PUT", &target).bearer(server).json(r#"{"input":"test"}"#).send(server).await
}

async fn names(server: &Server) -> Vec<Value> {
    let listed = Ask::new("GET", "/v1/channels").bearer(server).send(server).await;
    assert_eq!(listed.status, 200, "{listed:?}");
    let items = listed.json()["items"].as_array().expect("items").clone();
    items.into_iter().map(|item| item["name"].clone()).collect()
}

/// Runs in a mount namespace of its own, on a disk of two megabytes.
#[tokio::test]
#[ignore = "started on a small disk by the test below"]
async fn control_on_a_small_disk() {
    let disk = PathBuf::from(std::env::var(FOLDER).expect("the test sets it"));
    let folder = tempfile::tempdir_in(&disk).expect("room");
    let server = Server::start_in(folder, Options::default()).await;
    assert_eq!(put(&server, "first").await.status, 201);
    let mut others = std::fs::File::create(disk.join("others")).expect("room");
    while others.write_all(&[0; 512]).is_ok() {}
    // What the store has taken of the disk already may hold some more.
    let mut made = vec![Value::from("first")];
    let refused = loop {
        let name = format!("c{:03}", made.len());
        let answer = put(&server, &name).await;
        if answer.status != 201 {
            break answer;
        }
        made.push(name.into());
    };
    assert_eq!((refused.status, refused.json()["code"].as_str()), (503, Some("Unavailable")), "{refused:?}");
    for _ in 0..10 {
        assert_eq!(put(&server, "again").await.status, 503);
    }
    let mut listed = names(&server).await;
    made.sort_by_key(Value::to_string);
    listed.sort_by_key(Value::to_string);
    assert_eq!(listed, made, "what was acknowledged, and nothing else");
    drop(others);
    std::fs::remove_file(disk.join("others")).expect("room is made");
    assert_eq!(put(&server, "again").await.status, 201, "without a restart");
    server.stop().await;
    println!("\nheld {} channels", made.len());
}

#[test]
fn a_full_disk_refuses_changes_with_503_and_answers_all_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let script = r#"mount -t tmpfs -o size=2m tmpfs "$1" && exec "$0" --exact full_disk::control_on_a_small_disk --ignored --nocapture"#;
    let mut unshare = Command::new("unshare");
    unshare.args(["--user", "--map-root-user", "--mount", "sh", "-c", script]);
    unshare.arg(std::env::current_exe().expect("this test")).arg(folder.path()).env(FOLDER, folder.path());
    let run = unshare.output().expect("unshare");
    let (said, warned) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    if warned.starts_with("unshare:") {
        println!("passed over: this system grants no namespaces: {warned}");
        return;
    }
    assert!(run.status.success() && said.contains("\nheld "), "{said}\n{warned}");
}
