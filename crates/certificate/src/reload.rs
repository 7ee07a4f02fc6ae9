//! A certificate in files, read again when they change.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::{Pair, Shown};

/// Between two looks at the files. They are replaced every few weeks; a look costs two system calls.
pub const LOOK_PERIOD: Duration = Duration::from_secs(1);

/// What tells one content of a file from the next: when it was changed, its size and which file it is.
pub type Stamp = Option<(SystemTime, u64, u64)>;
/// Both files' stamps.
pub type Stamps = [Stamp; 2];

/// What came of files that had changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// They are shown now.
    Shown,
    /// They cannot be used.
    Refused,
}

/// Shows the pair's files whenever they changed from what was `seen`. A pair that cannot be used is refused, and the one before stays: a
/// writer may be between the two files. `told` hears of each.
pub async fn watch(pair: Pair, mut seen: Stamps, shown: Arc<Shown>, told: impl Fn(Look)) {
    let mut period = tokio::time::interval(LOOK_PERIOD);
    loop {
        period.tick().await;
        let now = stamps(&pair);
        if now == seen {
            continue;
        }
        seen = now;
        match pair.read() {
            Ok(read) => {
                shown.replace(read);
                told(Look::Shown);
                tracing::info!(certificate = %pair.certificate.display(), "certificate reloaded");
            }
            Err(fault) => {
                told(Look::Refused);
                let cause = std::error::Error::source(&fault).map(ToString::to_string);
                tracing::error!(%fault, cause, "certificate not reloaded; the one before stays");
            }
        }
    }
}

/// What the files are now.
pub fn stamps(pair: &Pair) -> Stamps {
    [stamp(&pair.certificate), stamp(&pair.key)]
}

/// What tells the content of this file from another; none where there is none.
pub fn stamp(path: &Path) -> Stamp {
    use std::os::unix::fs::MetadataExt;
    let about = std::fs::metadata(path).ok()?;
    Some((about.modified().ok()?, about.len(), about.ino()))
}
