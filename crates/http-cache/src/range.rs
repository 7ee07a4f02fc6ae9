//! `Range` on an object whose length is known.

/// What a `Range` field comes to (RFC 9110 §14).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Range {
    /// The whole object: no range, one that is not understood, or several (a server may ignore those).
    Whole,
    /// `first..=last`, inside the object: 206.
    Part {
        /// Offset of the first byte.
        first: u64,
        /// Offset of the last byte.
        last: u64,
    },
    /// No byte of it exists: 416.
    Unsatisfiable,
}

/// Reads a `Range` value against an object of `len` bytes.
pub fn range(value: &str, len: u64) -> Range {
    parse(value, len).unwrap_or(Range::Whole)
}

fn parse(value: &str, len: u64) -> Option<Range> {
    let (unit, set) = value.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let (first, last) = set.trim().split_once('-')?;
    let (first, last) = (number(first)?, number(last)?);
    let part = |first, last| if first < len { Range::Part { first, last } } else { Range::Unsatisfiable };
    match (first, last) {
        (Some(first), Some(last)) if last < first => None,
        (Some(first), Some(last)) => Some(part(first, last.min(len.saturating_sub(1)))),
        (Some(first), None) => Some(part(first, len.saturating_sub(1))),
        (None, Some(0)) => Some(Range::Unsatisfiable),
        (None, Some(suffix)) => Some(part(len.saturating_sub(suffix), len.saturating_sub(1))),
        (None, None) => None,
    }
}

/// `None` for what is no number; `Some(None)` for nothing. Numbers beyond `u64` are as good as its end.
fn number(text: &str) -> Option<Option<u64>> {
    if text.is_empty() {
        return Some(None);
    }
    text.bytes().all(|b| b.is_ascii_digit()).then(|| Some(text.parse().unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn single_ranges_are_cut_to_the_object() {
        let part = |first, last| Range::Part { first, last };
        let cases = [
            ("bytes=0-0", part(0, 0)),
            ("bytes=0-499", part(0, 99)),
            ("bytes=50-", part(50, 99)),
            ("bytes=-10", part(90, 99)),
            ("bytes=-1000", part(0, 99)),
            ("BYTES=5-6", part(5, 6)),
            ("bytes=99-99", part(99, 99)),
            ("bytes=100-", Range::Unsatisfiable),
            ("bytes=-0", Range::Unsatisfiable),
            ("bytes=99999999999999999999-", Range::Unsatisfiable),
            ("bytes=0-99999999999999999999", part(0, 99)),
            ("bytes=5-4", Range::Whole),
            ("bytes=-", Range::Whole),
            ("bytes=a-b", Range::Whole),
            ("bytes=0-1,5-6", Range::Whole),
            ("items=0-1", Range::Whole),
            ("bytes 0-1", Range::Whole),
            ("", Range::Whole),
        ];
        for (value, expected) in cases {
            assert_eq!(range(value, 100), expected, "{value}");
        }
        assert_eq!(range("bytes=0-", 0), Range::Unsatisfiable);
        assert_eq!(range("bytes=-5", 0), Range::Unsatisfiable);
    }

    proptest! {
        #[test]
        fn a_part_lies_inside_the_object(value in "(bytes=)?[0-9,\\-]{0,24}", len: u64) {
            if let Range::Part { first, last } = range(&value, len) {
                prop_assert!(first <= last && last < len);
            }
        }
    }
}
