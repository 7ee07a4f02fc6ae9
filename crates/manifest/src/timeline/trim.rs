//! What is out of the window goes.

use super::Timeline;
use crate::{Removed, Shape, Track};

impl Timeline {
    /// Drops what is out of the window, but never so much that a playlist gets shorter than HLS allows.
    pub(crate) fn trim(&mut self, removed: &mut Vec<Removed>) {
        let Some(edge) = self.live_edge() else { return };
        let cutoff = edge.0 - self.shape.window_us;
        let least_us = Shape::MIN_TARGETS * self.target_us();
        for track in &mut self.tracks {
            while let Some(first) = track.segments.front() {
                let out = first.end_us() <= cutoff;
                if !out || !(track.stalled || may_shrink(track, least_us)) {
                    break;
                }
                drop_first(track, removed);
            }
        }
        let mut bytes = self.listed_bytes();
        while bytes > self.shape.max_bytes {
            let shrinkable = self.tracks.iter_mut().filter(|track| may_shrink(track, least_us));
            let Some(track) = shrinkable.min_by_key(|track| track.segments[0].start_us()) else {
                break;
            };
            bytes -= track.segments[0].bytes;
            drop_first(track, removed);
        }
        let listed = self.tracks.iter().filter_map(|track| track.segments.front());
        let oldest = listed.map(|segment| segment.period).min();
        while self.periods.len() > 1 && oldest.is_some_and(|oldest| self.periods[0].number < oldest) {
            self.periods.pop_front();
        }
    }
}

fn may_shrink(track: &Track, least_us: i64) -> bool {
    let Some(first) = track.segments.front() else {
        return false;
    };
    track.segments.len() > Shape::MIN_SEGMENTS && track.listed_us() - first.duration_us() >= least_us
}

fn drop_first(track: &mut Track, removed: &mut Vec<Removed>) {
    let segment = track.segments.pop_front().expect("the caller saw it");
    track.removed_period = Some(segment.period);
    removed.push(Removed { track: track.name.clone(), segment });
}
