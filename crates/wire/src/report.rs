//! What an encoder process tells its supervisor, on its standard input where that is a socket: the job comes down, reports
//! go up. Each is sixteen bytes, so a stream of them needs no framing.
//!
//! ```text
//! kind (1 byte), input (1), zero (2), then, big-endian:
//!   0 ready     zero (12)
//!   1 beat      stalled_ms u32, frames u32, segments u32
//!   2 session   zero (4), session u64
//!   3 decodes   zero (12)
//!   4 chosen    zero (12)
//!   5 automatic zero (12)
//! ```

use crate::sample_stream::FeedInput;

/// Length of a report, in bytes.
pub const REPORT_BYTES: usize = 16;

/// How an encoder process fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    /// Its libraries are loaded: it waits for a job.
    Ready,
    /// It lives. Comes several times a second.
    Beat(Beat),
    /// An input's publishing session that is there now; 0 for what is no publisher.
    Session {
        /// The input.
        input: FeedInput,
        /// As ingest numbers it.
        session: u64,
    },
    /// From here on this input's samples are decoded: should the process crash, they did it.
    Decodes {
        /// The input.
        input: FeedInput,
    },
    /// The operator chose an input, which is shown whatever becomes of it; or none, and the channel chooses again.
    Chosen {
        /// The input.
        input: Option<FeedInput>,
    },
}

/// How encoding goes. Counts begin at zero with the process and wrap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Beat {
    /// How long the thread that is furthest behind has brought nothing, in milliseconds.
    pub stalled_ms: u32,
    /// Frames encoded, of all tracks.
    pub frames: u32,
    /// Segments begun, of all tracks.
    pub segments: u32,
}

/// The bytes are none of the reports there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no such report")]
pub struct NoReport;

impl Report {
    /// As it travels.
    pub const fn encode(self) -> [u8; REPORT_BYTES] {
        let (kind, input, words) = match self {
            Self::Ready => (0, 0, [0; 3]),
            Self::Beat(Beat { stalled_ms, frames, segments }) => (1, 0, [stalled_ms, frames, segments]),
            Self::Session { input, session } => (2, input as u8, [0, (session >> 32) as u32, session as u32]),
            Self::Decodes { input } => (3, input as u8, [0; 3]),
            Self::Chosen { input: Some(input) } => (4, input as u8, [0; 3]),
            Self::Chosen { input: None } => (5, 0, [0; 3]),
        };
        let mut bytes = [0; REPORT_BYTES];
        bytes[0] = kind;
        bytes[1] = input;
        let mut word = 0;
        while word < words.len() {
            let [a, b, c, d] = words[word].to_be_bytes();
            let at = 4 + word * 4;
            (bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]) = (a, b, c, d);
            word += 1;
        }
        bytes
    }

    /// Reads one.
    pub fn decode(bytes: &[u8; REPORT_BYTES]) -> Result<Self, NoReport> {
        let word = |at: usize| u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let input = match bytes[1] {
            0 => FeedInput::Primary,
            1 => FeedInput::Backup,
            _ => return Err(NoReport),
        };
        let report = match bytes[0] {
            0 => Self::Ready,
            1 => Self::Beat(Beat { stalled_ms: word(4), frames: word(8), segments: word(12) }),
            2 => Self::Session { input, session: u64::from(word(8)) << 32 | u64::from(word(12)) },
            3 => Self::Decodes { input },
            4 => Self::Chosen { input: Some(input) },
            5 => Self::Chosen { input: None },
            _ => return Err(NoReport),
        };
        // What a report does not use is zero: it has one form.
        if report.encode() == *bytes { Ok(report) } else { Err(NoReport) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_a_report_or_nothing_and_a_report_has_one_form() {
        let mut reports = 0;
        for kind in 0..=u8::MAX {
            for input in 0..=u8::MAX {
                for rest in [[0; 14], [1; 14], [0xFF; 14]] {
                    let mut bytes = [0; REPORT_BYTES];
                    (bytes[0], bytes[1]) = (kind, input);
                    bytes[2..].copy_from_slice(&rest);
                    if let Ok(report) = Report::decode(&bytes) {
                        assert_eq!(report.encode(), bytes);
                        reports += 1;
                    }
                }
            }
        }
        assert_eq!(reports, 1 + 1 + 2 + 2 + 2 + 1);
    }

    #[test]
    fn figures_survive() {
        let beat = Report::Beat(Beat { stalled_ms: 2_000, frames: u32::MAX, segments: 7 });
        let session = Report::Session { input: FeedInput::Backup, session: 0x0102_0304_0506_0708 };
        let decodes = Report::Decodes { input: FeedInput::Backup };
        let chosen =
            [Some(FeedInput::Backup), Some(FeedInput::Primary), None].map(|input| Report::Chosen { input });
        for report in [Report::Ready, beat, session, decodes].into_iter().chain(chosen) {
            assert_eq!(Report::decode(&report.encode()), Ok(report));
        }
    }
}
