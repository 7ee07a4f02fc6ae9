//! What both doors share, and this installation's own messages.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, SystemTime};

use aws::Error;
use identity::seal::Keyring;
use media::Utc;
use store::Store;
use tokio::sync::{Mutex, OnceCell, Semaphore, watch};
use tokio::task::JoinSet;

use crate::config::Config;
use crate::email::{MailFault, Mailer};
use crate::postman::Postman;
use crate::signer::Signer;
use crate::sns::{self, Sns};
use crate::sqs::Sqs;

/// Longest time between two looks for what other processes put into the store.
const LOOK: Duration = Duration::from_secs(5);
/// Time between two rounds of forgetting.
const UPKEEP: Duration = Duration::from_secs(60);
/// Most receivers that wait for messages at once.
const MAX_WAITING: usize = 2_000;

/// Topics, subscriptions and queues of one installation. Clones are the same one.
#[derive(Clone)]
pub struct Notifier {
    shared: Arc<Shared>,
    postman: Postman,
}

/// How many deliveries to webhooks and addresses there were since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// That arrived.
    pub delivered: u64,
    /// That failed and are tried again.
    pub retried: u64,
    /// That were given up: they are in a dead-letter queue or gone.
    pub failed: u64,
    /// That found their subscription's outbox full: as those that failed.
    pub dropped: u64,
}

#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) delivered: AtomicU64,
    pub(crate) retried: AtomicU64,
    pub(crate) failed: AtomicU64,
    pub(crate) dropped: AtomicU64,
}

pub(crate) struct Shared {
    pub(crate) store: Store,
    pub(crate) config: Config,
    pub(crate) mailer: Option<Mailer>,
    pub(crate) counts: Counters,
    /// Held while a subscription is looked for and made, so that an endpoint is subscribed once.
    pub(crate) subscribing: Mutex<()>,
    /// Places for receivers that wait.
    pub(crate) waiting: Semaphore,
    keyring: Keyring,
    signer: OnceCell<Arc<Signer>>,
    put: watch::Sender<u64>,
}

impl Shared {
    pub(crate) async fn certificate(&self, path: &str) -> Option<String> {
        if !path.starts_with(CERTIFICATES) {
            return None;
        }
        let signer = self.signer(Utc::from(SystemTime::now())).await.ok()?;
        (signer.path == path).then(|| signer.certificate.clone())
    }
}

/// How the paths of signing certificates begin.
pub(crate) const CERTIFICATES: &str = "/SimpleNotificationService-";

/// Why there is no notifier.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct ConfigFault(#[from] MailFault);

impl Notifier {
    /// The notifier of a store. `keyring` seals the key that signs messages.
    ///
    /// # Errors
    /// The mail server's settings cannot be used.
    pub fn new(store: Store, keyring: Keyring, config: Config) -> Result<Self, ConfigFault> {
        let mailer = config.smtp.as_ref().map(Mailer::new).transpose()?;
        let shared = Arc::new(Shared {
            store,
            config,
            mailer,
            counts: Counters::default(),
            subscribing: Mutex::new(()),
            waiting: Semaphore::new(MAX_WAITING),
            keyring,
            signer: OnceCell::new(),
            put: watch::Sender::new(0),
        });
        Ok(Self { postman: Postman::new(shared.clone()), shared })
    }

    /// The door for SNS.
    pub fn sns(&self) -> Sns {
        Sns(self.shared.clone())
    }

    /// The door for SQS.
    pub fn sqs(&self) -> Sqs {
        Sqs(self.shared.clone())
    }

    /// Publishes a message of this installation itself, at the time it is; durable when it returns. The message's id.
    ///
    /// # Errors
    /// As SNS's Publish has them: there is no such topic, the message is too long.
    pub async fn publish(
        &self,
        topic_arn: &str,
        subject: Option<&str>,
        message: &str,
    ) -> Result<String, Error> {
        sns::publish_own(&self.shared, topic_arn, subject, message, Utc::from(SystemTime::now())).await
    }

    /// The signing certificate in PEM, where `path` is its path. To be served to anybody, as `application/x-pem-file`.
    pub async fn certificate(&self, path: &str) -> Option<String> {
        self.shared.certificate(path).await
    }

    /// How many deliveries there were.
    pub fn counts(&self) -> Counts {
        let Counters { delivered, retried, failed, dropped } = &self.shared.counts;
        Counts {
            delivered: delivered.load(Relaxed),
            retried: retried.load(Relaxed),
            failed: failed.load(Relaxed),
            dropped: dropped.load(Relaxed),
        }
    }

    /// Delivers what is due at `now`, and returns when it has been tried. [`Self::run`] does this all the time.
    ///
    /// # Errors
    /// The store's.
    pub async fn deliver_due(&self, now: Utc) -> Result<(), store::Error> {
        let mut tasks = JoinSet::new();
        loop {
            self.postman.round(now, &mut tasks).await?;
            if tasks.is_empty() {
                return Ok(());
            }
            while tasks.join_next().await.is_some() {}
        }
    }

    /// Delivers what is due when it is, and forgets what has had its time, until it is dropped. One of a store at a time.
    pub async fn run(&self) {
        let mut put = self.shared.put.subscribe();
        let mut upkeep = tokio::time::interval(UPKEEP);
        let mut tasks = JoinSet::new();
        loop {
            put.mark_unchanged();
            let now = Utc::from(SystemTime::now());
            let wait = match self.postman.round(now, &mut tasks).await {
                Ok(Some(due)) if due > now => {
                    Duration::from_micros(u64::try_from(due.0 - now.0).unwrap_or(0)).clamp(LOOK / 500, LOOK)
                }
                Ok(_) => LOOK,
                Err(error) => {
                    tracing::error!(%error, "the outboxes cannot be read");
                    LOOK
                }
            };
            tokio::select! {
                _ = put.changed() => {}
                Some(_) = tasks.join_next() => {}
                () = tokio::time::sleep(wait) => {}
                _ = upkeep.tick() => {
                    if let Err(error) = self.upkeep(Utc::from(SystemTime::now())).await {
                        tracing::error!(%error, "old messages cannot be forgotten");
                    }
                }
            }
        }
    }

    /// Forgets messages whose time is over at `now`, and subscriptions that nobody confirmed. [`Self::run`] does this each minute.
    ///
    /// # Errors
    /// The store's.
    pub async fn upkeep(&self, now: Utc) -> Result<(), store::Error> {
        let mut exchange = self.shared.store.exchange().await?;
        exchange.messages().expire(now).await?;
        exchange.commit().await?;
        sns::forget_pending(&self.shared, now).await
    }
}

impl Shared {
    /// The signer, made at the first use.
    pub(crate) async fn signer(&self, now: Utc) -> Result<&Arc<Signer>, Error> {
        let open = || async {
            Signer::open(&self.store, &self.keyring, &self.config.account, now).await.map(Arc::new)
        };
        self.signer.get_or_try_init(open).await.map_err(|error| {
            tracing::error!(%error, "notifications cannot be signed");
            Error::new("InternalErrorException", "notifications cannot be signed; the log says why")
                .with_code("InternalError")
                .with_status(500)
        })
    }

    /// Tells those who wait that there may be messages.
    pub(crate) fn told(&self) {
        self.put.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Hears of what is put.
    pub(crate) fn hears(&self) -> watch::Receiver<u64> {
        self.put.subscribe()
    }
}
