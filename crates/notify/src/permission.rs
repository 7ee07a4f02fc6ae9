//! Access policies of topics and queues: kept and told, not acted on; who may call is decided before by the callers' own policies.

use serde_json::{Map, Value, json};

/// Longest policy, in bytes.
const MAX_BYTES: usize = 30 * 1024;
/// Most statements of a policy.
const MAX_STATEMENTS: usize = 20;

/// Refuses what is no policy.
pub(crate) fn check(text: &str) -> Result<(), String> {
    if text.len() > MAX_BYTES {
        return Err(format!("a policy has at most {MAX_BYTES} bytes"));
    }
    let map: Map<String, Value> =
        serde_json::from_str(text).map_err(|fault| format!("policy is no JSON: {fault}"))?;
    match map.get("Statement") {
        Some(Value::Array(_) | Value::Object(_)) => Ok(()),
        _ => Err("policy has no Statement".to_owned()),
    }
}

/// A policy with one more statement: `accounts` may do `actions`.
pub(crate) fn add(
    policy: &str,
    label: &str,
    (service, accounts, actions): (&str, &[String], &[String]),
    resource: &str,
) -> Result<String, String> {
    let is_label = (1..=80).contains(&label.len())
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if !is_label {
        return Err("the label is 1 to 80 of a-z A-Z 0-9 - _".to_owned());
    }
    if accounts.is_empty()
        || accounts
            .iter()
            .any(|account| account.len() != 12 || !account.bytes().all(|byte| byte.is_ascii_digit()))
    {
        return Err("accounts are numbers of twelve digits".to_owned());
    }
    let is_action =
        |action: &String| action == "*" || action.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if actions.is_empty() || !actions.iter().all(is_action) {
        return Err("actions are names of operations, or *".to_owned());
    }
    let mut map: Map<String, Value> = serde_json::from_str(policy).map_err(|fault| fault.to_string())?;
    let statements = map.entry("Statement").or_insert_with(|| json!([]));
    if !statements.is_array() {
        *statements = json!([statements.take()]);
    }
    let list = statements.as_array_mut().expect("it was made one");
    if list.iter().any(|statement| statement["Sid"] == label) {
        return Err("Statement already exists".to_owned());
    }
    if list.len() >= MAX_STATEMENTS {
        return Err(format!("a policy has at most {MAX_STATEMENTS} statements"));
    }
    let principals: Vec<_> = accounts.iter().map(|account| format!("arn:aws:iam::{account}:root")).collect();
    let actions: Vec<_> = actions.iter().map(|action| format!("{service}:{action}")).collect();
    list.push(json!({
        "Sid": label, "Effect": "Allow", "Principal": { "AWS": principals }, "Action": actions, "Resource": resource,
    }));
    Ok(Value::Object(map).to_string())
}

/// A policy without the statement of a label; `None` where it has no such.
pub(crate) fn remove(policy: &str, label: &str) -> Option<String> {
    let mut map: Map<String, Value> = serde_json::from_str(policy).ok()?;
    let list = map.get_mut("Statement")?.as_array_mut()?;
    let before = list.len();
    list.retain(|statement| statement["Sid"] != label);
    (list.len() < before).then(|| Value::Object(map).to_string())
}

/// The policy of a topic that nobody gave one: its account may do all.
pub(crate) fn of_topic(arn: &str, account: &str) -> String {
    let actions = [
        "GetTopicAttributes",
        "SetTopicAttributes",
        "AddPermission",
        "RemovePermission",
        "DeleteTopic",
        "Subscribe",
        "ListSubscriptionsByTopic",
        "Publish",
    ]
    .map(|action| format!("SNS:{action}"));
    json!({
        "Version": "2008-10-17",
        "Id": "__default_policy_ID",
        "Statement": [{
            "Sid": "__default_statement_ID",
            "Effect": "Allow",
            "Principal": { "AWS": "*" },
            "Action": actions,
            "Resource": arn,
            "Condition": { "StringEquals": { "AWS:SourceOwner": account } },
        }],
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_added_once_by_its_label_and_removed() {
        let policy = of_topic("arn:t", "123456789012");
        let grant = |policy: &str, label: &str, action: &str| {
            add(policy, label, ("SNS", &["210987654321".to_owned()], &[action.to_owned()]), "arn:t")
        };
        let more = grant(&policy, "l", "Publish").expect("added");
        let read: Value = serde_json::from_str(&more).expect("JSON");
        assert_eq!(read["Statement"][1]["Action"], json!(["SNS:Publish"]));
        assert_eq!(read["Statement"][1]["Principal"]["AWS"], json!(["arn:aws:iam::210987654321:root"]));
        assert!(grant(&more, "l", "Publish").is_err());
        assert!(grant(&more, "l 2", "Publish").is_err());
        assert!(grant(&more, "m", "a:b").is_err());
        assert_eq!(remove(&more, "l").as_deref(), Some(policy.as_str()));
        assert_eq!(remove(&policy, "l"), None);
        assert_eq!(check(&more), Ok(()));
        assert!(check("{}").is_err() && check("[]").is_err());
    }
}
