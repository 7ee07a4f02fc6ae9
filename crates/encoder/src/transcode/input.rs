//! Coded samples to pictures and sound with epoch times.

use ffmpeg::{Decoder, Deinterlacer, Fields, Frame};
use media::{MediaTime, Rational, Sample, Timescale, TrackId};

use spec::AudioRendition;

use crate::metrics::ChannelFigures;
use crate::source::InputTrack;

/// Most pictures a second that are decoded.
const MAX_RATE: f64 = 120.0;
/// Luma samples one decoder thread is given: a picture of 1080p. More threads than a picture needs cost time.
const SAMPLES_PER_THREAD: usize = 1_920 * 1_088;

/// The decoders of a source's tracks: of its first picture, and of the sound of each audio rendition.
#[derive(Debug, Default)]
pub(crate) struct Input {
    video: Option<Video>,
    sounds: Vec<Sound>,
}

/// The sound of one audio rendition, by its place among them.
#[derive(Debug)]
struct Sound {
    rendition: usize,
    stream: Stream,
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
    /// Blocks of sound: of which audio rendition, and nanoseconds since the epoch.
    pub(crate) sounds: Vec<(usize, i64, Frame)>,
}

impl Input {
    /// Opens decoders for the first track of pictures and for what the audio renditions want. What cannot be decoded is
    /// said and left out. `fastest` is the fastest rung's rate, `cores` bounds the threads.
    pub(crate) fn open(
        tracks: &[InputTrack],
        renditions: &[AudioRendition],
        fastest: Rational,
        cores: usize,
        figures: &ChannelFigures,
    ) -> Self {
        let mut input = Self::default();
        if let Some(track) = tracks.iter().find(|track| track.is_video) {
            let stream = Stream::open(track, cores, figures);
            let fields = fields(track.frame_rate, fastest);
            input.video = stream.map(|stream| Video { stream, fields, deinterlacer: None });
        }
        let audio: Vec<&InputTrack> = tracks.iter().filter(|track| !track.is_video).collect();
        for (index, rendition) in renditions.iter().enumerate() {
            let picked = rendition.pick(audio.iter().map(|track| track.language.as_deref()));
            // Whoever chose nothing hears something.
            let picked = picked.or((index == 0).then_some(0));
            let stream = picked.and_then(|at| Stream::open(audio.get(at)?, cores, figures));
            input.sounds.extend(stream.map(|stream| Sound { rendition: index, stream }));
        }
        let is_taken = |id| input.sounds.iter().any(|sound| sound.stream.id == id);
        for track in audio.iter().filter(|track| !is_taken(track.id)) {
            tracing::info!(track = track.id.0, "no audio rendition is made of {}", track.description);
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
        for sound in &mut self.sounds {
            sound.stream.decoder.flush();
        }
    }

    /// Whether an audio rendition has a track.
    pub(crate) fn sounds(&self, rendition: usize) -> bool {
        self.sounds.iter().any(|sound| sound.rendition == rendition)
    }

    pub(crate) const fn has_video(&self) -> bool {
        self.video.is_some()
    }

    pub(crate) const fn has_audio(&self) -> bool {
        !self.sounds.is_empty()
    }

    /// Decodes one sample. Damage is an error after which the next sample may decode again.
    pub(crate) fn decode(&mut self, sample: &Sample, out: &mut Decoded) -> Result<(), ffmpeg::Error> {
        if let Some(video) = self.video.as_mut().filter(|video| video.stream.id == sample.track) {
            let sent = video.stream.decoder.send(&sample.data, sample.pts(), sample.dts);
            video.take(&mut out.pictures)?;
            return sent;
        }
        let mut outcome = Ok(());
        for sound in self.sounds.iter_mut().filter(|sound| sound.stream.id == sample.track) {
            let sent = sound.stream.decoder.send(&sample.data, sample.pts(), sample.dts);
            sound.take(&mut out.sounds)?;
            outcome = outcome.and(sent);
        }
        outcome
    }

    /// Gives what the decoders still hold; they take nothing more.
    pub(crate) fn finish(&mut self, out: &mut Decoded) -> Result<(), ffmpeg::Error> {
        for mut sound in std::mem::take(&mut self.sounds) {
            sound.stream.decoder.finish();
            sound.take(&mut out.sounds)?;
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

impl Sound {
    fn take(&mut self, out: &mut Vec<(usize, i64, Frame)>) -> Result<(), ffmpeg::Error> {
        let mut blocks = Vec::new();
        let taken = self.stream.take(&mut blocks);
        out.extend(blocks.into_iter().map(|(time, frame)| (self.rendition, time, frame)));
        taken
    }
}

impl Stream {
    fn open(track: &InputTrack, cores: usize, figures: &ChannelFigures) -> Option<Self> {
        if let Some(reason) = refusal(track) {
            figures.source_faults.inc();
            tracing::warn!(event = "input_refused", state = "happened", reason, "a track is left out");
            return None;
        }
        let samples = track.size.0 as usize * track.size.1 as usize;
        let threads = samples.div_ceil(SAMPLES_PER_THREAD).clamp(1, cores);
        match Decoder::open(&track.parameters, if track.is_video { threads } else { 1 }) {
            Ok(decoder) => {
                tracing::info!(track = track.id.0, "source: {}", track.description);
                Some(Self { id: track.id, timescale: track.timescale, decoder })
            }
            Err(fault) => {
                figures.source_faults.inc();
                tracing::warn!(track = track.id.0, "{} cannot be decoded: {fault}", track.description);
                None
            }
        }
    }

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
