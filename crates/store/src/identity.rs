//! Users and their access keys.

use std::fmt;

use media::Utc;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row};

use crate::database::Store;
use crate::document::Document;
use crate::error::Error;
use crate::resource::bounded;
use crate::turn::Turn;
use crate::write::Write;

/// Somebody who may sign in or hold keys.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// Of which account.
    pub account: String,
    /// Unique there, 1 to 128 bytes.
    pub name: String,
    /// What the caller keeps of them.
    pub document: Document,
    /// The console password's hash, where there is one.
    pub password: Option<Vec<u8>>,
    /// Since when.
    pub created: Utc,
}

/// An access key; its secret is sealed by the caller.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessKey {
    /// `AKIA…`, unique in the store.
    pub id: String,
    /// Of which account.
    pub account: String,
    /// Of which user.
    pub user: String,
    /// The sealed secret.
    pub sealed: Vec<u8>,
    /// Whether it may sign.
    pub active: bool,
    /// Since when.
    pub created: Utc,
    /// What it last signed, as [`Store::keys_used`] was told.
    pub last_used: Option<Use>,
}

/// When a key signed, and what for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// When.
    pub at: Utc,
    /// For which service, as signatures name it.
    pub service: String,
    /// For which region.
    pub region: String,
}

impl AccessKey {
    /// Keys of a user, as AWS has it: one in use, one to change to.
    pub const MOST: i64 = 2;
    /// Longest sealed secret or password hash, in bytes.
    pub const MAX_SEALED: usize = 4_096;
}

impl Write {
    /// Makes a user, or changes document and password of one that is there.
    pub async fn put_user(
        &mut self,
        name: &str,
        document: &Document,
        password: Option<&[u8]>,
    ) -> Result<(), Error> {
        self.about(&format!("user/{name}"));
        named(name)?;
        sealed("password hash", password.unwrap_or_default())?;
        sqlx::query(
            "INSERT INTO users (account, name, document, password, created_us) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (account, name) DO UPDATE SET document = excluded.document, password = excluded.password",
        )
        .bind(&self.call.account)
        .bind(name)
        .bind(document.text())
        .bind(password.map(<[u8]>::to_vec))
        .bind(self.call.at.0)
        .execute(self.turn.connection())
        .await?;
        Ok(())
    }

    /// A user as this turn sees them.
    pub async fn user(&mut self, name: &str) -> Result<User, Error> {
        user(self.turn.connection(), &self.call.account, name).await
    }

    /// Gives a user another name; keys and policies go along. [`Error::Conflict`] where somebody has that name.
    pub async fn rename_user(&mut self, name: &str, to: &str) -> Result<(), Error> {
        self.about(&format!("user/{name}"));
        named(to)?;
        let made = sqlx::query(
            "INSERT INTO users (account, name, document, password, created_us) \
             SELECT account, $3, document, password, created_us FROM users WHERE account = $1 AND name = $2",
        )
        .bind(&self.call.account)
        .bind(name)
        .bind(to)
        .execute(self.turn.connection())
        .await?;
        found(made.rows_affected(), || format!("user {name}"))?;
        for sql in [
            "UPDATE access_keys SET user_name = $3 WHERE account = $1 AND user_name = $2",
            "UPDATE user_policies SET user_name = $3 WHERE account = $1 AND user_name = $2",
            "UPDATE attachments SET user_name = $3 WHERE account = $1 AND user_name = $2",
        ] {
            sqlx::query(sql)
                .bind(&self.call.account)
                .bind(name)
                .bind(to)
                .execute(self.turn.connection())
                .await?;
        }
        self.delete_user(name).await
    }

    /// Removes a user who has neither keys nor policies; else [`Error::Conflict`].
    pub async fn delete_user(&mut self, name: &str) -> Result<(), Error> {
        self.about(&format!("user/{name}"));
        let gone = sqlx::query("DELETE FROM users WHERE account = $1 AND name = $2")
            .bind(&self.call.account)
            .bind(name)
            .execute(self.turn.connection())
            .await?;
        found(gone.rows_affected(), || format!("user {name}"))
    }

    /// Gives a user a key. [`Error::Conflict`] at the third, or where the id is there already.
    pub async fn put_key(&mut self, id: &str, user: &str, secret: &[u8]) -> Result<(), Error> {
        self.about(&format!("key/{id}"));
        named(id)?;
        sealed("sealed secret", secret)?;
        let keys = keys_of(self.turn.connection(), &self.call.account, user).await?;
        if keys.len() as i64 >= AccessKey::MOST {
            return Err(Error::Conflict(format!("{user} has two access keys; delete one first")));
        }
        sqlx::query(
            "INSERT INTO access_keys (id, account, user_name, sealed, active, created_us, last_used_us) \
             VALUES ($1, $2, $3, $4, 1, $5, NULL)",
        )
        .bind(id)
        .bind(&self.call.account)
        .bind(user)
        .bind(secret.to_vec())
        .bind(self.call.at.0)
        .execute(self.turn.connection())
        .await?;
        Ok(())
    }

    /// A user's keys as this turn sees them, oldest first.
    pub async fn keys_of(&mut self, user: &str) -> Result<Vec<AccessKey>, Error> {
        keys_of(self.turn.connection(), &self.call.account, user).await
    }

    /// Lets a key sign, or not.
    pub async fn set_key_active(&mut self, id: &str, active: bool) -> Result<(), Error> {
        self.about(&format!("key/{id}"));
        let changed = sqlx::query("UPDATE access_keys SET active = $3 WHERE account = $1 AND id = $2")
            .bind(&self.call.account)
            .bind(id)
            .bind(i64::from(active))
            .execute(self.turn.connection())
            .await?;
        found(changed.rows_affected(), || format!("access key {id}"))
    }

    /// Removes a key.
    pub async fn delete_key(&mut self, id: &str) -> Result<(), Error> {
        self.about(&format!("key/{id}"));
        let gone = sqlx::query("DELETE FROM access_keys WHERE account = $1 AND id = $2")
            .bind(&self.call.account)
            .bind(id)
            .execute(self.turn.connection())
            .await?;
        found(gone.rows_affected(), || format!("access key {id}"))
    }
}

impl Store {
    /// One user.
    pub async fn user(&self, account: &str, name: &str) -> Result<User, Error> {
        user(&mut *self.readers.acquire().await?, account, name).await
    }

    /// All users of an account, by name.
    pub async fn users(&self, account: &str) -> Result<Vec<User>, Error> {
        let rows = sqlx::query(
            "SELECT account, name, document, password, created_us FROM users WHERE account = $1 ORDER BY name",
        )
        .bind(account)
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(User::of).collect()
    }

    /// The key a signature names, whosever it is.
    pub async fn key(&self, id: &str) -> Result<AccessKey, Error> {
        let sql = format!("SELECT {} FROM access_keys WHERE id = $1", AccessKey::COLUMNS);
        let row = sqlx::query(AssertSqlSafe(sql)).bind(id).fetch_optional(&self.readers).await?;
        row.map(|row| AccessKey::of(&row))
            .transpose()?
            .ok_or_else(|| Error::NotFound(format!("access key {id}")))
    }

    /// A user's keys, oldest first.
    pub async fn keys_of(&self, account: &str, user: &str) -> Result<Vec<AccessKey>, Error> {
        keys_of(&mut *self.readers.acquire().await?, account, user).await
    }

    /// Notes when keys last signed; gathered by the caller, who need not tell each request. Not audited.
    pub async fn keys_used(&self, used: &[(String, Use)]) -> Result<(), Error> {
        let mut turn = Turn::take(self).await?;
        for (id, Use { at, service, region }) in used {
            sqlx::query(
                "UPDATE access_keys SET last_used_us = $2, last_used_service = $3, last_used_region = $4 \
                 WHERE id = $1 AND (last_used_us IS NULL OR last_used_us < $2)",
            )
            .bind(id)
            .bind(at.0)
            .bind(service)
            .bind(region)
            .execute(turn.connection())
            .await?;
        }
        turn.commit(0).await
    }
}

async fn user(connection: &mut AnyConnection, account: &str, name: &str) -> Result<User, Error> {
    let row = sqlx::query(
        "SELECT account, name, document, password, created_us FROM users WHERE account = $1 AND name = $2",
    )
    .bind(account)
    .bind(name)
    .fetch_optional(connection)
    .await?;
    row.map(|row| User::of(&row)).transpose()?.ok_or_else(|| Error::NotFound(format!("user {name}")))
}

async fn keys_of(connection: &mut AnyConnection, account: &str, user: &str) -> Result<Vec<AccessKey>, Error> {
    let sql = format!(
        "SELECT {} FROM access_keys WHERE account = $1 AND user_name = $2 ORDER BY created_us, id",
        AccessKey::COLUMNS
    );
    let rows = sqlx::query(AssertSqlSafe(sql)).bind(account).bind(user).fetch_all(connection).await?;
    rows.iter().map(AccessKey::of).collect()
}

impl User {
    fn of(row: &AnyRow) -> Result<Self, Error> {
        Ok(Self {
            account: row.try_get("account")?,
            name: row.try_get("name")?,
            document: Document::stored(row.try_get("document")?),
            password: row.try_get("password")?,
            created: Utc(row.try_get("created_us")?),
        })
    }
}

impl AccessKey {
    /// The columns [`AccessKey::of`] reads.
    const COLUMNS: &'static str = "id, account, user_name, sealed, active, created_us, last_used_us, last_used_service, \
         last_used_region";

    fn of(row: &AnyRow) -> Result<Self, Error> {
        let word = |column: &str| row.try_get::<Option<String>, _>(column).map(Option::unwrap_or_default);
        let last_used = match row.try_get::<Option<i64>, _>("last_used_us")? {
            None => None,
            Some(at) => {
                let (service, region) = (word("last_used_service")?, word("last_used_region")?);
                Some(Use { at: Utc(at), service, region })
            }
        };
        Ok(Self {
            id: row.try_get("id")?,
            account: row.try_get("account")?,
            user: row.try_get("user_name")?,
            sealed: row.try_get("sealed")?,
            active: row.try_get::<i64, _>("active")? != 0,
            created: Utc(row.try_get("created_us")?),
            last_used,
        })
    }
}

/// Neither the hash nor the sealed secret is shown, in logs least of all.
impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User")
            .field("account", &self.account)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessKey")
            .field("id", &self.id)
            .field("active", &self.active)
            .finish_non_exhaustive()
    }
}

/// A name of a user, key, policy or secret: 1 to 512 bytes.
pub(crate) fn named(name: &str) -> Result<(), Error> {
    if name.is_empty() {
        return Err(Error::Malformed { what: "name", why: "1 to 512 bytes" });
    }
    bounded("name", name, 512)
}

pub(crate) fn sealed(what: &'static str, bytes: &[u8]) -> Result<(), Error> {
    match bytes.len() {
        bytes if bytes > AccessKey::MAX_SEALED => {
            Err(Error::TooLong { what, bytes, most: AccessKey::MAX_SEALED })
        }
        _ => Ok(()),
    }
}

pub(crate) fn found(rows: u64, what: impl FnOnce() -> String) -> Result<(), Error> {
    if rows == 0 { Err(Error::NotFound(what())) } else { Ok(()) }
}
