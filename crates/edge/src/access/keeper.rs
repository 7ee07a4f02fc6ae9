//! Keeps the keys of access tables: reads their files again when they change, and fetches issuers' sets.
//!
//! ```text
//! Held: keys of the last set --fetches fail for `jwks_keep`--> Down: none of the issuer's keys, tokens are refused
//!   ^-------------------------- a fetch brings a set ------------------------'
//! ```

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, StatusCode};
use tokio::task::JoinSet;
use tokio::time::{sleep_until, timeout};

use super::jwks::{self, SetFault};
use super::key::Key;
use super::{AccessError, Table};
use crate::config::{self, AccessKey, KeyFile, Limits};
use crate::fetch::Chain;
use crate::origin::{Ask, Connections, FetchError, Origin};
use crate::trust::Trust;
use ::certificate::reload::{LOOK_PERIOD, Stamp, stamp};

/// Between two fetches of a set that go well.
const REFRESH_PERIOD: Duration = Duration::from_secs(300);
/// Between two fetches at least, whatever the reason: tokens of unknown keys and failures do not make an issuer busy.
const PAUSE: Duration = Duration::from_secs(10);
/// How long one fetch may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Largest file that is read as a key, in bytes.
const LARGEST_FILE: u64 = 64 * 1024;

type Named = Vec<(Arc<str>, Key)>;

/// A table's keys by where they came from; those of files go first.
#[derive(Debug)]
struct Sources {
    table: Arc<Table>,
    held: Mutex<(Named, Named)>,
}

impl Sources {
    fn change(&self, change: impl FnOnce(&mut (Named, Named))) {
        let mut held = self.held.lock().expect("nothing panics while it holds the keys");
        change(&mut held);
        let (files, issuer) = &*held;
        let mut all = files.clone();
        all.extend(issuer.iter().filter(|(id, _)| files.iter().all(|(own, _)| own != id)).cloned());
        self.table.use_keys(all);
    }
}

/// Starts keeping. Returns when every issuer was asked once.
pub(super) async fn start(
    tables: &[Arc<Table>],
    set: &[config::Access],
    ca: Option<PathBuf>,
) -> Result<(), AccessError> {
    let mut trust = Trust::new(ca);
    let mut asked = JoinSet::new();
    for (table, access) in tables.iter().zip(set) {
        let stamps = stamps(&access.keys);
        let held = Mutex::new((read_all(&access.keys)?, Vec::new()));
        let sources = Arc::new(Sources { table: table.clone(), held });
        // What was read just now belongs to the stamps.
        sources.change(|_| {});
        if let Some(url) = &access.jwks {
            let origin = Origin::new(url, &mut trust).map_err(AccessError::Issuer)?;
            let mut issuer = Issuer {
                url: url.to_string(),
                connections: Connections::new(Arc::new(origin)),
                limits: Limits::default(),
                keep: Duration::from_millis(access.jwks_keep_ms),
                sources: sources.clone(),
                held: None,
                asked: Instant::now(),
                is_failing: false,
            };
            asked.spawn(async move {
                issuer.ask().await;
                issuer
            });
        }
        tokio::spawn(watch(access.keys.clone(), stamps, sources));
    }
    while let Some(issuer) = asked.join_next().await {
        tokio::spawn(issuer.expect("fetching does not panic").run());
    }
    Ok(())
}

/// Every key that is a file.
pub(super) fn read_all(keys: &[AccessKey]) -> Result<Named, AccessError> {
    keys.iter().map(|key| Ok((key.id.as_str().into(), read(key)?))).collect()
}

fn read(AccessKey { id, file }: &AccessKey) -> Result<Key, AccessError> {
    let path = file.path();
    let bytes = File::open(path).and_then(|file| {
        let mut bytes = Vec::new();
        file.take(LARGEST_FILE).read_to_end(&mut bytes)?;
        Ok(bytes)
    });
    let (id, path) = (id.clone(), path.to_owned());
    let bytes = match bytes {
        Ok(bytes) => bytes,
        Err(source) => return Err(AccessError::File { id, path, source }),
    };
    match file {
        KeyFile::Public(_) => Key::from_pem(&bytes),
        KeyFile::Secret(_) => Key::from_secret(&bytes),
    }
    .map_err(|source| AccessError::Key { id, path, source })
}

fn stamps(keys: &[AccessKey]) -> Vec<Stamp> {
    keys.iter().map(|key| stamp(key.file.path())).collect()
}

/// Reads the files again whenever they changed from what was `seen`. While one of them cannot be used, the keys before
/// stay.
async fn watch(keys: Vec<AccessKey>, mut seen: Vec<Stamp>, sources: Arc<Sources>) {
    let mut period = tokio::time::interval(LOOK_PERIOD);
    while !keys.is_empty() {
        period.tick().await;
        let now = stamps(&keys);
        if now == seen {
            continue;
        }
        seen = now;
        match read_all(&keys) {
            Ok(read) => {
                sources.change(|(files, _)| *files = read);
                tracing::info!("access keys reloaded");
            }
            Err(fault) => {
                tracing::error!(fault = %Chain(&fault), "access keys not reloaded; those before stay");
            }
        }
    }
}

/// Why a fetch brought no keys.
#[derive(Debug, thiserror::Error)]
enum NoKeys {
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error("status {0}, and 200 is wanted")]
    Status(StatusCode),
    #[error(transparent)]
    Set(#[from] SetFault),
    #[error("not the whole set in {PATIENCE:?}")]
    Slow,
}

/// Who publishes a table's keys.
struct Issuer {
    url: String,
    connections: Connections,
    limits: Limits,
    keep: Duration,
    sources: Arc<Sources>,
    /// The last set as it was fetched, and when.
    held: Option<(Instant, Bytes)>,
    /// When it was asked last.
    asked: Instant,
    /// That brought nothing.
    is_failing: bool,
}

impl Issuer {
    async fn run(mut self) {
        let table = self.sources.table.clone();
        let wanted = table.wanted.as_ref().expect("a table with an issuer has a bell");
        // A set that is not kept for long is fetched as much more often.
        let period = REFRESH_PERIOD.min(self.keep / 4);
        loop {
            let soon = self.asked + PAUSE.min(period);
            let at_last = if self.is_failing { soon } else { self.asked + period };
            tokio::select! {
                () = sleep_until(at_last.into()) => {}
                () = async {
                    wanted.notified().await;
                    sleep_until(soon.into()).await;
                } => {}
            }
            self.ask().await;
        }
    }

    /// Fetches once.
    async fn ask(&mut self) {
        self.asked = Instant::now();
        let counts = &self.sources.table.issuer;
        let fetched = timeout(PATIENCE, self.fetch()).await.unwrap_or(Err(NoKeys::Slow));
        let now = Instant::now();
        let fault = match fetched.and_then(|set| Ok((jwks::parse(&set)?, set))) {
            Ok((keys, set)) => {
                counts.fetched.fetch_add(1, Ordering::Relaxed);
                self.is_failing = false;
                if self.held.as_ref().is_none_or(|(_, held)| *held != set) {
                    let names: Vec<_> = keys.iter().map(|(id, _)| id.as_str()).collect();
                    tracing::info!(url = self.url, ?names, "access keys fetched");
                    self.sources.change(|(_, issuer)| {
                        *issuer = keys.into_iter().map(|(id, key)| (id.into(), key)).collect();
                    });
                }
                self.held = Some((now, set));
                counts.is_down.store(false, Ordering::Relaxed);
                return;
            }
            Err(fault) => fault,
        };
        counts.failed.fetch_add(1, Ordering::Relaxed);
        self.is_failing = true;
        match &self.held {
            Some((since, _)) if now < *since + self.keep => {
                tracing::warn!(url = self.url, fault = %Chain(&fault), "no access keys fetched; those held go on");
            }
            Some(_) => {
                self.held = None;
                self.sources.change(|(_, issuer)| issuer.clear());
                counts.is_down.store(true, Ordering::Relaxed);
                tracing::error!(
                    url = self.url, fault = %Chain(&fault), keep = ?self.keep,
                    "no access keys fetched for too long; tokens of this issuer are refused"
                );
            }
            None => {
                tracing::error!(
                    url = self.url, fault = %Chain(&fault),
                    "no access keys fetched; tokens of this issuer are refused"
                );
            }
        }
    }

    async fn fetch(&self) -> Result<Bytes, NoKeys> {
        let via = HeaderValue::from_static("1.1 headwater");
        let ask = Ask { target: "", known: None, fields: &[], via: &via, patience: PATIENCE };
        let (head, mut begun) = self.connections.get(ask, &self.limits).await?;
        if head.status != StatusCode::OK {
            return Err(NoKeys::Status(head.status));
        }
        let mut set = BytesMut::new();
        while let Some(piece) = begun.next(&self.connections, PATIENCE).await? {
            if set.len() + piece.len() > jwks::MAX_BYTES {
                return Err(SetFault::TooLarge.into());
            }
            set.extend_from_slice(&piece);
        }
        Ok(set.freeze())
    }
}
