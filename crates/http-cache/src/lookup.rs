//! What to do about a request: answer, lead, follow or pass.

use std::time::Instant;

use crate::freshness::Lifetime;

/// What the cache has under a key.
#[derive(Clone, Copy, Debug)]
pub enum Held<'a> {
    /// Nothing.
    None,
    /// An answer, whole or still arriving.
    Stored(&'a Lifetime),
    /// An answer that was not to be shared came lately, and the next will be the same.
    Unshared {
        /// Until when that is believed.
        until: Instant,
    },
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Answer from the copy.
    Hit,
    /// Answer from the copy, and fetch a newer one behind it.
    HitAndLead,
    /// Answer from the copy; a newer one is on its way.
    HitStale,
    /// Fetch, for oneself and all who come meanwhile; revalidate the copy where there is one.
    Lead,
    /// Wait for the fetch that is under way.
    Follow,
    /// Fetch for oneself alone.
    Pass,
}

/// Decides. `in_flight` says whether somebody's fetch of this key is under way and its head has not come yet.
///
/// ```text
/// copy        nobody fetching   somebody fetching
/// none        Lead              Follow
/// fresh       Hit               Hit
/// stale, swr  HitAndLead        HitStale
/// stale       Lead              Follow
/// unshared    Pass              Pass (Follow once that belief has lapsed)
/// ```
pub fn lookup(copy: Held<'_>, in_flight: bool, now: Instant) -> Decision {
    match (copy, in_flight) {
        (Held::Stored(lifetime), _) if lifetime.is_fresh(now) => Decision::Hit,
        (Held::Stored(lifetime), false) if lifetime.serves_while_revalidating(now) => Decision::HitAndLead,
        (Held::Stored(lifetime), true) if lifetime.serves_while_revalidating(now) => Decision::HitStale,
        (Held::Unshared { until }, _) if now < until => Decision::Pass,
        (_, false) => Decision::Lead,
        (_, true) => Decision::Follow,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    fn lifetime(arrived: Instant, fresh_s: u64, swr_s: u64) -> Lifetime {
        Lifetime {
            fresh: Duration::from_secs(fresh_s),
            age: Duration::ZERO,
            arrived,
            while_revalidate: Duration::from_secs(swr_s),
            if_error: Duration::ZERO,
        }
    }

    #[test]
    fn every_cell_of_the_table() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let stored = lifetime(start, 2, 3);
        let cases = [
            (Held::None, 0, [Decision::Lead, Decision::Follow]),
            (Held::Stored(&stored), 1, [Decision::Hit, Decision::Hit]),
            (Held::Stored(&stored), 2, [Decision::HitAndLead, Decision::HitStale]),
            (Held::Stored(&stored), 5, [Decision::Lead, Decision::Follow]),
            (Held::Unshared { until: at(4) }, 3, [Decision::Pass, Decision::Pass]),
            (Held::Unshared { until: at(4) }, 4, [Decision::Lead, Decision::Follow]),
        ];
        for (copy, now, expected) in cases {
            let found = [false, true].map(|in_flight| lookup(copy, in_flight, at(now)));
            assert_eq!(found, expected, "{copy:?} at {now} s");
        }
    }

    proptest! {
        #[test]
        fn nobody_leads_while_somebody_does(fresh in 0u64..5, swr in 0u64..5, now in 0u64..12, unshared: bool) {
            let start = Instant::now();
            let stored = lifetime(start, fresh, swr);
            let now = start + Duration::from_secs(now);
            let copy = if unshared { Held::Unshared { until: start + Duration::from_secs(fresh) } } else { Held::Stored(&stored) };
            let decision = lookup(copy, true, now);
            prop_assert!(!matches!(decision, Decision::Lead | Decision::HitAndLead));
        }
    }
}
