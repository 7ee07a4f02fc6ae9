//! The supervisor's end.

use std::fs::OpenOptions;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use daemon::listen;
use http::Uri;
use rustix::io::Errno;
use tokio::net::{TcpStream, UnixListener, UnixStream};
use tokio::time::timeout;
use wire::broker::Request;
use wire::{ChannelJob, Job, Source};

use crate::line::Line;

/// Longest a request may take.
const LIMIT: Duration = Duration::from_secs(3);

/// Answers one process until it has gone or says what is no request. Call inside a tokio runtime.
pub async fn serve(end: OwnedFd, job: Arc<Job>) {
    let served = async {
        let line = Line::new(end)?;
        while let Some((message, _)) = line.receive().await? {
            let request = Request::decode(&message).map_err(io::Error::other)?;
            let found = timeout(LIMIT, fetch(request, &job)).await;
            match found.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
                Ok(descriptor) => line.send(&0_i32.to_be_bytes(), Some(descriptor.as_fd())).await?,
                Err(fault) => {
                    let errno = fault.raw_os_error().unwrap_or(match fault.kind() {
                        io::ErrorKind::TimedOut => Errno::TIMEDOUT.raw_os_error(),
                        io::ErrorKind::NotFound => Errno::NOENT.raw_os_error(),
                        _ => Errno::INVAL.raw_os_error(),
                    });
                    line.send(&errno.to_be_bytes(), None).await?;
                }
            }
        }
        Ok::<_, io::Error>(())
    };
    if let Err(fault) = served.await {
        let metrics = job.metrics_socket.display();
        tracing::error!("the encoder whose metrics are at `{metrics}` is given nothing any more: {fault}");
    }
}

async fn fetch(request: Request, job: &Job) -> io::Result<OwnedFd> {
    match request {
        Request::Metrics => listener(listen::unix(&job.metrics_socket)),
        Request::Control => listener(listen::unix_for_owner(&job.control_socket)),
        Request::Origin { channel } => {
            let stream = TcpStream::connect(publishing_point(named(job, channel)?)?).await?;
            stream.set_nodelay(true)?;
            stream.into_std().map(OwnedFd::from)
        }
        Request::Samples { channel } => {
            let socket = named(job, channel)?.sources().find_map(|source| match source {
                Source::Ingest { socket } => Some(socket),
                Source::Pattern | Source::Files { .. } => None,
            });
            let stream = UnixStream::connect(socket.ok_or_else(not_named)?).await?;
            stream.into_std().map(OwnedFd::from)
        }
        Request::File { channel, place } => {
            let path = named(job, channel)?.files().get(usize::from(place)).map(|path| path.to_path_buf());
            open(path.ok_or_else(not_named)?).await
        }
    }
}

fn listener(bound: io::Result<UnixListener>) -> io::Result<OwnedFd> {
    bound?.into_std().map(OwnedFd::from)
}

fn named(job: &Job, channel: u16) -> io::Result<&ChannelJob> {
    job.channels.get(usize::from(channel)).ok_or_else(not_named)
}

fn not_named() -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, "the job names no such thing")
}

/// `host:port` of a channel's push URL.
fn publishing_point(channel: &ChannelJob) -> io::Result<String> {
    let wrong = || io::Error::from(io::ErrorKind::InvalidInput);
    let url: Uri = channel.push_url.parse().map_err(|_| wrong())?;
    let authority = url.authority().ok_or_else(wrong)?;
    Ok(format!("{}:{}", authority.host(), authority.port_u16().unwrap_or(80)))
}

async fn open(path: PathBuf) -> io::Result<OwnedFd> {
    let opened = tokio::task::spawn_blocking(move || open_now(&path)).await;
    opened.map_err(io::Error::other)?
}

fn open_now(path: &Path) -> io::Result<OwnedFd> {
    // A pipe would wait for its writer.
    let nonblock = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(nonblock).open(path)?;
    Ok(file.into())
}
