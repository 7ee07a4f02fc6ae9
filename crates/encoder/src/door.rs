//! How a process comes by what lies outside: connections to origin and ingest, and files.
//!
//! In the sandbox it opens nothing itself: [`Door::Broker`] asks the supervisor. A process that was started by hand, and
//! tests, have [`Door::Itself`].

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use broker::Client;
use tokio::net::{TcpStream, UnixStream};
use wire::ChannelJob;
use wire::broker::Request;

/// One channel's way outside.
#[derive(Clone, Debug)]
pub enum Door {
    /// It connects and opens by itself.
    Itself,
    /// The supervisor does, and hands over what came of it.
    Broker {
        /// Asks it.
        client: Client,
        /// The channel's place in the job.
        channel: u16,
        /// The files it names ([`ChannelJob::files`]).
        files: Arc<[PathBuf]>,
    },
}

impl Door {
    /// The way of the channel that is at `place` in the job.
    pub fn brokered(client: Client, place: u16, channel: &ChannelJob) -> Self {
        let files = channel.files().into_iter().map(Path::to_owned).collect();
        Self::Broker { client, channel: place, files }
    }

    /// A connection to the origin; `address` is `host:port`.
    pub async fn origin(&self, address: &str) -> io::Result<TcpStream> {
        match self {
            Self::Itself => {
                let stream = TcpStream::connect(address).await?;
                stream.set_nodelay(true)?;
                Ok(stream)
            }
            Self::Broker { client, channel, .. } => {
                let descriptor = client.ask(Request::Origin { channel: *channel }).await?;
                TcpStream::from_std(descriptor.into())
            }
        }
    }

    /// A connection to ingest at `socket`.
    pub async fn samples(&self, socket: &Path) -> io::Result<UnixStream> {
        match self {
            Self::Itself => UnixStream::connect(socket).await,
            Self::Broker { client, channel, .. } => {
                let descriptor = client.ask(Request::Samples { channel: *channel }).await?;
                UnixStream::from_std(descriptor.into())
            }
        }
    }

    /// The file at `path`, one of those the channel names. Blocks: call it from a thread outside the runtime.
    pub fn file(&self, path: &Path) -> io::Result<File> {
        match self {
            Self::Itself => File::open(path),
            Self::Broker { client, channel, files } => {
                let place = files.iter().position(|file| file == path);
                let place =
                    place.and_then(|place| u8::try_from(place).ok()).ok_or(io::ErrorKind::NotFound)?;
                client.ask_blocking(Request::File { channel: *channel, place }).map(File::from)
            }
        }
    }
}
