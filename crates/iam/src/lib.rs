//! IAM and STS: users, their access keys and policies, and temporary keys.
//!
//! [`Iam`] and [`Sts`] are [`door::Door`]s over the store's identity, which whoever answers calls asks at each of them: what changes here
//! holds for the next call. One kind of thing a file: `users`, `keys`, `user_policies` (a user's own), `policies` (those that are attached),
//! `attachments`, `tags`. What the store keeps of a user or a policy beside its name is a [`record`]; `refusal` has IAM's exceptions.

#![forbid(unsafe_code)]

mod about;
mod attachments;
mod keys;
mod page;
mod policies;
mod random;
mod record;
mod refusal;
mod service;
mod sts;
mod tags;
mod user_policies;
mod users;

pub use record::{ROOT, UserRecord};
pub use service::Iam;
pub use sts::Sts;
