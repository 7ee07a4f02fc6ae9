//! Pieces of the playlists of a round laid on the epoch, and held until their time has come.

mod cast;
mod line;
mod lines;
mod strand;

use std::collections::BTreeMap;

use media::{Sample, Timescale, Unwrap, Utc, rescale_nearest};
use playlist::limits::MAX_PICTURES;

use super::lane::Piece;
use super::round::{LANES, LaneSet};
use super::segment::Item;
use crate::source::Output;
use crate::trouble::Trouble;
pub(crate) use cast::Moved;
use line::{Line, TURN};
use lines::Lines;
use strand::Strand;

/// Steps of a lane's times beyond these are a jump, in µs: ahead, as after segments that were missed; back, as multiplexers
/// send pictures earlier than their sound.
const JUMP_AHEAD_US: i64 = 30_000_000;
const JUMP_BACK_US: i64 = 5_000_000;
/// What lies further ahead of now is left out, in µs: thirty seconds are fetched ahead, and a segment is two minutes long at most
/// ([`playlist::limits::MAX_DURATION_S`]). While so much is held nothing more is taken, so a source's time must not run away.
const FURTHEST_AHEAD_US: i64 = 180_000_000;
/// Longest segment, in µs.
const LONGEST_US: i64 = 120_000_000;
/// Times of a source beyond this are none, in µs either way: 73,000 years.
const FURTHEST_US: i64 = i64::MAX / 4;
/// A frame's length where nothing tells it, in µs.
const FRAME_US: i64 = 40_000;
/// Where pieces meet.
///
/// Times that belong together, those of one line, are mapped to the epoch as one ([`Line`]), whichever rendition they are of. A line begins
/// where pictures that are held end, or now; when pictures come too late for their time, their line is moved on. A rendition that
/// is away is announced no longer, so that nothing waits for it, and anew when it comes back.
#[derive(Debug)]
pub(crate) struct Timeline {
    lines: Lines,
    strands: [Strand; LANES],
    /// The round whose pieces are taken, its lanes, and whether some of them may be away.
    round: u64,
    lanes: LaneSet,
    is_ladder: bool,
    away: LaneSet,
    /// Those that went away or came back, and are still to be told of.
    moved: Vec<(usize, Moved)>,
    /// Whose sound is heard, where it is in with the pictures.
    speaker: Option<usize>,
    /// The tracks are others than those that were announced.
    is_news: bool,
    /// The longest segment, in µs.
    longest_us: i64,
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

/// The times of a piece, in µs of its source.
#[derive(Clone, Copy, Debug)]
struct Span {
    first_us: i64,
    middle_us: i64,
}

impl Timeline {
    /// A timeline whose samples all lie after `floor`.
    pub(crate) fn after(floor: Utc) -> Self {
        Self {
            lines: Lines::default(),
            strands: Default::default(),
            round: 0,
            lanes: LaneSet::default(),
            is_ladder: false,
            away: LaneSet::default(),
            moved: Vec::new(),
            speaker: None,
            is_news: false,
            longest_us: 0,
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
        self.strands[lane].end_us.saturating_sub(now.0)
    }

    /// How far what has been brought reaches beyond `now`, in µs.
    pub(crate) fn lead_us(&self, now: Utc) -> i64 {
        self.end_us().saturating_sub(now.0)
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
        for (lane, piece) in &pieces {
            self.enter(&piece.round);
            let first = piece.apart.items.iter().find_map(|item| match item {
                Item::Tracks(tracks) => Some(tracks),
                Item::Sample(_) | Item::Warning(_) => None,
            });
            self.is_news |= first.is_some_and(|tracks| self.strands[*lane].take(*lane, &piece.round, tracks));
        }
        for (lane, piece) in pieces {
            self.reserve_us = i64::try_from(piece.reserve.as_micros()).unwrap_or(0);
            if self.begin(lane, piece.line) {
                let end_us = self.end_us();
                self.choose_speaker(lane, now);
                self.lay(lane, piece, now, out);
                if self.end_us() > end_us {
                    self.strands.iter_mut().for_each(|strand| strand.missed += 1);
                }
                self.strands[lane].missed = 0;
            } else {
                out.push(Output::Trouble(Trouble::BehindTrack));
            }
        }
        if self.is_ladder {
            self.look_who_is_away();
        }
    }

    /// A piece of this line comes; false where the line is over already, in all lanes.
    fn begin(&mut self, lane: usize, (round, line): (u64, u64)) -> bool {
        let strand = &mut self.strands[lane];
        if (strand.line.0, strand.line.1) == (round, line) {
            return true;
        }
        let Some(known) = self.lines.enter((round, line)) else {
            return false;
        };
        (strand.line, strand.turns, strand.last_us) = (known.number, known.turns, None);
        let (strands, lanes) = (&self.strands, self.lanes);
        self.lines.forget_but(|number| lanes.iter().any(|lane| strands[lane].line == number));
        true
    }

    fn lay(&mut self, lane: usize, piece: Piece, now: Utc, out: &mut Vec<Output>) {
        let span = self.span(lane, &piece);
        let mut offset_us = span.map(|span| self.offset_us(lane, span, now));
        let wraps = piece.apart.wraps;
        for item in piece.apart.items {
            let mut sample = match item {
                Item::Tracks(tracks) => {
                    self.is_news |= self.strands[lane].take(lane, &piece.round, &tracks);
                    continue;
                }
                Item::Warning(warning) => {
                    out.push(Output::Trouble(Trouble::Ts(warning)));
                    continue;
                }
                Item::Sample(sample) => sample,
            };
            let strand = &mut self.strands[lane];
            let Some(at) = strand.tracks.iter().position(|carried| carried.from == sample.track) else {
                continue;
            };
            let (scale, is_picture) = {
                let track = &strand.tracks[at].track;
                (track.timescale, track.format.is_video())
            };
            if !is_picture && lane < MAX_PICTURES && self.speaker != Some(lane) {
                continue;
            }
            let stamp = sample.dts;
            if wraps {
                sample.dts = unwrap(&mut strand.turns, stamp, scale);
            }
            let mut time_us = micros(sample.dts, scale);
            if !is_a_time(time_us) {
                out.push(Output::Trouble(Trouble::TooFarAhead));
                continue;
            }
            let step_us = strand.last_us.replace(time_us).map_or(0, |last| time_us.saturating_sub(last));
            if !(-JUMP_BACK_US..=JUMP_AHEAD_US).contains(&step_us) {
                out.push(Output::Trouble(Trouble::TimestampJump(step_us / 1_000)));
                let ticks = |turns: &mut Unwrap<TURN>| match wraps {
                    true => unwrap(turns, stamp, scale),
                    false => stamp,
                };
                let (dts, leapt_us) = self.leap(lane, ticks, scale, now);
                sample.dts = dts;
                offset_us = Some(leapt_us);
                time_us = micros(dts, scale);
                self.strands[lane].last_us = Some(time_us);
            }
            let lone = Span { first_us: time_us, middle_us: time_us };
            let offset = *offset_us.get_or_insert_with(|| self.offset_us(lane, lone, now));
            if time_us.saturating_add(offset) > now.0.saturating_add(FURTHEST_AHEAD_US) {
                out.push(Output::Trouble(Trouble::TooFarAhead));
                continue;
            }
            if self.place(lane, at, sample, offset, out) && lane < MAX_PICTURES {
                self.line_of(lane).reaches(time_us);
            }
        }
        let turns = self.strands[lane].turns;
        self.line_of(lane).turns = turns;
    }

    /// The times of a piece: those of its pictures, where it has some.
    fn span(&mut self, lane: usize, piece: &Piece) -> Option<Span> {
        let strand = &self.strands[lane];
        let leading = strand.tracks.iter().find(|carried| carried.track.format.is_video());
        let carried = leading.or(strand.tracks.first())?;
        let (from, scale, mut turns) = (carried.from, carried.track.timescale, strand.turns);
        let mut times = piece.apart.items.iter().filter_map(|item| match item {
            Item::Sample(sample) if sample.track == from => {
                let ticks =
                    if piece.apart.wraps { unwrap(&mut turns, sample.dts, scale) } else { sample.dts };
                Some(micros(ticks, scale)).filter(|time_us| is_a_time(*time_us))
            }
            Item::Sample(_) | Item::Tracks(_) | Item::Warning(_) => None,
        });
        let first_us = times.next()?;
        let lasts_us = times.last().map_or(0, |last| last - first_us);
        // Where times jump in it, its first says where it belongs.
        let lasts_us = if (0..=LONGEST_US).contains(&lasts_us) { lasts_us } else { 0 };
        self.longest_us = self.longest_us.max(lasts_us);
        Some(Span { first_us, middle_us: first_us + lasts_us / 2 })
    }

    /// The offset of a piece, in µs. Where it begins a line, it is laid where those before it end. Where its pictures are the first that
    /// come there, and come too late for their time, all from there on is shown so much later.
    fn offset_us(&mut self, lane: usize, span: Span, now: Utc) -> i64 {
        let has_pictures = self.strands[lane].tracks.iter().any(|carried| carried.track.format.is_video());
        let end_us = if has_pictures { self.pictures_end_us } else { self.end_us() };
        let begins_us = self.begin_us(end_us, now);
        let line = self.line_of(lane);
        let Some(offset_us) = line.offset_us(span.middle_us) else {
            return line.lay(span.first_us, begins_us);
        };
        let late_us = now.0.saturating_sub(span.first_us.saturating_add(offset_us));
        match lane < MAX_PICTURES && late_us > 0 && line.is_new_ground(span.middle_us) {
            true => line.delay(span.first_us, late_us),
            false => offset_us,
        }
    }

    /// A lane's times have jumped: it is on another line from here on. Where another lane made the same jump before, that is the
    /// one; else one begins. `ticks` tells the sample's time by the turns of a line. Gives that back as it is there, and the offset in µs.
    fn leap(
        &mut self,
        lane: usize,
        ticks: impl Fn(&mut Unwrap<TURN>) -> i64,
        scale: Timescale,
        now: Utc,
    ) -> (i64, i64) {
        let near = now.0 - JUMP_BACK_US..=now.0 + 2 * JUMP_AHEAD_US;
        let known = self.lines.near(|turns| micros(ticks(turns), scale), &near);
        let begins_us = self.begin_us(self.end_us(), now);
        let strand = &mut self.strands[lane];
        (strand.line, strand.turns) =
            known.unwrap_or_else(|| (self.lines.branch(strand.line, strand.turns), strand.turns));
        let dts = ticks(&mut strand.turns);
        let time_us = micros(dts, scale);
        let line = self.lines.at(strand.line);
        let offset_us = line.offset_us(time_us).unwrap_or_else(|| line.lay(time_us, begins_us));
        (dts, offset_us)
    }

    /// Where a line begins: where what is in hand ends, which is `end_us`; later than now where there is nothing.
    fn begin_us(&self, end_us: i64, now: Utc) -> i64 {
        let begins_us = if end_us > now.0 { end_us } else { now.0 + self.reserve_us };
        begins_us.max(self.latest.0 + 1)
    }

    /// Where all that was brought ends, on the epoch in µs.
    fn end_us(&self) -> i64 {
        self.strands.iter().map(|strand| strand.end_us).max().unwrap_or(0)
    }

    fn line_of(&mut self, lane: usize) -> &mut Line {
        self.lines.at(self.strands[lane].line)
    }

    /// Whether the sample was placed.
    fn place(
        &mut self,
        lane: usize,
        at: usize,
        sample: Sample,
        offset_us: i64,
        out: &mut Vec<Output>,
    ) -> bool {
        let carried = &mut self.strands[lane].tracks[at];
        let (scale, is_picture) = (carried.track.timescale, carried.track.format.is_video());
        let stamped = sample.dts.saturating_add(rescale_nearest(offset_us, Timescale::MICROS, scale));
        if stamped <= carried.last.unwrap_or_else(|| self.latest.ticks(scale)) {
            out.push(Output::Trouble(Trouble::BehindTrack));
            return false;
        }
        let placed = match sample.duration {
            Some(ticks) if !is_picture => carried.laid.place(stamped, ticks, scale, out),
            _ => Some(stamped),
        };
        let Some(dts) = placed else { return false };
        let step = carried.last.map_or(0, |last| dts - last);
        carried.last = Some(dts);
        let id = carried.track.id;
        let at_us = micros(dts, scale);
        let lasts_us = match sample.duration.map_or(micros(step, scale), |ticks| micros(ticks.into(), scale))
        {
            0 => FRAME_US,
            lasts => lasts.min(JUMP_BACK_US),
        };
        let strand = &mut self.strands[lane];
        strand.end_us = strand.end_us.max(at_us + lasts_us);
        if is_picture {
            self.pictures_end_us = self.pictures_end_us.max(at_us + lasts_us);
        }
        if self.away.remove(lane) {
            self.moved.push((lane, Moved::Back));
            self.is_news = true;
        }
        if std::mem::take(&mut self.is_news) {
            let tracks = self.tracks();
            self.hold(at_us, Output::Tracks(tracks));
        }
        self.held_bytes += sample.data.len();
        self.hold(at_us, Output::Sample(Sample { track: id, dts, ..sample }));
        true
    }

    fn hold(&mut self, at_us: i64, output: Output) {
        self.pushed += 1;
        self.held.insert((at_us, self.pushed), output);
    }
}

/// Moves a time stamp that wraps to a line.
fn unwrap(turns: &mut Unwrap<TURN>, ticks: i64, scale: Timescale) -> i64 {
    let stamp = rescale_nearest(ticks, scale, Timescale::MPEG);
    let turned = turns.next(stamp) - stamp;
    ticks.saturating_add(rescale_nearest(turned, Timescale::MPEG, scale))
}

const fn micros(ticks: i64, scale: Timescale) -> i64 {
    rescale_nearest(ticks, scale, Timescale::MICROS)
}

const fn is_a_time(time_us: i64) -> bool {
    -FURTHEST_US <= time_us && time_us <= FURTHEST_US
}

#[cfg(test)]
mod tests;
