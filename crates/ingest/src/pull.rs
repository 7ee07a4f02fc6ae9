//! HLS that is read: a channel's samples from somebody else's playlists, fetched from a server ([`crate::fetch`]) or pushed by an
//! encoder ([`crate::push`]).
//!
//! ```text
//! feed: choose a stream --> lane (its playlist, its segments) --pieces--> take: timeline --at their time--> publisher
//!             ^               lane of sound, where it is apart --pieces-->
//!             '-- the list is gone, or counts anew
//! ```

mod files;
mod lane;
mod segment;
mod supply;
mod timeline;
mod told;

use std::sync::Arc;
use std::time::Duration;

use media::Utc;
use playlist::{Chosen, Url};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::Ingest;
use crate::channel::Channel;
use crate::metrics::PullMetrics;
use crate::pause::Pause;
use crate::publisher::Publisher;
use lane::{Lane, Piece};
use timeline::{Lanes, Timeline};
use told::Told;

pub(crate) use lane::MAX_SEGMENT_BYTES;
pub(crate) use supply::Supply;

/// Longest pause before a stream is chosen anew; one that brought a segment makes it short again.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// How far ahead of its time media is fetched, in µs.
const AHEAD_US: i64 = 30_000_000;
/// Largest sum of fetched media at which more is taken, in bytes.
const MAX_HELD_BYTES: usize = 32 << 20;
/// How long the first segment of sound is waited for.
const SOUND_WAIT: Duration = Duration::from_secs(10);
/// Longest silence of a source before its session ends.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(15);
/// Longest sleep between two looks at what is due.
const LOOK_PERIOD: Duration = Duration::from_millis(200);

/// A channel whose samples come by HLS.
#[derive(Debug)]
pub(crate) struct Pull {
    pub(crate) from: Supply,
    pub(crate) metrics: PullMetrics,
    pub(crate) channel: Arc<Channel>,
}

/// Reads for ever.
pub(crate) async fn run(ingest: Arc<Ingest>, pull: Arc<Pull>) {
    let (main_out, main) = mpsc::channel(1);
    let (sound_out, sound) = mpsc::channel(1);
    // Neither ends before the drain.
    tokio::select! {
        () = feed(&pull, main_out, sound_out) => {}
        () = take(&ingest, &pull, main, sound) => {}
    }
}

/// Chooses a stream and follows it, again and again.
async fn feed(pull: &Pull, main_out: mpsc::Sender<Piece>, sound_out: mpsc::Sender<Piece>) {
    let told = Told::new(pull);
    let mut pause = Pause::up_to(LONGEST_PAUSE);
    for round in 1.. {
        if let Some(chosen) = pull.from.choose(&told).await {
            let segments = pull.metrics.segments.get();
            let lane = |url: &Url, lanes| Lane::new(&pull.from, url.clone(), round, lanes);
            let follow = async {
                match &chosen {
                    Chosen { main, audio: None } => lane(main, Lanes::One).follow(&told, &main_out).await,
                    Chosen { main, audio: Some(audio) } => {
                        let (mut main, mut sound) = (lane(main, Lanes::Two), lane(audio, Lanes::Two));
                        tokio::select! {
                            () = main.follow(&told, &main_out) => {}
                            () = sound.follow(&told, &sound_out) => {}
                        }
                    }
                }
            };
            tokio::select! {
                () = follow => {}
                () = pull.from.is_left(&chosen) => {}
            }
            if pull.metrics.segments.get() > segments {
                pause.renew();
            }
        }
        pause.wait().await;
    }
}

/// Lays pieces on the timeline and hands samples on when their time has come.
async fn take(
    ingest: &Ingest,
    pull: &Pull,
    mut main: mpsc::Receiver<Piece>,
    mut sound: mpsc::Receiver<Piece>,
) {
    let mut timeline = Timeline::after(Utc(0));
    let mut publisher: Option<Publisher> = None;
    // The first piece of pictures, until that of the sound beside it is there.
    let mut early: Option<(Piece, Instant)> = None;
    let mut heard = Instant::now();
    loop {
        let now = ingest.clock.now();
        let has_room = timeline.held_bytes() < MAX_HELD_BYTES;
        let wants = |id| has_room && timeline.ahead_us(id, now) < AHEAD_US;
        let (wants_main, wants_sound) = (early.is_none() && wants(0), wants(1));
        let due = timeline.due().map_or(LOOK_PERIOD, |due| {
            ingest.clock.instant_of(due).saturating_duration_since(std::time::Instant::now())
        });
        let mut pieces = Vec::new();
        tokio::select! {
            Some(piece) = main.recv(), if wants_main => {
                match piece.lanes == Lanes::Two && piece.is_first {
                    true => early = Some((piece, Instant::now())),
                    false => pieces.push((0, piece)),
                }
            }
            Some(piece) = sound.recv(), if wants_sound => {
                pieces.extend(early.take().map(|(piece, _)| (0, piece)));
                pieces.push((1, piece));
            }
            () = sleep_until(Instant::now() + due.min(LOOK_PERIOD)) => {}
        }
        if early.as_ref().is_some_and(|(_, since)| since.elapsed() >= SOUND_WAIT) {
            pieces.extend(early.take().map(|(piece, _)| (0, piece)));
        }
        let now = ingest.clock.now();
        if !pieces.is_empty() {
            heard = Instant::now();
            if publisher.is_none() {
                let Some(lease) = pull.channel.claim_from_stale(&ingest.clock).await else {
                    tracing::error!(channel = %pull.channel.name, "a channel that only reads HLS is busy");
                    continue;
                };
                timeline = Timeline::after(lease.floor());
                publisher = Some(Publisher::new(lease, ingest.next_conn()));
            }
        }
        let Some(publishing) = &mut publisher else { continue };
        let bytes: usize = pieces.iter().map(|(_, piece)| piece.bytes).sum();
        if bytes > 0 {
            publishing.heard(bytes as u64, now);
            timeline.push(pieces, now, &mut publishing.outputs);
        }
        let latest = timeline.release(now, &mut publishing.outputs);
        publishing.deliver(latest);
        publishing.update_rates(|| timeline.ahead_us(0, now));
        pull.metrics.ahead_seconds.set(timeline.ahead_us(0, now).max(0) as f64 / 1e6);
        if heard.elapsed() >= SILENCE_TIMEOUT && timeline.due().is_none() {
            publishing.lease.end_because(&format!("no segment for {SILENCE_TIMEOUT:?}"));
            publisher = None;
        }
    }
}
