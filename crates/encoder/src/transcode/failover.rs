//! Which of a channel's two inputs is shown.
//!
//! ```text
//! Primary --fault--> Backup --fault, or primary clear for long enough (preference primary)--> Primary
//! ```
//! No input is left for one that is worse. An operator's choice holds until it is taken back.

use spec::Preference;
use wire::sample_stream::FeedInput;

use crate::metrics::Cause;

/// An input of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// `input`.
    Primary,
    /// `backup`.
    Backup,
}

impl From<FeedInput> for Side {
    fn from(input: FeedInput) -> Self {
        match input {
            FeedInput::Primary => Self::Primary,
            FeedInput::Backup => Self::Backup,
        }
    }
}

impl From<Side> for FeedInput {
    fn from(side: Side) -> Self {
        match side {
            Side::Primary => Self::Primary,
            Side::Backup => Self::Backup,
        }
    }
}

impl Side {
    /// The other one.
    pub const fn other(self) -> Self {
        match self {
            Self::Primary => Self::Backup,
            Self::Backup => Self::Primary,
        }
    }

    /// 0 and 1.
    pub(crate) const fn index(self) -> usize {
        match self {
            Self::Primary => 0,
            Self::Backup => 1,
        }
    }

    /// The word in logs and commands.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Backup => "backup",
        }
    }
}

/// Why another input is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The one before has this fault.
    Fault(Cause),
    /// The primary has been well for long enough.
    Clear,
    /// The operator says so.
    Chosen,
}

impl Reason {
    /// Every reason.
    pub(crate) const ALL: [Self; 6] = [
        Self::Fault(Cause::Loss),
        Self::Fault(Cause::Black),
        Self::Fault(Cause::Silence),
        Self::Fault(Cause::Frozen),
        Self::Clear,
        Self::Chosen,
    ];

    /// Its place in [`Self::ALL`].
    pub(crate) const fn index(self) -> usize {
        match self {
            Self::Fault(cause) => cause as usize,
            Self::Clear => 4,
            Self::Chosen => 5,
        }
    }

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Fault(cause) => cause.as_str(),
            Self::Clear => "clear",
            Self::Chosen => "chosen",
        }
    }
}

/// Chooses between two inputs by how they are.
#[derive(Debug)]
pub(crate) struct Failover {
    preference: Preference,
    /// The input that is shown first, and that a preference for the primary is for: of two pipelines each may have its own.
    preferred: Side,
    /// A loss is a reason to leave an input.
    leaves_lost: bool,
    clear_ns: i64,
    active: Side,
    /// Since when the input that is not shown has been well.
    well_since_ns: Option<i64>,
}

impl Failover {
    pub(crate) fn new(settings: &spec::Failover, preferred: Side) -> Self {
        Self {
            preference: settings.preference,
            preferred,
            leaves_lost: settings.loss_ms.is_some(),
            clear_ns: i64::from(settings.clear_ms) * 1_000_000,
            active: preferred,
            well_since_ns: None,
        }
    }

    /// The input that is shown.
    pub(crate) const fn active(&self) -> Side {
        self.active
    }

    /// Whether `shown`, while it is well, stays whatever becomes of the other.
    pub(crate) fn is_content(&self, shown: Side) -> bool {
        shown == self.preferred || self.preference == Preference::Equal
    }

    /// Looks at the inputs' faults at `now_ns`: of the one shown and of the other, `None` where it is well. `chosen` is
    /// the operator's will. The reason to go over to the other, where there is one; it is shown from then on.
    pub(crate) fn look(
        &mut self,
        now_ns: i64,
        shown: Option<Cause>,
        other: Option<Cause>,
        chosen: Option<Side>,
    ) -> Option<Reason> {
        let shown = shown.filter(|cause| *cause != Cause::Loss || self.leaves_lost);
        let well_ns = match other {
            Some(_) => {
                self.well_since_ns = None;
                None
            }
            None => Some(now_ns - *self.well_since_ns.get_or_insert(now_ns)),
        };
        let reason = match (chosen, shown) {
            (Some(side), _) if side != self.active => Some(Reason::Chosen),
            (Some(_), _) => None,
            (None, Some(cause)) if rank(other) < rank(shown) => Some(Reason::Fault(cause)),
            (None, None) if self.active != self.preferred && self.preference == Preference::Primary => {
                well_ns.is_some_and(|well_ns| well_ns >= self.clear_ns).then_some(Reason::Clear)
            }
            (None, _) => None,
        };
        if reason.is_some() {
            self.active = self.active.other();
            self.well_since_ns = None;
        }
        reason
    }
}

/// How bad it is: a source that brings something wrong is better than none.
const fn rank(fault: Option<Cause>) -> u8 {
    match fault {
        None => 0,
        Some(Cause::Black | Cause::Silence | Cause::Frozen) => 1,
        Some(Cause::Loss) => 2,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn failover(preference: Preference) -> Failover {
        Failover::new(&spec::Failover { preference, ..spec::Failover::default() }, Side::Primary)
    }

    #[test]
    fn a_fault_of_the_primary_shows_the_backup_and_a_clear_primary_comes_back() {
        let mut failover = failover(Preference::Primary);
        let loss = Some(Cause::Loss);
        assert_eq!(failover.look(0, None, None, None), None);
        assert_eq!(failover.look(1, loss, None, None), Some(Reason::Fault(Cause::Loss)));
        assert_eq!(failover.active(), Side::Backup);
        assert_eq!(failover.look(SECOND, None, loss, None), None);
        assert_eq!(failover.look(2 * SECOND, None, None, None), None);
        assert_eq!(failover.look(6 * SECOND, None, loss, None), None, "a relapse starts the wait again");
        assert_eq!(failover.look(7 * SECOND, None, None, None), None);
        assert_eq!(failover.look(11 * SECOND, None, None, None), None);
        assert_eq!(failover.look(12 * SECOND, None, None, None), Some(Reason::Clear));
        assert_eq!(failover.active(), Side::Primary);
    }

    #[test]
    fn the_second_of_a_pair_of_pipelines_has_it_the_other_way_round() {
        let mut failover = Failover::new(&spec::Failover::default(), Side::Backup);
        assert_eq!(failover.active(), Side::Backup);
        assert_eq!(failover.look(0, Some(Cause::Loss), None, None), Some(Reason::Fault(Cause::Loss)));
        assert_eq!(failover.look(SECOND, None, None, None), None);
        assert_eq!(failover.look(60 * SECOND, None, None, None), Some(Reason::Clear));
        assert_eq!(failover.active(), Side::Backup);
    }

    #[test]
    fn equal_inputs_stay_where_they_are() {
        let mut failover = failover(Preference::Equal);
        failover.look(0, Some(Cause::Black), None, None);
        assert_eq!(failover.look(100 * SECOND, None, None, None), None);
        assert_eq!(failover.active(), Side::Backup);
    }

    #[test]
    fn nobody_goes_from_bad_to_worse() {
        let mut failover = failover(Preference::Primary);
        for (shown, other, goes) in [
            (Cause::Black, Cause::Loss, false),
            (Cause::Loss, Cause::Loss, false),
            (Cause::Black, Cause::Silence, false),
            (Cause::Loss, Cause::Frozen, true),
        ] {
            let went = failover.look(0, Some(shown), Some(other), None).is_some();
            assert_eq!(went, goes, "{shown:?} {other:?}");
        }
    }

    #[test]
    fn a_loss_is_sat_out_where_it_is_not_among_the_reasons() {
        let settings = spec::Failover { loss_ms: None, black_ms: Some(1_000), ..spec::Failover::default() };
        let mut failover = Failover::new(&settings, Side::Primary);
        assert_eq!(failover.look(0, Some(Cause::Loss), None, None), None);
        assert_eq!(failover.look(0, Some(Cause::Black), Some(Cause::Loss), None), None);
        assert_eq!(failover.look(0, Some(Cause::Black), None, None), Some(Reason::Fault(Cause::Black)));
    }

    #[test]
    fn the_operator_s_choice_holds_whatever_the_inputs_do() {
        let mut failover = failover(Preference::Primary);
        let backup = Some(Side::Backup);
        assert_eq!(failover.look(0, None, Some(Cause::Loss), backup), Some(Reason::Chosen));
        assert_eq!(failover.look(SECOND, Some(Cause::Loss), None, backup), None);
        assert_eq!(
            failover.look(2 * SECOND, Some(Cause::Loss), None, None),
            Some(Reason::Fault(Cause::Loss))
        );
    }

    proptest! {
        #[test]
        fn inputs_that_flap_together_cannot_make_the_channel_flap(
            looks in proptest::collection::vec((any::<bool>(), any::<bool>()), 1..500),
        ) {
            let mut failover = failover(Preference::Primary);
            let mut now = 0;
            let mut went_back_at = i64::MIN / 2;
            for (primary, backup) in looks {
                now += SECOND / 10;
                let fault = |bad: bool| bad.then_some(Cause::Loss);
                let (shown, other) = match failover.active() {
                    Side::Primary => (primary, backup),
                    Side::Backup => (backup, primary),
                };
                match failover.look(now, fault(shown), fault(other), None) {
                    Some(Reason::Fault(_)) => prop_assert!(shown && !other),
                    Some(Reason::Clear) => {
                        prop_assert!(failover.active() == Side::Primary && now - went_back_at >= 5 * SECOND);
                        went_back_at = now;
                    }
                    Some(Reason::Chosen) => prop_assert!(false),
                    None => {}
                }
            }
        }
    }
}
