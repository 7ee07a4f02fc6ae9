//! Backup and restore, within an engine and across.

use std::os::unix::fs::PermissionsExt;

use store::{Before, Error, Expect, Place, Store};

use crate::home::{Home, at, call, doc, key, new};
use crate::on_both_engines;

on_both_engines! {
    a_backup_taken_while_it_works_is_the_store_at_one_moment
    a_store_is_restored_to_the_point_of_its_backup
    a_backup_moves_to_the_other_engine
    what_was_there_gives_way_where_that_is_said
}

/// Everything that can be read of it.
async fn seen(store: &Store) -> String {
    let audit = store.audit(0, 1_000).await.expect("read");
    let changes = store.changes(0, 1_000).await.expect("read");
    let users = store.users("000000000001").await.expect("read");
    let keys = store.keys_of("000000000001", "ada").await.expect("read");
    let secret = store.secret("000000000001", "eu-west-1", "p").await.expect("read");
    let (password, sealed) = (&users[0].password, &keys[0].sealed);
    format!(
        "{:?}{audit:?}{changes:?}{users:?}{password:?}{sealed:?}{secret:?}",
        store.every().await.expect("read")
    )
}

async fn filled(home: &Home) -> Store {
    let store = home.open().await;
    // More than are copied at once.
    for n in 0..600 {
        let mut write = store.write(call("Apply", n)).await.expect("the turn");
        let made = write.create(new(&format!("é{n}"))).await;
        write.settle(made).await.expect("made");
    }
    store.delete(call("Delete", 700), &key("é5"), Expect::Any, at(9_999)).await.expect("deleted");
    let mut write = store.write(call("iam", 701)).await.expect("the turn");
    let made = async {
        write.put_user("ada", &doc("{}"), Some(&[0, 1, 255])).await?;
        write.put_key("AKIA1", "ada", &[9, 0, 9]).await?;
        write.put_policy("all", &doc("{}"), &doc("{\"id\":1}")).await?;
        write.attach("ada", "all").await?;
        write.put_secret("eu-west-1", "p", &[7; 300]).await
    }
    .await;
    write.settle(made).await.expect("made");
    store
}

async fn a_backup_taken_while_it_works_is_the_store_at_one_moment(home: Home) {
    let store = filled(&home).await;
    let busy = {
        let store = store.clone();
        tokio::spawn(async move {
            for second in 1_000..1_100 {
                store
                    .create(call("Create", second), new(&second.to_string()), None)
                    .await
                    .expect("made meanwhile");
            }
        })
    };
    let file = home.file("backup.db");
    store.backup(&file).await.expect("backed up");
    busy.await.expect("done");
    assert_eq!(std::fs::metadata(&file).expect("there").permissions().mode() & 0o777, 0o600);
    let names: Vec<_> =
        std::fs::read_dir(home.folder.path()).expect("read").flatten().map(|e| e.file_name()).collect();
    assert!(!names.iter().any(|name| name.to_string_lossy().contains("backup.db.partial")), "{names:?}");
    let copy = Store::open(&Place::Sqlite(file.clone())).await.expect("a store");
    let (revision, resources) = copy.every().await.expect("read");
    let made = copy
        .changes(0, 1_000)
        .await
        .expect("read")
        .iter()
        .filter(|change| change.what.word() == "created")
        .count();
    assert_eq!(resources.len(), made, "each resource with its change");
    assert_eq!(
        copy.changes(0, 1_000).await.expect("read").len() + copy.audit(0, 1_000).await.expect("read").len(),
        revision as usize
    );
    assert!(
        matches!(store.backup(&file).await, Err(Error::Conflict(_))),
        "an older backup is not written over"
    );
}

async fn a_store_is_restored_to_the_point_of_its_backup(home: Home) {
    let store = filled(&home).await;
    let before = seen(&store).await;
    let file = home.file("backup.db");
    let written = store.backup(&file).await.expect("backed up");
    assert_eq!((written.resources["channel"], written.users, written.audit), (599, 1, 602));
    store.change(call("Update", 800), &key("é7"), Expect::Any, doc("2")).await.expect("changed after it");
    let there = store::restore(&file, &home.place, Before::Stays).await;
    assert!(matches!(there, Err(Error::Conflict(_))), "never over a store that is there: {there:?}");
    let anew = match home.place {
        Place::Sqlite(_) => Home::sqlite(),
        Place::Postgres(_) => Home::postgres().await,
    };
    let restored = store::restore(&file, &anew.place, Before::Stays).await.expect("restored");
    assert_eq!(restored, written);
    let restored = anew.open().await;
    assert_eq!(seen(&restored).await, before);
    assert_eq!(restored.verify_audit().await.expect("read"), Ok(602));
    restored.create(call("Create", 801), new("more"), None).await.expect("it goes on");
    std::fs::write(home.file("torn.db"), &std::fs::read(&file).expect("read")[..40_000]).expect("written");
    let torn = store::restore(&home.file("torn.db"), &Home::sqlite().place, Before::Stays).await;
    assert!(matches!(torn, Err(Error::Damaged(_))), "{torn:?}");
}

async fn a_backup_moves_to_the_other_engine(home: Home) {
    let store = filled(&home).await;
    let file = home.file("backup.db");
    store.backup(&file).await.expect("backed up");
    let other = match home.place {
        Place::Sqlite(_) => Home::postgres().await,
        Place::Postgres(_) => Home::sqlite(),
    };
    store::restore(&file, &other.place, Before::Stays).await.expect("restored");
    assert_eq!(seen(&other.open().await).await, seen(&store).await);
}

async fn what_was_there_gives_way_where_that_is_said(home: Home) {
    let store = filled(&home).await;
    let file = home.file("backup.db");
    store.backup(&file).await.expect("backed up");
    let before = seen(&store).await;
    // In a file's write-ahead log, which must not be taken for the restored file's.
    store.change(call("Update", 800), &key("é7"), Expect::Any, doc("2")).await.expect("changed after it");
    let other = match &home.place {
        Place::Sqlite(path) => {
            let killed = home.folder.path().join("killed.db");
            for ending in ["", "-wal"] {
                let from = format!("{}{ending}", path.display());
                std::fs::copy(from, format!("{}{ending}", killed.display())).expect("as a kill leaves it");
            }
            Place::Sqlite(killed)
        }
        Place::Postgres(_) => {
            store.close().await;
            home.place.clone()
        }
    };
    let refused = store::restore(&file, &other, Before::Stays).await;
    assert!(matches!(refused, Err(Error::Conflict(_))), "{refused:?}");
    store::restore(&file, &other, Before::GivesWay).await.expect("restored");
    let restored = Store::open(&other).await.expect("a store");
    assert_eq!(seen(&restored).await, before);
    if let Place::Sqlite(path) = &other {
        let aside =
            Store::open(&Place::Sqlite(format!("{}.replaced", path.display()).into())).await.expect("kept");
        let changed = aside.resource(&key("é7"), at(900)).await.expect("there").desired;
        assert_eq!(changed, doc("2"));
    }
}
