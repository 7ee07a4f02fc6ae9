//! Why an RTMP connection ended.

use std::time::Duration;

use rtmp::PeerError;

use crate::channel::{Held, Leave};

/// From accept to a publish request. Encoders take a few round trips.
pub(crate) const PUBLISH_TIMEOUT: Duration = Duration::from_secs(10);
/// What a peer may send before its publish request, in bytes. Encoders send 6 KiB; strangers shall not fill memory.
pub(crate) const MAX_BEFORE_PUBLISH: u64 = 64 << 10;
/// Longest silence of whoever brings a stream.
pub(crate) const SILENCE_TIMEOUT: Duration = Duration::from_secs(15);

/// Why a connection ended, other than in good order.
#[derive(Debug, thiserror::Error)]
pub(crate) enum End {
    #[error(transparent)]
    Peer(#[from] PeerError),
    #[error("connection lost: {0}")]
    Io(#[from] std::io::Error),
    #[error("it closed the connection without a goodbye")]
    Closed,
    #[error("no TLS: {0}")]
    Tls(std::io::Error),
    #[error("no publish request within {PUBLISH_TIMEOUT:?}")]
    NoPublish,
    #[error("over {MAX_BEFORE_PUBLISH} bytes before a publish request")]
    TooMuch,
    #[error("silent for {SILENCE_TIMEOUT:?}")]
    Silent,
    #[error("another publisher came with its key")]
    Replaced,
    #[error("its channel is no more")]
    NoChannel,
    #[error("its address is not among those that may publish")]
    NotAllowed,
    #[error("it does not read our answers")]
    Deaf,
    #[error("it wanted to play; streams are only taken here")]
    Play,
    #[error("it turned us down: {0}")]
    TurnedDown(String),
    // An application that is not ours is not printed: people paste keys there.
    #[error("no channel has its application")]
    UnknownApp,
    #[error("stream key {key} is not known for application `{app}`")]
    UnknownKey { app: String, key: rtmp::Key },
    #[error("channel `{channel}` has a publisher already{held}")]
    Busy { channel: wire::sample_stream::Feed, held: Held },
}

impl From<Leave> for End {
    fn from(leave: Leave) -> Self {
        match leave {
            Leave::Replaced => Self::Replaced,
            Leave::NoChannel => Self::NoChannel,
            Leave::NotAllowed => Self::NotAllowed,
        }
    }
}

impl End {
    /// The value of the metric's `reason` label.
    pub(crate) const fn label(&self) -> &'static str {
        match self {
            Self::Peer(_) => "protocol",
            Self::Io(_) | Self::Closed => "lost",
            Self::Tls(_) => "tls",
            Self::NoPublish => "no_publish",
            Self::TooMuch => "too_much",
            Self::Silent => "silent",
            Self::Replaced => "replaced",
            Self::NoChannel => "no_channel",
            Self::NotAllowed => "address",
            Self::Deaf => "deaf",
            Self::Play => "play",
            Self::TurnedDown(_) => "turned_down",
            Self::UnknownApp => "unknown_app",
            Self::UnknownKey { .. } => "unknown_key",
            Self::Busy { .. } => "busy",
        }
    }
}
