//! Reading resources.

use media::Utc;
use sqlx::{AnyConnection, AssertSqlSafe, Row};

use crate::database::Store;
use crate::error::Error;
use crate::resource::{Key, Resource};

/// Changed resources that are read one by one; more are read with all others, which costs less.
const FEW: i64 = 100;

/// Some of a list, and where the rest begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// In the order of the list.
    pub items: Vec<T>,
    /// Give this to get the next ones; `None` after the last. Whatever is made or deleted meanwhile, what stays is listed once.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// Largest page.
    pub const MAX: u32 = 1_000;

    /// A page of `limit` from what one more than `limit` brought; `id` says where an item is.
    pub(crate) fn cut(mut items: Vec<T>, limit: i64, id: impl Fn(&T) -> String) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(id);
        Self { items, next }
    }

    /// `limit` within its bounds, as the database counts.
    pub(crate) fn limit(limit: u32) -> i64 {
        i64::from(limit.clamp(1, Self::MAX))
    }
}

impl Store {
    /// One resource, also its tombstone; [`Error::NotFound`] where there is neither, or the tombstone has had its time.
    pub async fn resource(&self, key: &Key, now: Utc) -> Result<Resource, Error> {
        let mut connection = self.readers.acquire().await?;
        let found = find(&mut connection, key).await?;
        found.filter(|resource| shown(resource, now)).ok_or_else(|| Error::NotFound(key.to_string()))
    }

    /// The resource an ARN names, or its tombstone.
    pub async fn by_arn(&self, arn: &str, now: Utc) -> Result<Resource, Error> {
        let sql = format!("SELECT {} FROM resources WHERE arn = $1", Resource::COLUMNS);
        let mut connection = self.readers.acquire().await?;
        let row = sqlx::query(AssertSqlSafe(sql)).bind(arn).fetch_optional(&mut *connection).await?;
        let found = row.map(|row| Resource::of(&row)).transpose()?;
        found
            .filter(|resource| shown(resource, now))
            .ok_or_else(|| Error::NotFound(format!("resource {arn}")))
    }

    /// Resources of a kind in an account and region, by id, without tombstones; `after` is the `next` of the page before.
    pub async fn list(
        &self,
        kind: &str,
        account: &str,
        region: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Page<Resource>, Error> {
        let limit = Page::<Resource>::limit(limit);
        let sql = format!(
            "SELECT {} FROM resources WHERE kind = $1 AND account = $2 AND region = $3 AND id > $4 AND deleted_us IS NULL \
             ORDER BY id LIMIT $5",
            Resource::COLUMNS
        );
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(kind)
            .bind(account)
            .bind(region)
            .bind(after.unwrap_or_default())
            .bind(limit + 1)
            .fetch_all(&self.readers)
            .await?;
        let items = rows.iter().map(Resource::of).collect::<Result<_, _>>()?;
        Ok(Page::cut(items, limit, |resource| resource.key.id.clone()))
    }

    /// Every resource and tombstone of every kind, account and region, at one moment: what a planner looks at. With it the
    /// revision of that moment, from which [`Store::changes`] goes on.
    pub async fn every(&self) -> Result<(i64, Vec<Resource>), Error> {
        let mut snapshot = Snapshot::begin(self).await?;
        let revision = revision(&mut snapshot.0).await?;
        let resources = every(&mut snapshot.0).await?;
        snapshot.end().await?;
        Ok((revision, resources))
    }

    /// The same, given what it was at revision `since`: where little has changed, only that is read.
    pub async fn every_since(
        &self,
        since: i64,
        mut known: Vec<Resource>,
    ) -> Result<(i64, Vec<Resource>), Error> {
        let mut snapshot = Snapshot::begin(self).await?;
        let revision = revision(&mut snapshot.0).await?;
        match changed(&mut snapshot.0, since).await? {
            None => known = every(&mut snapshot.0).await?,
            Some(keys) => {
                for key in keys {
                    let at = known.binary_search_by(|resource| resource.key.cmp(&key));
                    match (at, find(&mut snapshot.0, &key).await?) {
                        (Ok(at), Some(now)) => known[at] = now,
                        (Ok(at), None) => drop(known.remove(at)),
                        (Err(at), Some(now)) => known.insert(at, now),
                        (Err(_), None) => {}
                    }
                }
            }
        }
        snapshot.end().await?;
        Ok((revision, known))
    }

    /// The newest revision.
    pub async fn revision(&self) -> Result<i64, Error> {
        revision(&mut *self.readers.acquire().await?).await
    }
}

/// Reads that all see the same moment.
pub(crate) struct Snapshot(pub(crate) sqlx::pool::PoolConnection<sqlx::Any>);

impl Snapshot {
    pub(crate) async fn begin(store: &Store) -> Result<Self, Error> {
        let mut connection = store.readers.acquire().await?;
        // Whoever gives up in the middle leaves a connection that is not used again.
        connection.close_on_drop();
        sqlx::raw_sql(store.engine.begin_snapshot()).execute(&mut *connection).await?;
        Ok(Self(connection))
    }

    pub(crate) async fn end(mut self) -> Result<(), Error> {
        sqlx::raw_sql("COMMIT").execute(&mut *self.0).await?;
        Ok(())
    }
}

pub(crate) async fn revision(connection: &mut AnyConnection) -> Result<i64, Error> {
    let row = sqlx::query("SELECT value FROM numbers WHERE name = 'revision'").fetch_one(connection).await?;
    Ok(row.try_get(0)?)
}

async fn every(connection: &mut AnyConnection) -> Result<Vec<Resource>, Error> {
    let sql = format!("SELECT {} FROM resources ORDER BY kind, account, region, id", Resource::COLUMNS);
    let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(connection).await?;
    rows.iter().map(Resource::of).collect()
}

/// What has changed since a revision; `None` where that is much, or not known any more.
async fn changed(connection: &mut AnyConnection, since: i64) -> Result<Option<Vec<Key>>, Error> {
    let row = sqlx::query("SELECT value FROM numbers WHERE name = 'changes_forgotten'")
        .fetch_one(&mut *connection)
        .await?;
    if since < row.try_get::<i64, _>(0)? {
        return Ok(None);
    }
    let rows =
        sqlx::query("SELECT DISTINCT kind, account, region, id FROM changes WHERE revision > $1 LIMIT $2")
            .bind(since)
            .bind(FEW + 1)
            .fetch_all(connection)
            .await?;
    match i64::try_from(rows.len()) {
        Ok(count) if count <= FEW => rows.iter().map(Key::of).collect::<Result<_, _>>().map(Some),
        _ => Ok(None),
    }
}

/// The row of `key`, whatever its state.
pub(crate) async fn find(connection: &mut AnyConnection, key: &Key) -> Result<Option<Resource>, Error> {
    let sql = format!(
        "SELECT {} FROM resources WHERE kind = $1 AND account = $2 AND region = $3 AND id = $4",
        Resource::COLUMNS
    );
    let row = sqlx::query(AssertSqlSafe(sql))
        .bind(&key.kind)
        .bind(&key.account)
        .bind(&key.region)
        .bind(&key.id)
        .fetch_optional(connection)
        .await?;
    row.map(|row| Resource::of(&row)).transpose()
}

fn shown(resource: &Resource, now: Utc) -> bool {
    resource.deleted.is_none_or(|(_, until)| now < until)
}
