//! Policies of channels and origin endpoints: those that can be kept are taken, others are refused.
//!
//! A request for media has no signature, so it has no principal. A policy can be kept where it lets everybody in, or on an
//! endpoint everybody who brings the CDN's header, or comes from some addresses. Without a policy everybody is let in, unlike at AWS.

use aws::Error;
use serde::Deserialize;
use serde_json::Value;
use spec::Network;

use super::fault::invalid;
use super::source_ip;

/// What a policy is about.
pub(super) struct About {
    /// What has to be allowed.
    action: &'static str,
    /// A statement may ask for the CDN's header, and for the viewer's address.
    takes_conditions: bool,
}

/// Pushing to a channel.
pub(super) const INGEST: About = About { action: "mediapackagev2:PutObject", takes_conditions: false };
/// Playing an endpoint.
pub(super) const EGRESS: About = About { action: "mediapackagev2:GetObject", takes_conditions: true };

/// Whom a policy lets in: who does all that it asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct LetsIn {
    /// To bring the CDN's header.
    pub(super) asks_for_header: bool,
    /// To come from one of these networks; from anywhere where there is none.
    pub(super) networks: Vec<Network>,
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
            None => LetsIn::default(),
            Some(condition) if about.takes_conditions => asked(condition).map_err(|why| refused(&why))?,
            Some(_) => return Err(refused("no condition is carried out here on who may push")),
        };
        lets_in = Some(match lets_in {
            None => granted,
            Some(before) => either(before, granted).map_err(refused)?,
        });
    }
    lets_in.ok_or_else(|| refused("there is no statement in it"))
}

/// What lets in whom either does.
fn either(one: LetsIn, other: LetsIn) -> Result<LetsIn, &'static str> {
    let is_wider = |one: &LetsIn, other: &LetsIn| {
        (other.asks_for_header || !one.asks_for_header)
            && (one.networks.is_empty() || one.networks == other.networks)
    };
    if is_wider(&one, &other) {
        return Ok(one);
    }
    if is_wider(&other, &one) {
        return Ok(other);
    }
    if one.asks_for_header != other.asks_for_header {
        return Err(
            "one statement asks for the header and another for addresses; ask for both in each, or for one of them",
        );
    }
    let networks = [one.networks, other.networks].concat();
    match networks.len() > source_ip::MAX {
        true => Err("its statements name more networks than can be carried out"),
        false => Ok(LetsIn { networks, ..one }),
    }
}

/// What a condition asks for.
fn asked(condition: &Value) -> Result<LetsIn, String> {
    let carried_out = || {
        format!(
            "the conditions carried out here are {HEADER_MATCHES}, and IpAddress and NotIpAddress of aws:SourceIp"
        )
    };
    let operators =
        condition.as_object().filter(|operators| !operators.is_empty()).ok_or_else(carried_out)?;
    let is_known = |operator: &String| ["Bool", "IpAddress", "NotIpAddress"].contains(&operator.as_str());
    if !operators.keys().all(is_known) {
        return Err(carried_out());
    }
    let asks_for_header = match operators.get("Bool") {
        None => false,
        Some(keys) if asks_for_header(keys) => true,
        Some(_) => return Err(carried_out()),
    };
    let networks = source_ip::networks(operators.get("IpAddress"), operators.get("NotIpAddress"))?;
    Ok(LetsIn { asks_for_header, networks })
}

fn is_everybody(principal: &Value) -> bool {
    match principal {
        Value::String(name) => name == "*",
        Value::Array(names) => names.iter().any(is_everybody),
        Value::Object(kinds) => kinds.get("AWS").is_some_and(is_everybody),
        _ => false,
    }
}

fn asks_for_header(keys: &Value) -> bool {
    let is_true = |value: &Value| match value {
        Value::Bool(value) => *value,
        Value::String(text) => text == "true",
        Value::Array(list) => matches!(list.as_slice(), [Value::String(text)] if text == "true"),
        _ => false,
    };
    let keys = keys.as_object().filter(|keys| keys.len() == 1);
    keys.and_then(|keys| keys.get(HEADER_MATCHES)).is_some_and(is_true)
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

    /// `header` and networks; nothing for everybody.
    fn told(statement: Value) -> Result<String, String> {
        let text = json!({ "Version": "2012-10-17", "Statement": statement }).to_string();
        let LetsIn { asks_for_header, networks } =
            read(&text, ARN, &EGRESS).map_err(|error| error.message)?;
        let header = asks_for_header.then(|| "header".to_owned()).into_iter();
        Ok(header.chain(networks.iter().map(ToString::to_string)).collect::<Vec<_>>().join(" "))
    }

    fn on(condition: Value) -> Value {
        allow(&[("Condition", condition)])
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
        let everybody = Ok(String::new());
        assert_eq!(told(allow(&[])), everybody);
        let aws = allow(&[("Principal", json!({ "AWS": "*" })), ("Action", json!(["mediapackagev2:Get*"]))]);
        assert_eq!(told(json!([aws])), everybody);
        let header = on(json!({ "Bool": { HEADER_MATCHES: "true" } }));
        assert_eq!(told(header.clone()), Ok("header".to_owned()));
        assert_eq!(told(json!([header, allow(&[])])), everybody);
        let resource = allow(&[("Resource", json!("arn:aws:mediapackagev2:*/originEndpoint/e"))]);
        assert_eq!(told(resource), everybody);
    }

    #[test]
    fn some_addresses_can_be_let_in_with_the_header_or_without() {
        let from = |network: &str| json!({ "IpAddress": { "aws:SourceIp": network } });
        let header = json!({ "Bool": { HEADER_MATCHES: "true" } });
        let mut both = from("10.0.0.0/8");
        both["Bool"] = header["Bool"].clone();
        for (statements, expected) in [
            (on(from("10.0.0.0/8")), "10.0.0.0/8"),
            (on(json!({ "NotIpAddress": { "aws:SourceIp": ["128.0.0.0/1", "::/0"] } })), "0.0.0.0/1"),
            (on(both.clone()), "header 10.0.0.0/8"),
            (json!([on(from("10.0.0.0/8")), on(from("192.0.2.1"))]), "10.0.0.0/8 192.0.2.1"),
            (json!([on(from("10.0.0.0/8")), allow(&[])]), ""),
            (json!([on(both.clone()), on(header.clone())]), "header"),
            (json!([on(both), on(from("10.0.0.0/8"))]), "10.0.0.0/8"),
        ] {
            assert_eq!(told(statements.clone()), Ok(expected.to_owned()), "{statements}");
        }
        let mixed = told(json!([on(from("10.0.0.0/8")), on(header)])).expect_err("refused");
        assert!(mixed.contains("ask for both in each"), "{mixed}");
    }

    #[test]
    fn what_cannot_be_kept_is_refused() {
        for (statement, why) in [
            (allow(&[("Effect", json!("Deny"))]), "only statements that allow"),
            (allow(&[("Principal", json!({ "Service": "cloudfront.amazonaws.com" }))]), "no signature"),
            (allow(&[("Principal", json!({ "AWS": "arn:aws:iam::1:root" }))]), "no signature"),
            (allow(&[("Resource", json!("arn:aws:other"))]), "on this resource"),
            (allow(&[("Action", json!("s3:*"))]), "on this resource"),
            (on(json!({ "IpAddress": { "aws:VpcSourceIp": "10.0.0.0/8" } })), "aws:SourceIp"),
            (on(json!({ "StringEquals": { "aws:Referer": "x" } })), "the conditions carried out"),
            (on(json!({})), "the conditions carried out"),
            (
                allow(&[(
                    "Condition",
                    json!({ "Bool": { HEADER_MATCHES: "true", "aws:SecureTransport": "true" } }),
                )]),
                "the conditions carried out",
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
