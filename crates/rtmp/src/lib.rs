//! The RTMP protocol as a value you feed: no socket, no clock.
//!
//! [`Session`] is the server's side of one connection. Put what the peer sent into a buffer, call [`Session::poll`]
//! until it wants more, send what [`Session::take_outgoing`] gives:
//!
//! ```
//! # use bytes::BytesMut;
//! let mut session = rtmp::Session::new();
//! let mut input = BytesMut::from(&b"\x03 ... the client's bytes"[..]);
//! while let Some(event) = session.poll(&mut input)? {
//!     if let rtmp::Event::Publish(request) = event {
//!         match request.app.as_str() {
//!             "live" => session.accept(),
//!             _ => session.refuse("no such application"),
//!         }
//!     }
//! }
//! let send = session.take_outgoing();
//! # Ok::<(), rtmp::PeerError>(())
//! ```
//!
//! [`Client`] is the other side: it asks a server to play a stream, and is fed the same way.
//!
//! The way of a byte: the handshake → [`chunk::Reader`] puts messages together → [`Session`] answers commands
//! ([`amf`]) and yields pictures and sound ([`flv`]) as [`Media`]. Peer faults are [`Fault`]s, each with the offset
//! of the byte that showed it; every bound is in [`limits`].
//!
//! Specifications: Adobe's Real Time Messaging Protocol 1.0, AMF 0, FLV 10.1, Enhanced RTMP v2.

#![forbid(unsafe_code)]

mod acknowledgement;
pub mod amf;
pub mod chunk;
mod client;
mod command;
mod fault;
pub mod flv;
mod handshake;
mod key;
pub mod limits;
mod media;
mod session;

pub use client::{Client, Played, Target};
pub use fault::{Fault, PeerError};
pub use key::Key;
pub use media::{Media, Metadata};
pub use session::{Event, PublishRequest, Session};
