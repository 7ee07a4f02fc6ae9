//! MPEG-TS from the network: in UDP datagrams, or over RTP with two legs and error correction.
//!
//! Datagrams: `socket` (unicast or a multicast group, read in batches) → [`rtp::Receiver`] (order, legs, error
//! correction) → [`Event`]s for a demultiplexer. What it drives decides all: this module only owns sockets and time.

mod arrival;
mod socket;

use std::future::poll_fn;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rtp::Leg;
use rtp::fec::Direction;
use spec::Network;

use arrival::Arrival;
use socket::Socket;
pub use socket::{BindError, bind};

/// How long datagrams gather at least after the first before they are read, so that one wake-up takes many. The smallest
/// receive buffer Linux gives (180 datagrams) holds as much of 190 Mbit/s.
pub(crate) const LEAST_GATHER: Duration = Duration::from_millis(5);
/// How long they gather at most: as much of 95 Mbit/s.
pub(crate) const MOST_GATHER: Duration = Duration::from_millis(20);

/// What is received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// MPEG-TS in datagrams as they are: what is lost or out of order stays so.
    Udp(Endpoint),
    /// MPEG-TS over RTP (RFC 2250, SMPTE ST 2022-2).
    Rtp {
        /// Where it comes.
        first: Endpoint,
        /// Where the same packets come by another path (SMPTE ST 2022-7).
        second: Option<Endpoint>,
        /// How long gaps are waited for.
        latency: rtp::Latency,
        /// Error correction (SMPTE ST 2022-1).
        fec: Fec,
    },
}

/// Whether there is error correction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fec {
    /// No.
    Off,
    /// Columns on the first endpoint's port + 2, rows on its port + 4. Either may be silent.
    On,
}

/// Where datagrams come, and from whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// An address of this machine, or a multicast group, which is joined. A group of IPv6 is joined on the interface of
    /// the address's scope.
    pub address: SocketAddr,
    /// The address of the interface an IPv4 group is joined on; without one the system chooses.
    pub interface: Option<Ipv4Addr>,
    /// Whose datagrams are taken; anybody's where it is empty. Where all are single IPv4 addresses, an IPv4 group is joined
    /// for these senders alone (RFC 4607).
    pub senders: Vec<Network>,
}

impl Endpoint {
    /// An address on which anybody's datagrams are taken.
    pub const fn open(address: SocketAddr) -> Endpoint {
        Endpoint { address, interface: None, senders: Vec::new() }
    }
}

impl Source {
    /// Every socket it takes: what comes there, and where that is.
    fn endpoints(&self) -> Result<Vec<(Port, Endpoint)>, BindError> {
        let (first, second, fec) = match self {
            Source::Udp(endpoint) => (endpoint, None, Fec::Off),
            Source::Rtp { first, second, fec, .. } => (first, second.as_ref(), *fec),
        };
        let mut endpoints = vec![(Port::Media(Leg::First), first.clone())];
        endpoints.extend(second.map(|second| (Port::Media(Leg::Second), second.clone())));
        if fec == Fec::On {
            for direction in [Direction::Column, Direction::Row] {
                endpoints.push((Port::Fec, beside(first, direction)?));
            }
        }
        Ok(endpoints)
    }
}

/// A source and its sockets: what comes waits in them, also while nobody reads.
#[derive(Clone, Debug)]
pub struct Bound {
    source: Source,
    sockets: Vec<(Port, Endpoint, Arc<UdpSocket>)>,
}

impl Bound {
    /// `source` with sockets of its own.
    ///
    /// # Errors
    /// When an address cannot be bound, a group not be joined, or there is no port for error correction.
    pub fn bind(source: Source) -> Result<Bound, BindError> {
        Self::with(source, bind)
    }

    /// `source` with a socket for each of its endpoints, in an order that is always the same, that `socket` gives: bound by
    /// it, or handed over by who did.
    ///
    /// # Errors
    /// Those of `socket`, and [`BindError::NoFecPort`].
    pub fn with<E: From<BindError>>(
        source: Source,
        mut socket: impl FnMut(&Endpoint) -> Result<UdpSocket, E>,
    ) -> Result<Bound, E> {
        let mut sockets = Vec::new();
        for (port, endpoint) in source.endpoints()? {
            let socket = Arc::new(socket(&endpoint)?);
            sockets.push((port, endpoint, socket));
        }
        Ok(Bound { source, sockets })
    }

    /// What it receives.
    pub const fn source(&self) -> &Source {
        &self.source
    }

    /// The sockets, in the order of [`Bound::with`].
    pub fn sockets(&self) -> impl Iterator<Item = &UdpSocket> {
        self.sockets.iter().map(|(.., socket)| &**socket)
    }
}

/// What comes out, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A sender's stream begins: what follows has nothing to do with what was before.
    Started,
    /// Whole MPEG-TS packets.
    Stream(Bytes),
    /// So many datagrams are missing here.
    Lost(u64),
}

/// What has happened since the beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Statistics {
    /// Datagrams taken.
    pub datagrams: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Datagrams that are not what they should be.
    pub malformed: u64,
    /// Datagrams from others than the senders allowed, or than the one followed.
    pub strangers: u64,
    /// What RTP tells, where it is RTP.
    pub rtp: Option<rtp::Statistics>,
}

/// A stream's sockets and what puts it in order.
#[derive(Debug)]
pub struct Input {
    sockets: Vec<(Port, Socket)>,
    gather: Duration,
    order: Order,
    counts: Statistics,
}

#[derive(Clone, Copy, Debug)]
enum Port {
    Media(Leg),
    Fec,
}

#[derive(Debug)]
enum Order {
    /// As it comes.
    Arrival(Arrival),
    Rtp(Box<rtp::Receiver>),
}

impl Input {
    /// Receives on these sockets; datagrams gather for `gather` after the first before they are read. Call inside a tokio
    /// runtime.
    ///
    /// # Errors
    /// When the system has no descriptors, or the runtime does not take them.
    pub fn open(bound: &Bound, gather: Duration) -> io::Result<Input> {
        let sockets = bound.sockets.iter().map(|(port, endpoint, socket)| {
            Ok((*port, Socket::open(socket.try_clone()?, endpoint.senders.clone())?))
        });
        let order = match &bound.source {
            Source::Udp(_) => Order::Arrival(Arrival::default()),
            Source::Rtp { latency, .. } => Order::Rtp(Box::new(rtp::Receiver::new(*latency))),
        };
        Ok(Input {
            sockets: sockets.collect::<io::Result<_>>()?,
            gather,
            order,
            counts: Statistics::default(),
        })
    }

    /// Binds the sockets, joins the groups, and receives. Call inside a tokio runtime.
    ///
    /// # Errors
    /// As [`Bound::bind`] and [`Input::open`].
    pub fn bind(source: &Source) -> Result<Input, BindError> {
        let bound = Bound::bind(source.clone())?;
        Input::open(&bound, LEAST_GATHER).map_err(BindError::Open)
    }

    /// The next event, as soon as there is one. Nothing is lost when this is dropped and called again.
    pub async fn next(&mut self) -> Event {
        loop {
            if let Some(event) = self.ready() {
                return event;
            }
            let deadline = match &self.order {
                Order::Arrival(_) => None,
                Order::Rtp(receiver) => receiver.deadline(),
            };
            let come = readable(&self.sockets);
            match deadline {
                None => come.await,
                Some(deadline) => {
                    if tokio::time::timeout_at(deadline.into(), come).await.is_err() {
                        continue;
                    }
                }
            }
            tokio::time::sleep(self.gather).await;
            self.read();
        }
    }

    /// The next event, where it has come already.
    pub fn ready(&mut self) -> Option<Event> {
        self.take(Instant::now())
    }

    /// What has happened so far.
    pub fn statistics(&self) -> Statistics {
        let rtp = match &self.order {
            Order::Arrival(_) => None,
            Order::Rtp(receiver) => Some(receiver.statistics()),
        };
        Statistics { rtp, ..self.counts }
    }

    /// Takes what the sockets hold, a batch each.
    fn read(&mut self) {
        let Input { sockets, order, counts, .. } = self;
        for (port, socket) in sockets {
            let now = Instant::now();
            let refused = socket.read(|from, datagram| {
                if matches!(order, Order::Arrival(arrival) if arrival.follows_another(from, now)) {
                    counts.strangers += 1;
                    return;
                }
                counts.datagrams += 1;
                counts.bytes += datagram.len() as u64;
                let taken = match (&mut *order, *port) {
                    (Order::Rtp(receiver), Port::Media(leg)) => receiver.media(leg, datagram, now),
                    (Order::Rtp(receiver), Port::Fec) => receiver.fec(datagram, now),
                    (Order::Arrival(arrival), _) => arrival.take(from, datagram, now),
                };
                if let Err(fault) = taken {
                    counts.malformed += 1;
                    tracing::debug!(%fault, "a datagram was left out");
                }
            });
            counts.strangers += refused;
        }
    }

    fn take(&mut self, now: Instant) -> Option<Event> {
        match &mut self.order {
            Order::Arrival(arrival) => arrival.next(),
            Order::Rtp(receiver) => receiver.poll(now).map(|event| match event {
                rtp::Event::Started { .. } => Event::Started,
                rtp::Event::Media(media) => Event::Stream(media.payload),
                rtp::Event::Lost { count, .. } => Event::Lost(count),
            }),
        }
    }
}

/// Waits until one of the sockets has something.
async fn readable(sockets: &[(Port, Socket)]) {
    poll_fn(|context| {
        // Each is asked, so that each wakes us.
        let ready = sockets.iter().filter(|(_, socket)| socket.poll_readable(context).is_ready()).count();
        if ready > 0 { Poll::Ready(()) } else { Poll::Pending }
    })
    .await
}

/// Where a direction's correction packets come.
fn beside(media: &Endpoint, direction: Direction) -> Result<Endpoint, BindError> {
    let mut endpoint = media.clone();
    let port = media.address.port().checked_add(direction.port_offset());
    endpoint.address.set_port(port.ok_or(BindError::NoFecPort { address: media.address })?);
    Ok(endpoint)
}
