//! Every role's events as one stream.
//!
//! - [`kept`]: the latest of them, and how many there were.
//! - [`follow`]: for `headwater events`, by a unix socket, and for `GET /events`.
//!
//! Roles connect to a socket and write a line of JSON an event ([`daemon::events`]). When one has gone, what it had raised is
//! cleared in its place: it cannot do so itself.

pub(crate) mod follow;
mod kept;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use daemon::events::{Event, MAX_LINE_BYTES, State};
use daemon::{Drain, listen};
use media::Utc;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::UnixStream;
use tokio::sync::broadcast;

use kept::{Kept, Numbered};

/// Roles connected at once; further ones wait. More than any machine runs.
const MAX_ROLES: usize = 512;
/// Conditions a role may have raised at once; it is let go beyond.
const MAX_RAISED: usize = 1_024;
/// Lines of one role a second, as an average over ten: beyond, it waits. Nothing that is well comes near it.
const MAX_LINES_A_SECOND: u32 = 100;
/// Events a follower may be behind. It is told how many it missed.
const BEHIND: usize = 1_024;

/// All events.
#[derive(Clone, Debug)]
pub(crate) struct Events(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    kept: Mutex<Kept>,
    live: broadcast::Sender<Arc<Numbered>>,
}

impl Events {
    /// Takes events on `socket`, for its owner's processes alone, until the drain. A socket left from an earlier run is replaced.
    pub(crate) fn take(socket: &Path, drain: Drain) -> io::Result<Self> {
        let listener = listen::unix_for_owner(socket)?;
        let events = Self(Arc::new(Shared { kept: Mutex::default(), live: broadcast::channel(BEHIND).0 }));
        let taken = events.clone();
        listen::each(listener, MAX_ROLES, drain, move |stream| {
            let events = taken.clone();
            async move { events.listen(stream).await }
        });
        Ok(events)
    }

    /// Metrics as OpenMetrics text.
    pub(crate) fn text(&self) -> String {
        self.kept().text()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.kept.lock().expect("no holder of the lock panics")
    }

    fn add(&self, event: Event) {
        let mut kept = self.kept();
        // Under the lock, so that followers see what is kept and then what comes, and nothing twice.
        // Nobody may be following.
        let _ = self.0.live.send(kept.add(event));
    }

    /// Takes one role's events until it goes.
    async fn listen(&self, stream: UnixStream) {
        let mut raised = BTreeMap::new();
        let mut lines = BufReader::new(stream);
        let mut line = Vec::new();
        loop {
            line.clear();
            // One byte more tells a line that is too long from one that just fits.
            let read = (&mut lines).take(MAX_LINE_BYTES as u64 + 1).read_until(b'\n', &mut line).await;
            if !matches!(read, Ok(1..)) {
                break;
            }
            match Event::parse(line.trim_ascii_end()) {
                Ok(event) => {
                    match event.state {
                        State::Raised if raised.len() == MAX_RAISED => break,
                        State::Raised => drop(raised.insert(event.condition(), event.clone())),
                        State::Cleared => drop(raised.remove(&event.condition())),
                        State::Happened => {}
                    }
                    self.add(event);
                }
                Err(fault) => {
                    tracing::warn!("a role said what is no event, and is no longer listened to: {fault}");
                    break;
                }
            }
            tokio::time::sleep(Duration::from_secs(1) / MAX_LINES_A_SECOND).await;
        }
        for event in raised.into_values() {
            self.add(Event {
                time: Utc::from(SystemTime::now()).to_string(),
                state: State::Cleared,
                message: "the process that raised it has gone".to_owned(),
                ..event
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    fn event(state: State, input: &str) -> Event {
        Event {
            time: "2026-11-26T20:22:05.363Z".to_owned(),
            role: "encoder".to_owned(),
            channel: Some("cam".to_owned()),
            event: "input_fault".to_owned(),
            state,
            message: String::new(),
            details: BTreeMap::from([("input".to_owned(), input.into())]),
        }
    }

    async fn eventually(events: &Events, count: usize) -> Vec<(State, String)> {
        loop {
            let kept = events.kept().after(0);
            if kept.len() >= count {
                let input = |event: &Event| event.details["input"].as_str().expect("text").to_owned();
                return kept.iter().map(|kept| (kept.event.state, input(&kept.event))).collect();
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    #[tokio::test]
    async fn what_a_role_had_raised_is_cleared_when_it_goes_and_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let (drain, _trigger) = Drain::manual();
        let events = Events::take(&folder.path().join("in.sock"), drain).expect("it listens");
        let mut role = UnixStream::connect(folder.path().join("in.sock")).await.expect("it listens");
        let said = [(State::Raised, "primary"), (State::Raised, "backup"), (State::Cleared, "primary")];
        for (state, input) in said {
            let line = event(state, input).to_json() + "\n";
            role.write_all(line.as_bytes()).await.expect("it reads");
        }
        eventually(&events, 3).await;
        drop(role);
        let told = eventually(&events, 4).await;
        assert_eq!(told[3], (State::Cleared, "backup".to_owned()));
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(events.kept().after(0).len(), 4);
    }

    #[tokio::test]
    async fn a_role_that_says_what_is_no_event_is_not_listened_to() {
        let folder = tempfile::tempdir().expect("a folder");
        let (drain, _trigger) = Drain::manual();
        let events = Events::take(&folder.path().join("in.sock"), drain).expect("it listens");
        for bad in [b"{}\n".to_vec(), vec![b'x'; 3 * MAX_LINE_BYTES]] {
            let mut role = UnixStream::connect(folder.path().join("in.sock")).await.expect("it listens");
            // It may be let go while it still writes.
            let _ = role.write_all(&bad).await;
            let mut end = Vec::new();
            let _ = role.read_to_end(&mut end).await;
        }
        assert!(events.kept().after(0).is_empty());
    }
}
