//! What can go wrong, as the doors tell it.

/// Why a store did not do it. Unless said otherwise nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such thing, or only its tombstone.
    #[error("there is no {0}")]
    NotFound(String),
    /// Something stands against it.
    #[error("{0}")]
    Conflict(String),
    /// Somebody else changed it first: read it again, and decide anew.
    #[error("{what} is at generation {now}, not {expected}")]
    Stale {
        /// The resource.
        what: String,
        /// What the caller had seen.
        expected: i64,
        /// What it is.
        now: i64,
    },
    /// An idempotency token came back with another request.
    #[error("the client token {0} was used with other parameters less than a day ago")]
    TokenReused(String),
    /// A field is beyond its bound.
    #[error("{what}: {bytes} bytes are too long; {most} at most")]
    TooLong {
        /// The field.
        what: &'static str,
        /// Its length.
        bytes: usize,
        /// Its bound.
        most: usize,
    },
    /// A field holds what it may not.
    #[error("{what}: {why}")]
    Malformed {
        /// The field.
        what: &'static str,
        /// What it should be.
        why: &'static str,
    },
    /// Not JSON, or not of the shape the caller reads it as.
    #[error("not a valid document: {0}")]
    NoDocument(#[source] serde_json::Error),
    /// Changes that old are not kept: list everything anew and go on from [`crate::Store::revision`].
    #[error("changes since {asked} are not kept any more; list anew, changes are kept from {oldest}")]
    Forgotten {
        /// Where the caller was.
        asked: i64,
        /// The oldest revision to ask from.
        oldest: i64,
    },
    /// Another writer held the lock too long; try again.
    #[error("the store is busy; try again in a few seconds")]
    Busy,
    /// The disk or the database's quota is full.
    #[error("the store's disk is full; free some space, reading still works")]
    Full(#[source] sqlx::Error),
    /// The database is not there, refuses, or an input or output failed. Where the connection broke in a commit it is unknown
    /// whether that took effect: ask again with the same token.
    #[error("the store cannot be reached")]
    Unavailable(#[source] sqlx::Error),
    /// The database does not hold what was written into it.
    #[error("the store is damaged: {0}; restore a backup")]
    Damaged(String),
    /// A later version of this program made it.
    #[error("the store has version {found}, this program knows versions up to {known}; run a newer program")]
    Newer {
        /// The database's version.
        found: i64,
        /// The newest this program has.
        known: i64,
    },
    /// A file beside the database could not be handled.
    #[error("{what} `{}`", path.display())]
    File {
        /// What was tried.
        what: &'static str,
        /// The file.
        path: std::path::PathBuf,
        /// How that failed.
        #[source]
        source: std::io::Error,
    },
}

impl Error {
    /// One word for logs and the audit line.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "NotFound",
            Self::Conflict(_) => "Conflict",
            Self::Stale { .. } => "Stale",
            Self::TokenReused(_) => "TokenReused",
            Self::TooLong { .. } | Self::Malformed { .. } | Self::NoDocument(_) => "Invalid",
            Self::Forgotten { .. } => "Forgotten",
            Self::Busy => "Busy",
            Self::Full(_) => "Full",
            Self::Unavailable(_) | Self::File { .. } => "Unavailable",
            Self::Damaged(_) => "Damaged",
            Self::Newer { .. } => "Newer",
        }
    }

    /// Whether the caller's request is at fault, not the store: the store goes on as before.
    pub fn is_refusal(&self) -> bool {
        matches!(self.code(), "NotFound" | "Conflict" | "Stale" | "TokenReused" | "Invalid" | "Forgotten")
    }
}

/// SQLite's primary result codes (sqlite.org/rescode.html), PostgreSQL's SQLSTATEs (appendix A of its manual).
impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        let sqlx::Error::Database(fault) = &error else {
            return match error {
                sqlx::Error::ColumnDecode { .. }
                | sqlx::Error::Decode(_)
                | sqlx::Error::ColumnNotFound(_) => Self::Damaged(error.to_string()),
                _ => Self::Unavailable(error),
            };
        };
        let code = fault.code().unwrap_or_default();
        match (code.parse::<u32>().map(|code| code & 0xff), &*code) {
            _ if fault.is_unique_violation() => Self::Conflict("it is there already".to_owned()),
            _ if fault.is_foreign_key_violation() => {
                Self::Conflict("something refers to it, or it refers to what is not there".to_owned())
            }
            (_, "55P03" | "40P01" | "40001") => Self::Busy,
            (_, "53100" | "53200") => Self::Full(error),
            (_, "XX001" | "XX002") => Self::Damaged(fault.message().to_owned()),
            (Ok(5 | 6), _) if code.len() < 5 => Self::Busy,
            (Ok(13), _) if code.len() < 5 => Self::Full(error),
            (Ok(11 | 26), _) if code.len() < 5 => Self::Damaged(fault.message().to_owned()),
            _ => Self::Unavailable(error),
        }
    }
}
