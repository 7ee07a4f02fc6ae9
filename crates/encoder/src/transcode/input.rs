//! Coded samples to pictures and sound with epoch times.

use ffmpeg::{Decoder, Deinterlacer, Fields, Frame};
use media::{MediaTime, Rational, Sample, Timescale, TrackId};

use crate::metrics::ChannelFigures;
use crate::source::InputTrack;

/// Most pictures a second that are decoded.
const MAX_RATE: f64 = 120.0;
/// Luma samples one decoder thread is given: a picture of 1080p. More threads than a picture needs cost time.
const SAMPLES_PER_THREAD: usize = 1_920 * 1_088;

/// The decoders of a source's tracks. Further tracks of a kind are left alone.
#[derive(Debug, Default)]
pub(crate) struct Input {
    video: Option<Video>,
    audio: Option<Stream>,
}

#[derive(Debug)]
struct Stream {
    id: TrackId,
    timescale: Timescale,
    decoder: Decoder,
}

#[derive(Debug)]
struct Video {
    stream: Stream,
    fields: Fields,
    /// From the first interlaced frame on.
    deinterlacer: Option<Deinterlacer>,
}

/// What came out of a sample.
#[derive(Debug, Default)]
pub(crate) struct Decoded {
    /// Progressive pictures in presentation order, with nanoseconds since the epoch.
    pub(crate) pictures: Vec<(i64, Frame)>,
    /// Blocks of sound, with nanoseconds since the epoch.
    pub(crate) sounds: Vec<(i64, Frame)>,
}

impl Input {
    /// Opens a decoder for the first track of each kind. What cannot be decoded is said and left out. `fastest` is
    /// the fastest rung's rate, `cores` bounds the threads.
    pub(crate) fn open(
        tracks: &[InputTrack],
        fastest: Rational,
        cores: usize,
        figures: &ChannelFigures,
    ) -> Self {
        let mut input = Self::default();
        for track in tracks {
            let taken = if track.is_video { input.video.is_some() } else { input.audio.is_some() };
            if taken {
                tracing::info!(
                    track = track.id.0,
                    "{}: a further track of its kind is left out",
                    track.description
                );
                continue;
            }
            if let Some(reason) = refusal(track) {
                figures.source_faults.inc();
                tracing::warn!(event = "input_refused", state = "happened", reason, "a track is left out");
                continue;
            }
            let samples = track.size.0 as usize * track.size.1 as usize;
            let threads =
                if track.is_video { samples.div_ceil(SAMPLES_PER_THREAD).clamp(1, cores) } else { 1 };
            let decoder = match Decoder::open(&track.parameters, threads) {
                Ok(decoder) => decoder,
                Err(fault) => {
                    figures.source_faults.inc();
                    tracing::warn!(track = track.id.0, "{} cannot be decoded: {fault}", track.description);
                    continue;
                }
            };
            tracing::info!(track = track.id.0, "source: {}", track.description);
            let stream = Stream { id: track.id, timescale: track.timescale, decoder };
            if track.is_video {
                let fields = fields(track.frame_rate, fastest);
                input.video = Some(Video { stream, fields, deinterlacer: None });
            } else {
                input.audio = Some(stream);
            }
        }
        input
    }

    /// Tells whether there are pictures and sound.
    pub(crate) fn tell(&self, figures: &ChannelFigures) {
        figures.has_video.set(i64::from(self.has_video()));
        figures.has_audio.set(i64::from(self.has_audio()));
    }

    /// The track whose pictures are decoded.
    pub(crate) fn video_id(&self) -> Option<TrackId> {
        self.video.as_ref().map(|video| video.stream.id)
    }

    /// The decode time of a sample of the pictures, in nanoseconds.
    pub(crate) fn time_of_picture(&self, sample: &Sample) -> Option<i64> {
        let stream = &self.video.as_ref().filter(|video| video.stream.id == sample.track)?.stream;
        Some(nanoseconds(MediaTime::new(sample.dts, stream.timescale)))
    }

    /// Forgets what the decoders hold: the next picture is a key frame.
    pub(crate) fn restart(&mut self) {
        if let Some(video) = &mut self.video {
            video.stream.decoder.flush();
            video.deinterlacer = None;
        }
        if let Some(audio) = &mut self.audio {
            audio.decoder.flush();
        }
    }

    pub(crate) const fn has_video(&self) -> bool {
        self.video.is_some()
    }

    pub(crate) const fn has_audio(&self) -> bool {
        self.audio.is_some()
    }

    /// Decodes one sample. Damage is an error after which the next sample may decode again.
    pub(crate) fn decode(&mut self, sample: &Sample, out: &mut Decoded) -> Result<(), ffmpeg::Error> {
        if let Some(video) = self.video.as_mut().filter(|video| video.stream.id == sample.track) {
            let sent = video.stream.decoder.send(&sample.data, sample.pts(), sample.dts);
            video.take(&mut out.pictures)?;
            return sent;
        }
        if let Some(audio) = self.audio.as_mut().filter(|audio| audio.id == sample.track) {
            let sent = audio.decoder.send(&sample.data, sample.pts(), sample.dts);
            audio.take(&mut out.sounds)?;
            return sent;
        }
        Ok(())
    }

    /// Gives what the decoders still hold; they take nothing more.
    pub(crate) fn finish(&mut self, out: &mut Decoded) -> Result<(), ffmpeg::Error> {
        if let Some(mut audio) = self.audio.take() {
            audio.decoder.finish();
            audio.take(&mut out.sounds)?;
        }
        if let Some(mut video) = self.video.take() {
            video.stream.decoder.finish();
            video.take(&mut out.pictures)?;
            if let Some(mut deinterlacer) = video.deinterlacer {
                let mut frames = Vec::new();
                deinterlacer.finish(&mut frames)?;
                out.pictures.extend(frames.into_iter().filter_map(timed));
            }
        }
        Ok(())
    }
}

impl Stream {
    fn take(&mut self, out: &mut Vec<(i64, Frame)>) -> Result<(), ffmpeg::Error> {
        while let Some(mut frame) = self.decoder.receive()? {
            // A frame of unknown time has no place; publishers' samples always have one.
            let Some(ticks) = frame.pts() else { continue };
            let time = nanoseconds(MediaTime::new(ticks, self.timescale));
            frame.set_pts(time);
            out.push((time, frame));
        }
        Ok(())
    }
}

impl Video {
    fn take(&mut self, out: &mut Vec<(i64, Frame)>) -> Result<(), ffmpeg::Error> {
        let mut decoded = Vec::new();
        let taken = self.stream.take(&mut decoded);
        for (time, frame) in decoded {
            if self.deinterlacer.is_none() && !frame.is_interlaced() {
                out.push((time, frame));
                continue;
            }
            let deinterlacer = self.deinterlacer.get_or_insert_with(|| {
                tracing::info!("the source is interlaced: deinterlacing");
                Deinterlacer::new(self.fields)
            });
            let mut frames = Vec::new();
            deinterlacer.push(frame, &mut frames)?;
            out.extend(frames.into_iter().filter_map(timed));
        }
        taken
    }
}

fn timed(frame: Frame) -> Option<(i64, Frame)> {
    Some((frame.pts()?, frame))
}

/// Why a track would cost more than one channel may.
fn refusal(track: &InputTrack) -> Option<String> {
    let (width, height) = track.size;
    let rate = track.frame_rate.filter(|rate| rate.as_f64() > MAX_RATE);
    if u64::from(width) * u64::from(height) > Decoder::MAX_PICTURE {
        let most = Decoder::MAX_PICTURE;
        return Some(format!("{}: a picture may have {most} samples (4096x2304)", track.description));
    }
    rate.map(|rate| format!("{}: {rate} fps, and {MAX_RATE} at most are decoded", track.description))
}

/// One picture a field where a rung can show them.
fn fields(source: Option<Rational>, fastest: Rational) -> Fields {
    match source {
        Some(source) if fastest.as_f64() > source.as_f64() * 1.5 => Fields::Each,
        _ => Fields::Joined,
    }
}

/// A time on the epoch in nanoseconds.
pub(crate) const fn nanoseconds(time: MediaTime) -> i64 {
    (time.ticks as i128 * 1_000_000_000 / time.scale.ticks_per_second() as i128) as i64
}
