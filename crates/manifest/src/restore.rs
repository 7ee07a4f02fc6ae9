//! Going on after a restart.

use std::collections::VecDeque;
use std::sync::Arc;

use media::{Timescale, Utc};

use crate::{Header, Period, Presence, Removed, Segment, Shape, Timeline, Track, TrackName};

/// What was kept of a timeline, in any state of completeness.
#[derive(Clone, Debug, Default)]
pub struct Restored {
    /// Periods of the segments below, oldest first, and the newest known.
    pub periods: Vec<Period>,
    /// The target duration when it was kept, in seconds; 0 where unknown.
    pub target_s: u32,
    /// The tracks.
    pub tracks: Vec<RestoredTrack>,
}

/// What was kept of one track.
#[derive(Clone, Debug)]
pub struct RestoredTrack {
    /// Its name.
    pub name: TrackName,
    /// Its newest header.
    pub header: Arc<Header>,
    /// The number that was next when it was kept, where known.
    pub next_number: Option<u64>,
    /// Its segments, numbers and times rising. Where numbers leap, what lay between is listed as lost.
    pub segments: Vec<Segment>,
}

/// What was kept contradicts itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    /// Numbers, periods or times do not rise.
    #[error("segment {number} of track `{track}` does not follow the one before it")]
    Order {
        /// The track.
        track: TrackName,
        /// The segment's number.
        number: u64,
    },
    /// A segment's period is not among the periods.
    #[error("segment {number} of track `{track}` belongs to a period that was not kept")]
    Period {
        /// The track.
        track: TrackName,
        /// The segment's number.
        number: u64,
    },
}

impl Timeline {
    /// The timeline that was kept, with its numbers going on.
    ///
    /// The newest segments may have been listed but not kept. So where a track's next segment does not follow its
    /// last one kept, the numbers of the slots between are listed as lost, or, where those are more than a window,
    /// the playlist begins anew behind them; a number once given out never names another segment.
    pub fn restore(shape: Shape, restored: Restored) -> Result<Self, RestoreError> {
        let mut timeline = Self::new(shape);
        timeline.target_s = timeline.target_s.max(restored.target_s);
        timeline.periods = restored.periods.into();
        timeline.uncertain = true;
        let grid_us = i64::from(shape.grid.duration_ms()) * 1_000;
        let most = (shape.window_us / grid_us).max(1);
        for kept in restored.tracks {
            let mut track = Track::new(kept.name, kept.header);
            track.next_number = kept.next_number;
            for segment in kept.segments {
                let name = || track.name.clone();
                let number = segment.number;
                if !timeline.periods.iter().any(|p| p.number == segment.period) {
                    return Err(RestoreError::Period { track: name(), number });
                }
                timeline.changed = timeline.changed.max(segment.published);
                if let Some(last) = track.segments.back() {
                    let rises = last.number < number
                        && last.period <= segment.period
                        && last.start_us() < segment.start_us();
                    if !rises {
                        return Err(RestoreError::Order { track: name(), number });
                    }
                    let lost = i64::try_from(number - last.number - 1).unwrap_or(i64::MAX);
                    let period = last.period;
                    let start_us = segment.start_us();
                    fill(&mut track, start_us, lost, most, period, segment.published);
                }
                track.next_number = track.next_number.max(Some(number + 1));
                track.segments.push_back(segment);
                track.measure_peak(i64::from(timeline.target_s) * 1_000_000);
            }
            track.period = track.segments.back().map(|last| last.period);
            track.received_end_us = track.segments.back().map(Segment::end_us);
            track.edge_us = track.received_end_us;
            track.from_slot = track.segments.is_empty();
            let shortest = track.segments.iter().map(Segment::duration_us).min();
            track.kept = track
                .received_end_us
                .zip(shortest)
                .map(|(end_us, shortest)| Kept { end_us, least_us: shortest.clamp(1, grid_us) });
            timeline.tracks.push(track);
        }
        timeline.trim(&mut Vec::new());
        Ok(timeline)
    }
}

/// Up to where a restored track's numbers are known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kept {
    /// End of its last segment kept.
    end_us: i64,
    /// Whatever was listed after it lasted at least about as long as a slot, or as the shortest segment kept. So no
    /// more numbers are stepped over than these go into the time that passed.
    least_us: i64,
}

/// The first segment of a track after a restart, which begins at `start_us` in `period`: the numbers that may have been
/// given out since what was kept are stepped over.
pub(crate) struct Lost {
    pub(crate) kept: Kept,
    pub(crate) start_us: i64,
    /// More lost segments than this are not listed.
    pub(crate) most: i64,
    pub(crate) period: Period,
    pub(crate) now: Utc,
}

impl Lost {
    pub(crate) fn number(&self, track: &mut Track, removed: &mut Vec<Removed>) {
        let Kept { end_us, least_us } = self.kept;
        let lost = ((self.start_us - end_us) / least_us).max(0);
        let Some(last) = track.segments.back() else {
            let next = track.next_number.map(|next| next.saturating_add(lost.unsigned_abs()));
            track.next_number = next;
            return;
        };
        // What was lost has a period of its own, skipped when the next was begun; where none was begun, this one.
        let period = last.period.max(self.period.number.saturating_sub(1));
        let dropped = fill(track, self.start_us, lost, self.most, period, self.now);
        removed.extend(dropped.into_iter().map(|segment| Removed { track: track.name.clone(), segment }));
    }
}

/// Lists `lost` numbers from the last segment's end to `start_us` as lost. Where they are more than `most`, or no time
/// lies between for them, the playlist begins anew behind them; what it listed is returned.
fn fill(track: &mut Track, start_us: i64, lost: i64, most: i64, period: u64, now: Utc) -> VecDeque<Segment> {
    let Some(last) = track.segments.back() else {
        return VecDeque::new();
    };
    let header = last.header.clone();
    let number = last.number + 1;
    let from = last.end();
    let span = media::rescale_floor(start_us, Timescale::MICROS, header.timescale) - from;
    track.next_number = Some(number.saturating_add(lost.unsigned_abs()));
    if lost > 0 && (lost > most || span < lost) {
        return std::mem::take(&mut track.segments);
    }
    let at = |index: i64| from + (i128::from(span) * i128::from(index) / i128::from(lost)) as i64;
    for index in 0..lost {
        track.segments.push_back(Segment {
            number: number + index.unsigned_abs(),
            period,
            header: header.clone(),
            start: at(index),
            duration: at(index + 1) - at(index),
            bytes: 0,
            parts: Vec::new(),
            presence: Presence::Lost,
            published: now,
        });
    }
    VecDeque::new()
}
