//! Policies from JSON.

use serde_json::{Map, Value as Json};

use super::condition::{Comparison, Condition, Text};
use super::network::Network;
use super::{Group, MAX_BYTES, MAX_COMBINATIONS, MAX_KEYS, Policy, Rule, Scope, Value};

/// Largest number in a policy, either sign.
const MAX_NUMBER: f64 = 1e9;
/// Deepest nesting, objects and `$or` alike.
const MAX_DEPTH: usize = 32;
/// Most stars in one wildcard.
const MAX_STARS: usize = 3;

/// Words that are operators, so that `$or` over keys of these names is a key itself.
const OPERATORS: [&str; 8] =
    ["anything-but", "cidr", "equals-ignore-case", "exists", "numeric", "prefix", "suffix", "wildcard"];

/// Why a text is no policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Over [`MAX_BYTES`].
    #[error("a filter policy has at most {MAX_BYTES} bytes")]
    TooLong,
    /// Not JSON, or no object.
    #[error("failed to parse JSON: {0}")]
    NotJson(String),
    /// Nothing in it.
    #[error("filter policy can not be empty")]
    Empty,
    /// Over [`MAX_KEYS`].
    #[error("filter policy can not have more than {MAX_KEYS} keys")]
    TooManyKeys,
    /// Over [`MAX_COMBINATIONS`].
    #[error("filter policy is too complex: at most {MAX_COMBINATIONS} combinations of values")]
    TooComplex,
    /// Too deep.
    #[error("filter policy is nested more than {MAX_DEPTH} deep")]
    TooDeep,
    /// An object where a list has to be.
    #[error("filter policy scope MessageAttributes does not support nested filter policy (\"{0}\")")]
    Nested(String),
    /// A key with something wrong.
    #[error("\"{key}\": {why}")]
    Key {
        /// The key.
        key: String,
        /// What is wrong with what it holds.
        why: &'static str,
    },
}

impl Policy {
    /// Reads a policy of JSON.
    ///
    /// # Errors
    /// What is wrong, in words for whoever wrote it.
    pub fn parse(text: &str, scope: Scope) -> Result<Self, Fault> {
        if text.len() > MAX_BYTES {
            return Err(Fault::TooLong);
        }
        let map: Map<String, Json> =
            serde_json::from_str(text).map_err(|fault| Fault::NotJson(fault.to_string()))?;
        if map.is_empty() {
            return Err(Fault::Empty);
        }
        let mut keys = 0;
        let group = group(&map, scope, 1, &mut keys)?;
        if keys > MAX_KEYS {
            return Err(Fault::TooManyKeys);
        }
        if combinations(&group, 1) > MAX_COMBINATIONS {
            return Err(Fault::TooComplex);
        }
        Ok(Self(group))
    }
}

fn group(map: &Map<String, Json>, scope: Scope, depth: usize, count: &mut usize) -> Result<Group, Fault> {
    if depth > MAX_DEPTH {
        return Err(Fault::TooDeep);
    }
    let mut made = Group::default();
    for (key, json) in map {
        let wrong = |why| Fault::Key { key: key.clone(), why };
        match json {
            Json::Array(list) if key == "$or" && is_choice(list) => {
                let groups = list.iter().filter_map(Json::as_object);
                made.any_of
                    .push(groups.map(|map| group(map, scope, depth + 1, count)).collect::<Result<_, _>>()?);
            }
            Json::Array(list) if list.is_empty() => return Err(wrong("empty arrays are not allowed")),
            Json::Array(list) => {
                *count += 1;
                let conditions =
                    list.iter().map(|json| condition(json).map_err(wrong)).collect::<Result<_, _>>()?;
                made.keys.push((key.clone(), Rule::Any(conditions)));
            }
            Json::Object(_) if scope == Scope::Attributes => return Err(Fault::Nested(key.clone())),
            Json::Object(map) if map.is_empty() => return Err(wrong("empty objects are not allowed")),
            Json::Object(map) => {
                made.keys.push((key.clone(), Rule::Nested(group(map, scope, depth + 1, count)?)));
            }
            _ => return Err(wrong("must be an object or an array")),
        }
    }
    Ok(made)
}

/// Two or more objects with keys that are no operators: a list that `$or` is of. Any other is the list of a key with that name.
fn is_choice(list: &[Json]) -> bool {
    let names_keys = |json: &Json| {
        json.as_object()
            .is_some_and(|map| !map.is_empty() && !map.keys().any(|key| OPERATORS.contains(&key.as_str())))
    };
    list.len() >= 2 && list.iter().all(names_keys)
}

fn condition(json: &Json) -> Result<Condition, &'static str> {
    let Json::Object(map) = json else {
        return Ok(Condition::Is(scalar(json)?));
    };
    let mut entries = map.iter();
    let (Some((operator, operand)), None) = (entries.next(), entries.next()) else {
        return Err("a condition is one operator with its operand");
    };
    match operator.as_str() {
        "anything-but" => anything_but(operand),
        "exists" => match operand {
            Json::Bool(wanted) => Ok(Condition::Exists(*wanted)),
            _ => Err("exists match pattern must be either true or false"),
        },
        "numeric" => numeric(operand),
        "cidr" => {
            let network = operand.as_str().and_then(Network::parse);
            network.map(Condition::In).ok_or("cidr must be a network such as 10.0.0.0/24")
        }
        _ => text(operator, operand).map(Condition::Text),
    }
}

/// A condition on text by its operator.
fn text(operator: &str, operand: &Json) -> Result<Text, &'static str> {
    let text = || {
        operand
            .as_str()
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
            .ok_or("the operand must be a string")
    };
    match operator {
        "prefix" => Ok(Text::Begins(text()?)),
        "suffix" => Ok(Text::Ends(text()?)),
        "equals-ignore-case" => Ok(Text::IsIgnoringCase(text()?)),
        "wildcard" => {
            let pattern = text()?;
            match pattern.matches('*').count() {
                0..=MAX_STARS if !pattern.contains("**") => Ok(Text::Like(pattern)),
                _ => Err("a wildcard has at most three stars, no two of them side by side"),
            }
        }
        _ => Err(
            "unrecognized match type; there are anything-but, cidr, equals-ignore-case, exists, numeric, prefix, suffix and wildcard",
        ),
    }
}

fn scalar(json: &Json) -> Result<Value, &'static str> {
    match Value::of(json) {
        Some(Value::Number(number)) if number.abs() > MAX_NUMBER => Err("a number is between -10^9 and 10^9"),
        Some(value) => Ok(value),
        None => Err("match value must be a string, number, true, false, null or one operator"),
    }
}

fn anything_but(operand: &Json) -> Result<Condition, &'static str> {
    const WRONG: &str =
        "anything-but takes strings, numbers, or one of prefix, suffix, wildcard and equals-ignore-case";
    match operand {
        Json::Object(map) if map.len() == 1 => {
            let (operator, operand) = map.iter().next().ok_or(WRONG)?;
            match operand {
                Json::Array(list) if !list.is_empty() => list
                    .iter()
                    .map(|json| text(operator, json))
                    .collect::<Result<_, _>>()
                    .map(Condition::IsNot),
                _ => Ok(Condition::IsNot(vec![text(operator, operand)?])),
            }
        }
        Json::Array(list) if !list.is_empty() => list
            .iter()
            .map(|json| match json {
                Json::String(_) | Json::Number(_) => scalar(json),
                _ => Err(WRONG),
            })
            .collect::<Result<_, _>>()
            .map(Condition::IsNone),
        Json::String(_) | Json::Number(_) => Ok(Condition::IsNone(vec![scalar(operand)?])),
        _ => Err(WRONG),
    }
}

/// `["=", 5]`, `[">", 0]`, `[">=", 0, "<", 10]`.
fn numeric(operand: &Json) -> Result<Condition, &'static str> {
    const WRONG: &str =
        "numeric takes [\"=\", n], or one of > and >= with n, one of < and <= with n, or both in this order";
    let list = operand.as_array().ok_or(WRONG)?;
    let (pairs, rest) = list.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(WRONG);
    }
    let mut bounds = Vec::new();
    for [operator, number] in pairs {
        let comparison = match operator.as_str() {
            Some("=") => Comparison::Equal,
            Some("<") => Comparison::Less,
            Some("<=") => Comparison::LessOrEqual,
            Some(">") => Comparison::Greater,
            Some(">=") => Comparison::GreaterOrEqual,
            _ => return Err(WRONG),
        };
        match scalar(number)? {
            Value::Number(number) => bounds.push((comparison, number)),
            _ => return Err(WRONG),
        }
    }
    match bounds.as_slice() {
        [_] => Ok(Condition::Numeric(bounds)),
        [
            (Comparison::Greater | Comparison::GreaterOrEqual, low),
            (Comparison::Less | Comparison::LessOrEqual, high),
        ] => {
            if low < high {
                Ok(Condition::Numeric(bounds))
            } else {
                Err("bottom must be less than top")
            }
        }
        _ => Err(WRONG),
    }
}

/// How many conditions there are together, were each key's written out with each of the others'.
fn combinations(group: &Group, depth: usize) -> usize {
    let keys = group.keys.iter().map(|(_, rule)| match rule {
        Rule::Any(conditions) => conditions.len() * depth,
        Rule::Nested(group) => combinations(group, depth + 1),
    });
    let choices = group
        .any_of
        .iter()
        .map(|groups| groups.iter().map(|group| combinations(group, depth)).fold(0, usize::saturating_add));
    keys.chain(choices).fold(1, usize::saturating_mul)
}
