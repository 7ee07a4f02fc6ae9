//! Room on disk for files that are fetched.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// How much all files together may take, as they are now and as they come.
#[derive(Debug)]
pub(crate) struct Shelf {
    limit: u64,
    /// Bytes of each file, by its path.
    taken: Mutex<HashMap<PathBuf, u64>>,
}

/// There is no room for more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full {
    /// Most bytes of all files.
    pub(crate) limit: u64,
}

impl Shelf {
    /// The files that lie in these folders. Blocks for a moment: call it before serving begins.
    pub(crate) fn of<'a>(folders: impl Iterator<Item = &'a Path>, limit: u64) -> Self {
        let mut taken = HashMap::new();
        for folder in folders {
            // A folder that is not there yet holds nothing.
            let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
            for (path, metadata) in entries.filter_map(|entry| Some((entry.path(), entry.metadata().ok()?))) {
                if metadata.is_file() {
                    taken.insert(path, metadata.len());
                }
            }
        }
        Self { limit, taken: Mutex::new(taken) }
    }

    /// Makes room for `bytes` of `path`, in the place of what it had.
    pub(crate) fn take(&self, path: &Path, bytes: u64) -> Result<(), Full> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let others: u64 = taken.iter().filter(|(other, _)| *other != path).map(|(_, bytes)| bytes).sum();
        if others.saturating_add(bytes) > self.limit {
            return Err(Full { limit: self.limit });
        }
        taken.insert(path.to_owned(), bytes);
        Ok(())
    }

    /// `path` is no longer there.
    pub(crate) fn free(&self, path: &Path) {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).remove(path);
    }

    /// `from` is now `to`, and what was there before is gone.
    pub(crate) fn rename(&self, from: &Path, to: &Path) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = taken.remove(from).unwrap_or(0);
        taken.insert(to.to_owned(), bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_are_there_and_files_that_come_share_one_bound() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("old"), [0; 60]).expect("writes");
        let shelf = Shelf::of([folder.path(), Path::new("/none/such")].into_iter(), 100);
        assert_eq!(shelf.take(&at("new"), 30), Ok(()));
        assert_eq!(shelf.take(&at("new"), 40), Ok(()), "it grows");
        assert_eq!(shelf.take(&at("new"), 41), Err(Full { limit: 100 }));
        assert_eq!(shelf.take(&at("other"), 1), Err(Full { limit: 100 }));
        shelf.rename(&at("new"), &at("old"));
        assert_eq!(shelf.take(&at("other"), 60), Ok(()), "the file that was replaced is gone");
        shelf.free(&at("other"));
        assert_eq!(shelf.take(&at("third"), u64::MAX), Err(Full { limit: 100 }));
        assert_eq!(shelf.take(&at("third"), 60), Ok(()));
    }
}
