//! The line between the two: whole messages, with a descriptor beside some.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};
use tokio::io::Interest;
use tokio::net::UnixDatagram;

/// Longest message taken: more than any there is, so that a longer one is not taken for one.
const MESSAGE_BYTES: usize = 16;

/// The supervisor's end and the process's end of a new line.
pub fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?)
}

/// One end, within a runtime. The type is tokio's for sockets of whole messages; only its readiness is used.
#[derive(Debug)]
pub(crate) struct Line(UnixDatagram);

impl Line {
    pub(crate) fn new(end: OwnedFd) -> io::Result<Self> {
        rustix::io::ioctl_fionbio(&end, true)?;
        UnixDatagram::from_std(end.into()).map(Self)
    }

    pub(crate) async fn send(&self, message: &[u8], beside: Option<BorrowedFd<'_>>) -> io::Result<()> {
        self.0.async_io(Interest::WRITABLE, || send_now(self.0.as_fd(), message, beside)).await
    }

    /// The next message and what came beside it; `None` once the other end has gone.
    pub(crate) async fn receive(&self) -> io::Result<Option<(Vec<u8>, Option<OwnedFd>)>> {
        self.0.async_io(Interest::READABLE, || receive_now(self.0.as_fd())).await
    }
}

fn send_now(line: BorrowedFd<'_>, message: &[u8], beside: Option<BorrowedFd<'_>>) -> io::Result<()> {
    let mut room = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut room);
    let beside = beside.as_slice();
    if !beside.is_empty() {
        control.push(SendAncillaryMessage::ScmRights(beside));
    }
    sendmsg(line, &[IoSlice::new(message)], &mut control, SendFlags::NOSIGNAL)?;
    Ok(())
}

fn receive_now(line: BorrowedFd<'_>) -> io::Result<Option<(Vec<u8>, Option<OwnedFd>)>> {
    let mut message = [0; MESSAGE_BYTES];
    // Descriptors there is no room for are closed by the kernel.
    let mut room = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut room);
    let received =
        recvmsg(line, &mut [IoSliceMut::new(&mut message)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
    let mut beside = None;
    for part in control.drain() {
        if let RecvAncillaryMessage::ScmRights(mut descriptors) = part {
            beside = descriptors.next();
        }
    }
    match received.bytes {
        0 => Ok(None),
        bytes => Ok(Some((message[..bytes.min(MESSAGE_BYTES)].to_vec(), beside))),
    }
}
