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
    /// `srt`: the UDP port where SRT publishers call, default `0.0.0.0:9710`; open where a channel waits for one.
    pub srt: SocketAddr,
    /// `metrics`: Prometheus text of every role, default `127.0.0.1:9400`.
    pub metrics: SocketAddr,
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
            srt: everywhere(9710),
            metrics: loopback(9400),
        }
    }
}

impl Listen {
    pub(crate) fn read(mut fields: Fields<'_>) -> Result<Self, Fault> {
        let mut listen = Self::default();
        let mut taken: Vec<(&str, SocketAddr)> = Vec::new();
        let mut has_tls = false;
        let mut viewers_tls = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
        for (name, address) in [
            ("viewers", &mut listen.viewers),
            ("viewers_tls", &mut viewers_tls),
            ("origin", &mut listen.origin),
            ("rtmp", &mut listen.rtmp),
            ("srt", &mut listen.srt),
            ("metrics", &mut listen.metrics),
        ] {
            if let Some(field) = fields.take(name) {
                *address = field.string()?.parse().map_err(|_| {
                    field.fault(
                        "an address and port is wanted here, such as \"0.0.0.0:8080\" or \"[::]:8080\"",
                    )
                })?;
                if let Some((other, _)) =
                    taken.iter().find(|(_, other)| other == address && address.port() != 0)
                {
                    return Err(field.fault(format!("{address} is already the address of `{other}`")));
                }
                has_tls |= name == "viewers_tls";
            }
            taken.push((name, *address));
        }
        listen.viewers_tls = has_tls.then_some(viewers_tls);
        fields.refuse_unimplemented(&["control"])?;
        fields.finish()?;
        Ok(listen)
    }
}
