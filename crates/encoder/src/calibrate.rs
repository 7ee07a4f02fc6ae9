//! How fast this machine encodes, so that a ladder can be chosen that it keeps up with.

use std::time::{Duration, Instant};

use ffmpeg::{Colour, Encoder, Frame, Picture, VideoSettings};
use media::{Rational, VideoCodec};
use serde::Serialize;
use spec::Preset;

use crate::source::pattern::{Painter, Pattern};

const WIDTH: u32 = 1_280;
const HEIGHT: u32 = 720;
const BITRATE_BPS: u32 = 2_500_000;
/// Presets that a channel would be given, cheapest first.
const PRESETS: [Preset; 3] = [Preset::Ultrafast, Preset::Superfast, Preset::Veryfast];
/// How long each preset is measured.
const TAKE: Duration = Duration::from_millis(400);
/// Different pictures, encoded in turn.
const PICTURES: usize = 12;
/// Loudness of the grain that is laid over the pattern, and how far it moves a frame: a pattern alone encodes faster
/// than anything a camera sees.
const GRAIN: i16 = 4;
const GRAIN_STEP: usize = 6;

/// What was measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Calibration {
    /// Cores that worked.
    pub cores: usize,
    /// Cheapest first.
    pub presets: Vec<Measured>,
}

/// One preset's figure.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Measured {
    /// Its name.
    pub preset: &'static str,
    /// Frames of 1280 × 720 a second at 30 fps settings, with every core at work.
    pub frames_per_second: f64,
}

/// Measures, for about one and a half seconds.
pub fn calibrate(cores: usize) -> Result<Calibration, ffmpeg::Error> {
    let pictures = pictures()?;
    let mut presets = Vec::with_capacity(PRESETS.len());
    for preset in PRESETS {
        presets.push(Measured {
            preset: preset.as_str(),
            frames_per_second: measure(preset, cores, &pictures)?,
        });
    }
    Ok(Calibration { cores, presets })
}

/// Frames a second of all cores together.
fn measure(preset: Preset, cores: usize, pictures: &[Frame]) -> Result<f64, ffmpeg::Error> {
    let rate = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(|| encode(preset, pictures))).collect();
        let join =
            |thread: std::thread::ScopedJoinHandle<'_, _>| thread.join().expect("encoding does not panic");
        threads.into_iter().map(join).sum::<Result<f64, ffmpeg::Error>>()
    })?;
    Ok((rate * 10.0).round() / 10.0)
}

/// Frames a second of one encoder, from its first packet on: before that it fills its lookahead.
fn encode(preset: Preset, pictures: &[Frame]) -> Result<f64, ffmpeg::Error> {
    let mut encoder = Encoder::video(&VideoSettings {
        codec: VideoCodec::H264,
        width: WIDTH,
        height: HEIGHT,
        frame_rate: Rational::whole(30),
        bitrate_bps: BITRATE_BPS,
        max_bitrate_bps: BITRATE_BPS / 10 * 11,
        buffer_bits: BITRATE_BPS / 2 * 3,
        preset: preset.as_str(),
        profile: "high",
        threads: 1,
        colour: Colour::BT709,
    })?;
    let mut made = 0_u64;
    let mut sent = 0;
    let mut started: Option<Instant> = None;
    while started.is_none_or(|started| started.elapsed() < TAKE) {
        let kind = if sent % 60 == 0 { Picture::Key } else { Picture::Any };
        encoder.send_picture(&pictures[sent as usize % pictures.len()], sent, kind)?;
        sent += 1;
        while encoder.receive()?.is_some() {
            match started {
                Some(_) => made += 1,
                None => started = Some(Instant::now()),
            }
        }
    }
    Ok(made as f64 / started.map_or(TAKE, |started| started.elapsed()).as_secs_f64())
}

fn pictures() -> Result<Vec<Frame>, ffmpeg::Error> {
    let rate = Rational::whole(30);
    let mut painter = Painter::new(&Pattern {
        width: WIDTH,
        height: HEIGHT,
        frame_rate: rate,
        name: "calibration".into(),
    })?;
    let mut state = 0x2545_F491_u32;
    let grain: Vec<i16> = (0..WIDTH as usize * HEIGHT as usize)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) as i16 % GRAIN
        })
        .collect();
    let mut pictures = Vec::with_capacity(PICTURES);
    for n in 0..PICTURES {
        let mut frame = painter.paint(n as i64)?;
        let (luma, stride) = frame.plane_mut(0)?;
        for (y, row) in luma.chunks_mut(stride).enumerate() {
            for (x, sample) in row.iter_mut().take(WIDTH as usize).enumerate() {
                let grain = grain[(y * WIDTH as usize + x + n * GRAIN_STEP) % grain.len()];
                *sample = (i16::from(*sample) + grain).clamp(16, 235) as u8;
            }
        }
        pictures.push(frame);
    }
    Ok(pictures)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_encodes_something() {
        let found = calibrate(1).expect("encoders open");
        assert_eq!(found.presets.len(), PRESETS.len());
        assert!(found.presets.iter().all(|measured| measured.frames_per_second > 0.0), "{found:?}");
    }
}
