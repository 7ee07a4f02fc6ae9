//! Users.

use aws::{Error, Map};
use door::{Caller, Refusal};
use identity::key::unique_id;
use store::{User, Write};

use crate::page;
use crate::random;
use crate::record::{ROOT, UserRecord};
use crate::refusal::{held, no_user, quota, taken, told, unsupported};
use crate::service::{Iam, own_name};
use crate::tags;

/// Most users of an account.
const MOST: usize = 5_000;

impl Iam {
    pub(crate) async fn create_user(&self, caller: &Caller, input: Map) -> Result<Map, Error> {
        let name = input.text("UserName").unwrap_or_default();
        let mut write = self.begin(caller).await?;
        let done = async {
            if input.get("PermissionsBoundary").is_some() {
                return Err(Refusal::Told(unsupported("PermissionsBoundary")));
            }
            if self.store.users(&caller.account).await?.len() > MOST {
                return Err(Refusal::Told(quota("UsersPerAccount", MOST)));
            }
            free(&mut write, name).await?;
            let record = UserRecord {
                id: unique_id("AIDA", random::bytes()),
                path: input.text("Path").unwrap_or("/").to_owned(),
                tags: tags::read(&input)?,
            };
            write.put_user(name, &record.document()?, None).await?;
            Ok(write.user(name).await?)
        }
        .await;
        let user = self.settle(caller, write, &format!("user/{name}"), done).await?;
        Ok(Map::new().with("User", shown(&user)?))
    }

    /// GetUser: without a name whoever asks.
    pub(crate) async fn get_user(&self, caller: &Caller, input: Map) -> Result<Map, Error> {
        if input.text("UserName").is_none() && own_name(caller).is_none() {
            let root = self.store.user(&caller.account, ROOT).await.map_err(told)?;
            let user = Map::new()
                .with("UserId", caller.account.as_str())
                .with("Arn", caller.who.as_str())
                .with("CreateDate", root.created);
            return Ok(Map::new().with("User", user));
        }
        let (_, user) = self.user(caller, &input).await?;
        Ok(Map::new().with("User", shown(&user)?))
    }

    pub(crate) async fn list_users(&self, caller: &Caller, input: Map) -> Result<Map, Error> {
        let prefix = input.text("PathPrefix").unwrap_or("/");
        let mut listed = Vec::new();
        for user in self.store.users(&caller.account).await.map_err(told)? {
            if user.name == ROOT || !UserRecord::of(&user).map_err(told)?.path.starts_with(prefix) {
                continue;
            }
            // A list leaves tags out.
            let mut shown = shown(&user)?;
            shown.remove("Tags");
            listed.push((user.name, shown.into()));
        }
        Ok(page::answer(&input, "Users", listed))
    }

    /// UpdateUser: another name, another path. The id stays, and with it the keys and policies.
    pub(crate) async fn update_user(&self, caller: &Caller, input: Map) -> Result<Map, Error> {
        let name = input.text("UserName").unwrap_or_default();
        let mut write = self.begin(caller).await?;
        let done = async {
            let user = self.held(&mut write, name).await?;
            if let Some(path) = input.text("NewPath") {
                let record = UserRecord { path: path.to_owned(), ..UserRecord::of(&user)? };
                write.put_user(name, &record.document()?, user.password.as_deref()).await?;
            }
            if let Some(to) = input.text("NewUserName").filter(|to| *to != name) {
                free(&mut write, to).await?;
                write.rename_user(name, to).await?;
            }
            Ok(Map::new())
        }
        .await;
        self.settle(caller, write, &format!("user/{name}"), done).await
    }

    /// DeleteUser: of one who has nothing any more.
    pub(crate) async fn delete_user(&self, caller: &Caller, input: Map) -> Result<Map, Error> {
        let name = input.text("UserName").unwrap_or_default();
        let mut write = self.begin(caller).await?;
        let done = async {
            self.held(&mut write, name).await?;
            for (holds, first) in [
                (!write.keys_of(name).await?.is_empty(), "must delete access keys first."),
                (!write.attached(name).await?.is_empty(), "must detach all policies first."),
                (!write.user_policies(name).await?.is_empty(), "must delete policies first."),
            ] {
                if holds {
                    return Err(Refusal::Told(held(&format!("Cannot delete entity, {first}"))));
                }
            }
            write.delete_user(name).await?;
            Ok(Map::new())
        }
        .await;
        self.settle(caller, write, &format!("user/{name}"), done).await
    }

    /// The user that a call names, or else whoever calls.
    pub(crate) async fn user(&self, caller: &Caller, input: &Map) -> Result<(String, User), Error> {
        let name = self.named(caller, input)?;
        match self.store.user(&caller.account, &name).await {
            Ok(user) => Ok((name, user)),
            Err(store::Error::NotFound(_)) => Err(no_user(&name)),
            Err(error) => Err(told(error)),
        }
    }

    /// A user who is to be changed.
    pub(crate) async fn held(&self, write: &mut Write, name: &str) -> Result<User, Refusal> {
        match write.user(name).await {
            Ok(user) if name != ROOT => Ok(user),
            Ok(_) | Err(store::Error::NotFound(_)) => Err(Refusal::Told(no_user(name))),
            Err(error) => Err(error.into()),
        }
    }
}

/// Nobody has this name.
async fn free(write: &mut Write, name: &str) -> Result<(), Refusal> {
    match write.user(name).await {
        Ok(_) => Err(Refusal::Told(taken(format!("User with name {name} already exists.")))),
        Err(store::Error::NotFound(_)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// A user as answers show them.
fn shown(user: &User) -> Result<Map, Error> {
    let record = UserRecord::of(user).map_err(told)?;
    let arn = arn(&user.account, &record.path, &user.name);
    let answer = Map::new()
        .with("Path", record.path)
        .with("UserName", user.name.as_str())
        .with("UserId", record.id)
        .with("Arn", arn)
        .with("CreateDate", user.created);
    Ok(tags::shown(answer, record.tags))
}

pub(crate) fn arn(account: &str, path: &str, name: &str) -> String {
    format!("arn:aws:iam::{account}:user{path}{name}")
}
