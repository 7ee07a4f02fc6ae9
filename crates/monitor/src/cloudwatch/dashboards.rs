//! Dashboards: stored as they came, once their form is sound.

mod form;

use aws::{Error, Map, Value};
use door::Caller;
use serde::{Deserialize, Serialize};
use store::{Document, Expect, Key, New, Owner, Resource, Tags};

use super::errors::{invalid, missing, stored};
use super::{CloudWatch, Given, tags, texts, token};

/// The kind of dashboards in the store.
pub(super) const KIND: &str = "cloudwatch-dashboard";
/// They belong to the account, not to a region.
const REGION: &str = "global";
/// Longest name, in bytes.
const MAX_NAME: usize = 255;
/// Dashboards of a page.
const PAGE: u32 = 100;

#[derive(Serialize, Deserialize)]
struct Desired {
    body: String,
}

impl CloudWatch {
    pub(super) async fn put_dashboard(&self, caller: &Caller, mut input: Map) -> Given {
        let tags = match input.remove("Tags") {
            Some(Value::List(list)) => tags::read(&list)?,
            _ => Tags::new(),
        };
        let name = input.text("DashboardName").unwrap_or_default();
        let (key, body) = (key(caller, name)?, input.text("DashboardBody").unwrap_or_default());
        let faults = form::check(body);
        if !faults.is_empty() {
            let told = |(path, message): &(String, String)| {
                Value::Map(Map::new().with("DataPath", path.as_str()).with("Message", message.as_str()))
            };
            let error = Error::new(
                "DashboardInvalidInputError",
                format!("The dashboard's body is not sound: {} at `{}`", faults[0].1, faults[0].0),
            );
            return Err(
                error.with("dashboardValidationMessages", faults.iter().map(told).collect::<Vec<_>>())
            );
        }
        let desired = Document::of(&Desired { body: body.to_owned() }).map_err(stored)?;
        let changed = match self.store().resource(&key, caller.at).await {
            Ok(resource) if resource.deleted.is_none() => {
                self.store().change(caller.audit(), &key, Expect::Any, desired).await
            }
            Ok(_) | Err(store::Error::NotFound(_)) => {
                let new = New {
                    arn: format!("arn:aws:cloudwatch::{}:dashboard/{name}", caller.account),
                    name: name.to_owned(),
                    owner: Owner::Api,
                    key,
                    desired,
                    tags,
                };
                self.store().create(caller.audit(), new, None).await
            }
            Err(fault) => Err(fault),
        };
        changed.map_err(stored)?;
        Ok(Map::new().with("DashboardValidationMessages", Vec::<Value>::new()))
    }

    pub(super) async fn get_dashboard(&self, caller: &Caller, input: Map) -> Given {
        let name = input.text("DashboardName").unwrap_or_default();
        let resource = self.dashboard(caller, name).await?;
        let Desired { body } = resource.desired.read().map_err(stored)?;
        Ok(Map::new()
            .with("DashboardArn", resource.arn)
            .with("DashboardBody", body)
            .with("DashboardName", name))
    }

    pub(super) async fn list_dashboards(&self, caller: &Caller, input: Map) -> Given {
        let prefix = input.text("DashboardNamePrefix").unwrap_or_default();
        let mut after: Option<String> = match input.text("NextToken") {
            None => None,
            Some(text) => Some(token::take(text).ok_or_else(|| invalid("Invalid NextToken"))?),
        };
        let mut entries: Vec<Value> = Vec::new();
        // Pages without any that fits are passed over.
        loop {
            let page = self
                .store()
                .list(KIND, &caller.account, REGION, after.as_deref(), PAGE)
                .await
                .map_err(stored)?;
            for resource in page.items.iter().filter(|one| one.name.starts_with(prefix)) {
                let Desired { body } = resource.desired.read().map_err(stored)?;
                let entry = Map::new()
                    .with("DashboardName", resource.name.as_str())
                    .with("DashboardArn", resource.arn.as_str())
                    .with("LastModified", resource.updated)
                    .with("Size", body.len() as u64);
                entries.push(entry.into());
            }
            after = page.next;
            if after.is_none() || !entries.is_empty() {
                break;
            }
        }
        let answer = Map::new().with("DashboardEntries", entries);
        Ok(match after {
            Some(after) => answer.with("NextToken", token::put(&after)),
            None => answer,
        })
    }

    pub(super) async fn delete_dashboards(&self, caller: &Caller, input: Map) -> Given {
        let names = texts(&input, "DashboardNames");
        if names.is_empty() {
            return Err(missing("DashboardNames must have at least one entry"));
        }
        let keys = names.iter().map(|name| key(caller, name)).collect::<Result<Vec<_>, _>>()?;
        let mut write = self.store().write(caller.audit()).await.map_err(stored)?;
        let mut outcome = Ok(());
        for key in &keys {
            outcome = write.delete(key, Expect::Any, caller.at).await.map(drop);
            if outcome.is_err() {
                break;
            }
        }
        match write.settle(outcome).await {
            Ok(()) => Ok(Map::new()),
            Err(store::Error::NotFound(_)) => Err(not_found(&names.join(", "))),
            Err(fault) => Err(stored(fault)),
        }
    }

    async fn dashboard(&self, caller: &Caller, name: &str) -> Result<Resource, Error> {
        match self.store().resource(&key(caller, name)?, caller.at).await {
            Ok(resource) if resource.deleted.is_none() => Ok(resource),
            Ok(_) | Err(store::Error::NotFound(_)) => Err(not_found(name)),
            Err(fault) => Err(stored(fault)),
        }
    }
}

fn not_found(name: &str) -> Error {
    Error::new("DashboardNotFoundError", format!("Dashboard {name} does not exist"))
}

fn key(caller: &Caller, name: &str) -> Result<Key, Error> {
    let sound = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if name.is_empty() || name.len() > MAX_NAME || !name.bytes().all(sound) {
        return Err(invalid(format!(
            "DashboardName must have 1 to {MAX_NAME} of A-Z, a-z, 0-9, - and _, not `{}`",
            name.chars().take(80).collect::<String>()
        )));
    }
    Key::new(KIND, &caller.account, REGION, name).map_err(stored)
}
