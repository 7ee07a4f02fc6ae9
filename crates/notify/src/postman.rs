//! Takes what is due from the outboxes and delivers it.
//!
//! A round looks for outboxes with something due, and starts a task for each that has none: at most [`MAX_TASKS`]. A task delivers
//! what is due, [`AT_ONCE`] at a time, and writes down what became of it before it takes more; a crash in between delivers some again.

use std::collections::HashSet;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use media::Utc;
use store::Message;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::notifier::Shared;
use crate::parcel::{OUTBOX, Parcel, To};
use crate::sqs;
use crate::webhook::{self, Fault};

/// Most outboxes that are delivered from at once.
const MAX_TASKS: usize = 64;
/// Most outboxes that are looked at in a round.
const MAX_OUTBOXES: u32 = 10_000;
/// Most deliveries of an outbox at once.
const AT_ONCE: u32 = 8;
/// Most parcels of a task; then it is another outbox's turn.
const MAX_PER_TASK: u32 = 200;

/// Pause of an outbox after a fault of the store.
const PAUSE: Duration = Duration::from_secs(5);

/// Delivers.
#[derive(Clone)]
pub(crate) struct Postman {
    shared: Arc<Shared>,
    /// The outboxes that have a task.
    busy: Arc<Mutex<HashSet<String>>>,
    /// The one that got its task last.
    last: Arc<Mutex<String>>,
}

/// What became of a try; of one that failed, the parcel where it could be read.
type Outcome = Result<Parcel, (Option<Parcel>, Fault)>;

/// An outbox that has a task, until this is dropped.
struct Busy {
    postman: Postman,
    queue: String,
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.postman.busy().remove(&self.queue);
    }
}

impl Postman {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, busy: Arc::default(), last: Arc::default() }
    }

    fn busy(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts what is due at `now` in `tasks`. When to look again, at the latest.
    pub(crate) async fn round(&self, now: Utc, tasks: &mut JoinSet<()>) -> Result<Option<Utc>, store::Error> {
        let outboxes = self.shared.store.queues_by_due(OUTBOX, MAX_OUTBOXES).await?;
        let next = outboxes.iter().map(|(_, due)| *due).find(|due| *due > now);
        let mut due: Vec<_> =
            outboxes.into_iter().filter(|(_, due)| *due <= now).map(|(queue, _)| queue).collect();
        due.sort_unstable();
        // Each gets its turn, however long others have been due.
        let after = due.partition_point(|queue| *queue <= self.last());
        due.rotate_left(after);
        for queue in due {
            if tasks.len() >= MAX_TASKS {
                break;
            }
            if !self.busy().insert(queue.clone()) {
                continue;
            }
            *self.last.lock().unwrap_or_else(PoisonError::into_inner) = queue.clone();
            let busy = Busy { postman: self.clone(), queue };
            tasks.spawn(async move {
                if let Err(error) = busy.postman.deliver(&busy.queue, now).await {
                    tracing::error!(%error, queue = busy.queue, "deliveries could not be taken or settled");
                    // What was delivered and could not be written down is delivered again: not at once.
                    tokio::time::sleep(PAUSE).await;
                }
            });
        }
        Ok(next)
    }

    /// The outbox that got a task last.
    fn last(&self) -> String {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Delivers what is due in one outbox at `now`.
    async fn deliver(&self, queue: &str, now: Utc) -> Result<(), store::Error> {
        let began = Instant::now();
        let mut left = MAX_PER_TASK;
        while left > 0 {
            let due = self.shared.store.due(queue, now, AT_ONCE.min(left)).await?;
            if due.is_empty() {
                break;
            }
            left -= u32::try_from(due.len()).unwrap_or(left).min(left);
            let per_second = due[0].head.read::<Parcel>().ok().and_then(|parcel| parcel.per_second);
            let started = Instant::now();
            let (count, limit) = match per_second {
                Some(limit) => (due.len().min(limit as usize), Some(limit)),
                None => (due.len(), None),
            };
            let mut tries = JoinSet::new();
            for message in due.into_iter().take(count) {
                let shared = self.shared.clone();
                tries.spawn(async move {
                    let outcome = deliver(&shared, &message).await;
                    (message, outcome)
                });
            }
            let outcomes = tries.join_all().await;
            let is_down = outcomes.iter().all(|(_, outcome)| outcome.is_err());
            self.settle(queue, outcomes, now.plus_micros(micros(began.elapsed()))).await?;
            if is_down {
                // It is another's turn: each try of a dead one may take long.
                break;
            }
            if let Some(limit) = limit {
                let pace = Duration::from_secs(1) * u32::try_from(count).unwrap_or(1) / limit;
                tokio::time::sleep_until(started + pace).await;
            }
        }
        Ok(())
    }

    /// Writes down what became of some.
    async fn settle(
        &self,
        queue: &str,
        outcomes: Vec<(Message, Outcome)>,
        now: Utc,
    ) -> Result<(), store::Error> {
        let counts = &self.shared.counts;
        let subscription = &queue[OUTBOX.len()..];
        let mut exchange = self.shared.store.exchange().await?;
        let mut messages = exchange.messages();
        for (message, outcome) in outcomes {
            let (parcel, fault) = match outcome {
                Ok(_) => {
                    messages.remove(queue, message.number).await?;
                    counts.delivered.fetch_add(1, Relaxed);
                    continue;
                }
                Err(failed) => failed,
            };
            let retry = u32::try_from(message.taken + 1).unwrap_or(u32::MAX);
            let delay = parcel
                .as_ref()
                .filter(|_| fault.may_pass())
                .and_then(|parcel| parcel.retries.delay_before(retry));
            match delay {
                Some(delay) => {
                    tracing::debug!(subscription, %fault, ?delay, "a notification is tried again");
                    counts.retried.fetch_add(1, Relaxed);
                    messages.take(queue, message.number, now, now.plus_micros(micros(delay))).await?;
                }
                None => {
                    tracing::warn!(subscription, %fault, tries = retry, "a notification could not be delivered");
                    counts.failed.fetch_add(1, Relaxed);
                    messages.remove(queue, message.number).await?;
                    if let Some(dead) = parcel.and_then(|parcel| parcel.dead_letters) {
                        let letter = sqs::Letter::dead(message.body, &fault.to_string());
                        sqs::deliver(&self.shared, &mut messages, &dead, letter, now).await?;
                    }
                }
            }
        }
        exchange.commit().await?;
        self.shared.told();
        Ok(())
    }
}

fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

async fn deliver(shared: &Shared, message: &Message) -> Outcome {
    let parcel: Parcel = match message.head.read() {
        Ok(parcel) => parcel,
        Err(fault) => return Err((None, Fault::Url(fault.to_string()))),
    };
    let body = message.body.clone();
    let tried = match &parcel.to {
        To::Webhook { url, headers } => webhook::post(url, headers, body, shared.config.reach).await,
        To::Mail { address, subject } => match &shared.mailer {
            Some(mailer) => mailer.send(address, subject, body).await,
            None => Err(Fault::NoMail),
        },
    };
    match tried {
        Ok(()) => Ok(parcel),
        Err(fault) => Err((Some(parcel), fault)),
    }
}
