//! Where a test's store lies, and short words for calls.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use media::Utc;
use sqlx::{AnyConnection, AssertSqlSafe, Connection};
use store::{Call, Document, Key, New, Owner, Place, Store, Tags};
use tempfile::TempDir;

use crate::postgres;

/// A place for one store, and a folder for files.
pub(crate) struct Home {
    pub(crate) place: Place,
    pub(crate) folder: TempDir,
}

impl Home {
    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        // A name that would mislead whoever takes it for a URL.
        Self { place: Place::Sqlite(folder.path().join("a #1 50%.db")), folder }
    }

    pub(crate) async fn postgres() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("store_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        raw(&postgres::url("postgres"), &format!("CREATE DATABASE {name}")).await;
        let place = Place::parse(&postgres::url(&name)).expect("a URL");
        Self { place, folder: tempfile::tempdir().expect("a folder") }
    }

    pub(crate) async fn open(&self) -> Store {
        Store::open(&self.place).await.expect("the store opens")
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The URL for those who go behind the store's back.
    pub(crate) fn url(&self) -> String {
        match &self.place {
            Place::Sqlite(path) => {
                let path =
                    path.to_str().expect("UTF-8").replace('%', "%25").replace('#', "%23").replace(' ', "%20");
                format!("sqlite://{path}")
            }
            Place::Postgres(url) => url.clone(),
        }
    }
}

/// Runs statements behind the store's back.
pub(crate) async fn raw(url: &str, sql: &str) {
    let mut connection = connect(url).await;
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.expect("statements run");
    connection.close().await.expect("closed");
}

pub(crate) async fn connect(url: &str) -> AnyConnection {
    sqlx::any::install_default_drivers();
    AnyConnection::connect(url).await.expect("connected")
}

/// `second` of the tests' time.
pub(crate) fn at(second: i64) -> Utc {
    Utc(1_700_000_000_000_000 + second * 1_000_000)
}

pub(crate) fn call(action: &str, second: i64) -> Call {
    Call {
        account: "000000000001".to_owned(),
        who: "arn:aws:iam::000000000001:user/ada".to_owned(),
        source: "127.0.0.1".to_owned(),
        action: action.to_owned(),
        request_id: format!("r-{second}"),
        at: at(second),
    }
}

pub(crate) fn key(id: &str) -> Key {
    Key::new("channel", "000000000001", "eu-west-1", id).expect("a key")
}

pub(crate) fn doc(text: &str) -> Document {
    Document::parse(text).expect("JSON")
}

pub(crate) fn new(id: &str) -> New {
    New {
        key: key(id),
        arn: format!("arn:{id}"),
        name: format!("channel {id}"),
        owner: Owner::Api,
        desired: doc(r#"{"rungs":1}"#),
        tags: Tags::from([("team".to_owned(), "sport".to_owned())]),
    }
}
