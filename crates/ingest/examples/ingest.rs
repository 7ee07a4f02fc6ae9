//! The ingest role alone, for measuring it: `ingest ADDRESS FOLDER BATCH_MS CHANNEL…` takes `rtmp://ADDRESS/live/CHANNEL`
//! and makes its sockets in FOLDER.

use std::time::Duration;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    daemon::log::start();
    let mut arguments = std::env::args().skip(1);
    let mut next = |what: &'static str| arguments.next().ok_or(what);
    let rtmp = std::net::TcpListener::bind(next("an address")?)?;
    let folder = std::path::PathBuf::from(next("a folder")?);
    let batch = Duration::from_millis(next("a batch in ms")?.parse()?);
    let publishers = arguments
        .map(|name| {
            Ok(ingest::Publisher {
                feed: name.parse::<media::ChannelName>()?.into(),
                door: ingest::Door::Rtmp { app: "live".into(), key: name },
                batch,
                admission: ingest::Admission::default(),
                keep: Duration::from_secs(3),
            })
        })
        .collect::<Result<_, media::ChannelNameError>>()?;
    let config = ingest::Config {
        rtmp,
        rtmps: None,
        srt: None,
        hls_push: None,
        socket: folder.join("samples.sock"),
        metrics_socket: folder.join("metrics.sock"),
        sources: ingest::Sources { publishers, downloads: Vec::new() },
        orders: daemon::Orders::none(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async { Ok(ingest::run(config, daemon::Drain::on_signal()).await?) })
}
