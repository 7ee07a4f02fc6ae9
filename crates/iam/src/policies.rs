//! Policies that users are given. Each has one version, `v1`.

use aws::{Error, Map, Value};
use door::{Caller, Refusal};
use identity::key::unique_id;
use identity::policy;
use store::{Document, Policy, Write};

use crate::page;
use crate::random;
use crate::record::PolicyRecord;
use crate::refusal::{held, invalid, malformed, missing, quota, taken, told};
use crate::service::Iam;
use crate::tags;

/// Most policies of an account.
const MOST: i64 = 1_500;
/// Most bytes of one, blanks not counted.
const MOST_BYTES: usize = 6_144;
/// The one version.
const VERSION: &str = "v1";

impl Iam {
    pub(crate) async fn create_policy(&self, caller: &Caller, input: Map) -> Result<Map, Error> {
        let name = input.text("PolicyName").unwrap_or_default();
        let text = input.text("PolicyDocument").unwrap_or_default();
        let mut write = self.begin(caller).await?;
        let done = async {
            policy::Document::parse(text).map_err(|fault| malformed(&fault))?;
            if without_blanks(text) > MOST_BYTES {
                return Err(Refusal::Told(quota("PolicySize", MOST_BYTES)));
            }
            match write.policy(name).await {
                Err(store::Error::NotFound(_)) => {}
                Ok(_) => {
                    return Err(Refusal::Told(taken(format!(
                        "A policy called {name} already exists. Duplicate names are not allowed."
                    ))));
                }
                Err(error) => return Err(error.into()),
            }
            if write.policy_count().await? >= MOST {
                return Err(Refusal::Told(quota("PoliciesPerAccount", MOST as usize)));
            }
            let record = PolicyRecord {
                id: unique_id("ANPA", random::bytes()),
                path: input.text("Path").unwrap_or("/").to_owned(),
                description: input.text("Description").map(str::to_owned),
                tags: tags::read(&input)?,
            };
            write.put_policy(name, &Document::parse(text)?, &Document::of(&record)?).await?;
            Ok(write.policy(name).await?)
        }
        .await;
        let policy = self.settle(caller, write, &format!("policy/{name}"), done).await?;
        Ok(Map::new().with("Policy", shown(&caller.account, &policy, 0)?))
    }

    pub(crate) async fn get_policy(&self, caller: &Caller, input: Map) -> Result<Map, Error> {
        let policy = self.asked_policy(caller, &input).await?;
        let given = self.store.attachments(&caller.account).await.map_err(told)?;
        let count = given.iter().filter(|(_, name)| *name == policy.name).count();
        Ok(Map::new().with("Policy", shown(&caller.account, &policy, count)?))
    }

    pub(crate) async fn get_policy_version(&self, caller: &Caller, input: Map) -> Result<Map, Error> {
        let policy = self.asked_policy(caller, &input).await?;
        match input.text("VersionId") {
            Some(VERSION) => Ok(Map::new()
                .with("PolicyVersion", version(&policy).with("Document", encoded(policy.document.text())))),
            other => Err(missing(format!(
                "Policy {} version {} does not exist or is not attachable.",
                arn_asked(&input),
                other.unwrap_or_default()
            ))),
        }
    }

    pub(crate) async fn list_policy_versions(&self, caller: &Caller, input: Map) -> Result<Map, Error> {
        let policy = self.asked_policy(caller, &input).await?;
        Ok(page::answer(&input, "Versions", [(VERSION.to_owned(), Value::from(version(&policy)))]))
    }

    pub(crate) async fn list_policies(&self, caller: &Caller, input: Map) -> Result<Map, Error> {
        let prefix = input.text("PathPrefix").unwrap_or("/");
        let is_only_attached = input.get("OnlyAttached") == Some(&Value::Boolean(true));
        // Policies of AWS's own, and of users' boundaries, there are none.
        let are_others = input.text("Scope") == Some("AWS")
            || input.text("PolicyUsageFilter") == Some("PermissionsBoundary");
        let given = self.store.attachments(&caller.account).await.map_err(told)?;
        let mut listed = Vec::new();
        let all = self.store.policies(&caller.account).await.map_err(told)?;
        for policy in all.into_iter().filter(|_| !are_others) {
            let count = given.iter().filter(|(_, name)| *name == policy.name).count();
            let is_there = PolicyRecord::of(&policy).map_err(told)?.path.starts_with(prefix);
            if is_there && (count > 0 || !is_only_attached) {
                let mut shown = shown(&caller.account, &policy, count)?;
                // A list leaves these out.
                shown.remove("Tags");
                shown.remove("Description");
                listed.push((policy.name, Value::from(shown)));
            }
        }
        Ok(page::answer(&input, "Policies", listed))
    }

    pub(crate) async fn delete_policy(&self, caller: &Caller, input: Map) -> Result<Map, Error> {
        let arn = arn_asked(&input);
        let mut write = self.begin(caller).await?;
        let done = async {
            let policy = found(&mut write, caller, arn).await?;
            match write.delete_policy(&policy.name).await {
                Err(store::Error::Conflict(_)) => {
                    Err(Refusal::Told(held("Cannot delete a policy attached to entities.")))
                }
                done => Ok(done.map(|()| Map::new())?),
            }
        }
        .await;
        self.settle(caller, write, arn, done).await
    }

    /// The policy that a call is about.
    pub(crate) async fn asked_policy(&self, caller: &Caller, input: &Map) -> Result<Policy, Error> {
        let arn = arn_asked(input);
        let name = name_in(caller, arn)?;
        match self.store.policy(&caller.account, name).await {
            Ok(policy) if is(&policy, &caller.account, arn)? => Ok(policy),
            Ok(_) | Err(store::Error::NotFound(_)) => Err(missing(format!("Policy {arn} was not found."))),
            Err(error) => Err(told(error)),
        }
    }
}

/// A policy that a call is about, as its turn sees it.
pub(crate) async fn found(write: &mut Write, caller: &Caller, arn: &str) -> Result<Policy, Refusal> {
    let name = name_in(caller, arn)?;
    match write.policy(name).await {
        Ok(policy) if is(&policy, &caller.account, arn)? => Ok(policy),
        Ok(_) | Err(store::Error::NotFound(_)) => {
            Err(Refusal::Told(missing(format!("Policy {arn} was not found."))))
        }
        Err(error) => Err(error.into()),
    }
}

pub(crate) fn arn_asked(input: &Map) -> &str {
    input.text("PolicyArn").unwrap_or_default()
}

pub(crate) fn arn(account: &str, policy: &Policy) -> Result<String, Error> {
    let path = PolicyRecord::of(policy).map_err(told)?.path;
    Ok(format!("arn:aws:iam::{account}:policy{path}{}", policy.name))
}

/// The name at the end of an ARN; one of another account, and of AWS's own policies, is of none that are here.
fn name_in<'a>(caller: &Caller, arn: &'a str) -> Result<&'a str, Error> {
    let Some((account, rest)) = arn.strip_prefix("arn:aws:iam::").and_then(|arn| arn.split_once(":policy/"))
    else {
        return Err(invalid(format!("ARN {arn} is not valid.")));
    };
    if account != caller.account {
        return Err(missing(format!("Policy {arn} does not exist or is not attachable.")));
    }
    Ok(rest.rsplit('/').next().unwrap_or(rest))
}

fn is(policy: &Policy, account: &str, named: &str) -> Result<bool, Error> {
    Ok(arn(account, policy)? == named)
}

fn shown(account: &str, policy: &Policy, attached: usize) -> Result<Map, Error> {
    let record = PolicyRecord::of(policy).map_err(told)?;
    let answer = Map::new()
        .with("PolicyName", policy.name.as_str())
        .with("PolicyId", record.id)
        .with("Arn", arn(account, policy)?)
        .with("Path", record.path)
        .with("DefaultVersionId", VERSION)
        .with("AttachmentCount", attached as u64)
        .with("PermissionsBoundaryUsageCount", 0)
        .with("IsAttachable", true)
        .with("CreateDate", policy.created)
        .with("UpdateDate", policy.created);
    let answer = match record.description {
        Some(text) => answer.with("Description", text),
        None => answer,
    };
    Ok(tags::shown(answer, record.tags))
}

fn version(policy: &Policy) -> Map {
    Map::new().with("VersionId", VERSION).with("IsDefaultVersion", true).with("CreateDate", policy.created)
}

/// A document's bytes, as quotas count them.
pub(crate) fn without_blanks(text: &str) -> usize {
    text.bytes().filter(|byte| !byte.is_ascii_whitespace()).count()
}

/// A document as answers have it: percent-encoded (RFC 3986), whatever the protocol; clients decode it.
pub(crate) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
