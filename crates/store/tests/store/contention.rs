//! Many at once, and those who hold things up.

use sqlx::Connection;
use store::{Error, Expect, Store};

use crate::home::{Home, at, call, connect, doc, key, new, raw};
use crate::{on_both_engines, postgres};

on_both_engines! {
    writers_of_two_processes_lose_no_update
    a_lock_held_by_another_is_waited_for_and_then_refused
    a_caller_who_goes_away_in_the_middle_leaves_nothing
}

/// Each of two stores on one database, as two processes have them, counts up with four tasks.
async fn writers_of_two_processes_lose_no_update(home: Home) {
    let stores = [home.open().await, home.open().await];
    stores[0].create(call("Create", 0), counter(), None).await.expect("made");
    let tasks: Vec<_> = (0..8).map(|task| tokio::spawn(count_up(stores[task % 2].clone(), 25))).collect();
    let mut stale = 0;
    for task in tasks {
        stale += task.await.expect("counted");
    }
    let counter = stores[0].resource(&key("n"), at(1)).await.expect("there");
    assert_eq!(counter.desired.read::<u64>().expect("a number"), 200);
    assert_eq!(counter.generation, 201);
    let changes = stores[1].changes(0, 1_000).await.expect("changes");
    let generations: Vec<_> = changes.iter().map(|change| change.generation).collect();
    assert_eq!(generations, (1..=201).collect::<Vec<_>>(), "in the order they were made");
    let lines = stores[1].audit(0, 1_000).await.expect("lines").len();
    assert_eq!(lines.min(1_000), (201 + stale).min(1_000));
    assert!(stores[0].verify_audit().await.expect("read").is_ok());
}

fn counter() -> store::New {
    store::New { desired: doc("0"), ..new("n") }
}

/// Optimistic: reads, and writes if nobody else has; gives how often somebody had.
async fn count_up(store: Store, times: usize) -> usize {
    let mut stale = 0;
    for _ in 0..times {
        loop {
            let seen = store.resource(&key("n"), at(1)).await.expect("there");
            let next = doc(&(seen.desired.read::<u64>().expect("a number") + 1).to_string());
            match store.change(call("Update", 1), &key("n"), Expect::Generation(seen.generation), next).await
            {
                Ok(_) => break,
                Err(Error::Stale { .. }) => stale += 1,
                Err(error) => panic!("{error}"),
            }
        }
    }
    stale
}

async fn a_lock_held_by_another_is_waited_for_and_then_refused(home: Home) {
    let store = home.open().await;
    let mut other = connect(&home.url()).await;
    let lock = match home.place {
        store::Place::Sqlite(_) => "BEGIN IMMEDIATE",
        store::Place::Postgres(_) => "BEGIN; SELECT value FROM numbers WHERE name = 'revision' FOR UPDATE",
    };
    sqlx::raw_sql(lock).execute(&mut other).await.expect("held");
    let refused = store.create(call("Create", 1), new("a"), None).await;
    assert!(matches!(refused, Err(Error::Busy)), "{refused:?}");
    assert!(store.every().await.expect("reading goes on").1.is_empty());
    sqlx::raw_sql("ROLLBACK").execute(&mut other).await.expect("let go");
    other.close().await.expect("closed");
    store.create(call("Create", 2), new("a"), None).await.expect("and then it works");
}

async fn a_caller_who_goes_away_in_the_middle_leaves_nothing(home: Home) {
    let store = home.open().await;
    for n in 0..40_u64 {
        let create = store.create(call("Create", 1), new("a"), None);
        tokio::select! {
            biased;
            made = create => { made.expect("made"); break; }
            () = patience(n) => {}
        }
        // Whatever of it is still under way is over when the next writer has had its turn.
        store.observe(&[], at(1)).await.expect("the turn");
        let (revision, resources) = store.every().await.expect("read");
        let lines = store.audit(0, 10).await.expect("lines").len()
            + store.changes(0, 10).await.expect("changes").len();
        assert_eq!((resources.len() * 2, lines), (lines, revision as usize), "all of it or nothing");
        if !resources.is_empty() {
            break;
        }
    }
    store.create(call("Create", 2), new("b"), None).await.expect("nobody is blocked");
}

/// Lets others go on `turns` times.
async fn patience(turns: u64) {
    for _ in 0..turns {
        tokio::task::yield_now().await;
        tokio::time::sleep(std::time::Duration::from_micros(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_were_cut_are_made_anew() {
    let home = Home::postgres().await;
    let store = home.open().await;
    store.create(call("Create", 1), new("a"), None).await.expect("made");
    let database = home.url();
    let database = database.split(['/', '?']).nth(3).expect("its name");
    raw(
        &postgres::url("postgres"),
        &format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'"),
    )
    .await;
    store.create(call("Create", 2), new("b"), None).await.expect("made");
    assert_eq!(store.every().await.expect("read").1.len(), 2);
}
