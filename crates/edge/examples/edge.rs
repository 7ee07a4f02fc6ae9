//! Runs the edge role from arguments, for measuring it alone:
//! `edge LISTEN ORIGIN [THREADS [CACHE_MIB [TLS_LISTEN CERTIFICATE KEY]]]`, for example
//! `edge 127.0.0.1:20080 http://127.0.0.1:20000 2 1024 127.0.0.1:20443 cert.pem key.pem`.

use std::net::SocketAddr;

use daemon::metrics::Endpoint;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [listen, origin, rest @ ..] = arguments.as_slice() else {
        return Err("usage: edge LISTEN ORIGIN [THREADS [CACHE_MIB [TLS_LISTEN CERTIFICATE KEY]]]".into());
    };
    let number = |at: usize, unsaid: u64| rest.get(at).map_or(Ok(unsaid), |text| text.parse());
    let address: SocketAddr = listen.parse()?;
    let folder = std::env::temp_dir().join(format!("edge-{}", address.port()));
    std::fs::create_dir_all(&folder)?;
    let tls = match rest.get(2..) {
        Some([listen, certificate, key]) => Some(edge::Tls {
            listener: daemon::listen::bind("TLS", listen.parse()?)?,
            quic: Some(edge::Quic {
                socket: daemon::listen::bind_udp("TLS", listen.parse()?)?,
                handover: folder.clone(),
            }),
            certificate: edge::Certificate::Files { certificate: certificate.into(), key: key.into() },
            folder: folder.clone(),
        }),
        _ => None,
    };
    // All of a bench's viewers come from one address.
    let limits = edge::Limits { connections_per_address: 100_000, ..edge::Limits::default() };
    let upstream = edge::Upstream::of(vec![origin.parse()?]);
    let config = edge::Config {
        tls,
        distributions: edge::Distributions::new(&upstream),
        fences: edge::Fences::default(),
        listener: daemon::listen::bind("viewers", address)?,
        upstream,
        control: None,
        disk: None,
        metrics: Endpoint::Socket(folder.join("metrics")),
        threads: number(0, 2)? as usize,
        key_query: Vec::new(),
        access: Vec::new(),
        cache_bytes: number(1, 1024)? << 20,
        limits,
    };
    edge::run(config, daemon::Drain::on_signal()).await?;
    Ok(())
}
