//! What calls are about, by the Service Authorization Reference's table for AWS IAM. A user's ARN has their path, which is looked up.

use aws::{Error, Map};
use door::{Arns, Caller};

use crate::record::{ROOT, UserRecord};
use crate::refusal::told;
use crate::service::{Iam, own_name};
use crate::users::arn;

const ARNS: Arns = Arns {
    start: "arn:aws:iam::{account}:",
    forms: &[
        ("ListUsers ListPolicies", "*"),
        ("CreateUser", "user{Path|/}{UserName}"),
        ("CreatePolicy", "policy{Path|/}{PolicyName}"),
        ("GetPolicy GetPolicyVersion ListPolicyVersions DeletePolicy ListEntitiesForPolicy", "{PolicyArn}"),
    ],
};

impl Iam {
    pub(crate) async fn arns(
        &self,
        caller: &Caller,
        operation: &str,
        input: &Map,
    ) -> Result<Vec<String>, Error> {
        let by_table = ARNS.of(caller, operation, input);
        if !by_table.is_empty() {
            return Ok(by_table);
        }
        let name = match (operation, input.text("AccessKeyId")) {
            ("GetAccessKeyLastUsed", Some(id)) => match self.store.key(id).await {
                Ok(key) if key.account == caller.account => Some(key.user),
                Ok(_) | Err(store::Error::NotFound(_)) => None,
                Err(error) => return Err(told(error)),
            },
            _ => input.text("UserName").or_else(|| own_name(caller)).map(str::to_owned),
        };
        let Some(name) = name.filter(|name| name != ROOT) else { return Ok(Vec::new()) };
        let path = match self.store.user(&caller.account, &name).await {
            Ok(user) => UserRecord::of(&user).map_err(told)?.path,
            Err(store::Error::NotFound(_)) => "/".to_owned(),
            Err(error) => return Err(told(error)),
        };
        let mut arns = vec![arn(&caller.account, &path, &name)];
        if operation == "UpdateUser" {
            // Whoever names another anew must be allowed both names.
            let path = input.text("NewPath").unwrap_or(&path);
            arns.push(arn(&caller.account, path, input.text("NewUserName").unwrap_or(&name)));
        }
        Ok(arns)
    }
}
