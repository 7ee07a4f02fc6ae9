//! Backups: a SQLite file, whatever engine the store has; so a backup of one moves to the other.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use sqlx::Row;

use crate::database::Store;
use crate::error::Error;
use crate::place::Place;
use crate::read::Snapshot;
use crate::transfer::transfer;
use crate::turn::Turn;

impl Store {
    /// Writes the whole store, as it is at one moment, to a new file (mode 0600), while it goes on working. The file is there
    /// when it is whole and on disk, or not at all. A file that is there already is refused.
    pub async fn backup(&self, path: &Path) -> Result<(), Error> {
        refuse_existing(path)?;
        let partial = partial(path);
        let written = self.write_backup(&partial).await.and_then(|()| publish(&partial, path));
        remove_all(&partial);
        written
    }

    async fn write_backup(&self, partial: &Path) -> Result<(), Error> {
        remove_all(partial);
        let copy = Self::open(&Place::Sqlite(partial.to_owned())).await?;
        let copied = async {
            let mut snapshot = Snapshot::begin(self).await?;
            let mut turn = Turn::take(&copy).await?;
            transfer(&mut snapshot.0, turn.connection()).await?;
            turn.commit(0).await?;
            snapshot.end().await
        }
        .await;
        // Closing folds the log into the file: the backup is one file.
        copy.close().await;
        copied
    }
}

/// Puts a backup in an empty place: a SQLite file that is not there yet, or a PostgreSQL database without resources. It is
/// checked first; an older program's is brought up to date on the way.
pub async fn restore(backup: &Path, place: &Place) -> Result<(), Error> {
    if let Place::Sqlite(path) = place {
        refuse_existing(path)?;
        let partial = partial(path);
        let written = restore_into(backup, &Place::Sqlite(partial.clone()))
            .await
            .and_then(|()| publish(&partial, path));
        remove_all(&partial);
        return written;
    }
    restore_into(backup, place).await
}

async fn restore_into(backup: &Path, place: &Place) -> Result<(), Error> {
    // A copy is opened, for opening may write.
    let scratch = partial(backup);
    remove_all(&scratch);
    let copied = std::fs::copy(backup, &scratch).map(drop);
    let restored = match copied.map_err(|source| file("cannot copy the backup", backup, source)) {
        Ok(()) => restore_copy(&scratch, place).await,
        Err(error) => Err(error),
    };
    remove_all(&scratch);
    restored
}

async fn restore_copy(backup: &Path, place: &Place) -> Result<(), Error> {
    let from = Store::open(&Place::Sqlite(backup.to_owned())).await?;
    let into = Store::open(place).await?;
    let restored = async {
        let mut snapshot = Snapshot::begin(&from).await?;
        let mut turn = Turn::take(&into).await?;
        for table in ["resources", "users", "audit"] {
            let count = sqlx::query(sqlx::AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}")));
            if count.fetch_one(turn.connection()).await?.try_get::<i64, _>(0)? > 0 {
                return Err(Error::Conflict(format!("{place} is not empty; restore into a new database")));
            }
        }
        transfer(&mut snapshot.0, turn.connection()).await?;
        turn.commit(0).await?;
        snapshot.end().await
    }
    .await;
    from.close().await;
    into.close().await;
    restored
}

fn refuse_existing(path: &Path) -> Result<(), Error> {
    match path.try_exists() {
        Ok(false) => Ok(()),
        Ok(true) => Err(Error::Conflict(format!("{} is there already; move it away first", path.display()))),
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
