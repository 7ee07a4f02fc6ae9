//! Which of a channel's inputs kills its encoder, and is therefore kept from it.
//!
//! ```text
//! taken --3 deaths while it was decoded, within 60 s--> quarantine --another session, or the operator--> taken
//! ```

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use wire::Quarantined;
use wire::report::Report;
use wire::sample_stream::FeedInput;

/// So many deaths within [`WITHIN`] are the input's doing.
const DEATHS: usize = 3;
const WITHIN: Duration = Duration::from_secs(60);

/// What is known of a channel's inputs, over the lives of its encoders.
#[derive(Debug, Default)]
pub(super) struct Record {
    /// The session each input had last.
    sessions: [u64; 2],
    /// The input that the running encoder decoded last.
    decodes: Option<FeedInput>,
    /// When encoders died of each input, the oldest first.
    deaths: [VecDeque<Instant>; 2],
    held: Vec<Quarantined>,
}

impl Record {
    /// A new encoder begins.
    pub(super) fn begins(&mut self) {
        self.decodes = None;
    }

    /// What is in quarantine.
    pub(super) fn held(&self) -> &[Quarantined] {
        &self.held
    }

    /// Takes a report; what leaves quarantine by it, because another session is there.
    pub(super) fn hear(&mut self, report: &Report) -> Option<Quarantined> {
        match *report {
            Report::Decodes { input } => {
                self.decodes = Some(input);
                None
            }
            Report::Session { input, session } => {
                self.sessions[input as usize] = session;
                let left =
                    self.held.iter().position(|held| held.input == input && held.session != session)?;
                self.deaths[input as usize].clear();
                Some(self.held.swap_remove(left))
            }
            Report::Ready | Report::Beat(_) | Report::Chosen { .. } => None,
        }
    }

    /// The encoder died at `now` in a way that its input may have caused; what comes into quarantine for it.
    pub(super) fn died(&mut self, now: Instant) -> Option<Quarantined> {
        let input = self.decodes?;
        let deaths = &mut self.deaths[input as usize];
        deaths.push_back(now);
        while deaths.front().is_some_and(|first| now.duration_since(*first) > WITHIN) {
            deaths.pop_front();
        }
        if deaths.len() < DEATHS || self.held.iter().any(|held| held.input == input) {
            return None;
        }
        deaths.clear();
        let held = Quarantined { input, session: self.sessions[input as usize] };
        self.held.push(held);
        Some(held)
    }

    /// Lets everything out.
    pub(super) fn release(&mut self) -> Vec<Quarantined> {
        self.deaths.iter_mut().for_each(VecDeque::clear);
        std::mem::take(&mut self.held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const DECODES: Report = Report::Decodes { input: FeedInput::Primary };
    const SESSION: Report = Report::Session { input: FeedInput::Primary, session: 7 };
    const HELD: Quarantined = Quarantined { input: FeedInput::Primary, session: 7 };

    fn die(record: &mut Record, reports: &[Report], at: Instant) -> Option<Quarantined> {
        record.begins();
        for report in reports {
            record.hear(report);
        }
        record.died(at)
    }

    #[test]
    fn three_deaths_in_a_minute_and_the_input_is_held_until_another_session() {
        let (mut record, start) = (Record::default(), Instant::now());
        for at in [0, 1] {
            assert_eq!(die(&mut record, &[SESSION, DECODES], start + SECOND * at), None);
        }
        assert_eq!(die(&mut record, &[SESSION, DECODES], start + SECOND * 60), Some(HELD));
        assert_eq!(record.hear(&SESSION), None, "the same session stays out");
        let next = Report::Session { input: FeedInput::Primary, session: 8 };
        assert_eq!(record.hear(&next), Some(HELD));
        assert_eq!(record.held(), []);
        assert_eq!(die(&mut record, &[next, DECODES], start + SECOND * 61), None, "it begins afresh");
    }

    #[test]
    fn deaths_far_apart_or_before_anything_was_decoded_blame_nobody() {
        let (mut record, start) = (Record::default(), Instant::now());
        for at in 0..20 {
            assert_eq!(die(&mut record, &[SESSION, DECODES], start + SECOND * 31 * at), None);
        }
        let mut record = Record::default();
        for _ in 0..20 {
            assert_eq!(die(&mut record, &[SESSION], start), None);
        }
    }

    #[test]
    fn each_input_answers_for_itself_and_the_operator_lets_both_out() {
        let (mut record, now) = (Record::default(), Instant::now());
        let backup = [DECODES, Report::Decodes { input: FeedInput::Backup }];
        for _ in 0..2 {
            assert_eq!(die(&mut record, &[SESSION, DECODES], now), None);
            assert_eq!(die(&mut record, &backup, now), None);
        }
        assert!(die(&mut record, &[SESSION, DECODES], now).is_some());
        assert!(die(&mut record, &backup, now).is_some());
        assert_eq!(record.release().len(), 2);
        assert_eq!(die(&mut record, &backup, now), None);
    }
}
