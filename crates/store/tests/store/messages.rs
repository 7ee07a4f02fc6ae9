//! Messages in queues.

use media::Utc;
use store::{Held, Put, Store};

use crate::home::{Home, at, doc};
use crate::on_both_engines;

on_both_engines! {
    a_message_is_taken_again_only_when_it_is_due_again
    what_is_put_survives_a_restart_and_what_is_not_committed_does_not
    a_message_keeps_its_number_and_date_in_another_queue
    queues_are_told_by_their_first_due_message
    what_has_expired_is_not_given_and_goes
    messages_are_in_a_backup
}

fn put(queue: &str, second: i64) -> Put {
    Put {
        queue: queue.to_owned(),
        sent: at(second),
        due: at(second),
        expires: at(second + 100),
        head: doc("{}"),
        body: format!("é{second}"),
    }
}

async fn send(store: &Store, put: &Put) -> i64 {
    let mut exchange = store.exchange().await.expect("the turn");
    let number = exchange.messages().put(put).await.expect("put");
    exchange.commit().await.expect("committed");
    number
}

async fn bodies(store: &Store, queue: &str, now: Utc) -> Vec<String> {
    store.due(queue, now, 10).await.expect("read").into_iter().map(|message| message.body).collect()
}

async fn a_message_is_taken_again_only_when_it_is_due_again(home: Home) {
    let store = home.open().await;
    let number = send(&store, &put("q", 1)).await;
    send(&store, &put("q", 5)).await;
    assert_eq!(store.held("q", at(1)).await.expect("read"), Held { due: 1, taken: 0, delayed: 1 });
    let mut exchange = store.exchange().await.expect("the turn");
    exchange.messages().take("q", number, at(1), at(4)).await.expect("taken");
    exchange.commit().await.expect("committed");
    assert_eq!(bodies(&store, "q", at(3)).await, Vec::<String>::new());
    assert_eq!(store.held("q", at(3)).await.expect("read"), Held { due: 0, taken: 1, delayed: 1 });
    assert_eq!(store.next_due("q", at(3)).await.expect("read"), Some(at(4)));
    assert_eq!(bodies(&store, "q", at(5)).await, ["é1", "é5"]);
    let again = &store.due("q", at(5), 1).await.expect("read")[0];
    assert_eq!((again.taken, again.first_taken), (1, Some(at(1))));
}

async fn what_is_put_survives_a_restart_and_what_is_not_committed_does_not(home: Home) {
    let store = home.open().await;
    let first = send(&store, &put("q", 1)).await;
    let mut dropped = store.exchange().await.expect("the turn");
    dropped.messages().put(&put("q", 2)).await.expect("put");
    drop(dropped);
    store.close().await;
    let store = home.open().await;
    assert_eq!(bodies(&store, "q", at(9)).await, ["é1"]);
    assert!(send(&store, &put("q", 3)).await > first, "numbers rise over restarts");
}

async fn a_message_keeps_its_number_and_date_in_another_queue(home: Home) {
    let store = home.open().await;
    let number = send(&store, &put("q", 1)).await;
    let mut exchange = store.exchange().await.expect("the turn");
    let mut messages = exchange.messages();
    messages.take("q", number, at(1), at(1)).await.expect("taken");
    messages.transfer("q", number, "dead", at(2), at(50), &doc("1")).await.expect("moved");
    assert_eq!(messages.message("q", number).await.expect("read"), None);
    let moved = messages.message("dead", number).await.expect("read").expect("there");
    assert_eq!((moved.sent, moved.taken, moved.first_taken, moved.head.text()), (at(1), 0, None, "1"));
    assert_eq!(
        (messages.count("dead", 5).await.expect("counted"), messages.count("q", 5).await.expect("counted")),
        (1, 0)
    );
    assert!(messages.remove("dead", number).await.expect("removed"));
    assert!(!messages.remove("dead", number).await.expect("looked"));
    exchange.commit().await.expect("committed");
}

async fn queues_are_told_by_their_first_due_message(home: Home) {
    let store = home.open().await;
    for (queue, second) in [("out/b", 3), ("out/a", 9), ("out/a", 4), ("outer", 1), ("in", 1)] {
        send(&store, &put(queue, second)).await;
    }
    let found = store.queues_by_due("out/", 10).await.expect("read");
    assert_eq!(found, [("out/b".to_owned(), at(3)), ("out/a".to_owned(), at(4))]);
    assert_eq!(store.queues_by_due("out/", 1).await.expect("read").len(), 1);
}

async fn what_has_expired_is_not_given_and_goes(home: Home) {
    let store = home.open().await;
    send(&store, &put("q", 1)).await;
    send(&store, &put("q", 50)).await;
    assert_eq!(bodies(&store, "q", at(101)).await, ["é50"]);
    let mut exchange = store.exchange().await.expect("the turn");
    assert_eq!(exchange.messages().expire(at(101)).await.expect("gone"), 1);
    assert_eq!(exchange.messages().clear("q").await.expect("gone"), 1);
    exchange.commit().await.expect("committed");
}

async fn messages_are_in_a_backup(home: Home) {
    let store = home.open().await;
    send(&store, &put("q", 1)).await;
    store.backup(&home.file("backup.db")).await.expect("backed up");
    let anew = Home::sqlite();
    store::restore(&home.file("backup.db"), &anew.place, store::Before::Stays).await.expect("restored");
    assert_eq!(bodies(&anew.open().await, "q", at(1)).await, ["é1"]);
}
