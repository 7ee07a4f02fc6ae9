//! Which addresses may be called.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::time::timeout;

/// How long a name may take to be looked up.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);

/// Which addresses may be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Those of the public internet: a name shall not lead into the machine's own networks.
    Public,
    /// Any.
    Private,
}

/// Why a name leads nowhere that may be called.
#[derive(Debug, thiserror::Error)]
pub enum Unreachable {
    /// Nobody knows the name, or tells in time.
    #[error("look up `{host}`: {why}")]
    Lookup {
        /// The name.
        host: String,
        /// What the system says.
        why: String,
    },
    /// The name is known, and has no address.
    #[error("`{host}` has no address")]
    NoAddress {
        /// The name.
        host: String,
    },
    /// None of its addresses may be called. What the operator sets where that is meant, the caller knows.
    #[error("`{host}` is at {address}, not on the public internet")]
    Private {
        /// The name.
        host: String,
        /// The first of its addresses.
        address: IpAddr,
    },
}

/// The address to call: the first of the name's that may be. What is called is the address looked at here, so that a name
/// that answers differently the next moment changes nothing.
pub async fn resolve(host: &str, port: u16, reach: Reach) -> Result<SocketAddr, Unreachable> {
    let lookup = |why: String| Unreachable::Lookup { host: host.to_owned(), why };
    let addresses = timeout(LOOKUP_TIMEOUT, tokio::net::lookup_host((host, port)))
        .await
        .map_err(|_| lookup(format!("no answer in {LOOKUP_TIMEOUT:?}")))?
        .map_err(|fault| lookup(fault.to_string()))?;
    choose(host, addresses, reach)
}

fn choose(
    host: &str,
    addresses: impl Iterator<Item = SocketAddr>,
    reach: Reach,
) -> Result<SocketAddr, Unreachable> {
    let mut refused = None;
    for address in addresses {
        let ip = address.ip().to_canonical();
        if reach == Reach::Private || is_public(ip) {
            return Ok(address);
        }
        refused.get_or_insert(ip);
    }
    let host = host.to_owned();
    Err(match refused {
        Some(address) => Unreachable::Private { host, address },
        None => Unreachable::NoAddress { host },
    })
}

/// Whether an address is on the public internet, by the special purpose registries (RFC 6890).
fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let special = match ip.octets() {
        [0 | 10 | 127, ..] => true,
        [100, 64..=127, ..] => true, // carriers' own
        [169, 254, ..] => true,
        [172, 16..=31, ..] => true,
        [192, 0, 0 | 2, _] => true,
        [192, 168, ..] => true,
        [198, 18 | 19, ..] | [198, 51, 100, _] | [203, 0, 113, _] => true, // measuring, documents
        [224..=255, ..] => true,                                           // multicast, reserved, broadcast
        _ => false,
    };
    !special
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let embedded = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match ip.segments() {
        // An IPv4 address behind a translator or a tunnel is as public as that.
        [0x64, 0xFF9B, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => embedded(high, low),
        [0x2001, 0..=0x1FF, ..] | [0x2001, 0xDB8, ..] | [0x3FFF, 0..=0xFFF, ..] => false,
        // All that is given out as global unicast.
        [0x2000..=0x3FFF, ..] => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_public_internet_are_public() {
        for public in
            ["1.1.1.1", "172.32.0.1", "100.128.0.1", "192.0.1.1", "2606:4700::1111", "64:ff9b::101:101"]
        {
            assert!(is_public(public.parse().expect("an address")), "{public}");
        }
        for special in [
            "0.0.0.0",
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "192.0.2.1",
            "198.19.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "ff02::1",
            "2001:db8::1",
            "64:ff9b::7f00:1",
            "2002:a00:1::",
        ] {
            assert!(!is_public(special.parse().expect("an address")), "{special}");
        }
    }

    #[test]
    fn a_name_is_called_at_its_first_address_that_may_be() {
        let addresses = |list: &[&str]| -> std::vec::IntoIter<SocketAddr> {
            list.iter().map(|text| text.parse().expect("an address")).collect::<Vec<_>>().into_iter()
        };
        let choose = |list: &[&str], reach| {
            choose("x", addresses(list), reach).map(|address| address.to_string()).map_err(|f| f.to_string())
        };
        assert_eq!(choose(&["10.0.0.1:9", "1.1.1.1:9"], Reach::Public), Ok("1.1.1.1:9".to_owned()));
        assert_eq!(choose(&["10.0.0.1:9", "1.1.1.1:9"], Reach::Private), Ok("10.0.0.1:9".to_owned()));
        assert_eq!(
            choose(&["[::ffff:127.0.0.1]:9"], Reach::Public),
            Err("`x` is at 127.0.0.1, not on the public internet".to_owned())
        );
        assert_eq!(choose(&[], Reach::Private), Err("`x` has no address".to_owned()));
    }
}
