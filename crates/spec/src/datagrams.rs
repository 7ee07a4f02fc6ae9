//! Transport streams in UDP datagrams, as they are and over RTP.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};

use crate::fault::Fault;
use crate::fields::{Field, Fields};
use crate::network::{self, Network};
use crate::select::Select;

/// How long gaps may be waited for, in seconds.
const LATENCY: std::ops::RangeInclusive<f64> = 0.05..=2.0;
/// What error correction comes on: so far above the media's port (SMPTE ST 2022-1 §6).
const FEC_PORTS: [u16; 2] = [2, 4];

/// MPEG-TS in datagrams: `{ udp = "239.1.2.3:5000", from = "192.0.2.7", … }`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Udp {
    /// Where it comes.
    pub leg: Leg,
    /// What of it is wanted.
    pub select: Select,
}

/// MPEG-TS over RTP: `{ rtp = "0.0.0.0:5004", second = "0.0.0.0:5104", fec = true, latency = 0.2, … }`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rtp {
    /// Where it comes.
    pub first: Leg,
    /// `second`: where the same packets come by another path (SMPTE ST 2022-7).
    pub second: Option<Leg>,
    /// `fec`: error correction (SMPTE ST 2022-1) comes on the first leg's port + 2 and + 4, default false.
    pub fec: bool,
    /// `latency`: how long gaps are waited for, in milliseconds, 50 to 2,000, default 200.
    pub latency_ms: u32,
    /// What of it is wanted.
    pub select: Select,
}

/// One path by which datagrams come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leg {
    /// An address of this machine, or a multicast group, which is joined; and the port.
    pub address: SocketAddr,
    /// `interface`: the address of the interface on which an IPv4 group is joined; the system chooses where it is not set.
    pub interface: Option<Ipv4Addr>,
    /// `from`: who may send, 1 to 16 addresses and networks of the address's family; anybody where it is empty.
    pub from: Vec<Network>,
}

impl Udp {
    /// Reads the input whose `udp` is `field`; the other settings are in `fields`.
    pub(crate) fn read(field: &Field<'_>, fields: &mut Fields<'_>) -> Result<Self, Fault> {
        Ok(Self { leg: Leg::read(field, fields)?, select: Select::read(fields)? })
    }
}

impl Rtp {
    /// Reads the input whose `rtp` is `field`; the other settings are in `fields`.
    pub(crate) fn read(field: &Field<'_>, fields: &mut Fields<'_>) -> Result<Self, Fault> {
        let first = Leg::read(field, fields)?;
        let second = match fields.take("second") {
            None => None,
            Some(second) => {
                let fault = second
                    .fault("the second leg comes on a port that the first one has, or its error correction");
                Some((Leg::read_second(second)?, fault))
            }
        };
        let fec = fields.flag("fec")?;
        let latency_ms = match fields.take("latency") {
            None => 200,
            Some(field) => (field.number(LATENCY, "seconds")? * 1e3).round() as u32,
        };
        if fec && first.address.port() > u16::MAX - FEC_PORTS[1] {
            return Err(
                field.fault("error correction comes on the ports two and four above: choose 65531 or less")
            );
        }
        let mut rtp = Self { first, second: None, fec, latency_ms, select: Select::read(fields)? };
        if let Some((second, fault)) = second {
            if rtp.sockets().any(|taken| clash(taken, second.address)) {
                return Err(fault);
            }
            rtp.second = Some(second);
        }
        Ok(rtp)
    }

    /// Every address that is listened on.
    fn sockets(&self) -> impl Iterator<Item = SocketAddr> {
        let above = |step| SocketAddr::new(self.first.address.ip(), self.first.address.port() + step);
        let fec = FEC_PORTS.into_iter().filter(|_| self.fec).map(above);
        [self.first.address].into_iter().chain(fec).chain(self.second.iter().map(|leg| leg.address))
    }
}

/// The addresses that an input of datagrams listens on, where it is one.
pub(crate) fn sockets(input: &crate::Input) -> Vec<SocketAddr> {
    match input {
        crate::Input::Udp(udp) => vec![udp.leg.address],
        crate::Input::Rtp(rtp) => rtp.sockets().collect(),
        _ => Vec::new(),
    }
}

/// Whether two sockets cannot have both addresses. Groups are shared: everybody who joins one hears it.
pub(crate) fn clash(one: SocketAddr, other: SocketAddr) -> bool {
    let group = |address: SocketAddr| address.ip().is_multicast();
    let everywhere = one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() == other.port() && !group(one) && !group(other) && (one.ip() == other.ip() || everywhere)
}

impl Leg {
    /// The leg that an input's own settings describe.
    fn read(field: &Field<'_>, fields: &mut Fields<'_>) -> Result<Self, Fault> {
        let address: SocketAddr =
            field.string()?.parse().ok().filter(|address: &SocketAddr| address.port() != 0).ok_or_else(
                || {
                    field.fault(
                    "an address of this machine or a multicast group, and a port, are wanted here, such as \
                     \"0.0.0.0:5000\" or \"239.1.2.3:5000\"; who sends is said by `from`",
                )
                },
            )?;
        let interface = match fields.take("interface") {
            None => None,
            Some(field) if address.is_ipv4() && address.ip().is_multicast() => {
                Some(field.string()?.parse().map_err(|_| {
                    field.fault("the IPv4 address of one of this machine's interfaces is wanted here, such as \"10.0.0.5\"")
                })?)
            }
            Some(field) => {
                return Err(field.fault(
                    "an interface is for IPv4 groups; an IPv6 group names it itself, such as \"[ff15::1%2]:5000\", and \
                     otherwise the address is the interface's",
                ));
            }
        };
        let from = match fields.take("from") {
            None => Vec::new(),
            Some(field) => {
                network::read_senders(field, |network| match network.is_ipv4() == address.is_ipv4() {
                    true => Ok(()),
                    false => {
                        Err(format!("{network} cannot send to {}: IPv4 and IPv6 do not mix", address.ip()))
                    }
                })?
            }
        };
        Ok(Self { address, interface, from })
    }

    /// A second leg: an address, or a table of `address`, `interface` and `from`.
    fn read_second(field: Field<'_>) -> Result<Self, Fault> {
        if !field.is_table() {
            let mut none = field.empty_table();
            return Self::read(&field, &mut none);
        }
        let mut fields = field.table()?;
        let address = fields.need("address", "\"239.1.2.4:5000\"")?;
        let leg = Self::read(&address, &mut fields)?;
        fields.finish()?;
        Ok(leg)
    }
}

impl fmt::Display for Leg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.address)?;
        if let Some(interface) = self.interface {
            write!(f, " on {interface}")?;
        }
        match self.from.is_empty() {
            true => f.write_str(" from anybody"),
            false => write!(f, " from {}", network::joined(&self.from)),
        }
    }
}

impl fmt::Display for Udp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MPEG-TS by UDP to {}", self.leg)
    }
}

impl fmt::Display for Rtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MPEG-TS by RTP to {}", self.first)?;
        if let Some(second) = &self.second {
            write!(f, " and {second}")?;
        }
        let fec = if self.fec { ", error correction" } else { "" };
        write!(f, "{fec}, latency {} s", f64::from(self.latency_ms) / 1e3)
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::Input;
    use crate::channel::read_input as read;

    fn described(input: &str, words: Expect) {
        words.assert_eq(&read(input).expect("valid").to_string());
    }

    fn refused(input: &str, fault: Expect) {
        fault.assert_eq(&read(input).expect_err("refused"));
    }

    #[test]
    fn a_udp_input_is_an_address_and_who_may_send() {
        described("{ udp = \"0.0.0.0:5000\" }", expect!["MPEG-TS by UDP to 0.0.0.0:5000 from anybody"]);
        described(
            "{ udp = \"239.1.2.3:5000\", interface = \"10.0.0.5\", from = [\"10.0.0.9\", \"10.1.0.0/16\"] }",
            expect!["MPEG-TS by UDP to 239.1.2.3:5000 on 10.0.0.5 from 10.0.0.9, 10.1.0.0/16"],
        );
        let chosen = read("{ udp = \"[::]:5000\", program = 3, video_pid = 0x100, audio_pid = 257 }");
        let Ok(Input::Udp(udp)) = chosen else { panic!("{chosen:?}") };
        let select = Select { program: Some(3), video_pid: Some(256), audio_pid: Some(257) };
        assert_eq!(udp.select, select);
    }

    #[test]
    fn an_rtp_input_may_have_a_second_leg_and_error_correction() {
        described(
            "{ rtp = \"0.0.0.0:5004\" }",
            expect!["MPEG-TS by RTP to 0.0.0.0:5004 from anybody, latency 0.2 s"],
        );
        described(
            "{ rtp = \"10.0.0.5:5004\", from = \"10.0.0.9\", second = \"10.1.0.5:5004\", fec = true, latency = 1 }",
            expect![
                "MPEG-TS by RTP to 10.0.0.5:5004 from 10.0.0.9 and 10.1.0.5:5004 from anybody, error correction, latency 1 s"
            ],
        );
        described(
            "{ rtp = \"239.1.1.1:5004\", interface = \"10.0.0.5\", second = { address = \"239.1.1.1:5004\", interface = \"10.1.0.5\" } }",
            expect![
                "MPEG-TS by RTP to 239.1.1.1:5004 on 10.0.0.5 from anybody and 239.1.1.1:5004 on 10.1.0.5 from anybody, latency 0.2 s"
            ],
        );
    }

    #[test]
    fn what_no_socket_could_do_is_refused_at_the_door() {
        for address in ["5000", "camera:5000", "0.0.0.0:0", "udp://0.0.0.0:5000", "0.0.0.0"] {
            let fault = read(&format!("{{ udp = \"{address}\" }}")).expect_err(address);
            assert!(fault.contains("an address of this machine or a multicast group"), "{address}: {fault}");
        }
        refused(
            "{ udp = \"0.0.0.0:5000\", interface = \"10.0.0.5\" }",
            expect![[
                r#"line 3: channel[0].input.interface: an interface is for IPv4 groups; an IPv6 group names it itself, such as "[ff15::1%2]:5000", and otherwise the address is the interface's"#
            ]],
        );
        refused(
            "{ udp = \"239.1.2.3:5000\", interface = \"eth0\" }",
            expect![[
                r#"line 3: channel[0].input.interface: the IPv4 address of one of this machine's interfaces is wanted here, such as "10.0.0.5""#
            ]],
        );
        refused(
            "{ udp = \"0.0.0.0:5000\", from = [\"2001:db8::1\"] }",
            expect![
                "line 3: channel[0].input.from[0]: 2001:db8::1 cannot send to 0.0.0.0: IPv4 and IPv6 do not mix"
            ],
        );
        refused(
            "{ udp = \"0.0.0.0:5000\", from = [] }",
            expect![
                "line 3: channel[0].input.from: 1 to 16 senders can be named; without `from` anybody may send"
            ],
        );
        refused(
            "{ udp = \"0.0.0.0:5000\", fec = true }",
            expect![
                "line 3: channel[0].input.fec: no such field; there are: rtmp, rtmp_call, file, files, srt, srt_call, udp, rtp, hls, hls_push, interface, from, program, video_pid, audio_pid"
            ],
        );
        refused(
            "{ rtp = \"0.0.0.0:65532\", fec = true }",
            expect![
                "line 3: channel[0].input.rtp: error correction comes on the ports two and four above: choose 65531 or less"
            ],
        );
        refused(
            "{ rtp = \"0.0.0.0:5004\", fec = true, second = { address = \"10.0.0.5:5006\" } }",
            expect![
                "line 3: channel[0].input.second: the second leg comes on a port that the first one has, or its error correction"
            ],
        );
        refused(
            "{ rtp = \"0.0.0.0:5004\", video_pid = 8191 }",
            expect!["line 3: channel[0].input.video_pid: 8191 is out of bounds: 16 to 8190 as a PID"],
        );
    }

    #[test]
    fn two_inputs_share_a_group_but_no_port() {
        let two = |first: &str, second: &str| {
            read(&format!("{first}\n[[channel]]\nname = \"b\"\ninput = {second}"))
        };
        assert!(
            two("{ udp = \"239.1.2.3:5000\", program = 1 }", "{ udp = \"239.1.2.3:5000\", program = 2 }")
                .is_ok()
        );
        assert!(two("{ udp = \"10.0.0.5:5000\" }", "{ rtp = \"10.0.0.6:5000\" }").is_ok());
        let fault = two("{ rtp = \"10.0.0.5:5004\", fec = true }", "{ udp = \"0.0.0.0:5008\" }");
        expect!["line 4: channel[1]: another input receives on this address and port; each needs its own, unless it is a multicast group"]
            .assert_eq(&fault.expect_err("refused"));
    }
}
