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
const GRAIN: i16 = 3;
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
///
/// What a preset costs is told by processor time, which other programs hardly disturb; how much of the machine they
/// leave is measured over all presets together.
pub fn calibrate(cores: usize) -> Result<Calibration, ffmpeg::Error> {
    let pictures = pictures()?;
    let mut takes = Vec::with_capacity(PRESETS.len());
    for preset in PRESETS {
        takes.push((preset, measure(preset, cores, &pictures)?));
    }
    let worked: f64 = takes.iter().map(|(_, take)| take.worked_s).sum();
    let passed: f64 = takes.iter().map(|(_, take)| take.passed_s).sum();
    let share_left = (worked / passed).min(1.0);
    let measured = |(preset, take): (Preset, Take)| {
        let frames_per_second = take.frames / take.worked_s * cores as f64 * share_left;
        Measured { preset: preset.as_str(), frames_per_second: (frames_per_second * 10.0).round() / 10.0 }
    };
    Ok(Calibration { cores, presets: takes.into_iter().map(measured).collect() })
}

/// What threads did.
#[derive(Clone, Copy, Debug, Default)]
struct Take {
    frames: f64,
    /// Seconds of processor time.
    worked_s: f64,
    /// Seconds of the clock.
    passed_s: f64,
}

/// One encoder a core.
fn measure(preset: Preset, cores: usize, pictures: &[Frame]) -> Result<Take, ffmpeg::Error> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(|| encode(preset, pictures))).collect();
        let mut all = Take::default();
        for thread in threads {
            let take = thread.join().expect("encoding does not panic")?;
            all.frames += take.frames;
            all.worked_s += take.worked_s;
            all.passed_s += take.passed_s;
        }
        Ok(all)
    })
}

/// What one encoder does from its first packet on: before that it fills its lookahead.
fn encode(preset: Preset, pictures: &[Frame]) -> Result<Take, ffmpeg::Error> {
    let mut encoder = Encoder::video(&VideoSettings {
        codec: VideoCodec::H264,
        width: WIDTH,
        height: HEIGHT,
        frame_rate: Rational::whole(30),
        bitrate_bps: BITRATE_BPS,
        max_bitrate_bps: BITRATE_BPS / 10 * 11,
        buffer_bits: BITRATE_BPS / 2 * 3,
        preset: preset.as_str(),
        headers_of: preset.as_str(),
        profile: "high",
        threads: 1,
        low_delay: false,
        colour: Colour::BT709,
    })?;
    let mut made = 0_u64;
    let mut sent = 0;
    let mut started: Option<(Instant, Duration)> = None;
    loop {
        let kind = if sent % 60 == 0 { Picture::Key } else { Picture::Any };
        encoder.send_picture(&pictures[sent as usize % pictures.len()], sent, kind)?;
        sent += 1;
        while encoder.receive()?.is_some() {
            match started {
                Some(_) => made += 1,
                None => started = Some((Instant::now(), processor_time())),
            }
        }
        let Some((then, worked)) = started else { continue };
        let passed = then.elapsed();
        if passed >= TAKE && made > 0 {
            let worked = processor_time().saturating_sub(worked);
            // Where the system does not tell, the clock must do.
            let worked = if worked.is_zero() { passed } else { worked };
            let (worked_s, passed_s) = (worked.as_secs_f64(), passed.as_secs_f64());
            return Ok(Take { frames: made as f64, worked_s, passed_s });
        }
    }
}

/// Processor time of this thread so far; zero where the system does not tell.
fn processor_time() -> Duration {
    let schedstat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = schedstat.split_whitespace().next().and_then(|first| first.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or(0))
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
