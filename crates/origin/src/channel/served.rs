//! Why viewers get another pipeline's segments than before: a log line, where there is a reason.
//!
//! Between two pipelines that are well the first to come is listed, so that changes are many and say nothing.

use std::fmt;

use media::Utc;

/// One line in so many microseconds.
const PAUSE_US: i64 = 10_000_000;

/// A channel's changes of the pipeline that is served.
#[derive(Debug, Default)]
pub(super) struct Served {
    told: Option<Utc>,
    /// Changes with a reason since then.
    untold: u32,
}

/// What the other pipeline has to offer in the place of a segment that is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rival {
    /// Its latest score.
    Scores(u8),
    /// It broke off, or has brought nothing for a while.
    Silent,
}

impl fmt::Display for Rival {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scores(score) => write!(f, "{score}"),
            Self::Silent => f.write_str("silent"),
        }
    }
}

impl Served {
    /// A segment that scores `score` was listed of another pipeline than the one before. The number of changes that nobody
    /// was told of, where this one is to be told.
    pub(super) fn changed(&mut self, score: u8, rival: Rival, now: Utc) -> Option<u32> {
        if rival == Rival::Scores(score) {
            return None;
        }
        if self.told.is_some_and(|told| now.0 - told.0 < PAUSE_US) {
            self.untold += 1;
            return None;
        }
        self.told = Some(now);
        Some(std::mem::take(&mut self.untold))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_told_with_its_reason_and_not_ten_times() {
        let mut served = Served::default();
        let mut changed = |second: i64, score, rival| served.changed(score, rival, Utc(second * 1_000_000));
        assert_eq!(changed(0, 100, Rival::Scores(100)), None, "whoever is first, of equals");
        assert_eq!(changed(1, 100, Rival::Scores(40)), Some(0));
        assert_eq!(changed(2, 40, Rival::Silent), None);
        assert_eq!(changed(3, 100, Rival::Scores(99)), None);
        assert_eq!(changed(11, 100, Rival::Silent), Some(2));
        assert_eq!(changed(21, 90, Rival::Scores(12)), Some(0));
        assert_eq!(Rival::Scores(12).to_string(), "12");
        assert_eq!(Rival::Silent.to_string(), "silent");
    }
}
