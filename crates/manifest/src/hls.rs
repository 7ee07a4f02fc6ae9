//! HLS playlists (RFC 8216bis).

mod low_latency;
mod media_playlist;
mod multivariant_playlist;
mod style;

pub use media_playlist::{Extent, media, media_in};
pub use multivariant_playlist::{multivariant, multivariant_in};
pub use style::{Dates, Style};

/// The `Content-Type` of a playlist.
pub const CONTENT_TYPE: &str = "application/vnd.apple.mpegurl";

/// EXT-X-MAP outside an I-frame playlist asks for 6; nothing here asks for more (RFC 8216bis §8).
const VERSION: u8 = 6;
/// EXT-X-SKIP asks for 9.
const SKIP_VERSION: u8 = 9;
