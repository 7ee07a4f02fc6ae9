//! Numbered changes of the tables, forward only.

use sqlx::{AnyConnection, AssertSqlSafe, Row};

use crate::database::Engine;
use crate::error::Error;

/// All of them; the number is the place in this list, from 1. What is released here never changes.
const MIGRATIONS: [&str; 4] = [
    include_str!("../migrations/0001_resources.sql"),
    include_str!("../migrations/0002_identity.sql"),
    include_str!("../migrations/0003_messages.sql"),
    include_str!("../migrations/0004_iam.sql"),
];

/// The version this program's tables have.
pub(crate) const NEWEST: i64 = MIGRATIONS.len() as i64;

/// Brings the tables to [`NEWEST`], each step in a transaction of its own with its number. Two that start at once take turns.
pub(crate) async fn migrate(connection: &mut AnyConnection, engine: Engine) -> Result<(), Error> {
    loop {
        begin(connection, engine).await?;
        let version = version(connection).await?;
        if version > NEWEST {
            sqlx::raw_sql("ROLLBACK").execute(&mut *connection).await?;
            return Err(Error::Newer { found: version, known: NEWEST });
        }
        let Some(step) = MIGRATIONS.get(usize::try_from(version).unwrap_or(usize::MAX)) else {
            sqlx::raw_sql("COMMIT").execute(&mut *connection).await?;
            return Ok(());
        };
        sqlx::raw_sql(AssertSqlSafe(engine.spell(step))).execute(&mut *connection).await?;
        sqlx::query("UPDATE schema_version SET version = $1")
            .bind(version + 1)
            .execute(&mut *connection)
            .await?;
        sqlx::raw_sql("COMMIT").execute(&mut *connection).await?;
        tracing::info!(version = version + 1, "the store's tables were brought up to date");
    }
}

async fn begin(connection: &mut AnyConnection, engine: Engine) -> Result<(), Error> {
    for step in engine.begin_migration() {
        sqlx::raw_sql(*step).execute(&mut *connection).await?;
    }
    sqlx::raw_sql("CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)")
        .execute(&mut *connection)
        .await?;
    Ok(())
}

/// 0 in an empty database.
async fn version(connection: &mut AnyConnection) -> Result<i64, Error> {
    if let Some(row) =
        sqlx::query("SELECT version FROM schema_version").fetch_optional(&mut *connection).await?
    {
        return Ok(row.try_get(0)?);
    }
    sqlx::query("INSERT INTO schema_version (version) VALUES (0)").execute(&mut *connection).await?;
    Ok(0)
}
