//! AWS MediaLive: inputs, input security groups, channels and their schedules.
//!
//! [`MediaLive`] is a [`door::Door`]. The way of a call: [`medialive`] → `input`, `security_group`, `channel`, `run` (start and
//! stop), `schedule`, `tags`, `account`, `encoders` (pictures, pipelines started anew). A request is held against the table of [`settings`], where every member that is done, kept
//! or refused has its line; what is in no line is refused by name. A channel is completed ([`mapping::complete`]) and mapped
//! ([`mapping::table`]) to a channel of the workflow file before it is stored, so that whatever is stored can run.
//!
//! Channels that the workflow file or the native API made are shown too, and changed by no call ([`elsewhere`]).
//!
//! What is stored ([`stored`]) is what is wanted; who holds what only one can have is a resource too ([`claim`]). States are not
//! stored but made of what is wanted and the last report ([`state`]), and reports are made of what is seen ([`observe`]).

#![forbid(unsafe_code)]

mod about;
mod account;
mod alerts;
mod at;
mod channel;
mod claim;
mod describe;
mod elsewhere;
mod encoders;
mod endpoint;
mod id;
mod input;
mod mapping;
mod medialive;
mod observe;
mod page;
mod refusal;
mod run;
mod schedule;
mod security_group;
mod settings;
mod state;
mod stored;
mod tags;
mod wanted;

pub use encoders::{Encoders, Outcome, Thumbnail};
pub use endpoint::Reach;
pub use mapping::is_lenient;
pub use medialive::MediaLive;
pub use wanted::media_names;
