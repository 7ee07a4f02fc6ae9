//! Makes what the origin shows when no encoder runs: a few frames of the slate for each rung, and silence.
//!
//! They are encoded as the channel's own are, so that they go with the same headers, but each frame is predicted from the
//! one before it alone: the origin cuts them anywhere.

use std::time::Duration;

use bytes::Bytes;
use cmaf::{Begins, Fragmenter};
use ffmpeg::{Colour, Encoder, Frame, Picture as Coding};
use media::{Rational, Sample, Track, TrackId};
use spec::AudioRendition;

use super::cuts::{AAC_FRAME, AAC_RATE};
use super::pyramid::Pyramid;
use super::stills::Stills;
use super::{Settings, TranscodeError, rung, sound};
use crate::push::SlateDoor;

/// The start of a channel has the machine's cores for itself for so long.
const AFTER_START: Duration = Duration::from_secs(1);
/// Number of the first frame, so that no decode time is below zero.
const FIRST: i64 = 1_000;
/// Blocks of silence before the first that counts: the encoder's start is in them.
const PRIMING: i64 = 2;

/// Gives the origin slates of the colour that a channel has.
pub(crate) struct Slates {
    /// In the order of the tracks; empty where nobody takes them.
    doors: Vec<SlateDoor>,
    made: Option<Colour>,
}

impl Slates {
    /// For tracks whose sinks may have doors: all of them or none.
    pub(crate) fn new(doors: impl IntoIterator<Item = Option<SlateDoor>>) -> Self {
        Self { doors: doors.into_iter().collect::<Option<_>>().unwrap_or_default(), made: None }
    }

    /// A run of `colour` begins: makes slates for it, beside everything else, where there are none.
    pub(crate) fn want(
        &mut self,
        settings: &Settings,
        stills: &Stills,
        colour: Colour,
    ) -> Result<(), TranscodeError> {
        if self.doors.is_empty() || self.made == Some(colour) {
            return Ok(());
        }
        self.made = Some(colour);
        let (doors, settings) = (self.doors.clone(), settings.clone());
        let still = stills.slate().map_err(TranscodeError::Scaler)?;
        let make = move || {
            std::thread::sleep(AFTER_START);
            match make(&settings, still, colour) {
                Ok(slates) => {
                    doors.iter().zip(slates).for_each(|(door, slate)| door.put(slate.init, slate.media));
                }
                Err(fault) => tracing::error!(
                    channel = settings.channel,
                    "the slate that the origin would show without this encoder: {fault}"
                ),
            }
        };
        std::thread::Builder::new().name("slate".into()).spawn(make).map_err(TranscodeError::Thread)?;
        Ok(())
    }
}

/// One track's slate, and the header it goes with.
struct Made {
    init: Bytes,
    media: Bytes,
}

/// The rungs' in their order, then the audio renditions'.
fn make(settings: &Settings, still: Frame, colour: Colour) -> Result<Vec<Made>, TranscodeError> {
    let (pyramid, levels) = Pyramid::new(&settings.rungs).map_err(TranscodeError::Scaler)?;
    let picture = pyramid.picture(still, colour);
    let mut made = Vec::with_capacity(settings.rungs.len() + settings.audio.len());
    for (rung, level) in settings.rungs.iter().zip(levels) {
        let refused = |fault| TranscodeError::Encoder { track: rung.name.clone(), fault };
        let (mut encoder, head) = rung::open(rung, rung.preset, 1, settings.latency, colour)?;
        let frame = pyramid.frame(&picture, level).map_err(refused)?;
        let mut samples = Vec::new();
        let mut take = |encoder: &mut Encoder| {
            while let Some(packet) = encoder.receive()? {
                // Encoders that could have reordered differ in when they say that such frames are decoded.
                let sample = rung::sample(rung, FIRST, packet).0;
                let shown = sample.dts + i64::from(sample.composition_offset);
                let composition_offset = head.reorder_ticks as i32;
                samples.push(Sample { dts: shown - head.reorder_ticks, composition_offset, ..sample });
            }
            Ok(())
        };
        for index in 0..frames(settings, rung.frame_rate) {
            let coding = if index == 0 { Coding::Key } else { Coding::Predicted };
            encoder.send_picture(frame, index, coding).and_then(|()| take(&mut encoder)).map_err(refused)?;
        }
        encoder.finish();
        take(&mut encoder).map_err(refused)?;
        let media = segment(&head.track, samples, &rung.name)?;
        made.push(Made { init: head.init, media });
    }
    for (index, rendition) in settings.audio.iter().enumerate() {
        made.push(silence(settings, index, rendition)?);
    }
    Ok(made)
}

fn silence(settings: &Settings, index: usize, rendition: &AudioRendition) -> Result<Made, TranscodeError> {
    let (mut encoder, head) = sound::open(settings.audio_bps, index, rendition)?;
    let refused = |fault| TranscodeError::Encoder { track: head.name.clone(), fault };
    let count = frames(settings, AAC_RATE);
    let block = [0.0; AAC_FRAME as usize];
    let mut samples = Vec::new();
    let mut take = |encoder: &mut Encoder| {
        while let Some(packet) = encoder.receive()? {
            let dts = packet.pts().unwrap_or(0);
            samples.push(Sample {
                track: TrackId(1),
                dts,
                composition_offset: 0,
                duration: Some(AAC_FRAME as u32),
                sync: true,
                data: Bytes::copy_from_slice(packet.data()),
            });
        }
        Ok(())
    };
    for index in 0..count + 2 * PRIMING {
        let sent = encoder.send_sound(&block, &block, index * AAC_FRAME);
        sent.and_then(|()| take(&mut encoder)).map_err(refused)?;
    }
    let wanted = PRIMING * AAC_FRAME..(PRIMING + count) * AAC_FRAME;
    samples.retain(|sample| wanted.contains(&sample.dts));
    let media = segment(&head.track, samples, &head.name)?;
    Ok(Made { init: head.init, media })
}

/// Frames of a slot.
fn frames(settings: &Settings, rate: Rational) -> i64 {
    let ms = f64::from(settings.grid.duration_ms());
    (rate.as_f64() * ms / 1_000.0).ceil() as i64 + 1
}

fn segment(track: &Track, samples: Vec<Sample>, name: &str) -> Result<Bytes, TranscodeError> {
    let mut fragmenter = Fragmenter::new(track);
    for sample in samples {
        fragmenter
            .push(sample, Begins::Nothing)
            .map_err(|fault| TranscodeError::Order { track: name.to_owned(), fault })?;
    }
    Ok(fragmenter.finish().map(|chunk| chunk.to_bytes()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use daemon::{Drain, EpochClock};
    use media::{Grid, Utc, VideoCodec};
    use spec::{Fill, Latency, Preset, Profile, Rung};

    use super::*;
    use crate::transcode::{Pace, Preview, Selector, Side, Start};

    /// The origin cuts slates at any frame, so each must be shown as long after it is decoded as the others.
    #[test]
    fn slates_go_with_the_channel_s_headers_and_can_be_cut_anywhere() {
        let rung = |codec, profile, fps| Rung {
            name: format!("{codec:?}"),
            codec,
            width: 128,
            height: 72,
            frame_rate: Rational::whole(fps),
            bitrate_bps: 200_000,
            preset: Preset::Veryfast,
            profile,
        };
        for latency in [Latency::Standard, Latency::Low { part_ms: 300 }] {
            let settings = Settings {
                channel: "test".into(),
                rungs: vec![
                    rung(VideoCodec::H264, Profile::High, 30),
                    rung(VideoCodec::H265, Profile::Main, 25),
                ],
                audio_bps: 64_000,
                audio: vec![AudioRendition::first()],
                grid: Grid::new(2_000),
                latency,
                pace: Pace::Live,
                start: Start::Now,
                fill: Fill::default(),
                door: crate::door::Door::Itself,
                backup: None,
                prefers: Side::Primary,
                selector: Selector::default(),
                preview: Preview::default(),
                cores: 1,
                pulse: crate::pulse::Pulse::default(),
                clock: EpochClock::anchored(Instant::now(), Utc(0)),
                drain: Drain::manual().0,
            };
            let still = Frame::picture(128, 72).expect("memory");
            let made = make(&settings, still, Colour::BT709).expect("encodes");
            let heads = settings.heads().expect("opens");
            for ((made, head), count) in made.into_iter().zip(heads).zip([61, 51, 95]) {
                assert_eq!(made.init, head.init);
                let header = cmaf::Header::read(made.init).expect("ours");
                let samples = cmaf::read_samples(&made.media, &header).expect("ours");
                assert_eq!(samples.len(), count, "{}", head.name);
                assert!(samples[0].sync);
                let offset = head.reorder_ticks as i32;
                assert!(samples.iter().all(|sample| sample.composition_offset == offset), "{}", head.name);
                let first = samples[0].duration;
                assert!(samples.iter().all(|sample| sample.duration == first), "{}", head.name);
            }
        }
    }
}
