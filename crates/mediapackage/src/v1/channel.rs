//! Channels of v1: an id, and two places where HLS is pushed to.

use aws::{Error, Map, Value};
use door::Caller;
use serde::{Deserialize, Serialize};
use store::{Document, Expect, New, Owner, Resource};
use toml::Table;

use super::{CHANNEL, failed, found, id, key, page_size};
use crate::address;
use crate::setup::Setup;

/// What is kept of a channel.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Kept {
    description: Option<String>,
    /// Its id in URLs and its ARN.
    token: String,
    ingest: [Ingest; 2],
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Ingest {
    id: String,
    /// How often its password was changed.
    rotation: u32,
}

pub(super) async fn create(setup: &Setup, caller: &Caller, input: Map) -> Result<Map, Error> {
    let key = key(caller, CHANNEL, id(&input))?;
    let at = caller.at.0.to_string();
    let derived = |what: &str| {
        let words = [what, &caller.account, &caller.region, key.id(), &at, &caller.request_id];
        setup.derived(&words, 32)
    };
    let token = derived("channel");
    let kept = Kept {
        description: input.text("Description").map(str::to_owned),
        ingest: ["ingest-1", "ingest-2"].map(|what| Ingest { id: derived(what), rotation: 0 }),
        token,
    };
    let new = New {
        arn: caller.arn("mediapackage", &format!("channels/{}", kept.token)),
        name: key.id().to_owned(),
        owner: Owner::Api,
        desired: Document::of(&kept).map_err(|error| failed(error, "channel"))?,
        tags: door::tags(input.get("Tags")),
        key,
    };
    let made = setup.store.create(caller.audit(), new, None).await;
    Ok(shown(setup, &made.map_err(|error| failed(error, "channel"))?))
}

pub(super) async fn describe(setup: &Setup, caller: &Caller, input: Map) -> Result<Map, Error> {
    let key = key(caller, CHANNEL, id(&input))?;
    Ok(shown(setup, &found(setup, caller, &key, "channel").await?))
}

pub(super) async fn list(setup: &Setup, caller: &Caller, input: Map) -> Result<Map, Error> {
    let (after, limit) = (input.text("NextToken"), page_size(&input));
    let page = setup.store.list(CHANNEL, &caller.account, &caller.region, after, limit).await;
    let page = page.map_err(|error| failed(error, "channel"))?;
    let channels: Vec<Value> = page.items.iter().map(|channel| shown(setup, channel).into()).collect();
    let answer = Map::new().with("Channels", channels);
    Ok(match page.next {
        Some(next) => answer.with("NextToken", next),
        None => answer,
    })
}

pub(super) async fn update(setup: &Setup, caller: &Caller, input: Map) -> Result<Map, Error> {
    change(setup, caller, &input, |kept| {
        if let Some(description) = input.text("Description") {
            kept.description = Some(description.to_owned());
        }
        Ok(())
    })
    .await
}

/// New passwords: of one place, or where none is named (the older call) of the first.
pub(super) async fn rotate(setup: &Setup, caller: &Caller, input: Map) -> Result<Map, Error> {
    change(setup, caller, &input, |kept| {
        let ingest = match input.text("IngestEndpointId") {
            None => kept.ingest.first_mut(),
            Some(id) => kept.ingest.iter_mut().find(|ingest| ingest.id == id),
        };
        let ingest = ingest.ok_or_else(|| store::Error::NotFound("ingest endpoint".to_owned()))?;
        ingest.rotation += 1;
        Ok(())
    })
    .await
}

async fn change(
    setup: &Setup,
    caller: &Caller,
    input: &Map,
    change: impl FnOnce(&mut Kept) -> Result<(), store::Error>,
) -> Result<Map, Error> {
    let key = key(caller, CHANNEL, id(input))?;
    let changed = async {
        let mut write = setup.store.write(caller.audit()).await?;
        let changed = async {
            let mut kept: Kept = write.resource(&key).await?.desired.read()?;
            change(&mut kept)?;
            write.change(&key, Expect::Any, Document::of(&kept)?).await
        }
        .await;
        write.settle(changed).await
    };
    Ok(shown(setup, &changed.await.map_err(|error| failed(error, "channel"))?))
}

pub(super) async fn delete(setup: &Setup, caller: &Caller, input: Map) -> Result<Map, Error> {
    let key = key(caller, CHANNEL, id(&input))?;
    let deleted = async {
        let mut write = setup.store.write(caller.audit()).await?;
        // Nobody else writes meanwhile, so what is read beside is what is.
        let deleted = async {
            if super::endpoint::any_of(setup, caller, key.id()).await? {
                let message = format!("channel {} has origin endpoints; delete them first", key.id());
                return Err(store::Error::Conflict(message));
            }
            write.delete(&key, Expect::Any, caller.at).await
        }
        .await;
        write.settle(deleted).await
    };
    deleted.await.map_err(|error| failed(error, "channel"))?;
    Ok(Map::new())
}

fn shown(setup: &Setup, channel: &Resource) -> Map {
    let mut answer = Map::new()
        .with("Arn", channel.arn.clone())
        .with("CreatedAt", channel.created.to_string())
        .with("Id", channel.key.id())
        .with("Tags", door::tag_map(&channel.tags));
    // Only this module writes them.
    let Ok(kept) = channel.desired.read::<Kept>() else { return answer };
    if let Some(description) = kept.description {
        answer.insert("Description", description);
    }
    let host = address::hls_push(&setup.site);
    let places: Vec<Value> = kept
        .ingest
        .iter()
        .map(|ingest| {
            Map::new()
                .with("Id", ingest.id.clone())
                .with("Url", format!("{host}/in/{}/channel", ingest.path(&kept.token)))
                .with("Username", ingest.secret(setup, channel, "username"))
                .with("Password", ingest.secret(setup, channel, "password"))
                .into()
        })
        .collect();
    answer.insert("HlsIngest", Map::new().with("IngestEndpoints", places));
    answer
}

/// The input to which its encoders push: the second place stands by. `None` for a document that this module did not write.
pub(super) fn input(setup: &Setup, channel: &Resource) -> Option<Table> {
    let kept: Kept = channel.desired.read().ok()?;
    let [mut first, second] = kept.ingest.map(|ingest| {
        door::table([
            ("hls_push", ingest.path(&kept.token)),
            ("user", ingest.secret(setup, channel, "username")),
            ("password", ingest.secret(setup, channel, "password")),
        ])
    });
    first.insert("standby".to_owned(), second.into());
    Some(first)
}

impl Ingest {
    /// Where its files lie below `/in/`.
    fn path(&self, token: &str) -> String {
        format!("v2/{token}/{}", self.id)
    }

    /// Its user's name or password.
    fn secret(&self, setup: &Setup, channel: &Resource, what: &str) -> String {
        let (account, region) = (channel.key.account(), channel.key.region());
        setup.derived(&[what, account, region, &self.id, &self.rotation.to_string()], 32)
    }
}

/// Whether the store holds a channel of this id; for whoever makes an endpoint of it.
pub(super) async fn require(write: &mut store::Write, caller: &Caller, id: &str) -> Result<(), store::Error> {
    let key = store::Key::new(CHANNEL, &caller.account, &caller.region, id)?;
    write.resource(&key).await.map(|_| ())
}
