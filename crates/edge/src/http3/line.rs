//! A line between two processes: a unix socket that keeps what is sent apart, and tells each end when the other has gone.

use std::fs::{self, Permissions};
use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustix::io::{Errno, ioctl_fionbio};
use rustix::net::sockopt::{Timeout, set_socket_send_buffer_size, set_socket_timeout};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvFlags, ReturnFlags, SendAncillaryBuffer, SendFlags,
    SocketAddrUnix, SocketFlags, SocketType, bind, connect, listen, recv, recvmsg, send, sendmsg,
    socket_with,
};
use tokio::io::Interest;
use tokio::net::{UnixListener, UnixStream};

/// Callers that may wait to be let in; more are told that nobody answers.
const WAITING: i32 = 8;
/// How long the other end may take to answer a call. It is a process that serves, or one that hangs.
const ANSWER_TIME: Duration = Duration::from_secs(1);
/// Bytes that wait for the other end to take them, if the system allows as many; what comes on top is lost.
const ROOM: usize = 1 << 20;

/// One end. What is sent and received goes past `UnixStream`, which would take it for one stream.
#[derive(Debug)]
pub(crate) struct Line(UnixStream);

/// Where calls come in: a socket file of its owner's alone, which goes with it.
#[derive(Debug)]
pub(crate) struct Door {
    listener: UnixListener,
    path: PathBuf,
}

/// What became of something sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// The other end will get it.
    Whole,
    /// There was no room for it.
    Lost,
    /// The other end has gone.
    Gone,
}

impl Door {
    /// Opens one at `path`; none where a file is already. Call in the runtime that will serve it.
    pub(crate) fn open(path: PathBuf) -> io::Result<Option<Door>> {
        let socket = seqpacket(SocketFlags::NONBLOCK)?;
        match bind(&socket, &SocketAddrUnix::new(&path)?) {
            Err(Errno::ADDRINUSE) => return Ok(None),
            bound => bound?,
        }
        fs::set_permissions(&path, Permissions::from_mode(0o600))?;
        listen(&socket, WAITING)?;
        Ok(Some(Door { listener: UnixListener::from_std(socket.into())?, path }))
    }

    /// The next caller.
    pub(crate) fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<Line>> {
        let (stream, _nobody) = ready!(self.listener.poll_accept(cx))?;
        Poll::Ready(Ok(Line::over(stream)))
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        // Before nobody answers here: who finds the file without an answer removes it as a dead one's.
        let _ = fs::remove_file(&self.path);
    }
}

impl Line {
    fn over(stream: UnixStream) -> Line {
        // The system's bound stands where it is lower.
        let _ = set_socket_send_buffer_size(&stream, ROOM);
        Line(stream)
    }

    /// Calls whoever answers at `path`, and waits a moment for the answer to `hello`. None: nobody is there, or he hung up. Call
    /// in the runtime that will use it.
    pub(crate) fn call(path: &Path, hello: &[u8]) -> io::Result<Option<Line>> {
        let socket = seqpacket(SocketFlags::empty())?;
        for wait in [Timeout::Send, Timeout::Recv] {
            set_socket_timeout(&socket, wait, Some(ANSWER_TIME))?;
        }
        match connect(&socket, &SocketAddrUnix::new(path)?) {
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::CONNREFUSED) => {
                // The process that made it went without a word.
                let _ = fs::remove_file(path);
                return Ok(None);
            }
            connected => connected?,
        }
        let asked = send(&socket, hello, SendFlags::NOSIGNAL)
            .and_then(|_| recv(&socket, &mut [0; 1][..], RecvFlags::empty()));
        match asked {
            Ok((_, 0)) | Err(Errno::PIPE | Errno::CONNRESET) => return Ok(None),
            Ok(_) => {}
            Err(fault) => {
                tracing::warn!(at = %path.display(), %fault, "no answer from the edge before this one")
            }
        }
        ioctl_fionbio(&socket, true)?;
        Ok(Some(Line::over(UnixStream::from_std(socket.into())?)))
    }

    /// Sends `parts` as one, or not at all.
    pub(crate) fn send(&self, parts: &[IoSlice<'_>]) -> Sent {
        let mut nothing_else = SendAncillaryBuffer::default();
        match sendmsg(&self.0, parts, &mut nothing_else, SendFlags::NOSIGNAL | SendFlags::DONTWAIT) {
            Ok(_) => Sent::Whole,
            Err(Errno::PIPE | Errno::CONNRESET | Errno::NOTCONN) => Sent::Gone,
            Err(_) => Sent::Lost,
        }
    }

    /// The next that was sent, over `parts`: how many bytes; none once the other end has gone. What is too large for them is
    /// passed over.
    pub(crate) fn poll_receive(
        &self,
        cx: &mut Context<'_>,
        parts: &mut [IoSliceMut<'_>],
    ) -> Poll<Option<usize>> {
        loop {
            if ready!(self.0.poll_read_ready(cx)).is_err() {
                return Poll::Ready(None);
            }
            let received = self.0.try_io(Interest::READABLE, || {
                let mut nothing_else = RecvAncillaryBuffer::default();
                Ok(recvmsg(&self.0, parts, &mut nothing_else, RecvFlags::empty())?)
            });
            match received {
                Ok(received) if received.bytes == 0 => return Poll::Ready(None),
                Ok(received) if received.flags.contains(ReturnFlags::TRUNC) => {}
                Ok(received) => return Poll::Ready(Some(received.bytes)),
                Err(fault) if fault.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return Poll::Ready(None),
            }
        }
    }
}

fn seqpacket(flags: SocketFlags) -> io::Result<OwnedFd> {
    Ok(socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC | flags, None)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;

    async fn receive(line: &Line, room: usize) -> Option<Vec<u8>> {
        let (mut first, mut rest) = (vec![0; 2], vec![0; room]);
        let len = poll_fn(|cx| {
            line.poll_receive(cx, &mut [IoSliceMut::new(&mut first), IoSliceMut::new(&mut rest)])
        })
        .await?;
        first.extend(rest);
        first.truncate(len);
        Some(first)
    }

    /// Both ends of a line at `path`; the other end answers the call.
    async fn lines(path: PathBuf) -> (Line, Line, Door) {
        let door = Door::open(path.clone()).expect("opened").expect("nobody else's");
        let runtime = tokio::runtime::Handle::current();
        let calling = std::thread::spawn(move || {
            let _in_it = runtime.enter();
            Line::call(&path, b"hello").expect("called").expect("answered")
        });
        let answering = poll_fn(|cx| door.poll_accept(cx)).await.expect("accepted");
        assert_eq!(receive(&answering, 9).await.as_deref(), Some(&b"hello"[..]));
        assert_eq!(answering.send(&[IoSlice::new(b"!")]), Sent::Whole);
        (calling.join().expect("it calls"), answering, door)
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn what_is_sent_stays_apart_and_too_much_is_passed_over() {
        let folder = tempfile::tempdir().expect("a folder");
        let (calling, answering, _door) = lines(folder.path().join("line")).await;
        for (head, body) in [("ab", "cd"), ("ab", "cdefghi"), ("xy", "")] {
            assert_eq!(
                calling.send(&[IoSlice::new(head.as_bytes()), IoSlice::new(body.as_bytes())]),
                Sent::Whole
            );
        }
        assert_eq!(receive(&answering, 4).await.as_deref(), Some(&b"abcd"[..]));
        assert_eq!(receive(&answering, 4).await.as_deref(), Some(&b"xy"[..]));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn each_end_learns_that_the_other_has_gone() {
        let folder = tempfile::tempdir().expect("a folder");
        let (calling, answering, door) = lines(folder.path().join("line")).await;
        drop(calling);
        assert_eq!(receive(&answering, 4).await, None);
        assert_eq!(answering.send(&[IoSlice::new(b"x")]), Sent::Gone);
        drop(door);
        assert!(!folder.path().join("line").exists());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn what_nobody_takes_is_bounded() {
        let folder = tempfile::tempdir().expect("a folder");
        let (calling, _answering, _door) = lines(folder.path().join("line")).await;
        let piece = [0; 1_200];
        let sent = (0..10_000).take_while(|_| calling.send(&[IoSlice::new(&piece)]) == Sent::Whole).count();
        assert!((1..10_000).contains(&sent), "{sent}");
    }

    #[tokio::test]
    async fn a_file_that_nobody_answers_at_is_removed_and_an_owners_is_his_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("line");
        assert!(Line::call(&path, b"hello").expect("nobody").is_none());
        let door = Door::open(path.clone()).expect("opened").expect("nobody else's");
        assert_eq!(fs::metadata(&path).expect("it is there").permissions().mode() & 0o777, 0o600);
        assert!(Door::open(path.clone()).expect("looked").is_none());
        // As a crash leaves it.
        fs::rename(&path, folder.path().join("kept")).expect("moved");
        drop(door);
        fs::rename(folder.path().join("kept"), &path).expect("moved");
        assert!(Line::call(&path, b"hello").expect("nobody").is_none());
        assert!(!path.exists());
    }
}
