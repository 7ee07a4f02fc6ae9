//! A disk that is full.

use std::process::Command;

use store::{Error, Place, Store};

use crate::home::{at, call, doc, key, new};

const FOLDER: &str = "HEADWATER_TEST_SMALL_DISK";

/// Runs in a mount namespace of its own, on a disk of four megabytes.
#[tokio::test]
#[ignore = "started on a small disk by the test below"]
async fn writer_on_a_small_disk() {
    let folder = std::path::PathBuf::from(std::env::var(FOLDER).expect("the test sets it"));
    let store = Store::open(&Place::Sqlite(folder.join("store.db"))).await.expect("opened");
    std::fs::write(folder.join("others"), vec![0; 1 << 20]).expect("room taken by somebody else");
    let large = doc(&format!("\"{}\"", "x".repeat(100_000)));
    let mut made = 0;
    let full = loop {
        let resource = store::New { desired: large.clone(), ..new(&made.to_string()) };
        match store.create(call("Create", made), resource, None).await {
            Ok(_) => made += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(full, Error::Full(_)), "{full:?}");
    assert!(made > 3, "{made}");
    for _ in 0..20 {
        let again =
            store.create(call("Create", 1), store::New { desired: large.clone(), ..new("x") }, None).await;
        assert!(matches!(again, Err(Error::Full(_))), "{again:?}");
    }
    let (revision, resources) = store.every().await.expect("reading goes on");
    assert_eq!(
        (resources.len() as i64, revision),
        (made, made * 2),
        "all that was acknowledged, and no more"
    );
    std::fs::remove_file(folder.join("others")).expect("room is made");
    store.create(call("Create", 9), new("x"), None).await.expect("and writing goes on, without a restart");
    store.close().await;
    let store = Store::open(&Place::Sqlite(folder.join("store.db"))).await.expect("opened again");
    store.resource(&key("x"), at(9)).await.expect("kept");
    assert!(store.verify_audit().await.expect("read").is_ok());
    println!("\nheld {made} resources");
}

#[test]
fn a_full_disk_refuses_writes_cleanly_and_goes_on_when_there_is_room() {
    let folder = tempfile::tempdir().expect("a folder");
    let script = r#"mount -t tmpfs -o size=4m tmpfs "$1" && exec "$0" --exact disk::writer_on_a_small_disk --ignored --nocapture"#;
    let run = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", script])
        .arg(std::env::current_exe().expect("this test"))
        .arg(folder.path())
        .env(FOLDER, folder.path())
        .output()
        .expect("unshare");
    let (said, warned) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    if warned.starts_with("unshare:") {
        eprintln!("not tested: this system grants no namespaces: {warned}");
        return;
    }
    assert!(run.status.success() && said.contains("\nheld "), "{said}\n{warned}");
}
