//! The control role by itself, with nothing to run: `cargo run -p control --example control -- FOLDER [ADDRESS]`.
//!
//! For trying clients: STS and the native API answer; of AWS's other services every operation is not implemented.

use std::path::PathBuf;

use control::{Config, DEFAULT_ADDRESS, Limits, given_by_environment, prepare};
use daemon::Drain;
use door::Site;
use store::{Place, Store};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let data_dir = PathBuf::from(arguments.next().ok_or("which folder?")?);
    let address = arguments.next().map_or(Ok(DEFAULT_ADDRESS), |text| text.parse())?;
    let store = Store::open(&Place::Sqlite(data_dir.join("headwater.db"))).await?;
    let site = Site {
        host: "localhost".to_owned(),
        viewers: "127.0.0.1:8080".parse()?,
        rtmp: "127.0.0.1:1935".parse()?,
        srt: "127.0.0.1:9710".parse()?,
        hls_push: "127.0.0.1:8310".parse()?,
        origin: "127.0.0.1:8300".parse()?,
        control: address,
    };
    let config = Config {
        listener: daemon::listen::bind("control", address)?,
        store: store.clone(),
        doors: Vec::new(),
        site,
        identity: prepare(&store, &data_dir, &given_by_environment()).await?,
        workflow: String::new(),
        runner: None,
        metrics_socket: Some(data_dir.join("control.metrics.sock")),
        limits: Limits::default(),
    };
    control::run(config, Drain::on_signal()).await?;
    store.close().await;
    Ok(())
}
