//! Files that are fetched whole, before an encoder plays them.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use playlist::Url;
use tokio::fs::{self, File, OpenOptions};

use crate::fetch::{Client, Fault};
use crate::pause::Pause;
use reach::Reach;

/// Largest file, in bytes.
const MAX_FILE_BYTES: u64 = 64 << 30;
/// Longest pause before the next try.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A file to fetch.
#[derive(Clone, Debug)]
pub struct Download {
    /// Where it is; user, password and query are never printed.
    pub url: Url,
    /// Where it is kept. While what is there came from the same URL it is not fetched again.
    pub path: PathBuf,
    /// Whether it may lie in this machine's own networks.
    pub reach: Reach,
}

/// Tries until the file is there.
pub(crate) async fn run(download: Download) {
    let Download { url, path, .. } = &download;
    let mut pause = Pause::up_to(LONGEST_PAUSE);
    loop {
        match fetch(&download).await {
            Ok(None) => return,
            Ok(Some(bytes)) => return tracing::info!(%url, bytes, path = %path.display(), "file fetched"),
            Err(fault) => {
                tracing::warn!(%url, %fault, label = fault.label(), again_in = ?pause.next(), "file not fetched");
            }
        }
        pause.wait().await;
    }
}

/// How many bytes were fetched; `None` where the file was there.
async fn fetch(Download { url, path, reach }: &Download) -> Result<Option<u64>, Fault> {
    let (part, origin) = (beside(path, "part"), beside(path, "from"));
    let from = url.with_secrets();
    if fs::try_exists(path).await.unwrap_or(false)
        && fs::read(&origin).await.is_ok_and(|kept| kept == from.as_bytes())
    {
        return Ok(None);
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).await.map_err(Fault::Disk)?;
    }
    tracing::info!(%url, "fetching a file");
    let bytes = Client::new(*reach)
        .save(url, &mut for_owner(&part).await.map_err(Fault::Disk)?, MAX_FILE_BYTES)
        .await?;
    // What came from elsewhere must not pass for this.
    remove(&origin).await.map_err(Fault::Disk)?;
    fs::rename(&part, path).await.map_err(Fault::Disk)?;
    let mut note = for_owner(&origin).await.map_err(Fault::Disk)?;
    tokio::io::AsyncWriteExt::write_all(&mut note, from.as_bytes()).await.map_err(Fault::Disk)?;
    note.sync_all().await.map_err(Fault::Disk)?;
    Ok(Some(bytes))
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

async fn for_owner(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path).await
}

async fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path).await {
        Err(fault) if fault.kind() != io::ErrorKind::NotFound => Err(fault),
        _ => Ok(()),
    }
}
