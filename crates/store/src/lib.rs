//! Resources that survive: what is wanted, what is, and who asked for it.
//!
//! [`Store::open`] takes a [`Place`]: a file (SQLite) or a `postgres://` URL. Everything else is the same on both.
//!
//! - Reading: [`Store::resource`], [`Store::list`] (pages), [`Store::every`] and [`Store::every_since`] (the planner's view), [`Store::changes`] (since a revision).
//! - Writing: [`Store::write`] gives a [`Write`], the one writer at that moment. What is done with it, its line in the
//!   audit log and its changes are one transaction, which [`Write::settle`] makes durable or takes back.
//! - [`Store::observe`]: what workers report; no call of anybody, so not audited.
//! - Identity (users, access keys, policies) and sealed secrets: bytes and documents that this crate does not read.
//! - Messages in queues ([`Messages`]): small, many and short-lived, so neither resources nor audited.
//! - [`Store::upkeep`] forgets what has had its time; [`Store::backup`] and [`restore`].
//!
//! Dates come from the caller. Writers take turns, also those of several machines on one PostgreSQL, so the feed of changes is in the
//! order of commits and has no late entries.

mod audit;
mod backup;
mod changes;
mod database;
mod document;
mod error;
mod identity;
mod messages;
mod migrate;
mod observe;
mod place;
mod policies;
mod read;
mod resource;
mod secrets;
mod token;
mod transfer;
mod turn;
mod upkeep;
mod write;

pub use audit::{AuditLine, Broken, Call};
pub use backup::{Before, Contents, restore};
pub use changes::{Change, What};
pub use database::Store;
pub use document::Document;
pub use error::Error;
pub use identity::{AccessKey, Use, User};
pub use messages::{Exchange, Held, Message, Messages, Put};
pub use place::{Place, PlaceFault};
pub use policies::Policy;
pub use read::Page;
pub use resource::{Key, New, Observation, Owner, Resource, Tags};
pub use token::Token;
pub use upkeep::Retention;
pub use write::{Expect, Write};
