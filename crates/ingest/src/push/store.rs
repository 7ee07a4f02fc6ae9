//! What was pushed to one place, in memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use playlist::{Choice, Chosen, Extent, Key, Map, Media, Multivariant, Playlist, Unreadable, Url, Wanted};
use tokio::sync::watch;
use tokio::time::timeout_at;

use super::room::{Held, Room};

/// Most files: an hour of six-second segments, and of a second one's.
const MAX_FILES: usize = 1_024;
/// Most bytes: some segments of each rendition, which are read as soon as they are listed.
const MAX_BYTES: usize = 128 << 20;
/// A playlist's memory beside its text's: a value for each line.
const PLAYLIST_WEIGHT: usize = 8;
/// How long a file is waited for that a playlist names.
const FILE_WAIT: Duration = Duration::from_secs(10);
/// The same once one is there that is listed after it: it will hardly come.
const LATE_FILE_WAIT: Duration = Duration::from_secs(1);
/// How long a stream that begins is waited for its other playlists: encoders push them one after the other.
const SETTLE: Duration = Duration::from_secs(2);
/// Shortest time after which a playlist that is not renewed is given up.
const SHORTEST_LIFE: Duration = Duration::from_secs(10);

/// A place's files. Beyond the bounds the one goes first that was named or pushed longest ago.
#[derive(Debug)]
pub(crate) struct Store {
    /// The URL of the place: what playlists' references are relative to. Only its path says something.
    base: Url,
    /// The URL under which files are known inside: names follow.
    root: Url,
    room: Arc<Room>,
    state: Mutex<State>,
    /// Counts what was pushed.
    news: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    files: HashMap<String, File>,
    bytes: usize,
    touches: u64,
}

#[derive(Debug)]
struct File {
    body: Body,
    pushed: Instant,
    /// When it was pushed first, of an unbroken row.
    since: Instant,
    /// Of a media playlist: when its encoder began, and how often one did before.
    began: Instant,
    turns: u64,
    touched: u64,
    /// The memory it has.
    held: Held,
}

#[derive(Debug)]
enum Body {
    Bytes(Bytes),
    Playlist(Playlist),
}

/// Whether a file of this name was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Put {
    New,
    Replaced,
}

/// How long a playlist may not be renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// Three target durations, and ten seconds at least.
    Long,
    /// One and a half target durations, and a second: while a standby waits.
    Short,
}

impl Patience {
    fn of(self, media: &Media) -> Duration {
        let target = Duration::from_secs_f64(media.target_s);
        match self {
            Self::Long => (target * 3).max(SHORTEST_LIFE),
            Self::Short => target.mul_f64(1.5) + Duration::from_secs(1),
        }
    }
}

/// Whether a file is a playlist, by what it is called or begins with.
pub(crate) fn is_playlist(name: &str, bytes: &[u8]) -> bool {
    let name = name.to_ascii_lowercase();
    name.ends_with(".m3u8") || name.ends_with(".m3u") || bytes.starts_with(b"#EXTM3U")
}

impl Store {
    pub(crate) fn new(path: &str, room: Arc<Room>) -> Self {
        let url = |text: &str| text.parse().expect("the workflow's paths are of what URLs take");
        let (base, root) = (url(&format!("http://pushed/in/{path}/")), url("http://pushed/"));
        Self { base, root, room, state: Mutex::default(), news: watch::Sender::new(0) }
    }

    /// Memory for an upload.
    pub(crate) fn hold(&self) -> Held {
        self.room.hold()
    }

    /// Takes a file.
    ///
    /// # Errors
    /// A playlist that cannot be read is not taken.
    pub(crate) fn put(
        &self,
        name: &str,
        bytes: Vec<u8>,
        mut held: Held,
        now: Instant,
    ) -> Result<Put, Unreadable> {
        let body = match is_playlist(name, &bytes) {
            true => {
                // Where there is no room for it, the next upload is refused.
                held.grow(bytes.len().saturating_mul(PLAYLIST_WEIGHT - 1));
                let here = self.base.join(name).unwrap_or_else(|_| self.base.clone());
                Body::Playlist(self.inside(Playlist::parse(&bytes, &here)?))
            }
            false => Body::Bytes(Bytes::from(bytes.into_boxed_slice())),
        };
        let mut state = self.state();
        let touched = state.touch_listed(&body);
        let before = state.remove(name);
        let put = if before.is_some() { Put::Replaced } else { Put::New };
        let (since, began, turns) = match before {
            Some(before) if before.is_of_another(&body) => (now, now, before.turns + 1),
            Some(before) if before.is_late(now) => (now, before.began, before.turns),
            Some(before) => (before.since, before.began, before.turns),
            None => (now, now, 0),
        };
        state.bytes += held.bytes();
        state.files.insert(name.to_owned(), File { body, pushed: now, since, began, turns, touched, held });
        state.evict(name);
        drop(state);
        self.news.send_modify(|news| *news += 1);
        Ok(put)
    }

    /// Lets a file go; whether there was one.
    pub(crate) fn delete(&self, name: &str) -> bool {
        self.state().remove(name).is_some()
    }

    /// Bytes that files have.
    pub(crate) fn bytes(&self) -> usize {
        self.state().bytes
    }

    /// The playlist at `url`.
    pub(crate) fn playlist(&self, url: &Url) -> Option<Playlist> {
        match &self.state().files.get(self.name(url)?)?.body {
            Body::Playlist(playlist) => Some(playlist.clone()),
            Body::Bytes(_) => None,
        }
    }

    /// Whether the file at `url` is there.
    pub(crate) fn has(&self, url: &Url) -> bool {
        self.name(url).is_some_and(|name| self.state().files.contains_key(name))
    }

    /// How often the playlist at `url` began anew.
    pub(crate) fn turns(&self, url: &Url) -> u64 {
        let state = self.state();
        self.name(url).and_then(|name| state.files.get(name)).map_or(0, |file| file.turns)
    }

    /// Whether the encoder of the playlist at `url` began no longer ago than it takes until one is read.
    pub(crate) fn has_begun(&self, url: &Url, now: Instant) -> bool {
        let state = self.state();
        let file = self.name(url).and_then(|name| state.files.get(name));
        file.is_some_and(|file| now.saturating_duration_since(file.began) <= SETTLE * 2)
    }

    /// The file at `url`; waited for if it is to come yet. `later` are the segments that are listed after it.
    pub(crate) async fn file(&self, url: &Url, later: &[Wanted]) -> Option<Bytes> {
        let name = self.name(url)?;
        let mut news = self.news.subscribe();
        let mut until = tokio::time::Instant::now() + FILE_WAIT;
        loop {
            news.borrow_and_update();
            {
                let state = self.state();
                if let Some(File { body: Body::Bytes(bytes), .. }) = state.files.get(name) {
                    return Some(bytes.clone());
                }
                let is_there = |wanted: &Wanted| {
                    self.name(&wanted.segment.url).is_some_and(|name| state.files.contains_key(name))
                };
                if later.iter().any(is_there) {
                    until = until.min(tokio::time::Instant::now() + LATE_FILE_WAIT);
                }
            }
            if timeout_at(until, news.changed()).await.is_err() {
                return None;
            }
        }
    }

    /// Changes whenever something is pushed.
    pub(crate) fn news(&self) -> watch::Receiver<u64> {
        self.news.subscribe()
    }

    /// Whether the media playlist at `url` is there, and is being renewed.
    pub(crate) fn is_renewed(&self, url: &Url, now: Instant) -> bool {
        let state = self.state();
        let file = self.name(url).and_then(|name| state.files.get(name));
        file.is_some_and(|file| file.is_renewed(Patience::Long, now))
    }

    /// Waits until [`Self::is_renewed`].
    pub(crate) async fn until_renewed(&self, url: &Url) {
        let mut news = self.news.subscribe();
        while !self.is_renewed(url, Instant::now()) {
            // The sender lives in this.
            let _ = news.changed().await;
        }
    }

    /// The stream that is pushed at the moment: of what the newest playlist of streams names, what is chosen. Of a ladder all, once some
    /// is being renewed; else of those that are being renewed the best. Where none is named, the media playlist that came first.
    pub(crate) fn stream(&self, choice: &Choice, patience: Patience, now: Instant) -> Option<Chosen> {
        let state = self.state();
        let medias = state.files.iter().filter(|(_, file)| file.is_renewed(patience, now));
        let (name, first) = medias.min_by_key(|(name, file)| (file.since, *name))?;
        let is_settled = now.saturating_duration_since(first.since) >= SETTLE;
        let newest = state.files.values().filter_map(|file| match &file.body {
            Body::Playlist(Playlist::Multivariant(streams)) => Some((file.touched, streams)),
            Body::Playlist(Playlist::Media(_)) | Body::Bytes(_) => None,
        });
        let is_here = |url: &Url| {
            let file = self.name(url).and_then(|name| state.files.get(name));
            file.is_some_and(|file| file.is_renewed(patience, now))
        };
        if let Some((_, streams)) = newest.max_by_key(|(touched, _)| *touched) {
            let mut here: Multivariant = streams.clone();
            if choice.extent == Extent::Best {
                here.variants.retain(|variant| is_here(&variant.url));
            }
            let chosen = here.choose(choice).filter(|chosen| chosen.main.iter().any(is_here));
            if let Some(mut chosen) = chosen {
                let is_whole = here.variants.len() == streams.variants.len() && chosen.urls().all(is_here);
                if choice.extent == Extent::Best {
                    chosen.audio.retain(|sound| is_here(&sound.url));
                }
                return (is_whole || is_settled).then_some(chosen);
            }
        }
        let main = self.url(name)?;
        is_settled.then_some(Chosen::lone(main))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The name of a file by its URL inside.
    fn name<'u>(&self, url: &'u Url) -> Option<&'u str> {
        url.same_server(&self.root).then(|| &url.path()[1..])
    }

    fn url(&self, name: &str) -> Option<Url> {
        self.root.join(&format!("/{name}")).ok()
    }

    /// A playlist whose URLs are those inside. Servers that it names are passed over: what lies below the place's path was pushed
    /// here. Whatever else it names is nowhere.
    fn inside(&self, playlist: Playlist) -> Playlist {
        let nowhere: Url = "http://elsewhere/".parse().expect("a URL");
        let own = |url: &mut Url| {
            let name = url.path().strip_prefix(self.base.path());
            *url = name.and_then(|name| self.url(name)).unwrap_or_else(|| nowhere.clone());
        };
        let own_key = |key: &mut Option<Key>| key.iter_mut().for_each(|key| own(&mut key.url));
        match playlist {
            Playlist::Multivariant(mut streams) => {
                streams.variants.iter_mut().for_each(|variant| own(&mut variant.url));
                streams.audio.iter_mut().filter_map(|audio| audio.url.as_mut()).for_each(own);
                Playlist::Multivariant(streams)
            }
            Playlist::Media(mut media) => {
                for segment in &mut media.segments {
                    own(&mut segment.url);
                    own_key(&mut segment.key);
                    if let Some(Map { url, key, .. }) = &mut segment.map {
                        own(url);
                        own_key(key);
                    }
                }
                Playlist::Media(media)
            }
        }
    }
}

impl State {
    fn remove(&mut self, name: &str) -> Option<File> {
        let file = self.files.remove(name)?;
        self.bytes -= file.held.bytes();
        Some(file)
    }

    /// Touches what a playlist names, in its order; the touch that is the file's own comes last.
    fn touch_listed(&mut self, body: &Body) -> u64 {
        let mut touch = |url: &Url| {
            self.touches += 1;
            if let Some(file) = self.files.get_mut(url.path().trim_start_matches('/')) {
                file.touched = self.touches;
            }
        };
        if let Body::Playlist(Playlist::Media(media)) = body {
            for segment in &media.segments {
                touch(&segment.url);
            }
            // Headers and keys outlive all segments.
            for segment in media.segments.last().into_iter().chain(media.segments.first()) {
                segment.map.iter().for_each(|map| touch(&map.url));
                segment.key.iter().for_each(|key| touch(&key.url));
            }
        }
        self.touches += 1;
        self.touches
    }

    /// Back within the bounds; what was pushed last stays.
    fn evict(&mut self, newest: &str) {
        while self.files.len() > MAX_FILES || self.bytes > MAX_BYTES {
            let others = self.files.iter().filter(|(name, _)| *name != newest);
            let Some((oldest, _)) = others.min_by_key(|(_, file)| file.touched) else { return };
            let oldest = oldest.clone();
            self.remove(&oldest);
        }
    }
}

impl File {
    /// Whether what is pushed in its place is another encoder's. Lists come in their order, since no cache has an old one: one that ends
    /// earlier is of an encoder that was started anew.
    fn is_of_another(&self, next: &Body) -> bool {
        let end = |media: &Media| media.first + media.segments.len() as u64;
        match (&self.body, next) {
            (Body::Playlist(Playlist::Media(before)), Body::Playlist(Playlist::Media(next))) => {
                !next.segments.is_empty() && end(next) < end(before)
            }
            _ => false,
        }
    }

    /// Whether it is a media playlist that is being renewed.
    fn is_renewed(&self, patience: Patience, now: Instant) -> bool {
        match &self.body {
            Body::Playlist(Playlist::Media(media)) => !is_over(self.pushed, patience.of(media), now),
            Body::Playlist(Playlist::Multivariant(_)) | Body::Bytes(_) => false,
        }
    }

    /// Whether a playlist was not renewed for long.
    fn is_late(&self, now: Instant) -> bool {
        match &self.body {
            Body::Playlist(Playlist::Media(media)) => is_over(self.pushed, Patience::Long.of(media), now),
            Body::Playlist(Playlist::Multivariant(_)) | Body::Bytes(_) => false,
        }
    }
}

fn is_over(since: Instant, patience: Duration, now: Instant) -> bool {
    now.saturating_duration_since(since) > patience
}

#[cfg(test)]
mod tests;
