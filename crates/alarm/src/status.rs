//! The state an alarm is in, and what happens when it changes.
//!
//! ```text
//! created --> INSUFFICIENT_DATA <--> OK <--> ALARM     any state may follow any other;
//!                     ^------------------------^        actions are run on the way in, and only then
//! ```

use std::fmt;
use std::str::FromStr;

use media::Utc;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::definition::Actions;
use crate::evaluate::Verdict;
use crate::history::{HistoryItem, HistoryKind};

/// Longest reason somebody may give for a state, in bytes.
pub const MAX_REASON_BYTES: usize = 1023;
/// Longest data to a reason, in bytes.
pub const MAX_REASON_DATA_BYTES: usize = 4000;

/// What an alarm says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum State {
    /// Within the threshold.
    #[serde(rename = "OK")]
    Ok,
    /// Beyond it.
    #[serde(rename = "ALARM")]
    Alarm,
    /// Nobody knows.
    #[serde(rename = "INSUFFICIENT_DATA")]
    InsufficientData,
}

/// The state an alarm is in, and since when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The state.
    pub state: State,
    /// Why, in words.
    pub reason: String,
    /// Why, as JSON.
    pub reason_data: Option<String>,
    /// When state or reason last changed.
    pub updated: Utc,
    /// When the state last changed.
    pub transitioned: Utc,
}

/// A change of state.
#[derive(Clone, Debug, PartialEq)]
pub struct Transition {
    /// What it was.
    pub from: State,
    /// What it is.
    pub to: State,
    /// The entry for the alarm's history.
    pub history: HistoryItem,
    /// What is to be done, each by its ARN; empty where actions are off.
    pub actions: Vec<String>,
}

/// Why a state cannot be set by hand.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)]
pub enum SetStateFault {
    #[error("StateValue must be OK, ALARM or INSUFFICIENT_DATA, not `{0}`")]
    State(String),
    #[error("StateReason must have 1 to {MAX_REASON_BYTES} bytes")]
    Reason,
    #[error("StateReasonData must be JSON of at most {MAX_REASON_DATA_BYTES} bytes")]
    ReasonData,
}

impl Status {
    /// That of an alarm nobody has looked at yet.
    pub fn created(now: Utc) -> Status {
        let reason = "Unchecked: Initial alarm creation".to_owned();
        Status { state: State::InsufficientData, reason, reason_data: None, updated: now, transitioned: now }
    }

    /// Takes a verdict. Where it changes the state, the transition says what follows; otherwise nothing does: a
    /// state keeps the reason for which it was entered.
    pub fn settle(
        &mut self,
        name: &str,
        actions: &Actions,
        verdict: Verdict,
        now: Utc,
    ) -> Option<Transition> {
        let to = verdict.state?;
        self.enter(name, actions, to, verdict.reason, Some(verdict.reason_data), now)
    }

    /// Takes a state that somebody sets by hand (SetAlarmState). It stays until the next evaluation says otherwise.
    pub fn set(
        &mut self,
        name: &str,
        actions: &Actions,
        state: &str,
        reason: String,
        reason_data: Option<String>,
        now: Utc,
    ) -> Result<Option<Transition>, SetStateFault> {
        let to = state.parse()?;
        if reason.is_empty() || reason.len() > MAX_REASON_BYTES {
            return Err(SetStateFault::Reason);
        }
        let is_json = |data: &String| {
            data.len() <= MAX_REASON_DATA_BYTES && serde_json::from_str::<&RawValue>(data).is_ok()
        };
        if reason_data.as_ref().is_some_and(|data| !is_json(data)) {
            return Err(SetStateFault::ReasonData);
        }
        Ok(self.enter(name, actions, to, reason, reason_data, now))
    }

    fn enter(
        &mut self,
        name: &str,
        actions: &Actions,
        to: State,
        reason: String,
        reason_data: Option<String>,
        now: Utc,
    ) -> Option<Transition> {
        if self.state == to {
            return None;
        }
        let after = Status { state: to, reason, reason_data, updated: now, transitioned: now };
        let before = std::mem::replace(self, after);
        let history = HistoryItem {
            at: now,
            alarm: name.to_owned(),
            kind: HistoryKind::StateUpdate,
            summary: format!("Alarm updated from {} to {to}", before.state),
            data: change(&before, self),
        };
        let actions = if actions.enabled { actions.on(to).to_vec() } else { Vec::new() };
        Some(Transition { from: before.state, to, history, actions })
    }
}

impl Actions {
    /// What is done on entering a state.
    pub fn on(&self, state: State) -> &[String] {
        match state {
            State::Ok => &self.ok,
            State::Alarm => &self.alarm,
            State::InsufficientData => &self.insufficient_data,
        }
    }
}

/// Both states, as the history has them.
fn change(before: &Status, after: &Status) -> String {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Side<'a> {
        state_value: State,
        state_reason: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        state_reason_data: Option<&'a RawValue>,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Change<'a> {
        version: &'static str,
        old_state: Side<'a>,
        new_state: Side<'a>,
    }
    fn side(status: &Status) -> Side<'_> {
        Side {
            state_value: status.state,
            state_reason: &status.reason,
            state_reason_data: status.reason_data.as_deref().and_then(|data| serde_json::from_str(data).ok()),
        }
    }
    let change = Change { version: "1.0", old_state: side(before), new_state: side(after) };
    serde_json::to_string(&change).expect("text and JSON are JSON")
}

impl State {
    /// As the API spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Ok => "OK",
            State::Alarm => "ALARM",
            State::InsufficientData => "INSUFFICIENT_DATA",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for State {
    type Err = SetStateFault;

    fn from_str(text: &str) -> Result<State, SetStateFault> {
        let all = [State::Ok, State::Alarm, State::InsufficientData];
        let found = all.into_iter().find(|state| state.as_str() == text);
        found.ok_or_else(|| SetStateFault::State(text.chars().take(40).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn actions(enabled: bool) -> Actions {
        let one = |name: &str| vec![format!("arn:{name}")];
        Actions { enabled, ok: one("ok"), alarm: one("alarm"), insufficient_data: one("unknown") }
    }

    fn verdict(state: Option<State>) -> Verdict {
        Verdict { state, reason: "because.".to_owned(), reason_data: r#"{"version":"1.0"}"#.to_owned() }
    }

    #[test]
    fn actions_are_run_on_transitions_only() {
        let mut status = Status::created(Utc(0));
        assert_eq!(status.state, State::InsufficientData);
        let on = actions(true);
        let entered = status.settle("a", &on, verdict(Some(State::Alarm)), Utc(1)).unwrap();
        assert_eq!((entered.from, entered.to), (State::InsufficientData, State::Alarm));
        assert_eq!(entered.actions, ["arn:alarm"]);
        assert_eq!(status.settle("a", &on, verdict(Some(State::Alarm)), Utc(2)), None);
        assert_eq!(status.settle("a", &on, verdict(None), Utc(3)), None);
        assert_eq!(status.transitioned, Utc(1));
        assert_eq!(status.settle("a", &on, verdict(Some(State::Ok)), Utc(4)).unwrap().actions, ["arn:ok"]);
        assert_eq!(
            status.settle("a", &on, verdict(Some(State::InsufficientData)), Utc(5)).unwrap().actions,
            ["arn:unknown"]
        );
    }

    #[test]
    fn with_actions_off_the_state_changes_and_nothing_is_done() {
        let mut status = Status::created(Utc(0));
        let entered = status.settle("a", &actions(false), verdict(Some(State::Alarm)), Utc(1)).unwrap();
        assert!(entered.actions.is_empty());
        assert_eq!(status.state, State::Alarm);
    }

    #[test]
    fn a_transition_leaves_both_states_in_the_history() {
        let mut status = Status::created(Utc(0));
        let entered = status.settle("a", &actions(true), verdict(Some(State::Ok)), Utc(1)).unwrap();
        assert_eq!(entered.history.summary, "Alarm updated from INSUFFICIENT_DATA to OK");
        assert_eq!(
            entered.history.data,
            r#"{"version":"1.0","oldState":{"stateValue":"INSUFFICIENT_DATA","stateReason":"Unchecked: Initial alarm creation"},"newState":{"stateValue":"OK","stateReason":"because.","stateReasonData":{"version":"1.0"}}}"#
        );
    }

    #[test]
    fn a_state_set_by_hand_runs_its_actions_and_lasts_until_the_next_verdict() {
        let mut status = Status::created(Utc(0));
        let on = actions(true);
        let set = status.set("a", &on, "ALARM", "a test".to_owned(), None, Utc(1)).unwrap().unwrap();
        assert_eq!(set.actions, ["arn:alarm"]);
        assert_eq!(status.reason, "a test");
        assert_eq!(status.set("a", &on, "ALARM", "again".to_owned(), None, Utc(2)), Ok(None));
        assert_eq!(status.settle("a", &on, verdict(Some(State::Ok)), Utc(3)).unwrap().from, State::Alarm);
    }

    #[test]
    fn a_state_that_is_none_is_not_set() {
        let mut status = Status::created(Utc(0));
        let on = actions(true);
        let mut set = |state: &str, reason: &str, data: Option<&str>| {
            status.set("a", &on, state, reason.to_owned(), data.map(str::to_owned), Utc(1)).unwrap_err()
        };
        assert_eq!(set("BAD", "r", None), SetStateFault::State("BAD".to_owned()));
        assert_eq!(set("OK", "", None), SetStateFault::Reason);
        assert_eq!(set("OK", &"r".repeat(1024), None), SetStateFault::Reason);
        assert_eq!(set("OK", "r", Some("{")), SetStateFault::ReasonData);
        assert_eq!(status, Status::created(Utc(0)));
    }
}
