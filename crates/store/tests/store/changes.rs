//! The feed of changes, and what upkeep leaves of it.

use store::{Error, Expect, Observation, Retention};

use crate::home::{Home, at, call, doc, key, new};
use crate::on_both_engines;

on_both_engines! {
    the_feed_tells_each_change_once_and_in_order
    a_listener_too_far_behind_is_told_to_list_anew
    who_waits_is_told_of_a_commit
    what_was_read_is_brought_up_to_date
}

async fn what_was_read_is_brought_up_to_date(home: Home) {
    let store = home.open().await;
    for id in ["b", "d", "é", "Z"] {
        store.create(call("Create", 1), new(id), None).await.expect("made");
    }
    let (mut since, mut known) = store.every().await.expect("read");
    for step in 0..8 {
        match step {
            0 => drop(store.create(call("Create", 2), new("c"), None).await.expect("in between")),
            1 => drop(
                store.change(call("Update", 3), &key("é"), Expect::Any, doc("2")).await.expect("changed"),
            ),
            2 => drop(store.delete(call("Delete", 4), &key("b"), Expect::Any, at(9)).await.expect("deleted")),
            3 => drop(store.forget(&[key("b")], at(9)).await.expect("forgotten")),
            4 => {
                let report = Observation { key: key("d"), generation: 1, observed: doc("1") };
                store.observe(&[report], at(5)).await.expect("taken");
            }
            5 => {}
            // More than are read one by one.
            6 => {
                for n in 0..150 {
                    store.create(call("Create", 6), new(&format!("n{n}")), None).await.expect("made");
                }
            }
            // Changes that are not kept any more.
            _ => {
                store.delete(call("Delete", 7), &key("Z"), Expect::Any, at(9)).await.expect("deleted");
                store.upkeep(at(8), Retention { changes: 1, audit: 4 }).await.expect("kept up");
            }
        }
        (since, known) = store.every_since(since, known).await.expect("read");
        assert_eq!((since, known.clone()), store.every().await.expect("read"), "step {step}");
    }
}

async fn the_feed_tells_each_change_once_and_in_order(home: Home) {
    let store = home.open().await;
    store.create(call("Create", 1), new("a"), None).await.expect("made");
    let (since, all) = store.every().await.expect("read");
    assert_eq!(all.len(), 1);
    store.change(call("Update", 2), &key("a"), Expect::Any, doc("2")).await.expect("changed");
    store
        .change(call("Update", 2), &key("a"), Expect::Any, doc("2"))
        .await
        .expect("the same again is no change");
    store.change(call("Update", 2), &key("a"), Expect::Generation(1), doc("3")).await.expect_err("stale");
    let report = Observation { key: key("a"), generation: 2, observed: doc("1") };
    store.observe(&[report], at(3)).await.expect("taken");
    store.delete(call("Delete", 4), &key("a"), Expect::Any, at(5)).await.expect("deleted");
    store.forget(&[key("a")], at(5)).await.expect("forgotten");
    let told = store.changes(since, 100).await.expect("changes");
    let told: Vec<_> =
        told.iter().map(|change| (change.what.word(), change.generation, change.key.id())).collect();
    assert_eq!(told, [("changed", 2, "a"), ("observed", 2, "a"), ("deleted", 3, "a"), ("forgotten", 3, "a")]);
    let first = store.changes(0, 2).await.expect("changes");
    let rest = store.changes(first[1].revision, 100).await.expect("changes");
    assert_eq!((first.len(), rest.len()), (2, 3));
    assert!(first[1].revision < rest[0].revision);
}

async fn a_listener_too_far_behind_is_told_to_list_anew(home: Home) {
    let store = home.open().await;
    for second in 1..=10 {
        store.create(call("Create", second), new(&second.to_string()), None).await.expect("made");
    }
    // A mutation takes two revisions: its change's and its audit line's.
    store.upkeep(at(11), Retention { changes: 6, audit: 4 }).await.expect("kept up");
    let behind = store.changes(3, 100).await;
    assert!(matches!(behind, Err(Error::Forgotten { asked: 3, oldest: 14 })), "{behind:?}");
    assert_eq!(store.changes(14, 100).await.expect("changes").len(), 3);
    assert_eq!(store.audit(0, 100).await.expect("lines").len(), 2);
    assert_eq!(store.verify_audit().await.expect("read"), Ok(2));
    store.upkeep(at(12), Retention::default()).await.expect("kept up");
    assert_eq!(store.changes(14, 100).await.expect("changes").len(), 3);
}

async fn who_waits_is_told_of_a_commit(home: Home) {
    let store = home.open().await;
    let mut watch = store.watch();
    watch.mark_unchanged();
    let since = *watch.borrow();
    let waiting = tokio::spawn(async move {
        watch.changed().await.expect("the store is there");
        *watch.borrow()
    });
    store.create(call("Create", 1), new("a"), None).await.expect("made");
    let told = waiting.await.expect("told");
    assert!(told > since && store.changes(since, 10).await.expect("changes").len() == 1);
}
