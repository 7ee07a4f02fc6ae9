//! Policies of channels and origin endpoints: those that can be kept are taken, others are refused.
//!
//! A request for media has no signature, so it has no principal. A policy can be kept where it lets everybody in, or on an
//! endpoint everybody who brings the CDN's header. Without a policy everybody is let in, unlike at AWS.

use aws::Error;
use serde::Deserialize;
use serde_json::Value;

use super::fault::invalid;

/// What a policy is about.
pub(super) struct About {
    /// What has to be allowed.
    action: &'static str,
    /// A statement may ask for the CDN's header.
    may_ask_for_header: bool,
}

/// Pushing to a channel.
pub(super) const INGEST: About = About { action: "mediapackagev2:PutObject", may_ask_for_header: false };
/// Playing an endpoint.
pub(super) const EGRESS: About = About { action: "mediapackagev2:GetObject", may_ask_for_header: true };

/// Whom a policy lets in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LetsIn {
    Everybody,
    WhoBringsTheHeader,
}

/// The condition key of the CDN's header.
const HEADER_MATCHES: &str = "mediapackagev2:RequestHasMatchingCdnAuthHeader";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Policy {
    #[serde(default)]
    #[expect(dead_code, reason = "any version is read alike")]
    version: Option<String>,
    #[serde(default)]
    #[expect(dead_code, reason = "a name for people")]
    id: Option<String>,
    statement: OneOrMore<Statement>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Statement {
    #[serde(default)]
    #[expect(dead_code, reason = "a name for people")]
    sid: Option<String>,
    effect: String,
    principal: Value,
    action: OneOrMore<String>,
    resource: OneOrMore<String>,
    #[serde(default)]
    condition: Option<Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore<T> {
    One(T),
    More(Vec<T>),
}

impl<T> OneOrMore<T> {
    fn as_slice(&self) -> &[T] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::More(more) => more,
        }
    }
}

/// Reads the policy of the resource with this ARN: whom it lets in. Refused where that cannot be kept.
pub(super) fn read(text: &str, arn: &str, about: &About) -> Result<LetsIn, Error> {
    let refused = |why: &str| invalid("INVALID_POLICY", format!("Policy: {why}"));
    let policy: Policy =
        serde_json::from_str(text).map_err(|error| refused(&format!("it cannot be read: {error}")))?;
    let mut lets_in = None;
    for statement in policy.statement.as_slice() {
        if statement.effect != "Allow" {
            return Err(refused("only statements that allow are carried out here"));
        }
        if !is_everybody(&statement.principal) {
            return Err(refused(
                "requests for media have no signature here, so it can only allow everybody (Principal \"*\")",
            ));
        }
        let covers = |patterns: &[String], of: &str| patterns.iter().any(|pattern| matches(pattern, of));
        if !covers(statement.action.as_slice(), about.action) || !covers(statement.resource.as_slice(), arn) {
            return Err(refused(&format!(
                "a statement allows {} on this resource, or nothing here",
                about.action
            )));
        }
        let granted = match &statement.condition {
            None => LetsIn::Everybody,
            Some(condition) if about.may_ask_for_header && asks_for_header(condition) => {
                LetsIn::WhoBringsTheHeader
            }
            Some(_) => {
                return Err(refused(&format!("the one condition carried out here is {HEADER_MATCHES}")));
            }
        };
        if lets_in != Some(LetsIn::Everybody) {
            lets_in = Some(granted);
        }
    }
    lets_in.ok_or_else(|| refused("there is no statement in it"))
}

fn is_everybody(principal: &Value) -> bool {
    match principal {
        Value::String(name) => name == "*",
        Value::Array(names) => names.iter().any(is_everybody),
        Value::Object(kinds) => kinds.get("AWS").is_some_and(is_everybody),
        _ => false,
    }
}

fn asks_for_header(condition: &Value) -> bool {
    let is_true = |value: &Value| match value {
        Value::Bool(value) => *value,
        Value::String(text) => text == "true",
        Value::Array(list) => matches!(list.as_slice(), [Value::String(text)] if text == "true"),
        _ => false,
    };
    let Value::Object(operators) = condition else { return false };
    let only = |operators: &serde_json::Map<String, Value>, name: &str| {
        operators.get(name).filter(|_| operators.len() == 1).cloned()
    };
    match only(operators, "Bool") {
        Some(Value::Object(keys)) => only(&keys, HEADER_MATCHES).is_some_and(|value| is_true(&value)),
        _ => false,
    }
}

/// Whether a pattern with `*` covers a text.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    const ARN: &str = "arn:aws:mediapackagev2:us-west-2:1:channelGroup/g/channel/c/originEndpoint/e";

    fn told(statement: Value) -> Result<LetsIn, String> {
        let text = json!({ "Version": "2012-10-17", "Statement": statement }).to_string();
        read(&text, ARN, &EGRESS).map_err(|error| error.message)
    }

    fn allow(more: &[(&str, Value)]) -> Value {
        let mut statement = json!({
            "Sid": "a", "Effect": "Allow", "Principal": "*", "Action": "mediapackagev2:GetObject", "Resource": ARN,
        });
        for (name, value) in more {
            statement[*name] = value.clone();
        }
        statement
    }

    #[test]
    fn everybody_or_whoever_brings_the_header_can_be_let_in() {
        assert_eq!(told(allow(&[])), Ok(LetsIn::Everybody));
        let aws = allow(&[("Principal", json!({ "AWS": "*" })), ("Action", json!(["mediapackagev2:Get*"]))]);
        assert_eq!(told(json!([aws])), Ok(LetsIn::Everybody));
        let header = allow(&[("Condition", json!({ "Bool": { HEADER_MATCHES: "true" } }))]);
        assert_eq!(told(header.clone()), Ok(LetsIn::WhoBringsTheHeader));
        assert_eq!(told(json!([header, allow(&[])])), Ok(LetsIn::Everybody));
        assert_eq!(
            told(allow(&[("Resource", json!("arn:aws:mediapackagev2:*/originEndpoint/e"))])),
            Ok(LetsIn::Everybody)
        );
    }

    #[test]
    fn what_cannot_be_kept_is_refused() {
        for (statement, why) in [
            (allow(&[("Effect", json!("Deny"))]), "only statements that allow"),
            (allow(&[("Principal", json!({ "Service": "cloudfront.amazonaws.com" }))]), "no signature"),
            (allow(&[("Principal", json!({ "AWS": "arn:aws:iam::1:root" }))]), "no signature"),
            (allow(&[("Resource", json!("arn:aws:other"))]), "on this resource"),
            (allow(&[("Action", json!("s3:*"))]), "on this resource"),
            (
                allow(&[("Condition", json!({ "IpAddress": { "aws:SourceIp": "10.0.0.0/8" } }))]),
                "the one condition",
            ),
            (
                allow(&[(
                    "Condition",
                    json!({ "Bool": { HEADER_MATCHES: "true", "aws:SecureTransport": "true" } }),
                )]),
                "the one condition",
            ),
            (allow(&[("NotAction", json!("x"))]), "cannot be read"),
            (json!([]), "no statement"),
        ] {
            let message = told(statement.clone()).expect_err("refused");
            assert!(message.contains(why), "{statement}: {message}");
        }
        assert!(read("not JSON", ARN, &EGRESS).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_fault(text in "(\\{|\\}|\\[|\\]|\"(Statement|Effect|Allow|Principal|\\*|Action)\"|:|,|\\PC){0,40}") {
            let _ = read(&text, ARN, &EGRESS);
            let _ = matches(&text, ARN);
        }
    }

    #[test]
    fn stars_match_anything() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("a", "a", true),
            ("a", "ab", false),
            ("a*c", "abc", true),
            ("a*c", "ac", true),
            ("a*b*c", "a-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("*a", "ba", true),
            ("aa*aa", "aaa", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }
}
