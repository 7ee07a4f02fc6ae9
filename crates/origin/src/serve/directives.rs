//! Delivery directives: what a player asks of a media playlist in its query (RFC 8216bis §6.2.5).

use manifest::hls::Extent;

/// What a playlist request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Directives {
    /// The segment, and perhaps its part, that the playlist must hold.
    pub(super) awaited: Option<(u64, Option<u64>)>,
    pub(super) extent: Extent,
}

/// A directive that cannot be meant.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum DirectiveError {
    #[error("{0} is not what it should be")]
    Value(&'static str),
    #[error("_HLS_part without _HLS_msn")]
    PartAlone,
}

impl Directives {
    /// Reads a query; other parameters are nobody's business here.
    pub(super) fn read(query: &str) -> Result<Self, DirectiveError> {
        let (mut msn, mut part, mut extent) = (None, None, Extent::Whole);
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match name {
                "_HLS_msn" => msn = Some(number(value).ok_or(DirectiveError::Value("_HLS_msn"))?),
                "_HLS_part" => part = Some(number(value).ok_or(DirectiveError::Value("_HLS_part"))?),
                "_HLS_skip" if value == "YES" || value == "v2" => extent = Extent::Delta,
                "_HLS_skip" => return Err(DirectiveError::Value("_HLS_skip")),
                _ => {}
            }
        }
        let awaited = match (msn, part) {
            (Some(msn), part) => Some((msn, part)),
            (None, None) => None,
            (None, Some(_)) => return Err(DirectiveError::PartAlone),
        };
        Ok(Self { awaited, extent })
    }
}

fn number(text: &str) -> Option<u64> {
    // Numbers of a playlist fit in 63 bits.
    text.parse().ok().filter(|number| *number <= i64::MAX as u64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn directives_are_read_and_nonsense_is_refused() {
        let read = |query| Directives::read(query);
        let asked = |awaited, extent| Ok(Directives { awaited, extent });
        assert_eq!(read(""), asked(None, Extent::Whole));
        assert_eq!(read("_HLS_msn=7"), asked(Some((7, None)), Extent::Whole));
        assert_eq!(read("_HLS_msn=7&_HLS_part=2&_HLS_skip=YES"), asked(Some((7, Some(2))), Extent::Delta));
        assert_eq!(read("_HLS_skip=v2&x=1"), asked(None, Extent::Delta));
        assert_eq!(read("_HLS_part=2"), Err(DirectiveError::PartAlone));
        for query in [
            "_HLS_msn=",
            "_HLS_msn=-1",
            "_HLS_msn=1&_HLS_part=a",
            "_HLS_skip=no",
            "_HLS_msn=99999999999999999999",
        ] {
            assert!(matches!(read(query), Err(DirectiveError::Value(_))), "{query}");
        }
    }

    proptest! {
        #[test]
        fn any_query_is_read_without_fault(query in "(_HLS_msn|_HLS_part|_HLS_skip|=|&|[0-9]{1,25}|\\PC){0,12}") {
            let _ = Directives::read(&query);
        }
    }
}
