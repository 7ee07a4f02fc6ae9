//! Media playlists: what they list.

use crate::Url;

/// A media playlist (RFC 8216 §4.3.3).
#[derive(Clone, Debug, PartialEq)]
pub struct Media {
    /// `EXT-X-TARGETDURATION`, in seconds.
    pub target_s: f64,
    /// `EXT-X-ENDLIST`: nothing will be added.
    pub is_over: bool,
    /// In the order in which they play; their numbers rise by one.
    pub segments: Vec<Segment>,
    /// The number of the first segment, listed or to come: `EXT-X-MEDIA-SEQUENCE`.
    pub first: u64,
}

/// One segment.
#[derive(Clone, Debug, PartialEq)]
pub struct Segment {
    /// Its media sequence number.
    pub number: u64,
    /// Where it is.
    pub url: Url,
    /// Which bytes of that; all where it is not told.
    pub range: Option<ByteRange>,
    /// `EXTINF`, in seconds.
    pub duration_s: f64,
    /// `EXT-X-DISCONTINUITY` stands before it.
    pub is_discontinuous: bool,
    /// `EXT-X-GAP`: there is nothing to be had.
    pub is_gap: bool,
    /// What it is encrypted with.
    pub key: Option<Key>,
    /// What stands before it.
    pub map: Option<Map>,
}

/// Some bytes of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteRange {
    /// The first byte's place.
    pub start: u64,
    /// How many, at least one.
    pub length: u64,
}

/// `EXT-X-KEY` with `METHOD=AES-128`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Key {
    /// Where the key is.
    pub url: Url,
    /// The initialisation vector; where it is not told, the segment's number.
    pub iv: Option<[u8; 16]>,
}

impl Key {
    /// The initialisation vector for the segment `number` (RFC 8216 §5.2).
    pub fn iv_of(&self, number: u64) -> [u8; 16] {
        self.iv.unwrap_or_else(|| u128::from(number).to_be_bytes())
    }
}

/// `EXT-X-MAP`: the header of fragmented MP4, or the tables of a transport stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Map {
    /// Where it is.
    pub url: Url,
    /// Which bytes of that; all where it is not told.
    pub range: Option<ByteRange>,
    /// What it is encrypted with.
    pub key: Option<Key>,
}
