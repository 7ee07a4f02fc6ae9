//! Policies, and who has which.

use media::Utc;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use crate::database::Store;
use crate::document::Document;
use crate::error::Error;
use crate::identity::{found, named};
use crate::read::Snapshot;
use crate::write::Write;

/// What is allowed and denied, as a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Unique in the account.
    pub name: String,
    /// Statements, as the caller writes them.
    pub document: Document,
    /// What the caller keeps of it beside them.
    pub about: Document,
    /// Since when.
    pub created: Utc,
}

impl Write {
    /// Makes a policy, or changes what is kept of one.
    pub async fn put_policy(
        &mut self,
        name: &str,
        document: &Document,
        about: &Document,
    ) -> Result<(), Error> {
        self.about(&format!("policy/{name}"));
        named(name)?;
        sqlx::query(
            "INSERT INTO policies (account, name, document, about, created_us) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (account, name) DO UPDATE SET document = excluded.document, about = excluded.about",
        )
        .bind(&self.call.account)
        .bind(name)
        .bind(document.text())
        .bind(about.text())
        .bind(self.call.at.0)
        .execute(self.turn.connection())
        .await?;
        Ok(())
    }

    /// A policy as this turn sees it.
    pub async fn policy(&mut self, name: &str) -> Result<Policy, Error> {
        policy(self.turn.connection(), &self.call.account, name).await
    }

    /// How many policies the account has.
    pub async fn policy_count(&mut self) -> Result<i64, Error> {
        let row = sqlx::query("SELECT COUNT(*) FROM policies WHERE account = $1")
            .bind(&self.call.account)
            .fetch_one(self.turn.connection())
            .await?;
        Ok(row.try_get(0)?)
    }

    /// Removes a policy nobody has; else [`Error::Conflict`].
    pub async fn delete_policy(&mut self, name: &str) -> Result<(), Error> {
        self.about(&format!("policy/{name}"));
        let gone = sqlx::query("DELETE FROM policies WHERE account = $1 AND name = $2")
            .bind(&self.call.account)
            .bind(name)
            .execute(self.turn.connection())
            .await?;
        found(gone.rows_affected(), || format!("policy {name}"))
    }

    /// Gives a user a policy; one they have already stays.
    pub async fn attach(&mut self, user: &str, policy: &str) -> Result<(), Error> {
        self.about(&format!("user/{user} policy/{policy}"));
        sqlx::query(
            "INSERT INTO attachments (account, user_name, policy_name) VALUES ($1, $2, $3) \
             ON CONFLICT (account, user_name, policy_name) DO NOTHING",
        )
        .bind(&self.call.account)
        .bind(user)
        .bind(policy)
        .execute(self.turn.connection())
        .await?;
        Ok(())
    }

    /// Takes a policy from a user.
    pub async fn detach(&mut self, user: &str, policy: &str) -> Result<(), Error> {
        self.about(&format!("user/{user} policy/{policy}"));
        let gone =
            sqlx::query("DELETE FROM attachments WHERE account = $1 AND user_name = $2 AND policy_name = $3")
                .bind(&self.call.account)
                .bind(user)
                .bind(policy)
                .execute(self.turn.connection())
                .await?;
        found(gone.rows_affected(), || format!("policy {policy} of user {user}"))
    }

    /// The policies that were given to a user ([`Write::attach`]) as this turn sees them, by name.
    pub async fn attached(&mut self, user: &str) -> Result<Vec<Policy>, Error> {
        attached(self.turn.connection(), &self.call.account, user).await
    }

    /// Gives a user a policy of their own, or changes its document.
    pub async fn put_user_policy(
        &mut self,
        user: &str,
        name: &str,
        document: &Document,
    ) -> Result<(), Error> {
        self.about(&format!("user/{user} policy/{name}"));
        named(name)?;
        sqlx::query(
            "INSERT INTO user_policies (account, user_name, name, document, created_us) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (account, user_name, name) DO UPDATE SET document = excluded.document",
        )
        .bind(&self.call.account)
        .bind(user)
        .bind(name)
        .bind(document.text())
        .bind(self.call.at.0)
        .execute(self.turn.connection())
        .await?;
        Ok(())
    }

    /// Takes a user's own policy away.
    pub async fn delete_user_policy(&mut self, user: &str, name: &str) -> Result<(), Error> {
        self.about(&format!("user/{user} policy/{name}"));
        let gone =
            sqlx::query("DELETE FROM user_policies WHERE account = $1 AND user_name = $2 AND name = $3")
                .bind(&self.call.account)
                .bind(user)
                .bind(name)
                .execute(self.turn.connection())
                .await?;
        found(gone.rows_affected(), || format!("policy {name} of user {user}"))
    }

    /// A user's own policies as this turn sees them, by name.
    pub async fn user_policies(&mut self, user: &str) -> Result<Vec<Policy>, Error> {
        user_policies(self.turn.connection(), &self.call.account, user).await
    }
}

impl Store {
    /// All policies of an account, by name, but for those that are a user's own.
    pub async fn policies(&self, account: &str) -> Result<Vec<Policy>, Error> {
        let rows = sqlx::query(
            "SELECT name, document, about, created_us FROM policies WHERE account = $1 ORDER BY name",
        )
        .bind(account)
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(Policy::of).collect()
    }

    /// One of them.
    pub async fn policy(&self, account: &str, name: &str) -> Result<Policy, Error> {
        policy(&mut *self.readers.acquire().await?, account, name).await
    }

    /// Who was given which: users and policies by name, in the order of the policies.
    pub async fn attachments(&self, account: &str) -> Result<Vec<(String, String)>, Error> {
        let rows = sqlx::query(
            "SELECT user_name, policy_name FROM attachments WHERE account = $1 ORDER BY policy_name, user_name",
        )
        .bind(account)
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
    }

    /// The policies that were given to a user, by name.
    pub async fn attached(&self, account: &str, user: &str) -> Result<Vec<Policy>, Error> {
        attached(&mut *self.readers.acquire().await?, account, user).await
    }

    /// A user's own policies, by name.
    pub async fn user_policies(&self, account: &str, user: &str) -> Result<Vec<Policy>, Error> {
        user_policies(&mut *self.readers.acquire().await?, account, user).await
    }

    /// All that holds for a user: the policies that were given to them, and their own.
    pub async fn policies_of(&self, account: &str, user: &str) -> Result<Vec<Policy>, Error> {
        let mut snapshot = Snapshot::begin(self).await?;
        let mut all = attached(&mut snapshot.0, account, user).await?;
        all.extend(user_policies(&mut snapshot.0, account, user).await?);
        snapshot.end().await?;
        Ok(all)
    }
}

async fn policy(connection: &mut AnyConnection, account: &str, name: &str) -> Result<Policy, Error> {
    let row = sqlx::query(
        "SELECT name, document, about, created_us FROM policies WHERE account = $1 AND name = $2",
    )
    .bind(account)
    .bind(name)
    .fetch_optional(connection)
    .await?;
    row.map(|row| Policy::of(&row)).transpose()?.ok_or_else(|| Error::NotFound(format!("policy {name}")))
}

async fn attached(connection: &mut AnyConnection, account: &str, user: &str) -> Result<Vec<Policy>, Error> {
    let rows = sqlx::query(
        "SELECT p.name, p.document, p.about, p.created_us FROM policies p JOIN attachments a \
         ON a.account = p.account AND a.policy_name = p.name \
         WHERE a.account = $1 AND a.user_name = $2 ORDER BY p.name",
    )
    .bind(account)
    .bind(user)
    .fetch_all(connection)
    .await?;
    rows.iter().map(Policy::of).collect()
}

async fn user_policies(
    connection: &mut AnyConnection,
    account: &str,
    user: &str,
) -> Result<Vec<Policy>, Error> {
    let rows = sqlx::query(
        "SELECT name, document, '{}' AS about, created_us FROM user_policies \
         WHERE account = $1 AND user_name = $2 ORDER BY name",
    )
    .bind(account)
    .bind(user)
    .fetch_all(connection)
    .await?;
    rows.iter().map(Policy::of).collect()
}

impl Policy {
    fn of(row: &AnyRow) -> Result<Self, Error> {
        Ok(Self {
            name: row.try_get("name")?,
            document: Document::stored(row.try_get("document")?),
            about: Document::stored(row.try_get("about")?),
            created: Utc(row.try_get("created_us")?),
        })
    }
}
