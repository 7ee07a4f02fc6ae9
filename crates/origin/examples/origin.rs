//! The origin alone, for trying it out: `origin {data folder} {port} {channel}…`, in `data folder` the log and the
//! metrics socket; port 0 takes a free one. Prints the address it listens on.

use std::path::PathBuf;
use std::time::Duration;

use daemon::Drain;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    daemon::log::start();
    let mut arguments = std::env::args().skip(1);
    let data_dir = PathBuf::from(arguments.next().ok_or("name a data folder")?);
    let port: u16 = arguments.next().ok_or("name a port")?.parse()?;
    let channels = arguments
        .map(|name| {
            Ok(origin::Channel {
                name: name.parse()?,
                grid: media::Grid::new(2_000),
                part: None,
                window: Duration::from_secs(30),
            })
        })
        .collect::<Result<_, media::ChannelNameError>>()?;
    let listener = daemon::listen::bind("origin", ([127, 0, 0, 1], port).into())?;
    println!("{}", listener.local_addr()?);
    std::fs::create_dir_all(&data_dir)?;
    let config = origin::Config {
        listener,
        metrics_socket: data_dir.join("metrics.sock"),
        data_dir,
        channels,
        orders: daemon::Orders::none(),
        endpoints: origin::Endpoints::default(),
    };
    Ok(origin::run(config, Drain::on_signal()).await?)
}
