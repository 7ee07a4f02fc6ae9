//! HLS that is read: a channel's samples from somebody else's playlists, fetched from a server ([`crate::fetch`]) or pushed by an
//! encoder ([`crate::push`]).
//!
//! ```text
//! feed: choose a stream --> a lane for each playlist of its round --pieces--> take: firsts, timeline --at their time--> publisher
//!             ^                 (of its pictures one or all, and of its sound)
//!             '-- the stream is another, or can no longer be read
//! ```

mod feed;
mod files;
mod firsts;
mod lane;
mod round;
mod segment;
mod supply;
mod timeline;
mod told;

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use media::Utc;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::Ingest;
use crate::channel::Channel;
use crate::metrics::PullMetrics;
use crate::publisher::Publisher;
use firsts::Firsts;
use lane::Piece;
use round::{LANES, Round};
use timeline::{Moved, Timeline};

pub(crate) use lane::MAX_SEGMENT_BYTES;
pub(crate) use supply::Supply;

/// How far ahead of its time media is fetched, in µs.
const AHEAD_US: i64 = 30_000_000;
/// Largest sum of fetched media at which more is taken, in bytes.
const MAX_HELD_BYTES: usize = 32 << 20;
/// The same of a lane that is behind another.
const MAX_HELD_BYTES_BEHIND: usize = 128 << 20;
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
    let (outs, pieces): (Vec<_>, Vec<_>) = (0..LANES).map(|_| mpsc::channel(1)).unzip();
    let outs = outs.try_into().expect("one for each lane");
    // Neither ends before the drain.
    tokio::select! {
        () = feed::feed(&pull, &outs) => {}
        () = take(&ingest, &pull, pieces) => {}
    }
}

/// Lays pieces on the timeline and hands samples on when their time has come.
async fn take(ingest: &Ingest, pull: &Pull, mut lanes: Vec<mpsc::Receiver<Piece>>) {
    let mut timeline = Timeline::after(Utc(0));
    let mut publisher: Option<Publisher> = None;
    let mut firsts = Firsts::default();
    let mut round: Option<Arc<Round>> = None;
    let mut heard = Instant::now();
    loop {
        let now = ingest.clock.now();
        let due = timeline.due().map_or(LOOK_PERIOD, |due| {
            ingest.clock.instant_of(due).saturating_duration_since(std::time::Instant::now())
        });
        let wanted = wanted(&timeline, &firsts, now);
        let mut pieces = Vec::new();
        tokio::select! {
            (lane, piece) = next(&mut lanes, &wanted) => {
                if round.as_ref().is_none_or(|known| known.number != piece.round.number) {
                    round = Some(piece.round.clone());
                }
                pieces = firsts.push(lane, piece, Instant::now());
            }
            () = sleep_until(Instant::now() + due.min(LOOK_PERIOD)) => {}
        }
        pieces.extend(firsts.overdue(Instant::now()));
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
            pull.metrics.renditions.set(timeline.renditions() as i64);
            for (lane, moved) in timeline.moved() {
                pull.tell(round.as_deref(), lane, moved);
            }
        }
        let latest = timeline.release(now, &mut publishing.outputs);
        publishing.deliver(latest);
        publishing.update_rates(|| timeline.lead_us(now));
        pull.metrics.ahead_seconds.set(timeline.lead_us(now).max(0) as f64 / 1e6);
        if heard.elapsed() >= SILENCE_TIMEOUT && timeline.due().is_none() {
            publishing.lease.end_because(&format!("no segment for {SILENCE_TIMEOUT:?}"));
            for lane in timeline.end() {
                pull.tell(round.as_deref(), lane, Moved::Back);
            }
            pull.metrics.renditions.set(0);
            publisher = None;
        }
    }
}

/// The lanes of which another piece is wanted, those that are furthest behind first.
fn wanted(timeline: &Timeline, firsts: &Firsts, now: Utc) -> Vec<usize> {
    let lead_us = timeline.lead_us(now);
    let is_wanted = |(ahead_us, lane): &(i64, usize)| {
        let limit = if *ahead_us < lead_us { MAX_HELD_BYTES_BEHIND } else { MAX_HELD_BYTES };
        *ahead_us < AHEAD_US && timeline.held_bytes() < limit && !firsts.holds(*lane)
    };
    let lanes = (0..LANES).map(|lane| (timeline.ahead_us(lane, now), lane));
    let mut wanted: Vec<_> = lanes.filter(is_wanted).collect();
    wanted.sort_unstable();
    wanted.into_iter().map(|(_, lane)| lane).collect()
}

/// The next piece of one of these lanes.
async fn next(lanes: &mut [mpsc::Receiver<Piece>], wanted: &[usize]) -> (usize, Piece) {
    poll_fn(|context| {
        for lane in wanted {
            // Senders live as long as this.
            if let Poll::Ready(Some(piece)) = lanes[*lane].poll_recv(context) {
                return Poll::Ready((*lane, piece));
            }
        }
        Poll::Pending
    })
    .await
}

impl Pull {
    /// Tells operators of a rendition that went away, or came back.
    fn tell(&self, round: Option<&Round>, lane: usize, moved: Moved) {
        let Some(round) = round else { return };
        let (channel, track, playlist) = (&self.channel.name, round.track(lane), round.playlist(lane));
        let event = "rendition_missing";
        match moved {
            Moved::Away => {
                let text = "a rendition does not come while others do: the channel goes on without it";
                tracing::warn!(event, state = "raised", %channel, track, playlist, "{text}");
            }
            Moved::Back => {
                tracing::info!(event, state = "cleared", %channel, track, playlist, "a rendition is no longer missing");
            }
        }
    }
}
