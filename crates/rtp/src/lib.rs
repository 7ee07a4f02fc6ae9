//! MPEG-TS over RTP as values you feed: no socket, no clock.
//!
//! [`Receiver`] is the receiving side of one stream. Give it the datagrams of the media port ([`Receiver::media`]; from
//! two legs, where the stream comes by two paths) and of the error correction ports ([`Receiver::fec`]), and ask what
//! has come in order:
//!
//! ```
//! # use std::time::Instant;
//! use rtp::{Event, Latency, Leg, Receiver};
//! # let (datagram, now) = ([0; 12], Instant::now());
//! # let mut transport_stream = Vec::new();
//! let mut receiver = Receiver::new(Latency::from_ms(200).expect("it is between 50 and 2000"));
//! if let Err(fault) = receiver.media(Leg::First, &datagram, now) {
//!     println!("left out: {fault}");
//! }
//! while let Some(event) = receiver.poll(now) {
//!     match event {
//!         Event::Media(media) => transport_stream.extend_from_slice(&media.payload),
//!         Event::Lost { count, .. } => println!("{count} packets are missing here"),
//!         Event::Started { ssrc } => println!("follows {ssrc:08x}"),
//!     }
//! }
//! let wake_me_at = receiver.deadline();
//! ```
//!
//! The way of a datagram: [`Packet::parse`] and [`ts::whole_packets`] → `source` (which sender's run it belongs to,
//! RFC 3550 A.1) → `window` (the reorder buffer both legs share: SMPTE ST 2022-7) ⇄ [`fec`] (what is missing told from
//! what is there: SMPTE ST 2022-1) → [`Event`]. A datagram that is wrong is a [`Fault`], counted and left out; every bound
//! is in [`limits`]. MPEG-TS in datagrams without RTP has no order to restore: [`ts::whole_packets`] is all it needs.
//!
//! Specifications: RFC 3550, RFC 2250, RFC 2733, SMPTE ST 2022-1, -2, -7.

#![forbid(unsafe_code)]

mod fault;
pub mod fec;
mod legs;
pub mod limits;
mod packet;
mod receiver;
mod sequence;
mod source;
pub mod ts;
mod window;

pub use fault::Fault;
pub use legs::{Leg, LegStatistics};
pub use packet::{HEADER, Header, MPEG_TS, Packet};
pub use receiver::{Event, Latency, Media, Receiver, Statistics};
