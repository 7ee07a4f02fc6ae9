//! What callers change of alarms.

use std::sync::Arc;

use alarm::status::SetStateFault;
use alarm::{HistoryItem, Rule, composite};
use aws::Map;
use media::Utc;
use store::{Call, Document, Expect, Key, New, Owner, Tags};

use super::judge::note_change;
use super::stored::{Desired, Observed};
use super::{Alarms, Change, HISTORY_US, Held, KIND, Kind, MAX_ALARMS};
use crate::read::ReadFault;

/// Why a caller's change is not made.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub(crate) enum PutFault {
    #[error(transparent)]
    Read(#[from] ReadFault),
    #[error("there are {MAX_ALARMS} alarms in this account and region, which is the limit")]
    TooMany,
    #[error("there is a {0} alarm of that name; delete it first")]
    OtherKind(&'static str),
    #[error("the composite alarm's AlarmRule names alarms that do not exist: {0}")]
    UnknownChildren(String),
    #[error("the composite alarm's AlarmRule would in the end look at the alarm itself")]
    Circle,
    #[error("alarms that do not exist: {0}")]
    NotFound(String),
    #[error("at most one composite alarm can be deleted at a time")]
    SeveralComposites,
    #[error(transparent)]
    State(#[from] SetStateFault),
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Alarms {
    /// Makes an alarm, or gives one other settings; its state stays. Tags are those of a new one.
    pub(crate) async fn put(
        &self,
        call: Call,
        key: Key,
        is_composite: bool,
        members: Map,
        tags: Tags,
    ) -> Result<(), PutFault> {
        let kind = Kind::read(is_composite, &members, key.account())?;
        let mut running = self.turn.lock().await;
        let known = self.find(&key);
        self.check(&key, &kind, known.as_ref())?;
        let now = call.at;
        let arn = format!("arn:aws:cloudwatch:{}:{}:alarm:{}", key.region(), key.account(), key.id());
        let data = serde_json::to_value(&members).unwrap_or_default();
        let desired = Document::of(&Desired { is_composite, members: members.clone(), configured: now })?;
        // A tombstone gives way to a new one; what it remembers goes on.
        let (resource, before) = match &known {
            Some(_) => (self.store.change(call, &key, Expect::Any, desired).await?, None),
            None => {
                let new = New {
                    key: key.clone(),
                    arn,
                    name: key.id().to_owned(),
                    owner: Owner::Api,
                    desired,
                    tags,
                };
                let before =
                    self.observed(&key, now).await.map(|observed| observed.history).unwrap_or_default();
                (self.store.create(call, new, None).await?, Some(before))
            }
        };
        let what = if known.is_some() { "updated" } else { "created" };
        let item = HistoryItem::of_configuration(now, key.id(), what, &data);
        let told = move |observed: &mut Observed| {
            if let Some(before) = before {
                observed.history = before;
            }
            observed.enter(item);
        };
        self.observe_one(&key, told, now).await?;
        let observed = self.observed(&key, now).await?;
        match Held::of(&resource, &observed, now) {
            Ok(held) => self.book().put(key.clone(), held),
            Err(fault) => {
                tracing::error!(alarm = %key, %fault, "an alarm that was just stored cannot be read")
            }
        }
        note_change(&mut running, &key);
        Ok(())
    }

    fn check(&self, key: &Key, kind: &Kind, known: Option<&Held>) -> Result<(), PutFault> {
        let book = self.book();
        match known {
            Some(known) if known.kind.is_composite() != kind.is_composite() => {
                return Err(PutFault::OtherKind(if known.kind.is_composite() {
                    "composite"
                } else {
                    "metric"
                }));
            }
            None if book.of(key.account(), key.region()).count() >= MAX_ALARMS => {
                return Err(PutFault::TooMany);
            }
            _ => {}
        }
        let Some(rule) = kind.rule() else { return Ok(()) };
        let find = |name: &str| {
            let mut all = book.of(key.account(), key.region());
            all.find(|(key, held)| key.id() == name || held.arn == name).map(|(_, held)| held)
        };
        let unknown: Vec<&str> =
            rule.alarms().into_iter().filter(|name| find(name).is_none() && *name != key.id()).collect();
        if !unknown.is_empty() {
            return Err(PutFault::UnknownChildren(unknown.join(", ")));
        }
        let rule_of = |name: &str| -> Option<&Rule> { find(name)?.kind.rule() };
        if composite::is_circle(key.id(), rule, rule_of) { Err(PutFault::Circle) } else { Ok(()) }
    }

    /// Deletes those of these that there are. [`PutFault::NotFound`] where there is none of them.
    pub(crate) async fn delete(&self, call: Call, keys: Vec<Key>) -> Result<(), PutFault> {
        let mut running = self.turn.lock().await;
        let known: Vec<(Key, Held)> =
            keys.iter().filter_map(|key| Some((key.clone(), self.find(key)?))).collect();
        if known.is_empty() {
            let names: Vec<&str> = keys.iter().map(Key::id).collect();
            return Err(PutFault::NotFound(names.join(", ")));
        }
        if known.iter().filter(|(_, held)| held.kind.is_composite()).count() > 1 {
            return Err(PutFault::SeveralComposites);
        }
        let now = call.at;
        let until = now.plus_micros(HISTORY_US);
        let mut write = self.store.write(call).await?;
        let mut outcome = Ok(());
        for (key, _) in &known {
            outcome = write.delete(key, Expect::Any, until).await.map(drop);
            if outcome.is_err() {
                break;
            }
        }
        write.settle(outcome).await?;
        for (key, held) in known {
            self.book().remove(&key);
            note_change(&mut running, &key);
            let data = serde_json::to_value(&*held.members).unwrap_or_default();
            self.enter(&key, HistoryItem::of_configuration(now, key.id(), "deleted", &data), now).await?;
        }
        Ok(())
    }

    /// Switches the actions of those of these that there are.
    pub(crate) async fn enable(&self, call: Call, keys: Vec<Key>, enabled: bool) -> Result<(), PutFault> {
        let _running = self.turn.lock().await;
        let now = call.at;
        let mut changed = Vec::new();
        let mut write = self.store.write(call).await?;
        let mut outcome = Ok(());
        for key in keys {
            let Some(held) = self.find(&key).filter(|held| held.kind.actions().enabled != enabled) else {
                continue;
            };
            let members = held.members.as_ref().clone().with("ActionsEnabled", enabled);
            let desired =
                Desired { is_composite: held.kind.is_composite(), members, configured: held.configured };
            let change = match Document::of(&desired) {
                Ok(document) => write.change(&key, Expect::Any, document).await,
                Err(fault) => Err(fault),
            };
            match change {
                Ok(resource) => changed.push((key, held, desired, resource.generation)),
                Err(fault) => {
                    outcome = Err(fault);
                    break;
                }
            }
        }
        write.settle(outcome).await?;
        for (key, held, desired, generation) in changed {
            let data = serde_json::to_value(&desired.members).unwrap_or_default();
            let kind = Arc::new(Kind::read(desired.is_composite, &desired.members, key.account())?);
            let held = Held { kind, members: Arc::new(desired.members), generation, ..held };
            self.book().put(key.clone(), held);
            self.enter(&key, HistoryItem::of_configuration(now, key.id(), "updated", &data), now).await?;
        }
        Ok(())
    }

    /// Puts an alarm into a state by hand, until it is judged the next time.
    pub(crate) async fn set_state(
        &self,
        call: Call,
        key: &Key,
        state: &str,
        reason: String,
        reason_data: Option<String>,
    ) -> Result<(), PutFault> {
        let mut running = self.turn.lock().await;
        let now = call.at;
        let Some(mut held) = self.find(key) else { return Err(PutFault::NotFound(key.id().to_owned())) };
        let kind = held.kind.clone();
        let transition = held.status.set(key.id(), kind.actions(), state, reason, reason_data, now)?;
        let mut write = self.store.write(call).await?;
        write.about(&held.arn);
        write.settle(Ok(())).await?;
        match transition {
            None => Ok(()),
            Some(transition) => {
                let changed = vec![(key.clone(), held, transition)];
                self.tell(&mut running, changed, now).await?;
                Ok(())
            }
        }
    }

    async fn enter(&self, key: &Key, item: HistoryItem, now: Utc) -> Result<(), store::Error> {
        self.observe_one(key, move |observed: &mut Observed| observed.enter(item), now).await
    }

    async fn observe_one(
        &self,
        key: &Key,
        change: impl FnOnce(&mut Observed) + Send + 'static,
        now: Utc,
    ) -> Result<(), store::Error> {
        let change: Change = (key.clone(), Box::new(change));
        self.observe(vec![change], now).await
    }
}

/// The key of an alarm.
pub(crate) fn key(account: &str, region: &str, name: &str) -> Result<Key, store::Error> {
    Key::new(KIND, account, region, name)
}
