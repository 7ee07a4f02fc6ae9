//! How much the kernel may hold unsent for a connection.
//!
//! Left alone, Linux queues megabytes for a reader who takes nothing: a socket's send buffer grows with the sender's
//! window, up to `net.ipv4.tcp_wmem` (4 MB), and never shrinks. A fixed send buffer would bound what is on its way, too, and with it
//! every distant viewer's speed. What has not been sent yet is bounded apart (`TCP_NOTSENT_LOWAT`, tcp(7)).

use std::io;
use std::time::{Duration, Instant};

use socket2::SockRef;

/// For a reader who has not shown how fast he takes it, in bytes. Linux goes over it by less than one train of packets
/// (64 KiB at most, a third of that as measured).
const SHALLOW: u32 = 16 * 1024;
/// For a fast reader over TLS, in bytes: what waits was encrypted for him alone.
const DEEP_COPIES: u32 = 256 * 1024;
/// For a fast reader of a file: as much as the kernel likes. It queues the file's own pages, which all readers share.
const DEEP_PAGES: u32 = u32::MAX;
/// Who takes so many bytes in [`EARNING_TIME`] gets a deep queue: it spares the edge a wake-up every few packets.
const EARNED: u64 = 256 * 1024;
/// See [`EARNED`].
const EARNING_TIME: Duration = Duration::from_millis(250);

/// One connection's depth.
///
/// ```text
///  Shallow --took EARNED in EARNING_TIME--> Deep
///     ^------- kept the edge waiting --------'
/// ```
#[derive(Clone, Copy, Debug)]
pub(crate) enum Depth {
    Shallow {
        /// The current earning time began.
        since: Instant,
        /// And what had been taken by then, in bytes.
        taken: u64,
    },
    Deep,
}

/// What waits in a deep queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Queued {
    /// Pages of a file.
    Pages,
    /// Bytes of this connection's own.
    Copies,
}

impl Depth {
    /// That of a new connection, which [`limit`] was called for.
    pub(crate) fn new(now: Instant) -> Depth {
        Depth::Shallow { since: now, taken: 0 }
    }

    /// The reader has `taken` so many bytes by `now`; true where he has earned a deep queue.
    fn earns(&mut self, taken: u64, now: Instant) -> bool {
        let Depth::Shallow { since, taken: before } = self else { return false };
        if now - *since > EARNING_TIME {
            *self = Depth::Shallow { since: now, taken };
            return false;
        }
        taken - *before >= EARNED
    }

    /// The reader has taken `taken` bytes in all; his queue is deepened where he has earned it.
    pub(crate) fn took<'a>(&mut self, socket: impl Into<SockRef<'a>>, taken: u64, queued: Queued) {
        if matches!(self, Depth::Shallow { .. }) && self.earns(taken, Instant::now()) {
            let bound = match queued {
                Queued::Pages => DEEP_PAGES,
                Queued::Copies => DEEP_COPIES,
            };
            if socket.into().set_tcp_notsent_lowat(bound).is_ok() {
                *self = Depth::Deep;
            }
        }
    }

    /// The reader let the edge wait.
    pub(crate) fn waited<'a>(&mut self, socket: impl Into<SockRef<'a>>, taken: u64) {
        if matches!(self, Depth::Deep) && limit(socket).is_ok() {
            *self = Depth::Shallow { since: Instant::now(), taken };
        }
    }
}

/// Bounds what the kernel holds unsent of a new connection.
pub(crate) fn limit<'a>(socket: impl Into<SockRef<'a>>) -> io::Result<()> {
    socket.into().set_tcp_notsent_lowat(SHALLOW)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_speed_earns_a_deep_queue() {
        let start = Instant::now();
        let ms = Duration::from_millis;
        let mut depth = Depth::new(start);
        let mut taken = 0;
        for at in 0..1_000 {
            taken += 50_000;
            assert!(!depth.earns(taken, start + ms(100 * at)), "half a megabyte a second");
        }
        let mut depth = Depth::new(start);
        assert!(!depth.earns(200_000, start + ms(10)));
        assert!(depth.earns(300_000, start + ms(20)));
    }
}
