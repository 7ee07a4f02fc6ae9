//! HTTP authentication, the server's side: Basic (RFC 7617) and Digest (RFC 7616).
//!
//! A [`Gate`] guards one place that one [`Login`] opens. A request without an answer gets the gate's [`Gate::challenges`]; the next
//! one's `Authorization` is read ([`Authorization::parse`]) and [`Gate::admit`] decides. Digest's nonces are signed, not kept; what is
//! kept, within bounds, is how often each was used ([`mod@nonce`]), so that no answer is taken twice.
//!
//! Pure: no clock, no socket; `now` is an argument.

#![forbid(unsafe_code)]

mod authorization;
mod digest;
mod gate;
mod login;
mod nonce;
mod params;

pub use authorization::{Authorization, Basic, MAX_BYTES, Malformed};
pub use digest::{Algorithm, Digest};
pub use gate::{Asked, Gate, Refusal, Stale};
pub use login::{Login, Password};
pub use nonce::{LIFE, MAX_USED};
