//! Channels: made, shown, changed, started, stopped, removed. Those of the workflow file are shown too, and changed in the file alone.

use http::StatusCode;
use http::header::{IF_MATCH, IF_NONE_MATCH};
use media::ChannelName;
use serde_json::json;
use store::{Expect, Key, New, Owner, Resource, Tags, Write};
use toml::Table;

use super::channel_door::{KIND, Observed, Stored, waiting};
use super::json::{self, Json};
use super::problem::Problem;
use super::routes::channel_arn;
use super::{Ask, REGION, Reply};

/// How long a removed channel's generation is remembered, so that one made anew is not taken for it.
pub(crate) const TOMBSTONE_US: i64 = 24 * 3_600 * 1_000_000;
/// How often a change is tried again that another one came before.
const TRIES: usize = 4;

/// What a client says about what it has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Condition {
    None,
    /// `If-Match: "3"`.
    Generation(i64),
    /// `If-Match: *`.
    Exists,
    /// `If-None-Match: *`.
    Absent,
}

impl Ask<'_> {
    pub(super) async fn list_channels(&self) -> Result<Reply, Problem> {
        let limit = self.query.limit()?;
        let account = self.front.account.as_str();
        let page = self.front.store.list(KIND, account, REGION, self.query.text("after"), limit).await;
        let page = page.map_err(|error| Problem::of(&error))?;
        let view = |resource| Ok(view(resource, &self.stored(resource)?, Settings::LeftOut));
        let items = page.items.iter().map(view).collect::<Result<Vec<_>, Problem>>()?;
        Ok(Reply::json(json!({ "items": items, "next": page.next })))
    }

    pub(super) async fn show_channel(&self) -> Result<Reply, Problem> {
        let (resource, stored) = self.channel().await?;
        Ok(shown(StatusCode::OK, &resource, &stored))
    }

    pub(super) async fn put_channel(&self) -> Result<Reply, Problem> {
        let name = self.channel_name()?;
        let condition = self.condition()?;
        self.refuse_the_files(&name).await?;
        let settings = self.settings(self.document("application/json")?)?;
        self.look_at(&name, &settings).await?;
        self.put(&name, &settings, condition).await
    }

    pub(super) async fn patch_channel(&self) -> Result<Reply, Problem> {
        let name = self.channel_name()?;
        let condition = self.condition()?;
        self.refuse_the_files(&name).await?;
        let patch = self.document("application/merge-patch+json")?;
        for _ in 0..TRIES {
            let (resource, stored) = self.channel().await?;
            let before =
                serde_json::from_value(json::of_table(&stored.settings)).expect("it was JSON before");
            let Json::Object(members) = Json::patched(before, patch.clone()) else {
                return Err(Problem::bad_request("a patch of a channel is a JSON object"));
            };
            let settings = self.settings(Json::Object(members))?;
            self.look_at(&name, &settings).await?;
            let seen = match condition {
                Condition::None | Condition::Exists => Condition::Generation(resource.generation),
                other => other,
            };
            match self.put(&name, &settings, seen).await {
                // Somebody came between: what the patch is of has changed.
                Err(problem) if problem.code == "Stale" && condition != seen => {}
                done => return done,
            }
        }
        Err(Problem::conflict("others change this channel all the time; try again"))
    }

    pub(super) async fn delete_channel(&self) -> Result<Reply, Problem> {
        let name = self.channel_name()?;
        let condition = self.condition()?;
        let key = self.key(&name)?;
        let until = self.caller.at.plus_micros(TOMBSTONE_US);
        let mut write = self.write().await?;
        let done = async {
            let found = not_the_files(write.resource(&key).await?)?;
            check(condition, Some(&found))?;
            write.delete(&key, Expect::Any, until).await
        }
        .await;
        write.settle(done).await.map_err(|error| Problem::of_write(&named(error, &name)))?;
        Ok(Reply::Nothing)
    }

    pub(super) async fn set_started(&self, is_started: bool) -> Result<Reply, Problem> {
        let name = self.channel_name()?;
        let condition = self.condition()?;
        self.refuse_the_files(&name).await?;
        if is_started {
            // What was valid alone may not be beside what was made since.
            let (_, stored) = self.channel().await?;
            self.look_at(&name, &stored.settings).await?;
        }
        let key = self.key(&name)?;
        let mut write = self.write().await?;
        let done = async {
            let found = not_the_files(write.resource(&key).await?)?;
            check(condition, Some(&found))?;
            let stored = self.opened(&found)?;
            if stored.is_started == is_started {
                return Ok((found, stored));
            }
            let stored = Stored { is_started, ..stored };
            let document = self.front.channels.document(KIND, &name, &stored)?;
            Ok((write.change(&key, Expect::Any, document).await?, stored))
        }
        .await;
        let settled = write.settle(done).await;
        let (resource, stored) = settled.map_err(|error| Problem::of_write(&named(error, &name)))?;
        Ok(shown(StatusCode::OK, &resource, &stored))
    }

    async fn put(&self, name: &str, settings: &Table, condition: Condition) -> Result<Reply, Problem> {
        let key = self.key(name)?;
        let arn = channel_arn(&self.front.account, name);
        let mut write = self.write().await?;
        let done = async {
            let found = match write.resource(&key).await {
                Ok(found) => Some(not_the_files(found)?),
                Err(store::Error::NotFound(_)) => None,
                Err(error) => return Err(error),
            };
            check(condition, found.as_ref())?;
            let Some(found) = found else {
                let stored = Stored { is_started: true, settings: settings.clone() };
                let desired = self.front.channels.document(KIND, name, &stored)?;
                let (name, owner, tags) = (name.to_owned(), Owner::Api, Tags::new());
                let made = write.create(New { key, arn, name, owner, desired, tags }).await?;
                return Ok((StatusCode::CREATED, made, stored));
            };
            let before = self.opened(&found)?;
            if before.settings == *settings {
                return Ok((StatusCode::OK, found, before));
            }
            let stored = Stored { settings: settings.clone(), ..before };
            let desired = self.front.channels.document(KIND, name, &stored)?;
            Ok((StatusCode::OK, write.change(&key, Expect::Any, desired).await?, stored))
        }
        .await;
        let (status, resource, stored) =
            write.settle(done).await.map_err(|error| Problem::of_write(&error))?;
        Ok(shown(status, &resource, &stored))
    }

    /// Before anything else is looked at: what is the file's is not changed here.
    async fn refuse_the_files(&self, name: &str) -> Result<(), Problem> {
        match self.front.store.resource(&self.key(name)?, self.caller.at).await {
            Ok(found) if found.deleted.is_none() => {
                not_the_files(found).map(drop).map_err(|error| Problem::of(&error))
            }
            Ok(_) | Err(store::Error::NotFound(_)) => Ok(()),
            Err(error) => Err(Problem::of(&error)),
        }
    }

    async fn write(&self) -> Result<Write, Problem> {
        self.front.store.write(self.caller.audit()).await.map_err(|error| Problem::of(&error))
    }

    /// The channel that is there, and what is stored of it.
    async fn channel(&self) -> Result<(Resource, Stored), Problem> {
        let name = self.channel_name()?;
        let found = self.front.store.resource(&self.key(&name)?, self.caller.at).await;
        let found = found.map_err(|error| Problem::of(&named(error, &name)))?;
        if found.deleted.is_some() {
            return Err(Problem::not_found(format!("there is no channel {name}")));
        }
        let stored = self.stored(&found)?;
        Ok((found, stored))
    }

    fn stored(&self, resource: &Resource) -> Result<Stored, Problem> {
        self.opened(resource).map_err(|error| Problem::of(&error))
    }

    fn opened(&self, resource: &Resource) -> Result<Stored, store::Error> {
        let name = resource.key.id();
        self.front
            .channels
            .open(resource)
            .map_err(|fault| store::Error::Damaged(format!("channel {name}: {fault}")))
    }

    fn channel_name(&self) -> Result<String, Problem> {
        match ChannelName::try_from(self.name.to_owned()) {
            Ok(name) => Ok(name.as_str().to_owned()),
            Err(fault) => Err(Problem::invalid("/name", fault.to_string())),
        }
    }

    fn key(&self, name: &str) -> Result<Key, Problem> {
        Key::new(KIND, self.front.account.as_str(), REGION, name).map_err(|error| Problem::of(&error))
    }

    fn condition(&self) -> Result<Condition, Problem> {
        let text = |name| self.headers.get(name).map(|value| value.to_str().unwrap_or("").trim());
        match (text(IF_MATCH), text(IF_NONE_MATCH)) {
            (None, None) => Ok(Condition::None),
            (Some("*"), None) => Ok(Condition::Exists),
            (None, Some("*")) => Ok(Condition::Absent),
            (Some(tag), None) => tag
                .strip_prefix('"')
                .and_then(|tag| tag.strip_suffix('"'))
                .and_then(|generation| generation.parse().ok())
                .map(Condition::Generation)
                .ok_or_else(|| {
                    Problem::bad_request("If-Match is one ETag of this channel, such as \"3\", or *")
                }),
            (_, Some(_)) => Err(Problem::bad_request("If-None-Match is *, without If-Match")),
        }
    }
}

/// Lets pass what an API made.
fn not_the_files(found: Resource) -> Result<Resource, store::Error> {
    match found.owner {
        Owner::Api => Ok(found),
        Owner::File => Err(store::Error::Conflict(format!(
            "channel {} belongs to the workflow file: change it there, and give that to `headwater apply`",
            found.key.id()
        ))),
    }
}

/// An error about a channel by its name, not by its key in the store.
fn named(error: store::Error, name: &str) -> store::Error {
    match error {
        store::Error::NotFound(_) => store::Error::NotFound(format!("channel {name}")),
        other => other,
    }
}

/// Holds what the client has seen against what is.
fn check(condition: Condition, found: Option<&Resource>) -> Result<(), store::Error> {
    let now = found.map_or(0, |found| found.generation);
    let stale = |expected| Err(store::Error::Stale { what: "the channel".to_owned(), expected, now });
    match (condition, found) {
        (Condition::None, _) | (Condition::Absent, None) | (Condition::Exists, Some(_)) => Ok(()),
        (Condition::Generation(expected), Some(found)) if expected == found.generation => Ok(()),
        (Condition::Generation(expected), _) => stale(expected),
        (Condition::Exists, None) => stale(1),
        (Condition::Absent, Some(_)) => stale(0),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Settings {
    Shown,
    LeftOut,
}

fn view(resource: &Resource, stored: &Stored, settings: Settings) -> serde_json::Value {
    let waiting = waiting(stored.is_started);
    let observed = resource.observed.as_ref().and_then(|observed| observed.read().ok());
    let observed = observed.unwrap_or_else(|| Observed { state: waiting.to_owned(), ..Observed::default() });
    let mut view = json!({
        "name": resource.key.id(),
        "owner": match resource.owner { Owner::File => "file", Owner::Api => "api" },
        "started": stored.is_started,
        "state": observed.state,
        "problem": observed.problem,
        "has_source": observed.has_source,
        "encoders": observed.encoders,
        "generation": resource.generation,
        "observed_generation": resource.observed_generation,
        "created": resource.created.to_string(),
        "updated": resource.updated.to_string(),
    });
    if settings == Settings::Shown {
        view["channel"] = json::of_table(&stored.settings);
    }
    view
}

fn shown(status: StatusCode, resource: &Resource, stored: &Stored) -> Reply {
    let location = (status == StatusCode::CREATED).then(|| format!("/v1/channels/{}", resource.key.id()));
    let body = view(resource, stored, Settings::Shown);
    Reply::Json { status, body, generation: Some(resource.generation), location }
}
