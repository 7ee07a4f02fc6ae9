//! What is done when a state is entered.

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use alarm::HistoryItem;
use media::Utc;
use store::Key;
use tokio::task::JoinSet;

use super::stored::{Observed, Pending};
use super::{Alarms, Change};

/// Longest time for an action; then it has failed.
const ACTION_LIMIT: Duration = Duration::from_secs(30);
/// Most actions under way at once; others wait.
const MAX_UNDER_WAY: usize = 64;

/// What an action is waited for with: that it is done, or why not, in words for the alarm's history.
pub type Done<'a> = Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'a>>;

/// Does what alarms ask for.
pub trait Actions: Send + Sync {
    /// Does the action that an ARN names: `message` is the alarm's JSON, `subject` has at most 100 characters. It may be asked twice for
    /// the same change of state where a process was killed in between. After 30 seconds it is given up.
    fn act<'a>(&'a self, arn: &'a str, message: &'a str, subject: &'a str) -> Done<'a>;
}

/// Actions under way and to come, and how far the store's changes were read.
#[derive(Debug, Default)]
pub(crate) struct Running {
    pub(crate) revision: i64,
    waiting: VecDeque<(Key, Pending)>,
    under_way: JoinSet<Outcome>,
    /// Of those that are over, not written down yet.
    over: Vec<Outcome>,
    /// Accounts and regions in which composite alarms are to be looked at.
    pub(crate) changed: Vec<(String, String)>,
}

/// How an action went.
#[derive(Clone, Debug)]
struct Outcome {
    key: Key,
    action: Pending,
    result: Result<(), String>,
}

impl Outcome {
    /// Writes it down: the action waits no longer.
    fn enter(&self, observed: &mut Observed, now: Utc) {
        if let Some(at) = observed.pending.iter().position(|pending| *pending == self.action) {
            observed.pending.remove(at);
        }
        let result = match &self.result {
            Ok(()) => Ok(()),
            Err(why) => Err(why.as_str()),
        };
        observed.enter(HistoryItem::of_action(now, self.key.id(), &self.action.arn, result));
    }
}

impl Running {
    /// Takes actions to be done.
    pub(crate) fn wait_for(&mut self, key: &Key, actions: Vec<Pending>) {
        self.waiting.extend(actions.into_iter().map(|action| (key.clone(), action)));
    }

    /// What waits is told anew.
    pub(crate) fn forget_waiting(&mut self) {
        self.waiting.clear();
    }

    /// Begins as many as may be under way.
    pub(crate) fn begin(&mut self, actions: &Arc<dyn Actions>) {
        while self.under_way.len() < MAX_UNDER_WAY {
            let Some((key, action)) = self.waiting.pop_front() else { return };
            let actions = actions.clone();
            self.under_way.spawn(async move {
                let act = actions.act(&action.arn, &action.message, &action.subject);
                let late = Err(format!("it took longer than {} seconds", ACTION_LIMIT.as_secs()));
                let result = tokio::time::timeout(ACTION_LIMIT, act).await.unwrap_or(late);
                Outcome { key, action, result }
            });
        }
    }

    /// Waits for all that are under way.
    pub(crate) async fn wait(&mut self) {
        while let Some(outcome) = self.under_way.join_next().await {
            self.take(outcome);
        }
    }

    fn take(&mut self, outcome: Result<Outcome, tokio::task::JoinError>) {
        match outcome {
            Ok(outcome) => self.over.push(outcome),
            Err(fault) => {
                tracing::error!(%fault, "an alarm's action has panicked; it is done again after a restart")
            }
        }
    }
}

impl Alarms {
    /// Writes down how actions went.
    pub(super) async fn note(&self, running: &mut Running, now: Utc) -> Result<(), store::Error> {
        while let Some(outcome) = running.under_way.try_join_next() {
            running.take(outcome);
        }
        let mut by_alarm: BTreeMap<Key, Vec<Outcome>> = BTreeMap::new();
        for outcome in &running.over {
            by_alarm.entry(outcome.key.clone()).or_default().push(outcome.clone());
        }
        let changes = by_alarm.into_iter().map(|(key, outcomes)| {
            let change =
                move |observed: &mut Observed| outcomes.iter().for_each(|one| one.enter(observed, now));
            let change: Change = (key, Box::new(change));
            change
        });
        self.observe(changes.collect(), now).await?;
        running.over.clear();
        Ok(())
    }
}
