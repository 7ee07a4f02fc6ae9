//! The commands of `headwater` that ask the native API (`/v1` of the control role), and IAM beside it, and how they show what they say.
//!
//! - [`command`]: their words on the command line. [`run`] does one.
//! - [`base_url`], [`target`]: where the API is, and with whose key. [`client`] signs, asks and reads; [`trust`] is whom it believes
//!   to be the other side; [`pages`] gathers a list that comes in pages.
//! - [`refusal`]: what the API says when it will not.
//! - [`channel`], [`resource`], [`status`], [`user`]: one group of commands each; the last asks [`iam`]; [`channel_file`] is what `channel create` reads.
//! - [`screen`], [`table`]: what people and scripts get to see.
//!
//! Every request is signed (SigV4, service `headwater` or `iam`), on this machine too, so that no secret crosses any wire.

#![forbid(unsafe_code)]

mod base_url;
mod channel;
mod channel_file;
mod client;
mod command;
mod error;
mod iam;
mod pages;
mod refusal;
mod resource;
mod screen;
mod status;
mod table;
mod target;
mod trust;
mod user;

pub use base_url::{BadUrl, BaseUrl};
pub use client::Client;
pub use command::{
    At, Channel, ChannelOrder, Command, Create, Ls, Names, Resource, ResourceLs, ResourceOrder,
};
pub use command::{
    Key, KeyOrder, OneKey, OnePolicy, OneUser, Policy, PolicyOrder, SetPolicy, User, UserOrder,
};
pub use command::{Show, View, ViewOrder};
pub use error::Error;
pub use refusal::{FieldFault, Refusal};
pub use screen::Screen;
pub use target::{ACCESS_KEY, SECRET_KEY, Target, Whose, keys_of_environment};

/// Does a command, and shows on `screen` what the API answers.
///
/// Of several channels that a command names those before one that fails are done, and shown.
pub async fn run(command: &Command, client: &Client, screen: &mut Screen<'_>) -> Result<(), Error> {
    match command {
        Command::Status(_) => status::show(client, screen).await,
        Command::Channel(channel) => channel::run(&channel.order, client, screen).await,
        Command::Resource(resource) => match &resource.order {
            ResourceOrder::Ls(ls) => {
                let kinds = resource::Kinds::matching(ls.kind.as_deref().unwrap_or("*"));
                resource::list(&kinds, client, screen).await
            }
            ResourceOrder::Kinds(_) => resource::kinds(client, screen).await,
        },
        Command::User(user) => user::run(&user.order, client, screen).await,
        Command::Input(_) => resource::list(&resource::INPUTS, client, screen).await,
        Command::Endpoint(_) => resource::list(&resource::ENDPOINTS, client, screen).await,
        Command::Distribution(_) => resource::list(&resource::DISTRIBUTIONS, client, screen).await,
        Command::Alarm(_) => resource::list(&resource::ALARMS, client, screen).await,
    }
}
