//! AWS Elemental MediaPackage, v1 and v2, as doors to the workflow's endpoints.
//!
//! Two [`door::Door`]s: [`MediaPackage`] (channels and origin endpoints) and [`MediaPackageV2`] (channel groups, channels, origin
//! endpoints, policies). What a call asks is read by [`settings`], which refuses by name whatever is not carried out, and kept in
//! the store; [`asked`] makes `[[endpoint]]` tables of it, and [`needs`] the `[[channel]]`s they show.
//!
//! A MediaPackage channel shows the workflow channel `door::media_name("mp", id)`; v2's id is `group/channel`. It is declared here as one
//! to which HLS is pushed (v2: or CMAF); while a MediaLive channel feeds it, as one that gives way to that; [`Needs::of`] says what endpoints need
//! of either.

#![forbid(unsafe_code)]

mod address;
mod asked;
mod fed;
mod names;
mod needs;
mod secrets;
mod settings;
mod setup;
mod tags;
mod v1;
mod v2;

pub use names::media_names;
pub use needs::Needs;
pub use secrets::Secrets;
pub use setup::Setup;
pub use v1::MediaPackage;
pub use v2::MediaPackageV2;
