//! Policies that are one user's own.

use aws::{Error, Map, Value};
use door::{Caller, Refusal};
use identity::policy;
use store::Document;

use crate::page;
use crate::policies::{encoded, without_blanks};
use crate::refusal::{malformed, missing, told};
use crate::service::Iam;

/// Most bytes that a user's own policies have in all, blanks not counted.
const MOST: usize = 2_048;

impl Iam {
    pub(crate) async fn put_user_policy(&self, caller: &Caller, input: Map) -> Result<Map, Error> {
        let (user, name) = named(&input);
        let text = input.text("PolicyDocument").unwrap_or_default();
        let mut write = self.begin(caller).await?;
        let done = async {
            self.held(&mut write, user).await?;
            policy::Document::parse(text).map_err(|fault| malformed(&fault))?;
            let others = write.user_policies(user).await?;
            let others = others.iter().filter(|other| other.name != name);
            let bytes: usize = others.map(|other| without_blanks(other.document.text())).sum();
            if bytes + without_blanks(text) > MOST {
                return Err(Refusal::Told(Error::new(
                    "LimitExceededException",
                    format!("Maximum policy size of {MOST} bytes exceeded for user {user}"),
                )));
            }
            write.put_user_policy(user, name, &Document::parse(text)?).await?;
            Ok(Map::new())
        }
        .await;
        self.settle(caller, write, &format!("user/{user} policy/{name}"), done).await
    }

    pub(crate) async fn get_user_policy(&self, caller: &Caller, input: Map) -> Result<Map, Error> {
        let (user, _) = self.user(caller, &input).await?;
        let (_, name) = named(&input);
        let own = self.store.user_policies(&caller.account, &user).await.map_err(told)?;
        let policy = own.into_iter().find(|policy| policy.name == name).ok_or_else(|| no_policy(name))?;
        Ok(Map::new()
            .with("UserName", user)
            .with("PolicyName", name)
            .with("PolicyDocument", encoded(policy.document.text())))
    }

    pub(crate) async fn list_user_policies(&self, caller: &Caller, input: Map) -> Result<Map, Error> {
        let (user, _) = self.user(caller, &input).await?;
        let own = self.store.user_policies(&caller.account, &user).await.map_err(told)?;
        let names = own.into_iter().map(|policy| (policy.name.clone(), Value::from(policy.name)));
        Ok(page::answer(&input, "PolicyNames", names))
    }

    pub(crate) async fn delete_user_policy(&self, caller: &Caller, input: Map) -> Result<Map, Error> {
        let (user, name) = named(&input);
        let mut write = self.begin(caller).await?;
        let done = async {
            self.held(&mut write, user).await?;
            match write.delete_user_policy(user, name).await {
                Ok(()) => Ok(Map::new()),
                Err(store::Error::NotFound(_)) => Err(Refusal::Told(no_policy(name))),
                Err(error) => Err(error.into()),
            }
        }
        .await;
        self.settle(caller, write, &format!("user/{user} policy/{name}"), done).await
    }
}

fn named(input: &Map) -> (&str, &str) {
    let text = |member| input.text(member).unwrap_or_default();
    (text("UserName"), text("PolicyName"))
}

fn no_policy(name: &str) -> Error {
    missing(format!("The user policy with name {name} cannot be found."))
}
