//! Who asks, and may they: the identities of one account, as AWS's clients know them.
//!
//! Pure, and safe on any bytes: no clock, file, socket or source of chance; `now` and random bytes are arguments.
//!
//! The way of a call: the front door makes a [`sigv4::Request`] of what came off the wire → [`sigv4::Claim::read`] says
//! which access key it names, and the service and region it was signed for → the caller finds that key and opens its sealed secret
//! ([`seal::Keyring`]), or the token of a temporary one ([`session`]) → [`sigv4::Claim::verify`] → for a call that changes something
//! [`sigv4::Replays::admit`] → [`policy::decide`] with the policies of the user. What is refused on the way is a
//! [`sigv4::Fault`], which tells status and code for each family of protocols ([`Family`]).
//!
//! The first start: [`Bootstrap`] makes (or takes) account, root access key and console password, and [`aws_env`] prints
//! what clients need. Passwords are kept as [`password::Hash`].

#![forbid(unsafe_code)]

pub mod account;
mod answer;
pub mod aws_env;
pub mod bootstrap;
mod hex;
mod iso_time;
pub mod key;
pub mod password;
pub mod policy;
pub mod seal;
mod secret;
pub mod session;
pub mod sigv4;

pub use account::{AccountId, Principal};
pub use answer::{Answer, Family};
pub use bootstrap::{Bootstrap, BootstrapFault, Given};
pub use key::AccessKeyId;
pub use secret::Secret;
