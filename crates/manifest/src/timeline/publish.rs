//! When a waiting segment is listed, and as what: its number and its period.

use media::{MediaTime, Timescale, Utc};

use super::{HOLE_US, Timeline};
use crate::restore::Lost;
use crate::segment::micros;
use crate::track::{Pending, follows};
use crate::{Period, Presence, Published, Segment, Shape, Track, Update};

/// A track this many half target durations behind holds the others no longer: less than the three target durations
/// that players stay behind the edge, so that they do not run dry when one track of many dies.
const PATIENCE_HALF_TARGETS: i64 = 5;
/// As long at least is a track waited for that has sent its header and no segment yet: the first key frames of a
/// passthrough publisher may lie ten seconds apart, and a channel should not begin without its picture.
const FIRST_PATIENCE_US: i64 = 12_000_000;

impl Timeline {
    /// Lists what waits for nobody any more, and drops what is out of the window.
    pub(super) fn publish_all(&mut self, now: Utc) -> Update {
        let mut update = Update::default();
        while let Some(head) = self.next_to_publish() {
            self.publish(head, now, &mut update);
        }
        if !update.published.is_empty() {
            self.changed = now.max(self.changed.plus_micros(1_000));
            self.trim(&mut update.removed);
        }
        update
    }

    /// The track whose earliest waiting segment is next, if it need not wait any longer.
    fn next_to_publish(&mut self) -> Option<usize> {
        let waiting = self.tracks.iter().enumerate();
        let (at, head) = waiting
            .filter_map(|(at, track)| Some((at, track.pending.front()?)))
            .min_by_key(|(_, head)| head.start_us())?;
        let middle = head.middle_us();
        let lead = self.lead_us()?;
        let patience = PATIENCE_HALF_TARGETS * self.target_us() / 2;
        for track in &mut self.tracks {
            let edge = track.edge_us.unwrap_or(lead);
            if !track.stalled && edge < middle {
                let patience = match track.received_end_us {
                    Some(_) => patience,
                    None => patience.max(FIRST_PATIENCE_US),
                };
                if lead - edge <= patience {
                    return None;
                }
                track.stalled = true;
            }
        }
        Some(at)
    }

    /// Numbers the first waiting segment of the track and lists it.
    fn publish(&mut self, at: usize, now: Utc, update: &mut Update) {
        self.begin_period_if_broken(at);
        let period = self.period_of_next(at);
        let aligned = self.number_beside(at);

        let target_us = self.target_us();
        let grid_us = i64::from(self.shape.grid.duration_ms()) * 1_000;
        let most_lost = (self.shape.window_us / grid_us).max(1);
        let track = &mut self.tracks[at];
        let Pending { header, arrived, .. } = track.pending.pop_front().expect("the caller saw it");
        let start_us = micros(arrived.start, header.timescale);
        if let Some(kept) = track.kept.take() {
            let lost = Lost { kept, start_us, most: most_lost, period, now };
            lost.number(track, &mut update.removed);
        }
        let broken = track.period.is_some_and(|last| last != period.number);
        if track.segments.back().is_none_or(|last| last.header.id != header.id) || broken {
            track.peak_bps = 0;
        }
        let number = match track.next_number {
            // An empty playlist may begin anew at any higher number, so it aligns with the others.
            Some(next) if track.segments.is_empty() => next.max(aligned),
            Some(next) => next,
            None => aligned,
        };
        track.from_slot = false;
        let open = track.open.take_if(|open| open.start <= arrived.start);
        let listed = open
            .filter(|open| (open.start, open.number, open.period) == (arrived.start, number, period.number));
        track.next_number = Some(number + 1);
        track.period = Some(period.number);
        let segment = Segment {
            number,
            period: period.number,
            header,
            start: arrived.start,
            duration: arrived.duration,
            bytes: arrived.bytes,
            parts: listed.map_or_else(Vec::new, |open| open.parts),
            presence: Presence::Whole,
            published: now,
        };
        self.target_s = self.target_s.max(rounded_seconds(&segment));
        track.segments.push_back(segment.clone());
        track.measure_peak(target_us);
        update.published.push(Published { track: track.name.clone(), segment, period });
    }

    /// Begins a period where a segment of the round that `at` leads does not go on where its track's last ended.
    fn begin_period_if_broken(&mut self, at: usize) {
        let first = self.tracks[at].pending.front().expect("the caller saw it");
        let (round_start, round_middle) = (first.start_us(), first.middle_us());
        let newest = self.periods.back().copied();
        let breaks = |track: &Track| {
            let Some(head) = track.pending.front() else {
                return false;
            };
            if head.start_us() >= round_middle {
                return false;
            }
            match (newest, track.period) {
                (None, _) => true,
                // It joins the newest period, which began with its own first segment or another's break.
                (Some(newest), Some(period)) if period < newest.number => false,
                (Some(newest), None) => {
                    head.start_us() > newest.start_us() + HOLE_US.max(self.target_us() / 2)
                }
                (Some(_), Some(_)) => !continues(track, head),
            }
        };
        if !self.tracks.iter().any(breaks) {
            return;
        }
        let skipped = if std::mem::take(&mut self.uncertain) { 1 } else { 0 };
        self.periods.push_back(Period {
            number: newest.map_or(0, |newest| newest.number + 1 + skipped),
            start_ms: round_start.div_euclid(1_000),
        });
    }

    /// The period of the track's first waiting segment: the newest, but an older one for a straggler from before it.
    fn period_of_next(&self, at: usize) -> Period {
        let track = &self.tracks[at];
        let middle_us = track.pending.front().expect("the caller saw it").middle_us();
        let mut open = self.periods.iter().rev().take_while(|period| Some(period.number) >= track.period);
        let newest = *self.periods.back().expect("the first round begins one");
        open.find(|period| period.start_us() <= middle_us).copied().unwrap_or(newest)
    }

    /// The number that the track's next segment has where it lies beside one of another track, else its slot.
    fn number_beside(&self, at: usize) -> u64 {
        let head = self.tracks[at].pending.front().expect("the caller saw it");
        let start_us = head.start_us();
        let near = self.target_us() / 2;
        let beside = self
            .tracks
            .iter()
            .flat_map(|track| track.segments.iter().rev().take(Shape::MIN_SEGMENTS))
            .filter(|segment| (segment.start_us() - start_us).abs() < near)
            .map(|segment| segment.number)
            .max();
        let slot = self.shape.grid.slot(MediaTime::new(start_us, Timescale::MICROS));
        let slot = u64::try_from(slot).unwrap_or(0);
        match beside {
            Some(beside) if self.tracks[at].from_slot => beside.max(slot),
            Some(beside) => beside,
            None => slot,
        }
    }
}

fn continues(track: &Track, head: &Pending) -> bool {
    let Some(last) = track.segments.back() else {
        return false;
    };
    !head.after_break && last.header.id == head.header.id && follows(last, head.start_us())
}

fn rounded_seconds(segment: &Segment) -> u32 {
    let seconds = media::rescale_nearest(segment.duration, segment.timescale(), Timescale::new(1));
    u32::try_from(seconds).unwrap_or(u32::MAX)
}
