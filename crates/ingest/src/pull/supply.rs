//! Where a channel's playlists and segments come from.

use std::fmt;
use std::sync::Arc;

use playlist::{Chosen, Playlist};

use super::files::Files;
use super::told::Told;
use crate::config::{AtEnd, HlsPull};
use crate::fetch::Client;
use crate::push::Push;

/// Where a channel's playlists and segments come from.
#[derive(Debug)]
pub(crate) enum Supply {
    /// A server, which is asked for them.
    Fetched(HlsPull),
    /// An encoder, which brings them.
    Pushed(Arc<Push>),
}

impl Supply {
    /// Finds the stream to follow: what a server offers now, or waits for an encoder's.
    pub(super) async fn choose(&self, told: &Told<'_>) -> Option<Chosen> {
        let from = match self {
            Self::Fetched(from) => from,
            Self::Pushed(push) => return Some(push.choose().await),
        };
        match self.files().playlist(&from.url).await {
            Ok(Playlist::Media(_)) => Some(Chosen::lone(from.url.clone())),
            Ok(Playlist::Multivariant(streams)) => streams.choose(&from.choice),
            Err(fault) => {
                told.fault(fault.label(), &fault);
                None
            }
        }
    }

    /// Resolves when another stream is to be followed than `chosen`. What a server offers is looked at again only once the stream is
    /// gone.
    pub(super) async fn is_left(&self, chosen: &Chosen) {
        match self {
            Self::Fetched(_) => std::future::pending().await,
            Self::Pushed(push) => push.is_left(chosen).await,
        }
    }

    /// What a lane reads from now on.
    pub(super) fn files(&self) -> Files {
        match self {
            Self::Fetched(from) => Files::Fetched(Client::new(from.reach)),
            Self::Pushed(push) => Files::Pushed(push.store()),
        }
    }

    pub(super) const fn at_end(&self) -> AtEnd {
        match self {
            Self::Fetched(from) => from.at_end,
            Self::Pushed(_) => AtEnd::Wait,
        }
    }

    /// The event that tells of trouble with it.
    pub(super) const fn trouble(&self) -> &'static str {
        match self {
            Self::Fetched(_) => "pull_failed",
            Self::Pushed(_) => "push_failed",
        }
    }
}

/// What the log may tell.
impl fmt::Display for Supply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fetched(from) => from.url.fmt(f),
            Self::Pushed(_) => f.write_str("pushed"),
        }
    }
}
