//! One input of a channel: at most one publisher, any number of subscribers, the replay between them.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use daemon::EpochClock;
use media::Utc;
use spec::{Admission, Second};
use tokio::sync::watch;
use wire::rendition;
use wire::sample_stream::{Feed, Tracks};

use crate::flaps::{self, Flaps};
use crate::metrics::ChannelMetrics;
use crate::replay::{Cursor, Entry, Replay};
use crate::source::{Output, VIDEO};

/// A publisher silent for this long yields to another that has the key: it is mostly the same encoder, back from a lost
/// network, while its old connection has yet to time out.
const STALE_US: i64 = 3_000_000;
/// How long a newcomer waits for a stale publisher to leave.
const LEAVE_STEPS: u32 = 20;
const LEAVE_STEP: Duration = Duration::from_millis(50);

/// Between two looks whether a publisher that flapped has come to rest.
const FLAPS_LOOK_PERIOD: Duration = Duration::from_secs(1);

/// Where a publisher's samples meet their subscribers.
#[derive(Debug)]
pub(crate) struct Channel {
    pub(crate) name: Feed,
    pub(crate) metrics: ChannelMetrics,
    state: Mutex<State>,
    /// The number of the log's next entry; subscribers wait on it.
    end: watch::Sender<u64>,
    /// When the publisher was last heard, µs since the epoch.
    heard: AtomicI64,
    /// The session of the publisher that is to leave; it looks whenever it has come round, so it is a state and no signal.
    leave: watch::Sender<u64>,
}

/// A publisher was refused for another's sake.
#[derive(Debug)]
pub(crate) struct Held {
    /// The other's address, where it came to a listener.
    pub(crate) by: Option<SocketAddr>,
}

impl std::fmt::Display for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.by {
            Some(by) => write!(f, " from {by}"),
            None => Ok(()),
        }
    }
}

#[derive(Debug)]
struct State {
    replay: Replay,
    /// A publisher holds the channel.
    busy: bool,
    /// Its address, where it came to a listener.
    holder: Option<SocketAddr>,
    admission: Admission,
    flaps: Flaps,
    /// The end of what publishers have laid on the timeline.
    latest: Utc,
    /// The last session's id.
    session: u64,
    closed: bool,
}

/// A publisher's hold on a channel. Dropping it, however that comes about, frees the channel and tells subscribers.
#[derive(Debug)]
pub(crate) struct Lease {
    channel: Arc<Channel>,
    session: u64,
    began: Utc,
    reason: Arc<str>,
    /// Subscribers have been told of tracks, so they must be told of the end.
    announced: bool,
}

/// Why a publisher is to leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leave {
    /// Another one takes its place.
    Replaced,
    /// The channel is no more.
    NoChannel,
    /// The channel lets it in no longer.
    NotAllowed,
}

impl Channel {
    /// A channel that nobody has. `replay` keeps its samples.
    pub(crate) fn new(name: Feed, replay: Replay, admission: Admission, metrics: ChannelMetrics) -> Self {
        let state = State {
            replay,
            busy: false,
            holder: None,
            admission,
            flaps: Flaps::default(),
            latest: Utc(0),
            session: 0,
            closed: false,
        };
        Self {
            name,
            metrics,
            state: Mutex::new(state),
            end: watch::Sender::new(0),
            heard: AtomicI64::new(0),
            leave: watch::Sender::new(0),
        }
    }

    /// Takes the channel for a publisher; `None` while another has it.
    pub(crate) fn claim(self: &Arc<Self>, now: Utc) -> Option<Lease> {
        let mut state = self.state();
        if state.busy || state.closed {
            return None;
        }
        state.busy = true;
        self.heard.store(now.0, Ordering::Relaxed);
        // A date, so that ids differ over restarts of this process too.
        state.session = u64::try_from(now.0).unwrap_or(0).max(state.session + 1);
        self.metrics.publishers.set(1);
        self.metrics.sessions.inc();
        // What is true if nobody says better: connections are only dropped from outside at a drain.
        let reason = "ingest is draining".into();
        Some(Lease { channel: self.clone(), session: state.session, began: now, reason, announced: false })
    }

    /// Whom another publisher would be refused for: one that has the channel, is heard, and does not yield.
    pub(crate) fn held(&self, now: Utc) -> Option<Held> {
        let state = self.state();
        let is_held = state.busy && !self.yields(&state, now);
        is_held.then(|| Held { by: state.holder })
    }

    /// Whether the publisher that has the channel leaves it to another.
    fn yields(&self, state: &State, now: Utc) -> bool {
        state.admission.second == Second::Replaces || now.0 - self.heard.load(Ordering::Relaxed) >= STALE_US
    }

    /// Whether a publisher from this address may have the channel.
    pub(crate) fn lets_in(&self, peer: SocketAddr) -> bool {
        self.state().admission.lets_in(peer.ip())
    }

    /// Whom it lets in from now on; a publisher that is not among them is told to leave.
    pub(crate) fn set_admission(&self, admission: Admission) {
        let mut state = self.state();
        state.admission = admission;
        if let Some(peer) = state.holder
            && !state.admission.lets_in(peer.ip())
        {
            tracing::info!(channel = %self.name, %peer, "the publisher is let in no longer");
            self.leave.send_replace(state.session);
        }
    }

    /// How long a publisher that came to a listener has to stay before it is let in, since its like come and go.
    pub(crate) fn probation(self: &Arc<Self>, clock: &EpochClock) -> Option<Duration> {
        self.look_at_flaps(clock).then_some(flaps::HOLD)
    }

    /// Whether a publisher that knocks now is to come again later, since its like come and go. Tells nothing, so that any
    /// thread may ask.
    pub(crate) fn keeps_out(&self, now: Utc) -> bool {
        self.state().flaps.keeps_out(now)
    }

    /// Lets a publisher in that came to a listener.
    pub(crate) async fn admit(self: &Arc<Self>, peer: SocketAddr, clock: &EpochClock) -> Result<Lease, Held> {
        let before = self.state().holder;
        let lease = self.claim_from_stale(clock).await.ok_or(Held { by: before })?;
        self.state().holder = Some(peer);
        if let Some(before) = before {
            tracing::info!(channel = %self.name, %peer, %before, "takes the place of another publisher");
        }
        Ok(lease)
    }

    /// Whether the publisher flaps; tells when that begins and ends. Call inside the runtime.
    pub(crate) fn look_at_flaps(self: &Arc<Self>, clock: &EpochClock) -> bool {
        let (is_flapping, told) = self.state().flaps.look(clock.now());
        let channel = &self.name;
        match told {
            Some(flaps::Told::Raised) => {
                // Whoever comes next looks again; where nobody comes, this does.
                let (flapping, clock) = (self.clone(), *clock);
                tokio::spawn(async move {
                    while flapping.look_at_flaps(&clock) {
                        tokio::time::sleep(FLAPS_LOOK_PERIOD).await;
                    }
                });
                tracing::warn!(event = "publisher_flaps", state = "raised", %channel, "it comes and goes: each time it is let in later");
            }
            Some(flaps::Told::Cleared) => {
                tracing::info!(event = "publisher_flaps", state = "cleared", %channel, "it has come to rest");
            }
            None => {}
        }
        is_flapping
    }

    /// As [`Self::claim`], but sends a publisher away that has been silent for long.
    pub(crate) async fn claim_from_stale(self: &Arc<Self>, clock: &EpochClock) -> Option<Lease> {
        if let Some(lease) = self.claim(clock.now()) {
            return Some(lease);
        }
        {
            let state = self.state();
            if !self.yields(&state, clock.now()) {
                return None;
            }
            self.leave.send_replace(state.session);
        }
        for _ in 0..LEAVE_STEPS {
            tokio::time::sleep(LEAVE_STEP).await;
            if let Some(lease) = self.claim(clock.now()) {
                return Some(lease);
            }
        }
        None
    }

    /// A cursor for a new subscriber; see [`Replay::join`].
    pub(crate) fn join(&self, from: Option<Utc>) -> Cursor {
        self.state().replay.join(from)
    }

    /// See [`Replay::read`].
    pub(crate) fn read(&self, cursor: &mut Cursor, budget: usize, out: &mut Vec<Entry>) -> u64 {
        self.state().replay.read(cursor, budget, out)
    }

    /// Whether a cursor has something to read.
    pub(crate) fn has_more(&self, cursor: &Cursor) -> bool {
        self.state().replay.has_more(cursor)
    }

    /// Changes whenever entries were added.
    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.end.subscribe()
    }

    /// Tells the publisher to leave, and subscribers that nothing more will come; they leave once they have read everything.
    pub(crate) fn close(&self) {
        self.state().closed = true;
        self.leave.send_replace(u64::MAX);
        self.end.send_modify(|_| {});
    }

    /// Whether [`Self::close`] was called.
    pub(crate) fn is_closed(&self) -> bool {
        self.state().closed
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, entries: impl Iterator<Item = Entry>, latest: Utc) {
        let mut state = self.state();
        let before = state.replay.end();
        for entry in entries {
            if state.replay.push(entry) {
                self.metrics.replay_overflows.inc();
            }
        }
        state.latest = state.latest.max(latest);
        self.metrics.replay_bytes.set(state.replay.bytes() as i64);
        let end = state.replay.end();
        drop(state);
        if end != before {
            self.end.send_replace(end);
        }
    }
}

impl Lease {
    /// The channel held.
    pub(crate) fn channel(&self) -> &Channel {
        &self.channel
    }

    /// The end of what earlier publishers laid on the timeline.
    pub(crate) fn floor(&self) -> Utc {
        self.channel.state().latest
    }

    /// Hands tracks and samples on, in one go; `latest` is the latest time among them. Troubles are left in `outputs`.
    pub(crate) fn publish(&mut self, outputs: &mut Vec<Output>, latest: Utc) {
        let (session, metrics) = (self.session, &self.channel.metrics);
        let announced = &mut self.announced;
        let entries =
            outputs.extract_if(.., |output| !matches!(output, Output::Trouble(_))).filter_map(|output| {
                match output {
                    Output::Tracks(tracks) => {
                        *announced = true;
                        Some(Entry::Tracks(Arc::new(Tracks { session, tracks })))
                    }
                    Output::Sample(sample) => {
                        match (sample.track, rendition::further(sample.track)) {
                            (VIDEO, _) => drop(metrics.video_frames.inc()),
                            (_, None) => drop(metrics.audio_frames.inc()),
                            // They show and say the same again.
                            (_, Some(_)) => {}
                        };
                        Some(Entry::Sample(sample))
                    }
                    Output::Trouble(_) => None,
                }
            });
        self.channel.push(entries, latest);
    }

    /// The publisher was heard at `now`.
    pub(crate) fn heard(&self, now: Utc) {
        self.channel.heard.store(now.0, Ordering::Relaxed);
    }

    /// Resolves when the publisher is to leave.
    pub(crate) async fn is_to_leave(&self) -> Leave {
        let mut leave = self.channel.leave.subscribe();
        // The channel, which this lease holds, keeps the sender.
        let _ = leave.wait_for(|session| *session >= self.session).await;
        let state = self.channel.state();
        match state.holder {
            _ if state.closed => Leave::NoChannel,
            Some(peer) if !state.admission.lets_in(peer.ip()) => Leave::NotAllowed,
            _ => Leave::Replaced,
        }
    }

    /// What subscribers will be told when the lease is dropped.
    pub(crate) fn end_because(&mut self, reason: &str) {
        self.reason = reason.into();
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.channel.metrics.off_air();
        let ended = self.announced.then(|| Entry::Ended(self.reason.clone()));
        self.channel.push(ended.into_iter(), Utc(0));
        let ended = Utc(self.began.0.max(self.channel.heard.load(Ordering::Relaxed)));
        let mut state = self.channel.state();
        state.flaps.ended(self.began, ended);
        state.busy = false;
        state.holder = None;
    }
}
