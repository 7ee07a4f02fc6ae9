//! One suite for both engines: SQLite in a temporary folder, and PostgreSQL in a cluster of this run.

mod audit;
mod backup;
mod changes;
mod contention;
mod disk;
mod home;
mod identity;
mod kill;
mod messages;
mod model;
mod opening;
mod resources;

use postgres_cluster as postgres;

/// Makes of each named function, which takes a [`home::Home`], a test on SQLite and one on PostgreSQL.
macro_rules! on_both_engines {
    ($($name:ident)*) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() { super::$name($crate::home::Home::sqlite()).await; })*
        }
        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() { super::$name($crate::home::Home::postgres().await).await; })*
        }
    };
}
pub(crate) use on_both_engines;
