//! Who may fetch what: viewers' access tokens ("signed URLs").
//!
//! A request that passed the gate is looked at here, whatever protocol it came by, before the cache is asked: where an
//! access table names its path, it needs a [`token`], which comes by one of the [`carrier`]s and is signed with one of
//! the table's [`key`]s, which [`keeper`] keeps up to date from files and from an issuer's set ([`jwks`]). A token in
//! front of the path is taken off, so that all viewers share cached objects. Tokens that were verified are remembered
//! ([`memo`]): from then on they cost a hash and a look. [`sign`] makes tokens.

pub mod carrier;
pub mod jwks;
mod keeper;
pub mod key;
mod memo;
pub mod sign;
pub mod token;

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, RwLock};
use std::time::{SystemTime, UNIX_EPOCH};

use http_cache::KeyRules;
use http_cache::purge::{Pattern, PatternFault};
use tokio::sync::Notify;

use self::carrier::Presented;
use self::key::{Key, KeyFault};
use self::memo::Memo;
use self::token::Refusal;
use crate::config;
use crate::gate::Method;
use crate::origin::OriginError;

/// Why an access table cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// A pattern.
    #[error("access to `{pattern}`")]
    Pattern {
        /// As it was written.
        pattern: String,
        /// What is wrong with it.
        #[source]
        source: PatternFault,
    },
    /// A file cannot be read.
    #[error("key `{id}` in `{}`", path.display())]
    File {
        /// The key's name.
        id: String,
        /// The file.
        path: PathBuf,
        /// The system's words.
        #[source]
        source: std::io::Error,
    },
    /// A file holds no usable key.
    #[error("key `{id}` in `{}`", path.display())]
    Key {
        /// The key's name.
        id: String,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: KeyFault,
    },
    /// Where keys are fetched cannot be used.
    #[error("where access keys are fetched")]
    Issuer(#[source] OriginError),
}

/// Every access table.
#[derive(Debug)]
pub(crate) struct Guard {
    tables: Vec<Arc<Table>>,
    memo: Memo,
}

/// One access table.
#[derive(Debug)]
struct Table {
    patterns: Vec<Pattern>,
    keys: RwLock<Arc<Keys>>,
    /// That of `keys`: what was verified with others is not believed.
    generation: AtomicU64,
    /// Its keys come from an issuer, who is asked again once this is told.
    wanted: Option<Notify>,
    issuer: Issuer,
}

/// The keys of a moment, each with its name.
#[derive(Debug, Default)]
struct Keys {
    generation: u64,
    list: Vec<(Arc<str>, Key)>,
}

/// What is counted of an issuer of keys.
#[derive(Debug, Default)]
struct Issuer {
    fetched: AtomicU64,
    failed: AtomicU64,
    /// None of its keys are held.
    is_down: AtomicBool,
}

/// What [`Guard::figures`] tells.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AccessFigures {
    /// Sets of keys fetched, and fetches that brought none.
    pub(crate) fetches: [u64; 2],
    /// Issuers of whose keys none are held.
    pub(crate) down: u64,
}

impl Guard {
    fn new(tables: &[config::Access]) -> Result<Guard, AccessError> {
        let tables = tables.iter().map(|table| Table::new(table).map(Arc::new));
        Ok(Guard { tables: tables.collect::<Result<_, _>>()?, memo: Memo::default() })
    }

    /// Whether `viewer` may ask for `target`; `in_path` is the token that stood in front of it.
    pub(crate) fn admit(
        &self,
        in_path: Option<&str>,
        target: &str,
        method: Method,
        presented: &Presented<'_>,
        viewer: IpAddr,
    ) -> Result<(), Refusal> {
        // A preflight comes without credentials (Fetch standard §3.3.5), and is answered without the object.
        if method == Method::Options {
            return Ok(());
        }
        let path = target.split_once('?').map_or(target, |(path, _)| path);
        let protects = |table: &Arc<Table>| table.patterns.iter().any(|pattern| pattern.matches(path));
        let Some((at, table)) = self.tables.iter().enumerate().find(|(_, table)| protects(table)) else {
            return Ok(());
        };
        let token = in_path.map_or_else(|| presented.token(), Ok)?;
        let now_s = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        self.judge(at, table, token, path, viewer, now_s)
    }

    /// Whether a path takes a token.
    pub(crate) fn protects(&self, path: &str) -> bool {
        self.tables.iter().flat_map(|table| &table.patterns).any(|pattern| pattern.matches(path))
    }

    fn judge(
        &self,
        at: usize,
        table: &Table,
        token: &str,
        path: &str,
        viewer: IpAddr,
        now_s: u64,
    ) -> Result<(), Refusal> {
        if token.len() > token::MAX_LEN {
            return Err(Refusal::Malformed);
        }
        let name = Memo::name(at, token);
        let generation = table.generation.load(Ordering::Acquire);
        if let Some(judged) = self.memo.look(&name, generation, |grant| grant.judge(path, viewer, now_s)) {
            return judged;
        }
        let keys = table.keys.read().expect("nothing panics while it holds the keys").clone();
        let grant = token::verify(token, &keys.list).inspect_err(|refusal| {
            if let (Refusal::Key, Some(wanted)) = (refusal, &table.wanted) {
                wanted.notify_one();
            }
        })?;
        let judged = grant.judge(path, viewer, now_s);
        if judged != Err(Refusal::Expired) {
            self.memo.keep(name, keys.generation, grant, now_s);
        }
        judged
    }

    pub(crate) fn figures(&self) -> AccessFigures {
        let mut figures = AccessFigures::default();
        for table in self.tables.iter().filter(|table| table.wanted.is_some()) {
            figures.fetches[0] += table.issuer.fetched.load(Ordering::Relaxed);
            figures.fetches[1] += table.issuer.failed.load(Ordering::Relaxed);
            figures.down += u64::from(table.issuer.is_down.load(Ordering::Relaxed));
        }
        figures
    }
}

impl Table {
    fn new(access: &config::Access) -> Result<Table, AccessError> {
        let rules = KeyRules::hls();
        let pattern = |text: &String| {
            Pattern::parse(text, &rules)
                .map_err(|source| AccessError::Pattern { pattern: text.clone(), source })
        };
        let table = Table {
            patterns: access.paths.iter().map(pattern).collect::<Result<_, _>>()?,
            keys: RwLock::default(),
            generation: AtomicU64::new(0),
            wanted: access.jwks.is_some().then(Notify::new),
            issuer: Issuer::default(),
        };
        table.issuer.is_down.store(access.jwks.is_some(), Ordering::Relaxed);
        table.use_keys(keeper::read_all(&access.keys)?);
        Ok(table)
    }

    /// Believes these keys, and no other, from now on.
    fn use_keys(&self, list: Vec<(Arc<str>, Key)>) {
        let mut keys = self.keys.write().expect("nothing panics while it holds the keys");
        let generation = keys.generation + 1;
        *keys = Arc::new(Keys { generation, list });
        self.generation.store(generation, Ordering::Release);
    }
}

/// Reads the tables as an edge would, for whoever wants to know before it runs.
pub fn check(tables: &[config::Access]) -> Result<(), AccessError> {
    Guard::new(tables).map(drop)
}

/// The guard of `tables`, whose keys are kept up to date as long as this runtime runs; none where there are no tables.
/// Returns once every issuer was asked for keys, with or without success.
pub(crate) async fn start(
    tables: &[config::Access],
    ca: Option<PathBuf>,
) -> Result<Option<Arc<Guard>>, AccessError> {
    if tables.is_empty() {
        return Ok(None);
    }
    let guard = Arc::new(Guard::new(tables)?);
    keeper::start(&guard.tables, tables, ca).await?;
    Ok(Some(guard))
}
