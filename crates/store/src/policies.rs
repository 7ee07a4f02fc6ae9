//! Policies, and who has which.

use media::Utc;
use sqlx::Row;
use sqlx::any::AnyRow;

use crate::database::Store;
use crate::document::Document;
use crate::error::Error;
use crate::identity::{found, named};
use crate::write::Write;

/// What is allowed and denied, as a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Unique in the account.
    pub name: String,
    /// Statements, as the caller writes them.
    pub document: Document,
    /// Since when.
    pub created: Utc,
}

impl Write {
    /// Makes a policy, or changes the document of one.
    pub async fn put_policy(&mut self, name: &str, document: &Document) -> Result<(), Error> {
        self.about(&format!("policy/{name}"));
        named(name)?;
        sqlx::query(
            "INSERT INTO policies (account, name, document, created_us) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (account, name) DO UPDATE SET document = excluded.document",
        )
        .bind(&self.call.account)
        .bind(name)
        .bind(document.text())
        .bind(self.call.at.0)
        .execute(self.turn.connection())
        .await?;
        Ok(())
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
}

impl Store {
    /// All policies of an account, by name.
    pub async fn policies(&self, account: &str) -> Result<Vec<Policy>, Error> {
        let rows =
            sqlx::query("SELECT name, document, created_us FROM policies WHERE account = $1 ORDER BY name")
                .bind(account)
                .fetch_all(&self.readers)
                .await?;
        rows.iter().map(Policy::of).collect()
    }

    /// The policies a user has, by name.
    pub async fn policies_of(&self, account: &str, user: &str) -> Result<Vec<Policy>, Error> {
        let rows = sqlx::query(
            "SELECT p.name, p.document, p.created_us FROM policies p JOIN attachments a \
             ON a.account = p.account AND a.policy_name = p.name \
             WHERE a.account = $1 AND a.user_name = $2 ORDER BY p.name",
        )
        .bind(account)
        .bind(user)
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(Policy::of).collect()
    }
}

impl Policy {
    fn of(row: &AnyRow) -> Result<Self, Error> {
        Ok(Self {
            name: row.try_get("name")?,
            document: Document::stored(row.try_get("document")?),
            created: Utc(row.try_get("created_us")?),
        })
    }
}
