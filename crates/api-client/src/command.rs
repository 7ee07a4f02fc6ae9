//! The words of the command line.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use media::ChannelName;

use crate::BaseUrl;

/// What the native API is asked.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Say what runs, what is left out and why
    #[command(after_help = "\
Try it:
  headwater status
  headwater status --json | jq -r '.channels[] | select(.on_air | not) | .name'     those that nobody can watch")]
    Status(At),
    /// List, show, make, start, stop and remove channels
    Channel(Channel),
    /// List what every door has made, the workflow file and every API: channels, inputs, endpoints, distributions, alarms, topics, …
    Resource(Resource),
    /// List, make and remove users, their access keys and policies
    User(User),
    /// List inputs that AWS's APIs have made
    Input(View),
    /// List endpoints: packaged outputs that viewers' players are given
    Endpoint(View),
    /// List distributions
    Distribution(View),
    /// List alarms and their states
    Alarm(View),
}

/// Where the API is, and how what it says is shown.
#[derive(Clone, Debug, Args)]
pub struct At {
    /// Data folder of the `headwater up` of this machine that is meant; its root key is used
    #[arg(long, value_name = "DIR", default_value = "data")]
    pub data: PathBuf,
    /// Instead: the API of any machine, with the key in HEADWATER_ACCESS_KEY and HEADWATER_SECRET_KEY
    #[arg(long, value_name = "URL", conflicts_with = "data")]
    pub endpoint: Option<BaseUrl>,
    /// PEM file of certificate authorities for an https:// endpoint, besides the system's
    #[arg(long, value_name = "FILE", requires = "endpoint")]
    pub ca: Option<PathBuf>,
    /// For scripts: the API's JSON as it is, one document a line
    #[arg(long)]
    pub json: bool,
}

/// Options of `channel`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Try it:
  headwater channel ls
  headwater channel show main                  how it is, and its settings with the stream key
  headwater channel create main.toml           a [[channel]] as in the workflow file, or JSON
  headwater channel stop main && headwater channel start main
  headwater channel rm main

Of another machine:
  export HEADWATER_ACCESS_KEY=… HEADWATER_SECRET_KEY=…
  headwater channel ls --endpoint https://live.example:8443

Channels of the workflow file are shown too (owner `file`); they are changed in the file, which `headwater apply` takes.")]
pub struct Channel {
    /// What to do
    #[command(subcommand)]
    pub order: ChannelOrder,
}

/// What can be done with channels.
#[derive(Clone, Debug, Subcommand)]
pub enum ChannelOrder {
    /// List channels and how they are
    #[command(after_help = "\
Try it:
  headwater channel ls
  headwater channel ls --json | jq -r '.items[] | select(.state != \"running\") | .name'")]
    Ls(Ls),
    /// Show one channel: how it is, and its settings as a `[[channel]]` of the workflow file
    #[command(after_help = "\
Try it:
  headwater channel show main
  headwater channel show main --json | jq .channel > main.json     for `channel create`; it holds the stream key")]
    Show(Show),
    /// Start channels; one that is started stays so
    Start(Names),
    /// Stop channels; one that is stopped stays so
    Stop(Names),
    /// Make channels of a file, which start
    #[command(after_help = "\
Try it:
  printf '[[channel]]\\nname = \"main\"\\ninput = { rtmp = \"live/a-long-key\" }\\n' > main.toml
  headwater channel create main.toml
  echo '{\"input\": \"test\"}' | headwater channel create - --name bars
  headwater channel create main.toml --replace     other settings for a channel that is there

Settings are those of a [[channel]] in the workflow file (README.md); what is wrong with one is said with its place.")]
    Create(Create),
    /// Stop and remove channels
    Rm(Names),
}

/// Options of a list.
#[derive(Clone, Debug, Args)]
pub struct Ls {
    /// Where the API is
    #[command(flatten)]
    pub at: At,
}

/// Options of `channel show`.
#[derive(Clone, Debug, Args)]
pub struct Show {
    /// The channel
    pub name: ChannelName,
    /// Where the API is
    #[command(flatten)]
    pub at: At,
}

/// Options of what is done to channels by name.
#[derive(Clone, Debug, Args)]
pub struct Names {
    /// The channels
    #[arg(required = true, value_name = "NAME")]
    pub names: Vec<ChannelName>,
    /// Where the API is
    #[command(flatten)]
    pub at: At,
}

/// Options of `channel create`.
#[derive(Clone, Debug, Args)]
pub struct Create {
    /// TOML with `[[channel]]` tables, or a JSON object with one channel's settings; `-` reads standard input
    pub file: PathBuf,
    /// The channel's name, where the file has none
    #[arg(long, value_name = "NAME")]
    pub name: Option<ChannelName>,
    /// Give a channel that is there these settings; without it that is an error
    #[arg(long)]
    pub replace: bool,
    /// Where the API is
    #[command(flatten)]
    pub at: At,
}

/// Options of `resource`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Try it:
  headwater resource kinds                       which kinds there are, and how many of each
  headwater resource ls --kind medialive-channel
  headwater resource ls --kind '*-channel'       `*` stands for whatever is there

They are read only here: what one API made, its own clients change. `headwater aws-env` prints what AWS's clients need.")]
pub struct Resource {
    /// What to show
    #[command(subcommand)]
    pub order: ResourceOrder,
}

/// What can be shown of resources.
#[derive(Clone, Debug, Subcommand)]
pub enum ResourceOrder {
    /// List them
    Ls(ResourceLs),
    /// List their kinds
    Kinds(Ls),
}

/// Options of `resource ls`.
#[derive(Clone, Debug, Args)]
pub struct ResourceLs {
    /// Of these kinds alone; `*` stands for whatever is there
    #[arg(long, value_name = "PATTERN")]
    pub kind: Option<String>,
    /// Where the API is
    #[command(flatten)]
    pub at: At,
}

/// Options of `input`, `endpoint`, `distribution` and `alarm`.
#[derive(Clone, Debug, Args)]
pub struct View {
    /// What to show
    #[command(subcommand)]
    pub order: ViewOrder,
}

/// What can be shown of a view.
#[derive(Clone, Debug, Subcommand)]
pub enum ViewOrder {
    /// List them; to be read only: the clients of the API that made them change them
    Ls(Ls),
}

/// Options of `user`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Try it:
  headwater user add eve
  headwater user key add eve                   prints the secret, this once
  printf '{\"Statement\": [{\"Effect\": \"Allow\", \"Action\": \"medialive:*\", \"Resource\": \"*\"}]}' > eve.json
  headwater user policy set eve eve.json       what she may; nothing without one
  headwater user ls
  headwater user rm eve                        with her keys and policies

Users are IAM's: `aws iam …` and boto3 make them too, and can do more (docs/identity.md).")]
pub struct User {
    /// What to do
    #[command(subcommand)]
    pub order: UserOrder,
}

/// What can be done with users.
#[derive(Clone, Debug, Subcommand)]
pub enum UserOrder {
    /// List users, how many active keys they have, and their policies
    Ls(Ls),
    /// Make a user, who may do nothing yet
    Add(OneUser),
    /// Remove a user with keys and policies
    Rm(OneUser),
    /// Make, list and remove access keys; a user has two at most
    Key(Key),
    /// Set, show and remove what a user may
    Policy(Policy),
}

/// A user, for what is done to one.
#[derive(Clone, Debug, Args)]
pub struct OneUser {
    /// The user: 1 to 64 letters, digits and +=,.@_-
    #[arg(value_parser = iam_name)]
    pub name: String,
    /// Where the API is
    #[command(flatten)]
    pub at: At,
}

/// Options of `user key`.
#[derive(Clone, Debug, Args)]
pub struct Key {
    /// What to do
    #[command(subcommand)]
    pub order: KeyOrder,
}

/// What can be done with keys.
#[derive(Clone, Debug, Subcommand)]
pub enum KeyOrder {
    /// Make a key and print its secret, this once
    #[command(after_help = "\
Try it:
  headwater user key add eve --json | jq -r '\"export HEADWATER_ACCESS_KEY=\\(.AccessKeyId) HEADWATER_SECRET_KEY=\\(.SecretAccessKey)\"'")]
    Add(OneUser),
    /// List a user's keys
    Ls(OneUser),
    /// Remove a key: from then on it opens nothing
    Rm(OneKey),
}

/// A user's key.
#[derive(Clone, Debug, Args)]
pub struct OneKey {
    /// The user
    #[arg(value_parser = iam_name)]
    pub name: String,
    /// The key's id: AKIA…
    pub key: String,
    /// Where the API is
    #[command(flatten)]
    pub at: At,
}

/// Options of `user policy`.
#[derive(Clone, Debug, Args)]
pub struct Policy {
    /// What to do
    #[command(subcommand)]
    pub order: PolicyOrder,
}

/// What can be done with policies.
#[derive(Clone, Debug, Subcommand)]
pub enum PolicyOrder {
    /// Give a user a policy, in place of the one of that name
    #[command(after_help = "\
A policy is IAM's JSON: statements that allow or deny actions (medialive:StartChannel) on resources (ARNs, or *). What no policy
allows is denied, and what any denies stays so. docs/identity.md says what calls are about.")]
    Set(SetPolicy),
    /// Show a user's policy
    Show(OnePolicy),
    /// Take a policy from a user
    Rm(OnePolicy),
}

/// Options of `user policy set`.
#[derive(Clone, Debug, Args)]
pub struct SetPolicy {
    /// The user
    #[arg(value_parser = iam_name)]
    pub name: String,
    /// The policy's JSON; `-` reads standard input
    pub file: PathBuf,
    /// Its name among the user's policies
    #[arg(long, value_name = "NAME", default_value = "main", value_parser = iam_name)]
    pub policy: String,
    /// Where the API is
    #[command(flatten)]
    pub at: At,
}

/// A user's policy.
#[derive(Clone, Debug, Args)]
pub struct OnePolicy {
    /// The user
    #[arg(value_parser = iam_name)]
    pub name: String,
    /// Its name among the user's policies
    #[arg(long, value_name = "NAME", default_value = "main", value_parser = iam_name)]
    pub policy: String,
    /// Where the API is
    #[command(flatten)]
    pub at: At,
}

/// A name as IAM has it.
fn iam_name(text: &str) -> Result<String, String> {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"+=,.@_-".contains(&byte);
    match (1..=64).contains(&text.len()) && text.bytes().all(is_letter) {
        true => Ok(text.to_owned()),
        false => Err("1 to 64 letters, digits and +=,.@_-".to_owned()),
    }
}

impl Command {
    /// Where the API is that is asked.
    pub fn at(&self) -> &At {
        match self {
            Self::Status(at) => at,
            Self::Channel(channel) => match &channel.order {
                ChannelOrder::Ls(ls) => &ls.at,
                ChannelOrder::Show(show) => &show.at,
                ChannelOrder::Start(names) | ChannelOrder::Stop(names) | ChannelOrder::Rm(names) => &names.at,
                ChannelOrder::Create(create) => &create.at,
            },
            Self::Resource(resource) => match &resource.order {
                ResourceOrder::Ls(ls) => &ls.at,
                ResourceOrder::Kinds(ls) => &ls.at,
            },
            Self::User(user) => match &user.order {
                UserOrder::Ls(ls) => &ls.at,
                UserOrder::Add(user) | UserOrder::Rm(user) => &user.at,
                UserOrder::Key(Key { order: KeyOrder::Add(user) | KeyOrder::Ls(user) }) => &user.at,
                UserOrder::Key(Key { order: KeyOrder::Rm(key) }) => &key.at,
                UserOrder::Policy(Policy { order: PolicyOrder::Set(set) }) => &set.at,
                UserOrder::Policy(Policy { order: PolicyOrder::Show(one) | PolicyOrder::Rm(one) }) => &one.at,
            },
            Self::Input(view) | Self::Endpoint(view) | Self::Distribution(view) | Self::Alarm(view) => {
                let ViewOrder::Ls(ls) = &view.order;
                &ls.at
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(subcommand)]
        command: Command,
    }

    fn read(line: &str) -> Result<Command, clap::Error> {
        Cli::try_parse_from(std::iter::once("headwater").chain(line.split(' '))).map(|cli| cli.command)
    }

    #[test]
    fn every_command_says_where_the_api_is() {
        for line in [
            "status",
            "channel ls",
            "channel show a",
            "channel start a b",
            "channel stop a",
            "channel create -",
            "channel rm a",
            "resource ls --kind x",
            "resource kinds",
            "user ls",
            "user add eve",
            "user rm eve",
            "user key add eve",
            "user key ls eve",
            "user key rm eve AKIAIOSFODNN7EXAMPLE",
            "user policy set eve -",
            "user policy show eve",
            "user policy rm eve --policy night",
            "input ls",
            "endpoint ls",
            "distribution ls",
            "alarm ls",
        ] {
            let there = read(&format!("{line} --json --endpoint https://live.example")).expect(line);
            let at = there.at();
            assert!(at.json && at.endpoint.is_some(), "{line}");
            assert_eq!(read(line).expect(line).at().data, PathBuf::from("data"), "{line}");
            for wrong in ["--endpoint http://a --data b", "--ca file", "--endpoint ftp://a"] {
                assert!(read(&format!("{line} {wrong}")).is_err(), "{line} {wrong}");
            }
        }
    }

    #[test]
    fn names_that_no_channel_can_have_are_refused_before_anybody_is_asked() {
        for line in [
            "user add a/b",
            "user key rm eve",
            "channel show A",
            "channel rm",
            "channel start a/b",
            "channel create - --name ..",
        ] {
            assert!(read(line).is_err(), "{line}");
        }
    }
}
