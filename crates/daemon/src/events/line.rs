//! The way to the supervisor: a connection that is written to and never waited for.

use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError};

use super::event::{Event, MAX_LINE_BYTES};

/// This process's.
static LINE: OnceLock<Mutex<Line>> = OnceLock::new();

struct Line {
    stream: UnixStream,
    /// Events the socket had no room for since the last that went.
    lost: u64,
}

/// Sends this process's events to the socket at `path`, from now on. It is connected once, before a process is held in a
/// sandbox; a second call changes nothing.
pub fn connect(path: &Path) -> io::Result<()> {
    let stream = UnixStream::connect(path)?;
    stream.set_nonblocking(true)?;
    let _ = LINE.set(Mutex::new(Line { stream, lost: 0 }));
    Ok(())
}

/// Sends one, if there is somebody to send it to. The kernel holds some hundred for a supervisor that is busy; what has no
/// room is lost, and the next one that has says how many were.
pub(super) fn send(event: Event) {
    if let Some(line) = LINE.get() {
        line.lock().unwrap_or_else(PoisonError::into_inner).send(event);
    }
}

impl Line {
    fn send(&mut self, mut event: Event) {
        if self.lost > 0 {
            event.details.insert("lost_before".to_owned(), self.lost.into());
        }
        let mut line = event.to_json();
        line.push('\n');
        // A line this short is taken whole or not at all (unix(7): a stream's write is not split below half its buffer).
        let sent = line.len() <= MAX_LINE_BYTES && self.stream.write_all(line.as_bytes()).is_ok();
        self.lost = if sent { 0 } else { self.lost + 1 };
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io::{BufRead, BufReader};

    use super::*;
    use crate::events::State;

    fn event(number: u64) -> Event {
        Event {
            time: "2026-11-26T20:22:05.363Z".to_owned(),
            role: "encoder".to_owned(),
            channel: None,
            event: "fill".to_owned(),
            state: State::Raised,
            message: "filling".to_owned(),
            details: BTreeMap::from([("number".to_owned(), number.into())]),
        }
    }

    #[test]
    fn a_supervisor_that_does_not_read_delays_nobody_and_learns_what_it_missed() {
        let (stream, supervisor) = UnixStream::pair().expect("a pair");
        stream.set_nonblocking(true).expect("ours");
        let mut line = Line { stream, lost: 0 };
        let mut sent = 0;
        while line.lost < 100 {
            line.send(event(sent));
            sent += 1;
        }
        let held = sent - 100;
        assert!(held > 100, "{held} were held");
        supervisor.set_read_timeout(Some(std::time::Duration::from_millis(200))).expect("ours");
        let mut read = BufReader::new(supervisor);
        let mut next = || {
            let mut text = String::new();
            read.read_line(&mut text).ok().filter(|bytes| *bytes > 0)?;
            Some(Event::parse(text.trim_end().as_bytes()).expect("whole lines"))
        };
        for number in 0..held {
            assert_eq!(next().expect("it was held").details["number"], number);
        }
        line.send(event(sent));
        let after = next().expect("there is room again");
        assert_eq!(after.details["lost_before"], 100);
        assert_eq!(after.details["number"], sent);
    }
}
