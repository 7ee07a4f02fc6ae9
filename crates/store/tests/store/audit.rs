//! The audit log.

use store::{Broken, Expect};

use crate::home::{Home, at, call, doc, key, new, raw};
use crate::on_both_engines;

on_both_engines! {
    each_mutating_call_leaves_one_line_also_when_it_is_refused
    a_line_that_was_changed_or_taken_out_shows
}

async fn each_mutating_call_leaves_one_line_also_when_it_is_refused(home: Home) {
    let store = home.open().await;
    store.create(call("CreateChannel", 1), new("a"), None).await.expect("made");
    store.create(call("CreateChannel", 2), new("a"), None).await.expect_err("there already");
    store
        .change(call("UpdateChannel", 3), &key("a"), Expect::Generation(7), doc("1"))
        .await
        .expect_err("stale");
    store.delete(call("DeleteChannel", 4), &key("b"), Expect::Any, at(9)).await.expect_err("not there");
    store.refused(call("StopChannel", 5), "arn:a", "AccessDenied").await.expect("written");
    let lines = store.audit(0, 100).await.expect("lines");
    let told: Vec<_> = lines
        .iter()
        .map(|line| (line.call.action.as_str(), line.subject.as_str(), line.outcome.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            ("CreateChannel", "arn:a", "ok"),
            ("CreateChannel", "arn:a", "Conflict"),
            ("UpdateChannel", "arn:a", "Stale"),
            ("DeleteChannel", "channel b of 000000000001 in eu-west-1", "NotFound"),
            ("StopChannel", "arn:a", "AccessDenied"),
        ]
    );
    assert_eq!(lines[4].call, call("StopChannel", 5), "who, when, from where, and the request's number");
    assert_eq!(store.verify_audit().await.expect("read"), Ok(5));
}

async fn a_line_that_was_changed_or_taken_out_shows(home: Home) {
    let store = home.open().await;
    for second in 1..=6 {
        store.create(call("Create", second), new(&second.to_string()), None).await.expect("made");
    }
    let lines = store.audit(0, 10).await.expect("lines");
    let (third, fifth) = (lines[2].revision, lines[4].revision);
    raw(&home.url(), &format!("UPDATE audit SET who = 'nobody' WHERE revision = {third}")).await;
    assert_eq!(store.verify_audit().await.expect("read"), Err(Broken { revision: third }));
    raw(&home.url(), &format!("UPDATE audit SET who = '{}' WHERE revision = {third}", lines[2].call.who))
        .await;
    assert_eq!(store.verify_audit().await.expect("read"), Ok(6));
    raw(&home.url(), &format!("DELETE FROM audit WHERE revision = {fifth}")).await;
    assert_eq!(store.verify_audit().await.expect("read"), Err(Broken { revision: lines[5].revision }));
}
