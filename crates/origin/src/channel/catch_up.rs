//! After a restart: what publishers were told is taken and the log has lost comes again before viewers are answered, so that
//! no playlist goes back.
//!
//! A publisher says with its header what it has (`Headwater-Has`, the decode time of its newest whole segment) and sends
//! at once what the origin lacks of it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use manifest::TrackName;
use tokio::sync::watch;
use tokio::time::Instant;

use super::Channel;

/// Longest that viewers wait: publishers that are there come in some milliseconds, as their connections wait at the listener.
const PATIENCE: Duration = Duration::from_millis(600);

/// What is to come before viewers are answered.
#[derive(Debug)]
pub(super) struct CatchUp {
    until: Instant,
    over: watch::Sender<bool>,
    lacking: Mutex<HashMap<TrackName, Lacking>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lacking {
    /// The track's publisher has not come.
    Publisher,
    /// The segment that begins here has not, in track ticks.
    Segment(i64),
}

impl CatchUp {
    /// Of the tracks that the log knows.
    pub(super) fn new(tracks: impl Iterator<Item = TrackName>) -> Self {
        let lacking: HashMap<_, _> = tracks.map(|track| (track, Lacking::Publisher)).collect();
        let over = watch::Sender::new(lacking.is_empty());
        Self { until: Instant::now() + PATIENCE, over, lacking: Mutex::new(lacking) }
    }

    fn is_over(&self) -> bool {
        *self.over.borrow()
    }

    /// A publisher was heard of that has segments up to `has`, where it says so; the track's own end at `end`.
    fn heard(&self, track: &TrackName, has: Option<i64>, end: Option<i64>) {
        let mut lacking = self.lacking();
        let Some(of_track) = lacking.get_mut(track) else { return };
        match (*of_track, has) {
            (_, Some(has)) => *of_track = Lacking::Segment(has),
            (Lacking::Publisher, None) => *of_track = Lacking::Segment(i64::MIN),
            (Lacking::Segment(_), None) => {}
        }
        let has_come = |lacking: Lacking| match lacking {
            Lacking::Publisher => false,
            Lacking::Segment(first) => first == i64::MIN || end.is_some_and(|end| end > first),
        };
        if has_come(*of_track) {
            lacking.remove(track);
            self.over.send_if_modified(|over| {
                *over = lacking.is_empty();
                *over
            });
        }
    }

    fn lacking(&self) -> MutexGuard<'_, HashMap<TrackName, Lacking>> {
        self.lacking.lock().expect("no holder of the lock panics")
    }
}

impl Channel {
    /// A publisher's body has come, with what it says that it has.
    pub(crate) fn publisher_has(&self, track: &TrackName, has: Option<i64>) {
        if !self.catch_up.is_over() {
            self.catch_up.heard(track, has, self.next_start(track));
        }
    }

    /// Waits until what was listed before a restart is listed again, for as long as that may take.
    pub(crate) async fn caught_up(&self) {
        if !self.catch_up.is_over() {
            let mut over = self.catch_up.over.subscribe();
            let _ = tokio::time::timeout_at(self.catch_up.until, over.wait_for(|over| *over)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &str) -> TrackName {
        name.parse().expect("a name")
    }

    #[test]
    fn it_is_over_once_every_track_has_what_its_publisher_had() {
        let tracks = ["video", "audio", "other"].map(name);
        let catch_up = CatchUp::new(tracks.iter().cloned());
        let [video, audio, other] = &tracks;
        catch_up.heard(video, Some(4_000), Some(4_000));
        catch_up.heard(audio, Some(2_000), Some(4_000));
        // Somebody else's encoder says nothing, and is not waited for.
        catch_up.heard(other, None, Some(4_000));
        assert!(!catch_up.is_over());
        catch_up.heard(video, None, Some(4_000));
        assert!(!catch_up.is_over(), "only part of what it had");
        catch_up.heard(video, None, Some(6_000));
        assert!(catch_up.is_over());
    }

    #[test]
    fn a_channel_that_the_log_does_not_know_waits_for_nobody() {
        assert!(CatchUp::new(std::iter::empty()).is_over());
    }
}
