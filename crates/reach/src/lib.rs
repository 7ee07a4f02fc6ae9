//! Calls to where somebody else says: URLs and hosts in settings, playlists and subscriptions.
//!
//! A name is looked up once ([`resolve`]), the address is held against [`Reach`], and that address is the one that is called
//! ([`connect`]): a name that answers differently the next moment changes nothing. TLS trusts the system's authorities ([`trust`]).

#![forbid(unsafe_code)]

mod address;
mod connection;

pub use address::{Reach, Unreachable, resolve};
pub use connection::{Fault, connect, trust};
