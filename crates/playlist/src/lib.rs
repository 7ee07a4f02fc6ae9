//! HLS as a client meets it (RFC 8216): other servers' playlists read, and which of their segments come next.
//!
//! Pure, and safe on any bytes: no clock, no socket, and every bound is in [`limits`].
//!
//! The way of a stream: a [`Url`] is fetched by whoever has a socket → [`Playlist::parse`] → of a [`Multivariant`] one
//! stream is chosen ([`Multivariant::choose`]); each of its [`Media`] playlists is given, again and again, to a
//! [`Follower`], which says which segments to fetch, and what is wrong with the list.

#![forbid(unsafe_code)]

mod attributes;
mod follow;
pub mod limits;
mod media;
mod multivariant;
mod parse;
mod url;

pub use follow::{Follower, Join, Notice, Update, Wanted};
pub use media::{ByteRange, Key, Map, Media, Segment};
pub use multivariant::{Choice, Chosen, Extent, Multivariant, Rendition, Sound, Variant};
pub use parse::{Encryption, Playlist, Unreadable};
pub use url::{Scheme, Url, UrlFault};
