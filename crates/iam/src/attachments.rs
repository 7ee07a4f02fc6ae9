//! Which policies users are given.

use aws::{Error, Map, Value};
use door::{Caller, Refusal};

use crate::page;
use crate::policies::{arn, arn_asked, found};
use crate::record::{PolicyRecord, UserRecord};
use crate::refusal::{missing, quota, told};
use crate::service::Iam;

/// Most policies that a user is given.
const MOST: usize = 10;

impl Iam {
    /// AttachUserPolicy: one that they have already stays.
    pub(crate) async fn attach_user_policy(&self, caller: &Caller, input: Map) -> Result<Map, Error> {
        let (user, asked) = named(&input);
        let mut write = self.begin(caller).await?;
        let done = async {
            self.held(&mut write, user).await?;
            let policy = found(&mut write, caller, asked).await?;
            let has = write.attached(user).await?;
            if has.len() >= MOST && has.iter().all(|had| had.name != policy.name) {
                return Err(Refusal::Told(quota("PoliciesPerUser", MOST)));
            }
            write.attach(user, &policy.name).await?;
            Ok(Map::new())
        }
        .await;
        self.settle(caller, write, &format!("user/{user} {asked}"), done).await
    }

    pub(crate) async fn detach_user_policy(&self, caller: &Caller, input: Map) -> Result<Map, Error> {
        let (user, asked) = named(&input);
        let mut write = self.begin(caller).await?;
        let done = async {
            self.held(&mut write, user).await?;
            let policy = found(&mut write, caller, asked).await?;
            match write.detach(user, &policy.name).await {
                Ok(()) => Ok(Map::new()),
                Err(store::Error::NotFound(_)) => {
                    Err(Refusal::Told(missing(format!("Policy {asked} was not found."))))
                }
                Err(error) => Err(error.into()),
            }
        }
        .await;
        self.settle(caller, write, &format!("user/{user} {asked}"), done).await
    }

    pub(crate) async fn list_attached_user_policies(
        &self,
        caller: &Caller,
        input: Map,
    ) -> Result<Map, Error> {
        let (user, _) = self.user(caller, &input).await?;
        let prefix = input.text("PathPrefix").unwrap_or("/");
        let mut listed = Vec::new();
        for policy in self.store.attached(&caller.account, &user).await.map_err(told)? {
            if !PolicyRecord::of(&policy).map_err(told)?.path.starts_with(prefix) {
                continue;
            }
            let shown = Map::new()
                .with("PolicyName", policy.name.as_str())
                .with("PolicyArn", arn(&caller.account, &policy)?);
            listed.push((policy.name, Value::from(shown)));
        }
        Ok(page::answer(&input, "AttachedPolicies", listed))
    }

    /// ListEntitiesForPolicy: users alone, for there are neither groups nor roles.
    pub(crate) async fn list_entities_for_policy(&self, caller: &Caller, input: Map) -> Result<Map, Error> {
        let policy = self.asked_policy(caller, &input).await?;
        let prefix = input.text("PathPrefix").unwrap_or("/");
        let are_users = matches!(input.text("EntityFilter"), None | Some("User"));
        let given = self.store.attachments(&caller.account).await.map_err(told)?;
        let mut listed = Vec::new();
        for (name, _) in given.into_iter().filter(|(_, given)| are_users && *given == policy.name) {
            let user = self.store.user(&caller.account, &name).await.map_err(told)?;
            let record = UserRecord::of(&user).map_err(told)?;
            if record.path.starts_with(prefix) {
                let shown = Map::new().with("UserName", name.as_str()).with("UserId", record.id);
                listed.push((name, Value::from(shown)));
            }
        }
        let answer = page::answer(&input, "PolicyUsers", listed);
        Ok(answer.with("PolicyGroups", Vec::new()).with("PolicyRoles", Vec::new()))
    }
}

/// User and policy.
fn named(input: &Map) -> (&str, &str) {
    (input.text("UserName").unwrap_or_default(), arn_asked(input))
}
