//! The workflow file as desired state: its channels, endpoints and distributions are resources of the store, with owner `file`.
//!
//! A file is held against what the store has ([`plan::diff`]), and all that it changes is one transaction: a crash leaves all of
//! it done, or nothing. What runs is then made of the store ([`base`]), as it is for every door.

use std::collections::BTreeMap;
use std::path::Path;

use identity::AccountId;
use media::Utc;
use plan::{Kind, NotTheFiles, Owner, Step};
use spec::{Ladder, Rung, Workflow};
use store::{Call, Expect, Key, New, Store, Tags};
use toml::{Table, Value};

use crate::first_start::{self, FirstStartFault, Identity};
use crate::native::{ChannelDoor, REGION, SERVICE, Stored, TOMBSTONE_US};
use crate::random;

/// What a file has tables of. Their names are those of the tables, and of the resources in the store.
pub(crate) const KINDS: [Kind; 3] = [Kind::Channel, Kind::Endpoint, Kind::Distribution];

/// Why a workflow file is not applied; nothing of it is.
#[derive(Debug, thiserror::Error)]
pub enum FileFault {
    /// It is not valid.
    #[error("the workflow file is not valid: {0}")]
    Invalid(#[from] spec::Fault),
    /// An API has what it asks for.
    #[error(transparent)]
    Taken(#[from] NotTheFiles),
    /// The store.
    #[error("what the workflow file made before cannot be read from the store, or changed there")]
    Store(#[from] store::Error),
    /// Account and master key.
    #[error(transparent)]
    Identity(#[from] FirstStartFault),
}

/// What a file would change in the store of the control role whose data are in `data_dir`. Where nothing was started yet, all of it
/// is to be made; so it is where there is no store.
pub async fn plan_file(store: Option<&Store>, data_dir: &Path, text: &str) -> Result<Vec<Step>, FileFault> {
    let identity = match store {
        None => None,
        Some(store) => match first_start::found(store, data_dir).await {
            Ok(identity) => Some((store, identity)),
            Err(FirstStartFault::NotStarted) => None,
            Err(fault) => return Err(fault.into()),
        },
    };
    match identity {
        None => Ok(plan::diff(&wanted(text)?, &[])?),
        Some((store, identity)) => File::of(&identity).plan(store, text).await,
    }
}

/// What makes a workflow file's resources.
#[derive(Debug)]
pub struct File {
    account: AccountId,
    door: ChannelDoor,
}

impl File {
    /// For this account, with this master key.
    pub fn of(identity: &Identity) -> Self {
        Self { account: identity.account.clone(), door: ChannelDoor::new(identity.keyring.clone()) }
    }

    /// What [`Self::apply`] would do.
    pub async fn plan(&self, store: &Store, text: &str) -> Result<Vec<Step>, FileFault> {
        let wanted = wanted(text)?;
        let (_, resources) = store.every().await?;
        Ok(plan::diff(&wanted, &there(&self.door, &resources))?)
    }

    /// Makes the file's resources as `text` has them, all or nothing, and says what that took. What APIs made stays. The text of no
    /// file removes what a file made.
    pub async fn apply(&self, store: &Store, text: &str) -> Result<Vec<Step>, FileFault> {
        let steps = self.plan(store, text).await?;
        if steps.is_empty() {
            return Ok(steps);
        }
        let tables = tables(&text.parse().unwrap_or_default());
        let call = call(&self.account);
        let until = call.at.plus_micros(TOMBSTONE_US);
        let mut write = store.write(call).await?;
        write.about("workflow file");
        let done = async {
            for step in &steps {
                match step {
                    Step::Create(made) => {
                        let (key, desired) =
                            (self.key(made.kind, &made.name)?, self.document(&tables, made)?);
                        let (arn, name) = (self.arn(made.kind, &made.name), made.name.clone());
                        let (owner, tags) = (store::Owner::File, Tags::new());
                        write.create(New { key, arn, name, owner, desired, tags }).await?;
                    }
                    Step::Change { to, .. } => {
                        let (key, desired) = (self.key(to.kind, &to.name)?, self.document(&tables, to)?);
                        write.change(&key, Expect::Any, desired).await?;
                    }
                    Step::Remove { kind, name } => {
                        write.delete(&self.key(*kind, name)?, Expect::Any, until).await?;
                    }
                }
            }
            Ok(())
        }
        .await;
        write.settle(done).await?;
        for step in &steps {
            tracing::info!(%step, "the workflow file was applied");
        }
        Ok(steps)
    }

    fn document(&self, tables: &Tables, of: &plan::Resource) -> Result<store::Document, store::Error> {
        let settings = tables.get(&(of.kind, of.name.clone())).cloned().unwrap_or_default();
        // Channels of the file run; a distribution may be there and answer nobody.
        let is_started = settings.get("enabled").and_then(Value::as_bool).unwrap_or(true);
        self.door.document(&of.kind.to_string(), &of.name, &Stored { is_started, settings })
    }

    fn key(&self, kind: Kind, name: &str) -> Result<Key, store::Error> {
        Key::new(&kind.to_string(), self.account.as_str(), REGION, name)
    }

    fn arn(&self, kind: Kind, name: &str) -> String {
        format!("arn:aws:{SERVICE}::{}:{kind}/{name}", self.account)
    }
}

/// Tables of a file without their names.
type Tables = BTreeMap<(Kind, String), Table>;

/// The file's text with the channels, endpoints and distributions that the store has of it: in the file's order, and those that it
/// does not name after them.
pub(crate) fn base(text: &str, door: &ChannelDoor, resources: &[store::Resource]) -> String {
    let Ok(mut file) = text.parse::<Table>() else { return text.to_owned() };
    let mut stored: Tables = BTreeMap::new();
    for (kind, resource) in of_the_file(resources) {
        match door.open(resource) {
            Ok(opened) => drop(stored.insert((kind, resource.key.id().to_owned()), opened.settings)),
            Err(error) => {
                tracing::error!(%error, key = %resource.key, "a stored table of the workflow file cannot be read")
            }
        }
    }
    for kind in KINDS {
        let listed = file.remove(&kind.to_string());
        let names =
            listed.iter().filter_map(Value::as_array).flatten().filter_map(|table| name(table.as_table()?));
        let mut tables: Vec<Value> = Vec::new();
        for name in names {
            tables.extend(stored.remove(&(kind, name.to_owned())).map(|settings| whole(name, settings)));
        }
        let rest = stored.extract_if(.., |(of, _), _| *of == kind);
        tables.extend(rest.map(|((_, name), settings)| whole(&name, settings)));
        if !tables.is_empty() {
            file.insert(kind.to_string(), Value::Array(tables));
        }
    }
    file.to_string()
}

fn whole(name: &str, mut settings: Table) -> Value {
    settings.insert("name".to_owned(), Value::String(name.to_owned()));
    Value::Table(settings)
}

/// Which of the file's kinds a resource is of, where the file made it and it is there.
pub(crate) fn kind(resource: &store::Resource) -> Option<Kind> {
    let is_there = resource.owner == store::Owner::File && resource.deleted.is_none();
    KINDS.into_iter().find(|kind| is_there && kind.to_string() == resource.key.kind())
}

fn of_the_file(resources: &[store::Resource]) -> impl Iterator<Item = (Kind, &store::Resource)> {
    resources.iter().filter_map(|resource| Some((kind(resource)?, resource)))
}

/// What the file asks for.
fn wanted(text: &str) -> Result<Vec<plan::Resource>, spec::Fault> {
    let about = match text.is_empty() {
        true => BTreeMap::new(),
        false => about(&Workflow::parse(text)?),
    };
    let resource = |((kind, name), settings): ((Kind, String), Table)| plan::Resource {
        about: about.get(&(kind, name.clone())).cloned().unwrap_or_default(),
        fields: fields(&settings),
        owner: Owner::File,
        kind,
        name,
    };
    Ok(tables(&text.parse().unwrap_or_default()).into_iter().map(resource).collect())
}

/// What the store has of the kinds that a file can ask for.
fn there(door: &ChannelDoor, resources: &[store::Resource]) -> Vec<plan::Resource> {
    let mut there = Vec::new();
    for resource in resources.iter().filter(|resource| resource.deleted.is_none()) {
        let Some(kind) = KINDS.into_iter().find(|kind| kind.to_string() == resource.key.kind()) else {
            continue;
        };
        let (owner, fields) = match resource.owner {
            store::Owner::Api => (Owner::Api, BTreeMap::new()),
            // One that cannot be read differs from whatever the file says, and is written anew.
            store::Owner::File => {
                let opened = door.open(resource).map(|opened| fields(&opened.settings));
                (Owner::File, opened.unwrap_or_default())
            }
        };
        there.push(plan::Resource {
            kind,
            name: resource.key.id().to_owned(),
            owner,
            fields,
            about: String::new(),
        });
    }
    there
}

/// A file's tables without their names, by kind and name.
fn tables(file: &Table) -> Tables {
    let mut tables = BTreeMap::new();
    for kind in KINDS {
        let list = file.get(&kind.to_string()).and_then(Value::as_array);
        for table in list.into_iter().flatten().filter_map(Value::as_table) {
            let Some(name) = name(table) else { continue };
            let mut settings = table.clone();
            settings.remove("name");
            tables.insert((kind, name.to_owned()), settings);
        }
    }
    tables
}

fn name(table: &Table) -> Option<&str> {
    table.get("name")?.as_str()
}

fn fields(settings: &Table) -> BTreeMap<String, String> {
    settings.iter().map(|(field, value)| (field.clone(), value.to_string())).collect()
}

/// What people are told of each: no stream keys, no secrets.
fn about(workflow: &Workflow) -> BTreeMap<(Kind, String), String> {
    let ladder = |ladder: &Ladder| match ladder {
        Ladder::Passthrough => "passthrough".to_owned(),
        Ladder::Pushed => "as it is pushed".to_owned(),
        Ladder::Transcode(rungs) => {
            rungs.iter().map(|Rung { name, .. }| name.as_str()).collect::<Vec<_>>().join(" ")
        }
    };
    let channels = workflow.channels.iter().map(|channel| {
        let about = format!("{}; {}", channel.input, ladder(&channel.ladder));
        ((Kind::Channel, channel.name.to_string()), about)
    });
    let endpoints = workflow.endpoints.iter().map(|endpoint| {
        let about = format!("channel {} at /{}", endpoint.channel, endpoint.path);
        ((Kind::Endpoint, endpoint.name.clone()), about)
    });
    let distributions = workflow
        .distributions
        .iter()
        .map(|distribution| ((Kind::Distribution, distribution.name.clone()), distribution.hosts.join(" ")));
    channels.chain(endpoints).chain(distributions).collect()
}

fn call(account: &AccountId) -> Call {
    Call {
        account: account.as_str().to_owned(),
        who: format!("arn:aws:iam::{account}:root"),
        source: String::new(),
        action: format!("{SERVICE}:ApplyFile"),
        request_id: random::request_id(),
        at: Utc::from(std::time::SystemTime::now()),
    }
}
