//! The connections: one that writes, some that read.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::any::{AnyPoolOptions, install_default_drivers};
use sqlx::{AnyConnection, AnyPool, Connection, Row};
use tokio::sync::{Mutex, watch};

use crate::error::Error;
use crate::migrate::migrate;
use crate::place::Place;

/// Longest wait for the writer's turn, and for a lock of another process; then [`Error::Busy`].
pub(crate) const LOCK_WAIT: Duration = Duration::from_secs(5);
/// Longest wait for a connection; then [`Error::Unavailable`].
const CONNECT_WAIT: Duration = Duration::from_secs(5);
/// Connections that read. More bring nothing: a page of resources is read in under a millisecond.
const READERS: u32 = 4;

/// Which database is behind it: where the two differ, this says how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

impl Engine {
    /// Opens a transaction that will write, and takes the lock that all writers take. SQLite's plain `BEGIN` would find out at
    /// the first write that its snapshot is too old, and fail.
    pub(crate) fn begin(self) -> &'static [&'static str] {
        match self {
            Self::Sqlite => &["BEGIN IMMEDIATE"],
            Self::Postgres => &["BEGIN", "SELECT value FROM numbers WHERE name = 'revision' FOR UPDATE"],
        }
    }

    /// Opens a transaction of reads that all see the same moment.
    pub(crate) fn begin_snapshot(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN",
            Self::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        }
    }

    /// Opens the transaction of a migration, one at a time (the lock's number is any, the same in all processes of ours).
    pub(crate) fn begin_migration(self) -> &'static [&'static str] {
        match self {
            Self::Sqlite => &["BEGIN IMMEDIATE"],
            Self::Postgres => &["BEGIN", "SELECT pg_advisory_xact_lock(4857221)"],
        }
    }

    /// The migrations' words for types in the engine's spelling.
    pub(crate) fn spell(self, sql: &str) -> String {
        match self {
            Self::Sqlite => sql.replace("KEYTEXT", "TEXT").replace("BYTES", "BLOB"),
            Self::Postgres => sql.replace("KEYTEXT", "TEXT COLLATE \"C\"").replace("BYTES", "BYTEA"),
        }
    }

    /// What every connection is told first.
    fn settings(self, access: Access) -> &'static str {
        match (self, access) {
            // In a write-ahead log FULL syncs at each commit: what was acknowledged survives a power cut.
            (Self::Sqlite, Access::Write) => {
                "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
                 PRAGMA foreign_keys = ON; PRAGMA journal_size_limit = 67108864; PRAGMA trusted_schema = OFF"
            }
            (Self::Sqlite, Access::Read) => {
                "PRAGMA busy_timeout = 5000; PRAGMA query_only = ON; PRAGMA trusted_schema = OFF"
            }
            (Self::Postgres, Access::Write) => {
                "SET synchronous_commit = on; SET lock_timeout = '5s'; SET statement_timeout = '30s'; \
                 SET idle_in_transaction_session_timeout = '30s'"
            }
            (Self::Postgres, Access::Read) => {
                "SET default_transaction_read_only = on; SET statement_timeout = '30s'"
            }
        }
    }
}

/// What a connection is for.
#[derive(Clone, Copy)]
pub(crate) enum Access {
    Read,
    Write,
}

/// An open store. Clones share its connections.
#[derive(Clone, Debug)]
pub struct Store {
    pub(crate) engine: Engine,
    pub(crate) place: Place,
    pub(crate) writer: AnyPool,
    pub(crate) turn: Arc<Mutex<()>>,
    pub(crate) readers: AnyPool,
    pub(crate) committed: Arc<watch::Sender<i64>>,
}

impl Store {
    /// Opens the store, makes it where there is none (SQLite: a file only its owner can read), checks it, and brings its
    /// tables up to date. A damaged one, or one a newer program made, is refused and left as it is.
    pub async fn open(place: &Place) -> Result<Self, Error> {
        install_default_drivers();
        let engine = match place {
            Place::Sqlite(path) => {
                touch(path)?;
                Engine::Sqlite
            }
            Place::Postgres(_) => Engine::Postgres,
        };
        prepare(place, engine).await?;
        let writer = pool(place, engine, Access::Write, 1).await?;
        let readers = pool(place, engine, Access::Read, READERS).await?;
        let store = Self {
            engine,
            place: place.clone(),
            writer,
            turn: Arc::default(),
            readers,
            committed: Arc::new(watch::Sender::new(0)),
        };
        store.committed.send_replace(store.revision().await?);
        Ok(store)
    }

    /// Closes its connections: SQLite folds its log into the file.
    pub async fn close(self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    /// Where it lies.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Tells of each commit of this process the newest revision, for those who wait for changes. Other processes' commits
    /// are seen by asking [`Store::changes`].
    pub fn watch(&self) -> watch::Receiver<i64> {
        self.committed.subscribe()
    }
}

/// Looks at the database and brings its tables up to date, on a connection of its own: a pool would try again what is wrong, and
/// say in the end that it took too long.
async fn prepare(place: &Place, engine: Engine) -> Result<(), Error> {
    let url = place.url();
    let connected = tokio::time::timeout(CONNECT_WAIT, AnyConnection::connect(&url)).await;
    let mut connection = connected.unwrap_or(Err(sqlx::Error::PoolTimedOut))?;
    sqlx::raw_sql(engine.settings(Access::Write)).execute(&mut connection).await?;
    if engine == Engine::Sqlite {
        check(&mut connection).await?;
    }
    // On an error the connection goes, and with it the transaction.
    migrate(&mut connection, engine).await?;
    connection.close().await?;
    Ok(())
}

async fn pool(place: &Place, engine: Engine, access: Access, connections: u32) -> Result<AnyPool, Error> {
    let pool = AnyPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(CONNECT_WAIT)
        .test_before_acquire(engine == Engine::Postgres)
        .max_lifetime(None)
        .after_connect(move |connection, _| {
            Box::pin(async move {
                sqlx::raw_sql(engine.settings(access)).execute(&mut *connection).await?;
                Ok(())
            })
        });
    Ok(pool.connect(&place.url()).await?)
}

/// SQLite's own look at every page.
async fn check(connection: &mut AnyConnection) -> Result<(), Error> {
    let found: String = sqlx::query("PRAGMA quick_check(1)").fetch_one(&mut *connection).await?.try_get(0)?;
    match found.as_str() {
        "ok" => Ok(()),
        _ => Err(Error::Damaged(found)),
    }
}

/// Makes an empty file, for its owner only: the database's other files take its mode.
fn touch(path: &Path) -> Result<(), Error> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
        .map(drop)
        .map_err(|source| Error::File { what: "cannot open the store", path: path.to_owned(), source })
}
