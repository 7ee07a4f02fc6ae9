//! How long a viewer may keep the edge waiting.

use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use http2::{Attack, frame::ErrorCode};

use super::Viewer;
use crate::counters::Closed;
use crate::send::{Gone, LOOKS};

/// What a viewer took since he began to keep the edge waiting, or since he was looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    since: Instant,
    pub(super) looked: Instant,
    taken: u64,
}

/// What has lasted too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Overdue {
    /// The viewer takes nothing from the socket.
    Reader,
    /// He takes everything, and keeps his windows shut.
    Windows,
    /// The rest of a frame or a header block.
    Head,
    /// The next request.
    Idle,
}

impl Viewer {
    /// Waits for what can happen, but for nothing longer than its bound.
    pub(super) fn wait(&mut self, cx: &mut Context<'_>, is_blocked: bool) -> Poll<Result<(), Gone>> {
        if self.drain.begins(cx) {
            cx.waker().wake_by_ref();
        }
        let now = Instant::now();
        let due = match self.due(now, is_blocked) {
            Ok(due) => due,
            Err(overdue) => {
                self.close(overdue)?;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
        };
        loop {
            if self.timer.deadline().into_std() > due {
                self.timer.as_mut().reset(due.into());
            }
            ready!(self.timer.as_mut().poll(cx));
            if Instant::now() >= due {
                break;
            }
            self.timer.as_mut().reset(due.into());
        }
        if is_blocked {
            self.insist()?;
        }
        // Something is due: the next poll sees to it.
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// When to look again at the latest, or what has lasted too long.
    fn due(&mut self, now: Instant, is_blocked: bool) -> Result<Instant, Overdue> {
        let limits = &self.worker.shared.limits;
        let mut due = now + limits.idle_time;
        if is_blocked || self.is_starved {
            let start = Pace { since: now, looked: now, taken: self.transport.taken() };
            let pace = self.pace.get_or_insert(start);
            let elapsed = now - pace.since;
            if elapsed >= limits.pace_window {
                let wanted = elapsed.as_millis() * u128::from(limits.pace_bytes_per_s) / 1_000;
                if u128::from(self.transport.taken() - pace.taken) < wanted {
                    return Err(if is_blocked { Overdue::Reader } else { Overdue::Windows });
                }
                *pace = start;
            }
            due = due.min(pace.since + limits.pace_window);
            if is_blocked {
                due = due.min(pace.looked + limits.pace_window / LOOKS);
            }
        } else {
            self.pace = None;
        }
        if is_blocked {
            return Ok(due);
        }
        for since in self.replies.iter().filter_map(|reply| reply.shut_since) {
            due = due.min(since + self.shut_time());
        }
        let (end, overdue) = match self.owed_since {
            Some(since) => (since + limits.head_time, Overdue::Head),
            None if self.replies.is_empty() => (self.idle_since + limits.idle_time, Overdue::Idle),
            None => return Ok(due),
        };
        if now >= end { Err(overdue) } else { Ok(due.min(end)) }
    }

    /// Ends what has lasted too long: at once, or with a word that the next poll sends.
    fn close(&mut self, overdue: Overdue) -> Result<(), Gone> {
        let counters = &self.worker.counters;
        match overdue {
            Overdue::Reader => {
                counters.closed(Closed::SlowReader);
                // What he did not take would stay in the kernel until he does.
                self.transport.abort();
                return Err(Gone);
            }
            Overdue::Windows => {
                let fault = self.connection.accuse(Attack::BrokeWindow, &mut self.unsent);
                self.fault(fault);
            }
            Overdue::Head => counters.closed(Closed::HeadTime),
            Overdue::Idle => counters.closed(Closed::IdleTime),
        }
        self.connection.end(ErrorCode::NoError, &mut self.unsent);
        self.ended = true;
        self.is_starved = false;
        Ok(())
    }

    /// How long one stream's window may stay shut: longer than all of them, for which the connection is judged first.
    fn shut_time(&self) -> Duration {
        2 * self.worker.shared.limits.pace_window
    }

    /// Gives up answers whose own window is shut though the connection goes on: they would hold old objects for ever.
    pub(super) fn give_up_shut(&mut self, now: Instant, output: &mut Vec<u8>) {
        let window = self.shut_time();
        let connection = &mut self.connection;
        self.replies.retain(|reply| {
            let is_over = reply.shut_since.is_some_and(|since| now >= since + window);
            if is_over {
                connection.reset(reply.stream, ErrorCode::Cancel, output);
            }
            !is_over
        });
    }
}
