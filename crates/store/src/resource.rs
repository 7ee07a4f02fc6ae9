//! A resource, and what may be in it.

use std::collections::BTreeMap;
use std::fmt;

use media::Utc;
use serde::{Deserialize, Serialize};
use sqlx::Row;
use sqlx::any::AnyRow;

use crate::document::Document;
use crate::error::Error;

/// Labels of a resource: at most [`Resource::MAX_TAGS`].
pub type Tags = BTreeMap<String, String>;

/// Which resource: its kind, and its id in an account and region. Resources without a region have `global`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Key {
    pub(crate) kind: String,
    pub(crate) account: String,
    pub(crate) region: String,
    pub(crate) id: String,
}

impl Key {
    /// Longest kind, account or region, in bytes.
    pub const MAX_WORD: usize = 64;
    /// Longest id, in bytes: an ARN fits.
    pub const MAX_ID: usize = 512;

    /// A key. Kind, account and region are of `a-z A-Z 0-9 - _ .`, the id has no control characters.
    pub fn new(kind: &str, account: &str, region: &str, id: &str) -> Result<Self, Error> {
        for (what, word) in [("kind", kind), ("account", account), ("region", region)] {
            bounded(what, word, Self::MAX_WORD)?;
            if word.is_empty()
                || !word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
            {
                return Err(Error::Malformed { what, why: "1 to 64 of a-z A-Z 0-9 - _ ." });
            }
        }
        bounded("id", id, Self::MAX_ID)?;
        if id.is_empty() || id.chars().any(char::is_control) {
            return Err(Error::Malformed { what: "id", why: "1 to 512 bytes without control characters" });
        }
        Ok(Self { kind: kind.into(), account: account.into(), region: region.into(), id: id.into() })
    }

    /// What it is: `channel`, `input`, …
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// Whose.
    pub fn account(&self) -> &str {
        &self.account
    }

    /// Where.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Its id there.
    pub fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn of(row: &AnyRow) -> Result<Self, Error> {
        Ok(Self {
            kind: row.try_get("kind")?,
            account: row.try_get("account")?,
            region: row.try_get("region")?,
            id: row.try_get("id")?,
        })
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} of {} in {}", self.kind, self.id, self.account, self.region)
    }
}

/// Which door a resource belongs to: the file removes only what it made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Owner {
    /// The workflow file.
    File,
    /// Any API.
    Api,
}

impl Owner {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Api => "api",
        }
    }
}

/// One resource as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resource {
    /// Which.
    pub key: Key,
    /// Its name for the world; no two resources have the same.
    pub arn: String,
    /// Its name for people.
    pub name: String,
    /// Whose door.
    pub owner: Owner,
    /// 1 when it is made; rises with each change of `desired`, also over its tombstone.
    pub generation: i64,
    /// What is wanted.
    pub desired: Document,
    /// What was last reported, where anything was.
    pub observed: Option<Document>,
    /// The generation that report is about; 0 before the first.
    pub observed_generation: i64,
    /// Its labels; they do not raise the generation.
    pub tags: Tags,
    /// When it was made.
    pub created: Utc,
    /// When desired, tags or deletion last changed.
    pub updated: Utc,
    /// When it was deleted, and until when it is shown as a tombstone.
    pub deleted: Option<(Utc, Utc)>,
}

impl Resource {
    /// Most tags of a resource, as AWS has it.
    pub const MAX_TAGS: usize = 50;
    /// Longest tag key, in bytes.
    pub const MAX_TAG_KEY: usize = 512;
    /// Longest tag value, in bytes.
    pub const MAX_TAG_VALUE: usize = 1024;

    /// The columns [`Resource::of`] reads.
    pub(crate) const COLUMNS: &'static str = "kind, account, region, id, arn, name, owner, generation, desired, observed, \
         observed_generation, tags, created_us, updated_us, deleted_us, forget_us";

    pub(crate) fn of(row: &AnyRow) -> Result<Self, Error> {
        let key = Key::of(row)?;
        let damaged = |field: &str| Error::Damaged(format!("{key} has an unreadable {field}"));
        let owner: String = row.try_get("owner")?;
        let tags: String = row.try_get("tags")?;
        let deleted: Option<i64> = row.try_get("deleted_us")?;
        let forget: Option<i64> = row.try_get("forget_us")?;
        Ok(Self {
            arn: row.try_get("arn")?,
            name: row.try_get("name")?,
            owner: match owner.as_str() {
                "file" => Owner::File,
                "api" => Owner::Api,
                _ => return Err(damaged("owner")),
            },
            generation: row.try_get("generation")?,
            desired: Document::stored(row.try_get("desired")?),
            observed: row.try_get::<Option<String>, _>("observed")?.map(Document::stored),
            observed_generation: row.try_get("observed_generation")?,
            tags: serde_json::from_str(&tags).map_err(|_| damaged("list of tags"))?,
            created: Utc(row.try_get("created_us")?),
            updated: Utc(row.try_get("updated_us")?),
            deleted: deleted.zip(forget).map(|(at, until)| (Utc(at), Utc(until))),
            key,
        })
    }
}

/// A resource to be made.
#[derive(Clone, Debug)]
pub struct New {
    /// Which.
    pub key: Key,
    /// Its name for the world, 1 to 1,024 bytes.
    pub arn: String,
    /// Its name for people, up to 512 bytes.
    pub name: String,
    /// Whose door.
    pub owner: Owner,
    /// What is wanted.
    pub desired: Document,
    /// Its labels.
    pub tags: Tags,
}

impl New {
    pub(crate) fn check(&self) -> Result<(), Error> {
        bounded("ARN", &self.arn, 1024)?;
        if self.arn.is_empty() {
            return Err(Error::Malformed { what: "ARN", why: "1 to 1,024 bytes" });
        }
        bounded("name", &self.name, 512)?;
        check_tags(&self.tags)
    }
}

/// What a worker reports of a resource.
#[derive(Clone, Debug)]
pub struct Observation {
    /// Of which.
    pub key: Key,
    /// The generation the worker has: a report about an earlier one than the last is passed over.
    pub generation: i64,
    /// What it sees.
    pub observed: Document,
}

pub(crate) fn check_tags(tags: &Tags) -> Result<(), Error> {
    if tags.len() > Resource::MAX_TAGS {
        return Err(Error::Malformed { what: "tags", why: "at most 50" });
    }
    for (key, value) in tags {
        bounded("tag key", key, Resource::MAX_TAG_KEY)?;
        bounded("tag value", value, Resource::MAX_TAG_VALUE)?;
    }
    Ok(())
}

pub(crate) fn bounded(what: &'static str, text: &str, most: usize) -> Result<(), Error> {
    if text.contains('\0') {
        // PostgreSQL's text cannot hold it.
        return Err(Error::Malformed { what, why: "no NUL character" });
    }
    match text.len() {
        bytes if bytes > most => Err(Error::TooLong { what, bytes, most }),
        _ => Ok(()),
    }
}
