//! `[[endpoint.manifest]]`: what an endpoint offers, and how.

use std::ops::RangeInclusive;

use crate::channel::Channel;
use crate::fault::Fault;
use crate::fields::{Field, Fields};

/// One manifest of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// `name`: its file name without ending, 1 to 256 of A-Z a-z 0-9 - _ .
    pub name: String,
    /// `kind`.
    pub kind: ManifestKind,
    /// `window`, in seconds: how far back a viewer can go, 6 s and no more than the channel's less `delay`; in milliseconds.
    pub window_ms: u64,
    /// `delay`, in seconds: how long after the channel, in milliseconds, default 0.
    pub delay_ms: u64,
    /// `date_interval`, in seconds: where EXT-X-PROGRAM-DATE-TIME stands.
    pub dates: DateInterval,
    /// `min_video_bitrate`, `max_video_bitrate`, in bits per second: which video renditions.
    pub video_bps: RangeInclusive<u64>,
    /// `order` of video renditions.
    pub order: ManifestOrder,
    /// What only an MPD has.
    pub mpd: MpdSettings,
}

/// What a manifest is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ManifestKind {
    /// `hls`: `NAME.m3u8`, of whole segments.
    Hls,
    /// `ll-hls`: the same with parts, of a channel that has some.
    LowLatencyHls,
    /// `dash`: `NAME.mpd`.
    Dash,
    /// `cmaf`: both `NAME.m3u8` and `NAME.mpd`, over the same segments.
    Cmaf,
}

impl ManifestKind {
    const fn has_hls(self) -> bool {
        !matches!(self, Self::Dash)
    }

    const fn has_dash(self) -> bool {
        matches!(self, Self::Dash | Self::Cmaf)
    }
}

/// Where EXT-X-PROGRAM-DATE-TIME stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateInterval {
    /// Not set: as in the channel's own playlists, on the first segment and after every discontinuity.
    First,
    /// 0: nowhere.
    Never,
    /// There, and once in so many milliseconds.
    Every(u64),
}

/// The order of video renditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ManifestOrder {
    /// `channel`: as the channel's own manifests have them.
    Channel,
    /// `ascending`: the lowest bit rate first.
    Ascending,
    /// `descending`: the highest bit rate first.
    Descending,
}

/// What only an MPD has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MpdSettings {
    /// `segment_template`: `time`, the default, or `number`.
    pub is_numbered: bool,
    /// `min_buffer`, in seconds.
    pub min_buffer_s: Option<u32>,
    /// `update_period`, in seconds.
    pub update_s: Option<u32>,
    /// `presentation_delay`, in seconds.
    pub delay_s: Option<u32>,
    /// `clock`: whether it says where the time is told, default true.
    pub tells_clock: bool,
}

/// Settings of MPDs.
const OF_MPDS: &str = "only a manifest of kind \"dash\" or \"cmaf\" has this";

impl Manifest {
    pub(crate) fn read(
        mut fields: Fields<'_>,
        channel: &Channel,
        segment_ms: Option<u32>,
    ) -> Result<Self, Fault> {
        let field = fields.need("name", "\"index\"")?;
        let name = field.string()?.to_owned();
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if !(1..=256).contains(&name.len()) || name.starts_with('.') || !name.bytes().all(fits) {
            return Err(field.fault("a name is 1 to 256 of A-Z a-z 0-9 - _ . such as \"index\""));
        }
        let field = fields.need("kind", "\"hls\"")?;
        let kind = field.choice(&[
            ("hls", ManifestKind::Hls),
            ("ll-hls", ManifestKind::LowLatencyHls),
            ("dash", ManifestKind::Dash),
            ("cmaf", ManifestKind::Cmaf),
        ])?;
        if kind == ManifestKind::LowLatencyHls {
            if channel.latency.part_ms().is_none() {
                return Err(field.fault("only a channel with latency = \"low\" has parts"));
            }
            if segment_ms.is_some() {
                return Err(field.fault("joined segments have no parts: leave out the endpoint's `segment`"));
            }
        }
        let delay_ms = match fields.take("delay") {
            None => 0,
            Some(field) => {
                let delay_ms = milliseconds(&field, 0.0..=3_600.0)?;
                if delay_ms > 0 && kind == ManifestKind::LowLatencyHls {
                    return Err(field.fault("what comes later has no parts"));
                }
                delay_ms
            }
        };
        let longest_ms = channel.window_ms.saturating_sub(delay_ms);
        let too_long = |field: &Field<'_>| {
            field.fault(format!(
                "window and delay together are at most the channel's window, {} s",
                channel.window_ms as f64 / 1e3
            ))
        };
        let window_ms = match fields.take("window") {
            None => longest_ms,
            Some(field) => {
                let window_ms = milliseconds(&field, 6.0..=3_600.0)?;
                if window_ms > longest_ms {
                    return Err(too_long(&field));
                }
                window_ms
            }
        };
        if window_ms == 0 {
            return Err(fields.fault("the delay is longer than the channel's window"));
        }
        let dates = match fields.take("date_interval") {
            None => DateInterval::First,
            Some(field) if !kind.has_hls() => return Err(field.fault("an MPD has no such dates")),
            Some(field) => match milliseconds(&field, 0.0..=1_209_600.0)? {
                0 => DateInterval::Never,
                ms => DateInterval::Every(ms),
            },
        };
        let mut bitrate = |name| match fields.take(name) {
            None => Ok(None),
            Some(field) => field.scaled(0..=1_000_000_000_000, "bits per second").map(Some),
        };
        let (least, most) = (bitrate("min_video_bitrate")?, bitrate("max_video_bitrate")?);
        let video_bps = least.unwrap_or(0)..=most.unwrap_or(u64::MAX);
        if video_bps.is_empty() {
            return Err(fields.fault("`min_video_bitrate` is above `max_video_bitrate`"));
        }
        let order = match fields.take("order") {
            None => ManifestOrder::Channel,
            Some(field) => field.choice(&[
                ("channel", ManifestOrder::Channel),
                ("ascending", ManifestOrder::Ascending),
                ("descending", ManifestOrder::Descending),
            ])?,
        };
        let mpd = MpdSettings::read(&mut fields, kind)?;
        fields.finish()?;
        Ok(Self { name, kind, window_ms, delay_ms, dates, video_bps, order, mpd })
    }

    /// Whether both would be the same file.
    pub(crate) fn shares_a_file_with(&self, other: &Self) -> bool {
        let (one, two) = (self.kind, other.kind);
        self.name == other.name && (one.has_hls() && two.has_hls() || one.has_dash() && two.has_dash())
    }
}

impl MpdSettings {
    fn read(fields: &mut Fields<'_>, kind: ManifestKind) -> Result<Self, Fault> {
        let mut take = |name| match fields.take(name) {
            Some(field) if !kind.has_dash() => Err(field.fault(OF_MPDS)),
            field => Ok(field),
        };
        let is_numbered = match take("segment_template")? {
            None => false,
            Some(field) => field.choice(&[("time", false), ("number", true)])?,
        };
        let mut seconds = |name| match take(name)? {
            None => Ok(None),
            Some(field) => field.integer(0..=3_600, "seconds").map(|s| Some(s as u32)),
        };
        let min_buffer_s = seconds("min_buffer")?;
        let update_s = seconds("update_period")?;
        let delay_s = seconds("presentation_delay")?;
        let tells_clock = match take("clock")? {
            None => true,
            Some(field) => field.boolean()?,
        };
        Ok(Self { is_numbered, min_buffer_s, update_s, delay_s, tells_clock })
    }
}

fn milliseconds(field: &Field<'_>, bound: RangeInclusive<f64>) -> Result<u64, Fault> {
    Ok((field.number(bound, "seconds")? * 1e3).round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workflow::Workflow;
    use expect_test::{Expect, expect};

    fn read_of(channel: &str, manifests: &str) -> Result<Vec<Manifest>, String> {
        let text = format!(
            "[[channel]]\nname = \"main\"\ninput = \"cmaf\"\n{channel}\n[[endpoint]]\nname = \"a\"\nchannel = \"main\"\n\
             path = \"out/a\"\nmanifest = [\n{manifests}\n]\n"
        );
        let read = Workflow::parse(&text).map_err(|fault| fault.to_string())?;
        Ok(read.endpoints[0].manifests.clone())
    }

    fn read(manifests: &str) -> Result<Vec<Manifest>, String> {
        read_of("", manifests)
    }

    fn refused(manifest: &str, fault: Expect) {
        fault.assert_eq(&read(manifest).expect_err("refused"));
    }

    #[test]
    fn a_manifest_shows_the_channels_window_unless_it_says_less() {
        let manifests = read(
            "{ name = \"index\", kind = \"hls\" },\n\
             { name = \"index\", kind = \"dash\", window = 30, delay = 20, segment_template = \"number\", min_buffer = 30 }",
        )
        .expect("valid");
        assert_eq!((manifests[0].window_ms, manifests[0].dates), (60_000, DateInterval::First));
        assert_eq!((manifests[1].window_ms, manifests[1].delay_ms), (30_000, 20_000));
        assert!(manifests[1].mpd.is_numbered && manifests[1].mpd.tells_clock);
        assert_eq!(manifests[1].mpd.min_buffer_s, Some(30));
        refused(
            "{ name = \"a\", kind = \"hls\", window = 50, delay = 20 }",
            expect![
                "line 10: endpoint[0].manifest[0].window: window and delay together are at most the channel's window, 60 s"
            ],
        );
        refused(
            "{ name = \"a\", kind = \"hls\", delay = 60 }",
            expect!["line 10: endpoint[0].manifest[0]: the delay is longer than the channel's window"],
        );
    }

    #[test]
    fn parts_are_of_low_latency_channels() {
        refused(
            "{ name = \"a\", kind = \"ll-hls\" }",
            expect!["line 10: endpoint[0].manifest[0].kind: only a channel with latency = \"low\" has parts"],
        );
        let low = "latency = \"low\"";
        let manifests =
            read_of(low, "{ name = \"a\", kind = \"ll-hls\", date_interval = 0 }").expect("valid");
        assert_eq!(manifests[0].dates, DateInterval::Never);
        let late = read_of(low, "{ name = \"a\", kind = \"ll-hls\", delay = 4 }").expect_err("refused");
        assert!(late.ends_with("delay: what comes later has no parts"), "{late}");
    }

    #[test]
    fn what_a_kind_does_not_have_is_refused() {
        refused(
            "{ name = \"a\", kind = \"hls\", update_period = 3 }",
            expect![
                "line 10: endpoint[0].manifest[0].update_period: only a manifest of kind \"dash\" or \"cmaf\" has this"
            ],
        );
        refused(
            "{ name = \"a\", kind = \"dash\", date_interval = 3 }",
            expect!["line 10: endpoint[0].manifest[0].date_interval: an MPD has no such dates"],
        );
        refused(
            "{ name = \"a\", kind = \"mss\" }",
            expect![
                "line 10: endpoint[0].manifest[0].kind: \"mss\" is none of \"hls\", \"ll-hls\", \"dash\", \"cmaf\""
            ],
        );
        refused(
            "{ name = \"a\", kind = \"hls\", min_video_bitrate = \"2M\", max_video_bitrate = \"1M\" }",
            expect!["line 10: endpoint[0].manifest[0]: `min_video_bitrate` is above `max_video_bitrate`"],
        );
        let same = read("{ name = \"a\", kind = \"cmaf\" },\n{ name = \"a\", kind = \"dash\" }");
        assert!(same.expect_err("refused").contains("manifest[1]: another manifest of this endpoint"));
    }
}
