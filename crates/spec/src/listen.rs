//! Where the roles listen.

use std::net::{Ipv4Addr, SocketAddr};

use crate::fault::Fault;
use crate::fields::Fields;

/// `[listen]`: addresses, each with a default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    /// `viewers`: the edge's HTTP listener, default `0.0.0.0:8080`.
    pub viewers: SocketAddr,
    /// `viewers_tls`: the edge's TLS listener, and HTTP/3 on the UDP port of the same number; default none.
    pub viewers_tls: Option<SocketAddr>,
    /// `origin`: CMAF ingest and origin, default `127.0.0.1:8300`.
    pub origin: SocketAddr,
    /// `rtmp`: RTMP publishing, default `0.0.0.0:1935`.
    pub rtmp: SocketAddr,
    /// `rtmps`: RTMP publishing by TLS, with the certificate of `[edge.tls]`; default none.
    pub rtmps: Option<SocketAddr>,
    /// `srt`: the UDP port where SRT publishers call, default `0.0.0.0:9710`; open where a channel waits for one.
    pub srt: SocketAddr,
    /// `hls_push`: HTTP, where HLS is pushed, default `0.0.0.0:8310`; open where a channel waits for it.
    pub hls_push: SocketAddr,
    /// `metrics`: Prometheus text of every role, default `127.0.0.1:9400`.
    pub metrics: SocketAddr,
    /// `control`: the native and the AWS APIs, default `127.0.0.1:8400`; none where it is `"off"`.
    pub control: Option<SocketAddr>,
}

impl Default for Listen {
    fn default() -> Self {
        let everywhere = |port| SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
        let loopback = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Self {
            viewers: everywhere(8080),
            viewers_tls: None,
            origin: loopback(8300),
            rtmp: everywhere(1935),
            rtmps: None,
            srt: everywhere(9710),
            hls_push: everywhere(8310),
            metrics: loopback(9400),
            control: Some(loopback(8400)),
        }
    }
}

impl Listen {
    pub(crate) fn read(mut fields: Fields<'_>) -> Result<Self, Fault> {
        let mut listen = Self::default();
        let mut taken: Vec<(&str, SocketAddr)> = Vec::new();
        let (mut viewers_tls, mut rtmps) = (None, None);
        for (name, address) in [
            ("viewers", Place::Always(&mut listen.viewers)),
            ("viewers_tls", Place::WhereSet(&mut viewers_tls)),
            ("origin", Place::Always(&mut listen.origin)),
            ("rtmp", Place::Always(&mut listen.rtmp)),
            ("rtmps", Place::WhereSet(&mut rtmps)),
            ("srt", Place::Always(&mut listen.srt)),
            ("hls_push", Place::Always(&mut listen.hls_push)),
            ("metrics", Place::Always(&mut listen.metrics)),
            ("control", Place::UnlessOff(&mut listen.control)),
        ] {
            let set = match fields.take(name) {
                None => None,
                Some(field) if field.as_str() == Some("off") && matches!(address, Place::UnlessOff(_)) => {
                    if let Place::UnlessOff(address) = address {
                        *address = None;
                    }
                    continue;
                }
                Some(field) => {
                    let address = field.string()?.parse().map_err(|_| {
                        field.fault(
                            "an address and port is wanted here, such as \"0.0.0.0:8080\" or \"[::]:8080\"",
                        )
                    })?;
                    let twin = taken.iter().find(|(_, other)| *other == address && address.port() != 0);
                    if let Some((other, _)) = twin {
                        return Err(field.fault(format!("{address} is already the address of `{other}`")));
                    }
                    Some(address)
                }
            };
            let address = match address {
                Place::Always(address) => {
                    *address = set.unwrap_or(*address);
                    Some(*address)
                }
                Place::WhereSet(address) => {
                    *address = set;
                    set
                }
                Place::UnlessOff(address) => {
                    *address = set.or(*address);
                    *address
                }
            };
            taken.extend(address.map(|address| (name, address)));
        }
        (listen.viewers_tls, listen.rtmps) = (viewers_tls, rtmps);
        fields.finish()?;
        Ok(listen)
    }
}

/// A listener that is always there, only where its address is set, or unless it is "off".
enum Place<'a> {
    Always(&'a mut SocketAddr),
    WhereSet(&'a mut Option<SocketAddr>),
    UnlessOff(&'a mut Option<SocketAddr>),
}
