//! SNS and a small SQS: who is told, and how.
//!
//! A [`Notifier`] holds what both share: the store, the key that signs, what is on its way. [`Notifier::sns`] and
//! [`Notifier::sqs`] are the two doors; [`Notifier::publish`] is for this installation's own messages (alarms).
//!
//! The way of a message: `sns::publish` asks each subscription's filter policy (`filter`) → for a queue the message is put there, for a webhook
//! or an address a `parcel` into the subscription's outbox, all in one transaction with the acknowledgement → `postman` takes
//! what is due → `webhook` (the guarded client of `reach`) or `email` → what failed is due again as its `retry` policy says, and at
//! the end goes to the dead-letter queue, if there is one. Parcels hold all that is needed, so a restart loses none and needs to know
//! nothing else.
//!
//! Queues, outboxes too, are messages in the store ([`store::Messages`]). A queue of SQS is `queue` (what may be set), `send`,
//! `receive`, `settle` (delete and visibility).

#![forbid(unsafe_code)]

mod arn;
mod attribute;
mod config;
mod email;
mod envelope;
mod fault;
mod notifier;
mod page;
mod parcel;
mod permission;
mod postman;
mod random;
mod retry;
mod signer;
mod sns;
mod sqs;
mod turn;
mod url;
mod webhook;

pub use config::{Config, MailTls, Smtp};
pub use notifier::{ConfigFault, Counts, Notifier};
pub use sns::Sns;
pub use sqs::Sqs;
