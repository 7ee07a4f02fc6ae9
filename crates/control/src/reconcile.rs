//! Keeps what runs as the store has it, and the store's states as what is seen.
//!
//! Each round: the store's revision; where it is another, all resources, what the file and the doors want of them, one workflow of it; where that
//! is another, the runner is given it; then every door says which states changed. Nothing is kept but what can be asked for again, so a
//! crash at any point costs one round.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use daemon::Drain;
use door::{Door, Seen, Site, Wanted};
use media::Utc;
use store::{Observation, Resource, Store};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::compose::{Composed, compose};
use crate::metrics::Metrics;
use crate::native::ChannelDoor;
use crate::runner::{Refused, Runner};
use crate::workflow_file;

/// The longest between two rounds: other processes' changes are found by looking.
const ROUND: Duration = Duration::from_secs(1);
/// The shortest: changes that come together are one round.
const BREATH: Duration = Duration::from_millis(30);
/// Between two tries after the runner refused: doubled from the first to the last.
const RETRY: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(30));
/// A runner that has not answered by then is asked again.
const PATIENCE: Duration = Duration::from_secs(30);
/// A runner that took a workflow and does not tell its revision by then has lost it.
const ACKNOWLEDGED: Duration = Duration::from_secs(10);

/// What it works with.
pub(crate) struct Reconcile {
    pub(crate) store: Store,
    pub(crate) planner: Arc<Planner>,
    pub(crate) runner: Option<Arc<dyn Runner>>,
    pub(crate) metrics: Metrics,
    /// For whoever asks how things stand.
    pub(crate) seen: watch::Sender<Arc<Seen>>,
}

/// What makes a workflow of resources, and states of what is seen. With thousands of them that takes longer than a caller should
/// wait, so it is done in a thread beside those that answer.
pub(crate) struct Planner {
    pub(crate) doors: Vec<Arc<dyn Door>>,
    pub(crate) site: Site,
    /// The workflow file's text: its settings, and the order of its tables.
    pub(crate) workflow: String,
    /// Opens the tables that the store has of it.
    pub(crate) channels: Arc<ChannelDoor>,
}

/// What the store holds, and what is wanted by it.
#[derive(Clone)]
struct View {
    revision: i64,
    resources: Vec<Resource>,
    /// What the file wants.
    file: String,
    /// What the doors want.
    wanted: Vec<Wanted>,
    text: String,
    refused: BTreeMap<String, String>,
}

/// What the runner took.
struct Taken {
    text: String,
    /// The revision it was told.
    revision: i64,
    /// The newest revision at which the same was wanted.
    up_to: i64,
    at: Instant,
}

/// When to ask the runner next.
struct Retry {
    wait: Duration,
    not_before: Instant,
    /// What was refused, so that something else is tried at once.
    text: String,
}

/// What is known from round to round.
struct Known {
    changes: watch::Receiver<i64>,
    sights: Option<watch::Receiver<Arc<Seen>>>,
    view: Option<Arc<View>>,
    taken: Option<Taken>,
    retry: Option<Retry>,
}

pub(crate) async fn run(this: Reconcile, drain: Drain) {
    let mut known = Known {
        changes: this.store.watch(),
        sights: this.runner.as_ref().map(|runner| runner.seen()),
        view: None,
        taken: None,
        retry: None,
    };
    loop {
        let began = Instant::now();
        let round = async {
            this.round(&mut known).await;
            known.woken(began).await;
        };
        tokio::select! {
            () = round => {}
            () = drain.requested() => return,
        }
    }
}

impl Known {
    /// Waits until there may be something to do.
    async fn woken(&mut self, began: Instant) {
        let now = Instant::now();
        let retry = self.retry.as_ref().map(|retry| retry.not_before).filter(|at| *at > now);
        let next = retry.map_or(began + ROUND, |at| at.min(began + ROUND));
        let seen = async {
            let changed = match &mut self.sights {
                Some(sights) => sights.changed().await.is_ok(),
                None => false,
            };
            if !changed {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            _ = self.changes.changed() => {}
            () = seen => {}
            () = tokio::time::sleep_until(next) => {}
        }
        tokio::time::sleep_until(began + BREATH).await;
    }
}

/// Why a round cannot look.
#[derive(Debug, thiserror::Error)]
enum Blind {
    #[error("the store cannot be read")]
    Store(#[from] store::Error),
    #[error("a door broke off while it was asked what is wanted, which is a bug of it")]
    Door,
}

impl Reconcile {
    async fn round(&self, known: &mut Known) {
        // Marked as seen before it is looked at: what changes from here on is another round.
        known.changes.borrow_and_update();
        let view = match self.look(known.view.take()).await {
            Ok(view) => view,
            Err(blind) => {
                tracing::warn!(
                    error = &blind as &dyn std::error::Error,
                    "nothing can be decided; what runs goes on"
                );
                return;
            }
        };
        self.apply(&view, &mut known.taken, &mut known.retry, known.sights.as_ref()).await;
        let seen = self.sight(&view, known.taken.as_ref(), known.sights.as_mut());
        if let Err(error) = self.observe(&view, &seen).await {
            tracing::warn!(%error, "states cannot be written to the store");
        }
        self.seen.send_if_modified(|shown| {
            let is_news = **shown != seen;
            if is_news {
                *shown = Arc::new(seen);
            }
            is_news
        });
        known.view = Some(view);
    }

    /// The store as it is now; what was seen before where nothing changed.
    async fn look(&self, before: Option<Arc<View>>) -> Result<Arc<View>, Blind> {
        let before = match before {
            Some(before) if self.store.revision().await? == before.revision => return Ok(before),
            other => other,
        };
        let (before, (revision, resources)) = match before.map(Arc::unwrap_or_clone) {
            Some(mut before) => {
                let known = std::mem::take(&mut before.resources);
                let now = self.store.every_since(before.revision, known).await?;
                (Some(before), now)
            }
            None => (None, self.store.every().await?),
        };
        let refused_before = before.as_ref().map(|before| before.refused.len());
        let view = beside(&self.planner, move |planner| planner.view(revision, resources, before)).await?;
        if refused_before != Some(view.refused.len()) {
            self.metrics.refused_channels.set(i64::try_from(view.refused.len()).unwrap_or(i64::MAX));
        }
        Ok(Arc::new(view))
    }

    /// Gives the runner what it has not, unless it refused that a moment ago.
    async fn apply(
        &self,
        view: &View,
        taken: &mut Option<Taken>,
        retry: &mut Option<Retry>,
        sights: Option<&watch::Receiver<Arc<Seen>>>,
    ) {
        let (Some(runner), Some(sights)) = (&self.runner, sights) else { return };
        let now = Instant::now();
        if let Some(before) = taken.as_mut().filter(|before| before.text == view.text) {
            before.up_to = view.revision;
            let is_told = sights.borrow().revision >= before.revision;
            if is_told {
                before.at = now;
            }
            if now < before.at + ACKNOWLEDGED {
                return;
            }
            tracing::warn!(revision = before.revision, "what was applied is not seen; applied again");
        }
        if retry.as_ref().is_some_and(|retry| retry.text == view.text && now < retry.not_before) {
            return;
        }
        let applying = runner.apply(&view.text, view.revision);
        let applied = tokio::time::timeout(PATIENCE, applying)
            .await
            .unwrap_or_else(|_| Err(Refused("it did not answer in time".to_owned())));
        match applied {
            Ok(()) => {
                self.metrics.applied.inc();
                tracing::info!(revision = view.revision, "what is wanted was applied");
                let (revision, at) = (view.revision, Instant::now());
                *taken = Some(Taken { text: view.text.clone(), revision, up_to: revision, at });
                *retry = None;
            }
            Err(refused) => {
                self.metrics.not_applied.inc();
                let wait = match retry.as_ref().filter(|before| before.text == view.text) {
                    None => RETRY.0,
                    Some(before) => (before.wait * 2).min(RETRY.1),
                };
                tracing::warn!(%refused, revision = view.revision, wait_ms = wait.as_millis() as u64, "what is wanted was not applied");
                *retry = Some(Retry { wait, not_before: Instant::now() + wait, text: view.text.clone() });
            }
        }
    }

    /// What is seen, with what was left out, and the revision up to which it is what is wanted.
    fn sight(
        &self,
        view: &View,
        taken: Option<&Taken>,
        sights: Option<&mut watch::Receiver<Arc<Seen>>>,
    ) -> Seen {
        let mut seen = sights.map_or_else(Seen::default, |sights| (**sights.borrow_and_update()).clone());
        if let Some(taken) = taken.filter(|taken| seen.revision >= taken.revision) {
            seen.revision = taken.up_to;
        }
        for (name, why) in &view.refused {
            // One that runs though a part of what is wanted of it was left out is not told of as refused.
            if !seen.channels.contains_key(name) {
                seen.refused.entry(name.clone()).or_insert_with(|| why.clone());
            }
        }
        seen
    }

    async fn observe(&self, view: &Arc<View>, seen: &Seen) -> Result<(), store::Error> {
        let now = SystemTime::now().into();
        let (view, seen) = (view.clone(), seen.clone());
        let told = beside(&self.planner, move |planner| Some(planner.states(&view, &seen, now))).await;
        let told = told.unwrap_or_default();
        if told.is_empty() {
            return Ok(());
        }
        let taken = self.store.observe(&told, now).await?;
        self.metrics.observed.inc_by(taken as u64);
        Ok(())
    }
}

impl Planner {
    /// What is wanted of these resources; `None` where a door breaks off: without its wishes what it wants would be stopped.
    fn view(&self, revision: i64, resources: Vec<Resource>, before: Option<View>) -> Option<View> {
        let wanted = self.doors.iter().map(|door| held(|| door.wanted(&resources, &self.site)));
        let wanted = wanted.collect::<Option<Vec<_>>>()?;
        let file = workflow_file::base(&self.workflow, &self.channels, &resources);
        // Most changes are of states alone.
        let same = before.filter(|before| before.wanted == wanted && before.file == file);
        let Composed { text, refused } = match same {
            Some(View { text, refused, .. }) => Composed { text, refused },
            None => compose(&file, wanted.clone()),
        };
        Some(View { revision, resources, file, wanted, text, refused })
    }

    fn states(&self, view: &View, seen: &Seen, now: Utc) -> Vec<Observation> {
        let observe = |door: &Arc<dyn Door>| held(|| door.observe(&view.resources, seen, now));
        self.doors.iter().filter_map(observe).flatten().collect()
    }
}

/// Does work in a thread beside.
async fn beside<T: Send + 'static>(
    planner: &Arc<Planner>,
    work: impl FnOnce(&Planner) -> Option<T> + Send + 'static,
) -> Result<T, Blind> {
    let planner = planner.clone();
    let done = tokio::task::spawn_blocking(move || work(&planner)).await;
    done.ok().flatten().ok_or(Blind::Door)
}

/// What a door says; nothing where it panics, which its own log line tells: one door's bug must not take the others down.
fn held<T>(ask: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(ask)).ok()
}
