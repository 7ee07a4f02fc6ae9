//! Who may connect, and how often they may ask: so many connections in all, so many and so many requests a second
//! from one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use crate::counters::Closed;
use crate::rate::Rate;

/// The doorkeeper.
#[derive(Debug)]
pub(crate) struct Admission {
    total: usize,
    per_address: usize,
    /// Requests a second from one address; no bound where there is none.
    requests_per_s: Option<u32>,
    inside: Mutex<Inside>,
}

#[derive(Debug, Default)]
struct Inside {
    total: usize,
    by_address: HashMap<IpAddr, Here>,
}

/// What is known of one address. It stays until it has neither a connection nor requests on its account: who connects
/// anew for each request gains nothing.
#[derive(Debug)]
struct Here {
    connections: usize,
    rate: Option<Arc<Rate>>,
}

/// A connection's place, given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    admission: Arc<Admission>,
    /// The viewer's own.
    pub(crate) viewer: IpAddr,
    /// What is counted as one with it.
    address: IpAddr,
    rate: Option<Arc<Rate>>,
    /// Connections of the thread that serves it.
    seat: Option<Arc<AtomicUsize>>,
}

impl Admission {
    pub(crate) fn new(total: usize, per_address: usize, requests_per_s: Option<u32>) -> Arc<Admission> {
        Arc::new(Admission { total, per_address, requests_per_s, inside: Mutex::default() })
    }

    /// A place for `viewer`, or which bound is reached.
    pub(crate) fn admit(self: &Arc<Self>, viewer: IpAddr, now: Instant) -> Result<Place, Closed> {
        let address = network(viewer);
        let mut inside = self.inside();
        if inside.total >= self.total {
            return Err(Closed::OverTotal);
        }
        let here = inside.by_address.entry(address).or_insert_with(|| Here {
            connections: 0,
            rate: self.requests_per_s.map(|per_s| Arc::new(Rate::new(per_s, now))),
        });
        if here.connections >= self.per_address {
            return Err(Closed::OverAddress);
        }
        here.connections += 1;
        let rate = here.rate.clone();
        inside.total += 1;
        Ok(Place { admission: self.clone(), viewer, address, rate, seat: None })
    }

    /// Forgets the addresses that are gone and owe nothing; called now and then.
    pub(crate) fn sweep(&self, now: Instant) {
        self.inside().by_address.retain(|_, here| {
            here.connections > 0 || here.rate.as_ref().is_some_and(|rate| rate.is_charged(now))
        });
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().expect("nothing panics while it holds the count")
    }
}

impl Place {
    /// Takes a chair of the thread that serves the connection from now on.
    pub(crate) fn sit(&mut self, seat: &Arc<AtomicUsize>) {
        seat.fetch_add(1, Ordering::Relaxed);
        self.seat = Some(seat.clone());
    }

    /// Whether the address may have one more request answered now.
    pub(crate) fn may_ask(&self, now: Instant) -> bool {
        self.rate.as_ref().is_none_or(|rate| rate.take(now))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(seat) = &self.seat {
            seat.fetch_sub(1, Ordering::Relaxed);
        }
        let mut inside = self.admission.inside();
        inside.total -= 1;
        if let Some(here) = inside.by_address.get_mut(&self.address) {
            here.connections -= 1;
            if here.connections == 0 && here.rate.is_none() {
                inside.by_address.remove(&self.address);
            }
        }
    }
}

/// One subscriber has a whole IPv6 /64.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() >> 64 << 64).into()),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn places_are_counted_by_address_and_in_all_and_come_back() {
        let admission = Admission::new(3, 2, None);
        let now = Instant::now();
        let first = admission.admit(address("10.0.0.1"), now).unwrap();
        let _second = admission.admit(address("::ffff:10.0.0.1"), now).unwrap();
        assert_eq!(admission.admit(address("10.0.0.1"), now).unwrap_err(), Closed::OverAddress);
        let _third = admission.admit(address("2001:db8::1"), now).unwrap();
        assert_eq!(admission.admit(address("10.0.0.2"), now).unwrap_err(), Closed::OverTotal);
        drop(first);
        let _fourth = admission.admit(address("2001:db8::ffff:0:0:2"), now).unwrap();
        assert_eq!(admission.inside().by_address.len(), 2);
    }

    #[test]
    fn an_address_that_connects_anew_is_still_charged_and_forgotten_once_it_owes_nothing() {
        let admission = Admission::new(3, 2, Some(10));
        let now = Instant::now();
        let mut answered = 0;
        for _ in 0..100 {
            let place = admission.admit(address("10.0.0.1"), now).unwrap();
            answered += usize::from(place.may_ask(now));
        }
        assert_eq!(answered, 20, "two seconds' worth at once");
        assert!(admission.admit(address("10.0.0.2"), now).unwrap().may_ask(now), "others are not charged");
        admission.sweep(now);
        assert_eq!(admission.inside().by_address.len(), 2);
        admission.sweep(now + Duration::from_secs(2));
        assert!(admission.inside().by_address.is_empty());
    }
}
