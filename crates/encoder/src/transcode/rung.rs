//! One rung: scaling and encoding on a thread of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use daemon::EpochClock;
use ffmpeg::{Colour, Encoder, Packet, VideoSettings};
use media::{Format, Sample, Track, TrackId, VideoCodec, VideoFormat};
use spec::{Latency, Preset, Rung};
use wire::Content;

use super::TranscodeError;
use super::cadence::frame_time_ns;
use super::cuts::Cuts;
use super::effort::Effort;
use super::pyramid::{Picture, Pyramid};
use super::track::{Ending, Sink, TrackHead, TrackWriter};
use crate::pulse::{Lane, Pulse};

/// Pictures that may wait for a rung: a fifth of a second of 30 fps, which evens out what scenes cost and keeps
/// memory small. At the bound the decoder waits.
const QUEUE: usize = 6;
/// The rate may rise this far above the average, in percent of it.
const MAX_RATE_PERCENT: u64 = 110;
/// Length of the decoder buffer the rate control keeps to, in milliseconds.
const BUFFER_MS: u64 = 1_500;

/// A frame that is encoded so long after its time is late, in microseconds: players have come to the end of what they
/// hold.
const LATE_US: i64 = 3_000_000;

/// What a rung is told.
pub(crate) enum Work {
    /// A run of frames begins: the first has number `first`.
    Begin {
        /// Number of the first frame.
        first: i64,
        /// What the stream says about its colours.
        colour: Colour,
    },
    /// The next frame.
    Frame {
        /// Its number on the epoch's grid.
        index: i64,
        /// What is shown.
        picture: Arc<Picture>,
        /// How it is coded.
        kind: ffmpeg::Picture,
        /// What it shows.
        content: Content,
    },
    /// The run has ended: close what is open.
    End(Ending),
}

/// The way to a rung's thread.
pub(crate) struct RungThread<S> {
    pub(crate) rung: Rung,
    pub(crate) work: SyncSender<Work>,
    pub(crate) thread: JoinHandle<Result<S, TranscodeError>>,
    /// How long it has worked, in nanoseconds.
    pub(crate) worked_ns: Arc<AtomicU64>,
}

/// What every rung of a channel shares.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) pyramid: Arc<Pyramid>,
    pub(crate) cuts: Cuts,
    pub(crate) latency: Latency,
    pub(crate) pulse: Pulse,
    /// The step of [`Effort`] that is wanted from the next cut on.
    pub(crate) step: Arc<AtomicU8>,
    /// The output clock, where frames can be late.
    pub(crate) clock: Option<EpochClock>,
}

impl<S: Sink + 'static> RungThread<S> {
    pub(crate) fn start(
        rung: Rung,
        level: usize,
        threads: usize,
        shared: Shared,
        writer: TrackWriter<S>,
    ) -> Result<Self, TranscodeError> {
        let (work, inbox) = sync_channel(QUEUE);
        let worked_ns = Arc::<AtomicU64>::default();
        let worked = worked_ns.clone();
        let encode = Encode { rung: rung.clone(), level, threads, shared, writer, run: None, worked };
        let thread = std::thread::Builder::new()
            .name(rung.name.chars().take(15).collect())
            .spawn(move || encode.run(&inbox))
            .map_err(TranscodeError::Thread)?;
        Ok(Self { rung, work, thread, worked_ns })
    }
}

/// Opens `rung`'s encoder, at a preset no slower than its own, and tells what its track will be.
pub(crate) fn open(
    rung: &Rung,
    preset: Preset,
    threads: usize,
    latency: Latency,
    colour: Colour,
) -> Result<(Encoder, TrackHead), TranscodeError> {
    let refused = |fault| TranscodeError::Encoder { track: rung.name.clone(), fault };
    let bitrate = u64::from(rung.bitrate_bps);
    let encoder = Encoder::video(&VideoSettings {
        codec: rung.codec,
        width: rung.width,
        height: rung.height,
        frame_rate: rung.frame_rate,
        bitrate_bps: rung.bitrate_bps,
        max_bitrate_bps: (bitrate * MAX_RATE_PERCENT / 100) as u32,
        buffer_bits: (bitrate * BUFFER_MS / 1_000) as u32,
        preset: preset.as_str(),
        headers_of: rung.preset.as_str(),
        profile: rung.profile.as_str(),
        threads,
        low_delay: latency != Latency::Standard,
        colour,
    })
    .map_err(refused)?;
    let headers = |fault: String| TranscodeError::Headers { track: rung.name.clone(), fault };
    let mut format = match rung.codec {
        VideoCodec::H264 => {
            codec::h264::format_from_annexb(encoder.headers()).map_err(|f| headers(f.to_string()))
        }
        VideoCodec::H265 => {
            codec::h265::format_from_annexb(encoder.headers()).map_err(|f| headers(f.to_string()))
        }
        VideoCodec::Av1 | VideoCodec::Mpeg2 => Err(headers(format!("{:?} is not encoded", rung.codec))),
    }?;
    format = VideoFormat { frame_rate: Some(rung.frame_rate), ..format };
    let track = Track {
        id: TrackId(0),
        timescale: rung.frame_rate.frame_timescale(),
        format: Format::Video(format),
        language: None,
    };
    let reorder = i64::from(encoder.reorder_frames()) * i64::from(rung.frame_rate.frame_ticks());
    let head = TrackHead::new(&rung.name, track, rung.bitrate_bps, reorder);
    Ok((encoder, head))
}

/// The thread's own.
struct Encode<S> {
    rung: Rung,
    level: usize,
    threads: usize,
    shared: Shared,
    writer: TrackWriter<S>,
    run: Option<Run>,
    worked: Arc<AtomicU64>,
}

struct Run {
    encoder: Encoder,
    preset: Preset,
    first: i64,
    colour: Colour,
    reorder_ticks: i64,
    lane: Lane,
    /// Its first packet has come: until then the encoder may still be looking ahead.
    brings: bool,
}

impl<S: Sink> Encode<S> {
    fn run(mut self, inbox: &Receiver<Work>) -> Result<S, TranscodeError> {
        while let Ok(work) = inbox.recv() {
            let begun = Instant::now();
            match work {
                Work::Begin { first, colour } => {
                    self.end(Ending::Over)?;
                    let preset = self.preset();
                    let (encoder, head) =
                        open(&self.rung, preset, self.threads, self.shared.latency, colour)?;
                    self.writer.begin(&head, self.shared.cuts.place(first, self.rung.frame_rate));
                    let (lane, reorder_ticks) = (self.shared.pulse.lane(), head.reorder_ticks);
                    self.run =
                        Some(Run { encoder, preset, first, colour, reorder_ticks, lane, brings: false });
                }
                Work::Frame { index, picture, kind, content } => {
                    if self.shared.cuts.is_cut(index, self.rung.frame_rate) {
                        self.change_preset(index)?;
                    }
                    self.note(index, content);
                    self.frame(index, &picture, kind)?;
                }
                Work::End(ending) => self.end(ending)?,
            }
            self.worked.fetch_add(begun.elapsed().as_nanos() as u64, Ordering::Relaxed);
        }
        self.end(Ending::Left)?;
        Ok(self.writer.into_sink())
    }

    /// The preset that is wanted.
    fn preset(&self) -> Preset {
        Effort::preset(&self.rung, self.shared.step.load(Ordering::Relaxed))
    }

    /// Goes on with another encoder at frame `first`, which begins a segment, where another preset is wanted.
    fn change_preset(&mut self, first: i64) -> Result<(), TranscodeError> {
        let preset = self.preset();
        let Some(run) = self.run.as_mut().filter(|run| run.preset != preset && run.first != first) else {
            return Ok(());
        };
        let (encoder, head) = open(&self.rung, preset, self.threads, self.shared.latency, run.colour)?;
        run.preset = preset;
        if head.reorder_ticks != run.reorder_ticks {
            // Decode times would not go on where they are.
            tracing::warn!(
                track = self.rung.name,
                preset = preset.as_str(),
                "this preset reorders pictures otherwise: left alone"
            );
            return Ok(());
        }
        run.encoder.finish();
        self.take_packets()?;
        if self.writer.has_other_header(&head) {
            self.writer.finish(Ending::Over);
            self.writer.go_on(&head);
        }
        if let Some(run) = &mut self.run {
            (run.encoder, run.first, run.brings) = (encoder, first, false);
        }
        Ok(())
    }

    fn frame(&mut self, index: i64, picture: &Picture, kind: ffmpeg::Picture) -> Result<(), TranscodeError> {
        let run = self.run.as_mut().expect("a run begins before its frames");
        let refused = |fault| TranscodeError::Encoder { track: self.rung.name.clone(), fault };
        let frame = self.shared.pyramid.frame(picture, self.level).map_err(refused)?;
        run.encoder.send_picture(frame, index - run.first, kind).map_err(refused)?;
        if !run.brings {
            run.lane.mark();
        }
        if kind == ffmpeg::Picture::Repeat {
            self.writer.figures().frames_repeated.inc();
        }
        self.take_packets()
    }

    fn note(&mut self, index: i64, content: Content) {
        let Shared { cuts, clock, .. } = &self.shared;
        let rate = self.rung.frame_rate;
        let due_us = frame_time_ns(index, rate) / 1_000 + LATE_US;
        let is_late = clock.as_ref().is_some_and(|clock| clock.now().0 > due_us);
        self.writer.note(cuts.slot_of_frame(index, rate), content, is_late);
    }

    fn take_packets(&mut self) -> Result<(), TranscodeError> {
        let Some(run) = &mut self.run else { return Ok(()) };
        let refused = |fault| TranscodeError::Encoder { track: self.rung.name.clone(), fault };
        while let Some(packet) = run.encoder.receive().map_err(refused)? {
            let (sample, index) = sample(&self.rung, run.first, packet);
            let place = self.shared.cuts.place(index, self.rung.frame_rate);
            let now_us = self.shared.clock.as_ref().map_or(i64::MAX, |clock| clock.now().0);
            let ahead_us = (frame_time_ns(index, self.rung.frame_rate) / 1_000).saturating_sub(now_us);
            let ahead = Duration::from_micros(u64::try_from(ahead_us).unwrap_or(0));
            run.lane.frame(place.at == 0, ahead);
            run.brings = true;
            self.writer
                .push(sample, place)
                .map_err(|fault| TranscodeError::Order { track: self.rung.name.clone(), fault })?;
        }
        Ok(())
    }

    fn end(&mut self, ending: Ending) -> Result<(), TranscodeError> {
        if let Some(run) = &mut self.run {
            run.encoder.finish();
            self.take_packets()?;
            self.writer.finish(ending);
            self.run = None;
        }
        Ok(())
    }
}

/// A packet as CMAF stores it, and the number of its frame. The encoder counts frames from the run's first.
pub(super) fn sample(rung: &Rung, first: i64, packet: Packet) -> (Sample, i64) {
    let ticks = i64::from(rung.frame_rate.frame_ticks());
    let pts = packet.pts().expect("video encoders tell presentation times");
    let dts = packet.dts().unwrap_or(pts);
    let data: Bytes = match rung.codec {
        VideoCodec::H264 => codec::h264::annexb_to_length_prefixed(packet.data()),
        VideoCodec::H265 | VideoCodec::Av1 | VideoCodec::Mpeg2 => {
            codec::h265::annexb_to_length_prefixed(packet.data())
        }
    };
    let sample = Sample {
        track: TrackId(0),
        dts: (first + dts) * ticks,
        composition_offset: ((pts - dts) * ticks) as i32,
        duration: Some(rung.frame_rate.frame_ticks()),
        sync: packet.is_key(),
        data,
    };
    (sample, first + pts)
}
