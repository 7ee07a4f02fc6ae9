//! STS: who am I, which is what Terraform and many scripts ask first, and temporary keys.

use aws::{Error, Map, Value};
use door::{About, Answer, Caller, Door};
use identity::seal::Keyring;
use identity::{AccessKeyId, session};
use store::Store;

use crate::random;
use crate::record::UserRecord;
use crate::refusal::told;
use crate::service::own_name;

/// How long a user's temporary key is good, where the client does not say: as AWS has it, and as the description bounds it.
const LIFETIME_S: i64 = 43_200;
/// How long the root's is at most.
const ROOTS_LIFETIME_S: i64 = 3_600;

/// The security token service.
#[derive(Clone, Debug)]
pub struct Sts {
    store: Store,
    keyring: Keyring,
}

impl Sts {
    /// The door; tokens are sealed with `keyring`.
    pub fn new(store: Store, keyring: Keyring) -> Self {
        Self { store, keyring }
    }

    async fn caller_identity(&self, caller: &Caller) -> Result<Map, Error> {
        let user_id = match own_name(caller) {
            None => caller.account.clone(),
            Some(name) => {
                let user = self.store.user(&caller.account, name).await.map_err(told)?;
                UserRecord::of(&user).map_err(told)?.id
            }
        };
        Ok(Map::new()
            .with("UserId", user_id)
            .with("Account", caller.account.as_str())
            .with("Arn", caller.who.as_str()))
    }

    /// GetSessionToken: nothing of the key is stored but the line that it was made.
    async fn session_token(&self, caller: &Caller, input: Map) -> Result<Map, Error> {
        if input.text("SerialNumber").is_some() || input.text("TokenCode").is_some() {
            return Err(denied("MultiFactorAuthentication failed with invalid MFA one time pass code."));
        }
        let asked = match input.get("DurationSeconds") {
            Some(Value::Integer(seconds)) => i64::try_from(*seconds).unwrap_or(LIFETIME_S),
            _ => LIFETIME_S,
        };
        let seconds = if own_name(caller).is_some() { asked } else { asked.min(ROOTS_LIFETIME_S) };
        // Clients read whole seconds.
        let now_s = caller.at.0.div_euclid(1_000_000);
        let expires = media::Utc((now_s + seconds) * 1_000_000);
        let issuer = AccessKeyId::parse(&caller.access_key)
            .map_err(|_| denied("Cannot call GetSessionToken without an access key"))?;
        let made = session::issue(&self.keyring, &issuer, expires, random::bytes());
        let credentials = Map::new()
            .with("AccessKeyId", made.access_key.as_str())
            .with("SecretAccessKey", made.secret.expose())
            .with("SessionToken", made.token.expose())
            .with("Expiration", expires);
        let mut write = self.store.write(caller.audit()).await.map_err(told)?;
        write.about(&format!("key/{}", made.access_key));
        write.settle(Ok(())).await.map_err(told)?;
        Ok(Map::new().with("Credentials", credentials))
    }
}

impl Door for Sts {
    fn service(&self) -> &'static str {
        "sts"
    }

    fn about<'a>(&'a self, _: &'a Caller, _: &'a str, _: &'a Map) -> About<'a> {
        Box::pin(std::future::ready(Ok(vec!["*".to_owned()])))
    }

    fn call<'a>(&'a self, caller: &'a Caller, operation: &'static str, input: Map) -> Option<Answer<'a>> {
        match operation {
            "GetCallerIdentity" => Some(Box::pin(self.caller_identity(caller))),
            "GetSessionToken" => Some(Box::pin(self.session_token(caller, input))),
            _ => None,
        }
    }
}

fn denied(message: &str) -> Error {
    Error::new("AccessDenied", message).with_code("AccessDenied").with_status(403)
}
