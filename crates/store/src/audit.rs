//! Who asked for what, and what became of it.

use std::fmt::Write as _;

use media::Utc;
use sha2::{Digest, Sha256};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use crate::changes::next_revision;
use crate::database::Store;
use crate::error::Error;
use crate::read::Page;
use crate::resource::bounded;

/// A mutating call: who, when, what. Nothing here may be a secret: it is written down as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The account it is made in.
    pub account: String,
    /// Who: the caller's ARN, or `file` for the workflow file.
    pub who: String,
    /// From where: an address, or nothing.
    pub source: String,
    /// What: `medialive:CreateChannel`.
    pub action: String,
    /// The number its answer carries.
    pub request_id: String,
    /// When.
    pub at: Utc,
}

impl Call {
    /// Longest text in a line, in bytes.
    pub const MAX_TEXT: usize = 2_048;
}

/// A line of the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditLine {
    /// Its number; later lines have higher ones.
    pub revision: i64,
    /// The call.
    pub call: Call,
    /// What it was about, as far as the call came: an ARN, or nothing.
    pub subject: String,
    /// `ok`, or [`Error::code`].
    pub outcome: String,
    chain: String,
}

/// Where the audit log is not as it was written.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the audit log was changed at or before line {revision}")]
pub struct Broken {
    /// The first line that does not follow from the one before.
    pub revision: i64,
}

impl AuditLine {
    /// Each line's chain is the SHA-256 of the chain before it and its own fields: no line can be changed, put in or taken out
    /// of the middle without all later ones being written anew.
    fn chained(&self, before: &str) -> String {
        let Call { account, who, source, action, request_id, at } = &self.call;
        let mut hash = Sha256::new();
        for field in [before, account, who, source, action, request_id, &self.subject, &self.outcome] {
            hash.update((field.len() as u64).to_be_bytes());
            hash.update(field);
        }
        hash.update(self.revision.to_be_bytes());
        hash.update(at.0.to_be_bytes());
        hash.finalize().iter().fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").expect("a string takes all");
            text
        })
    }

    fn of(row: &AnyRow) -> Result<Self, Error> {
        Ok(Self {
            revision: row.try_get("revision")?,
            call: Call {
                account: row.try_get("account")?,
                who: row.try_get("who")?,
                source: row.try_get("source")?,
                action: row.try_get("action")?,
                request_id: row.try_get("request_id")?,
                at: Utc(row.try_get("at_us")?),
            },
            subject: row.try_get("subject")?,
            outcome: row.try_get("outcome")?,
            chain: row.try_get("chain")?,
        })
    }
}

impl Store {
    /// Audit lines after `since`, oldest first, at most `limit` (up to 1,000).
    pub async fn audit(&self, since: i64, limit: u32) -> Result<Vec<AuditLine>, Error> {
        let rows = sqlx::query(
            "SELECT revision, at_us, account, who, source, action, request_id, subject, outcome, chain FROM audit \
             WHERE revision > $1 ORDER BY revision LIMIT $2",
        )
        .bind(since)
        .bind(Page::<AuditLine>::limit(limit))
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(AuditLine::of).collect()
    }

    /// Reads the whole log and looks that each line follows from the one before; the oldest kept line is believed.
    /// Gives how many lines there are.
    pub async fn verify_audit(&self) -> Result<Result<u64, Broken>, Error> {
        let (mut lines, mut since, mut before) = (0, 0, None::<String>);
        loop {
            let page = self.audit(since, Page::<AuditLine>::MAX).await?;
            let Some(last) = page.last() else { return Ok(Ok(lines)) };
            since = last.revision;
            for line in page {
                if before.is_some_and(|before| line.chained(&before) != line.chain) {
                    return Ok(Err(Broken { revision: line.revision }));
                }
                before = Some(line.chain);
                lines += 1;
            }
        }
    }
}

/// Writes `call`'s line; gives its revision. The caller holds the writers' lock.
pub(crate) async fn record(
    connection: &mut AnyConnection,
    call: &Call,
    subject: &str,
    outcome: &str,
) -> Result<i64, Error> {
    let last = sqlx::query("SELECT chain FROM audit ORDER BY revision DESC LIMIT 1")
        .fetch_optional(&mut *connection)
        .await?;
    let before: String = last.map(|row| row.try_get(0)).transpose()?.unwrap_or_default();
    let revision = next_revision(connection).await?;
    let mut line = AuditLine {
        revision,
        call: call.clone(),
        subject: subject.to_owned(),
        outcome: outcome.to_owned(),
        chain: String::new(),
    };
    line.chain = line.chained(&before);
    sqlx::query(
        "INSERT INTO audit (revision, at_us, account, who, source, action, request_id, subject, outcome, chain) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(revision)
    .bind(call.at.0)
    .bind(&call.account)
    .bind(&call.who)
    .bind(&call.source)
    .bind(&call.action)
    .bind(&call.request_id)
    .bind(subject)
    .bind(outcome)
    .bind(&line.chain)
    .execute(connection)
    .await?;
    Ok(revision)
}

pub(crate) fn check(call: &Call) -> Result<(), Error> {
    let Call { account, who, source, action, request_id, at: _ } = call;
    for (what, text) in [
        ("account", account),
        ("caller", who),
        ("source", source),
        ("action", action),
        ("request id", request_id),
    ] {
        bounded(what, text, Call::MAX_TEXT)?;
    }
    Ok(())
}
