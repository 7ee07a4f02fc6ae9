//! Conditions: when a statement counts. All keys of all operators have to hold.

use media::Utc;

use super::network::Network;
use super::pattern::{ArnPattern, Case, Pattern, Variables};
use super::{Context, PolicyFault};
use crate::iso_time;

/// One operator on one key: `"StringLike": {"aws:username": ["e*"]}`.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    key: String,
    quantifier: Quantifier,
    /// Holds also where the key is missing (`…IfExists`).
    if_exists: bool,
    /// `…Not…`: none of the values may match.
    is_negated: bool,
    tests: Vec<Test>,
}

/// How many of a key's values have to match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quantifier {
    /// The one it has.
    One,
    /// `ForAnyValue:`.
    Any,
    /// `ForAllValues:`; none is all.
    All,
}

/// What one value in the policy asks of a value of the call.
#[derive(Clone, Debug, PartialEq)]
enum Test {
    Text(Pattern, Case),
    Arn(ArnPattern),
    Number(Order, f64),
    Date(Order, Utc),
    Bool(bool),
    Address(Network),
    /// Whether the key is missing.
    Null(bool),
}

/// Which side of the policy's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Order {
    fn holds<T: PartialOrd>(self, value: T, bound: T) -> bool {
        match self {
            Order::Equal => value == bound,
            Order::Less => value < bound,
            Order::LessOrEqual => value <= bound,
            Order::Greater => value > bound,
            Order::GreaterOrEqual => value >= bound,
        }
    }
}

/// How an operator reads the policy's values.
#[derive(Clone, Copy)]
enum Kind {
    /// Wildcards count, or do not.
    Text(Case, bool),
    Arn,
    Number(Order),
    Date(Order),
    Bool,
    Address,
    Null,
}

impl Condition {
    /// Reads an operator with its prefix and suffix, a key and the values beside it. What is not known is refused by name.
    pub(super) fn parse(
        operator: &str,
        key: &str,
        values: &[String],
        variables: Variables,
    ) -> Result<Self, PolicyFault> {
        let (quantifier, rest) = match operator.split_once(':') {
            Some(("ForAnyValue", rest)) => (Quantifier::Any, rest),
            Some(("ForAllValues", rest)) => (Quantifier::All, rest),
            Some(_) => return Err(PolicyFault::Operator(operator.to_owned())),
            None => (Quantifier::One, operator),
        };
        let (name, if_exists) = match rest.strip_suffix("IfExists") {
            Some(name) => (name, true),
            None => (rest, false),
        };
        let (kind, is_negated) = kind(name).ok_or_else(|| PolicyFault::Operator(operator.to_owned()))?;
        if matches!(kind, Kind::Null) && (if_exists || quantifier != Quantifier::One) {
            return Err(PolicyFault::Operator(operator.to_owned()));
        }
        let is_key = |byte: u8| byte.is_ascii_alphanumeric() || b":/-_.@".contains(&byte);
        if key.is_empty() || !key.bytes().all(is_key) {
            return Err(PolicyFault::Key(key.to_owned()));
        }
        if values.is_empty() {
            return Err(PolicyFault::Empty("a condition's values"));
        }
        let test = |value: &String| {
            let fault = || PolicyFault::Value { operator: operator.to_owned(), value: value.clone() };
            kind.read(value, variables).ok_or_else(fault)
        };
        let tests = values.iter().map(test).collect::<Result<_, _>>()?;
        Ok(Condition { key: key.to_owned(), quantifier, if_exists, is_negated, tests })
    }

    /// Whether it holds for a call.
    pub(super) fn holds(&self, context: &Context) -> bool {
        let values = context.values(&self.key);
        if let [Test::Null(is_missing), ..] = self.tests[..] {
            return values.is_empty() == is_missing;
        }
        if values.is_empty() {
            return match self.quantifier {
                Quantifier::All => true,
                // A key that is missing is not any of the values.
                Quantifier::One => self.if_exists || self.is_negated,
                Quantifier::Any => self.if_exists,
            };
        }
        let is_met =
            |value: &String| self.tests.iter().any(|test| test.holds(value, context)) != self.is_negated;
        match self.quantifier {
            Quantifier::All => values.iter().all(is_met),
            Quantifier::Any => values.iter().any(is_met),
            // None of several values may be among those of a negated operator.
            Quantifier::One if self.is_negated => values.iter().all(is_met),
            Quantifier::One => values.iter().any(is_met),
        }
    }
}

/// An operator's meaning, and whether it is a `Not`. Their case counts.
fn kind(name: &str) -> Option<(Kind, bool)> {
    use Case::{Insensitive, Sensitive};
    use Order::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual};
    Some(match name {
        "StringEquals" => (Kind::Text(Sensitive, false), false),
        "StringNotEquals" => (Kind::Text(Sensitive, false), true),
        "StringEqualsIgnoreCase" => (Kind::Text(Insensitive, false), false),
        "StringNotEqualsIgnoreCase" => (Kind::Text(Insensitive, false), true),
        "StringLike" => (Kind::Text(Sensitive, true), false),
        "StringNotLike" => (Kind::Text(Sensitive, true), true),
        "ArnEquals" | "ArnLike" => (Kind::Arn, false),
        "ArnNotEquals" | "ArnNotLike" => (Kind::Arn, true),
        "NumericEquals" => (Kind::Number(Equal), false),
        "NumericNotEquals" => (Kind::Number(Equal), true),
        "NumericLessThan" => (Kind::Number(Less), false),
        "NumericLessThanEquals" => (Kind::Number(LessOrEqual), false),
        "NumericGreaterThan" => (Kind::Number(Greater), false),
        "NumericGreaterThanEquals" => (Kind::Number(GreaterOrEqual), false),
        "DateEquals" => (Kind::Date(Equal), false),
        "DateNotEquals" => (Kind::Date(Equal), true),
        "DateLessThan" => (Kind::Date(Less), false),
        "DateLessThanEquals" => (Kind::Date(LessOrEqual), false),
        "DateGreaterThan" => (Kind::Date(Greater), false),
        "DateGreaterThanEquals" => (Kind::Date(GreaterOrEqual), false),
        "Bool" => (Kind::Bool, false),
        "IpAddress" => (Kind::Address, false),
        "NotIpAddress" => (Kind::Address, true),
        "Null" => (Kind::Null, false),
        _ => return None,
    })
}

impl Kind {
    fn read(self, value: &str, variables: Variables) -> Option<Test> {
        match self {
            Kind::Text(case, true) => Some(Test::Text(Pattern::parse(value, variables)?, case)),
            Kind::Text(case, false) => {
                Some(Test::Text(Pattern::parse(value, variables)?.without_wildcards(), case))
            }
            Kind::Arn => ArnPattern::parse(value, variables).map(Test::Arn),
            Kind::Number(order) => number(value).map(|bound| Test::Number(order, bound)),
            Kind::Date(order) => iso_time::parse_extended(value).map(|bound| Test::Date(order, bound)),
            Kind::Bool => boolean(value).map(Test::Bool),
            Kind::Address => Network::parse(value).map(Test::Address),
            Kind::Null => boolean(value).map(Test::Null),
        }
    }
}

impl Test {
    fn holds(&self, value: &str, context: &Context) -> bool {
        match self {
            Test::Text(pattern, case) => pattern.matches(value, *case, context),
            Test::Arn(pattern) => pattern.matches(value, context),
            Test::Number(order, bound) => number(value).is_some_and(|value| order.holds(value, *bound)),
            Test::Date(order, bound) => {
                iso_time::parse_extended(value).is_some_and(|value| order.holds(value, *bound))
            }
            Test::Bool(expected) => boolean(value) == Some(*expected),
            Test::Address(network) => value.parse().is_ok_and(|address| network.contains(address)),
            Test::Null(_) => false,
        }
    }
}

fn number(text: &str) -> Option<f64> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    text.parse().ok().filter(|number: &f64| is_plain && number.is_finite())
}

fn boolean(text: &str) -> Option<bool> {
    match text {
        _ if text.eq_ignore_ascii_case("true") => Some(true),
        _ if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(operator: &str, values: &[&str], context: &[&str]) -> bool {
        let values: Vec<String> = values.iter().map(ToString::to_string).collect();
        let condition = Condition::parse(operator, "k:key", &values, Variables::Substituted).unwrap();
        let mut given = Context::default();
        context.iter().for_each(|value| given.add("K:Key", *value));
        condition.holds(&given)
    }

    #[test]
    fn operators_compare_as_their_names_say() {
        for (operator, values, context, expected) in [
            ("StringEquals", &["a", "b"][..], &["b"][..], true),
            ("StringEquals", &["a*"], &["ab"], false),
            ("StringEquals", &["a*"], &["a*"], true),
            ("StringEquals", &["a"], &["A"], false),
            ("StringEquals", &["a"], &[], false),
            ("StringEqualsIfExists", &["a"], &[], true),
            ("StringEqualsIfExists", &["a"], &["b"], false),
            ("StringNotEquals", &["a", "b"], &["b"], false),
            ("StringNotEquals", &["a", "b"], &["c"], true),
            ("StringNotEquals", &["a"], &[], true),
            ("StringNotEquals", &["a"], &["b", "a"], false),
            ("StringEqualsIgnoreCase", &["a"], &["A"], true),
            ("StringLike", &["a*"], &["ab"], true),
            ("StringNotLike", &["a*"], &["ab"], false),
            ("ArnLike", &["arn:aws:sns:*:*:t*"], &["arn:aws:sns:us-west-2:123456789012:topic"], true),
            ("ArnNotLike", &["arn:aws:sns:*:*:t*"], &["arn:aws:sns:us-west-2:123456789012:u"], true),
            ("NumericLessThan", &["10"], &["9.5"], true),
            ("NumericLessThan", &["10"], &["nine"], false),
            ("NumericGreaterThanEquals", &["10"], &["10"], true),
            ("DateLessThan", &["2026-11-21T00:00:00Z"], &["2026-11-20T23:59:59Z"], true),
            ("DateGreaterThan", &["2026-11-21"], &["2026-11-20T23:59:59Z"], false),
            ("Bool", &["true"], &["TRUE"], true),
            ("Bool", &["false"], &["true"], false),
            ("Bool", &["true"], &[], false),
            ("IpAddress", &["203.0.113.0/24"], &["203.0.113.77"], true),
            ("IpAddress", &["203.0.113.0/24"], &["203.0.114.1"], false),
            ("IpAddress", &["0.0.0.0/0"], &["203.0.114.1"], true),
            ("IpAddress", &["0.0.0.0/0"], &["2001:db8::1"], false),
            ("IpAddress", &["10.0.0.0/8"], &["::ffff:10.1.2.3"], true),
            ("IpAddress", &["2001:db8::/32"], &["2001:db8:1::1"], true),
            ("IpAddress", &["10.0.0.1"], &["10.0.0.2"], false),
            ("IpAddress", &["10.0.0.0/8"], &["no address"], false),
            ("NotIpAddress", &["10.0.0.0/8"], &["10.0.0.2"], false),
            ("Null", &["true"], &[], true),
            ("Null", &["true"], &["a"], false),
            ("Null", &["false"], &["a"], true),
            ("ForAnyValue:StringEquals", &["a"], &["b", "a"], true),
            ("ForAnyValue:StringEquals", &["a"], &[], false),
            ("ForAllValues:StringLike", &["a*"], &["ab", "b"], false),
            ("ForAllValues:StringLike", &["a*"], &["ab", "a"], true),
            ("ForAllValues:StringLike", &["a*"], &[], true),
        ] {
            assert_eq!(holds(operator, values, context), expected, "{operator} {values:?} {context:?}");
        }
    }

    #[test]
    fn what_is_not_known_is_refused_by_name() {
        let refused = |operator: &str, value: &str| {
            Condition::parse(operator, "k", &[value.to_owned()], Variables::Substituted).unwrap_err()
        };
        for operator in
            ["StringSimilar", "stringequals", "BinaryEquals", "ForSome:Bool", "NullIfExists", "", "IfExists"]
        {
            assert_eq!(refused(operator, "true"), PolicyFault::Operator(operator.into()));
        }
        for (operator, value) in [
            ("Bool", "yes"),
            ("IpAddress", "10.0.0.0/33"),
            ("IpAddress", "10.0.0.0/"),
            ("IpAddress", "10.0.0"),
            ("NumericEquals", "inf"),
            ("DateLessThan", "tomorrow"),
            ("ArnLike", "channel"),
            ("StringLike", "${"),
        ] {
            let fault = PolicyFault::Value { operator: operator.into(), value: value.into() };
            assert_eq!(refused(operator, value), fault);
        }
    }
}
