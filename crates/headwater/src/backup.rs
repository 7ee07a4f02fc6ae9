//! `headwater backup` and `headwater restore`: what control keeps, to a file and back.

use std::fs;
use std::path::Path;

use anyhow::{Context, bail, ensure};
use daemon::lines::{self, AskError};
use spec::Workflow;
use store::{Before, Contents, Place, Store};

use crate::cli::{Backup, Restore};
use crate::control;
use crate::plan::Layout;
use crate::supervise::control::ENCODERS;
use crate::workflow;

/// Writes a backup, whether or not `up` runs.
pub(crate) fn backup(options: &Backup) -> anyhow::Result<()> {
    let layout = Layout::under(&options.data);
    let named = named(options.workflow.as_deref(), &layout)?
        .context("start `headwater up` once, or say which folder it has with --data")?;
    let key = layout.data().join("control").join("master.key");
    run(async {
        let store = control::existing(&named, &layout).await?;
        let store =
            store.with_context(|| format!("nothing was started with --data {}", options.data.display()))?;
        let contents = store.backup(&options.file).await.context("back up")?;
        println!("backed up {}, of `{}`, to `{}`", words(&contents), store.place(), options.file.display());
        store.close().await;
        println!(
            "The master key `{}` is not in it, and opens every secret that is: keep a copy of it elsewhere.",
            key.display()
        );
        Ok(())
    })
}

/// Puts a backup in place.
pub(crate) fn restore(options: &Restore) -> anyhow::Result<()> {
    let layout = Layout::under(&options.data);
    if !matches!(lines::ask(&layout.control_socket(), ENCODERS), Err(AskError::Nobody { .. })) {
        bail!("`headwater up` runs with --data {}: stop it first", options.data.display());
    }
    let place = match named(options.workflow.as_deref(), &layout)? {
        Some(workflow) => control::place(&workflow, &layout)?,
        None => Place::Sqlite(layout.data().join("control").join("headwater.db")),
    };
    ensure!(options.file.is_file(), "there is no backup `{}`", options.file.display());
    if let Place::Sqlite(path) = &place
        && let Some(folder) = path.parent()
    {
        fs::create_dir_all(folder).with_context(|| format!("make folder `{}`", folder.display()))?;
    }
    let before = if options.force { Before::GivesWay } else { Before::Stays };
    run(async {
        let contents = match store::restore(&options.file, &place, before).await {
            Err(store::Error::Conflict(why)) => {
                bail!("{why}, and is kept; --force puts the backup in its place")
            }
            done => done.with_context(|| format!("restore `{}` to `{place}`", options.file.display()))?,
        };
        println!("restored {}, to `{place}`", words(&contents));
        let store = Store::open(&place).await?;
        let key = ::control::root_key(&store, layout.data()).await;
        store.close().await;
        match key {
            Ok(_) => {
                println!("The master key in the data folder opens it: `headwater up` goes on from there.")
            }
            Err(fault) => println!(
                "`headwater up` cannot use it yet: {}. Put the master key that belongs to this backup at `{}`.",
                daemon::words(&fault),
                layout.data().join("control").join("master.key").display(),
            ),
        }
        Ok(())
    })
}

/// The workflow that is meant; `None` where nothing was started in the data folder.
fn named(file: Option<&Path>, layout: &Layout) -> anyhow::Result<Option<Workflow>> {
    let of = |path: &Path| Ok(Some(workflow::from_file(path, None)?.workflow));
    match file {
        Some(path) => of(path),
        None if layout.file().exists() => of(&layout.file()),
        None => Ok(None),
    }
}

fn run<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("start the runtime")?
        .block_on(work)
}

/// `12 resources (channel 2, medialive-channel 10), 1 user, 40 lines of audit log, up to revision 57`.
fn words(contents: &Contents) -> String {
    let Contents { revision, resources, users, audit } = contents;
    let counted =
        |count: i64, one: &str, many: &str| format!("{count} {}", if count == 1 { one } else { many });
    let kinds: Vec<_> = resources.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
    format!(
        "{} ({}), {}, {}, up to revision {revision}",
        counted(resources.values().sum(), "resource", "resources"),
        kinds.join(", "),
        counted(*users, "user", "users"),
        counted(*audit, "line of the audit log", "lines of the audit log"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_backup_holds_is_counted() {
        let resources = [("channel".to_owned(), 2), ("identity".to_owned(), 1)].into();
        let contents = Contents { revision: 57, resources, users: 1, audit: 40 };
        assert_eq!(
            words(&contents),
            "3 resources (channel 2, identity 1), 1 user, 40 lines of the audit log, up to revision 57"
        );
    }
}
