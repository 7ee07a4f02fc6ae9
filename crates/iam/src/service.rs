//! The door of IAM.

use aws::{Error, Map};
use door::{About, Answer, Caller, Door, Refusal};
use identity::seal::Keyring;
use store::{Store, Write};

use crate::refusal::{told, validation};

/// AWS Identity and Access Management.
#[derive(Clone, Debug)]
pub struct Iam {
    pub(crate) store: Store,
    pub(crate) keyring: Keyring,
}

impl Iam {
    /// The door to the identity in `store`; secrets are sealed with `keyring`.
    pub fn new(store: Store, keyring: Keyring) -> Self {
        Self { store, keyring }
    }

    pub(crate) async fn begin(&self, caller: &Caller) -> Result<Write, Error> {
        self.store.write(caller.audit()).await.map_err(told)
    }

    pub(crate) async fn settle<T>(
        &self,
        caller: &Caller,
        write: Write,
        subject: &str,
        done: Result<T, Refusal>,
    ) -> Result<T, Error> {
        door::settle(&self.store, caller, write, subject, done, told).await
    }

    /// The name of the user that a call is about: whoever calls, where it says none. The root's own key is the operator's to set.
    pub(crate) fn named(&self, caller: &Caller, input: &Map) -> Result<String, Error> {
        let named = input.text("UserName").or_else(|| own_name(caller));
        let none = || validation("Must specify userName when calling with non-User credentials");
        named.map(str::to_owned).ok_or_else(none)
    }
}

/// The caller's name, where it is a user.
pub(crate) fn own_name(caller: &Caller) -> Option<&str> {
    let (_, path) = caller.who.split_once(":user/")?;
    Some(path.rsplit('/').next().unwrap_or(path))
}

impl Door for Iam {
    fn service(&self) -> &'static str {
        "iam"
    }

    fn about<'a>(&'a self, caller: &'a Caller, operation: &'a str, input: &'a Map) -> About<'a> {
        Box::pin(self.arns(caller, operation, input))
    }

    fn call<'a>(&'a self, caller: &'a Caller, operation: &'static str, input: Map) -> Option<Answer<'a>> {
        Some(match operation {
            "CreateUser" => Box::pin(self.create_user(caller, input)),
            "GetUser" => Box::pin(self.get_user(caller, input)),
            "ListUsers" => Box::pin(self.list_users(caller, input)),
            "UpdateUser" => Box::pin(self.update_user(caller, input)),
            "DeleteUser" => Box::pin(self.delete_user(caller, input)),
            "TagUser" => Box::pin(self.tag_user(caller, input)),
            "UntagUser" => Box::pin(self.untag_user(caller, input)),
            "ListUserTags" => Box::pin(self.list_user_tags(caller, input)),
            "CreateAccessKey" => Box::pin(self.create_access_key(caller, input)),
            "ListAccessKeys" => Box::pin(self.list_access_keys(caller, input)),
            "UpdateAccessKey" => Box::pin(self.update_access_key(caller, input)),
            "DeleteAccessKey" => Box::pin(self.delete_access_key(caller, input)),
            "GetAccessKeyLastUsed" => Box::pin(self.access_key_last_used(caller, input)),
            "PutUserPolicy" => Box::pin(self.put_user_policy(caller, input)),
            "GetUserPolicy" => Box::pin(self.get_user_policy(caller, input)),
            "ListUserPolicies" => Box::pin(self.list_user_policies(caller, input)),
            "DeleteUserPolicy" => Box::pin(self.delete_user_policy(caller, input)),
            "CreatePolicy" => Box::pin(self.create_policy(caller, input)),
            "GetPolicy" => Box::pin(self.get_policy(caller, input)),
            "GetPolicyVersion" => Box::pin(self.get_policy_version(caller, input)),
            "ListPolicyVersions" => Box::pin(self.list_policy_versions(caller, input)),
            "ListPolicies" => Box::pin(self.list_policies(caller, input)),
            "DeletePolicy" => Box::pin(self.delete_policy(caller, input)),
            "AttachUserPolicy" => Box::pin(self.attach_user_policy(caller, input)),
            "DetachUserPolicy" => Box::pin(self.detach_user_policy(caller, input)),
            "ListAttachedUserPolicies" => Box::pin(self.list_attached_user_policies(caller, input)),
            "ListEntitiesForPolicy" => Box::pin(self.list_entities_for_policy(caller, input)),
            _ => return None,
        })
    }
}
