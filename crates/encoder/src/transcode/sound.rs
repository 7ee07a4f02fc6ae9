//! Sound: resampled, laid on the epoch's AAC frame grid, encoded once.

use bytes::Bytes;
use cmaf::Labels;
use ffmpeg::{AudioSettings, Encoder, Frame, Resampler};
use media::{Format, Sample, Timescale, Track, TrackId};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use spec::AudioRendition;
use wire::Content;

use super::cuts::{AAC_FRAME, AAC_RATE, Cuts, SOUND_RATE};
use super::sound_line::SoundLine;
use super::track::{Ending, Sink, TrackHead, TrackWriter};
use super::{Settings, TranscodeError};
use crate::metrics::TranscodeMetrics;

/// How long sound that is late behind the picture is awaited before silence takes its place, in samples (0.7 s):
/// more than publishers interleave, less than half of any segment.
const PATIENCE: i64 = SOUND_RATE as i64 * 7 / 10;

/// Silence is told in the log once it lasts this many AAC frames: a second.
const SILENCE_TOLD: u64 = 47;

/// One audio rendition of a channel.
pub(crate) struct Sound<S> {
    bitrate_bps: u32,
    /// Its place among them, its name in URLs and what it is.
    index: usize,
    name: String,
    rendition: AudioRendition,
    cuts: Cuts,
    writer: TrackWriter<S>,
    resampler: Resampler,
    line: SoundLine,
    run: Option<Run>,
    /// AAC frames whose sound was missing, of the channel.
    silent_frames: Counter,
    /// The same, without one between that was there.
    silent_in_a_row: u64,
    /// 1 while that lasts for a second or longer.
    lost: Gauge,
    /// Scratch space of the resampler.
    planes: [Vec<f32>; 2],
}

struct Run {
    encoder: Encoder,
    /// First AAC frame of the track in this run.
    first: i64,
    /// Next AAC frame to encode.
    next: i64,
}

/// Whether the source has sound that may still come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expect {
    /// Wait for it for a while.
    Sound,
    /// There is none: silence at once.
    Silence,
}

/// Opens the AAC encoder and tells what its track will be.
pub(crate) fn open(
    bitrate_bps: u32,
    index: usize,
    rendition: &AudioRendition,
) -> Result<(Encoder, TrackHead), TranscodeError> {
    let name = AudioRendition::track_name(index);
    let refused = |fault| TranscodeError::Encoder { track: name.clone(), fault };
    let encoder = Encoder::audio(&AudioSettings { sample_rate: SOUND_RATE, bitrate_bps }).map_err(refused)?;
    let format = codec::aac::format_from_asc(Bytes::copy_from_slice(encoder.headers()))
        .map_err(|fault| TranscodeError::Headers { track: name.clone(), fault: fault.to_string() })?;
    let track = Track {
        id: TrackId(1),
        timescale: Timescale::new(SOUND_RATE),
        format: Format::Audio(format),
        language: None,
    };
    let mut labels = Labels { bitrate_bps: Some(bitrate_bps), ..Labels::named(&name) };
    labels.label = rendition.name.clone();
    if let Some(language) = &rendition.language {
        labels.language = language.clone();
    }
    Ok((encoder, TrackHead::labelled(&labels, track, 0)))
}

impl<S: Sink> Sound<S> {
    pub(crate) fn new(
        settings: &Settings,
        index: usize,
        cuts: Cuts,
        writer: TrackWriter<S>,
        metrics: &TranscodeMetrics,
    ) -> Self {
        Self {
            bitrate_bps: settings.audio_bps,
            index,
            name: AudioRendition::track_name(index),
            rendition: settings.audio[index].clone(),
            lost: metrics.audio_lost(&settings.channel, &AudioRendition::track_name(index)),
            cuts,
            writer,
            resampler: Resampler::new(SOUND_RATE),
            line: SoundLine::new(),
            run: None,
            silent_frames: metrics.channel(&settings.channel).silent_frames,
            silent_in_a_row: 0,
            planes: [Vec::new(), Vec::new()],
        }
    }

    /// Adds a decoded block whose first sample is heard at `at`, in samples of the epoch line; its [`peak`].
    pub(crate) fn push_frame(&mut self, frame: &Frame, at: i64) -> Result<f32, ffmpeg::Error> {
        let [left, right] = &mut self.planes;
        left.clear();
        right.clear();
        let delay = self.resampler.convert(frame, left, right)?;
        self.line.push(at - i64::from(delay), left, right);
        Ok(peak(left, right))
    }

    /// Adds raw stereo sound whose first sample is heard at `at`; its [`peak`].
    pub(crate) fn push_samples(&mut self, left: &[f32], right: &[f32], at: i64) -> f32 {
        self.line.push(at, left, right);
        peak(left, right)
    }

    /// Begins a run whose first AAC frame is `first`.
    pub(crate) fn begin(&mut self, first: i64) -> Result<(), TranscodeError> {
        let (encoder, head) = open(self.bitrate_bps, self.index, &self.rendition)?;
        self.writer.begin(&head, self.cuts.place(first, AAC_RATE));
        // One frame earlier primes the encoder: what it gives for that frame's start is left out.
        self.run = Some(Run { encoder, first, next: first - 1 });
        Ok(())
    }

    /// Encodes every frame that ends by sample `until`, as far as its sound is there or no longer awaited.
    pub(crate) fn encode_until(&mut self, until: i64, expect: Expect) -> Result<(), TranscodeError> {
        while let Some(run) = &self.run {
            let end = (run.next + 1) * AAC_FRAME;
            let patience = if expect == Expect::Sound { PATIENCE } else { 0 };
            if end > until || (self.line.end() < end && until - end < patience) {
                break;
            }
            self.encode_next()?;
        }
        Ok(())
    }

    /// Encodes every frame that starts before sample `end` and closes the track's open segment.
    pub(crate) fn end(&mut self, end: i64, ending: Ending) -> Result<(), TranscodeError> {
        while self.run.as_ref().is_some_and(|run| run.next * AAC_FRAME < end) {
            self.encode_next()?;
        }
        if let Some(run) = &mut self.run {
            // One block more makes the encoder give the last wanted frame; the frame it is for is left out.
            let after = run.next * AAC_FRAME;
            run.encoder.finish();
            self.take_packets(after)?;
            self.writer.finish(ending);
            self.run = None;
        }
        Ok(())
    }

    fn encode_next(&mut self) -> Result<(), TranscodeError> {
        let Some(run) = &mut self.run else { return Ok(()) };
        if self.line.covers(run.next) {
            if self.silent_in_a_row >= SILENCE_TOLD {
                self.lost.set(0);
                tracing::info!(event = "audio_loss", state = "cleared", track = self.name, "sound is back");
            }
            self.silent_in_a_row = 0;
        } else {
            self.silent_frames.inc();
            self.silent_in_a_row += 1;
            if self.silent_in_a_row == SILENCE_TOLD {
                self.lost.set(1);
                let text = "no sound for a second: silence takes its place";
                tracing::warn!(event = "audio_loss", state = "raised", track = self.name, "{text}");
            }
        }
        if run.next >= run.first {
            let content = if self.line.covers(run.next) { Content::Source } else { Content::Repeat };
            self.writer.note(self.cuts.slot_of_frame(run.next, AAC_RATE), content, false);
        }
        let [left, right] = self.line.take(run.next);
        let refused = |fault| TranscodeError::Encoder { track: self.name.clone(), fault };
        run.encoder.send_sound(&left, &right, run.next * AAC_FRAME).map_err(refused)?;
        run.next += 1;
        self.take_packets(i64::MAX)
    }

    /// Writes packets that start before `until`.
    fn take_packets(&mut self, until: i64) -> Result<(), TranscodeError> {
        let refused = |fault| TranscodeError::Encoder { track: self.name.clone(), fault };
        let Some(run) = &mut self.run else { return Ok(()) };
        while let Some(packet) = run.encoder.receive().map_err(refused)? {
            let time = packet.pts().expect("the AAC encoder tells times");
            if time < run.first * AAC_FRAME || time >= until {
                continue;
            }
            let sample = Sample {
                track: TrackId(1),
                dts: time,
                composition_offset: 0,
                duration: Some(AAC_FRAME as u32),
                sync: true,
                data: Bytes::copy_from_slice(packet.data()),
            };
            self.writer
                .push(sample, self.cuts.place(time / AAC_FRAME, AAC_RATE))
                .map_err(|fault| TranscodeError::Order { track: self.name.clone(), fault })?;
        }
        Ok(())
    }

    /// The sink back, at the end.
    pub(crate) fn into_sink(self) -> S {
        self.writer.into_sink()
    }
}

/// The largest sample's size, as a share of full scale.
pub(crate) fn peak(left: &[f32], right: &[f32]) -> f32 {
    left.iter().chain(right).fold(0.0, |peak, sample| peak.max(sample.abs()))
}
