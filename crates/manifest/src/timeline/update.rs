//! What an append changed.

use crate::{Period, Segment, TrackName};

/// A segment that has just been listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// Its track.
    pub track: TrackName,
    /// As listed.
    pub segment: Segment,
    /// The period it belongs to.
    pub period: Period,
}

/// A segment that is listed no longer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removed {
    /// Its track.
    pub track: TrackName,
    /// As it was listed.
    pub segment: Segment,
}

/// What an append changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Update {
    /// Newly listed, in the order of listing.
    pub published: Vec<Published>,
    /// Rolled off.
    pub removed: Vec<Removed>,
}
