//! What a door does with resources.

use store::{Error, Expect, Observation, Tags, Token};

use crate::home::{Home, at, call, doc, key, new};
use crate::on_both_engines;

on_both_engines! {
    what_is_made_is_there_after_a_restart
    an_edit_by_someone_who_has_not_seen_the_last_one_is_refused
    a_tombstone_is_described_for_its_time_and_never_listed
    a_resource_made_over_a_tombstone_goes_on_from_its_generation
    a_call_that_comes_twice_is_done_once
    a_list_read_page_by_page_shows_each_that_stays_once
    several_mutations_of_a_call_are_all_done_or_none
    reports_of_workers_only_go_forward
    what_cannot_be_kept_is_refused_by_name
}

async fn what_is_made_is_there_after_a_restart(home: Home) {
    let store = home.open().await;
    let made = store.create(call("CreateChannel", 1), new("a"), None).await.expect("made");
    assert_eq!((made.generation, made.created, made.observed_generation), (1, at(1), 0));
    let changed = store.change(call("UpdateChannel", 2), &key("a"), Expect::Any, doc(r#"{"rungs":2}"#)).await;
    let changed = changed.expect("changed");
    let again = store.change(call("UpdateChannel", 3), &key("a"), Expect::Any, doc(r#"{"rungs":2}"#)).await;
    assert_eq!(again.expect("nothing to do").generation, 2);
    let tags = Tags::from([("é".to_owned(), "".to_owned())]);
    let tagged =
        store.retag(call("CreateTags", 4), &key("a"), |now| *now = tags.clone()).await.expect("tagged");
    assert_eq!((tagged.generation, &tagged.tags), (2, &tags));
    store.close().await;
    let store = home.open().await;
    let found = store.resource(&key("a"), at(5)).await.expect("there");
    assert_eq!(found, tagged);
    assert_eq!(found.desired, changed.desired);
    assert_eq!(store.by_arn("arn:a", at(5)).await.expect("there"), found);
    let nobody = store.resource(&key("b"), at(5)).await.expect_err("never made");
    assert_eq!(nobody.to_string(), "there is no channel b of 000000000001 in eu-west-1");
}

async fn an_edit_by_someone_who_has_not_seen_the_last_one_is_refused(home: Home) {
    let store = home.open().await;
    store.create(call("CreateChannel", 1), new("a"), None).await.expect("made");
    let first =
        store.change(call("Update", 2), &key("a"), Expect::Generation(1), doc("2")).await.expect("changed");
    let stale = store.change(call("Update", 3), &key("a"), Expect::Generation(1), doc("3")).await;
    assert!(matches!(stale, Err(Error::Stale { expected: 1, now: 2, .. })), "{stale:?}");
    let stale = store.delete(call("Delete", 4), &key("a"), Expect::Generation(1), at(9)).await;
    assert!(matches!(stale, Err(Error::Stale { .. })), "{stale:?}");
    assert_eq!(store.resource(&key("a"), at(5)).await.expect("there"), first);
    let again = store.create(call("CreateChannel", 5), new("a"), None).await;
    assert!(matches!(again, Err(Error::Conflict(_))), "{again:?}");
    let mut same_arn = new("b");
    same_arn.arn = "arn:a".to_owned();
    let again = store.create(call("CreateChannel", 6), same_arn, None).await;
    assert!(matches!(again, Err(Error::Conflict(_))), "{again:?}");
}

async fn a_tombstone_is_described_for_its_time_and_never_listed(home: Home) {
    let store = home.open().await;
    store.create(call("CreateChannel", 1), new("a"), None).await.expect("made");
    let gone = store.delete(call("DeleteChannel", 2), &key("a"), Expect::Any, at(60)).await.expect("deleted");
    assert_eq!(gone.deleted, Some((at(2), at(60))));
    assert_eq!(store.resource(&key("a"), at(59)).await.expect("described"), gone);
    let list = store.list("channel", "000000000001", "eu-west-1", None, 10).await.expect("listed");
    assert!(list.items.is_empty());
    let twice = store.delete(call("DeleteChannel", 3), &key("a"), Expect::Any, at(60)).await;
    assert!(matches!(twice, Err(Error::NotFound(_))), "{twice:?}");
    assert!(matches!(store.resource(&key("a"), at(60)).await, Err(Error::NotFound(_))));
    assert_eq!(store.forget(&[key("a")], at(59)).await.expect("looked"), 0);
    assert_eq!(store.forget(&[key("a"), key("b")], at(60)).await.expect("forgotten"), 1);
    assert!(store.every().await.expect("read").1.is_empty());
}

async fn a_resource_made_over_a_tombstone_goes_on_from_its_generation(home: Home) {
    let store = home.open().await;
    store.create(call("Create", 1), new("a"), None).await.expect("made");
    store.delete(call("Delete", 2), &key("a"), Expect::Any, at(600)).await.expect("deleted");
    let made = store.create(call("Create", 3), new("a"), None).await.expect("made anew");
    assert_eq!((made.generation, made.created, made.deleted), (3, at(3), None));
    let late = store.change(call("Update", 4), &key("a"), Expect::Generation(1), doc("9")).await;
    assert!(
        matches!(late, Err(Error::Stale { .. })),
        "who knew the first one has not seen this one: {late:?}"
    );
}

async fn a_call_that_comes_twice_is_done_once(home: Home) {
    let store = home.open().await;
    let token = |fingerprint: &str| Token { token: "t".to_owned(), fingerprint: fingerprint.to_owned() };
    let made = store.create(call("Create", 1), new("a"), Some(&token("x"))).await.expect("made");
    store.change(call("Update", 2), &key("a"), Expect::Any, doc("2")).await.expect("changed");
    let again = store.create(call("Create", 3), new("a"), Some(&token("x"))).await.expect("answered");
    assert_eq!(again, made, "the first answer, though it has changed since");
    let other = store.create(call("Create", 4), new("b"), Some(&token("y"))).await;
    assert!(matches!(other, Err(Error::TokenReused(_))), "{other:?}");
    let mut elsewhere = call("Create", 5);
    elsewhere.account = "000000000002".to_owned();
    store.create(elsewhere, new("c"), Some(&token("y"))).await.expect("another account's token");
    let day = 86_400;
    store
        .create(call("Create", 1 + day), new("b"), Some(&token("y")))
        .await
        .expect("a day later it is a new token");
    let token = |fingerprint: &str| Token { token: "u".to_owned(), fingerprint: fingerprint.to_owned() };
    let refused = store.create(call("Create", 2 + day), new("b"), Some(&token("z"))).await;
    assert!(matches!(refused, Err(Error::Conflict(_))), "{refused:?}");
    let retried = store.create(call("Create", 3 + day), new("d"), Some(&token("w"))).await;
    retried.expect("a refused call has used up no token");
}

async fn a_list_read_page_by_page_shows_each_that_stays_once(home: Home) {
    let store = home.open().await;
    for id in ["b", "A", "d", "é", "a", "c", "Z"] {
        store.create(call("Create", 1), new(id), None).await.expect("made");
    }
    let page = |after: Option<String>| {
        let store = store.clone();
        async move {
            let page = store
                .list("channel", "000000000001", "eu-west-1", after.as_deref(), 2)
                .await
                .expect("a page");
            let ids: Vec<_> = page.items.iter().map(|item| item.key.id().to_owned()).collect();
            (ids, page.next)
        }
    };
    let (ids, next) = page(None).await;
    assert_eq!(ids, ["A", "Z"], "by bytes, on every engine");
    store.delete(call("Delete", 2), &key("Z"), Expect::Any, at(9)).await.expect("deleted");
    store.create(call("Create", 3), new("B"), None).await.expect("made");
    let (ids, next) = page(next).await;
    assert_eq!(ids, ["a", "b"]);
    let (ids, next) = page(next).await;
    assert_eq!(ids, ["c", "d"]);
    let (ids, next) = page(next).await;
    assert_eq!((ids, next), (vec!["é".to_owned()], None));
    let elsewhere = store.list("channel", "000000000001", "us-east-1", None, 2).await.expect("a page");
    assert!(elsewhere.items.is_empty());
}

async fn several_mutations_of_a_call_are_all_done_or_none(home: Home) {
    let store = home.open().await;
    let mut write = store.write(call("Apply", 1)).await.expect("the turn");
    write.create(new("a")).await.expect("made");
    let inside = write.resource(&key("a")).await.expect("seen by its maker");
    assert_eq!(inside.generation, 1);
    assert!(store.resource(&key("a"), at(1)).await.is_err(), "and by nobody else yet");
    let second = write.change(&key("b"), Expect::Any, doc("1")).await;
    let refused = write.settle(second.map(drop)).await;
    assert!(matches!(refused, Err(Error::NotFound(_))), "{refused:?}");
    assert!(store.every().await.expect("read").1.is_empty());
    let mut write = store.write(call("Apply", 2)).await.expect("the turn");
    write.create(new("a")).await.expect("made");
    drop(write);
    assert!(store.every().await.expect("read").1.is_empty(), "a caller who went away leaves nothing");
    store.create(call("Create", 3), new("a"), None).await.expect("and does not block the next");
}

async fn reports_of_workers_only_go_forward(home: Home) {
    let store = home.open().await;
    store.create(call("Create", 1), new("a"), None).await.expect("made");
    store.change(call("Update", 2), &key("a"), Expect::Any, doc("2")).await.expect("changed");
    let report = |generation, state: &str| Observation { key: key("a"), generation, observed: doc(state) };
    assert_eq!(store.observe(&[report(2, "\"RUNNING\"")], at(3)).await.expect("taken"), 1);
    let before = store.revision().await.expect("read");
    assert_eq!(
        store
            .observe(&[report(2, "\"RUNNING\""), report(1, "\"IDLE\""), report(3, "1")], at(4))
            .await
            .expect("read"),
        0
    );
    assert_eq!(store.revision().await.expect("read"), before, "what says nothing new changes nothing");
    store.delete(call("Delete", 5), &key("a"), Expect::Any, at(60)).await.expect("deleted");
    assert_eq!(store.observe(&[report(3, "\"DELETING\"")], at(6)).await.expect("taken"), 1);
    let found = store.resource(&key("a"), at(7)).await.expect("a tombstone");
    assert_eq!((found.observed, found.observed_generation), (Some(doc("\"DELETING\"")), 3));
}

async fn what_cannot_be_kept_is_refused_by_name(home: Home) {
    let store = home.open().await;
    let mut long = new("a");
    long.name = "x".repeat(513);
    let refused = store.create(call("Create", 1), long, None).await.expect_err("refused");
    assert_eq!(refused.to_string(), "name: 513 bytes are too long; 512 at most");
    let mut nul = new("a");
    nul.tags.insert("a\0".to_owned(), String::new());
    let refused = store.create(call("Create", 1), nul, None).await.expect_err("refused");
    assert_eq!(refused.to_string(), "tag key: no NUL character");
    let mut tagged = new("a");
    tagged.tags = (0..51).map(|n| (n.to_string(), String::new())).collect();
    assert!(matches!(store.create(call("Create", 1), tagged, None).await, Err(Error::Malformed { .. })));
    assert!(store::Key::new("channel", "1", "eu/west", "a").is_err());
    assert!(store::Key::new("channel", "1", "eu", "a\n").is_err());
    assert!(store::Document::parse("{\"a\":").is_err());
    assert!(store::Document::parse(&format!("\"{}\"", "x".repeat(store::Document::MAX))).is_err());
    assert!(store.every().await.expect("read").1.is_empty());
}
