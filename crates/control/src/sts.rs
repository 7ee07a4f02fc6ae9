//! STS: who am I. It is what Terraform and many scripts ask first.

use aws::{Error, Map};
use door::{Answer, Caller, Door};
use store::Store;

use crate::asker::user_id;

/// The security token service, as far as there is one.
#[derive(Clone, Debug)]
pub(crate) struct Sts {
    store: Store,
}

impl Sts {
    pub(crate) fn new(store: Store) -> Self {
        Self { store }
    }

    async fn caller_identity(&self, caller: &Caller) -> Result<Map, Error> {
        let user_id = match caller.who.split_once(":user/") {
            None => caller.account.clone(),
            Some((_, name)) => match self.store.user(&caller.account, name).await {
                Ok(user) => user_id(&user),
                Err(error) => {
                    tracing::error!(%error, "a user cannot be read from the store");
                    return Err(
                        Error::new("ServiceUnavailable", "try again in a few seconds").with_status(503)
                    );
                }
            },
        };
        Ok(Map::new()
            .with("UserId", user_id)
            .with("Account", caller.account.as_str())
            .with("Arn", caller.who.as_str()))
    }
}

impl Door for Sts {
    fn service(&self) -> &'static str {
        "sts"
    }

    fn call<'a>(&'a self, caller: &'a Caller, operation: &'static str, _input: Map) -> Option<Answer<'a>> {
        match operation {
            "GetCallerIdentity" => Some(Box::pin(self.caller_identity(caller))),
            _ => None,
        }
    }
}
