//! Which edges a request came through (`Via`, RFC 9110 §7.6.3), and whether this one is among them.

use std::borrow::Cow;
use std::hash::{BuildHasher, RandomState};

use http::HeaderValue;

/// Recipients told on to the origin, this edge included; of more, the latest. A loop of fewer edges is found.
const MAX_RECIPIENTS: usize = 16;

/// What this edge calls itself in `Via`: no other edge, and no other run of this one, has the same, and nobody can
/// guess it, so nobody can make this edge believe in a loop that is not there.
#[derive(Clone, Debug)]
pub(crate) struct Pseudonym(String);

impl Pseudonym {
    /// A new one.
    pub(crate) fn new() -> Pseudonym {
        // Keyed by the system's randomness, as hash tables are against floods.
        Pseudonym(format!("headwater-{:016x}", RandomState::new().hash_one(0_u8)))
    }

    /// Whether a request that came with this `Via` was here before.
    pub(crate) fn is_in(&self, via: &str) -> bool {
        recipients(via).any(|recipient| recipient.split_ascii_whitespace().nth(1) == Some(&self.0))
    }

    /// The `Via` of the request this edge makes for one that came with `via`. What is none is left out.
    pub(crate) fn after(&self, via: Option<&str>) -> HeaderValue {
        let own = format!("1.1 {}", self.0);
        let came: Vec<_> = recipients(via.unwrap_or_default())
            .filter(|recipient| {
                let words: Vec<_> = recipient.split_ascii_whitespace().collect();
                words.len() >= 2 && recipient.bytes().all(|b| (b' '..=b'~').contains(&b))
            })
            .collect();
        let latest = came.len().saturating_sub(MAX_RECIPIENTS - 1);
        let all: Vec<_> = came[latest..].iter().copied().chain([own.as_str()]).collect();
        HeaderValue::from_str(&all.join(", ")).expect("every recipient is made of visible ASCII and spaces")
    }
}

/// Two lines of `Via` are one list (RFC 9110 §5.3).
pub(crate) fn joined<'a>(before: Option<Cow<'a, str>>, line: &'a str) -> Cow<'a, str> {
    match before {
        None => line.into(),
        Some(before) => format!("{before}, {line}").into(),
    }
}

fn recipients(via: &str) -> impl Iterator<Item = &str> {
    via.split(',').map(str::trim).filter(|recipient| !recipient.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_edge_finds_itself_among_others() {
        let (here, there) = (Pseudonym::new(), Pseudonym::new());
        assert_ne!(here.0, there.0);
        let first = here.after(None);
        let second = there.after(Some(first.to_str().unwrap()));
        let text = second.to_str().unwrap();
        assert_eq!(text, format!("1.1 {}, 1.1 {}", here.0, there.0));
        assert!(here.is_in(text) && there.is_in(text) && !Pseudonym::new().is_in(text));
        let others = format!("1.0 fred, 1.1 p.example.net (Apache/1.1, {}),HTTP/2 x", here.0);
        assert!(!here.is_in(&others));
        assert!(here.is_in(&joined(Some(others.into()), text)));
    }

    proptest! {
        #[test]
        fn whatever_came_the_edge_is_the_last_of_a_bounded_list(via in ".{0,300}", many in 0_usize..60) {
            let here = Pseudonym::new();
            let via = format!("{via}{}", ", 1.1 x".repeat(many));
            let value = here.after(Some(&via));
            let text = value.to_str().unwrap();
            prop_assert!(text.ends_with(&here.0) && here.is_in(text));
            prop_assert!(recipients(text).count() <= MAX_RECIPIENTS);
        }
    }
}
