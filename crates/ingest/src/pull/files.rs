//! What a lane reads: a server's files, or those an encoder pushed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use playlist::limits::MAX_PLAYLIST_BYTES;
use playlist::{ByteRange, Follower, Join, Playlist, Url, Wanted};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::lane::Fault;
use crate::fetch::{self, Client};
use crate::push::Store;

/// Where a lane's files are.
#[derive(Debug)]
pub(super) enum Files {
    Fetched(Client),
    Pushed(Arc<Store>),
}

/// Tells when a playlist may be another.
#[derive(Debug)]
pub(super) struct News(Option<watch::Receiver<u64>>);

impl Files {
    /// Reads a playlist.
    pub(super) async fn playlist(&mut self, url: &Url) -> Result<Playlist, Fault> {
        let client = match self {
            Self::Fetched(client) => client,
            Self::Pushed(store) => return store.playlist(url).ok_or_else(|| Fault::NotPushed(url.clone())),
        };
        let fetched = client.get(url, None, MAX_PLAYLIST_BYTES).await;
        let fetched = fetched.map_err(|fault| Fault::Fetch { url: url.clone(), fault })?;
        Playlist::parse(&fetched.body, &fetched.url)
            .map_err(|fault| Fault::Playlist { url: url.clone(), fault })
    }

    /// Waits until the playlist at `url` is there: a server has it, an encoder may bring it yet.
    pub(super) async fn until_there(&self, url: &Url) {
        if let Self::Pushed(store) = self {
            store.until_renewed(url).await;
        }
    }

    /// Whether the playlist at `url` is there.
    pub(super) fn is_there(&self, url: &Url) -> bool {
        match self {
            Self::Fetched(_) => true,
            Self::Pushed(store) => store.is_renewed(url, Instant::now()),
        }
    }

    /// Reads a file, or some of its bytes, at most `limit`. `later` are the segments that are listed after it.
    pub(super) async fn file(
        &mut self,
        url: &Url,
        range: Option<ByteRange>,
        limit: usize,
        later: &[Wanted],
    ) -> Result<Bytes, Fault> {
        let read = match self {
            Self::Fetched(client) => client.get(url, range, limit).await.map(|fetched| fetched.body),
            Self::Pushed(store) => {
                let whole = store.file(url, later).await.ok_or_else(|| Fault::NotPushed(url.clone()))?;
                fetch::part(whole, range)
            }
        };
        read.map_err(|fault| Fault::Fetch { url: url.clone(), fault })
    }

    /// How a playlist is followed. Of a stream whose encoder has just begun nothing is left out.
    pub(super) fn follower(&self, url: &Url) -> Follower {
        match self {
            Self::Fetched(_) => Follower::default(),
            Self::Pushed(store) if store.has_begun(url, Instant::now()) => Follower::joining(Join::First),
            Self::Pushed(_) => Follower::default(),
        }
    }

    /// Without those at the front that were pushed before this process was there, or are forgotten.
    pub(super) fn since_first_there<'w>(&self, wanted: &'w [Wanted]) -> &'w [Wanted] {
        match self {
            Self::Fetched(_) => wanted,
            Self::Pushed(store) => {
                let first = wanted.iter().position(|wanted| store.has(&wanted.segment.url));
                &wanted[first.unwrap_or(0)..]
            }
        }
    }

    /// How often the encoder of a playlist began anew, so that its lists are others than those before.
    pub(super) fn turns(&self, url: &Url) -> u64 {
        match self {
            Self::Fetched(_) => 0,
            Self::Pushed(store) => store.turns(url),
        }
    }

    /// How much of a stream that begins is kept in hand: a server has the segments of some targets, an encoder brings each once it is
    /// made, and the next may be a whole target long.
    pub(super) fn reserve(&self, wanted: &[Wanted], target_s: f64) -> Duration {
        match self {
            Self::Pushed(_) if wanted.len() < 3 => Duration::from_secs_f64(target_s),
            Self::Fetched(_) | Self::Pushed(_) => Duration::ZERO,
        }
    }

    /// To be asked for before a playlist is read.
    pub(super) fn news(&self) -> News {
        match self {
            Self::Fetched(_) => News(None),
            Self::Pushed(store) => News(Some(store.news())),
        }
    }
}

impl News {
    /// Waits as long as is usual before the playlist is read again, or until something was pushed.
    pub(super) async fn wait(&mut self, at_most: Duration) {
        match &mut self.0 {
            None => sleep(at_most).await,
            // The store lives as long as its readers.
            Some(news) => drop(timeout(at_most, news.changed()).await),
        }
    }
}
