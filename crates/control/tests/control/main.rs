//! The control role as its clients meet it: over HTTP on loopback, with signed requests.

mod auth;
mod calls;
mod client;
mod elsewhere;
mod events;
mod file_channels;
mod full_disk;
mod limits;
mod native;
mod policies;
mod reconcile;
mod restart;
mod sessions;
mod support;
