//! The ladder: one rung for each video description that an output names.

use door::table;
use toml::{Table, Value};

use super::output::Group;
use crate::at::{At, Invalid};

/// Bitrates of a rung, in bits per second.
const BITRATE_BPS: std::ops::RangeInclusive<i64> = 50_000..=100_000_000;
/// Most rungs of a ladder.
const MAX_RUNGS: usize = 12;

/// What is encoded of the picture.
pub(crate) struct Rungs {
    /// Never empty.
    pub(crate) tables: Vec<Table>,
    /// Of each, the place of its description.
    pub(crate) paths: Vec<String>,
    /// How often key frames are asked for, where that is said, and whom to complain of.
    pub(crate) key_frame_ms: Option<(i64, Invalid)>,
}

/// The rungs of the group's outputs, in their order.
pub(crate) fn ladder(encoder: &At<'_>, group: &Group<'_>) -> Result<Rungs, Invalid> {
    let descriptions = encoder.each("VideoDescriptions");
    let mut rungs = Rungs { tables: Vec::new(), paths: Vec::new(), key_frame_ms: None };
    let mut names: Vec<String> = Vec::new();
    let mut seen: Vec<&str> = Vec::new();
    for output in &group.outputs {
        let Some(name) = output.at.filled("VideoDescriptionName") else { continue };
        if seen.contains(&name) {
            continue;
        }
        seen.push(name);
        let mut named = descriptions.iter().filter(|description| description.text("Name") == Some(name));
        let missing =
            || output.at.invalid("VideoDescriptionName", format!("there is no video description {name}"));
        let description = named.next().ok_or_else(missing)?;
        if let Some(second) = named.next() {
            return Err(second.invalid("Name", format!("another video description is named {name}")));
        }
        let rung = Rung::read(description)?;
        let name = rung.name(name, &names);
        if rungs.key_frame_ms.is_none() {
            rungs.key_frame_ms = rung.key_frame_ms()?;
        }
        rungs.tables.push(rung.table(&name));
        rungs.paths.push(description.path("").trim_end_matches('/').to_owned());
        names.push(name);
    }
    match rungs.tables.len() {
        0 => Err(encoder.invalid(
            "OutputGroups",
            "channels of sound alone are not implemented; name a video description",
        )),
        1..=MAX_RUNGS => Ok(rungs),
        _ => Err(encoder.invalid("VideoDescriptions", format!("a channel has at most {MAX_RUNGS} pictures"))),
    }
}

struct Rung<'a> {
    codec: &'static str,
    settings: At<'a>,
    width: i64,
    height: i64,
    /// Numerator and denominator, in lowest terms.
    rate: (i64, i64),
    bitrate_bps: i64,
    profile: Option<&'static str>,
}

impl<'a> Rung<'a> {
    fn read(at: &At<'a>) -> Result<Self, Invalid> {
        let size = |member: &str, most: i64| match at.integer(member) {
            Some(size) if (64..=most).contains(&size) && size % 2 == 0 => Ok(size),
            Some(_) => Err(at.invalid(member, format!("an even number from 64 to {most} is implemented"))),
            None => Err(at.invalid(member, "Width and Height are needed; or a Name such as video_720p30")),
        };
        let (width, height) = (size("Width", 4_096)?, size("Height", 2_304)?);
        let codecs = at.at("CodecSettings").filter(|codecs| codecs.map.len() == 1);
        let codecs =
            codecs.ok_or_else(|| at.invalid("CodecSettings", "H264Settings or H265Settings are needed"))?;
        let (codec, settings) = match (codecs.at("H264Settings"), codecs.at("H265Settings")) {
            (Some(settings), _) => ("h264", settings),
            (_, Some(settings)) => ("hevc", settings),
            _ => return Err(at.invalid("CodecSettings", "H264Settings or H265Settings are needed")),
        };
        let profile = match (codec, settings.text("Profile")) {
            ("hevc", _) | (_, None) => None,
            (_, Some("BASELINE")) => Some("baseline"),
            (_, Some("MAIN")) => Some("main"),
            (_, Some("HIGH")) => Some("high"),
            (_, Some(other)) => {
                return Err(settings
                    .invalid("Profile", format!("{other} is not implemented; BASELINE, MAIN or HIGH is")));
            }
        };
        square(&settings)?;
        let (rate, bitrate_bps) = (rate(&settings)?, bitrate(&settings)?);
        Ok(Self { codec, settings, width, height, rate, bitrate_bps, profile })
    }

    fn table(&self, name: &str) -> Table {
        let mut rung = table([("name", name), ("codec", self.codec)]);
        rung.extend(table([("size", format!("{}x{}", self.width, self.height))]));
        rung.extend(table([("fps", fps(self.rate).unwrap_or(Value::from(30)))]));
        rung.extend(table([("bitrate", self.bitrate_bps)]));
        rung.extend(self.profile.map(|profile| ("profile".to_owned(), Value::from(profile))));
        rung
    }

    /// The description's name where URLs can have it, else one of its size and rate; different from `others`.
    fn name(&self, name: &str, others: &[String]) -> String {
        let plain =
            |sign: char| sign.is_ascii_lowercase() || sign.is_ascii_digit() || matches!(sign, '-' | '_');
        let lower = name.to_ascii_lowercase();
        let fits = (1..=32).contains(&lower.len()) && lower.chars().all(plain) && !lower.starts_with("audio");
        let per_second = (self.rate.0 + self.rate.1 / 2) / self.rate.1;
        let usual = format!("{}p{per_second}", self.height);
        let first = if fits { lower } else { usual.clone() };
        let numbered = (2..).map(|number| format!("{usual}-{number}"));
        let mut all = [first, usual.clone()].into_iter().chain(numbered);
        all.find(|name| !others.contains(name)).expect("numbers do not end")
    }

    /// How often key frames are asked for, in milliseconds: a second or more, in whole groups.
    fn key_frame_ms(&self) -> Result<Option<(i64, Invalid)>, Invalid> {
        let Some(size) = self.settings.number("GopSize") else { return Ok(None) };
        let seconds = match self.settings.text("GopSizeUnits") {
            Some("SECONDS") => size,
            _ => size * self.rate.1 as f64 / self.rate.0 as f64,
        };
        let bounded = (0.01..=10.0).contains(&seconds);
        let groups = if bounded { (1.0 / seconds - 1e-9).ceil().max(1.0) } else { 1.0 };
        let ms = if bounded { (seconds * groups * 1e3).round() as i64 } else { i64::MAX };
        Ok(Some((ms, self.settings.invalid("GopSize", ""))))
    }
}

/// Pixels are square.
fn square(settings: &At<'_>) -> Result<(), Invalid> {
    match (settings.integer("ParNumerator"), settings.integer("ParDenominator")) {
        (numerator, denominator) if numerator.unwrap_or(1) == denominator.unwrap_or(1) => Ok(()),
        _ => Err(settings.invalid("ParNumerator", "only square pixels are implemented: 1 to 1")),
    }
}

fn rate(settings: &At<'_>) -> Result<(i64, i64), Invalid> {
    let needed = |member: &str| {
        let number = settings.integer(member).filter(|number| *number > 0);
        number.ok_or_else(|| settings.invalid(member, "this is needed"))
    };
    let (numerator, denominator) = (needed("FramerateNumerator")?, needed("FramerateDenominator")?);
    let divisor = greatest_common_divisor(numerator, denominator);
    let rate = (numerator / divisor, denominator / divisor);
    if fps(rate).is_none() {
        return Err(settings.invalid(
            "FramerateNumerator",
            format!("{numerator}/{denominator} is not implemented; 1 to 120, 24000/1001, 30000/1001 and 60000/1001 are"),
        ));
    }
    Ok(rate)
}

/// Frames per second as the workflow file writes them.
fn fps(rate: (i64, i64)) -> Option<Value> {
    match rate {
        (24_000, 1_001) => Some(Value::from(23.976)),
        (30_000, 1_001) => Some(Value::from(29.97)),
        (60_000, 1_001) => Some(Value::from(59.94)),
        (whole @ 1..=120, 1) => Some(Value::from(whole)),
        _ => None,
    }
}

fn bitrate(settings: &At<'_>) -> Result<i64, Invalid> {
    let members = match settings.text("RateControlMode") {
        Some("QVBR") => ["MaxBitrate", "Bitrate"],
        _ => ["Bitrate", "MaxBitrate"],
    };
    let said = members.into_iter().find_map(|member| Some((member, settings.integer(member)?)));
    let (member, bps) = said.ok_or_else(|| settings.invalid(members[0], "this is needed"))?;
    match BITRATE_BPS.contains(&bps) {
        true => Ok(bps),
        false => Err(settings.invalid(member, "50,000 to 100,000,000 bits per second are implemented")),
    }
}

fn greatest_common_divisor(mut one: i64, mut other: i64) -> i64 {
    while other != 0 {
        (one, other) = (other, one % other);
    }
    one.max(1)
}
