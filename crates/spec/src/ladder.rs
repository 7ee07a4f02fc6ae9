//! The ladder of a channel.

use media::{Rational, VideoCodec};

use crate::audio::AudioRendition;
use crate::fault::Fault;
use crate::fields::{Field, Fields};
use crate::rung::{Preset, Profile, Rung};

/// What is made of a channel's source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ladder {
    /// The source's own samples, neither decoded nor encoded.
    Passthrough,
    /// One encode a rung: never empty, highest bitrate first, names unique.
    Transcode(Vec<Rung>),
    /// Somebody else encodes and pushes CMAF to the origin.
    Pushed,
}

impl Ladder {
    /// AAC frames a second of the sound beside the rungs: of 1024 samples, at 48 kHz.
    pub const SOUND_RATE: Rational = match Rational::new(48_000, 1_024) {
        Some(rate) => rate,
        None => unreachable!(),
    };

    /// More rungs than any player offers, and the bound on encoder threads of one channel.
    pub const MAX_RUNGS: usize = 12;

    /// The frame rates of its tracks, sound included; those of a publisher's own are not known: then every usual one.
    pub(crate) fn rates(&self) -> impl Iterator<Item = Rational> {
        let pictures: Vec<Rational> = match self {
            Self::Transcode(rungs) => rungs.iter().map(|rung| rung.frame_rate).collect(),
            Self::Passthrough | Self::Pushed => [24, 25, 30, 50, 60].map(Rational::whole).into(),
        };
        pictures.into_iter().chain([Self::SOUND_RATE])
    }

    /// The ladder of a channel that names none.
    pub fn standard(preset: Preset) -> Self {
        let rungs = ["1080p30", "720p30", "480p30"];
        Self::Transcode(
            rungs.into_iter().map(|name| named(name, preset).expect("our own names are valid")).collect(),
        )
    }

    pub(crate) fn read(field: Field<'_>, preset: Preset) -> Result<Self, Fault> {
        match field.as_str() {
            Some("passthrough") => return Ok(Self::Passthrough),
            Some(_) => {
                return Err(
                    field.fault("write \"passthrough\" or a list of rungs, such as [\"720p30\", \"360p30\"]")
                );
            }
            None => {}
        }
        let empty = field.fault(format!("a ladder has 1 to {} rungs", Self::MAX_RUNGS));
        let entries = field.list()?;
        if entries.is_empty() || entries.len() > Self::MAX_RUNGS {
            return Err(empty);
        }
        let mut rungs: Vec<Rung> = Vec::with_capacity(entries.len());
        for entry in entries {
            let twice = entry.fault("two rungs of a ladder have this name");
            let rung = if entry.is_table() {
                spelled_out(entry.table()?, preset)?
            } else {
                by_name(&entry, preset)?
            };
            if rungs.iter().any(|other| other.name == rung.name) {
                return Err(twice);
            }
            rungs.push(rung);
        }
        rungs.sort_by_key(|rung| std::cmp::Reverse((rung.bitrate_bps, rung.height)));
        Ok(Self::Transcode(rungs))
    }
}

fn by_name(field: &Field<'_>, preset: Preset) -> Result<Rung, Fault> {
    let name = field.string()?;
    named(name, preset).ok_or_else(|| {
        field.fault(format!(
            "\"{name}\" is no rung: a height of 144, 240, 360, 480, 540, 720, 1080, 1440 or 2160, `p`, and frames per \
             second of 24, 25, 30, 50, 60, 23.976, 29.97 or 59.94, such as \"720p30\"; or spell it out: \
             {{ size = \"960x540\", fps = 30, bitrate = \"1.6M\" }}"
        ))
    })
}

/// The rung a name such as `720p30` stands for.
fn named(name: &str, preset: Preset) -> Option<Rung> {
    let (height, fps) = name.split_once('p')?;
    let frame_rate = if fps.is_empty() { Rational::whole(30) } else { frame_rate(fps)? };
    let (width, height) = match height {
        "144" => (256, 144),
        "240" => (426, 240),
        "360" => (640, 360),
        "480" => (854, 480),
        "540" => (960, 540),
        "720" => (1280, 720),
        "1080" => (1920, 1080),
        "1440" => (2560, 1440),
        "2160" => (3840, 2160),
        _ => return None,
    };
    Some(Rung {
        name: name.replace('.', "_"),
        codec: VideoCodec::H264,
        width,
        height,
        frame_rate,
        bitrate_bps: usual_bitrate(height, frame_rate, VideoCodec::H264),
        preset,
        profile: Profile::High,
    })
}

fn spelled_out(mut fields: Fields<'_>, preset: Preset) -> Result<Rung, Fault> {
    let size = fields.need("size", "\"1280x720\"")?;
    let (width, height) = size
        .string()?
        .split_once('x')
        .and_then(|(width, height)| Some((width.parse::<u32>().ok()?, height.parse::<u32>().ok()?)))
        .filter(|(width, height)| (64..=4096).contains(width) && (64..=2304).contains(height))
        .filter(|(width, height)| width % 2 == 0 && height % 2 == 0)
        .ok_or_else(|| size.fault("a size is \"WIDTHxHEIGHT\", both even, 64x64 to 4096x2304"))?;
    let frame_rate = match fields.take("fps") {
        None => Rational::whole(30),
        Some(field) => {
            let number = field.number(1.0..=120.0, "frames per second")?;
            frame_rate(&number.to_string())
                .ok_or_else(|| field.fault("a whole number, or 23.976, 29.97 or 59.94, frames per second"))?
        }
    };
    let codec = match fields.take("codec") {
        None => VideoCodec::H264,
        Some(field) => field.choice(&[("h264", VideoCodec::H264), ("hevc", VideoCodec::H265)])?,
    };
    let bitrate_bps = match fields.take("bitrate") {
        None => usual_bitrate(height, frame_rate, codec),
        Some(field) => field.scaled(50_000..=100_000_000, "bits per second")? as u32,
    };
    let preset = match fields.take("preset") {
        None => preset,
        Some(field) => read_preset(&field)?,
    };
    let profile = match fields.take("profile") {
        None => Profile::High,
        Some(field) => {
            let profile = field.choice(&[
                ("baseline", Profile::Baseline),
                ("main", Profile::Main),
                ("high", Profile::High),
            ])?;
            if codec == VideoCodec::H265 {
                return Err(field.fault("a profile belongs to an h264 rung; hevc rungs are Main"));
            }
            profile
        }
    };
    let name = match fields.take("name") {
        None => {
            let suffix = if codec == VideoCodec::H265 { "-hevc" } else { "" };
            format!("{height}p{}{suffix}", frame_rate.as_f64().round())
        }
        Some(field) => {
            let name = field.string()?;
            let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
            if name.is_empty()
                || name.len() > 32
                || !name.chars().all(fits)
                || AudioRendition::takes_name(name)
            {
                return Err(field.fault("a rung's name is 1 to 32 of a-z, 0-9, `-` and `_`, and not `audio`"));
            }
            name.to_owned()
        }
    };
    fields.finish()?;
    Ok(Rung { name, codec, width, height, frame_rate, bitrate_bps, preset, profile })
}

/// Reads an effort preset.
pub(crate) fn read_preset(field: &Field<'_>) -> Result<Preset, Fault> {
    field.choice(&Preset::ALL.map(|preset| (preset.as_str(), preset)))
}

/// A broadcast frame rate from its usual text.
fn frame_rate(text: &str) -> Option<Rational> {
    match text {
        "23.976" | "23.98" => Rational::new(24_000, 1_001),
        "29.97" => Rational::new(30_000, 1_001),
        "59.94" => Rational::new(60_000, 1_001),
        whole => {
            whole.parse().ok().filter(|fps| (1..=120).contains(fps)).and_then(|fps| Rational::new(fps, 1))
        }
    }
}

/// What broadcasters commonly spend on a picture of this height and rate, bits per second.
pub fn usual_bitrate(height: u32, frame_rate: Rational, codec: VideoCodec) -> u32 {
    let at_30 = match height {
        0..=160 => 200_000,
        161..=260 => 350_000,
        261..=380 => 700_000,
        381..=500 => 1_200_000,
        501..=600 => 1_700_000,
        601..=800 => 2_500_000,
        801..=1_200 => 4_500_000,
        1_201..=1_600 => 9_000_000,
        _ => 16_000_000,
    };
    let rated = if frame_rate.as_f64() > 35.0 { at_30 / 10 * 14 } else { at_30 };
    match codec {
        VideoCodec::H264 | VideoCodec::Mpeg2 => rated,
        VideoCodec::H265 | VideoCodec::Av1 => rated / 10 * 6,
    }
}
