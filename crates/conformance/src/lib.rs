//! Whether HLS media playlists keep the rules of the draft (RFC 8216bis, "HTTP Live Streaming 2nd Edition").
//!
//! [`Playlist::read`] takes one playlist's text and names every rule it breaks; [`Watch`] looks at one playlist again and
//! again and names what must not change between two looks. Pure text: what it knows of playlists it knows from the draft
//! and not from the code under test. [`Playback`] tells whether a player's buffer lasts.

mod playback;
mod playlist;
mod single;
#[cfg(test)]
mod tests;
mod watch;

pub use playback::Playback;
pub use playlist::{Open, Part, Playlist, Report, Segment, Unreadable};
pub use watch::Watch;

/// A rule that is broken: what was seen, and the draft's clause.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} ({clause})")]
pub struct Violation {
    /// What was seen.
    pub what: String,
    /// Where the rule stands.
    pub clause: &'static str,
}

/// Collects violations.
#[derive(Debug, Default)]
struct Findings(Vec<Violation>);

impl Findings {
    fn expect(&mut self, holds: bool, clause: &'static str, what: impl FnOnce() -> String) {
        if !holds {
            self.0.push(Violation { what: what(), clause });
        }
    }
}
