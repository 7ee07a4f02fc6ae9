//! What may differ between playlists of the same media.

use crate::Order;

/// How playlists are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Style {
    /// The file name of media playlists, without `.m3u8`: each lies in its track's folder.
    pub playlist: String,
    /// The order of variants.
    pub order: Order,
    /// Where EXT-X-PROGRAM-DATE-TIME stands.
    pub dates: Dates,
}

/// Where EXT-X-PROGRAM-DATE-TIME stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dates {
    /// On the first segment and after every discontinuity.
    First,
    /// Nowhere. Players then find live renditions' common time by numbers only.
    Never,
    /// There, and on the first segment of each interval of so many microseconds since the Unix epoch; above zero.
    Every(i64),
}

impl Default for Style {
    fn default() -> Self {
        Self { playlist: "index".to_owned(), order: Order::Channel, dates: Dates::First }
    }
}
