//! The rules a playlist keeps by itself.

use crate::playlist::{Part, Playlist, Unreadable};
use crate::{Findings, Violation};

/// Durations are written with six decimals.
const ROUNDING_S: f64 = 0.000_002;
/// Segments' and parts' durations are rounded each by itself.
const SUM_ROUNDING_S: f64 = 0.000_05;
/// The share of the part target that every part has that is not its segment's last.
const PART_SHARE: f64 = 0.85;

impl Playlist {
    /// Reads a playlist and names the rules it breaks.
    pub fn read(text: &str) -> Result<(Playlist, Vec<Violation>), Unreadable> {
        let playlist = Playlist::parse(text)?;
        let violations = playlist.violations();
        Ok((playlist, violations))
    }

    fn violations(&self) -> Vec<Violation> {
        let mut findings = Findings::default();
        self.check_segments(&mut findings);
        self.check_control(&mut findings);
        if let Some(part_target) = self.part_target {
            self.check_parts(part_target, &mut findings);
        }
        findings.0
    }

    fn check_segments(&self, findings: &mut Findings) {
        findings.expect(self.target_s > 0, "§4.4.3.1", || "no target duration".to_owned());
        let needed = if self.skipped.is_some() { 9 } else { 6 };
        findings.expect(self.version >= needed, "§8", || {
            format!("version {} where {needed} is needed", self.version)
        });
        for segment in &self.segments {
            let (number, duration) = (segment.number, segment.duration);
            findings.expect(duration.round() <= self.target_s as f64, "§4.4.3.1", || {
                format!("segment {number} lasts {duration} s, over the target {}", self.target_s)
            });
            findings.expect(segment.map.is_some() || self.skipped.is_some(), "§4.4.4.5", || {
                format!("segment {number} has no header")
            });
            let parts: f64 = segment.parts.iter().map(|part| part.duration).sum();
            findings.expect(
                segment.parts.is_empty() || (parts - duration).abs() < SUM_ROUNDING_S,
                "§4.4.4.9",
                || format!("segment {number} lasts {duration} s, its parts {parts} s"),
            );
        }
        let dated = self.segments.iter().any(|segment| segment.date_time.is_some());
        findings.expect(dated || self.skipped.is_some() || self.segments.is_empty(), "§B.1", || {
            "no program date time".to_owned()
        });
    }

    fn check_control(&self, findings: &mut Findings) {
        let target = self.target_s as f64;
        if let Some(hold_back) = self.control_s("HOLD-BACK") {
            findings.expect(hold_back >= 3.0 * target, "§4.4.3.8", || format!("HOLD-BACK {hold_back}"));
        }
        if let Some(until) = self.control_s("CAN-SKIP-UNTIL") {
            findings.expect(until >= 6.0 * target, "§4.4.3.8", || format!("CAN-SKIP-UNTIL {until}"));
        }
        if self.skipped.is_some() {
            findings.expect(self.control.contains_key("CAN-SKIP-UNTIL"), "§4.4.5.2", || {
                "a delta update without CAN-SKIP-UNTIL".to_owned()
            });
            let until = self.control_s("CAN-SKIP-UNTIL").unwrap_or(0.0);
            // What is skipped ends where the segments begin.
            findings.expect(self.listed_s() >= until - SUM_ROUNDING_S, "§4.4.3.8", || {
                format!("skipped to within {} s of the end", self.listed_s())
            });
        }
    }

    fn check_parts(&self, target: f64, findings: &mut Findings) {
        let hold_back = self.control_s("PART-HOLD-BACK");
        findings.expect(hold_back.is_some_and(|s| s >= 3.0 * target), "§4.4.3.8", || {
            format!("PART-HOLD-BACK {hold_back:?} for parts of {target} s")
        });
        let blocks = self.control.get("CAN-BLOCK-RELOAD").is_some_and(|value| value == "YES");
        findings.expect(blocks, "§B.1", || "no blocking reload".to_owned());
        for segment in &self.segments {
            self.check_part_durations(&segment.parts, target, findings);
        }
        self.check_part_durations(&self.open.parts, target, findings);
        let mut to_end = self.listed_s();
        for segment in &self.segments {
            to_end -= segment.duration;
            let old = to_end > 3.0 * self.target_s as f64 + SUM_ROUNDING_S;
            findings.expect(!old || segment.parts.is_empty(), "§4.4.4.9", || {
                format!("segment {} ended {to_end} s before the end and has parts", segment.number)
            });
        }
        findings.expect(self.hint.is_some() || self.segments.is_empty(), "§B.1", || {
            "no preload hint".to_owned()
        });
        let listed = |uri: &String| self.all_parts().any(|part| part.uri == *uri);
        findings.expect(!self.hint.as_ref().is_some_and(listed), "§4.4.5.3", || {
            format!("the hint {:?} is listed already", self.hint)
        });
    }

    fn check_part_durations(&self, parts: &[Part], target: f64, findings: &mut Findings) {
        for (index, part) in parts.iter().enumerate() {
            let (uri, duration) = (&part.uri, part.duration);
            findings.expect(duration > 0.0 && duration <= target + ROUNDING_S, "§4.4.3.7", || {
                format!("part {uri} lasts {duration} s, over the part target {target}")
            });
            // Of an open segment the last may be the last of all: that is not known yet.
            let last = index + 1 == parts.len();
            findings.expect(last || duration >= PART_SHARE * target - ROUNDING_S, "§4.4.3.7", || {
                format!("part {uri} lasts {duration} s, under 85 % of {target}, and is not the last")
            });
        }
        if let (Some(first), true) = (parts.first(), self.independent_segments) {
            findings.expect(first.independent, "§4.4.2.1", || {
                format!("part {} begins an independent segment and is not independent", first.uri)
            });
        }
    }

    pub(crate) fn all_parts(&self) -> impl Iterator<Item = &Part> {
        self.segments.iter().flat_map(|segment| &segment.parts).chain(&self.open.parts)
    }
}
