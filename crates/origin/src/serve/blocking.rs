//! Requests for what is not there yet but will be: held until their track's bell rings and it is there.
//!
//! Nothing is kept for a viewer. Whoever waits looks at the timeline again each time something of the track is listed, and
//! never longer than [`PATIENCE_TARGETS`].

use std::time::Duration;

use manifest::TrackName;

use crate::Origin;
use crate::channel::{Channel, State};

/// Longest wait, in target durations (RFC 8216bis §6.2.5.2).
const PATIENCE_TARGETS: u32 = 3;

/// What a look at the channel came to.
pub(super) enum Look<T> {
    Here(T),
    NotYet,
    Never(No),
}

/// Why there is nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum No {
    /// Nothing of that name, and none is about to come.
    Missing,
    /// The player asks too far ahead.
    TooFar,
    /// It did not come in time: the publisher is gone or late, or this origin ends.
    Late,
}

pub(super) async fn until<T>(
    origin: &Origin,
    channel: &Channel,
    track: &TrackName,
    mut look: impl FnMut(&mut State) -> Look<T>,
) -> Result<T, No> {
    let patience = {
        let mut state = channel.state();
        match look(&mut state) {
            Look::Here(found) => return Ok(found),
            Look::Never(no) => return Err(no),
            Look::NotYet => Duration::from_secs(u64::from(PATIENCE_TARGETS * state.timeline.target_s())),
        }
    };
    let found = async {
        loop {
            let mut bell = {
                let mut state = channel.state();
                let bell = state.bell(track);
                match look(&mut state) {
                    Look::Here(found) => return Ok(found),
                    Look::Never(no) => return Err(no),
                    Look::NotYet => bell,
                }
            };
            if bell.changed().await.is_err() {
                return Err(No::Late);
            }
        }
    };
    tokio::select! {
        found = tokio::time::timeout(patience, found) => found.unwrap_or(Err(No::Late)),
        () = origin.drain.requested() => Err(No::Late),
    }
}
