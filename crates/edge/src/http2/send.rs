//! What was written goes to the socket.

use std::io::{ErrorKind, IoSlice};
use std::task::{Context, Poll};
use std::time::Instant;

use super::Viewer;
use crate::send::Gone;
use crate::transport::Outgoing;

impl Viewer {
    /// Sends what is unsent, then `more`, which is kept where there is no room; true if the kernel has all.
    pub(super) fn send(&mut self, cx: &mut Context<'_>, mut more: &[u8]) -> Result<bool, Gone> {
        loop {
            let outgoing = [IoSlice::new(if self.unsent.is_empty() { more } else { &self.unsent })];
            if outgoing[0].is_empty() && !self.transport.has_rest() {
                return Ok(true);
            }
            let attempt = match outgoing[0].is_empty() {
                true => self.transport.try_send(Outgoing::Rest),
                false => self.transport.try_send(Outgoing::Bytes(&outgoing)),
            };
            match attempt {
                Ok(sent) => self.sent(sent, &mut more),
                Err(fault) if fault.kind() == ErrorKind::Interrupted => {}
                Err(fault) if fault.kind() == ErrorKind::WouldBlock => {
                    match self.transport.poll_writable(cx) {
                        Poll::Ready(Ok(())) => {}
                        Poll::Ready(Err(_)) => return Err(Gone),
                        Poll::Pending => {
                            self.unsent.extend_from_slice(more);
                            return Ok(false);
                        }
                    }
                }
                Err(_) => return Err(Gone),
            }
        }
    }

    fn sent(&mut self, sent: usize, more: &mut &[u8]) {
        self.worker.counters.sent(sent as u64);
        if self.unsent.is_empty() {
            *more = &more[sent..];
        } else {
            self.unsent.drain(..sent);
            if self.unsent.is_empty() {
                self.unsent = Vec::new();
            }
        }
    }

    /// Tries to send, whether the kernel reported room or not: it does so only when a third of its buffer is free, and a
    /// slow reader frees less in a window.
    pub(super) fn insist(&mut self) -> Result<(), Gone> {
        if let Some(pace) = &mut self.pace {
            pace.looked = Instant::now();
        }
        self.transport.waited();
        let attempt = match self.unsent.is_empty() {
            true => self.transport.send_anyway(Outgoing::Rest),
            false => self.transport.send_anyway(Outgoing::Bytes(&[IoSlice::new(&self.unsent)])),
        };
        match attempt {
            Ok(sent) => self.sent(sent, &mut &[][..]),
            Err(fault) if matches!(fault.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(_) => return Err(Gone),
        }
        Ok(())
    }
}
