//! Channels of the native API and of the workflow file as resources, with the file's endpoints and distributions: what they ask to
//! run, and how they are.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use door::{Answer, Caller, ChannelSeen, Door, OtherState, Seen, Sight, Site, Wanted};
use identity::Secret;
use identity::seal::{Keyring, MAX_SECRET, SealFault};
use media::Utc;
use serde::{Deserialize, Serialize};
use store::{Document, Observation, Owner, Resource};
use toml::{Table, Value};

use super::SERVICE;
use crate::random;
use crate::workflow_file;

/// Their kind in the store.
pub(crate) const KIND: &str = "channel";
/// Longest settings of a channel, in bytes of JSON: sealed they fit what the keyring seals.
pub(crate) const MAX_SETTINGS: usize = 48 << 10;

/// What the store keeps: the settings hold stream keys and passphrases, so they are sealed as a whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Desired {
    started: bool,
    sealed: String,
    /// Which channel an endpoint of the file shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    channel: Option<String>,
}

/// How a channel is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Observed {
    /// `stopped`, `starting`, `running`, `stopping`, `refused`.
    pub(crate) state: String,
    /// Why it is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) problem: Option<String>,
    /// Somebody sends to its primary input, or that needs nobody.
    pub(crate) has_source: bool,
    /// Its encoder processes that run.
    pub(crate) encoders: u8,
}

/// What is stored of a channel, opened.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stored {
    pub(crate) is_started: bool,
    pub(crate) settings: Table,
}

/// Why a stored channel cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error("it is not sealed with the key that is here")]
    Sealed(#[from] SealFault),
    #[error("what is stored is no channel")]
    Form,
}

/// The native API's door: its calls come by `/v1`, what they ask to run goes the way of every door's.
#[derive(Debug)]
pub(crate) struct ChannelDoor {
    keyring: Keyring,
}

impl ChannelDoor {
    pub(crate) fn new(keyring: Keyring) -> Self {
        Self { keyring }
    }

    /// The document of a resource; sealed anew each time, so compare what is in it.
    pub(crate) fn document(&self, kind: &str, id: &str, stored: &Stored) -> Result<Document, store::Error> {
        let text = super::json::of_table(&stored.settings).to_string();
        let bytes = text.len();
        let sealed = self.keyring.seal(&Secret::new(text), &owner(kind, id), random::bytes());
        let sealed =
            sealed.map_err(|_| store::Error::TooLong { what: "settings", bytes, most: MAX_SECRET })?;
        let channel = stored.settings.get("channel").and_then(Value::as_str).map(str::to_owned);
        Document::of(&Desired { started: stored.is_started, sealed: BASE64.encode(sealed), channel })
    }

    /// What is stored of a resource.
    pub(crate) fn open(&self, resource: &Resource) -> Result<Stored, Unreadable> {
        let Desired { started, sealed, .. } = resource.desired.read().map_err(|_| Unreadable::Form)?;
        let sealed = BASE64.decode(sealed).map_err(|_| Unreadable::Form)?;
        let text = self.keyring.open(&sealed, &owner(resource.key.kind(), resource.key.id()))?;
        let settings = serde_json::from_str(text.expose()).map_err(|_| Unreadable::Form)?;
        let super::json::Json::Object(members) = settings else { return Err(Unreadable::Form) };
        let settings = super::json::Json::table(members).map_err(|_| Unreadable::Form)?;
        Ok(Stored { is_started: started, settings })
    }

    /// How a resource was last seen, for other doors.
    pub(crate) fn sight(&self, resource: &Resource) -> Sight {
        let observed = resource.observed.as_ref().and_then(|observed| observed.read::<Observed>().ok());
        let Observed { problem, encoders, .. } = observed.unwrap_or_default();
        let state = self.state(resource).map(|word| OtherState::of(&word)).unwrap_or_default();
        Sight { state, problem, encoders }
    }
}

/// Whose a seal is: a resource's settings open for no other.
fn owner(kind: &str, id: &str) -> String {
    format!("{kind}/{id}")
}

/// Channels that are there, the file's and this API's.
pub(crate) fn is_channel(resource: &Resource) -> bool {
    resource.key.kind() == KIND && resource.deleted.is_none()
}

/// Channels that are there, and this API's.
pub(crate) fn is_ours(resource: &Resource) -> bool {
    is_channel(resource) && resource.owner == Owner::Api
}

/// Its settings as a table of the workflow file.
pub(crate) fn with_name(name: &str, settings: &Table) -> Table {
    let mut table = settings.clone();
    table.insert("name".to_owned(), Value::String(name.to_owned()));
    table
}

impl Door for ChannelDoor {
    fn service(&self) -> &'static str {
        SERVICE
    }

    fn call<'a>(&'a self, _: &'a Caller, _: &'static str, _: aws::Map) -> Option<Answer<'a>> {
        None
    }

    fn wanted(&self, resources: &[Resource], _: &Site) -> Wanted {
        let mut wanted = Wanted::default();
        for resource in resources.iter().filter(|resource| is_ours(resource)) {
            let name = resource.key.id();
            match self.open(resource) {
                Ok(stored) if stored.is_started => wanted.channels.push(with_name(name, &stored.settings)),
                Ok(_) => {}
                Err(error) => tracing::error!(%error, channel = name, "a stored channel cannot be read"),
            }
        }
        wanted
    }

    fn state(&self, resource: &Resource) -> Option<String> {
        if !(is_channel(resource) || workflow_file::kind(resource).is_some()) {
            return None;
        }
        let observed = resource.observed.as_ref().and_then(|observed| observed.read::<Told>().ok());
        let is_started = resource.desired.read::<Desired>().ok()?.started;
        Some(observed.map_or_else(|| waiting(is_started).to_owned(), |told| told.state))
    }

    fn observe(&self, resources: &[Resource], seen: &Seen, _: Utc) -> Vec<Observation> {
        let news = |resource: &Resource| {
            let is_shown = workflow_file::kind(resource).is_some();
            if !is_channel(resource) && !is_shown {
                return None;
            }
            let desired: Desired = resource.desired.read().ok()?;
            let observed = match is_channel(resource) {
                true => Document::of(&state(desired.started, resource.key.id(), seen)).ok()?,
                false => Document::of(&Told { state: shown(&desired, seen) }).ok()?,
            };
            let is_told = resource.observed_generation == resource.generation
                && resource.observed.as_ref() == Some(&observed);
            let (key, generation) = (resource.key.clone(), resource.generation);
            (!is_told).then_some(Observation { key, generation, observed })
        };
        resources.iter().filter_map(news).collect()
    }
}

/// The word that tells how any of these resources is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Told {
    state: String,
}

/// How an endpoint or a distribution of the file is: an endpoint as the channel that it shows, a distribution by what is wanted of it
/// once anything runs.
fn shown(desired: &Desired, seen: &Seen) -> String {
    match &desired.channel {
        Some(channel) => state(true, channel, seen).state,
        None if !desired.started => "disabled".to_owned(),
        None if seen.revision > 0 => "running".to_owned(),
        None => "starting".to_owned(),
    }
}

/// How a channel is that nothing was seen of yet.
pub(crate) fn waiting(is_started: bool) -> &'static str {
    if is_started { "starting" } else { "stopped" }
}

fn state(is_started: bool, name: &str, seen: &Seen) -> Observed {
    let runs = seen.channels.get(name);
    let problem = seen.refused.get(name).filter(|_| is_started).cloned();
    let state = match (is_started, runs) {
        (false, None) => "stopped",
        (false, Some(_)) => "stopping",
        (true, Some(ChannelSeen { is_on_air: true, .. })) => "running",
        (true, None) if problem.is_some() => "refused",
        (true, _) => "starting",
    };
    let ChannelSeen { encoders, has_source, .. } = runs.copied().unwrap_or_default();
    Observed { state: state.to_owned(), problem, has_source, encoders }
}

#[cfg(test)]
mod tests {
    use identity::seal::MasterKey;

    use super::*;

    #[test]
    fn stored_settings_show_no_secret_and_open_for_their_own_name_alone() {
        let door = ChannelDoor::new(Keyring::new(MasterKey::from_random([7; 32]), Vec::new()));
        let settings: Table = "input = { rtmp = \"live/s3cret\" }\nsegment = 2.5".parse().expect("TOML");
        let stored = Stored { is_started: true, settings };
        let document = door.document(KIND, "main", &stored).expect("sealed");
        assert!(!document.text().contains("s3cret") && !document.text().contains("bGl2ZS"), "{document:?}");
        let kept = |kind: &str, id: &str| Resource {
            key: store::Key::new(kind, "1", "global", id).expect("a key"),
            arn: id.to_owned(),
            name: id.to_owned(),
            owner: Owner::Api,
            generation: 1,
            desired: document.clone(),
            observed: None,
            observed_generation: 0,
            tags: store::Tags::new(),
            created: Utc(0),
            updated: Utc(0),
            deleted: None,
        };
        assert_eq!(door.open(&kept(KIND, "main")).expect("opened"), stored);
        assert!(door.open(&kept(KIND, "other")).is_err() && door.open(&kept("endpoint", "main")).is_err());
    }

    #[test]
    fn a_state_is_what_is_wanted_beside_what_is_seen() {
        let runs = |is_on_air| ChannelSeen { encoders: 1, is_on_air, has_source: true };
        let mut seen = Seen::default();
        let told = |is_started, seen: &Seen| state(is_started, "a", seen).state;
        assert_eq!((told(false, &seen), told(true, &seen)), ("stopped".to_owned(), "starting".to_owned()));
        seen.refused.insert("a".to_owned(), "why".to_owned());
        assert_eq!(state(true, "a", &seen).problem.as_deref(), Some("why"));
        assert_eq!((told(false, &seen), told(true, &seen)), ("stopped".to_owned(), "refused".to_owned()));
        seen.refused.clear();
        seen.channels.insert("a".to_owned(), runs(false));
        assert_eq!((told(false, &seen), told(true, &seen)), ("stopping".to_owned(), "starting".to_owned()));
        seen.channels.insert("a".to_owned(), runs(true));
        assert_eq!(told(true, &seen), "running");
    }
}
