//! What a peer may do, but not this often.

use std::time::Instant;

use crate::limits::{self, Budget};

macro_rules! attacks {
    ($($(#[doc = $doc:literal])* $name:ident = $label:literal, $budget:expr;)*) => {
        /// Why a connection was ended with `ENHANCE_YOUR_CALM`. Each has its own budget and is a counter's label.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
        pub enum Attack {
            $($(#[doc = $doc])* #[error($label)] $name,)*
        }

        impl Attack {
            /// Every attack, in order.
            pub const ALL: &'static [Attack] = &[$(Attack::$name,)*];

            /// A short name for logs and metrics.
            pub fn label(self) -> &'static str {
                match self { $(Attack::$name => $label,)* }
            }

            fn budget(self) -> Budget {
                match self { $(Attack::$name => $budget,)* }
            }
        }
    };
}

/// Ended the first time.
const NONE: Budget = Budget { burst: 0, per_s: 0 };

attacks! {
    /// Requests made and taken back (CVE-2023-44487).
    RapidReset = "rapid_reset", limits::RESETS;
    /// Frames that make us reset streams whose answers are under way (CVE-2025-8671).
    MadeYouReset = "made_you_reset", limits::FORCED_RESETS;
    /// A header block that does not end (CVE-2024-27316 and its kin).
    Continuation = "continuation_flood", NONE;
    /// PING after PING (CVE-2019-9512).
    Ping = "ping_flood", limits::PINGS;
    /// SETTINGS after SETTINGS (CVE-2019-9515).
    Settings = "settings_flood", limits::SETTINGS;
    /// DATA without data (CVE-2019-9518).
    EmptyData = "empty_data", limits::EMPTY_DATA;
    /// Windows that are kept shut or opened by crumbs, so that answers stay here (CVE-2019-9511, CVE-2019-9517).
    BrokeWindow = "broke_window", limits::CUT_DATA;
    /// Few bytes that unpack into many header fields (CVE-2016-1544 and its kin).
    HpackBomb = "hpack_bomb", NONE;
    /// Any other frames that cost and ask for nothing (CVE-2019-9513).
    FrameFlood = "frame_flood", limits::IDLE_FRAMES;
}

/// What a peer has spent.
#[derive(Debug)]
pub(crate) struct Budgets([Spent; Attack::ALL.len()]);

#[derive(Clone, Copy, Debug)]
struct Spent {
    count: u32,
    /// Up to when what comes back by time has been given back.
    since: Instant,
}

impl Budgets {
    pub(crate) fn new(now: Instant) -> Budgets {
        Budgets([Spent { count: 0, since: now }; Attack::ALL.len()])
    }

    /// Spends `count`; an error once that is more than there was.
    pub(crate) fn spend(&mut self, attack: Attack, count: u32, now: Instant) -> Result<(), Attack> {
        let budget = attack.budget();
        let spent = &mut self.0[attack as usize];
        if spent.count == 0 {
            spent.since = now;
        } else if budget.per_s > 0 {
            let passed_ms = now.saturating_duration_since(spent.since).as_millis();
            let back = passed_ms.saturating_mul(u128::from(budget.per_s)) / 1_000;
            if back > 0 {
                spent.count = spent.count.saturating_sub(u32::try_from(back).unwrap_or(u32::MAX));
                spent.since = now;
            }
        }
        spent.count = spent.count.saturating_add(count);
        if spent.count > budget.burst { Err(attack) } else { Ok(()) }
    }

    /// Gives `count` back for something done for the peer.
    pub(crate) fn earn(&mut self, attack: Attack, count: u32) {
        let spent = &mut self.0[attack as usize];
        spent.count = spent.count.saturating_sub(count);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_budget_is_spent_at_once_and_comes_back_with_time() {
        let start = Instant::now();
        let mut budgets = Budgets::new(start);
        let Budget { burst, per_s } = limits::PINGS;
        for _ in 0..burst {
            budgets.spend(Attack::Ping, 1, start).unwrap();
        }
        let later = start + Duration::from_secs(2);
        for _ in 0..2 * per_s {
            budgets.spend(Attack::Ping, 1, later).unwrap();
        }
        assert_eq!(budgets.spend(Attack::Ping, 1, later), Err(Attack::Ping));
        assert_eq!(budgets.spend(Attack::Settings, 1, later), Ok(()));
    }

    #[test]
    fn a_peer_that_keeps_to_the_rate_is_never_accused() {
        let start = Instant::now();
        let mut budgets = Budgets::new(start);
        for second in 0..10_000 {
            for _ in 0..limits::PINGS.per_s {
                budgets.spend(Attack::Ping, 1, start + Duration::from_secs(second)).unwrap();
            }
        }
    }
}
