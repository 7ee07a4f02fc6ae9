//! MPEG-TS from the network: in UDP datagrams, or over RTP with two legs and error correction.
//!
//! Datagrams: `socket` (unicast or a multicast group, read in batches) → [`rtp::Receiver`] (order, legs, error
//! correction) → [`Event`]s for a demultiplexer. What it drives decides all: this module only owns sockets and time.

mod socket;

use std::collections::VecDeque;
use std::future::poll_fn;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::task::Poll;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rtp::Leg;
use rtp::fec::Direction;

pub use socket::BindError;
use socket::Socket;

/// How long datagrams gather after the first before they are read, so that one wake-up takes many. The smallest receive buffer
/// Linux gives (180 datagrams) holds as much of 190 Mbit/s.
const GATHER: Duration = Duration::from_millis(5);

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// An address of this machine, or a multicast group, which is joined. A group of IPv6 is joined on the interface of
    /// the address's scope.
    pub address: SocketAddr,
    /// The address of the interface an IPv4 group is joined on; without one the system chooses.
    pub interface: Option<Ipv4Addr>,
    /// The only sender whose datagrams are taken. IPv4 groups are joined for this sender alone.
    pub sender: Option<IpAddr>,
}

impl Endpoint {
    /// An address on which anybody's datagrams are taken.
    pub const fn open(address: SocketAddr) -> Endpoint {
        Endpoint { address, interface: None, sender: None }
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
    /// Datagrams from others than the one sender.
    pub strangers: u64,
    /// What RTP tells, where it is RTP.
    pub rtp: Option<rtp::Statistics>,
}

/// A stream's sockets and what puts it in order.
#[derive(Debug)]
pub struct Input {
    sockets: Vec<(Port, Socket)>,
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
    Arrival {
        started: bool,
        /// What was not yet asked for: at most what one look at the socket brings.
        events: VecDeque<Event>,
    },
    Rtp(Box<rtp::Receiver>),
}

impl Input {
    /// Binds the sockets and joins the groups. Call inside a tokio runtime.
    ///
    /// # Errors
    /// When an address cannot be bound, a group not be joined, or there is no port for error correction.
    pub fn bind(source: &Source) -> Result<Input, BindError> {
        let mut sockets = Vec::new();
        let order = match source {
            Source::Udp(endpoint) => {
                sockets.push((Port::Media(Leg::First), Socket::bind(endpoint)?));
                Order::Arrival { started: false, events: VecDeque::new() }
            }
            Source::Rtp { first, second, latency, fec } => {
                sockets.push((Port::Media(Leg::First), Socket::bind(first)?));
                if let Some(second) = second {
                    sockets.push((Port::Media(Leg::Second), Socket::bind(second)?));
                }
                if *fec == Fec::On {
                    for direction in [Direction::Column, Direction::Row] {
                        sockets.push((Port::Fec, Socket::bind(&beside(first, direction)?)?));
                    }
                }
                Order::Rtp(Box::new(rtp::Receiver::new(*latency)))
            }
        };
        Ok(Input { sockets, order, counts: Statistics::default() })
    }

    /// The next event, as soon as there is one. Nothing is lost when this is dropped and called again.
    pub async fn next(&mut self) -> Event {
        loop {
            if let Some(event) = self.take(Instant::now()) {
                return event;
            }
            let deadline = match &self.order {
                Order::Arrival { .. } => None,
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
            tokio::time::sleep(GATHER).await;
            self.read();
        }
    }

    /// What has happened so far.
    pub fn statistics(&self) -> Statistics {
        let rtp = match &self.order {
            Order::Arrival { .. } => None,
            Order::Rtp(receiver) => Some(receiver.statistics()),
        };
        Statistics { rtp, ..self.counts }
    }

    /// Takes what the sockets hold, a batch each.
    fn read(&mut self) {
        let Input { sockets, order, counts } = self;
        for (port, socket) in sockets {
            let now = Instant::now();
            counts.strangers += socket.read(|datagram| {
                counts.datagrams += 1;
                counts.bytes += datagram.len() as u64;
                let taken = match (&mut *order, *port) {
                    (Order::Rtp(receiver), Port::Media(leg)) => receiver.media(leg, datagram, now),
                    (Order::Rtp(receiver), Port::Fec) => receiver.fec(datagram, now),
                    (Order::Arrival { started, events }, _) => {
                        rtp::ts::whole_packets(datagram).map(|packets| {
                            if !std::mem::replace(started, true) {
                                events.push_back(Event::Started);
                            }
                            events.push_back(Event::Stream(Bytes::copy_from_slice(packets)));
                        })
                    }
                };
                if let Err(fault) = taken {
                    counts.malformed += 1;
                    tracing::debug!(%fault, "a datagram was left out");
                }
            });
        }
    }

    fn take(&mut self, now: Instant) -> Option<Event> {
        match &mut self.order {
            Order::Arrival { events, .. } => events.pop_front(),
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
    let mut endpoint = *media;
    let port = media.address.port().checked_add(direction.port_offset());
    endpoint.address.set_port(port.ok_or(BindError::NoFecPort { address: media.address })?);
    Ok(endpoint)
}
