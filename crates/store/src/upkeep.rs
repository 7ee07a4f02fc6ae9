//! Forgetting what has had its time.

use media::Utc;
use sqlx::Row;

use crate::changes::{What, record};
use crate::database::Store;
use crate::error::Error;
use crate::read::find;
use crate::resource::Key;
use crate::turn::Turn;

/// How much history is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Newest revisions whose changes are kept: a listener further behind lists anew.
    pub changes: i64,
    /// Newest revisions whose audit lines are kept.
    pub audit: i64,
}

impl Default for Retention {
    /// Some days of changes on a busy machine; audit lines for years, about a gigabyte.
    fn default() -> Self {
        Self { changes: 100_000, audit: 2_000_000 }
    }
}

impl Store {
    /// Removes old tokens, and changes and audit lines beyond `retention`. To be called each minute or so.
    pub async fn upkeep(&self, now: Utc, retention: Retention) -> Result<(), Error> {
        let mut turn = Turn::take(self).await?;
        sqlx::query("DELETE FROM tokens WHERE expires_us <= $1")
            .bind(now.0)
            .execute(turn.connection())
            .await?;
        let row = sqlx::query("SELECT value FROM numbers WHERE name = 'revision'")
            .fetch_one(turn.connection())
            .await?;
        let revision: i64 = row.try_get(0)?;
        let (changes, audit) = (revision - retention.changes.max(1), revision - retention.audit.max(1));
        let gone = sqlx::query("DELETE FROM changes WHERE revision <= $1")
            .bind(changes)
            .execute(turn.connection())
            .await?;
        if gone.rows_affected() > 0 {
            sqlx::query("UPDATE numbers SET value = $1 WHERE name = 'changes_forgotten' AND value < $1")
                .bind(changes)
                .execute(turn.connection())
                .await?;
        }
        sqlx::query("DELETE FROM audit WHERE revision <= $1").bind(audit).execute(turn.connection()).await?;
        turn.commit(0).await
    }

    /// Removes tombstones whose time is over at `now`; others stay. Gives how many went.
    pub async fn forget(&self, tombstones: &[Key], now: Utc) -> Result<usize, Error> {
        let mut turn = Turn::take(self).await?;
        let (mut gone, mut newest) = (0, 0);
        for key in tombstones {
            let Some(found) = find(turn.connection(), key).await? else { continue };
            if found.deleted.is_none_or(|(_, until)| now < until) {
                continue;
            }
            sqlx::query("DELETE FROM resources WHERE kind = $1 AND account = $2 AND region = $3 AND id = $4")
                .bind(&key.kind)
                .bind(&key.account)
                .bind(&key.region)
                .bind(&key.id)
                .execute(turn.connection())
                .await?;
            newest = record(turn.connection(), now, key, What::Forgotten, found.generation).await?;
            gone += 1;
        }
        turn.commit(newest).await?;
        Ok(gone)
    }
}
