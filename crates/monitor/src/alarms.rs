//! Alarms that run.
//!
//! The store holds them (kind [`KIND`]): what was asked for as the desired document; state, history and actions still to be done as
//! the observed one, changed in one write, so that whatever ends this process, a change of state has its entry and its actions. The
//! book holds them in memory, read, with the time when each is judged next.
//!
//! [`Alarms::tick`], each second, does what is due: notices alarms that others put into the store, judges those whose time has
//! come, in one write tells the store what changed, then composite alarms, and runs actions. An action is done at least once: one
//! that a kill interrupts is done again.

mod actions;
mod book;
mod change;
mod judge;
mod stored;

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use history::History;
use media::Utc;
use store::{Key, Observation, Store};
use tokio::sync::Mutex as Turn;
use tokio::time::MissedTickBehavior;

use actions::Running;
pub use actions::{Actions, Done};
pub(crate) use book::{Book, Held, Kind};
pub(crate) use change::{PutFault, key};
pub(crate) use judge::points;
pub(crate) use stored::{Desired, Observed};

/// The kind of alarms in the store.
pub const KIND: &str = "cloudwatch-alarm";
/// Most alarms in an account and region, as AWS has it by default.
pub const MAX_ALARMS: usize = 5_000;
/// How long a deleted alarm's history can be read, in microseconds.
pub(crate) const HISTORY_US: i64 = alarm::history::RETENTION_US;

/// What is to become of what is observed of an alarm.
type Change = (Key, Box<dyn FnOnce(&mut Observed) + Send>);

/// The alarms of an installation.
#[derive(Debug)]
pub struct Alarms {
    store: Store,
    history: Arc<History>,
    book: Mutex<Book>,
    /// Held by whoever changes alarms.
    turn: Turn<Running>,
}

impl Alarms {
    /// Reads the alarms that the store holds. Actions that were not done when the last process ended are begun at the first tick.
    pub async fn open(store: Store, history: Arc<History>, now: Utc) -> Result<Alarms, store::Error> {
        let alarms = Alarms { store, history, book: Mutex::default(), turn: Turn::default() };
        let mut running = alarms.turn.lock().await;
        alarms.load(&mut running, now).await?;
        drop(running);
        Ok(alarms)
    }

    /// Does what is due at `now`; to be called each second. Judging reads files, in a thread of its own.
    ///
    /// # Errors
    /// What the store says; what could not be written is judged again at the next tick.
    pub async fn tick(&self, actions: &Arc<dyn Actions>, now: Utc) -> Result<(), store::Error> {
        self.history.tick(now);
        let mut running = self.turn.lock().await;
        self.notice(&mut running, now).await?;
        self.note(&mut running, now).await?;
        self.judge(&mut running, now).await?;
        running.begin(actions);
        Ok(())
    }

    /// Ticks each second by this clock, for as long as it is polled. What the store says against it goes to the log.
    pub async fn run(&self, actions: Arc<dyn Actions>, clock: impl Fn() -> Utc + Send) {
        let mut seconds = tokio::time::interval(Duration::from_secs(1));
        seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut is_failing = false;
        loop {
            seconds.tick().await;
            let ticked = self.tick(&actions, clock()).await;
            if let (Err(fault), false) = (&ticked, is_failing) {
                tracing::error!(%fault, "alarms cannot be written to the store; they are judged again each second");
            }
            is_failing = ticked.is_err();
        }
    }

    /// Waits until no action is under way, and writes down how they went.
    pub async fn finish(&self, now: Utc) -> Result<(), store::Error> {
        let mut running = self.turn.lock().await;
        running.wait().await;
        self.note(&mut running, now).await
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().expect("nobody panics with it")
    }

    /// The alarm of a key, as it is now.
    pub(crate) fn find(&self, key: &Key) -> Option<Held> {
        self.book().find(key).cloned()
    }

    /// What was observed of an alarm, which may be a tombstone.
    pub(crate) async fn observed(&self, key: &Key, now: Utc) -> Result<Observed, store::Error> {
        Observed::of(&self.store.resource(key, now).await?)
    }

    /// Reads everything anew.
    async fn load(&self, running: &mut Running, now: Utc) -> Result<(), store::Error> {
        let (revision, resources) = self.store.every().await?;
        let mut book = Book::default();
        running.forget_waiting();
        for resource in resources.iter().filter(|one| one.key.kind() == KIND) {
            let observed = Observed::of(resource)?;
            if resource.deleted.is_none() {
                match Held::of(resource, &observed, now) {
                    Ok(held) => book.put(resource.key.clone(), held),
                    Err(fault) => {
                        tracing::error!(alarm = %resource.key, %fault, "a stored alarm cannot be read")
                    }
                }
            }
            running.wait_for(&resource.key, observed.pending);
        }
        running.revision = revision;
        *self.book() = book;
        Ok(())
    }

    /// Takes up what others have changed in the store.
    async fn notice(&self, running: &mut Running, now: Utc) -> Result<(), store::Error> {
        let newest = *self.store.watch().borrow();
        if newest <= running.revision {
            return Ok(());
        }
        loop {
            let changes = match self.store.changes(running.revision, 1000).await {
                Err(store::Error::Forgotten { .. }) => return self.load(running, now).await,
                changes => changes?,
            };
            let Some(last) = changes.last() else { break };
            let next = last.revision;
            for change in &changes {
                if change.key.kind() == KIND && change.what != store::What::Observed {
                    self.reload(&change.key, change.generation, now).await?;
                }
            }
            running.revision = next;
        }
        // Numbers are left out, so that the newest may belong to no change.
        running.revision = running.revision.max(newest);
        Ok(())
    }

    /// Reads an alarm anew, unless the book has that generation.
    async fn reload(&self, key: &Key, generation: i64, now: Utc) -> Result<(), store::Error> {
        if self.find(key).is_some_and(|held| held.generation >= generation) {
            return Ok(());
        }
        let resource = match self.store.resource(key, now).await {
            Ok(resource) if resource.deleted.is_none() => resource,
            Ok(_) | Err(store::Error::NotFound(_)) => {
                self.book().remove(key);
                return Ok(());
            }
            Err(fault) => return Err(fault),
        };
        match Held::of(&resource, &Observed::of(&resource)?, now) {
            Ok(held) => self.book().put(key.clone(), held),
            Err(fault) => {
                tracing::error!(alarm = %key, %fault, "a stored alarm cannot be read");
                self.book().remove(key);
            }
        }
        Ok(())
    }

    /// Changes what is observed of alarms, all in one write. Those that are no more are passed over.
    async fn observe(&self, changes: Vec<Change>, now: Utc) -> Result<(), store::Error> {
        let mut reports: Vec<Observation> = Vec::with_capacity(changes.len());
        for (key, change) in changes {
            let resource = match self.store.resource(&key, now).await {
                Err(store::Error::NotFound(_)) => continue,
                resource => resource?,
            };
            let mut observed = Observed::of(&resource)?;
            change(&mut observed);
            observed.shorten(now);
            let observed = store::Document::of(&observed)?;
            reports.push(Observation { key, generation: resource.generation, observed });
        }
        if !reports.is_empty() {
            self.store.observe(&reports, now).await?;
        }
        Ok(())
    }
}
