//! A fetch that failed.

/// Why there is no answer from the origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Failure {
    #[error("the origin cannot be reached")]
    Unreachable,
    #[error("the origin did not answer in time")]
    Timeout,
    #[error("the origin's answer broke off")]
    BrokenOff,
    #[error("the origin failed, and the copy at hand is too old")]
    TooStale,
    #[error("too many fetches are under way")]
    Busy,
    #[error("this machine can make no connection more")]
    Short,
}

impl Failure {
    pub(crate) fn status(self) -> u16 {
        match self {
            Failure::Unreachable | Failure::BrokenOff => 502,
            Failure::TooStale | Failure::Busy | Failure::Short => 503,
            Failure::Timeout => 504,
        }
    }

    /// The whole `Cache-Status` of an answer that tells of it.
    pub(crate) fn cache_status(self) -> &'static str {
        match self {
            Failure::Unreachable => "headwater; fwd=uri-miss; detail=unreachable",
            Failure::Timeout => "headwater; fwd=uri-miss; detail=timeout",
            Failure::BrokenOff => "headwater; fwd=uri-miss; detail=broken-off",
            Failure::TooStale => "headwater; fwd=stale; detail=too-stale",
            Failure::Busy => "headwater; detail=too-many-fetches",
            Failure::Short => "headwater; fwd=uri-miss; detail=no-connection-left",
        }
    }
}
