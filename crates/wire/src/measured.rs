//! What a pipeline measured of a segment it made, how that is written in HTTP, and the score that comes of it.
//!
//! Written as a dictionary of integers (RFC 8941 §3.2), in the field or trailer field [`MEASURED`]:
//! `frames=60, slate=12, late=60`. What is 0 is left out; keys a reader does not know are passed over.

use std::fmt;
use std::str::FromStr;

/// The request field that names the pipeline a body comes from: `0` or `1`.
pub const PIPELINE: &str = "headwater-pipeline";
/// The request field, or trailer field where the body goes out while it is made, that holds a [`Measured`].
pub const MEASURED: &str = "headwater-measured";
/// Longest text read, in bytes.
const TEXT_MAX: usize = 256;
/// Most frames of one kind: an hour of 300 a second.
const FRAMES_MAX: u32 = 1_080_000;

/// What a frame shows or sounds like. The worst that is true of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Content {
    /// The source's own.
    Source,
    /// The source's own, which has not changed for as long as failover allows.
    Frozen,
    /// The source's own, which is black for as long as failover allows.
    Black,
    /// Decoded after damage: parts of it may be made up.
    Damaged,
    /// The picture before once more, because encoding is slower than real time.
    Dropped,
    /// The picture before once more, or silence, because the source's did not come.
    Repeat,
    /// Black or the slate, because the source is away.
    Fill,
}

/// Frames of one segment of one track, by what is wrong with them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Measured {
    /// Frames the segment should have.
    pub frames: u32,
    /// Of them, those it has not.
    pub missing: u32,
    /// Those that show black or the slate because the source is away.
    pub fill: u32,
    /// Those that repeat the one before, or are silent, because the source's did not come.
    pub repeated: u32,
    /// Those that repeat the one before because encoding is too slow.
    pub dropped: u32,
    /// Those decoded after damage.
    pub damaged: u32,
    /// The source's own that are black.
    pub black: u32,
    /// The source's own that do not move.
    pub frozen: u32,
    /// Those encoded long after their time, whatever they show.
    pub late: u32,
}

/// Text that is no [`Measured`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a dictionary of small integers with `frames`, such as `frames=60, fill=3`")]
pub struct NotMeasured;

impl Measured {
    /// Counts a frame.
    pub const fn add(&mut self, content: Content, is_late: bool) {
        let count = match content {
            Content::Source => None,
            Content::Frozen => Some(&mut self.frozen),
            Content::Black => Some(&mut self.black),
            Content::Damaged => Some(&mut self.damaged),
            Content::Dropped => Some(&mut self.dropped),
            Content::Repeat => Some(&mut self.repeated),
            Content::Fill => Some(&mut self.fill),
        };
        if let Some(count) = count {
            *count += 1;
        }
        self.frames += 1;
        self.late += is_late as u32;
    }

    /// The segment should have had `frames`; those not counted are missing.
    pub const fn of(mut self, frames: u32) -> Self {
        self.missing = frames.saturating_sub(self.frames);
        self.frames = self.frames + self.missing;
        self
    }

    /// The same as if its frames had been encoded in time.
    pub const fn in_time(mut self) -> Self {
        self.late = 0;
        self
    }

    /// The same of the frames that are there, as if the segment should have had no others.
    pub const fn as_made(mut self) -> Self {
        self.frames = self.frames.saturating_sub(self.missing);
        self.missing = 0;
        self
    }

    /// 100 for a segment with nothing wrong, 0 for one that shows nothing of its source; never 100 where anything is
    /// wrong. Each frame costs its share of 100, times how bad it is: a missing one all of it, fill nine tenths, a repeat
    /// six, a dropped or damaged one half, a black one four tenths, a frozen one three, and a late one two more.
    pub fn score(&self) -> u8 {
        let tenths = [
            (self.missing, 10),
            (self.fill, 9),
            (self.repeated, 6),
            (self.dropped, 5),
            (self.damaged, 5),
            (self.black, 4),
            (self.frozen, 3),
            (self.late, 2),
        ];
        let cost: u64 = tenths.iter().map(|(frames, tenths)| u64::from(*frames) * tenths).sum();
        let whole = u64::from(self.frames.max(1)) * 10;
        let lost = (cost * 100).div_ceil(whole).min(100);
        100 - lost as u8
    }

    const fn named(&self) -> [(&'static str, u32); 9] {
        [
            ("frames", self.frames),
            ("missing", self.missing),
            ("fill", self.fill),
            ("repeated", self.repeated),
            ("dropped", self.dropped),
            ("damaged", self.damaged),
            ("black", self.black),
            ("frozen", self.frozen),
            ("late", self.late),
        ]
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let written = self.named().into_iter().filter(|(name, count)| *name == "frames" || *count > 0);
        for (place, (name, count)) in written.enumerate() {
            let comma = if place == 0 { "" } else { ", " };
            write!(f, "{comma}{name}={count}")?;
        }
        Ok(())
    }
}

impl FromStr for Measured {
    type Err = NotMeasured;

    fn from_str(text: &str) -> Result<Self, NotMeasured> {
        if text.len() > TEXT_MAX {
            return Err(NotMeasured);
        }
        let mut read = Self::default();
        for member in text.split(',') {
            let (name, count) = member.trim_matches([' ', '\t']).split_once('=').ok_or(NotMeasured)?;
            let count: u32 = match count.bytes().all(|byte| byte.is_ascii_digit()) {
                true => count.parse().map_err(|_| NotMeasured)?,
                false => return Err(NotMeasured),
            };
            if count > FRAMES_MAX {
                return Err(NotMeasured);
            }
            match name {
                "frames" => read.frames = count,
                "missing" => read.missing = count,
                "fill" => read.fill = count,
                "repeated" => read.repeated = count,
                "dropped" => read.dropped = count,
                "damaged" => read.damaged = count,
                "black" => read.black = count,
                "frozen" => read.frozen = count,
                "late" => read.late = count,
                _ => {}
            }
        }
        if read.frames == 0 { Err(NotMeasured) } else { Ok(read) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(frames: &[(u32, Content)]) -> Measured {
        let mut measured = Measured::default();
        for (count, content) in frames {
            (0..*count).for_each(|_| measured.add(*content, false));
        }
        measured.of(60)
    }

    #[test]
    fn only_a_segment_with_nothing_wrong_scores_100() {
        assert_eq!(of(&[(60, Content::Source)]).score(), 100);
        let one = |content| of(&[(59, Content::Source), (1, content)]).score();
        let small = [Content::Frozen, Content::Black, Content::Damaged, Content::Dropped, Content::Repeat];
        assert_eq!(small.map(one), [99; 5]);
        assert_eq!(one(Content::Fill), 98);
        assert_eq!(of(&[(59, Content::Source)]).score(), 98, "one is missing");
    }

    #[test]
    fn what_shows_less_of_the_source_scores_less() {
        let scores = [Content::Frozen, Content::Black, Content::Damaged, Content::Repeat, Content::Fill]
            .map(|content| of(&[(60, content)]).score());
        assert_eq!(scores, [70, 60, 50, 40, 10]);
        assert_eq!(of(&[]).score(), 0);
        let mut late = Measured::default();
        (0..60).for_each(|_| late.add(Content::Source, true));
        assert_eq!(late.of(60).score(), 80);
    }

    #[test]
    fn it_is_read_as_it_was_written() {
        let measured = Measured { late: 4, ..of(&[(30, Content::Source), (20, Content::Fill)]) };
        assert_eq!(measured.to_string(), "frames=60, missing=10, fill=20, late=4");
        assert_eq!(measured.to_string().parse(), Ok(measured));
        assert_eq!("frames=60,later-key=7".parse(), Ok(of(&[(60, Content::Source)])));
    }

    #[test]
    fn other_text_is_refused() {
        for text in [
            "",
            "frames",
            "frames=",
            "frames=0",
            "frames=-1",
            "frames=+1",
            "fill=3",
            "frames=99999999",
            "a=1;b=2",
        ] {
            assert_eq!(text.parse::<Measured>(), Err(NotMeasured), "{text}");
        }
        assert!(format!("frames=1{}", ", a=1".repeat(60)).parse::<Measured>().is_err());
    }
}
