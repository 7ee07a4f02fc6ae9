//! Ranges of addresses.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

use crate::fault::Fault;
use crate::fields::Field;

/// Networks that may be named as senders of one input, or of one leg of it.
const MAX_SENDERS: usize = 16;
/// Networks that may be named as viewers of one endpoint.
const MAX_VIEWERS: usize = 64;

/// Addresses that begin with the same bits: `192.0.2.0/24`, or one address alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// One address.
    pub const fn host(address: IpAddr) -> Self {
        let prefix = if address.is_ipv4() { 32 } else { 128 };
        Self { address, prefix }
    }

    /// Whether `address` lies in it. An IPv4 address is the same written as IPv6 (`::ffff:192.0.2.1`).
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.is_ipv4() == address.is_ipv4() && masked(address, self.prefix) == self.address
    }

    /// Whether it is of IPv4 addresses.
    pub const fn is_ipv4(&self) -> bool {
        self.address.is_ipv4()
    }

    /// Its one IPv4 address, where it is no more than that.
    pub fn only_ipv4(&self) -> Option<Ipv4Addr> {
        match self.address {
            IpAddr::V4(address) if self.prefix == 32 => Some(address),
            _ => None,
        }
    }
}

/// `from`: one text, or a list of them, each of which has to stand `check`.
pub(crate) fn read_senders(
    field: Field<'_>,
    check: impl Fn(Network) -> Result<(), String>,
) -> Result<Vec<Network>, Fault> {
    read_list(field, MAX_SENDERS, "senders can be named; without `from` anybody may send", check)
}

/// `allow`: the same, of viewers.
pub(crate) fn read_viewers(field: Field<'_>) -> Result<Vec<Network>, Fault> {
    read_list(field, MAX_VIEWERS, "networks can be named; without `allow` everybody may watch", |_| Ok(()))
}

fn read_list(
    field: Field<'_>,
    most: usize,
    words: &str,
    check: impl Fn(Network) -> Result<(), String>,
) -> Result<Vec<Network>, Fault> {
    let read = |field: &Field<'_>| {
        let network: Network = field.parsed()?;
        check(network).map(|()| network).map_err(|fault| field.fault(fault))
    };
    if field.as_str().is_some() {
        return Ok(vec![read(&field)?]);
    }
    let bound = field.fault(format!("1 to {most} {words}"));
    let list = field.list()?;
    match (1..=most).contains(&list.len()) {
        true => list.iter().map(read).collect(),
        false => Err(bound),
    }
}

/// As people read them: `10.0.0.9, 10.1.0.0/16`.
pub(crate) fn joined(networks: &[Network]) -> String {
    networks.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// `address` with what follows the first `prefix` bits cleared.
fn masked(address: IpAddr, prefix: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
            IpAddr::V4((address.to_bits() & mask).into())
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
            IpAddr::V6((address.to_bits() & mask).into())
        }
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wanted = || {
            format!(
                "\"{text}\" is no address and no network; write \"192.0.2.7\", \"192.0.2.0/24\" or \"2001:db8::/32\""
            )
        };
        let (address, prefix) = match text.split_once('/') {
            None => (text, None),
            Some((address, prefix)) => (address, Some(prefix)),
        };
        let address: IpAddr = address.parse().map_err(|_| wanted())?;
        let whole = Self::host(address).prefix;
        let prefix = match prefix {
            None => whole,
            Some(prefix) => prefix.parse().ok().filter(|prefix| *prefix <= whole).ok_or_else(wanted)?,
        };
        let network = Self { address: masked(address, prefix), prefix };
        match network.address == address {
            true => Ok(network),
            false => Err(format!(
                "\"{text}\" is an address within a network; write \"{network}\" or \"{address}\""
            )),
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self == Self::host(self.address) {
            true => write!(f, "{}", self.address),
            false => write!(f, "{}/{}", self.address, self.prefix),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(network: &str, address: &str) -> bool {
        let network: Network = network.parse().expect(network);
        network.contains(address.parse().expect(address))
    }

    #[test]
    fn a_network_has_the_addresses_that_begin_like_it() {
        assert!(has("192.0.2.0/24", "192.0.2.255") && !has("192.0.2.0/24", "192.0.3.0"));
        assert!(has("192.0.2.7", "192.0.2.7") && !has("192.0.2.7", "192.0.2.6"));
        assert!(has("192.0.2.7", "::ffff:192.0.2.7"));
        assert!(has("0.0.0.0/0", "255.255.255.255") && !has("0.0.0.0/0", "::1"));
        assert!(has("2001:db8::/32", "2001:db8:ffff::1") && !has("2001:db8::/32", "2001:db9::"));
        assert!(has("::/0", "::1") && !has("::/0", "192.0.2.7"));
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in
            ["", "camera", "192.0.2.0/33", "192.0.2.0/", "192.0.2.0/-1", "::/129", "192.0.2", "1.2.3.4:5"]
        {
            assert!(text.parse::<Network>().expect_err(text).contains("is no address"), "{text}");
        }
        let within = "192.0.2.7/24".parse::<Network>().expect_err("bits are set behind the prefix");
        assert!(within.contains("write \"192.0.2.0/24\" or \"192.0.2.7\""), "{within}");
    }
}
