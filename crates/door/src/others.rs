//! What other doors made, the workflow file and the native API: a service shows it to its own clients, and changes none of it.

use std::pin::Pin;
use std::sync::Arc;

use media::Utc;
use spec::{Channel, Distribution, Endpoint, Fault, Workflow};
use store::{Owner, Tags};

/// Something that another door made.
#[derive(Clone, Debug)]
pub struct Other<T> {
    /// Its name there.
    pub name: String,
    /// Who made it: the file, or the native API.
    pub owner: Owner,
    /// What it is.
    pub spec: Arc<T>,
    /// How it is.
    pub sight: Sight,
    /// Its labels.
    pub tags: Tags,
    /// Rises with each change.
    pub generation: i64,
    /// When it was made.
    pub created: Utc,
    /// When it was last changed.
    pub updated: Utc,
}

/// How something that another door made was last seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sight {
    /// In one word.
    pub state: OtherState,
    /// Why it does not run though it is wanted.
    pub problem: Option<String>,
    /// A channel's encoder processes that run; 0 where others encode.
    pub encoders: u8,
}

/// The states of what the file and the native API make.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OtherState {
    /// It is not to run, and does not.
    Stopped,
    /// It is to run, and cannot be seen to.
    #[default]
    Starting,
    /// It runs: players can be shown it.
    Running,
    /// It is not to run, and still does.
    Stopping,
    /// It is to run, and cannot.
    Refused,
    /// A distribution that is there and answers nobody.
    Disabled,
}

impl OtherState {
    /// By the word that the native API has for it.
    pub fn of(word: &str) -> Self {
        match word {
            "stopped" => Self::Stopped,
            "running" => Self::Running,
            "stopping" => Self::Stopping,
            "refused" => Self::Refused,
            "disabled" => Self::Disabled,
            _ => Self::Starting,
        }
    }
}

/// All that other doors made, each kind in the order of its names.
#[derive(Clone, Debug, Default)]
pub struct Made {
    /// Channels.
    pub channels: Vec<Other<Channel>>,
    /// Packaging endpoints.
    pub endpoints: Vec<Other<Endpoint>>,
    /// Distributions.
    pub distributions: Vec<Other<Distribution>>,
}

/// Whoever knows what other doors made.
pub trait Others: Send + Sync {
    /// All of it, as it is now.
    fn made(&self) -> Told<'_>;
}

/// What it is waited for with.
pub type Told<'a> = Pin<Box<dyn Future<Output = Result<Made, store::Error>> + Send + 'a>>;

/// Nobody else makes anything.
#[derive(Clone, Copy, Debug)]
pub struct NoOthers;

impl Others for NoOthers {
    fn made(&self) -> Told<'_> {
        Box::pin(std::future::ready(Ok(Made::default())))
    }
}

impl Made {
    /// What a workflow file of this text makes, where nothing was seen of it yet.
    ///
    /// # Errors
    /// The text is no workflow file.
    pub fn of_file(text: &str) -> Result<Self, Fault> {
        fn others<T>(all: Vec<T>, name: impl Fn(&T) -> String) -> Vec<Other<T>> {
            let mut others: Vec<_> = all.into_iter().map(|one| Other::of_file(name(&one), one)).collect();
            others.sort_by(|one, other| one.name.cmp(&other.name));
            others
        }
        let Workflow { channels, endpoints, distributions, .. } = Workflow::parse(text)?;
        Ok(Self {
            channels: others(channels, |channel| channel.name.to_string()),
            endpoints: others(endpoints, |endpoint| endpoint.name.clone()),
            distributions: others(distributions, |distribution| distribution.name.clone()),
        })
    }
}

impl<T> Other<T> {
    fn of_file(name: String, spec: T) -> Self {
        Self {
            name,
            owner: Owner::File,
            spec: Arc::new(spec),
            sight: Sight::default(),
            tags: Tags::new(),
            generation: 1,
            created: Utc(0),
            updated: Utc(0),
        }
    }

    /// Its labels, with one that says whose it is.
    pub fn shown_tags(&self) -> Tags {
        let owner = match self.owner {
            Owner::File => "file",
            Owner::Api => "api",
        };
        let mut tags = self.tags.clone();
        tags.insert(OWNER_TAG.to_owned(), owner.to_owned());
        tags
    }

    /// Why a service does not change it, and who does. `what` it is: `channel`.
    pub fn refusal(&self, what: &str) -> String {
        let name = &self.name;
        match self.owner {
            Owner::File => {
                format!("{what} `{name}` is of the workflow file; change it there and run `headwater apply`")
            }
            Owner::Api => format!(
                "{what} `{name}` is of the native API; change it there: /v1/channels/{name}, or `headwater channel`"
            ),
        }
    }
}

/// The label that says whose something is: `file`, or `api` for the native API. What a service made itself has none.
pub const OWNER_TAG: &str = "headwater:owner";
