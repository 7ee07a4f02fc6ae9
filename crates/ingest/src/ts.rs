//! The door for transport streams, whatever brings their bytes: from MPEG-TS to tracks and samples on the epoch timeline.

use media::{Anchor, Sample, Timescale, Track, TrackId, Utc, rescale_floor, rescale_nearest};
use mpegts::{Demuxer, Event, Select};

use crate::end_to_end::EndToEnd;
use crate::source::{AUDIO, Output, VIDEO};
use crate::trouble::Trouble;

/// How far behind the latest sample another track's may lie, in ms: multiplexers send pictures up to a decoder's buffer
/// earlier than the sound they go with.
const INTERLEAVE_MS: i64 = 3_000;
/// Transport packets in a datagram, as everybody sends them: what an Ethernet frame holds.
const PACKETS_PER_DATAGRAM: u64 = 7;

/// Audio tracks of a program that are carried.
const MAX_SOUNDS: usize = 8;

/// One publishing session's transport stream.
#[derive(Debug)]
pub(crate) struct TsSource {
    demuxer: Demuxer,
    anchor: Anchor,
    floor: Utc,
    carried: Vec<Carried>,
}

/// A track that is handed on.
#[derive(Debug)]
struct Carried {
    /// Its id at the demultiplexer.
    from: TrackId,
    track: Track,
    /// Its latest decode time on the epoch.
    last: Option<i64>,
    /// Sound, laid end to end.
    laid: EndToEnd,
}

impl TsSource {
    /// A source of what `select` names, whose samples all lie after `floor`.
    pub(crate) fn new(select: Select, floor: Utc) -> Self {
        Self {
            demuxer: Demuxer::new(select),
            anchor: Anchor::after(floor).with_disorder(INTERLEAVE_MS),
            floor,
            carried: Vec::new(),
        }
    }

    /// The latest time given to a sample.
    pub(crate) const fn latest(&self) -> Utc {
        self.anchor.latest()
    }

    /// Takes bytes, cut anywhere, that arrived at `now`; appends what comes of them to `out`.
    pub(crate) fn push(&mut self, bytes: &[u8], now: Utc, out: &mut Vec<Output>) {
        self.demuxer.push(bytes);
        self.poll(now, out);
    }

    /// So many datagrams are missing before the next bytes.
    pub(crate) fn lost(&mut self, datagrams: u64, now: Utc, out: &mut Vec<Output>) {
        self.demuxer.lost(datagrams.saturating_mul(PACKETS_PER_DATAGRAM));
        self.poll(now, out);
    }

    /// No more bytes come: what is held is given out.
    pub(crate) fn finish(&mut self, now: Utc, out: &mut Vec<Output>) {
        self.demuxer.finish();
        self.poll(now, out);
    }

    fn poll(&mut self, now: Utc, out: &mut Vec<Output>) {
        while let Some(event) = self.demuxer.poll() {
            match event {
                Event::Tracks(streams) => self.tracks(streams, out),
                Event::Sample(sample) => self.sample(sample, now, out),
                Event::Warning(warning) => out.push(Output::Trouble(Trouble::Ts(warning))),
                Event::Section { .. } => out.push(Output::Trouble(Trouble::Cue)),
                Event::Id3 { .. } => out.push(Output::Trouble(Trouble::Metadata)),
                // A clock that jumps takes its samples with it, and those tell.
                Event::ClockJump { .. } | Event::Ended => {}
            }
        }
    }

    /// The first picture and the first sounds that the program's map names are carried.
    fn tracks(&mut self, streams: Vec<mpegts::Stream>, out: &mut Vec<Output>) {
        let mut before = std::mem::take(&mut self.carried);
        for stream in streams {
            let from = stream.track.id;
            let is_video = stream.track.format.is_video();
            let before_it = self.carried.iter().filter(|carried| carried.track.format.is_video() == is_video);
            let id = match (is_video, before_it.count()) {
                (true, 0) => VIDEO,
                (false, sounds) if sounds < MAX_SOUNDS => TrackId(AUDIO.0 + sounds as u8),
                _ => {
                    out.push(Output::Trouble(Trouble::OtherTrack));
                    continue;
                }
            };
            let language = stream.language.map(|language| language.to_string());
            let track = Track { id, language, ..stream.track };
            let same = |old: &mut Carried| old.from == from && old.track.timescale == track.timescale;
            let old = before.extract_if(.., same).next();
            let (last, laid) = old.map_or_else(Default::default, |old| (old.last, old.laid));
            self.carried.push(Carried { from, track, last, laid });
        }
        let has = |id| self.carried.iter().any(|carried| carried.track.id == id);
        if !has(VIDEO) {
            out.push(Output::Trouble(Trouble::NoVideo));
        }
        if !has(AUDIO) {
            out.push(Output::Trouble(Trouble::NoAudio));
        }
        self.carried.sort_by_key(|carried| carried.track.id.0);
        out.push(Output::Tracks(self.carried.iter().map(|carried| carried.track.clone()).collect()));
    }

    fn sample(&mut self, sample: Sample, now: Utc, out: &mut Vec<Output>) {
        let Some(carried) = self.carried.iter_mut().find(|carried| carried.from == sample.track) else {
            return;
        };
        let scale = carried.track.timescale;
        let placed = self.anchor.place(rescale_floor(sample.dts, scale, Timescale::MILLIS), now);
        if let Some(jump_ms) = placed.jump_ms {
            out.push(Output::Trouble(Trouble::TimestampJump(jump_ms)));
        }
        // All of a line is moved by one offset, so that the spacing stays exact to the tick.
        let dts = sample.dts.saturating_add(rescale_nearest(placed.offset_us, Timescale::MICROS, scale));
        let floor = carried.last.unwrap_or_else(|| self.floor.ticks(scale));
        if dts <= floor {
            out.push(Output::Trouble(Trouble::BehindTrack));
            return;
        }
        let placed = match sample.duration {
            Some(ticks) if carried.track.id != VIDEO => carried.laid.place(dts, ticks, scale, out),
            _ => Some(dts),
        };
        let Some(dts) = placed else { return };
        carried.last = Some(dts);
        out.push(Output::Sample(Sample { track: carried.track.id, dts, ..sample }));
    }
}

#[cfg(test)]
mod tests;
