//! Access keys of users. A secret is shown once, in the answer that makes it; what is kept of it is sealed.

use aws::{Error, Map, Value};
use door::{Caller, Refusal};
use identity::AccessKeyId;
use identity::key::new_secret;
use store::{AccessKey, Use, Write};

use crate::page;
use crate::random;
use crate::record::ROOT;
use crate::refusal::{missing, quota, told, unsupported};
use crate::service::Iam;

impl Iam {
    pub(crate) async fn create_access_key(&self, caller: &Caller, input: Map) -> Result<Map, Error> {
        let name = self.named(caller, &input)?;
        let id = AccessKeyId::long_term(random::bytes());
        let secret = new_secret(random::bytes());
        let sealed = self.keyring.seal(&secret, id.as_str(), random::bytes());
        let sealed = sealed.expect("a secret key is within the seal's bound");
        let mut write = self.begin(caller).await?;
        let done = async {
            self.held(&mut write, &name).await?;
            if write.keys_of(&name).await?.len() as i64 >= AccessKey::MOST {
                return Err(Refusal::Told(quota("AccessKeysPerUser", AccessKey::MOST as usize)));
            }
            write.put_key(id.as_str(), &name, &sealed).await?;
            Ok(())
        }
        .await;
        self.settle(caller, write, &format!("user/{name}"), done).await?;
        let key = Map::new()
            .with("UserName", name)
            .with("AccessKeyId", id.as_str())
            .with("Status", "Active")
            .with("SecretAccessKey", secret.expose())
            .with("CreateDate", caller.at);
        Ok(Map::new().with("AccessKey", key))
    }

    pub(crate) async fn list_access_keys(&self, caller: &Caller, input: Map) -> Result<Map, Error> {
        let (name, _) = self.user(caller, &input).await?;
        let mut keys = self.store.keys_of(&caller.account, &name).await.map_err(told)?;
        keys.sort_by(|one, other| one.id.cmp(&other.id));
        let listed = keys.into_iter().map(|key| {
            let shown = Map::new()
                .with("UserName", name.as_str())
                .with("AccessKeyId", key.id.as_str())
                .with("Status", status(&key))
                .with("CreateDate", key.created);
            (key.id, Value::from(shown))
        });
        Ok(page::answer(&input, "AccessKeyMetadata", listed))
    }

    pub(crate) async fn update_access_key(&self, caller: &Caller, input: Map) -> Result<Map, Error> {
        let (name, id) = (self.named(caller, &input)?, key_id(&input));
        let mut write = self.begin(caller).await?;
        let done = async {
            let is_active = match input.text("Status") {
                Some("Active") => true,
                Some("Inactive") => false,
                other => {
                    return Err(Refusal::Told(unsupported(&format!("Status {}", other.unwrap_or_default()))));
                }
            };
            self.own_key(&mut write, &name, id).await?;
            write.set_key_active(id, is_active).await?;
            Ok(Map::new())
        }
        .await;
        self.settle(caller, write, &format!("key/{id}"), done).await
    }

    pub(crate) async fn delete_access_key(&self, caller: &Caller, input: Map) -> Result<Map, Error> {
        let (name, id) = (self.named(caller, &input)?, key_id(&input));
        let mut write = self.begin(caller).await?;
        let done = async {
            self.own_key(&mut write, &name, id).await?;
            write.delete_key(id).await?;
            Ok(Map::new())
        }
        .await;
        self.settle(caller, write, &format!("key/{id}"), done).await
    }

    /// GetAccessKeyLastUsed: some seconds behind, for a call writes nothing.
    pub(crate) async fn access_key_last_used(&self, caller: &Caller, input: Map) -> Result<Map, Error> {
        let id = key_id(&input);
        let key = match self.store.key(id).await {
            Ok(key) if key.account == caller.account => key,
            Ok(_) | Err(store::Error::NotFound(_)) => return Err(no_key(id)),
            Err(error) => return Err(told(error)),
        };
        let used = match key.last_used {
            None => Map::new().with("ServiceName", "N/A").with("Region", "N/A"),
            Some(Use { at, service, region }) => {
                Map::new().with("LastUsedDate", at).with("ServiceName", service).with("Region", region)
            }
        };
        let answer = Map::new().with("AccessKeyLastUsed", used);
        Ok(if key.user == ROOT { answer } else { answer.with("UserName", key.user) })
    }

    /// A key of that user.
    async fn own_key(&self, write: &mut Write, name: &str, id: &str) -> Result<(), Refusal> {
        self.held(write, name).await?;
        match write.keys_of(name).await?.iter().any(|key| key.id == id) {
            true => Ok(()),
            false => Err(Refusal::Told(no_key(id))),
        }
    }
}

fn key_id(input: &Map) -> &str {
    input.text("AccessKeyId").unwrap_or_default()
}

fn status(key: &AccessKey) -> &'static str {
    if key.active { "Active" } else { "Inactive" }
}

fn no_key(id: &str) -> Error {
    missing(format!("The Access Key with id {id} cannot be found."))
}
