//! Tokens that were verified, by their hash: they are not verified again until keys change.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

use ring::digest::{Context, SHA256};

use super::token::{Grant, SLACK_S};

/// Maps, each with its lock.
const SHARDS: usize = 16;
/// Tokens one of them holds: 131,072 in all, about 20 MB. In a full one those that are over make room, or all do.
const MAX_KEPT: usize = 8 * 1024;

/// SHA-256 of a token and its table.
pub(super) type Name = [u8; 32];

#[derive(Debug, Default)]
pub(super) struct Memo {
    shards: [Mutex<HashMap<Name, Kept>>; SHARDS],
}

#[derive(Debug)]
struct Kept {
    /// Of the keys it was verified with.
    generation: u64,
    grant: Grant,
}

impl Memo {
    /// What a token is kept under: what one table believes, another need not.
    pub(super) fn name(table: usize, token: &str) -> Name {
        let mut hash = Context::new(&SHA256);
        hash.update(&table.to_be_bytes());
        hash.update(token.as_bytes());
        hash.finish().as_ref().try_into().expect("SHA-256 has 32 bytes")
    }

    /// Shows the grant of a token that was verified with these keys.
    pub(super) fn look<T>(&self, name: &Name, generation: u64, look: impl FnOnce(&Grant) -> T) -> Option<T> {
        let shard = self.shard(name);
        shard.get(name).filter(|kept| kept.generation == generation).map(|kept| look(&kept.grant))
    }

    /// Remembers it.
    pub(super) fn keep(&self, name: Name, generation: u64, grant: Grant, now_s: u64) {
        let mut shard = self.shard(&name);
        if shard.len() >= MAX_KEPT {
            shard.retain(|_, kept| (now_s as f64) < kept.grant.expires_s + SLACK_S as f64);
            // Looking through a map that stays nearly full would cost as much again soon.
            if shard.len() > MAX_KEPT / 4 * 3 {
                shard.clear();
            }
        }
        shard.insert(name, Kept { generation, grant });
    }

    fn shard(&self, name: &Name) -> MutexGuard<'_, HashMap<Name, Kept>> {
        self.shards[usize::from(name[0]) % SHARDS].lock().expect("nothing panics while it holds a shard")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::sign::{Claims, Signer};
    use crate::access::token::verify;

    fn grant(exp: u64) -> Grant {
        let (secret, claims) = ([7; 32], Claims { exp, nbf: None, path: "/", ip: None });
        let token = Signer::from_secret(&secret).unwrap().sign(None, &claims).unwrap();
        verify(&token, &[("", crate::access::key::Key::from_secret(&secret).unwrap())]).unwrap()
    }

    #[test]
    fn a_token_is_remembered_for_its_table_and_its_keys() {
        let memo = Memo::default();
        memo.keep(Memo::name(0, "a"), 1, grant(100), 0);
        assert_eq!(memo.look(&Memo::name(0, "a"), 1, |grant| grant.expires_s), Some(100.0));
        for (name, generation) in [(Memo::name(0, "a"), 2), (Memo::name(1, "a"), 1), (Memo::name(0, "b"), 1)]
        {
            assert!(memo.look(&name, generation, |_| ()).is_none());
        }
    }

    #[test]
    fn however_many_there_are_it_stays_in_its_bound() {
        let (memo, over, lasting) = (Memo::default(), grant(100), grant(10_000));
        let most = SHARDS * MAX_KEPT;
        let kept = || memo.shards.iter().map(|shard| shard.lock().unwrap().len()).sum::<usize>();
        for at in 0..most * 5 / 4 {
            memo.keep(Memo::name(0, &at.to_string()), 1, over.clone(), 0);
        }
        assert!(kept() <= most);
        let live = Memo::name(0, "live");
        memo.keep(live, 1, lasting, 200);
        assert!(memo.look(&live, 1, |_| ()).is_some());
    }
}
