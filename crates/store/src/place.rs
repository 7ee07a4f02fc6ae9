//! Where a store lies.

use std::fmt::{self, Write as _};
use std::path::{Path, PathBuf};

/// A file, or a PostgreSQL database. Neither `Display` nor `Debug` shows a password.
#[derive(Clone, PartialEq, Eq)]
pub enum Place {
    /// A SQLite file, made where it is missing. Its folder must be there.
    Sqlite(PathBuf),
    /// A database by URL: `postgres://user:password@host:5432/headwater?sslmode=verify-full`.
    Postgres(String),
}

/// A setting that names no place.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a store is a file, such as \"data/headwater.db\", or \"postgres://user:password@host/database\"; not {0}"
)]
pub struct PlaceFault(String);

impl Place {
    /// Reads the setting: a `postgres://` or `postgresql://` URL, or else a path.
    pub fn parse(setting: &str) -> Result<Self, PlaceFault> {
        if setting.starts_with("postgres://") || setting.starts_with("postgresql://") {
            return Ok(Self::Postgres(setting.to_owned()));
        }
        if let Some((scheme, _)) = setting.split_once("://") {
            return Err(PlaceFault(format!("{scheme}://…")));
        }
        if setting.is_empty() || setting.contains('\0') {
            return Err(PlaceFault(format!("{setting:?}")));
        }
        Ok(Self::Sqlite(setting.into()))
    }

    /// The URL the database driver connects to.
    pub(crate) fn url(&self) -> String {
        match self {
            Self::Sqlite(path) => sqlite_url(path),
            Self::Postgres(url) => url.clone(),
        }
    }
}

/// An absolute path as a `sqlite:` URL. A byte that is no plain character of a path is escaped.
fn sqlite_url(path: &Path) -> String {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut url = "sqlite://".to_owned();
    for &byte in path.as_os_str().as_encoded_bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte) {
            url.push(char::from(byte));
        } else {
            write!(url, "%{byte:02X}").expect("a string takes all");
        }
    }
    url + "?mode=rw"
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => path.display().fmt(f),
            Self::Postgres(url) => {
                // The authority may hold a password, the query too.
                let (scheme, rest) = url.split_once("://").expect("parse() saw it");
                let rest = rest.split(['?', '#']).next().unwrap_or(rest);
                let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
                let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
                write!(f, "{scheme}://{host}/{database}")
            }
        }
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Place({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_setting_names_the_engine() {
        assert_eq!(Place::parse("data/headwater.db"), Ok(Place::Sqlite("data/headwater.db".into())));
        assert!(matches!(Place::parse("postgresql://h/db"), Ok(Place::Postgres(_))));
        let fault = Place::parse("mysql://root:s3cret@h/db").expect_err("refused").to_string();
        assert!(fault.ends_with("not mysql://…"), "{fault}");
        assert!(Place::parse("").is_err());
    }

    #[test]
    fn a_password_is_never_shown() {
        for url in
            ["postgres://u:s3cret@h:5432/db", "postgres://h/db?password=s3cret", "postgres://u:s3%40cret@h"]
        {
            let place = Place::parse(url).expect("valid");
            let shown = format!("{place} {place:?}");
            assert!(!shown.contains("cret") && shown.contains("postgres://h"), "{shown}");
        }
    }

    #[test]
    fn a_path_with_signs_of_a_url_is_still_a_path() {
        assert_eq!(sqlite_url(Path::new("/a b/c?d#e%.db")), "sqlite:///a%20b/c%3Fd%23e%25.db?mode=rw");
    }
}
