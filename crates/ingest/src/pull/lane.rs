//! One media playlist, followed: its segments, fetched in their order.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use playlist::{Follower, Key, Map, Media, Notice, Playlist, Unreadable, Url, Wanted};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use super::files::Files;
use super::round::Round;
use super::segment::{self, Apart};
use super::supply::Supply;
use super::told::Told;
use crate::config::AtEnd;
use crate::fetch;

/// Largest segment, in bytes: ten seconds at 38 Mbit/s.
pub(crate) const MAX_SEGMENT_BYTES: usize = 48 << 20;
/// Largest header, in bytes.
const MAX_HEADER_BYTES: usize = 1 << 20;
/// Largest key, in bytes; 16 are right.
const MAX_KEY_BYTES: usize = 64;
/// How often a segment is asked for before it is given up, and a playlist before a stream is chosen anew.
const TRIES: u32 = 3;
/// Pause before the second try.
const TRY_PAUSE: Duration = Duration::from_millis(500);
/// Pause between two readings of a list that is over.
const OVER_PAUSE: Duration = Duration::from_secs(5);

/// A segment, taken apart.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) apart: Apart,
    pub(crate) bytes: usize,
    /// Which line its times are of: counted from 1 in each round of following, equally by all lanes.
    pub(crate) line: (u64, u64),
    pub(crate) round: Arc<Round>,
    /// The first of its lane in its round.
    pub(crate) is_first: bool,
    /// How much later than now a line begins with it, where nothing is in hand.
    pub(crate) reserve: Duration,
}

/// Why something was not had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("{url}: {fault}")]
    Fetch { url: Url, fault: fetch::Fault },
    #[error("{url}: {fault}")]
    Playlist { url: Url, fault: Unreadable },
    #[error("{url}: {fault}")]
    Segment { url: Url, fault: segment::Fault },
    #[error("{}: it was not pushed", .0.path())]
    NotPushed(Url),
    #[error("{0}: a playlist of streams in the place of one of segments")]
    NoMedia(Url),
}

impl Fault {
    pub(crate) fn label(&self) -> &'static str {
        match self {
            Self::Fetch { fault, .. } => fault.label(),
            Self::Playlist { fault: Unreadable::Encryption { .. }, .. } => "encryption",
            Self::Playlist { fault: Unreadable::Bytes | Unreadable::Lines | Unreadable::Line(_), .. } => {
                "too_large"
            }
            Self::Playlist { .. } | Self::NoMedia(_) => "bad_playlist",
            Self::NotPushed(_) => "not_found",
            Self::Segment { fault, .. } => fault.label(),
        }
    }
}

/// Why a playlist is followed no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It cannot be read.
    Unreadable,
    /// It counts anew.
    Anew,
}

/// One playlist's way.
pub(crate) struct Lane {
    url: Url,
    files: Files,
    at_end: AtEnd,
    follower: Follower,
    round: Arc<Round>,
    lines: u64,
    is_first: bool,
    /// Nothing of the list has been read yet.
    begins: bool,
    reserve: Duration,
    /// The key and the header that were fetched last.
    key: Option<(Url, Bytes)>,
    header: Option<(Map, Bytes)>,
}

impl Lane {
    pub(crate) fn new(supply: &Supply, url: Url, round: Arc<Round>) -> Self {
        let files = supply.files();
        Self {
            at_end: supply.at_end(),
            follower: files.follower(&url),
            url,
            files,
            round,
            lines: 0,
            is_first: true,
            begins: true,
            reserve: Duration::ZERO,
            key: None,
            header: None,
        }
    }

    /// Waits until there is something to follow.
    pub(crate) async fn until_there(&self) {
        self.files.until_there(&self.url).await;
    }

    /// What is followed next is another list: its times have nothing to do with those that were read.
    pub(crate) fn begin_anew(&mut self) {
        self.follower = self.files.follower(&self.url);
        self.begins = true;
    }

    /// Follows until the list is gone or is another one.
    pub(crate) async fn follow(&mut self, told: &Told<'_>, out: &mpsc::Sender<Piece>) -> End {
        let mut read_at = Instant::now();
        let mut failed = 0;
        let turns = self.files.turns(&self.url);
        loop {
            let since = read_at.elapsed();
            read_at = Instant::now();
            let mut news = self.files.news();
            let media = match self.media().await {
                Ok(media) => media,
                Err(fault) => {
                    told.fault(fault.label(), &fault);
                    self.follower.missed_reading(since);
                    failed += 1;
                    if failed == TRIES {
                        return End::Unreadable;
                    }
                    sleep(TRY_PAUSE * failed).await;
                    continue;
                }
            };
            failed = 0;
            if self.files.turns(&self.url) != turns {
                told.fault("sequence_reset", &"its encoder began anew");
                return End::Anew;
            }
            let update = self.follower.update(&media, since);
            for notice in update.notices {
                match notice {
                    Notice::Stale => self.stale(told),
                    Notice::Fresh => {}
                    Notice::Missed(count) => {
                        told.fault("missed", &format_args!("{count} segments left the list unread"));
                    }
                    Notice::Reset => {
                        told.fault("sequence_reset", &"its numbers count anew");
                        return End::Anew;
                    }
                }
            }
            let wanted = match self.begins {
                true => self.files.since_first_there(&update.wanted),
                false => &update.wanted,
            };
            if self.begins {
                self.reserve = self.files.reserve(wanted, media.target_s);
                let skipped = &update.wanted[..update.wanted.len() - wanted.len()];
                self.lines += skipped.iter().filter(|skipped| skipped.is_new_line).count() as u64;
            }
            for (at, next) in wanted.iter().enumerate() {
                self.segment(next, &wanted[at + 1..], told, out).await;
            }
            if update.is_over {
                told.well();
            }
            let pause = match (update.is_over, self.at_end) {
                (false, _) => update.pause,
                (true, AtEnd::Wait) => OVER_PAUSE,
                (true, AtEnd::Loop) => {
                    self.follower.rewind();
                    TRY_PAUSE
                }
            };
            news.wait(pause.saturating_sub(read_at.elapsed())).await;
        }
    }

    /// An encoder that pushes nothing more is no fault: it may come back or not, as any other publisher.
    fn stale(&self, told: &Told<'_>) {
        match self.files {
            Files::Fetched(_) => told.fault("stale", &"no new segment for three target durations"),
            Files::Pushed(_) => told.count("stale"),
        }
    }

    async fn media(&mut self) -> Result<Media, Fault> {
        match self.files.playlist(&self.url).await? {
            Playlist::Media(media) => Ok(media),
            Playlist::Multivariant(_) => Err(Fault::NoMedia(self.url.clone())),
        }
    }

    /// Reads a segment; `later` are those that are listed after it.
    async fn segment(
        &mut self,
        wanted: &Wanted,
        later: &[Wanted],
        told: &Told<'_>,
        out: &mpsc::Sender<Piece>,
    ) {
        self.lines += u64::from(wanted.is_new_line);
        if wanted.segment.is_gap {
            return told.fault("gap", &format_args!("segment {} is a gap", wanted.segment.number));
        }
        for attempt in 1..=TRIES {
            match self.read(wanted, later).await {
                Ok((apart, bytes)) => {
                    told.segment();
                    let line = (self.round.number, self.lines);
                    let is_first = std::mem::take(&mut self.is_first);
                    self.begins = false;
                    let (round, reserve) = (self.round.clone(), self.reserve);
                    let piece = Piece { apart, bytes, line, round, is_first, reserve };
                    // Who takes pieces lives as long as this.
                    let _ = out.send(piece).await;
                    return;
                }
                Err(fault) => {
                    told.fault(fault.label(), &fault);
                    // Another reading of the same bytes says the same; what is pushed was waited for.
                    if matches!(fault, Fault::Segment { .. } | Fault::NotPushed(_)) {
                        return;
                    }
                }
            }
            if attempt < TRIES {
                sleep(TRY_PAUSE * attempt).await;
            }
        }
    }

    async fn read(&mut self, wanted: &Wanted, later: &[Wanted]) -> Result<(Apart, usize), Fault> {
        let segment = &wanted.segment;
        let header = match &segment.map {
            Some(map) => Some(self.header(map, segment.number).await?),
            None => None,
        };
        let body = self.files.file(&segment.url, segment.range, MAX_SEGMENT_BYTES, later).await?;
        let bytes = body.len();
        let body = self.clear(body, segment.key.as_ref(), segment.number).await?;
        let fault = |fault| Fault::Segment { url: segment.url.clone(), fault };
        Ok((segment::take_apart(header.as_ref(), &body).map_err(fault)?, bytes))
    }

    async fn header(&mut self, map: &Map, number: u64) -> Result<Bytes, Fault> {
        if let Some((known, header)) = &self.header
            && known == map
        {
            return Ok(header.clone());
        }
        let header = self.files.file(&map.url, map.range, MAX_HEADER_BYTES, &[]).await?;
        let header = self.clear(header, map.key.as_ref(), number).await?;
        self.header = Some((map.clone(), header.clone()));
        Ok(header)
    }

    /// `body` without its encryption.
    async fn clear(&mut self, body: Bytes, key: Option<&Key>, number: u64) -> Result<Bytes, Fault> {
        let Some(key) = key else {
            return Ok(body);
        };
        let bytes = match &self.key {
            Some((known, bytes)) if *known == key.url => bytes.clone(),
            _ => {
                let bytes = self.files.file(&key.url, None, MAX_KEY_BYTES, &[]).await?;
                self.key = Some((key.url.clone(), bytes.clone()));
                bytes
            }
        };
        segment::decrypt(&body, &bytes, key.iv_of(number))
            .map_err(|fault| Fault::Segment { url: key.url.clone(), fault })
    }
}
