//! The feed of changes.

use media::Utc;
use sqlx::{AnyConnection, Row};

use crate::database::Store;
use crate::error::Error;
use crate::read::Page;
use crate::resource::Key;

/// What happened to a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// It was made, perhaps over a tombstone.
    Created,
    /// Its desired state changed.
    Changed,
    /// Its tags changed.
    Tagged,
    /// A worker reported something new.
    Observed,
    /// It became a tombstone.
    Deleted,
    /// Its tombstone went.
    Forgotten,
}

impl What {
    const ALL: [Self; 6] =
        [Self::Created, Self::Changed, Self::Tagged, Self::Observed, Self::Deleted, Self::Forgotten];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Changed => "changed",
            Self::Tagged => "tagged",
            Self::Observed => "observed",
            Self::Deleted => "deleted",
            Self::Forgotten => "forgotten",
        }
    }
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its number: later changes have higher ones, numbers are left out.
    pub revision: i64,
    /// When.
    pub at: Utc,
    /// Of which resource.
    pub key: Key,
    /// What happened.
    pub what: What,
    /// The resource's generation after it.
    pub generation: i64,
}

impl Store {
    /// Changes after revision `since`, in their order, at most `limit` (up to 1,000). [`Error::Forgotten`] where some of them
    /// are not kept any more.
    pub async fn changes(&self, since: i64, limit: u32) -> Result<Vec<Change>, Error> {
        let rows = sqlx::query(
            "SELECT revision, at_us, kind, account, region, id, what, generation FROM changes WHERE revision > $1 \
             ORDER BY revision LIMIT $2",
        )
        .bind(since)
        .bind(Page::<Change>::limit(limit))
        .fetch_all(&self.readers)
        .await?;
        // Looked at last: had some gone in between, this says so.
        let row = sqlx::query("SELECT value FROM numbers WHERE name = 'changes_forgotten'")
            .fetch_one(&self.readers)
            .await?;
        let oldest: i64 = row.try_get(0)?;
        if since < oldest {
            return Err(Error::Forgotten { asked: since, oldest });
        }
        rows.iter()
            .map(|row| {
                let word: String = row.try_get("what")?;
                let what = What::ALL.into_iter().find(|what| what.word() == word);
                Ok(Change {
                    revision: row.try_get("revision")?,
                    at: Utc(row.try_get("at_us")?),
                    key: Key::of(row)?,
                    what: what.ok_or_else(|| Error::Damaged(format!("a change is {word:?}")))?,
                    generation: row.try_get("generation")?,
                })
            })
            .collect()
    }
}

/// Takes the next revision. The row is the writers' lock: it is held to the transaction's end.
pub(crate) async fn next_revision(connection: &mut AnyConnection) -> Result<i64, Error> {
    let row = sqlx::query("UPDATE numbers SET value = value + 1 WHERE name = 'revision' RETURNING value")
        .fetch_one(connection)
        .await?;
    Ok(row.try_get(0)?)
}

/// Writes a change down; gives its revision.
pub(crate) async fn record(
    connection: &mut AnyConnection,
    at: Utc,
    key: &Key,
    what: What,
    generation: i64,
) -> Result<i64, Error> {
    let revision = next_revision(connection).await?;
    sqlx::query(
        "INSERT INTO changes (revision, at_us, kind, account, region, id, what, generation) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(revision)
    .bind(at.0)
    .bind(&key.kind)
    .bind(&key.account)
    .bind(&key.region)
    .bind(&key.id)
    .bind(what.word())
    .bind(generation)
    .execute(connection)
    .await?;
    Ok(revision)
}
