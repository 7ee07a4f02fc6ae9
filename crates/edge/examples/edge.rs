//! Runs the edge role from arguments, for measuring it alone:
//! `edge LISTEN ORIGIN [THREADS [CACHE_MIB]]`, for example `edge 127.0.0.1:20080 http://127.0.0.1:20000 2 1024`.

use std::path::PathBuf;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [listen, origin, rest @ ..] = arguments.as_slice() else {
        return Err("usage: edge LISTEN ORIGIN [THREADS [CACHE_MIB]]".into());
    };
    let number = |at: usize, unsaid: u64| rest.get(at).map_or(Ok(unsaid), |text| text.parse());
    let address: std::net::SocketAddr = listen.parse()?;
    let connections = number(2, 100_000)? as usize;
    let config = edge::Config {
        tls: None,
        listener: daemon::listen::bind("viewers", address)?,
        origin: origin.clone(),
        metrics_socket: PathBuf::from(format!("/tmp/edge-{}.sock", address.port())),
        threads: number(0, 2)? as usize,
        cache_bytes: number(1, 1024)? << 20,
        limits: edge::Limits { connections_per_address: connections, ..edge::Limits::default() },
    };
    edge::run(config, daemon::Drain::on_signal()).await?;
    Ok(())
}
