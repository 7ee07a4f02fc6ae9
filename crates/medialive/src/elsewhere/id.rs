//! Ids of what other doors made. They follow from the names there, so they are the same after every restart, and have fifteen digits, so
//! that they are never those of MediaLive's own, which have seven.

use crate::id::digest;

const DIGITS: u32 = 15;

/// The id of a channel of this name.
pub(super) fn channel(name: &str) -> String {
    of(&["channel", name])
}

/// The id of an input of the channel of this name; `role` tells it from the channel's others.
pub(super) fn input(name: &str, role: &str) -> String {
    of(&["input", name, role])
}

/// Whether an id can only be of what another door made.
pub(crate) fn is_other(id: &str) -> bool {
    id.len() == DIGITS as usize && id.bytes().all(|digit| digit.is_ascii_digit())
}

fn of(words: &[&str]) -> String {
    let first = 10_u64.pow(DIGITS - 1);
    let number = u64::from_str_radix(&digest(words)[..15], 16).unwrap_or_default();
    (first + number % (9 * first)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_its_names_and_no_other_s() {
        assert_eq!(channel("news"), "338435596895004");
        let ids = [channel("news"), channel("new"), input("news", "input"), input("news", "backup")];
        assert!(ids.iter().all(|id| is_other(id)));
        assert!(ids.iter().enumerate().all(|(at, id)| !ids[..at].contains(id)), "{ids:?}");
        assert!(!is_other("1234567") && !is_other("12345678901234x"));
    }
}
