//! Conditions of policies on the viewer's address, `aws:SourceIp`, as networks that may watch.

use std::net::IpAddr;

use serde_json::Value;
use spec::Network;

/// The condition key.
const SOURCE_IP: &str = "aws:SourceIp";
/// Every address.
const EVERYBODY: [&str; 2] = ["0.0.0.0/0", "::/0"];
/// Most networks that an endpoint of the workflow takes.
pub(super) const MAX: usize = 64;

/// The networks that `IpAddress` and `NotIpAddress` leave, where they are there; none where that is everybody. The message says why
/// they cannot be kept.
pub(super) fn networks(is: Option<&Value>, is_not: Option<&Value>) -> Result<Vec<Network>, String> {
    let everybody = || EVERYBODY.map(|network| network.parse().expect("a network")).to_vec();
    let mut left: Vec<Network> = match is {
        None => everybody(),
        Some(keys) => listed(keys)?,
    };
    for hole in is_not.map(listed).transpose()?.unwrap_or_default() {
        left = left.iter().flat_map(|network| without(network, &hole)).collect();
    }
    if left.iter().any(|network| network.to_string() == EVERYBODY[0]) && left.len() == everybody().len() {
        left.clear();
        return Ok(left);
    }
    match left.len() {
        0 => Err(format!("{SOURCE_IP} leaves nobody who may watch")),
        1..=MAX => Ok(left),
        _ => Err(format!("{SOURCE_IP} leaves more than {MAX} networks; name larger ones")),
    }
}

/// The networks that an operator names.
fn listed(keys: &Value) -> Result<Vec<Network>, String> {
    let named = keys.as_object().filter(|keys| keys.len() == 1).and_then(|keys| keys.get(SOURCE_IP));
    let texts: Vec<&str> = match named {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
        _ => {
            return Err(format!(
                "the one key of IpAddress and NotIpAddress that is carried out here is {SOURCE_IP}"
            ));
        }
    };
    texts.into_iter().map(str::parse).collect()
}

/// What of a network does not lie in `hole`, as few networks as can be: the other half at each step down to it.
fn without(network: &Network, hole: &Network) -> Vec<Network> {
    let ((address, prefix), (inner, inner_prefix)) = (parts(network), parts(hole));
    if hole.contains(address) && inner_prefix <= prefix {
        return Vec::new();
    }
    if !network.contains(inner) {
        return vec![*network];
    }
    let other_half = |prefix: u8| {
        let half = other_half(inner, prefix);
        format!("{half}/{prefix}").parse().expect("the address ends where the prefix does")
    };
    (prefix + 1..=inner_prefix).map(other_half).collect()
}

/// The first address of a network, and how many of its bits all have.
fn parts(network: &Network) -> (IpAddr, u8) {
    let text = network.to_string();
    let (address, prefix) = text.split_once('/').unwrap_or((&text, ""));
    let address: IpAddr = address.parse().expect("a network begins with an address");
    let whole = if address.is_ipv4() { 32 } else { 128 };
    (address, prefix.parse().unwrap_or(whole))
}

/// The first `prefix` bits of an address, the last of them the other way round.
fn other_half(address: IpAddr, prefix: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let last = 32 - u32::from(prefix);
            IpAddr::V4(((address.to_bits() >> last ^ 1) << last).into())
        }
        IpAddr::V6(address) => {
            let last = 128 - u32::from(prefix);
            IpAddr::V6(((address.to_bits() >> last ^ 1) << last).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn told(is: Value, is_not: Value) -> Result<String, String> {
        let keys = |value: Value| (!value.is_null()).then(|| json!({ SOURCE_IP: value }));
        let networks = networks(keys(is).as_ref(), keys(is_not).as_ref())?;
        Ok(networks.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn what_is_named_may_watch_but_for_what_is_excepted() {
        let none = Value::Null;
        for (is, is_not, expected) in [
            (json!("10.0.0.0/8"), none.clone(), "10.0.0.0/8"),
            (json!(["10.0.0.1", "2001:db8::/32"]), none.clone(), "10.0.0.1 2001:db8::/32"),
            (json!("10.0.0.0/30"), json!("10.0.0.1"), "10.0.0.2/31 10.0.0.0"),
            (json!("10.0.0.0/8"), json!("192.0.2.0/24"), "10.0.0.0/8"),
            (none.clone(), json!(["128.0.0.0/1", "::/0"]), "0.0.0.0/1"),
            (none.clone(), json!("0.0.0.0/2"), "128.0.0.0/1 64.0.0.0/2 ::/0"),
            (json!(["0.0.0.0/0", "::/0"]), none.clone(), ""),
        ] {
            assert_eq!(told(is.clone(), is_not.clone()), Ok(expected.to_owned()), "{is} {is_not}");
        }
        assert!(told(json!("10.0.0.0/8"), json!("10.0.0.0/8")).expect_err("nobody").contains("nobody"));
        let many: Vec<_> = (0..70).map(|part| format!("10.0.{part}.0/24")).collect();
        assert!(told(json!(many), none.clone()).expect_err("too many").contains("64"));
        assert!(told(json!("10.0.0.7/8"), none).is_err());
        assert!(networks(Some(&json!({ "aws:VpcSourceIp": "10.0.0.0/8" })), None).is_err());
    }

    proptest! {
        #[test]
        fn an_address_is_left_where_it_is_named_and_not_excepted(
            named in (0_u32..256, 8_u32..=30), hole in (0_u32..256, 8_u32..=30), address in 0_u32..=0xFFFF,
        ) {
            let network = |(part, prefix): (u32, u32)| {
                let mask = u32::MAX << (32 - prefix);
                format!("{}/{prefix}", std::net::Ipv4Addr::from((0x0A00_0000 | part << 8) & mask)).parse::<Network>().expect("valid")
            };
            let (named, hole) = (network(named), network(hole));
            let address = std::net::Ipv4Addr::from(0x0A00_0000 | address).into();
            let left = without(&named, &hole).iter().any(|network| network.contains(address));
            prop_assert_eq!(left, named.contains(address) && !hole.contains(address));
        }
    }
}
