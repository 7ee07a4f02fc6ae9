//! Plain datagrams, in the order they come.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rtp::{Fault, ts};

use super::Event;

/// Plain datagrams do not say whose they are, so one sender is followed, and another only once that one has been silent so
/// long.
const SENDER_SILENCE: Duration = Duration::from_millis(100);

/// What has come of one stream.
#[derive(Debug, Default)]
pub(super) struct Arrival {
    /// The sender followed, and when it was last heard.
    followed: Option<(SocketAddr, Instant)>,
    /// What was not yet asked for: at most what one look at the socket brings.
    events: VecDeque<Event>,
}

impl Arrival {
    /// Whether another sender than `from` is followed.
    pub(super) fn follows_another(&self, from: SocketAddr, now: Instant) -> bool {
        self.followed.is_some_and(|(sender, heard)| sender != from && now < heard + SENDER_SILENCE)
    }

    /// Takes a datagram of the sender followed, or of the next one.
    pub(super) fn take(&mut self, from: SocketAddr, datagram: &[u8], now: Instant) -> Result<(), Fault> {
        let packets = ts::whole_packets(datagram)?;
        if self.followed.replace((from, now)).is_none_or(|(before, _)| before != from) {
            self.events.push_back(Event::Started);
        }
        self.events.push_back(Event::Stream(Bytes::copy_from_slice(packets)));
        Ok(())
    }

    pub(super) fn next(&mut self) -> Option<Event> {
        self.events.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_sender_is_followed_until_it_is_silent() {
        let packet = |n: u8| [&[ts::SYNC][..], &[n; ts::PACKET - 1]].concat();
        let start = Instant::now();
        let (camera, other) = (([192, 0, 2, 7], 4_000).into(), ([192, 0, 2, 7], 4_001).into());
        let mut arrival = Arrival::default();
        let mut after = |ms: u64, from: SocketAddr, n: u8| {
            let now = start + Duration::from_millis(ms);
            if arrival.follows_another(from, now) {
                return None;
            }
            arrival.take(from, &packet(n), now).expect("a whole packet");
            Some(std::iter::from_fn(|| arrival.next()).collect::<Vec<_>>())
        };
        let stream = |n: u8| Event::Stream(packet(n).into());
        assert_eq!(after(0, camera, 1), Some(vec![Event::Started, stream(1)]));
        assert_eq!(after(60, other, 2), None);
        assert_eq!(after(80, camera, 3), Some(vec![stream(3)]));
        assert_eq!(after(179, other, 4), None);
        assert_eq!(after(180, other, 5), Some(vec![Event::Started, stream(5)]));
        assert_eq!(after(200, camera, 6), None);
    }

    #[test]
    fn who_sends_no_packets_is_not_followed() {
        let mut arrival = Arrival::default();
        let (stranger, now) = (([192, 0, 2, 9], 1).into(), Instant::now());
        assert!(arrival.take(stranger, b"hello", now).is_err());
        assert!(!arrival.follows_another(([192, 0, 2, 7], 4_000).into(), now));
    }
}
