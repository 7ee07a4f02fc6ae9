//! When an operator is told that what viewers get is not what the source sent.

use media::Utc;

/// Scores below this are low.
const LOW: u8 = 90;
/// It is over once no score was low for so long, in microseconds: a channel that falters is told once.
const CLEAR_US: i64 = 10_000_000;

/// Whether a channel's scores are low.
#[derive(Debug, Default)]
pub(super) struct LowScore {
    /// When one was last.
    latest: Option<Utc>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Raised,
    Cleared,
}

impl LowScore {
    /// A segment of this score was listed.
    pub(super) fn listed(&mut self, score: u8, now: Utc) -> Option<Change> {
        if score < LOW {
            return self.latest.replace(now).is_none().then_some(Change::Raised);
        }
        self.latest.take_if(|latest| now.0 - latest.0 >= CLEAR_US).map(|_| Change::Cleared)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_that_falters_is_told_once_and_once_it_is_well() {
        let mut low = LowScore::default();
        let mut changes = Vec::new();
        for second in 0..60 {
            let score = if (10..40).contains(&second) && second % 3 == 0 { 50 } else { 100 };
            changes.extend(low.listed(score, Utc(second * 1_000_000)).map(|change| (second, change)));
        }
        assert_eq!(changes, [(12, Change::Raised), (49, Change::Cleared)]);
    }
}
