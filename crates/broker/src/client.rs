//! The process's end.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::net::SocketType;
use rustix::net::sockopt::socket_type;
use tokio::net::UnixListener;
use tokio::sync::{mpsc, oneshot};
use wire::broker::{ANSWER_BYTES, Request};

use crate::line::Line;

/// Requests that may wait for the one under way.
const WAITING: usize = 64;

type Asked = (Request, oneshot::Sender<io::Result<OwnedFd>>);

/// Asks for what the job names. Clones share the line; one request is under way at a time.
#[derive(Clone, Debug)]
pub struct Client(mpsc::Sender<Asked>);

impl Client {
    /// The line on standard output, where a supervisor has put one. Call inside a tokio runtime.
    pub fn on_standard_output() -> io::Result<Option<Self>> {
        let output = io::stdout();
        match socket_type(output.as_fd()) {
            Ok(SocketType::SEQPACKET) => Self::new(output.as_fd().try_clone_to_owned()?).map(Some),
            _ => Ok(None),
        }
    }

    /// Asks on `end`. Call inside a tokio runtime.
    pub fn new(end: OwnedFd) -> io::Result<Self> {
        let line = Line::new(end)?;
        let (sender, mut asked) = mpsc::channel::<Asked>(WAITING);
        // A task of its own: an answer whose asker has gone must not be taken for the next one's.
        tokio::spawn(async move {
            while let Some((request, reply)) = asked.recv().await {
                // Whoever asked may have left; then what came is closed.
                let _ = reply.send(exchange(&line, request).await);
            }
        });
        Ok(Self(sender))
    }

    /// Asks for one thing, and waits.
    pub async fn ask(&self, request: Request) -> io::Result<OwnedFd> {
        let (reply, answer) = oneshot::channel();
        self.0.send((request, reply)).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    /// As [`Self::ask`], for what is a listener on a unix socket.
    pub async fn ask_listener(&self, request: Request) -> io::Result<UnixListener> {
        UnixListener::from_std(self.ask(request).await?.into())
    }

    /// As [`Self::ask`], from a thread outside the runtime.
    pub fn ask_blocking(&self, request: Request) -> io::Result<OwnedFd> {
        let (reply, answer) = oneshot::channel();
        self.0.blocking_send((request, reply)).map_err(|_| gone())?;
        answer.blocking_recv().map_err(|_| gone())?
    }
}

async fn exchange(line: &Line, request: Request) -> io::Result<OwnedFd> {
    line.send(&request.encode(), None).await?;
    let (answer, beside) = line.receive().await?.ok_or_else(gone)?;
    let answer = <[u8; ANSWER_BYTES]>::try_from(answer.as_slice());
    match (answer.map(i32::from_be_bytes), beside) {
        (Ok(0), Some(descriptor)) => Ok(descriptor),
        (Ok(errno), None) if errno > 0 => Err(io::Error::from_raw_os_error(errno)),
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "the supervisor's answer makes no sense")),
    }
}

fn gone() -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, "the supervisor has gone")
}
