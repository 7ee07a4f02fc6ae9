//! QUIC datagrams between two edges that share a UDP socket: which connection one is for, and the envelope in which it is
//! handed on.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use quinn::udp::EcnCodepoint;

/// Bytes of a connection id that an edge gives. Clients choose other lengths as a rule, so that theirs are told apart.
pub const ID_LEN: usize = 12;

/// The first byte's bit of packets with a long header, those of a handshake.
const LONG_HEADER: u8 = 0x80;
/// Where a long header says how long the destination's id is: after the first byte and the version.
const LONG_HEADER_ID: usize = 5;

/// The connection a datagram is for, by the id in its first packet, where that is as long as an edge's ids are. All packets of
/// a datagram are for the same connection (RFC 9000 §12.2); where its id is, no version of QUIC changes (RFC 8999 §5).
pub fn destination(datagram: &[u8]) -> Option<&[u8; ID_LEN]> {
    if datagram.first()? & LONG_HEADER == 0 {
        return datagram[1..].first_chunk();
    }
    let (len, rest) = datagram.get(LONG_HEADER_ID..)?.split_first()?;
    if usize::from(*len) == ID_LEN { rest.first_chunk() } else { None }
}

/// What the system told of a datagram when it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// Who sent it.
    pub from: SocketAddr,
    /// To which address of this machine, where that is known.
    pub to: Option<IpAddr>,
    /// Congestion on the way (RFC 3168 §5).
    pub ecn: Option<EcnCodepoint>,
}

/// Why bytes are no envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Neither IPv4 nor IPv6.
    #[error("address family {0}")]
    Family(u8),
    /// More than two bits.
    #[error("congestion bits {0:#04x}")]
    Ecn(u8),
}

const NONE: u8 = 0;
const IPV4: u8 = 4;
const IPV6: u8 = 6;

impl Envelope {
    /// Its bytes, whatever the addresses: the congestion bits; family, address, port and scope of `from`; family and address
    /// of `to`. Numbers are big-endian; what a family does not use is zero.
    pub const LEN: usize = 1 + (1 + 16 + 2 + 4) + (1 + 16);

    /// As bytes.
    pub fn write(&self) -> [u8; Envelope::LEN] {
        let mut bytes = [0; Envelope::LEN];
        bytes[0] = self.ecn.map_or(0, |ecn| ecn as u8);
        write_address(&mut bytes[1..18], self.from.ip());
        bytes[18..20].copy_from_slice(&self.from.port().to_be_bytes());
        if let SocketAddr::V6(from) = self.from {
            bytes[20..24].copy_from_slice(&from.scope_id().to_be_bytes());
        }
        if let Some(to) = self.to {
            write_address(&mut bytes[24..41], to);
        }
        bytes
    }

    /// From its bytes.
    pub fn read(bytes: &[u8; Envelope::LEN]) -> Result<Envelope, Fault> {
        let ecn = match bytes[0] {
            0 => None,
            bits @ 1..=3 => EcnCodepoint::from_bits(bits),
            more => return Err(Fault::Ecn(more)),
        };
        let port = u16::from_be_bytes([bytes[18], bytes[19]]);
        let scope = u32::from_be_bytes([bytes[20], bytes[21], bytes[22], bytes[23]]);
        let from = match read_address(&bytes[1..18])? {
            Some(IpAddr::V4(ip)) => SocketAddrV4::new(ip, port).into(),
            Some(IpAddr::V6(ip)) => SocketAddrV6::new(ip, port, 0, scope).into(),
            None => return Err(Fault::Family(NONE)),
        };
        Ok(Envelope { from, to: read_address(&bytes[24..41])?, ecn })
    }
}

fn write_address(bytes: &mut [u8], address: IpAddr) {
    match address {
        IpAddr::V4(ip) => {
            bytes[0] = IPV4;
            bytes[1..5].copy_from_slice(&ip.octets());
        }
        IpAddr::V6(ip) => {
            bytes[0] = IPV6;
            bytes[1..17].copy_from_slice(&ip.octets());
        }
    }
}

fn read_address(bytes: &[u8]) -> Result<Option<IpAddr>, Fault> {
    let octets: [u8; 16] = *bytes[1..].first_chunk().expect("the callers' 17 bytes");
    match bytes[0] {
        NONE => Ok(None),
        IPV4 => Ok(Some(Ipv4Addr::new(octets[0], octets[1], octets[2], octets[3]).into())),
        IPV6 => Ok(Some(Ipv6Addr::from(octets).into())),
        other => Err(Fault::Family(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ID: &[u8; ID_LEN] = b"twelve bytes";

    #[test]
    fn a_short_header_names_its_connection_at_once() {
        assert_eq!(destination(&[&[0x40], &ID[..], b"rest"].concat()), Some(ID));
        assert_eq!(destination(b"\x40too short"), None);
        assert_eq!(destination(&[]), None);
    }

    #[test]
    fn a_long_header_says_how_long_the_id_is() {
        let long = |len: u8| [&[0xc0, 0, 0, 0, 1, len], &ID[..], b"\0rest"].concat();
        assert_eq!(destination(&long(12)), Some(ID));
        for other in [0, 8, 11, 13, 20, 255] {
            assert_eq!(destination(&long(other)), None, "{other}");
        }
        assert_eq!(destination(&long(12)[..17]), None);
        assert_eq!(destination(&[0xff]), None);
    }

    proptest! {
        #[test]
        fn any_bytes_name_an_id_that_is_in_them_or_none(bytes: Vec<u8>) {
            if let Some(id) = destination(&bytes) {
                prop_assert!(bytes.windows(ID_LEN).any(|window| window == id));
            }
        }

        #[test]
        fn an_envelope_is_read_as_it_was_written(
            from: IpAddr, port: u16, scope: u32, to: Option<IpAddr>, ecn in 0_u8..4,
        ) {
            let from = match from {
                IpAddr::V4(ip) => SocketAddrV4::new(ip, port).into(),
                IpAddr::V6(ip) => SocketAddrV6::new(ip, port, 0, scope).into(),
            };
            let envelope = Envelope { from, to, ecn: EcnCodepoint::from_bits(ecn) };
            prop_assert_eq!(Envelope::read(&envelope.write()), Ok(envelope));
        }

        #[test]
        fn any_bytes_are_an_envelope_or_a_named_fault(bytes in any::<[u8; Envelope::LEN]>()) {
            if let Ok(envelope) = Envelope::read(&bytes) {
                prop_assert_eq!(Envelope::read(&envelope.write()), Ok(envelope));
            }
        }
    }
}
