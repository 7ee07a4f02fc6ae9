//! Idempotency: a call that comes twice is done once.

use sqlx::Row;

use crate::document::Document;
use crate::error::Error;
use crate::resource::bounded;
use crate::write::Write;

/// A client's token for one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// What the client sent (`requestId`, `ClientToken`), 1 to 512 bytes.
    pub token: String,
    /// A digest of the call's parameters: another one with the same token is refused.
    pub fingerprint: String,
}

impl Token {
    /// How long a token is remembered.
    pub const KEPT_US: i64 = 86_400_000_000;
}

impl Write {
    /// The answer given when this token first came, in this account and for this action; `None` where it has not, or that
    /// was more than a day ago. [`Error::TokenReused`] where the parameters were others.
    pub async fn replay(&mut self, token: &Token) -> Result<Option<Document>, Error> {
        let row = sqlx::query(
            "SELECT fingerprint, answer FROM tokens WHERE account = $1 AND action = $2 AND token = $3 AND expires_us > $4",
        )
        .bind(&self.call.account)
        .bind(&self.call.action)
        .bind(&token.token)
        .bind(self.call.at.0)
        .fetch_optional(self.turn.connection())
        .await?;
        let Some(row) = row else { return Ok(None) };
        if row.try_get::<String, _>("fingerprint")? != token.fingerprint {
            return Err(Error::TokenReused(token.token.clone()));
        }
        Ok(Some(Document::stored(row.try_get("answer")?)))
    }

    /// Keeps the answer for whoever sends the token again.
    pub async fn remember(&mut self, token: &Token, answer: &Document) -> Result<(), Error> {
        bounded("client token", &token.token, 512)?;
        sqlx::query(
            "INSERT INTO tokens (account, action, token, fingerprint, answer, expires_us) VALUES ($1, $2, $3, $4, $5, $6) \
             ON CONFLICT (account, action, token) DO UPDATE SET fingerprint = excluded.fingerprint, \
             answer = excluded.answer, expires_us = excluded.expires_us",
        )
        .bind(&self.call.account)
        .bind(&self.call.action)
        .bind(&token.token)
        .bind(&token.fingerprint)
        .bind(answer.text())
        .bind(self.call.at.0 + Token::KEPT_US)
        .execute(self.turn.connection())
        .await?;
        Ok(())
    }
}
