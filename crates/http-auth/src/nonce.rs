//! Digest's nonces: numbers of challenges, each good for a while, and each use of one once.

use std::collections::BTreeMap;
use std::time::Duration;

use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::digest::hex;

/// How long a nonce is good. Long, because a client that comes with an old one has to send what it sent again, and no risk: its uses are
/// counted.
pub const LIFE: Duration = Duration::from_secs(3_600);
/// Nonces of which uses are remembered; beyond, the oldest is good no longer. Clients that ask anew for every request (ffmpeg) use one
/// for each.
pub const MAX_USED: usize = 4_096;
/// Bytes of the signature in a nonce.
const TAG_BYTES: usize = 16;

/// Gives nonces out and knows them again.
#[derive(Debug)]
pub(crate) struct Nonces {
    key: [u8; 32],
    /// The number of the one given out last.
    latest: u64,
    /// Those up to this number are good no longer.
    floor: u64,
    used: BTreeMap<u64, Uses>,
}

/// The uses of one nonce: counts need not come in order, since clients have several connections.
#[derive(Clone, Copy, Debug, Default)]
struct Uses {
    highest: u32,
    /// Bit n: the count n below the highest was used.
    below: u64,
}

/// What a nonce is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// It is good, and was not used so before.
    New,
    /// This use of it came before.
    Again,
    /// It is not ours any more, or never was.
    Stale,
}

impl Nonces {
    /// Nonces that this key signs.
    pub(crate) const fn new(key: [u8; 32]) -> Self {
        Self { key, latest: 0, floor: 0, used: BTreeMap::new() }
    }

    /// A nonce; `now` counts from any moment that stays the same. Its number is its time in µs, and no other has it.
    pub(crate) fn give(&mut self, now: Duration) -> String {
        self.latest = micros(now).max(self.latest + 1);
        format!("{:016x}{}", self.latest, self.tag(self.latest))
    }

    /// Uses a nonce for the `count`th time.
    pub(crate) fn spend(&mut self, nonce: &str, count: u32, now: Duration) -> Use {
        let Some(number) = self.number(nonce) else { return Use::Stale };
        let oldest = micros(now.saturating_sub(LIFE));
        self.used = self.used.split_off(&oldest);
        if number <= self.floor || number < oldest {
            return Use::Stale;
        }
        if !self.used.entry(number).or_default().take(count) {
            return Use::Again;
        }
        if self.used.len() > MAX_USED
            && let Some((oldest, _)) = self.used.pop_first()
        {
            self.floor = oldest;
        }
        Use::New
    }

    fn number(&self, nonce: &str) -> Option<u64> {
        let (number, tag) = nonce.split_at_checked(16)?;
        let number = u64::from_str_radix(number, 16).ok()?;
        // Whoever can make a nonce still has to know the password, so there is no secret to be timed here.
        (self.tag(number) == tag).then_some(number)
    }

    fn tag(&self, number: u64) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes keys of any length");
        mac.update(&number.to_be_bytes());
        hex(&mac.finalize().into_bytes()[..TAG_BYTES])
    }
}

impl Uses {
    /// Whether the count is new, and then takes it.
    fn take(&mut self, count: u32) -> bool {
        if count > self.highest {
            let step = count - self.highest;
            self.below = self.below.checked_shl(step).unwrap_or(0);
            // The highest so far is below now; that of none is no use.
            if self.highest > 0 && step <= u64::BITS {
                self.below |= 1 << (step - 1);
            }
            self.highest = count;
            return true;
        }
        let back = self.highest - count;
        if count == 0 || back == 0 || back > u64::BITS || self.below >> (back - 1) & 1 == 1 {
            return false;
        }
        self.below |= 1 << (back - 1);
        true
    }
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(10_000);

    #[test]
    fn each_count_of_a_nonce_is_good_once_in_any_near_order() {
        let mut nonces = Nonces::new([7; 32]);
        let nonce = nonces.give(NOW);
        let uses: Vec<_> =
            [1, 1, 3, 2, 3, 2, 0, 70, 6, 5, 69, 69].map(|count| nonces.spend(&nonce, count, NOW)).into();
        use Use::{Again, New};
        // 6 is 64 below 70, which is as far as is remembered; 5 is further.
        assert_eq!(uses, [New, Again, New, New, Again, Again, Again, New, New, Again, New, Again]);
    }

    #[test]
    fn a_nonce_is_stale_after_its_life_and_when_it_is_not_ours() {
        let mut nonces = Nonces::new([7; 32]);
        let nonce = nonces.give(NOW);
        assert_eq!(nonces.spend(&nonce, 1, NOW + LIFE), Use::New);
        assert_eq!(nonces.spend(&nonce, 2, NOW + LIFE + Duration::from_micros(1)), Use::Stale);
        let mut other = Nonces::new([8; 32]);
        assert_eq!(other.spend(&nonce, 1, NOW), Use::Stale);
        for wrong in ["", "0", &nonce[..40], &"é".repeat(24), &"g".repeat(48)] {
            assert_eq!(nonces.spend(wrong, 1, NOW), Use::Stale, "{wrong}");
        }
    }

    #[test]
    fn when_too_many_are_remembered_the_oldest_are_good_no_longer() {
        let mut nonces = Nonces::new([7; 32]);
        let early = nonces.give(NOW);
        let given: Vec<_> = (0..=MAX_USED).map(|_| nonces.give(NOW)).collect();
        for nonce in &given {
            assert_eq!(nonces.spend(nonce, 1, NOW), Use::New);
        }
        assert_eq!(nonces.used.len(), MAX_USED);
        // The first of them was let go, and with it what was given before: nobody knows their uses any more.
        assert_eq!(nonces.spend(&given[0], 1, NOW), Use::Stale);
        assert_eq!(nonces.spend(&early, 1, NOW), Use::Stale);
        assert_eq!(nonces.spend(&given[1], 1, NOW), Use::Again);
        assert_eq!(nonces.spend(&given[1], 2, NOW), Use::New);
    }
}
