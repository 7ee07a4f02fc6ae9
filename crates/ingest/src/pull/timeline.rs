//! Pieces of one or two playlists laid on the epoch, and held until their time has come.

use std::collections::BTreeMap;

use media::{Sample, Timescale, Track, TrackId, Unwrap, Utc, rescale_nearest};

use super::lane::Piece;
use super::segment::Item;
use crate::end_to_end::EndToEnd;
use crate::source::{AUDIO, Output, VIDEO};
use crate::trouble::Trouble;

/// Steps of a lane's times beyond these are a jump, in µs: ahead, as after segments that were missed; back, as multiplexers
/// send pictures earlier than their sound.
const JUMP_AHEAD_US: i64 = 30_000_000;
const JUMP_BACK_US: i64 = 5_000_000;
/// Turn of a transport stream's time stamps, in 90 kHz.
const TURN: i64 = 1 << 33;
/// What lies further ahead of now is left out, in µs: thirty seconds are fetched ahead, and a segment is two minutes long at most
/// ([`playlist::limits::MAX_DURATION_S`]). While so much is held nothing more is taken, so a source's time must not run away.
const FURTHEST_AHEAD_US: i64 = 180_000_000;
/// Times of a source beyond this are none, in µs either way: 73,000 years.
const FURTHEST_US: i64 = i64::MAX / 4;
/// A frame's length where nothing tells it, in µs.
const FRAME_US: i64 = 40_000;

/// How many playlists a stream is read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lanes {
    /// One, with all there is.
    One,
    /// One with pictures, one with sound.
    Two,
}

/// Where pieces meet.
///
/// Times that belong together, those of one line, are moved by one offset. A line begins where pictures that are held end, or now; when
/// pictures come too late for their time, their line is moved on.
#[derive(Debug)]
pub(crate) struct Timeline {
    line: Line,
    /// The one before, for the lane that is not past the break yet.
    previous: Line,
    lanes: [Strand; 2],
    /// Where the pictures end, on the epoch in µs.
    pictures_end_us: i64,
    /// By time and order.
    held: BTreeMap<(i64, u64), Output>,
    held_bytes: usize,
    pushed: u64,
    /// How much later than now a line begins where nothing is in hand.
    reserve_us: i64,
    /// The latest time given out.
    latest: Utc,
}

#[derive(Debug, Default)]
struct Line {
    number: (u64, u64),
    offset_us: Option<i64>,
    turns: Unwrap<TURN>,
}

/// One playlist's tracks.
#[derive(Debug, Default)]
struct Strand {
    tracks: Vec<Carried>,
    /// The line it is on.
    line: (u64, u64),
    /// The latest time on that, in µs.
    last_us: Option<i64>,
    /// Where what it brought ends on the epoch, in µs.
    end_us: i64,
}

#[derive(Debug)]
struct Carried {
    from: TrackId,
    track: Track,
    last: Option<i64>,
    laid: EndToEnd,
}

impl Timeline {
    /// A timeline whose samples all lie after `floor`.
    pub(crate) fn after(floor: Utc) -> Self {
        Self {
            line: Line::default(),
            previous: Line::default(),
            lanes: Default::default(),
            pictures_end_us: 0,
            held: BTreeMap::new(),
            held_bytes: 0,
            pushed: 0,
            reserve_us: 0,
            latest: floor,
        }
    }

    /// How far what a lane has brought reaches beyond `now`, in µs.
    pub(crate) fn ahead_us(&self, lane: usize, now: Utc) -> i64 {
        self.lanes[lane].end_us.saturating_sub(now.0)
    }

    /// Bytes that wait for their time.
    pub(crate) const fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    /// When something is to be released.
    pub(crate) fn due(&self) -> Option<Utc> {
        self.held.first_key_value().map(|((at, _), _)| Utc(*at))
    }

    /// Moves what is due at `now` to `out`; the latest time ever given out.
    pub(crate) fn release(&mut self, now: Utc, out: &mut Vec<Output>) -> Utc {
        while let Some(first) = self.held.first_entry()
            && first.key().0 <= now.0
        {
            self.latest = self.latest.max(Utc(first.key().0));
            let output = first.remove();
            if let Output::Sample(sample) = &output {
                self.held_bytes -= sample.data.len();
            }
            out.push(output);
        }
        self.latest
    }

    /// Takes pieces, each with its lane; what is wrong with them goes to `out` at once.
    pub(crate) fn push(&mut self, pieces: Vec<(usize, Piece)>, now: Utc, out: &mut Vec<Output>) {
        // All tracks are known before the first sample is placed.
        let mut is_news = false;
        for (lane, piece) in &pieces {
            let first = piece.apart.items.iter().find_map(|item| match item {
                Item::Tracks(tracks) => Some(tracks),
                Item::Sample(_) | Item::Warning(_) => None,
            });
            is_news |= first.is_some_and(|tracks| self.tracks(*lane, piece.lanes, tracks));
        }
        for (lane, piece) in pieces {
            self.reserve_us = i64::try_from(piece.reserve.as_micros()).unwrap_or(0);
            if !self.begin(lane, piece.line) {
                out.push(Output::Trouble(Trouble::BehindTrack));
                continue;
            }
            let mut leads = lane == 0;
            self.anchor(lane, &piece, now);
            for item in piece.apart.items {
                match item {
                    Item::Tracks(tracks) => is_news |= self.tracks(lane, piece.lanes, &tracks),
                    Item::Warning(warning) => out.push(Output::Trouble(Trouble::Ts(warning))),
                    Item::Sample(mut sample) => {
                        let known = |carried: &Carried| carried.from == sample.track;
                        let Some(at) = self.lanes[lane].tracks.iter().position(known) else {
                            continue;
                        };
                        let scale = self.lanes[lane].tracks[at].track.timescale;
                        if piece.apart.wraps {
                            sample.dts = self.unwrap(lane, sample.dts, scale);
                        }
                        let time_us = rescale_nearest(sample.dts, scale, Timescale::MICROS);
                        if !is_a_time(time_us) {
                            out.push(Output::Trouble(Trouble::TooFarAhead));
                            continue;
                        }
                        let offset_us = self.offset(lane, time_us, now, std::mem::take(&mut leads), out);
                        if time_us.saturating_add(offset_us) > now.0.saturating_add(FURTHEST_AHEAD_US) {
                            out.push(Output::Trouble(Trouble::TooFarAhead));
                            continue;
                        }
                        self.place(lane, at, sample, offset_us, &mut is_news, out);
                    }
                }
            }
        }
    }

    /// A piece of this line comes; false where the line is over already, in both lanes.
    fn begin(&mut self, lane: usize, number: (u64, u64)) -> bool {
        if number > self.line.number {
            self.previous = std::mem::replace(&mut self.line, Line { number, ..Line::default() });
        }
        let strand = &mut self.lanes[lane];
        if strand.line != number {
            strand.line = number;
            strand.last_us = None;
        }
        number == self.line.number || number == self.previous.number && self.previous.offset_us.is_some()
    }

    /// Where a line begins with this piece, its first picture is laid where those before it end; sound that is too long for
    /// that is left out.
    fn anchor(&mut self, lane: usize, piece: &Piece, now: Utc) {
        if self.line_of(lane).offset_us.is_some() {
            return;
        }
        let video = self.lanes[lane].tracks.iter().find(|carried| carried.track.id == VIDEO);
        let Some((from, scale)) = video.map(|carried| (carried.from, carried.track.timescale)) else {
            return;
        };
        let first = piece.apart.items.iter().find_map(|item| match item {
            Item::Sample(sample) if sample.track == from => Some(sample.dts),
            Item::Sample(_) | Item::Tracks(_) | Item::Warning(_) => None,
        });
        let Some(ticks) = first else { return };
        let ticks = if piece.apart.wraps { self.unwrap(lane, ticks, scale) } else { ticks };
        let begins_us = self.begin_us(self.pictures_end_us, now);
        let time_us = rescale_nearest(ticks, scale, Timescale::MICROS);
        if is_a_time(time_us) {
            self.line_of(lane).offset_us = Some(begins_us.saturating_sub(time_us));
        }
    }

    /// Where a line begins: where what is in hand ends, which is `end_us`; later than now where there is nothing.
    fn begin_us(&self, end_us: i64, now: Utc) -> i64 {
        let begins_us = if end_us > now.0 { end_us } else { now.0 + self.reserve_us };
        begins_us.max(self.latest.0 + 1)
    }

    /// Moves a time stamp that wraps to the lane's line.
    fn unwrap(&mut self, lane: usize, ticks: i64, scale: Timescale) -> i64 {
        let stamp = rescale_nearest(ticks, scale, Timescale::MPEG);
        let turned = self.line_of(lane).turns.next(stamp) - stamp;
        ticks.saturating_add(rescale_nearest(turned, Timescale::MPEG, scale))
    }

    fn line_of(&mut self, lane: usize) -> &mut Line {
        if self.lanes[lane].line == self.line.number { &mut self.line } else { &mut self.previous }
    }

    /// The offset for a sample of this time, in µs. Where it `leads` a piece of pictures and comes too late for its time, all
    /// that follows is shown so much later.
    fn offset(&mut self, lane: usize, time_us: i64, now: Utc, leads: bool, out: &mut Vec<Output>) -> i64 {
        let end_us = self.lanes.iter().map(|strand| strand.end_us).max().unwrap_or(0);
        let begins_us = self.begin_us(end_us, now);
        let strand = &mut self.lanes[lane];
        let step_us = strand.last_us.replace(time_us).map_or(0, |last| time_us.saturating_sub(last));
        let line = self.line_of(lane);
        if !(-JUMP_BACK_US..=JUMP_AHEAD_US).contains(&step_us) {
            out.push(Output::Trouble(Trouble::TimestampJump(step_us / 1_000)));
            // The other lane may have made the same jump before.
            let near = now.0 - JUMP_BACK_US..=now.0 + 2 * JUMP_AHEAD_US;
            line.offset_us = line.offset_us.filter(|offset| near.contains(&time_us.saturating_add(*offset)));
        }
        let offset_us = *line.offset_us.get_or_insert(begins_us.saturating_sub(time_us));
        let late_us = now.0.saturating_sub(time_us.saturating_add(offset_us));
        if leads && late_us > 0 {
            line.offset_us = Some(offset_us.saturating_add(late_us));
        }
        line.offset_us.unwrap_or(offset_us)
    }

    fn place(
        &mut self,
        lane: usize,
        at: usize,
        sample: Sample,
        offset_us: i64,
        is_news: &mut bool,
        out: &mut Vec<Output>,
    ) {
        let carried = &mut self.lanes[lane].tracks[at];
        let scale = carried.track.timescale;
        let stamped = sample.dts.saturating_add(rescale_nearest(offset_us, Timescale::MICROS, scale));
        if stamped <= carried.last.unwrap_or_else(|| self.latest.ticks(scale)) {
            return out.push(Output::Trouble(Trouble::BehindTrack));
        }
        let placed = match sample.duration {
            Some(ticks) if carried.track.id == AUDIO => carried.laid.place(stamped, ticks, scale, out),
            _ => Some(stamped),
        };
        let Some(dts) = placed else { return };
        let step = carried.last.map_or(0, |last| dts - last);
        carried.last = Some(dts);
        let id = carried.track.id;
        let micros = |ticks| rescale_nearest(ticks, scale, Timescale::MICROS);
        let at_us = micros(dts);
        let lasts_us = match sample.duration.map_or(micros(step), |ticks| micros(ticks.into())) {
            0 => FRAME_US,
            lasts => lasts.min(JUMP_BACK_US),
        };
        let strand = &mut self.lanes[lane];
        strand.end_us = strand.end_us.max(at_us + lasts_us);
        if id == VIDEO {
            self.pictures_end_us = at_us + lasts_us;
        }
        if std::mem::take(is_news) {
            let mut tracks: Vec<_> = self
                .lanes
                .iter()
                .flat_map(|strand| &strand.tracks)
                .map(|carried| carried.track.clone())
                .collect();
            tracks.sort_by_key(|track| track.id.0);
            self.hold(at_us, Output::Tracks(tracks));
        }
        self.held_bytes += sample.data.len();
        self.hold(at_us, Output::Sample(Sample { track: id, dts, ..sample }));
    }

    fn hold(&mut self, at_us: i64, output: Output) {
        self.pushed += 1;
        self.held.insert((at_us, self.pushed), output);
    }

    /// Takes a lane's tracks, one of each kind; whether they are others than before. Sound that is apart has no place in the
    /// lane of pictures.
    fn tracks(&mut self, lane: usize, lanes: Lanes, tracks: &[Track]) -> bool {
        let mut before = std::mem::take(&mut self.lanes[lane].tracks);
        let told: Vec<_> = before.iter().map(|carried| carried.track.clone()).collect();
        let mut now: Vec<Carried> = Vec::new();
        for track in tracks {
            let id = if track.format.is_video() { VIDEO } else { AUDIO };
            let is_wanted = lanes == Lanes::One || (id == VIDEO) == (lane == 0);
            if !is_wanted || now.iter().any(|carried| carried.track.id == id) {
                continue;
            }
            let from = track.id;
            let track = Track { id, ..track.clone() };
            let same = |old: &mut Carried| old.track.id == id && old.track.timescale == track.timescale;
            let old = before.extract_if(.., same).next();
            let (last, laid) = old.map_or_else(Default::default, |old| (old.last, old.laid));
            now.push(Carried { from, track, last, laid });
        }
        let is_news = !now.iter().map(|carried| &carried.track).eq(&told);
        self.lanes[lane].tracks = now;
        is_news
    }
}

const fn is_a_time(time_us: i64) -> bool {
    -FURTHEST_US <= time_us && time_us <= FURTHEST_US
}

#[cfg(test)]
mod tests;
