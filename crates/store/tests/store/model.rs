//! Random calls, on the store and on a model of a few lines in memory: both say the same.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use store::{Error, Expect, Key, New, Observation, Owner, Resource, Store, Tags, Token};

use crate::home::{Home, at, call, doc};

#[derive(Clone, Debug)]
enum Step {
    Create { id: u8, desired: u8, token: Option<u8> },
    Change { id: u8, desired: u8, expect: Guess },
    Tag { id: u8, value: u8 },
    Delete { id: u8, expect: Guess, keep: u8 },
    Observe { id: u8, behind: u8, state: u8 },
    Forget { id: u8 },
    List { limit: u8 },
}

#[derive(Clone, Copy, Debug)]
enum Guess {
    Any,
    Right,
    Wrong,
}

fn step() -> impl Strategy<Value = Step> {
    let guess = || prop_oneof![Just(Guess::Any), Just(Guess::Right), Just(Guess::Wrong)];
    let id = 0..5_u8;
    prop_oneof![
        3 => (id.clone(), 0..3_u8, proptest::option::of(0..3_u8))
            .prop_map(|(id, desired, token)| Step::Create { id, desired, token }),
        3 => (id.clone(), 0..3_u8, guess()).prop_map(|(id, desired, expect)| Step::Change { id, desired, expect }),
        1 => (id.clone(), 0..3_u8).prop_map(|(id, value)| Step::Tag { id, value }),
        2 => (id.clone(), guess(), 0..6_u8).prop_map(|(id, expect, keep)| Step::Delete { id, expect, keep }),
        2 => (id.clone(), 0..3_u8, 0..3_u8).prop_map(|(id, behind, state)| Step::Observe { id, behind, state }),
        1 => id.prop_map(|id| Step::Forget { id }),
        1 => (1..4_u8).prop_map(|limit| Step::List { limit }),
    ]
}

/// The store as it should be.
#[derive(Default)]
struct Model {
    resources: BTreeMap<String, Resource>,
    tokens: BTreeMap<String, (String, Resource)>,
    changes: Vec<(String, &'static str, i64)>,
    outcomes: Vec<&'static str>,
}

impl Model {
    fn live(&mut self, id: &str, expect: Expect) -> Result<&mut Resource, &'static str> {
        match self.resources.get_mut(id).filter(|resource| resource.deleted.is_none()) {
            None => Err("NotFound"),
            Some(resource) => match expect {
                Expect::Generation(seen) if seen != resource.generation => Err("Stale"),
                _ => Ok(resource),
            },
        }
    }

    fn note(&mut self, id: &str, what: &'static str) -> Resource {
        let resource = self.resources[id].clone();
        self.changes.push((id.to_owned(), what, resource.generation));
        resource
    }
}

/// One run, in an account of its own.
struct Run<'a> {
    store: &'a Store,
    account: String,
    model: Model,
    second: i64,
}

impl Run<'_> {
    fn key(&self, id: &str) -> Key {
        Key::new("channel", &self.account, "eu-west-1", id).expect("a key")
    }

    fn call(&self) -> store::Call {
        store::Call { account: self.account.clone(), ..call("Any", self.second) }
    }

    fn guess(&self, id: &str, guess: Guess) -> Expect {
        let now = self.model.resources.get(id).map_or(1, |resource| resource.generation);
        match guess {
            Guess::Any => Expect::Any,
            Guess::Right => Expect::Generation(now),
            Guess::Wrong => Expect::Generation(now + 1),
        }
    }

    async fn take(&mut self, step: &Step) {
        self.second += 1;
        let (now, call) = (at(self.second), self.call());
        match *step {
            Step::Create { id, desired, token } => {
                let id = id.to_string();
                let token =
                    token.map(|n| Token { token: n.to_string(), fingerprint: format!("{id}-{desired}") });
                let new = New {
                    key: self.key(&id),
                    arn: format!("arn:{}:{id}", self.account),
                    name: id.clone(),
                    owner: Owner::File,
                    desired: doc(&desired.to_string()),
                    tags: Tags::new(),
                };
                let told = self.store.create(call, new.clone(), token.as_ref()).await;
                let expected = self.create(&id, new, token);
                self.agree(told, expected);
            }
            Step::Change { id, desired, expect } => {
                let id = id.to_string();
                let (expect, desired) = (self.guess(&id, expect), doc(&desired.to_string()));
                let told = self.store.change(call, &self.key(&id), expect, desired.clone()).await;
                let expected = match self.model.live(&id, expect) {
                    Err(code) => Err(code),
                    Ok(same) if same.desired == desired => Ok(same.clone()),
                    Ok(resource) => {
                        resource.desired = desired;
                        resource.generation += 1;
                        resource.updated = now;
                        Ok(self.model.note(&id, "changed"))
                    }
                };
                self.agree(told, expected);
            }
            Step::Tag { id, value } => {
                let id = id.to_string();
                let tags = Tags::from([("k".to_owned(), value.to_string())]);
                let told = self.store.retag(call, &self.key(&id), |now| *now = tags.clone()).await;
                let expected = match self.model.live(&id, Expect::Any) {
                    Err(code) => Err(code),
                    Ok(same) if same.tags == tags => Ok(same.clone()),
                    Ok(resource) => {
                        resource.tags = tags;
                        resource.updated = now;
                        Ok(self.model.note(&id, "tagged"))
                    }
                };
                self.agree(told, expected);
            }
            Step::Delete { id, expect, keep } => {
                let id = id.to_string();
                let (expect, until) = (self.guess(&id, expect), at(self.second + i64::from(keep)));
                let told = self.store.delete(call, &self.key(&id), expect, until).await;
                let expected = match self.model.live(&id, expect) {
                    Err(code) => Err(code),
                    Ok(resource) => {
                        resource.deleted = Some((now, until));
                        resource.generation += 1;
                        resource.updated = now;
                        Ok(self.model.note(&id, "deleted"))
                    }
                };
                self.agree(told, expected);
            }
            Step::Observe { id, behind, state } => {
                let id = id.to_string();
                let generation = self
                    .model
                    .resources
                    .get(&id)
                    .map_or(1, |resource| resource.generation - i64::from(behind));
                let observed = doc(&state.to_string());
                let report = Observation { key: self.key(&id), generation, observed: observed.clone() };
                let taken = self.store.observe(&[report], now).await.expect("told");
                let news = self.model.resources.get_mut(&id).filter(|known| {
                    let same =
                        known.observed_generation == generation && known.observed.as_ref() == Some(&observed);
                    !same && generation >= known.observed_generation
                });
                assert_eq!(taken, usize::from(news.is_some()), "{step:?}");
                if let Some(known) = news {
                    (known.observed, known.observed_generation) = (Some(observed), generation);
                    self.model.note(&id, "observed");
                }
            }
            Step::Forget { id } => {
                let id = id.to_string();
                let gone = self.store.forget(&[self.key(&id)], now).await.expect("forgotten");
                let over = self
                    .model
                    .resources
                    .get(&id)
                    .is_some_and(|known| known.deleted.is_some_and(|(_, until)| now >= until));
                assert_eq!(gone, usize::from(over));
                if over {
                    self.model.note(&id, "forgotten");
                    self.model.resources.remove(&id);
                }
            }
            Step::List { limit } => self.list(u32::from(limit)).await,
        }
    }

    fn create(&mut self, id: &str, new: New, token: Option<Token>) -> Result<Resource, &'static str> {
        if let Some(token) = &token
            && let Some((fingerprint, answer)) = self.model.tokens.get(&token.token)
        {
            return if *fingerprint == token.fingerprint { Ok(answer.clone()) } else { Err("TokenReused") };
        }
        let before = self.model.resources.get(id);
        if before.is_some_and(|resource| resource.deleted.is_none()) {
            return Err("Conflict");
        }
        let resource = Resource {
            key: new.key,
            arn: new.arn,
            name: new.name,
            owner: new.owner,
            generation: before.map_or(1, |tombstone| tombstone.generation + 1),
            desired: new.desired,
            observed: None,
            observed_generation: 0,
            tags: new.tags,
            created: at(self.second),
            updated: at(self.second),
            deleted: None,
        };
        self.model.resources.insert(id.to_owned(), resource);
        let made = self.model.note(id, "created");
        if let Some(token) = token {
            self.model.tokens.insert(token.token, (token.fingerprint, made.clone()));
        }
        Ok(made)
    }

    fn agree(&mut self, told: Result<Resource, Error>, expected: Result<Resource, &'static str>) {
        self.model.outcomes.push(expected.as_ref().map_or_else(|code| *code, |_| "ok"));
        assert_eq!(told.map_err(|error| error.code()), expected);
    }

    async fn list(&self, limit: u32) {
        let (mut told, mut after) = (Vec::new(), None::<String>);
        loop {
            let page = self
                .store
                .list("channel", &self.account, "eu-west-1", after.as_deref(), limit)
                .await
                .expect("a page");
            assert!(page.items.len() <= limit as usize);
            told.extend(page.items);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let live: Vec<_> =
            self.model.resources.values().filter(|resource| resource.deleted.is_none()).cloned().collect();
        assert_eq!(told, live);
    }

    /// Everything, from `since`, that is of this run.
    async fn compare(&self, since: i64) {
        let told = self.store.changes(since, 1_000).await.expect("changes");
        let told: Vec<_> = told
            .iter()
            .map(|change| (change.key.id().to_owned(), change.what.word(), change.generation))
            .collect();
        assert_eq!(told, self.model.changes);
        let lines = self.store.audit(since, 1_000).await.expect("lines");
        let outcomes: Vec<_> = lines.iter().map(|line| line.outcome.as_str()).collect();
        assert_eq!(outcomes, self.model.outcomes);
        for (id, resource) in &self.model.resources {
            let told = self.store.resource(&self.key(id), resource.created).await.expect("there");
            assert_eq!(&told, resource);
        }
    }
}

fn the_store_does_as_the_model(runtime: &tokio::runtime::Runtime, home: &Home, cases: u32) {
    static ACCOUNT: AtomicU32 = AtomicU32::new(0);
    let store = runtime.block_on(home.open());
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let run = |steps: Vec<Step>| {
        runtime.block_on(async {
            let account = format!("a{}", ACCOUNT.fetch_add(1, Ordering::Relaxed));
            let since = store.revision().await.expect("read");
            let mut run = Run { store: &store, account, model: Model::default(), second: 0 };
            for step in &steps {
                run.take(step).await;
            }
            run.list(2).await;
            run.compare(since).await;
        });
        Ok(())
    };
    TestRunner::new(config)
        .run(&proptest::collection::vec(step(), 1..50), run)
        .unwrap_or_else(|fault| panic!("{fault}"));
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

#[test]
fn random_calls_on_sqlite_do_what_the_model_says() {
    the_store_does_as_the_model(&runtime(), &Home::sqlite(), 64);
}

#[test]
fn random_calls_on_postgresql_do_what_the_model_says() {
    let runtime = runtime();
    let home = runtime.block_on(Home::postgres());
    the_store_does_as_the_model(&runtime, &home, 64);
}
