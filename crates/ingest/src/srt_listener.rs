//! SRT publishers, from their knock to their end.
//!
//! ```text
//! knock --known stream, free channel--> admitted --passphrase proved--> accepted --> publishing --> gone
//!   '--anything else--> refused             '--not within a second--> refused
//! ```
//! The gate is asked in a thread of libsrt's and only looks; connections are accepted in a thread that waits for them. Both
//! tell their news to one task.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use srt::{Connection, Knock, Link, Listener, Mode, Rejection, SocketId, StreamId, StreamIdError, Terms};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::Instant;
use wire::sample_stream::Feed;

use crate::channel::Held;
use crate::flaps::HOLD;
use crate::transport::canonical;
use crate::{Ingest, SrtRoute, link};

/// News that may wait. Past it refusals go unlogged, nobody is admitted, and peers that were accepted wait in libsrt.
const NEWS: usize = 128;
/// Buffers hold so much at least, whatever the latency of the channels there are at the start.
const LEAST_LONGEST: Duration = Duration::from_secs(2);
/// How long the rest of a handshake may take after the gate. libsrt does it at once.
const PROOF_TIME: Duration = Duration::from_secs(1);
/// Admitted peers that have yet to prove that they have the passphrase. Looking at a proof takes thousands of hashes, in
/// the thread that receives for all: so many wrong ones a second are looked at, further peers are turned away.
const MAX_UNPROVED: usize = 64;

/// What happens at the listener.
enum News {
    /// The gate let a peer through; its passphrase is still to be proved.
    Admitted(Admitted),
    Refused(SocketAddr, Refusal),
    Accepted(Connection),
}

struct Admitted {
    id: SocketId,
    peer: SocketAddr,
    channel: Feed,
    at: Instant,
    /// One of [`MAX_UNPROVED`], free again when this is dropped.
    _place: OwnedSemaphorePermit,
}

/// Why a peer is turned away.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("its stream id cannot be read: {0}")]
    StreamId(#[from] StreamIdError),
    // The id itself is not printed: people use them as keys.
    #[error("no channel has its stream id")]
    UnknownStream,
    #[error("it wanted to play; streams are only taken here")]
    Play,
    #[error("its address is not among those that may publish to channel `{channel}`")]
    NotAllowed { channel: Feed },
    #[error("channel `{channel}` has a publisher already{held}")]
    Busy { channel: Feed, held: Held },
    #[error("channel `{channel}`'s publisher comes and goes: let in again after {HOLD:?}")]
    Flaps { channel: Feed },
    #[error("{MAX_UNPROVED} others have yet to prove their passphrase")]
    Overload,
    #[error("wrong passphrase for channel `{channel}`, or only one side has one")]
    Passphrase { channel: Feed },
}

impl Refusal {
    /// The value of the metric's `reason` label.
    const fn label(&self) -> &'static str {
        match self {
            Self::StreamId(_) => "protocol",
            Self::UnknownStream => "unknown_stream",
            Self::Play => "play",
            Self::NotAllowed { .. } => "address",
            Self::Busy { .. } => "busy",
            Self::Flaps { .. } => "flaps",
            Self::Overload => "overload",
            Self::Passphrase { .. } => "passphrase",
        }
    }

    const fn rejection(&self) -> Rejection {
        match self {
            Self::StreamId(_) => Rejection::BadRequest,
            Self::UnknownStream => Rejection::NotFound,
            Self::Play => Rejection::BadMode,
            Self::NotAllowed { .. } => Rejection::Forbidden,
            Self::Busy { .. } => Rejection::Conflict,
            Self::Flaps { .. } => Rejection::Locked,
            Self::Overload => Rejection::Overload,
            Self::Passphrase { .. } => Rejection::Unauthorised,
        }
    }
}

/// Opens the listener on a bound socket. Dropping what is returned closes it.
pub(crate) fn listen(ingest: &Arc<Ingest>, socket: UdpSocket) -> Result<Door, srt::Error> {
    let (news, heard) = mpsc::channel(NEWS);
    // Those that come later may ask for as much at least.
    let doors = ingest.doors();
    let longest = doors.srt.iter().map(|route| route.terms.latency).fold(LEAST_LONGEST, Duration::max);
    let gate = {
        let (ingest, news) = (ingest.clone(), news.clone());
        let places = Arc::new(Semaphore::new(MAX_UNPROVED));
        move |knock: Knock<'_>| match admit(&ingest, &places, knock) {
            Ok((terms, admitted)) => {
                news.try_send(News::Admitted(admitted)).map(|()| terms).map_err(|_| Rejection::Overload)
            }
            Err(refusal) => {
                let rejection = refusal.rejection();
                // Full: see `NEWS`.
                let _ = news.try_send(News::Refused(knock.peer, refusal));
                Err(rejection)
            }
        }
    };
    let listener = Arc::new(Listener::start(socket, longest, gate)?);
    let waiting = listener.clone();
    let thread = std::thread::Builder::new().name("srt-accept".to_owned()).spawn(move || {
        while let Ok(connection) = waiting.accept() {
            if news.blocking_send(News::Accepted(connection)).is_err() {
                return;
            }
        }
    });
    thread.expect("a thread can be started while the role starts");
    Ok(Door { listener, news: heard })
}

/// The open listener.
pub(crate) struct Door {
    listener: Arc<Listener>,
    news: mpsc::Receiver<News>,
}

impl Drop for Door {
    fn drop(&mut self) {
        self.listener.close();
    }
}

impl Door {
    /// Serves publishers in `tasks`, for ever.
    pub(crate) async fn serve(&mut self, ingest: &Arc<Ingest>, tasks: &mut JoinSet<()>) {
        let mut unproved: Vec<Admitted> = Vec::new();
        loop {
            let first = unproved.first().map(|admitted| admitted.at + PROOF_TIME);
            tokio::select! {
                Some(news) = self.news.recv() => match news {
                    News::Admitted(admitted) => unproved.push(admitted),
                    News::Refused(peer, refusal) => refused(ingest, peer, &refusal),
                    News::Accepted(connection) => {
                        unproved.retain(|admitted| admitted.id != connection.id());
                        tasks.spawn(publish(ingest.clone(), connection, ingest.next_conn()));
                    }
                },
                () = tokio::time::sleep_until(first.unwrap_or_else(Instant::now)), if first.is_some() => {
                    let now = Instant::now();
                    for late in unproved.extract_if(.., |admitted| admitted.at + PROOF_TIME <= now) {
                        if !late.id.is_connected() {
                            refused(ingest, late.peer, &Refusal::Passphrase { channel: late.channel });
                        }
                    }
                }
                Some(ended) = tasks.join_next() => crate::log_panic(ended),
            }
        }
    }
}

fn refused(ingest: &Ingest, peer: SocketAddr, refusal: &Refusal) {
    let peer = canonical(peer);
    tracing::warn!(%peer, reason = %refusal, "SRT publisher refused");
    ingest.metrics.refused(refusal.label());
    if let Refusal::Flaps { channel } = refusal
        && let Some(channel) = ingest.channel(channel)
    {
        channel.look_at_flaps(&ingest.clock);
    }
}

/// What the gate says to a knock.
fn admit(ingest: &Ingest, places: &Arc<Semaphore>, knock: Knock<'_>) -> Result<(Terms, Admitted), Refusal> {
    let route = decide(ingest, knock.stream_id, knock.peer)?;
    let place = places.clone().try_acquire_owned().map_err(|_| Refusal::Overload)?;
    let (channel, at) = (route.channel.name.clone(), Instant::now());
    Ok((route.terms.clone(), Admitted { id: knock.id, peer: knock.peer, channel, at, _place: place }))
}

/// Which channel a stream id asks for, if it may have it.
fn decide(ingest: &Ingest, stream_id: &str, peer: SocketAddr) -> Result<Arc<SrtRoute>, Refusal> {
    let wanted = StreamId::parse(stream_id)?;
    if wanted.mode != Mode::Publish {
        return Err(Refusal::Play);
    }
    let doors = ingest.doors();
    let route = doors.srt.iter().find(|route| route.stream_id == wanted.resource);
    let route = route.cloned().ok_or(Refusal::UnknownStream)?;
    let (now, channel) = (ingest.clock.now(), &route.channel.name);
    if !route.channel.lets_in(peer) {
        return Err(Refusal::NotAllowed { channel: channel.clone() });
    }
    match route.channel.held(now) {
        Some(held) => Err(Refusal::Busy { channel: channel.clone(), held }),
        None if route.channel.keeps_out(now) => Err(Refusal::Flaps { channel: channel.clone() }),
        None => Ok(route),
    }
}

async fn publish(ingest: Arc<Ingest>, mut connection: Connection, conn: u64) {
    let peer = canonical(connection.peer());
    let route = decide(&ingest, &connection.stream_id(), peer);
    if let Ok(route) = &route {
        route.channel.look_at_flaps(&ingest.clock);
    }
    let lease = match route {
        Err(refusal) => Err(refusal),
        Ok(route) => match route.channel.admit(peer, &ingest.clock).await {
            Ok(lease) => Ok((route, lease)),
            Err(held) => Err(Refusal::Busy { channel: route.channel.name.clone(), held }),
        },
    };
    let (route, lease) = match lease {
        Ok(lease) => lease,
        // Two that knocked at once: the second one's connection is closed.
        Err(refusal) => return refused(&ingest, peer, &refusal),
    };
    let channel = &route.channel.name;
    let key_bits = connection.key_bytes().map_or(0, |bytes| bytes * 8);
    let latency = connection.stats().unwrap_or_default().latency;
    tracing::info!(%channel, conn, %peer, key_bits, ?latency, "publishing by SRT");
    route.link.key_bits.set(key_bits.into());
    match link::publish(&ingest, lease, &route.select, conn, &route.ticks, &route.link, &mut connection).await
    {
        Ok(()) => tracing::info!(%channel, conn, %peer, "the publisher closed the connection"),
        Err(end) => {
            tracing::warn!(%channel, conn, %peer, reason = %end, "publisher gone");
            ingest.metrics.refused(end.label());
        }
    }
}
