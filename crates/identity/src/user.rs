//! Users: a name, at most two access keys, policies, perhaps a console password.

use std::collections::BTreeMap;

use media::Utc;

use crate::key::{AccessKey, AccessKeyId, Status, base32};
use crate::policy::{self, Call, Decision, Document};
use crate::{AccountId, Principal, password};

/// Most access keys of a user, whatever their state: one in use, and the one that replaces it.
pub const MAX_KEYS: usize = 2;
/// Most policies of a user.
pub const MAX_POLICIES: usize = 10;
/// Longest name of a user or a policy, in bytes.
pub const MAX_NAME: usize = 64;

/// A user of an account.
#[derive(Clone, Debug)]
pub struct User {
    /// The account.
    pub account: AccountId,
    name: String,
    /// `AIDA…`: stays when the name changes, and is never another's.
    pub id: String,
    /// When it was made.
    pub created: Utc,
    /// What opens the console, where it may.
    pub password: Option<password::Hash>,
    keys: Vec<AccessKey>,
    policies: BTreeMap<String, Document>,
}

/// Why a user cannot be changed so. Nothing was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UserFault {
    /// Not a name.
    #[error("`{0}` is no name: 1 to {MAX_NAME} letters, digits and +=,.@_-")]
    Name(String),
    /// Over [`MAX_KEYS`].
    #[error("Cannot exceed quota for AccessKeysPerUser: {MAX_KEYS}")]
    TooManyKeys,
    /// Over [`MAX_POLICIES`].
    #[error("Cannot exceed quota for PoliciesPerUser: {MAX_POLICIES}")]
    TooManyPolicies,
    /// It has it already.
    #[error("The Access Key with id {0} exists already.")]
    KeyExists(AccessKeyId),
    /// It has no such key.
    #[error("The Access Key with id {0} cannot be found.")]
    NoKey(String),
    /// It has no such policy.
    #[error("The user policy with name {0} cannot be found.")]
    NoPolicy(String),
}

impl UserFault {
    /// AWS IAM's code and status for it.
    pub fn code(&self) -> (u16, &'static str) {
        match self {
            UserFault::Name(_) => (400, "ValidationError"),
            UserFault::TooManyKeys | UserFault::TooManyPolicies => (409, "LimitExceeded"),
            UserFault::KeyExists(_) => (409, "EntityAlreadyExists"),
            UserFault::NoKey(_) | UserFault::NoPolicy(_) => (404, "NoSuchEntity"),
        }
    }
}

impl User {
    /// A user without keys and policies: who may do nothing.
    pub fn new(account: AccountId, name: &str, random: [u8; 10], now: Utc) -> Result<Self, UserFault> {
        Ok(User {
            account,
            name: valid_name(name)?,
            id: format!("AIDA{}", base32(random)),
            created: now,
            password: None,
            keys: Vec::new(),
            policies: BTreeMap::new(),
        })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Who it is to policies and logs.
    pub fn principal(&self) -> Principal {
        Principal::User(self.account.clone(), self.name.clone())
    }

    /// Its keys, oldest first.
    pub fn keys(&self) -> &[AccessKey] {
        &self.keys
    }

    /// One of its keys.
    pub fn key_mut(&mut self, id: &str) -> Result<&mut AccessKey, UserFault> {
        let key = self.keys.iter_mut().find(|key| key.id.as_str() == id);
        key.ok_or_else(|| UserFault::NoKey(id.to_owned()))
    }

    /// Gives it one more key.
    pub fn add_key(&mut self, key: AccessKey) -> Result<(), UserFault> {
        if self.keys.iter().any(|other| other.id == key.id) {
            return Err(UserFault::KeyExists(key.id));
        }
        if self.keys.len() >= MAX_KEYS {
            return Err(UserFault::TooManyKeys);
        }
        self.keys.push(key);
        Ok(())
    }

    /// Switches a key on or off.
    pub fn set_key(&mut self, id: &str, status: Status) -> Result<(), UserFault> {
        self.key_mut(id).map(|key| key.status = status)
    }

    /// Takes a key away for good.
    pub fn remove_key(&mut self, id: &str) -> Result<AccessKey, UserFault> {
        let at = self.keys.iter().position(|key| key.id.as_str() == id);
        at.map(|at| self.keys.remove(at)).ok_or_else(|| UserFault::NoKey(id.to_owned()))
    }

    /// Its policies by name.
    pub fn policies(&self) -> &BTreeMap<String, Document> {
        &self.policies
    }

    /// Gives it a policy, in place of one of the same name.
    pub fn put_policy(&mut self, name: &str, document: Document) -> Result<(), UserFault> {
        let name = valid_name(name)?;
        if !self.policies.contains_key(&name) && self.policies.len() >= MAX_POLICIES {
            return Err(UserFault::TooManyPolicies);
        }
        self.policies.insert(name, document);
        Ok(())
    }

    /// Takes a policy away.
    pub fn remove_policy(&mut self, name: &str) -> Result<Document, UserFault> {
        self.policies.remove(name).ok_or_else(|| UserFault::NoPolicy(name.to_owned()))
    }

    /// Whether it may.
    pub fn decide(&self, call: &Call<'_>) -> Decision {
        policy::decide(self.policies.values(), call)
    }
}

fn valid_name(name: &str) -> Result<String, UserFault> {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"+=,.@_-".contains(&byte);
    if (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(is_letter) {
        Ok(name.to_owned())
    } else {
        Err(UserFault::Name(name.chars().take(MAX_NAME).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Context;

    fn user() -> User {
        User::new(AccountId::parse("123456789012").unwrap(), "eve", [0; 10], Utc(0)).unwrap()
    }

    fn key(number: u8) -> AccessKey {
        let id = AccessKeyId::long_term([number; 10]);
        AccessKey { id, sealed: vec![], status: Status::Active, created: Utc(0), last_used: None }
    }

    #[test]
    fn a_user_has_two_keys_at_most_whatever_their_state() {
        let mut user = user();
        user.add_key(key(1)).unwrap();
        assert_eq!(user.add_key(key(1)), Err(UserFault::KeyExists(key(1).id)));
        user.add_key(key(2)).unwrap();
        user.set_key(key(1).id.as_str(), Status::Inactive).unwrap();
        assert_eq!(user.add_key(key(3)), Err(UserFault::TooManyKeys));
        assert_eq!(user.remove_key(key(1).id.as_str()).unwrap().status, Status::Inactive);
        user.add_key(key(3)).unwrap();
        assert_eq!(user.keys(), [key(2), key(3)]);
        let missing = UserFault::NoKey("AKIA".into());
        assert_eq!(user.set_key("AKIA", Status::Active), Err(missing.clone()));
        assert_eq!(user.remove_key("AKIA"), Err(missing.clone()));
        assert_eq!(missing.code(), (404, "NoSuchEntity"));
    }

    #[test]
    fn a_user_may_what_its_policies_allow_and_nothing_without() {
        let mut user = user();
        let context = Context::default();
        let call = Call { action: "sns:Publish", resource: "*", context: &context };
        assert_eq!(user.decide(&call), Decision::NotAllowed);
        let all = Document::parse(r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#).unwrap();
        for number in 0..MAX_POLICIES {
            user.put_policy(&format!("all-{number}"), all.clone()).unwrap();
        }
        assert_eq!(user.decide(&call), Decision::Allowed);
        assert_eq!(user.put_policy("another", all.clone()), Err(UserFault::TooManyPolicies));
        assert_eq!(user.put_policy("all-0", all.clone()), Ok(()));
        assert_eq!(user.remove_policy("all-0"), Ok(all));
        assert_eq!(user.remove_policy("all-0"), Err(UserFault::NoPolicy("all-0".into())));
    }

    #[test]
    fn a_name_is_safe_in_an_arn() {
        assert_eq!(user().principal().to_string(), "arn:aws:iam::123456789012:user/eve");
        assert_eq!(user().id.len(), 20);
        for wrong in ["", "a/b", "*", "a b", "é", "a:b", "${x}", &"a".repeat(65)] {
            assert!(matches!(User::new(user().account, wrong, [0; 10], Utc(0)), Err(UserFault::Name(_))));
        }
    }
}
