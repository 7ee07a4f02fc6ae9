//! Messages in queues.
//!
//! A queue is a name; it is there as long as it holds messages. What is done to messages is no change of resources, and has no
//! audit line: like observations they are many, and no call's mutation.

use media::Utc;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row};

use crate::database::Store;
use crate::document::Document;
use crate::error::Error;
use crate::resource::bounded;
use crate::turn::Turn;
use crate::write::Write;

/// Longest name of a queue, in bytes: an ARN with a prefix fits.
const MAX_QUEUE: usize = 1024;

/// A message to be put into a queue.
#[derive(Clone, Debug)]
pub struct Put {
    /// Which queue, 1 to 1,024 bytes.
    pub queue: String,
    /// When it was sent.
    pub sent: Utc,
    /// When it may be taken first.
    pub due: Utc,
    /// From when on it is not given any more.
    pub expires: Utc,
    /// What the caller has to know of it.
    pub head: Document,
    /// Its content, up to [`Document::MAX`] bytes, without NUL.
    pub body: String,
}

/// A message in a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its number, of all queues' messages alone its own; later ones have higher numbers.
    pub number: i64,
    /// When it was sent.
    pub sent: Utc,
    /// When it may be taken next.
    pub due: Utc,
    /// From when on it is not given any more.
    pub expires: Utc,
    /// How often it was taken.
    pub taken: i64,
    /// When it was taken first.
    pub first_taken: Option<Utc>,
    /// What the caller has to know of it.
    pub head: Document,
    /// Its content.
    pub body: String,
}

/// How many messages a queue holds at a moment, each counted once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// That may be taken.
    pub due: i64,
    /// That were taken and are not due again yet.
    pub taken: i64,
    /// That are not due yet for the first time.
    pub delayed: i64,
}

impl Message {
    const COLUMNS: &'static str = "number, sent_us, due_us, expires_us, taken, first_taken_us, head, body";

    fn of(row: &AnyRow) -> Result<Self, Error> {
        Ok(Self {
            number: row.try_get("number")?,
            sent: Utc(row.try_get("sent_us")?),
            due: Utc(row.try_get("due_us")?),
            expires: Utc(row.try_get("expires_us")?),
            taken: row.try_get("taken")?,
            first_taken: row.try_get::<Option<i64>, _>("first_taken_us")?.map(Utc),
            head: Document::stored(row.try_get("head")?),
            body: row.try_get("body")?,
        })
    }
}

/// The store's one writer, for messages alone. Dropped without [`Exchange::commit`], it leaves nothing behind.
pub struct Exchange(Turn);

impl Exchange {
    /// The messages, to be changed.
    pub fn messages(&mut self) -> Messages<'_> {
        Messages(self.0.connection())
    }

    /// Makes it durable.
    pub async fn commit(self) -> Result<(), Error> {
        self.0.commit(0).await
    }
}

impl Write {
    /// The messages, to be changed with what else this call changes.
    pub fn messages(&mut self) -> Messages<'_> {
        Messages(self.turn.connection())
    }
}

impl Store {
    /// Waits for its turn to change messages, at most five seconds ([`Error::Busy`]).
    pub async fn exchange(&self) -> Result<Exchange, Error> {
        Ok(Exchange(Turn::take(self).await?))
    }

    /// How many messages `queue` holds at `now`.
    pub async fn held(&self, queue: &str, now: Utc) -> Result<Held, Error> {
        held(&mut *self.readers.acquire().await?, queue, now).await
    }

    /// When the first message of `queue` is due; in the past where one may be taken at `now`.
    pub async fn next_due(&self, queue: &str, now: Utc) -> Result<Option<Utc>, Error> {
        let row = sqlx::query(
            "SELECT due_us FROM messages WHERE queue = $1 AND expires_us > $2 ORDER BY due_us LIMIT 1",
        )
        .bind(queue)
        .bind(now.0)
        .fetch_optional(&self.readers)
        .await?;
        Ok(row.map(|row| row.try_get(0)).transpose()?.map(Utc))
    }

    /// The queues whose names begin with `prefix` (of ASCII), and when the first message of each is due; at most `limit`, those due
    /// longest first.
    pub async fn queues_by_due(&self, prefix: &str, limit: u32) -> Result<Vec<(String, Utc)>, Error> {
        let rows = sqlx::query(
            "SELECT queue, MIN(due_us) AS due FROM messages WHERE queue >= $1 AND queue < $2 \
             GROUP BY queue ORDER BY MIN(due_us), queue LIMIT $3",
        )
        .bind(prefix)
        .bind(format!("{prefix}\u{10FFFF}"))
        .bind(i64::from(limit))
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(|row| Ok((row.try_get("queue")?, Utc(row.try_get("due")?)))).collect()
    }

    /// The first messages of `queue` that may be taken at `now`, at most `limit`.
    pub async fn due(&self, queue: &str, now: Utc, limit: u32) -> Result<Vec<Message>, Error> {
        due(&mut *self.readers.acquire().await?, queue, now, limit).await
    }
}

/// Messages, to be changed in the transaction this was taken from.
pub struct Messages<'t>(&'t mut AnyConnection);

impl Messages<'_> {
    /// Puts a message into its queue. Its number.
    pub async fn put(&mut self, put: &Put) -> Result<i64, Error> {
        let Put { queue, sent, due, expires, head, body } = put;
        bounded("queue", queue, MAX_QUEUE)?;
        bounded("message", body, Document::MAX)?;
        let row = sqlx::query("UPDATE numbers SET value = value + 1 WHERE name = 'message' RETURNING value")
            .fetch_one(&mut *self.0)
            .await?;
        let number: i64 = row.try_get(0)?;
        sqlx::query(
            "INSERT INTO messages (queue, number, sent_us, due_us, expires_us, taken, first_taken_us, head, body) \
             VALUES ($1, $2, $3, $4, $5, 0, NULL, $6, $7)",
        )
        .bind(queue)
        .bind(number)
        .bind(sent.0)
        .bind(due.0)
        .bind(expires.0)
        .bind(head.text())
        .bind(body)
        .execute(&mut *self.0)
        .await?;
        Ok(number)
    }

    /// The first messages of `queue` that may be taken at `now`, at most `limit`.
    pub async fn due(&mut self, queue: &str, now: Utc, limit: u32) -> Result<Vec<Message>, Error> {
        due(self.0, queue, now, limit).await
    }

    /// One message.
    pub async fn message(&mut self, queue: &str, number: i64) -> Result<Option<Message>, Error> {
        let sql = format!("SELECT {} FROM messages WHERE queue = $1 AND number = $2", Message::COLUMNS);
        let row =
            sqlx::query(AssertSqlSafe(sql)).bind(queue).bind(number).fetch_optional(&mut *self.0).await?;
        row.map(|row| Message::of(&row)).transpose()
    }

    /// Takes a message at `now`: it may be taken again at `again`.
    pub async fn take(&mut self, queue: &str, number: i64, now: Utc, again: Utc) -> Result<(), Error> {
        sqlx::query(
            "UPDATE messages SET due_us = $4, taken = taken + 1, first_taken_us = COALESCE(first_taken_us, $3) \
             WHERE queue = $1 AND number = $2",
        )
        .bind(queue)
        .bind(number)
        .bind(now.0)
        .bind(again.0)
        .execute(&mut *self.0)
        .await?;
        Ok(())
    }

    /// Says when a message may be taken next.
    pub async fn postpone(&mut self, queue: &str, number: i64, due: Utc) -> Result<(), Error> {
        sqlx::query("UPDATE messages SET due_us = $3 WHERE queue = $1 AND number = $2")
            .bind(queue)
            .bind(number)
            .bind(due.0)
            .execute(&mut *self.0)
            .await?;
        Ok(())
    }

    /// Moves a message to another queue, as one that was never taken; when it was sent stays.
    pub async fn transfer(
        &mut self,
        queue: &str,
        number: i64,
        to: &str,
        due: Utc,
        expires: Utc,
        head: &Document,
    ) -> Result<(), Error> {
        bounded("queue", to, MAX_QUEUE)?;
        sqlx::query(
            "UPDATE messages SET queue = $3, due_us = $4, expires_us = $5, taken = 0, first_taken_us = NULL, head = $6 \
             WHERE queue = $1 AND number = $2",
        )
        .bind(queue)
        .bind(number)
        .bind(to)
        .bind(due.0)
        .bind(expires.0)
        .bind(head.text())
        .execute(&mut *self.0)
        .await?;
        Ok(())
    }

    /// Removes a message. Whether it was there.
    pub async fn remove(&mut self, queue: &str, number: i64) -> Result<bool, Error> {
        let gone = sqlx::query("DELETE FROM messages WHERE queue = $1 AND number = $2")
            .bind(queue)
            .bind(number)
            .execute(&mut *self.0)
            .await?;
        Ok(gone.rows_affected() > 0)
    }

    /// Removes all messages of `queue`. Their number.
    pub async fn clear(&mut self, queue: &str) -> Result<u64, Error> {
        let gone =
            sqlx::query("DELETE FROM messages WHERE queue = $1").bind(queue).execute(&mut *self.0).await?;
        Ok(gone.rows_affected())
    }

    /// Removes what has expired in all queues. Its number.
    pub async fn expire(&mut self, now: Utc) -> Result<u64, Error> {
        let gone = sqlx::query("DELETE FROM messages WHERE expires_us <= $1")
            .bind(now.0)
            .execute(&mut *self.0)
            .await?;
        Ok(gone.rows_affected())
    }

    /// How many messages `queue` holds, counted up to `most`.
    pub async fn count(&mut self, queue: &str, most: u32) -> Result<u32, Error> {
        let row =
            sqlx::query("SELECT COUNT(*) FROM (SELECT 1 FROM messages WHERE queue = $1 LIMIT $2) AS few")
                .bind(queue)
                .bind(i64::from(most))
                .fetch_one(&mut *self.0)
                .await?;
        Ok(u32::try_from(row.try_get::<i64, _>(0)?).unwrap_or(u32::MAX))
    }

    /// How many messages of `queue` were taken and are not due again at `now`, counted up to `most`.
    pub async fn in_flight(&mut self, queue: &str, now: Utc, most: u32) -> Result<u32, Error> {
        let row = sqlx::query(
            "SELECT COUNT(*) FROM (SELECT 1 FROM messages WHERE queue = $1 AND due_us > $2 AND taken > 0 LIMIT $3) AS few",
        )
        .bind(queue)
        .bind(now.0)
        .bind(i64::from(most))
        .fetch_one(&mut *self.0)
        .await?;
        Ok(u32::try_from(row.try_get::<i64, _>(0)?).unwrap_or(u32::MAX))
    }
}

async fn due(
    connection: &mut AnyConnection,
    queue: &str,
    now: Utc,
    limit: u32,
) -> Result<Vec<Message>, Error> {
    let sql = format!(
        "SELECT {} FROM messages WHERE queue = $1 AND due_us <= $2 AND expires_us > $2 ORDER BY due_us, number LIMIT $3",
        Message::COLUMNS
    );
    let rows = sqlx::query(AssertSqlSafe(sql))
        .bind(queue)
        .bind(now.0)
        .bind(i64::from(limit))
        .fetch_all(connection)
        .await?;
    rows.iter().map(Message::of).collect()
}

async fn held(connection: &mut AnyConnection, queue: &str, now: Utc) -> Result<Held, Error> {
    let row = sqlx::query(
        "SELECT COUNT(CASE WHEN due_us <= $2 THEN 1 END), COUNT(CASE WHEN due_us > $2 AND taken > 0 THEN 1 END), \
         COUNT(CASE WHEN due_us > $2 AND taken = 0 THEN 1 END) FROM messages WHERE queue = $1 AND expires_us > $2",
    )
    .bind(queue)
    .bind(now.0)
    .fetch_one(connection)
    .await?;
    Ok(Held { due: row.try_get(0)?, taken: row.try_get(1)?, delayed: row.try_get(2)? })
}
