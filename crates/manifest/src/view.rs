//! What an endpoint shows of a channel: some of its tracks, a shorter window, later, in longer segments.
//!
//! [`View::of`] makes another [`Timeline`] of the channel's, so that whatever renders the one renders the other. Segments
//! are not made anew: a longer one is several of the channel's, one after the other, which CMAF allows
//! (ISO/IEC 23000-19 §7.3.3.1). [`Listing`] remembers which these were and which numbers they had.

mod listing;

use std::collections::VecDeque;
use std::ops::RangeInclusive;

use media::{Format, Grid, Timescale};

use crate::{Presence, Segment, Timeline, Track};

pub use listing::{Listed, Listing};

/// What an endpoint shows of a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// How far back a viewer can go, in microseconds, before [`Self::delay_us`].
    pub window_us: i64,
    /// How long after the channel, in microseconds.
    pub delay_us: i64,
    /// How long its segments are, in milliseconds, where longer than the channel's: a whole multiple of theirs.
    pub segment_ms: Option<u32>,
    /// Whether parts are listed, where the channel has some. Not together with a delay or longer segments.
    pub lists_parts: bool,
    /// Video tracks of these bit rates, in bits per second: what the encoder aims at where it tells that, else what is
    /// measured.
    pub video_bps: RangeInclusive<u64>,
}

impl View {
    /// The channel's timeline as this view shows it. `listing` is this view's own, from one call to the next.
    pub fn of(&self, timeline: &Timeline, listing: &mut Listing) -> Timeline {
        let mut shown = timeline.clone();
        shown.tracks.retain(|track| self.takes(track));
        shown.shape.window_us = self.window_us;
        for track in &mut shown.tracks {
            track.pending.clear();
        }
        if !self.lists_parts {
            shown.shape.part_us = None;
            for track in &mut shown.tracks {
                track.open = None;
                track.segments.iter_mut().for_each(|segment| segment.parts.clear());
            }
        }
        if let (1.., Some(edge)) = (self.delay_us, timeline.live_edge()) {
            let newest_us = edge.0 - self.delay_us;
            for track in &mut shown.tracks {
                while track.segments.back().is_some_and(|last| last.end_us() > newest_us) {
                    track.segments.pop_back();
                }
            }
        }
        if let Some(segment_ms) = self.segment_ms {
            join_all(&mut shown, Grid::new(segment_ms), listing);
        }
        shown.trim(&mut Vec::new());
        listing.remember(&shown);
        shown
    }

    fn takes(&self, track: &Track) -> bool {
        let header = track.header();
        match header.format {
            Format::Video(_) => {
                let bps = header.declared_bps.map_or_else(|| track.average_bps(), u64::from);
                self.video_bps.contains(&bps)
            }
            Format::Audio(_) => true,
        }
    }
}

/// Makes segments of a longer grid of those of a shorter one.
fn join_all(shown: &mut Timeline, grid: Grid, listing: &mut Listing) {
    shown.shape.grid = grid;
    for track in &mut shown.tracks {
        let whole_from_start = track.removed_period.is_none();
        let joined = join(std::mem::take(&mut track.segments), grid, whole_from_start);
        if let (Some(left), false) = (joined.left, joined.segments.is_empty()) {
            track.removed_period = Some(left);
        }
        track.segments = listing.number(&track.name, joined);
    }
    let longest = shown.tracks.iter().flat_map(Track::segments).map(rounded_seconds).max();
    shown.target_s = listing.target_s(longest.unwrap_or(0).max(shown.shape.least_target_s()));
}

/// The segments of a track, joined.
///
/// A segment is of the slot that its middle lies in: pictures that are shown in another order than decoded begin a few frames before
/// their slot, and sound where a frame of it happens to.
#[derive(Default)]
struct Joined {
    segments: VecDeque<Segment>,
    /// The slot of each.
    slots: VecDeque<i64>,
    /// The starts of the segments that each was made of.
    members: VecDeque<Vec<i64>>,
    /// The period of the first, where that lacked its beginning and was left out.
    left: Option<u64>,
}

fn join(segments: VecDeque<Segment>, grid: Grid, whole_from_start: bool) -> Joined {
    let mut joined = Joined::default();
    let (mut first_us, mut last_us) = (0, 0);
    for segment in segments {
        let slot = slot(&segment, grid);
        last_us = segment.end_us() - segment.start_us();
        match (joined.segments.back_mut(), joined.members.back_mut()) {
            (Some(last), Some(members)) if joined.slots.back() == Some(&slot) && goes_on(last, &segment) => {
                last.duration = segment.end() - last.start;
                last.bytes += segment.bytes;
                last.published = segment.published;
                members.push(segment.start);
            }
            _ => {
                if joined.segments.is_empty() {
                    first_us = last_us;
                }
                joined.slots.push_back(slot);
                joined.members.push_back(vec![segment.start]);
                joined.segments.push_back(segment);
            }
        }
    }
    let slot_us = i64::from(grid.duration_ms()) * 1_000;
    // More may come for the last one: another as long as the one before would lie in the slot by its middle.
    if let (Some(last), Some(slot)) = (joined.segments.back(), joined.slots.back())
        && last.end_us() + last_us / 2 < (slot + 1) * slot_us
    {
        joined.segments.pop_back();
        joined.slots.pop_back();
        joined.members.pop_back();
    }
    // Of the first one the beginning may be out of the channel's window.
    if let (Some(first), Some(slot)) = (joined.segments.front(), joined.slots.front())
        && !whole_from_start
        && first.start_us() - first_us / 2 >= slot * slot_us
    {
        joined.left = joined.segments.pop_front().map(|first| first.period);
        joined.slots.pop_front();
        joined.members.pop_front();
    }
    joined
}

/// Whether nothing separates the two but that they were cut.
fn goes_on(last: &Segment, segment: &Segment) -> bool {
    last.period == segment.period
        && last.header.id == segment.header.id
        && last.presence == Presence::Whole
        && segment.presence == Presence::Whole
}

fn slot(segment: &Segment, grid: Grid) -> i64 {
    let middle_us = segment.start_us() + (segment.end_us() - segment.start_us()) / 2;
    middle_us.div_euclid(i64::from(grid.duration_ms()) * 1_000)
}

fn rounded_seconds(segment: &Segment) -> u32 {
    let seconds = media::rescale_nearest(segment.duration, segment.timescale(), Timescale::new(1));
    u32::try_from(seconds).unwrap_or(u32::MAX)
}
