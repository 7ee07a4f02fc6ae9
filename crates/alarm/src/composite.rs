//! Alarms on alarms.

use std::collections::BTreeSet;

use media::Utc;

use crate::definition::{Actions, AlarmFault, actions, description, name};
use crate::evaluate::Verdict;
use crate::rule::{Rule, RuleFault};
use crate::status::State;
use crate::text::date;

/// Alarms that a reason's data lists, and characters of the rule in its words.
const MAX_CHILDREN: usize = 10;
const MAX_RULE: usize = 200;

/// An alarm whose state follows from those of others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompositeAlarm {
    /// What it is called, within an account and a region.
    pub name: String,
    /// What its owner says of it.
    pub description: Option<String>,
    /// What is done when a state is entered.
    pub actions: Actions,
    /// When it is in ALARM.
    pub rule: Rule,
}

/// What is asked for: the members of PutCompositeAlarm, not yet looked at.
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs)]
pub struct PutCompositeAlarm {
    pub alarm_name: String,
    pub alarm_description: Option<String>,
    pub actions_enabled: Option<bool>,
    pub ok_actions: Vec<String>,
    pub alarm_actions: Vec<String>,
    pub insufficient_data_actions: Vec<String>,
    pub alarm_rule: String,
}

/// Why there can be no such composite alarm.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CompositeFault {
    /// Something that all alarms have.
    #[error(transparent)]
    Alarm(#[from] AlarmFault),
    /// The rule.
    #[error(transparent)]
    Rule(#[from] RuleFault),
}

impl TryFrom<PutCompositeAlarm> for CompositeAlarm {
    type Error = CompositeFault;

    fn try_from(asked: PutCompositeAlarm) -> Result<CompositeAlarm, CompositeFault> {
        Ok(CompositeAlarm {
            name: name(&asked.alarm_name)?,
            description: description(asked.alarm_description)?,
            actions: actions(
                asked.actions_enabled,
                asked.ok_actions,
                asked.alarm_actions,
                asked.insufficient_data_actions,
            )?,
            rule: Rule::parse(&asked.alarm_rule)?,
        })
    }
}

impl CompositeAlarm {
    /// What the states of the others call for. `state` tells one by its name or ARN as the rule has it.
    pub fn evaluate(&self, state: impl Fn(&str) -> Option<State>, now: Utc) -> Verdict {
        let holds = self.rule.holds(&state);
        let words = if holds { "holds" } else { "does not hold" };
        let told = |name: &&str| {
            state(name).map(|state| serde_json::json!({ "arn": name, "state": { "value": state } }))
        };
        let children: Vec<_> = self.rule.alarms().iter().filter_map(told).take(MAX_CHILDREN).collect();
        let data =
            serde_json::json!({ "version": "1.0", "queryDate": date(now), "triggeringAlarms": children });
        Verdict {
            state: Some(if holds { State::Alarm } else { State::Ok }),
            reason: format!(
                "The rule {words} as of {}: {}.",
                date(now),
                self.rule.text().chars().take(MAX_RULE).collect::<String>()
            ),
            reason_data: data.to_string(),
        }
    }
}

/// Whether `name`, with this rule, would in the end look at itself. `rule_of` tells the rule of a composite alarm by its name
/// or ARN, and is asked at most once for each.
pub fn is_circle<'a>(name: &str, rule: &'a Rule, rule_of: impl Fn(&str) -> Option<&'a Rule>) -> bool {
    let is_self = |other: &str| {
        other == name
            || other
                .strip_prefix("arn:")
                .is_some_and(|arn| arn.split_once(":alarm:").is_some_and(|(_, of)| of == name))
    };
    let mut seen = BTreeSet::new();
    let mut waiting = rule.alarms();
    while let Some(next) = waiting.pop() {
        if is_self(next) {
            return true;
        }
        if seen.insert(next) {
            waiting.extend(rule_of(next).map(Rule::alarms).unwrap_or_default());
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(text: &str) -> Rule {
        Rule::parse(text).unwrap()
    }

    #[test]
    fn it_is_in_alarm_while_its_rule_holds() {
        let asked = PutCompositeAlarm {
            alarm_name: "c".into(),
            alarm_rule: "ALARM(a) AND NOT ALARM(b)".into(),
            ..Default::default()
        };
        let alarm = CompositeAlarm::try_from(asked).unwrap();
        let of = |b| alarm.evaluate(move |name| Some(if name == "a" { State::Alarm } else { b }), Utc(0));
        assert_eq!(of(State::Ok).state, Some(State::Alarm));
        assert_eq!(of(State::Alarm).state, Some(State::Ok));
        assert!(
            of(State::Ok)
                .reason_data
                .contains(r#""triggeringAlarms":[{"arn":"a","state":{"value":"ALARM"}}"#)
        );
    }

    #[test]
    fn one_that_would_look_at_itself_is_found() {
        let (b, c) = (rule("ALARM(c) OR ALARM(m)"), rule("OK(\"arn:aws:cloudwatch:r:0:alarm:a\")"));
        let rule_of = |name: &str| match name {
            "b" => Some(&b),
            "c" => Some(&c),
            _ => None,
        };
        let (to_b, to_itself) = (rule("ALARM(b)"), rule("ALARM(a)"));
        assert!(is_circle("a", &to_b, rule_of));
        assert!(is_circle("a", &to_itself, rule_of));
        assert!(!is_circle("z", &to_b, rule_of));
    }
}
