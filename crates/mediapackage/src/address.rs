//! The URLs that answers name.

use std::net::{IpAddr, SocketAddr};

use door::Site;

/// Where viewers find what lies under a label: `http://LABEL.localhost:8080` on this machine, where every name under `localhost`
/// leads; elsewhere the installation's own address, as only its operator could make names under that. The path is the same
/// on both.
pub(crate) fn viewers(site: &Site, label: &str) -> String {
    format!("http://{}{}", domain(site, label), port(site.viewers))
}

/// The name of that host, without a port.
pub(crate) fn domain(site: &Site, label: &str) -> String {
    let host = &site.host;
    let is_loopback =
        host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    let is_local = is_loopback || host == "localhost" || host.ends_with(".localhost");
    if is_local { format!("{label}.localhost") } else { host.clone() }
}

/// Where HLS is pushed.
pub(crate) fn hls_push(site: &Site) -> String {
    site.url("http", site.hls_push)
}

/// Where CMAF is pushed.
pub(crate) fn ingest(site: &Site) -> String {
    site.url("http", site.origin)
}

/// `mediapackage.REGION`, made of what a host's name takes.
pub(crate) fn service_label(service: &str, region: &str) -> String {
    let region: String = region
        .to_ascii_lowercase()
        .chars()
        .map(|sign| if sign.is_ascii_alphanumeric() { sign } else { '-' })
        .collect();
    format!("{service}.{region}")
}

fn port(address: SocketAddr) -> String {
    match address.port() {
        80 => String::new(),
        port => format!(":{port}"),
    }
}
