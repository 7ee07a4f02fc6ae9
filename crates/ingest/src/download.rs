//! Files that are fetched whole, before an encoder plays them.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use playlist::Url;
use tokio::fs::{self, File, OpenOptions};
use tokio::time::timeout;
use wire::sample_stream::Feed;

use crate::fetch::{Client, Fault};
use crate::metrics::{DownloadMetrics, Metrics};
use crate::pause::Pause;
use crate::shelf::Shelf;

use reach::Reach;

/// Largest file, in bytes.
const MAX_FILE_BYTES: u64 = 64 << 30;
/// Most bytes of all files in their folder.
const MAX_ALL_BYTES: u64 = 512 << 30;
/// How long one try may take: the largest file in it is 12 Mbit/s.
const LONGEST_TRY: Duration = Duration::from_secs(12 * 60 * 60);
/// Longest pause before the next try.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A file to fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Download {
    /// The input that plays it.
    pub feed: Feed,
    /// Where it is; user, password and query are never printed.
    pub url: Url,
    /// Where it is kept. While what is there came from the same URL it is not fetched again.
    pub path: PathBuf,
    /// Whether it may lie in this machine's own networks.
    pub reach: Reach,
}

/// What bounds downloads.
#[derive(Debug)]
pub(crate) struct Bounds {
    pub(crate) shelf: Shelf,
    pub(crate) longest_try: Duration,
}

impl Bounds {
    /// Of all these, with what lies in their folders already.
    pub(crate) fn of(downloads: &[Download]) -> Self {
        let mut folders: Vec<&Path> =
            downloads.iter().filter_map(|download| download.path.parent()).collect();
        folders.sort_unstable();
        folders.dedup();
        Self { shelf: Shelf::of(folders.into_iter(), MAX_ALL_BYTES), longest_try: LONGEST_TRY }
    }
}

/// Tries until the file is there.
pub(crate) async fn run(download: Download, bounds: Arc<Bounds>, metrics: Metrics) {
    let mut missing = Missing::new(&download, metrics.download(&download.feed));
    let mut pause = Pause::up_to(LONGEST_PAUSE);
    loop {
        match fetch(&download, &bounds).await {
            Ok(None) => return missing.found(),
            Ok(Some(bytes)) => {
                let Download { feed, url, path, .. } = &download;
                tracing::info!(channel = %feed, %url, bytes, path = %path.display(), "file fetched");
                return missing.found();
            }
            Err(fault) => missing.failed(&fault, pause.next()),
        }
        pause.wait().await;
    }
}

/// A file that is not there yet, for as long as this lives.
struct Missing<'a> {
    download: &'a Download,
    metrics: DownloadMetrics,
    /// Operators were told that it cannot be had.
    is_told: bool,
}

impl<'a> Missing<'a> {
    fn new(download: &'a Download, metrics: DownloadMetrics) -> Self {
        metrics.missing.inc();
        Self { download, metrics, is_told: false }
    }

    fn failed(&mut self, fault: &Fault, again_in: Duration) {
        let reason = fault.label();
        self.metrics.failed(reason);
        let (channel, url, file) = (&self.download.feed, &self.download.url, self.download.file());
        if std::mem::replace(&mut self.is_told, true) {
            tracing::warn!(%channel, file, %url, reason, ?again_in, "file not fetched: {fault}");
        } else {
            tracing::warn!(
                event = "download_failed", state = "raised", %channel, file, %url, reason, ?again_in,
                "file not fetched: {fault}"
            );
        }
    }

    fn found(mut self) {
        self.over("the file is there");
    }

    fn over(&mut self, how: &str) {
        if std::mem::take(&mut self.is_told) {
            let (channel, file) = (&self.download.feed, self.download.file());
            tracing::info!(event = "download_failed", state = "cleared", %channel, file, "{how}");
        }
    }
}

impl Drop for Missing<'_> {
    fn drop(&mut self) {
        self.metrics.missing.dec();
        self.over("the file is no longer wanted");
    }
}

impl Download {
    /// Its name in the folder: channel, input and place in the list.
    fn file(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}

/// How many bytes were fetched; `None` where the file was there.
async fn fetch(download: &Download, bounds: &Bounds) -> Result<Option<u64>, Fault> {
    let Download { url, path, reach, .. } = download;
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
    tracing::info!(channel = %download.feed, %url, "fetching a file");
    let mut file = for_owner(&part).await.map_err(Fault::Disk)?;
    let room = |bytes| bounds.shelf.take(&part, bytes).map_err(|full| Fault::Full(full.limit));
    let mut client = Client::new(*reach);
    let saved = timeout(bounds.longest_try, client.save(url, &mut file, MAX_FILE_BYTES, room)).await;
    let bytes = match saved.unwrap_or(Err(Fault::TooLong(bounds.longest_try))) {
        Ok(bytes) => bytes,
        Err(fault) => {
            // What was fetched is of no use: the next try begins anew.
            drop(file);
            remove(&part).await.map_err(Fault::Disk)?;
            bounds.shelf.free(&part);
            return Err(fault);
        }
    };
    // What came from elsewhere must not pass for this.
    remove(&origin).await.map_err(Fault::Disk)?;
    fs::rename(&part, path).await.map_err(Fault::Disk)?;
    bounds.shelf.rename(&part, path);
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

#[cfg(test)]
mod tests;
