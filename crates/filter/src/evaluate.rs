//! Messages held against policies.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::condition::Condition;
use super::{Group, Policy, Rule, Value};

impl Policy {
    /// Whether a message with these attributes is wanted; an attribute that is an array has several values.
    pub fn admits_attributes(&self, attributes: &BTreeMap<String, Vec<Value>>) -> bool {
        self.0.admits(&|key| attributes.get(key).cloned())
    }

    /// Whether a message with this body is wanted. One that is no JSON object is not.
    pub fn admits_body(&self, body: &str) -> bool {
        match serde_json::from_str::<Json>(body) {
            Ok(json @ Json::Object(_)) => self.0.admits_json(Some(&json)),
            _ => false,
        }
    }
}

impl Group {
    /// For attributes, which are flat.
    fn admits(&self, values: &dyn Fn(&str) -> Option<Vec<Value>>) -> bool {
        let keys = self.keys.iter().all(|(key, rule)| match rule {
            Rule::Any(conditions) => any(conditions, values(key).as_deref()),
            Rule::Nested(_) => false,
        });
        keys && self.any_of.iter().all(|groups| groups.iter().any(|group| group.admits(values)))
    }

    /// For bodies: `json` is an object, or a list one of whose objects has to fulfil it.
    fn admits_json(&self, json: Option<&Json>) -> bool {
        if let Some(Json::Array(list)) = json {
            return list.iter().any(|element| self.admits_json(Some(element)));
        }
        let map = json.and_then(Json::as_object);
        if json.is_some() && map.is_none() {
            return false;
        }
        let keys = self.keys.iter().all(|(key, rule)| {
            let held = map.and_then(|map| map.get(key));
            match rule {
                Rule::Nested(group) => group.admits_json(held),
                Rule::Any(conditions) => {
                    let mut values = Vec::new();
                    // An object is no value: for conditions it is not there.
                    let is_there = held.is_some_and(|json| leaves(json, &mut values));
                    any(conditions, is_there.then_some(&values))
                }
            }
        });
        keys && self.any_of.iter().all(|groups| groups.iter().any(|group| group.admits_json(json)))
    }
}

/// The scalars of a value, lists taken apart. Whether it holds any, or is an empty list.
fn leaves(json: &Json, into: &mut Vec<Value>) -> bool {
    match json {
        Json::Array(list) => {
            list.is_empty() | list.iter().fold(false, |any, element| leaves(element, into) | any)
        }
        Json::Object(_) => false,
        scalar => {
            into.extend(Value::of(scalar));
            true
        }
    }
}

/// Whether a key with these values fulfils one of the conditions.
fn any(conditions: &[Condition], values: Option<&[Value]>) -> bool {
    conditions.iter().any(|condition| match (condition, values) {
        (Condition::Exists(wanted), values) => *wanted == values.is_some(),
        (_, None) => false,
        (condition, Some(values)) => values.iter().any(|value| condition.holds(value)),
    })
}
