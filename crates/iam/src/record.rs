//! What the store keeps of users and policies beside their names, as documents that it does not read.

use serde::{Deserialize, Serialize};
use store::{Document, Error, Policy, Tags, User};

/// The root's name among the store's users: no user that is made later can have it, for it is no user's name.
pub const ROOT: &str = "<root>";

/// Of a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserRecord {
    /// `AIDA…`: stays when the name changes, and is never another's.
    pub id: String,
    /// Where in the account's tree: `/`, or `/ops/night/`.
    #[serde(default = "root_path")]
    pub path: String,
    /// Labels.
    #[serde(default)]
    pub tags: Tags,
}

impl UserRecord {
    /// What is kept of a user.
    pub fn of(user: &User) -> Result<Self, Error> {
        user.document.read()
    }

    pub(crate) fn document(&self) -> Result<Document, Error> {
        Document::of(self)
    }
}

/// Of a policy that users are given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PolicyRecord {
    /// `ANPA…`.
    pub(crate) id: String,
    pub(crate) path: String,
    pub(crate) description: Option<String>,
    #[serde(default)]
    pub(crate) tags: Tags,
}

impl PolicyRecord {
    pub(crate) fn of(policy: &Policy) -> Result<Self, Error> {
        policy.about.read()
    }
}

fn root_path() -> String {
    "/".to_owned()
}
