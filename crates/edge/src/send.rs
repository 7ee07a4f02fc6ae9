//! Bytes to a viewer, at a pace that is watched.

use std::io::{self, IoSlice};
use std::os::fd::OwnedFd;
use std::time::Instant;

use tokio::time::timeout_at;

use crate::body::Piece;
use crate::config::Limits;
use crate::counters::{Closed, Counters};
use crate::http1::Framing;
use crate::transport::{Outgoing, Transport};

/// Most bytes of a file handed to the kernel in one call; other viewers of the thread get a turn in between.
const FILE_TURN: u64 = 1 << 20;
/// Looks at a blocked reader's pace in a window.
pub(crate) const LOOKS: u32 = 5;

/// The viewer is gone, or was sent away; the connection cannot be used further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gone;

/// The sending half of a connection.
#[derive(Debug)]
pub(crate) struct Sender<'a> {
    transport: &'a mut Transport,
    limits: &'a Limits,
    counters: &'a Counters,
    pace: Pace,
}

/// Where the current window began.
#[derive(Clone, Copy, Debug)]
struct Pace {
    since: Instant,
    /// What the reader had taken by then, in bytes.
    taken: u64,
}

impl Pace {
    fn start(transport: &Transport) -> Pace {
        Pace { since: Instant::now(), taken: transport.taken() }
    }
}

impl<'a> Sender<'a> {
    pub(crate) fn new(
        transport: &'a mut Transport,
        limits: &'a Limits,
        counters: &'a Counters,
    ) -> Sender<'a> {
        let pace = Pace::start(transport);
        Sender { transport, limits, counters, pace }
    }

    /// The edge kept the reader waiting, not the other way round: its pace is judged anew.
    pub(crate) fn was_idle(&mut self) {
        self.pace = Pace::start(self.transport);
    }

    /// Sends a head and the first bytes after it, framed.
    pub(crate) async fn head_and_piece(
        &mut self,
        head: &[u8],
        piece: Piece,
        framing: Framing,
    ) -> Result<(), Gone> {
        match framing {
            Framing::Chunked if piece.len() > 0 => {
                let mut start = head.to_vec();
                start.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
                self.around(&start, piece, b"\r\n").await
            }
            _ => self.around(head, piece, b"").await,
        }
    }

    /// Sends the end of a body.
    pub(crate) async fn end(&mut self, framing: Framing) -> Result<(), Gone> {
        match framing {
            Framing::Chunked => self.bytes(&[b"0\r\n\r\n"]).await,
            Framing::Length | Framing::Close => Ok(()),
        }
    }

    /// Sends bytes.
    pub(crate) async fn bytes(&mut self, parts: &[&[u8]]) -> Result<(), Gone> {
        let mut slices = [IoSlice::new(&[]); 3];
        for (slice, part) in slices.iter_mut().zip(parts) {
            *slice = IoSlice::new(part);
        }
        let mut rest = &mut slices[..parts.len()];
        IoSlice::advance_slices(&mut rest, 0);
        while !rest.is_empty() {
            let sent = self.drive(Outgoing::Bytes(rest)).await?;
            IoSlice::advance_slices(&mut rest, sent);
        }
        self.flush().await
    }

    /// Waits until everything given so far is the kernel's.
    pub(crate) async fn flush(&mut self) -> Result<(), Gone> {
        while self.transport.has_rest() {
            self.drive(Outgoing::Rest).await?;
        }
        Ok(())
    }

    async fn around(&mut self, before: &[u8], piece: Piece, after: &[u8]) -> Result<(), Gone> {
        match piece {
            Piece::Bytes(bytes) => self.bytes(&[before, &bytes, after]).await,
            Piece::File { file, offset, len } => {
                let mut rest = before;
                while !rest.is_empty() {
                    let sent = self.drive(Outgoing::Ahead(rest)).await?;
                    rest = &rest[sent..];
                }
                self.file(&file, offset, len).await?;
                self.bytes(&[after]).await
            }
        }
    }

    async fn file(&mut self, file: &OwnedFd, mut offset: u64, mut len: u64) -> Result<(), Gone> {
        let mut turn = FILE_TURN;
        while len > 0 {
            let want = len.min(turn) as usize;
            let sent = self.drive(Outgoing::File { file, offset, len: want }).await? as u64;
            offset += sent;
            len -= sent;
            turn -= sent;
            if turn == 0 && len > 0 {
                turn = FILE_TURN;
                tokio::task::yield_now().await;
            }
        }
        Ok(())
    }

    /// Makes one attempt that moves bytes, waiting until it can.
    async fn drive(&mut self, outgoing: Outgoing<'_>) -> Result<usize, Gone> {
        loop {
            match self.transport.try_send(outgoing) {
                Ok(sent) => {
                    self.transport.took(matches!(outgoing, Outgoing::File { .. }));
                    return self.moved(sent);
                }
                Err(fault) if fault.kind() == io::ErrorKind::WouldBlock => {}
                Err(fault) if fault.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => return Err(Gone),
            }
            let look = Instant::now() + self.limits.pace_window / LOOKS;
            match timeout_at(look.into(), self.transport.writable()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Err(Gone),
                Err(_) => {
                    // The kernel reports room only when a third of its buffer is free. A slow reader frees less in a
                    // window, so its pace is told by trying.
                    let sent = match self.transport.send_anyway(outgoing) {
                        Ok(sent) => sent,
                        Err(fault) if fault.kind() == io::ErrorKind::WouldBlock => 0,
                        Err(_) => return Err(Gone),
                    };
                    self.judge_pace()?;
                    self.transport.waited();
                    if sent > 0 {
                        return self.moved(sent);
                    }
                }
            }
        }
    }

    fn moved(&mut self, sent: usize) -> Result<usize, Gone> {
        self.counters.sent(sent as u64);
        Ok(sent)
    }

    fn judge_pace(&mut self) -> Result<(), Gone> {
        let elapsed = self.pace.since.elapsed();
        if elapsed < self.limits.pace_window {
            return Ok(());
        }
        let wanted = elapsed.as_millis() * u128::from(self.limits.pace_bytes_per_s) / 1_000;
        if u128::from(self.transport.taken() - self.pace.taken) < wanted {
            self.counters.closed(Closed::SlowReader);
            // What it did not take would stay in the kernel until it does.
            self.transport.abort();
            return Err(Gone);
        }
        self.pace = Pace::start(self.transport);
        Ok(())
    }
}
