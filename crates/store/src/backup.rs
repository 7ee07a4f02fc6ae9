//! Backups: a SQLite file, whatever engine the store has; so a backup of one moves to the other.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use crate::database::Store;
use crate::error::Error;
use crate::place::Place;
use crate::read::{Snapshot, revision};
use crate::transfer::transfer;
use crate::turn::Turn;

/// What a backup holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    /// The newest change that is in it.
    pub revision: i64,
    /// How many resources of each kind, without tombstones.
    pub resources: BTreeMap<String, i64>,
    /// How many users.
    pub users: i64,
    /// How many lines of the audit log.
    pub audit: i64,
}

/// What becomes of a store that lies where a backup is to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// It stays, and nothing is restored: [`Error::Conflict`].
    Stays,
    /// It gives way. A file is moved aside, to `….replaced`, where the one before goes; what is in a PostgreSQL database is gone.
    GivesWay,
}

impl Store {
    /// Writes the whole store, as it is at one moment, to a new file (mode 0600), while it goes on working. The file is there
    /// when it is whole and on disk, or not at all. A file that is there already is refused.
    pub async fn backup(&self, path: &Path) -> Result<Contents, Error> {
        refuse_existing(path)?;
        let partial = partial(path);
        let written = self.write_backup(&partial).await;
        let published = written.and_then(|contents| publish(&partial, path).map(|()| contents));
        remove_all(&partial);
        published
    }

    async fn write_backup(&self, partial: &Path) -> Result<Contents, Error> {
        remove_all(partial);
        let copy = Self::open(&Place::Sqlite(partial.to_owned())).await?;
        let copied = async {
            let mut snapshot = Snapshot::begin(self).await?;
            let mut turn = Turn::take(&copy).await?;
            transfer(&mut snapshot.0, turn.connection()).await?;
            let contents = contents(turn.connection()).await?;
            turn.commit(0).await?;
            snapshot.end().await?;
            Ok(contents)
        }
        .await;
        // Closing folds the log into the file: the backup is one file.
        copy.close().await;
        copied
    }
}

/// Puts a backup in an empty place: a SQLite file that is not there yet, or a PostgreSQL database without resources; or, where what
/// was there before gives way, in any. It is checked first; an older program's is brought up to date on the way. Nobody else may
/// have the place open.
pub async fn restore(backup: &Path, place: &Place, before: Before) -> Result<Contents, Error> {
    if let Place::Sqlite(path) = place {
        if before == Before::Stays {
            refuse_existing(path)?;
        }
        let partial = partial(path);
        let written = restore_into(backup, &Place::Sqlite(partial.clone()), before).await;
        let published = written.and_then(|contents| {
            move_aside(path)?;
            publish(&partial, path).map(|()| contents)
        });
        remove_all(&partial);
        return published;
    }
    restore_into(backup, place, before).await
}

async fn restore_into(backup: &Path, place: &Place, before: Before) -> Result<Contents, Error> {
    // A copy is opened, for opening may write.
    let scratch = partial(backup);
    remove_all(&scratch);
    let copied = std::fs::copy(backup, &scratch).map(drop);
    let restored = match copied.map_err(|source| file("cannot copy the backup", backup, source)) {
        Ok(()) => restore_copy(&scratch, place, before).await,
        Err(error) => Err(error),
    };
    remove_all(&scratch);
    restored
}

async fn restore_copy(backup: &Path, place: &Place, before: Before) -> Result<Contents, Error> {
    let from = Store::open(&Place::Sqlite(backup.to_owned())).await?;
    let into = Store::open(place).await?;
    let restored = async {
        let mut snapshot = Snapshot::begin(&from).await?;
        let mut turn = Turn::take(&into).await?;
        let there = contents(turn.connection()).await?;
        let is_empty = there.resources.is_empty() && there.users == 0 && there.audit == 0;
        if before == Before::Stays && !is_empty {
            return Err(Error::Conflict(format!("{place} is not empty")));
        }
        transfer(&mut snapshot.0, turn.connection()).await?;
        let contents = contents(turn.connection()).await?;
        turn.commit(0).await?;
        snapshot.end().await?;
        Ok(contents)
    }
    .await;
    from.close().await;
    into.close().await;
    restored
}

async fn contents(connection: &mut AnyConnection) -> Result<Contents, Error> {
    let count = async |connection: &mut AnyConnection, sql: &'static str| -> Result<i64, Error> {
        Ok(sqlx::query(sql).fetch_one(connection).await?.try_get(0)?)
    };
    let by_kind = "SELECT kind, COUNT(*) FROM resources WHERE deleted_us IS NULL GROUP BY kind";
    let rows = sqlx::query(by_kind).fetch_all(&mut *connection).await?;
    let of_kind = |row: &AnyRow| Ok((row.try_get(0)?, row.try_get(1)?));
    Ok(Contents {
        revision: revision(&mut *connection).await?,
        resources: rows.iter().map(of_kind).collect::<Result<_, sqlx::Error>>()?,
        users: count(&mut *connection, "SELECT COUNT(*) FROM users").await?,
        audit: count(&mut *connection, "SELECT COUNT(*) FROM audit").await?,
    })
}

/// Puts a store's files aside, its log with it: left behind, a log would be taken for that of the file that comes.
fn move_aside(path: &Path) -> Result<(), Error> {
    let aside = with(path, ".replaced");
    if path.exists() {
        remove_all(&aside);
    }
    for ending in ["", "-wal", "-shm", "-journal"] {
        match std::fs::rename(with(path, ending), with(&aside, ending)) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(file("cannot move aside", path, source));
            }
            _ => {}
        }
    }
    Ok(())
}

fn refuse_existing(path: &Path) -> Result<(), Error> {
    match path.try_exists() {
        Ok(false) => Ok(()),
        Ok(true) => Err(Error::Conflict(format!("{} is there already", path.display()))),
        Err(source) => Err(file("cannot look at", path, source)),
    }
}

/// Beside `path`, on the same file system.
fn partial(path: &Path) -> PathBuf {
    with(path, ".partial")
}

fn with(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    name.into()
}

/// On disk first, then under its name, then the name on disk.
fn publish(partial: &Path, path: &Path) -> Result<(), Error> {
    let steps = || -> io::Result<()> {
        File::open(partial)?.sync_all()?;
        std::fs::rename(partial, path)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()
    };
    steps().map_err(|source| file("cannot write", path, source))
}

fn remove_all(path: &Path) {
    for ending in ["", "-wal", "-shm", "-journal"] {
        match std::fs::remove_file(with(path, ending)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(%error, path = %path.display(), "cannot remove a temporary file");
            }
            _ => {}
        }
    }
}

fn file(what: &'static str, path: &Path, source: io::Error) -> Error {
    Error::File { what, path: path.to_owned(), source }
}
