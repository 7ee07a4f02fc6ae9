//! When keys last signed, gathered and written down now and then: a call costs no write.

use std::collections::HashMap;
use std::sync::Mutex;

use identity::sigv4::Scope;
use media::Utc;
use store::{Store, Use};

/// Keys that signed since they were last written down. They are the store's own, so they are no more than it holds.
#[derive(Debug, Default)]
pub(crate) struct LastUsed(Mutex<HashMap<String, Use>>);

impl LastUsed {
    pub(crate) fn note(&self, key: &str, scope: &Scope, now: Utc) {
        let used = Use { at: now, service: scope.service.clone(), region: scope.region.clone() };
        self.take(key.to_owned(), used);
    }

    fn take(&self, key: String, newer: Use) {
        let mut used = self.0.lock().expect("nobody panics while holding it");
        if used.get(&key).is_none_or(|there| there.at <= newer.at) {
            used.insert(key, newer);
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
            for (key, there) in used {
                self.take(key, there);
            }
        }
    }
}
