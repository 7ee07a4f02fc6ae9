//! The order of video tracks.

use crate::Track;

/// The order in which video tracks are told; players often begin with the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// As a manifest has them by itself.
    #[default]
    Channel,
    /// The lowest bit rate first.
    Ascending,
    /// The highest bit rate first.
    Descending,
}

impl Order {
    /// Puts tracks of equal rank in this order; [`Order::Channel`] leaves them as they are.
    pub(crate) fn sort(self, tracks: &mut [&Track]) {
        match self {
            Self::Channel => {}
            Self::Ascending => tracks.sort_by_key(|track| track.average_bps()),
            Self::Descending => tracks.sort_by_key(|track| std::cmp::Reverse(track.average_bps())),
        }
    }
}
