//! Secrets of resources (passphrases, passwords of pulls), sealed by the caller.

use sqlx::Row;

use crate::database::Store;
use crate::error::Error;
use crate::identity::{found, sealed};
use crate::resource::Key;
use crate::write::Write;

impl Write {
    /// Keeps a sealed secret under a name of the call's account and `region`, in place of the one before.
    pub async fn put_secret(&mut self, region: &str, name: &str, secret: &[u8]) -> Result<(), Error> {
        self.about(&format!("secret/{name}"));
        // Region and name are bounded as those of a resource are.
        Key::new("secret", &self.call.account, region, name)?;
        sealed("sealed secret", secret)?;
        sqlx::query(
            "INSERT INTO secrets (account, region, name, sealed, updated_us) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (account, region, name) DO UPDATE SET sealed = excluded.sealed, updated_us = excluded.updated_us",
        )
        .bind(&self.call.account)
        .bind(region)
        .bind(name)
        .bind(secret.to_vec())
        .bind(self.call.at.0)
        .execute(self.turn.connection())
        .await?;
        Ok(())
    }

    /// Removes one.
    pub async fn delete_secret(&mut self, region: &str, name: &str) -> Result<(), Error> {
        self.about(&format!("secret/{name}"));
        let gone = sqlx::query("DELETE FROM secrets WHERE account = $1 AND region = $2 AND name = $3")
            .bind(&self.call.account)
            .bind(region)
            .bind(name)
            .execute(self.turn.connection())
            .await?;
        found(gone.rows_affected(), || format!("secret {name}"))
    }
}

impl Store {
    /// A sealed secret.
    pub async fn secret(&self, account: &str, region: &str, name: &str) -> Result<Vec<u8>, Error> {
        let row = sqlx::query("SELECT sealed FROM secrets WHERE account = $1 AND region = $2 AND name = $3")
            .bind(account)
            .bind(region)
            .bind(name)
            .fetch_optional(&self.readers)
            .await?;
        match row {
            Some(row) => Ok(row.try_get(0)?),
            None => Err(Error::NotFound(format!("secret {name}"))),
        }
    }
}
