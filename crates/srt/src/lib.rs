//! A small safe face on the system's libsrt: what a contribution server needs, live mode, receiving.
//!
//! - [`Listener`]: one UDP port for all peers. A gate sees each peer's stream id before it is accepted, and sets its
//!   terms or refuses it with a reason.
//! - [`Calling`]: a connection made from here.
//! - [`Connection`]: messages in order, and the link's [`Stats`]. Never blocks; one looks when it suits.
//! - [`Link`]: what a connection does for its user, so that another transport can stand in for it.
//! - [`StreamId`]: what a peer says it wants, in the syntax of the SRT access control guidelines.
//!
//! No pointer and no type of the binding leaves; every socket is owned by one value with a `Drop`. libsrt starts threads
//! of its own: two for each UDP port and one for each connection. Needs libsrt 1.4.2 or newer.

#![warn(clippy::undocumented_unsafe_blocks)]

mod address;
mod call;
mod connection;
mod error;
mod ffi;
mod filter;
mod listener;
mod passphrase;
mod rejection;
mod socket;
mod stats;
mod stream_id;
mod terms;

pub use call::Calling;
pub use connection::{Connection, Link, Lost, Received};
pub use error::Error;
pub use listener::{Knock, Listener};
pub use passphrase::{Passphrase, PassphraseError};
pub use rejection::Rejection;
pub use socket::SocketId;
pub use stats::Stats;
pub use stream_id::{Mode, StreamId, StreamIdError};
pub use terms::Terms;

/// Longest message of live mode, in bytes: what fits an Ethernet frame. MPEG-TS comes in 1316, seven packets.
pub const MAX_MESSAGE_BYTES: usize = 1456;

#[cfg(test)]
mod tests;
