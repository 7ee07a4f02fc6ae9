//! The rules one playlist keeps while it changes.

use std::collections::HashMap;

use crate::playlist::{Part, Playlist, Segment, Unreadable};
use crate::{Findings, Violation};

/// Looks at one media playlist again and again.
#[derive(Debug, Default)]
pub struct Watch {
    last: Option<Playlist>,
    /// Every segment ever listed, by number, with its discontinuity sequence number.
    segments: HashMap<u64, (u64, Segment)>,
    /// Every part ever listed, by its segment's number and its index.
    parts: HashMap<(u64, usize), Part>,
}

impl Watch {
    /// The next state of the playlist, whole or as a delta update to the last. Names every rule that is broken.
    pub fn look(&mut self, text: &str) -> Result<Vec<Violation>, Unreadable> {
        let (read, violations) = Playlist::read(text)?;
        let mut findings = Findings(violations);
        let whole = match (read.skipped, &self.last) {
            (None, _) => Some(read),
            (Some(_), Some(last)) => read.applied_to(last),
            (Some(_), None) => None,
        };
        let Some(playlist) = whole else {
            findings.expect(false, "§6.3.7", || "a delta update skips what the player never had".to_owned());
            return Ok(findings.0);
        };
        if let Some(last) = self.last.take() {
            successor(&last, &playlist, &mut findings);
        }
        self.remember(&playlist, &mut findings);
        self.last = Some(playlist);
        Ok(findings.0)
    }

    /// What was seen last.
    pub fn last(&self) -> Option<&Playlist> {
        self.last.as_ref()
    }

    fn remember(&mut self, playlist: &Playlist, findings: &mut Findings) {
        let mut discontinuity = playlist.discontinuity_sequence;
        for segment in &playlist.segments {
            discontinuity += segment.discontinuities;
            let first = || (discontinuity, segment.clone());
            let (known_discontinuity, known) = self.segments.entry(segment.number).or_insert_with(first);
            let same =
                known.uri == segment.uri && known.duration == segment.duration && known.map == segment.map;
            findings.expect(same, "§6.2.1", || {
                format!("segment {} was {known:?} and is {segment:?}", segment.number)
            });
            findings.expect(*known_discontinuity == discontinuity, "§6.2.2", || {
                format!(
                    "segment {} had discontinuity sequence {known_discontinuity} and has {discontinuity}",
                    segment.number
                )
            });
        }
        let whole = playlist.segments.iter().map(|segment| (segment.number, &segment.parts));
        for (number, parts) in whole.chain([(playlist.next_number(), &playlist.open.parts)]) {
            for (index, part) in parts.iter().enumerate() {
                let known = self.parts.entry((number, index)).or_insert_with(|| part.clone());
                findings.expect(known == part, "§6.2.1", || {
                    format!("part {index} of segment {number} was {known:?} and is {part:?}")
                });
            }
            let more = self.parts.contains_key(&(number, parts.len()));
            findings.expect(!more || parts.is_empty(), "§6.2.1", || {
                format!("segment {number} had more than {} parts", parts.len())
            });
        }
    }
}

fn successor(last: &Playlist, playlist: &Playlist, findings: &mut Findings) {
    findings.expect(playlist.target_s == last.target_s, "§6.2.1", || {
        format!("the target duration went from {} to {}", last.target_s, playlist.target_s)
    });
    findings.expect(playlist.part_target == last.part_target, "§6.2.1", || {
        format!("the part target went from {:?} to {:?}", last.part_target, playlist.part_target)
    });
    findings.expect(playlist.media_sequence >= last.media_sequence, "§4.4.3.2", || {
        format!("the media sequence fell from {} to {}", last.media_sequence, playlist.media_sequence)
    });
    findings.expect(playlist.next_number() >= last.next_number(), "§6.2.1", || {
        format!("segment {} is gone from the end", last.next_number() - 1)
    });
    if playlist.media_sequence > last.media_sequence {
        let target = playlist.target_s as f64;
        findings.expect(playlist.listed_s() >= 3.0 * target, "§6.2.2", || {
            format!("segments were removed from a playlist that has {} s", playlist.listed_s())
        });
    }
    // What was hinted is what comes, unless the segment ended.
    let (Some(hint), Some(number)) = (&last.hint, Some(last.next_number())) else { return };
    let index = last.open.parts.len();
    let came = if playlist.next_number() == number {
        playlist.open.parts.get(index)
    } else {
        playlist.segments.iter().find(|s| s.number == number).and_then(|segment| segment.parts.get(index))
    };
    if let Some(came) = came {
        findings.expect(came.uri == *hint, "§4.4.5.3", || format!("{hint} was hinted, {} came", came.uri));
    }
}
