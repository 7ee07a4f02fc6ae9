//! Where this installation is reached.

use std::net::SocketAddr;

/// Where this installation is reached: what answers name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// The host by which clients reach it, without a port.
    pub host: String,
    /// Where viewers come, by HTTP.
    pub viewers: SocketAddr,
    /// Where RTMP publishers come.
    pub rtmp: SocketAddr,
    /// Where SRT publishers come.
    pub srt: SocketAddr,
    /// Where HLS is pushed, by HTTP.
    pub hls_push: SocketAddr,
    /// Where CMAF publishers come, and the edge fetches.
    pub origin: SocketAddr,
    /// Where API calls come.
    pub control: SocketAddr,
}

impl Site {
    /// `scheme://host:port` of one of the addresses above.
    pub fn url(&self, scheme: &str, address: SocketAddr) -> String {
        format!("{scheme}://{}:{}", self.host, address.port())
    }
}
