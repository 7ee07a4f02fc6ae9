//! The writer's turn: one transaction that writes at a time.

use sqlx::pool::PoolConnection;
use sqlx::{Any, AnyConnection};
use tokio::sync::OwnedMutexGuard;

use crate::database::{LOCK_WAIT, Store};
use crate::error::Error;

/// An open transaction of the one writer. Dropped before [`Turn::commit`] it leaves nothing behind: its connection is closed.
pub(crate) struct Turn {
    connection: PoolConnection<Any>,
    store: Store,
    open: bool,
    _turn: OwnedMutexGuard<()>,
}

impl Turn {
    /// Waits for the turn, at most five seconds in this process and as long for other machines' writers: [`Error::Busy`].
    pub(crate) async fn take(store: &Store) -> Result<Self, Error> {
        let turn = tokio::time::timeout(LOCK_WAIT, store.turn.clone().lock_owned())
            .await
            .map_err(|_| Error::Busy)?;
        let connection = store.writer.acquire().await?;
        let mut this = Self { connection, store: store.clone(), open: true, _turn: turn };
        this.begin().await?;
        Ok(this)
    }

    async fn begin(&mut self) -> Result<(), Error> {
        for step in self.store.engine.begin() {
            sqlx::raw_sql(*step).execute(&mut *self.connection).await?;
        }
        Ok(())
    }

    pub(crate) fn connection(&mut self) -> &mut AnyConnection {
        &mut self.connection
    }

    /// Takes back what was done, and begins anew.
    pub(crate) async fn again(&mut self) -> Result<(), Error> {
        sqlx::raw_sql("ROLLBACK").execute(&mut *self.connection).await?;
        self.begin().await
    }

    /// Makes it durable, and tells those who wait for changes of `revision`.
    pub(crate) async fn commit(mut self, revision: i64) -> Result<(), Error> {
        sqlx::raw_sql("COMMIT").execute(&mut *self.connection).await?;
        self.open = false;
        self.store.committed.send_if_modified(|newest| {
            let newer = revision > *newest;
            *newest = revision.max(*newest);
            newer
        });
        Ok(())
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if self.open {
            self.connection.close_on_drop();
        }
    }
}
