//! One elementary stream: from its transport packets to samples.

mod av1;
mod frames;
mod framing;
mod opus;
mod pictures;

use bytes::Bytes;
use media::{Format, Sample, Timescale, Track, TrackId};

use crate::continuity::Continuity;
use crate::limits::{MAX_PES_BYTES, MAX_VIDEO_BYTES};
use crate::pes::{self, Assembler, End, Pes, PesFault};
use crate::psi::Entry;
use crate::section::Sections;
use crate::stream_type::{Audio, Kind};
use crate::unwrap::{StampLine, nearest};
use crate::{Language, Warning};
use frames::Frames;
use opus::OpusPackets;
use pictures::Pictures;

/// An elementary stream that is followed.
#[derive(Debug)]
pub(crate) struct Elementary {
    pub(crate) entry: Entry,
    pub(crate) id: TrackId,
    pub(crate) language: Option<Language>,
    pub(crate) continuity: Continuity,
    pub(crate) scrambled: bool,
    /// The track, once its format is known.
    pub(crate) track: Option<Track>,
    carrier: Carrier,
}

#[derive(Debug)]
enum Carrier {
    Pictures(Assembler, Box<Pictures>),
    Frames(Assembler, Frames),
    Opus(Assembler, OpusPackets),
    Id3(Assembler),
    Sections(Sections),
}

/// What comes of a packet.
#[derive(Debug, PartialEq)]
pub(crate) enum Step {
    /// The track's format, or a new one, in front of its first sample.
    NewFormat(Format),
    Sample(Coded),
    Section(Bytes),
    Id3 {
        pts: Option<i64>,
        data: Bytes,
    },
    Warning(Warning),
}

/// A sample that does not know its track yet.
#[derive(Debug, PartialEq)]
pub(crate) struct Coded {
    /// In the track's timescale.
    pub(crate) dts: i64,
    pub(crate) composition_offset: i32,
    pub(crate) duration: Option<u32>,
    pub(crate) sync: bool,
    pub(crate) data: Bytes,
}

/// A PES packet's times on the long line, in 90 kHz.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Times {
    pub(crate) pts: i64,
    pub(crate) dts: i64,
}

impl Elementary {
    /// A stream of `kind`; `None` for one that is not followed.
    pub(crate) fn new(entry: Entry, id: TrackId, kind: Kind) -> Option<Self> {
        let pid = entry.pid;
        let sound = || Assembler::new(End::Length, MAX_PES_BYTES);
        let carrier = match kind {
            Kind::Video(codec) => {
                let pictures = Box::new(Pictures::new(pid, codec));
                Carrier::Pictures(Assembler::new(End::Next, MAX_VIDEO_BYTES), pictures)
            }
            Kind::Audio(Audio::Opus { channels }) => Carrier::Opus(sound(), OpusPackets::new(pid, channels)),
            Kind::Audio(Audio::Adts) => Carrier::Frames(sound(), Frames::new(pid, framing::Framing::Adts)),
            Kind::Audio(Audio::Mpeg) => Carrier::Frames(sound(), Frames::new(pid, framing::Framing::Mpeg)),
            Kind::Audio(Audio::Ac3) => Carrier::Frames(sound(), Frames::new(pid, framing::Framing::Ac3)),
            Kind::Id3 => Carrier::Id3(sound()),
            Kind::Scte35 => Carrier::Sections(Sections::default()),
            Kind::NotCarried(_) | Kind::Other => return None,
        };
        let language = entry.descriptors().find_map(|descriptor| descriptor.language());
        Some(Self {
            entry,
            id,
            language,
            continuity: Continuity::default(),
            scrambled: false,
            track: None,
            carrier,
        })
    }

    /// Takes what a new map says of it, which is of the same kind.
    pub(crate) fn take_entry(&mut self, entry: Entry) {
        self.language = entry.descriptors().find_map(|descriptor| descriptor.language());
        self.entry = entry;
    }

    pub(crate) const fn pid(&self) -> u16 {
        self.entry.pid
    }

    /// True for pictures and sound.
    pub(crate) const fn is_media(&self) -> bool {
        !matches!(self.carrier, Carrier::Id3(_) | Carrier::Sections(_))
    }

    /// Takes a packet's payload. `line` unwraps time stamps of all streams of the program.
    pub(crate) fn packet(&mut self, payload: &[u8], starts: bool, line: &mut StampLine, out: &mut Vec<Step>) {
        let pid = self.pid();
        match &mut self.carrier {
            Carrier::Pictures(assembler, pictures) => {
                assembler.packet(payload, starts, |pes| pictures.take(times(pes, line), out));
                // What begins here with a time of its own is another access unit.
                if starts && pes::is_timed(payload) {
                    pictures.finish(out);
                }
            }
            Carrier::Frames(assembler, frames) => {
                assembler.packet(payload, starts, |pes| frames.take(times(pes, line), out));
            }
            Carrier::Opus(assembler, packets) => {
                assembler.packet(payload, starts, |pes| packets.take(times(pes, line), out));
            }
            Carrier::Id3(assembler) => {
                assembler.packet(payload, starts, |pes| id3(pid, times(pes, line), out))
            }
            Carrier::Sections(sections) => {
                sections.packet(payload, starts, |section| {
                    out.push(match section {
                        Ok(data) => Step::Section(data),
                        Err(fault) => Step::Warning(Warning::Section { pid, fault }),
                    });
                });
            }
        }
    }

    /// Packets were lost here, or continuity breaks by the stream's own word.
    pub(crate) fn lost(&mut self, out: &mut Vec<Step>) {
        let pid = self.pid();
        match &mut self.carrier {
            Carrier::Pictures(assembler, pictures) => {
                assembler.lost(|pes| pictures.take(pes.map(untimed), out));
            }
            Carrier::Frames(assembler, frames) => assembler.lost(|pes| frames.take(pes.map(untimed), out)),
            Carrier::Opus(assembler, packets) => assembler.lost(|pes| packets.take(pes.map(untimed), out)),
            Carrier::Id3(assembler) => assembler.lost(|pes| id3(pid, pes.map(untimed), out)),
            Carrier::Sections(sections) => sections.reset(),
        }
    }

    /// No more packets come: what is held is given out.
    pub(crate) fn finish(&mut self, line: &mut StampLine, out: &mut Vec<Step>) {
        let pid = self.pid();
        match &mut self.carrier {
            Carrier::Pictures(assembler, pictures) => {
                assembler.finish(|pes| pictures.take(times(pes, line), out));
                pictures.finish(out);
            }
            Carrier::Frames(assembler, frames) => {
                assembler.finish(|pes| frames.take(times(pes, line), out));
                frames.finish(out);
            }
            Carrier::Opus(assembler, packets) => {
                assembler.finish(|pes| packets.take(times(pes, line), out));
            }
            Carrier::Id3(assembler) => assembler.finish(|pes| id3(pid, times(pes, line), out)),
            Carrier::Sections(_) => {}
        }
    }

    /// A sample of this track.
    pub(crate) fn sample(&self, coded: Coded) -> Sample {
        let Coded { dts, composition_offset, duration, sync, data } = coded;
        Sample { track: self.id, dts, composition_offset, duration, sync, data }
    }

    /// The track of this format.
    pub(crate) fn track_of(&self, format: Format) -> Track {
        let timescale = match &format {
            Format::Video(_) => Timescale::MPEG,
            Format::Audio(audio) => Timescale::new(audio.sample_rate),
        };
        Track { id: self.id, timescale, format, language: None }
    }
}

/// A payload with its times, or the fault that cost it.
type Timed = Result<(Option<Times>, Bytes), PesFault>;

fn times(pes: Result<Pes, PesFault>, line: &mut StampLine) -> Timed {
    let Pes { stamps, payload } = pes?;
    let times = stamps.pts.map(|pts| {
        // The decode time leads: it goes on steadily, and the presentation time lies near it.
        let dts = line.next(stamps.dts.unwrap_or(pts));
        Times { pts: nearest(pts, dts), dts }
    });
    Ok((times, payload))
}

fn untimed(pes: Pes) -> (Option<Times>, Bytes) {
    (None, pes.payload)
}

fn id3(pid: u16, timed: Timed, out: &mut Vec<Step>) {
    out.push(match timed {
        Ok((times, data)) => Step::Id3 { pts: times.map(|times| times.pts), data },
        Err(fault) => Step::Warning(Warning::Pes { pid, fault }),
    });
}
