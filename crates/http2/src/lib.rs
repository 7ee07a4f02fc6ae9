//! The server's side of an HTTP/2 connection as a value you feed: no socket, no clock.
//!
//! [`Connection`] is given what the peer sent and appends what is to be sent to a buffer of the caller's; it holds no
//! body and no answer. Requests come as [`Event`]s with their fields in a [`Headers`] that the caller lends, so that an
//! idle connection holds only the table its peer compresses with:
//!
//! ```
//! # use std::time::Instant;
//! # use http2::{Connection, End, Event, Headers, hpack};
//! let (mut headers, mut out) = (Headers::default(), Vec::new());
//! let mut connection = Connection::new(Instant::now(), &mut out);
//! let input = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n ... the client's frames";
//! let mut at = 0;
//! while let Ok(received) = connection.receive(&input[at..], Instant::now(), &mut headers, &mut out) {
//!     at += received.used;
//!     match received.event {
//!         Some(Event::Request { stream }) => {
//!             let mut block = Vec::new();
//!             hpack::status(200, &mut block);
//!             connection.send_headers(stream, &[&block], End::Yes, &mut out);
//!         }
//!         Some(_) => {}
//!         None => break,
//!     }
//! }
//! ```
//!
//! The way of a byte: [`frame`] (lengths and kinds) → [`Connection`] (states, windows, settings) → [`hpack`] → the
//! rules of [`Headers`]. What a peer can break is a [`Fault`]; what it may do, but not this often, an [`Attack`], each
//! with a budget of its own in [`limits`], where every bound is.
//!
//! An answer's header block is made of the static table and literals alone: it depends on no connection, so that it
//! can be made once and kept beside what it describes.
//!
//! Specifications: RFC 9113 (HTTP/2; priorities are ignored, nothing is pushed), RFC 7541 (HPACK).

#![forbid(unsafe_code)]

mod attack;
mod connection;
mod fault;
pub mod frame;
mod headers;
pub mod hpack;
pub mod limits;
mod stream;

pub use attack::Attack;
pub use connection::{Connection, Data, End, Event, Received};
pub use fault::Fault;
pub use frame::PREFACE;
pub use headers::{Headers, Malformed};
pub use stream::StreamId;
