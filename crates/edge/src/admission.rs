//! Who may connect: so many in all, so many from one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::counters::Closed;

/// The doorkeeper.
#[derive(Debug)]
pub(crate) struct Admission {
    total: usize,
    per_address: usize,
    inside: Mutex<Inside>,
}

#[derive(Debug, Default)]
struct Inside {
    total: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// A place, given back when dropped.
#[derive(Debug)]
pub(crate) struct Admitted {
    admission: Arc<Admission>,
    address: IpAddr,
}

impl Admission {
    pub(crate) fn new(total: usize, per_address: usize) -> Arc<Admission> {
        Arc::new(Admission { total, per_address, inside: Mutex::default() })
    }

    /// A place for `address`, or which bound is reached.
    pub(crate) fn admit(self: &Arc<Self>, address: IpAddr) -> Result<Admitted, Closed> {
        let address = network(address);
        let mut inside = self.inside();
        if inside.total >= self.total {
            return Err(Closed::OverTotal);
        }
        let here = inside.by_address.entry(address).or_default();
        if *here >= self.per_address {
            return Err(Closed::OverAddress);
        }
        *here += 1;
        inside.total += 1;
        Ok(Admitted { admission: self.clone(), address })
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().expect("nothing panics while it holds the count")
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut inside = self.admission.inside();
        inside.total -= 1;
        if let Some(here) = inside.by_address.get_mut(&self.address) {
            *here -= 1;
            if *here == 0 {
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

    #[test]
    fn places_are_counted_by_address_and_in_all_and_come_back() {
        let admission = Admission::new(3, 2);
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let first = admission.admit(address("10.0.0.1")).unwrap();
        let _second = admission.admit(address("::ffff:10.0.0.1")).unwrap();
        assert_eq!(admission.admit(address("10.0.0.1")).unwrap_err(), Closed::OverAddress);
        let _third = admission.admit(address("2001:db8::1")).unwrap();
        assert_eq!(admission.admit(address("10.0.0.2")).unwrap_err(), Closed::OverTotal);
        drop(first);
        let _fourth = admission.admit(address("2001:db8::ffff:0:0:2")).unwrap();
        assert_eq!(admission.inside().by_address.len(), 2);
    }
}
