//! IAM policies: JSON documents that allow and deny actions on resources.
//!
//! A [`Document`] is read whole or refused by name, so that nothing in it is passed over in silence: [`document`] has the
//! shape, [`pattern`] what names match, [`condition`] when. [`decide`] asks several of them about one [`Call`]: denied
//! unless one allows it, and denied where one denies it, whatever the others say.
//!
//! Source: "IAM JSON policy element reference" and "Policy evaluation logic" in the AWS IAM User Guide.

pub mod condition;
pub mod document;
mod json;
mod network;
pub mod pattern;

use std::collections::BTreeMap;

pub use document::{Document, MAX_BYTES, PolicyFault};

use crate::{Answer, Family};

/// What somebody wants to do.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// `medialive:CreateChannel`.
    pub action: &'a str,
    /// The resource's ARN, or `*` where the action has none.
    pub resource: &'a str,
    /// What conditions ask for.
    pub context: &'a Context,
}

/// Condition keys and their values: `aws:SourceIp`, `aws:username`, `aws:SecureTransport`, `aws:CurrentTime`, … Their case
/// says nothing.
#[derive(Clone, Debug, Default)]
pub struct Context(BTreeMap<String, Vec<String>>);

impl Context {
    /// Adds a value to a key.
    pub fn add(&mut self, key: &str, value: impl Into<String>) {
        self.0.entry(key.to_ascii_lowercase()).or_default().push(value.into());
    }

    /// The values of a key; empty where it is not there.
    pub fn values(&self, key: &str) -> &[String] {
        self.0.get(&key.to_ascii_lowercase()).map_or(&[], Vec::as_slice)
    }
}

/// What policies say of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// One allows it, and none denies it.
    Allowed,
    /// None allows it.
    NotAllowed,
    /// One denies it.
    Denied,
}

/// What `policies` say of `call`. The order of policies and statements says nothing.
pub fn decide<'a>(policies: impl IntoIterator<Item = &'a Document>, call: &Call<'_>) -> Decision {
    combine(policies.into_iter().map(|document| document.decide(call)))
}

/// What `policies` say of `call` where nobody can say which resource it is about, whatever `call.resource` is: one that allows
/// it must do so on every resource, and one that denies it on any of them denies it.
pub fn decide_on_any<'a>(policies: impl IntoIterator<Item = &'a Document>, call: &Call<'_>) -> Decision {
    combine(policies.into_iter().map(|document| document.decide_on_any(call)))
}

/// One denial is enough, else one permission.
fn combine(decisions: impl Iterator<Item = Decision>) -> Decision {
    let mut combined = Decision::NotAllowed;
    for decision in decisions {
        match decision {
            Decision::Denied => return Decision::Denied,
            Decision::Allowed => combined = Decision::Allowed,
            Decision::NotAllowed => {}
        }
    }
    combined
}

impl Decision {
    /// What `principal` (an ARN) is told; `None` where it may.
    pub fn answer(self, principal: &str, call: &Call<'_>, family: Family) -> Option<Answer> {
        let because = match self {
            Decision::Allowed => return None,
            Decision::NotAllowed => {
                format!("because no identity-based policy allows the {} action", call.action)
            }
            Decision::Denied => "with an explicit deny in an identity-based policy".to_owned(),
        };
        let Call { action, resource, .. } = call;
        let (status, code) = match family {
            Family::RestJson => (403, "AccessDeniedException"),
            Family::Json => (400, "AccessDeniedException"),
            Family::Query | Family::S3 => (403, "AccessDenied"),
        };
        let message = format!(
            "User: {principal} is not authorized to perform: {action} on resource: {resource} {because}"
        );
        Some(Answer { status, code, message })
    }
}

#[cfg(test)]
mod tests;
