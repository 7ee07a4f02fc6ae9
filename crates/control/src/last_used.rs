//! When keys last signed, gathered and written down now and then: a call costs no write.

use std::collections::HashMap;
use std::sync::Mutex;

use media::Utc;
use store::Store;

/// Keys that signed since they were last written down. They are the store's own, so they are no more than it holds.
#[derive(Debug, Default)]
pub(crate) struct LastUsed(Mutex<HashMap<String, Utc>>);

impl LastUsed {
    pub(crate) fn note(&self, key: &str, now: Utc) {
        let mut used = self.0.lock().expect("nobody panics while holding it");
        match used.get_mut(key) {
            Some(at) => *at = now.max(*at),
            None => drop(used.insert(key.to_owned(), now)),
        }
    }

    /// Writes them down; where that fails they are told of at the next call.
    pub(crate) async fn write(&self, store: &Store) {
        let used: Vec<_> = {
            let mut used = self.0.lock().expect("nobody panics while holding it");
            used.drain().collect()
        };
        if used.is_empty() {
            return;
        }
        if let Err(error) = store.keys_used(&used).await {
            tracing::warn!(%error, "the last use of keys could not be written down");
            for (key, at) in used {
                self.note(&key, at);
            }
        }
    }
}
