//! AWS APIs as a server meets them: requests of every protocol to values, answers and errors back.
//!
//! Pure: no clock, file, socket or runtime. What services there are, and what each takes and answers, is read from AWS's own
//! descriptions ([`Model::bundled`]), so that one codec for each protocol serves all of them.
//!
//! The way of a request: [`Model::route`] finds its service, operation and protocol → whoever knows keys looks at its
//! signature → [`Call::input`] makes a [`Value`] of it, within [`Limits`] → [`validate::check`] holds that against the
//! description → a handler views the part it acts on ([`Value::view`]) and keeps the rest → [`Call::answer`], or
//! [`Call::refusal`] for an [`Error`], which each protocol writes as its clients read it. An operation that nobody handles is
//! refused by [`Call::not_implemented`].

#![forbid(unsafe_code)]

mod answer;
mod call;
mod codec;
mod error;
mod limits;
pub mod model;
mod rest;
mod route;
mod timestamp;
pub mod validate;
mod value;

pub use call::Call;
pub use codec::Fault;
pub use error::Error;
pub use limits::Limits;
pub use model::{Model, Operation, Protocol, Service};
pub use route::Unrouted;
pub use timestamp::read as date;
pub use value::{Key, Map, Mismatch, Value};
