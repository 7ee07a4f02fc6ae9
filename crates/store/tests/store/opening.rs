//! What is found when a store is opened.

use std::os::unix::fs::{FileExt, PermissionsExt};

use store::{Error, Place, Store};

use crate::home::{Home, at, call, doc, key, new, raw};
use crate::on_both_engines;

on_both_engines! {
    a_store_of_a_newer_program_is_refused_and_left_alone
    an_older_store_is_brought_up_to_date
    two_that_open_an_empty_store_at_once_both_find_it
}

async fn a_store_of_a_newer_program_is_refused_and_left_alone(home: Home) {
    home.open().await.close().await;
    raw(&home.url(), "UPDATE schema_version SET version = 99").await;
    for _ in 0..2 {
        let refused = Store::open(&home.place).await.expect_err("refused");
        assert!(
            refused.to_string().starts_with("the store has version 99, this program knows versions up to"),
            "{refused}"
        );
    }
}

async fn an_older_store_is_brought_up_to_date(home: Home) {
    let store = home.open().await;
    store.create(call("Create", 1), new("a"), None).await.expect("made");
    store.close().await;
    raw(
        &home.url(),
        "DROP TABLE user_policies; DROP TABLE attachments; DROP TABLE policies; DROP TABLE access_keys; DROP TABLE users; DROP TABLE secrets; \
         DROP TABLE messages; DELETE FROM numbers WHERE name = 'message'; UPDATE schema_version SET version = 1",
    )
    .await;
    let store = home.open().await;
    store.resource(&key("a"), at(2)).await.expect("kept");
    let mut write = store.write(call("iam", 3)).await.expect("the turn");
    let made = write.put_user("ada", &doc("{}"), None).await;
    write.settle(made).await.expect("the new tables are there");
}

async fn two_that_open_an_empty_store_at_once_both_find_it(home: Home) {
    let (one, two) = tokio::join!(Store::open(&home.place), Store::open(&home.place));
    one.expect("opened").create(call("Create", 1), new("a"), None).await.expect("made");
    two.expect("opened").resource(&key("a"), at(2)).await.expect("seen by the other");
}

#[tokio::test]
async fn a_new_store_is_its_owners_alone() {
    let home = Home::sqlite();
    let store = home.open().await;
    store.create(call("Create", 1), new("a"), None).await.expect("made");
    for entry in std::fs::read_dir(home.folder.path()).expect("read") {
        let entry = entry.expect("read");
        let mode = entry.metadata().expect("there").permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", entry.path().display());
    }
}

#[tokio::test]
async fn a_damaged_file_is_refused_with_what_to_do() {
    let home = Home::sqlite();
    let Place::Sqlite(path) = &home.place else { panic!("SQLite") };
    let store = home.open().await;
    for n in 0..200 {
        store.create(call("Create", 1), new(&format!("{n}")), None).await.expect("made");
    }
    store.close().await;
    let whole = std::fs::read(path).expect("read");
    let file = std::fs::OpenOptions::new().write(true).open(path).expect("opened");
    file.write_all_at(&[0x5a; 4096], whole.len() as u64 / 8192 * 4096).expect("damaged");
    let refused = Store::open(&home.place).await.expect_err("refused");
    assert!(
        matches!(refused, Error::Damaged(_)) && refused.to_string().ends_with("restore a backup"),
        "{refused}"
    );
    std::fs::write(path, "This is no database, though it is long enough to look like one.".repeat(100))
        .expect("written");
    let refused = Store::open(&home.place).await.expect_err("refused");
    assert!(matches!(refused, Error::Damaged(_)), "{refused}");
    std::fs::write(path, whole).expect("written");
    home.open().await.resource(&key("7"), at(1)).await.expect("the file as it was");
}

#[tokio::test]
async fn a_place_that_cannot_be_opened_is_named() {
    let missing = Place::Sqlite("/nonexistent/headwater.db".into());
    let refused = Store::open(&missing).await.expect_err("refused").to_string();
    assert_eq!(refused, "cannot open the store `/nonexistent/headwater.db`");
}
