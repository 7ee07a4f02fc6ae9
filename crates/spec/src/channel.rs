//! One channel.

use std::fmt;

use media::{ChannelName, Grid};

use crate::admission::Admission;
use crate::audio::AudioRendition;
use crate::datagrams::{self, Rtp, Udp};
use crate::failover::Failover;
use crate::fault::Fault;
use crate::fields::{Field, Fields};
use crate::file::Files;
use crate::fill::Fill;
use crate::hls::HlsPull;
use crate::hls_push::HlsPush;
use crate::ladder::{Ladder, read_preset};
use crate::latency::Latency;
use crate::pipelines::Pipelines;
use crate::rtmp::RtmpCall;
use crate::rung::Preset;
use crate::srt::{SrtCall, SrtListen};

/// A channel that can exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    /// Its name, part of every URL.
    pub name: ChannelName,
    /// Where pictures and sound come from.
    pub input: Input,
    /// What takes over when they fail: `backup`.
    pub backup: Option<Backup>,
    /// What is made of them.
    pub ladder: Ladder,
    /// Where segments start: `segment`, in seconds, 1 to 10, default 2.
    pub grid: Grid,
    /// How soon viewers see what happens: `latency` and `part`.
    pub latency: Latency,
    /// How far back a viewer can go: `window`, in seconds, 12 to 3600, default 60.
    pub window_ms: u64,
    /// `audio_bitrate` of a transcoded channel, bits per second, default 128 kbit/s.
    pub audio_bps: u32,
    /// Its audio renditions: `[[channel.audio]]`, never empty; others than the source's first track only of a transcoded
    /// channel.
    pub audio: Vec<AudioRendition>,
    /// What a transcoded channel shows while its source is away: `fill`.
    pub fill: Fill,
    /// How many encoder processes make it: `pipelines`.
    pub pipelines: Pipelines,
}

/// A transcoded channel's second input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// Where it comes from: any input but pushed CMAF.
    pub input: Input,
    /// When it is shown: `failover`.
    pub failover: Failover,
}

/// Where a channel's pictures and sound come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// An RTMP publisher: `{ rtmp = "app/key" }`.
    Rtmp(RtmpKey),
    /// An SRT publisher that calls: `{ srt = "main", passphrase = "…" }`.
    Srt(SrtListen),
    /// An SRT stream that is fetched: `{ srt_call = "host:port", … }`.
    SrtCall(SrtCall),
    /// A transport stream in datagrams: `{ udp = "239.1.2.3:5000", … }`.
    Udp(Udp),
    /// A transport stream over RTP: `{ rtp = "0.0.0.0:5004", … }`.
    Rtp(Rtp),
    /// An RTMP stream that is fetched: `{ rtmp_call = "rtmp://host/app/stream", … }`.
    RtmpCall(RtmpCall),
    /// An HLS stream that is fetched: `{ hls = "https://…/index.m3u8", … }`.
    Hls(HlsPull),
    /// An HLS stream that an encoder pushes: `{ hls_push = "main", user = "…", password = "…" }`.
    HlsPush(HlsPush),
    /// The built-in moving pattern with clock, beep and flash: `"test"`.
    Test,
    /// Files that are played: `{ file = "clip.mp4" }`, `{ files = […], … }`.
    Files(Files),
    /// Somebody else's encoder pushes CMAF to the origin: `"cmaf"`.
    Cmaf,
}

/// Application name and stream key of an RTMP publisher. The key is a secret: neither `Debug` nor any log shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct RtmpKey {
    /// The application: the URL's first path element.
    pub app: String,
    /// The stream key.
    pub key: String,
    /// Who is let in.
    pub admission: Admission,
}

impl fmt::Debug for RtmpKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RtmpKey").field("app", &self.app).finish_non_exhaustive()
    }
}

/// What the operator may be told: never the key.
impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rtmp(rtmp) => write!(f, "RTMP publisher of {}/(key){}", rtmp.app, rtmp.admission),
            Self::Srt(srt) => write!(f, "SRT publisher of {}{}, {}", srt.stream_id, srt.admission, srt.terms),
            Self::SrtCall(call) => {
                let host =
                    if call.host.contains(':') { format!("[{}]", call.host) } else { call.host.clone() };
                write!(f, "SRT from {host}:{}, {}", call.port, call.terms)
            }
            Self::Udp(udp) => udp.fmt(f),
            Self::Rtp(rtp) => rtp.fmt(f),
            Self::RtmpCall(call) => call.fmt(f),
            Self::Hls(pull) => pull.fmt(f),
            Self::HlsPush(push) => push.fmt(f),
            Self::Test => f.write_str("built-in test pattern"),
            Self::Files(files) => files.fmt(f),
            Self::Cmaf => f.write_str("CMAF pushed to the origin"),
        }
    }
}

impl Channel {
    /// Its inputs: the primary, and the backup where there is one.
    pub fn inputs(&self) -> impl Iterator<Item = &Input> {
        [Some(&self.input), self.backup.as_ref().map(|backup| &backup.input)].into_iter().flatten()
    }

    pub(crate) fn read(mut fields: Fields<'_>) -> Result<Self, Fault> {
        let name = fields.need("name", "\"main\"")?.parsed()?;
        let input = Input::read(fields.need("input", "{ rtmp = \"live/main\" }")?)?;
        let preset = match fields.take("preset") {
            None => Preset::Veryfast,
            Some(field) => read_preset(&field)?,
        };
        let ladder = match (&input, fields.take("ladder")) {
            (Input::Cmaf, None) => Ladder::Pushed,
            (Input::Cmaf, Some(field)) => {
                return Err(field.fault("a channel with input \"cmaf\" has no ladder: its encoder decides"));
            }
            (_, None) => Ladder::standard(preset),
            (Input::Test | Input::Files(_), Some(field)) if field.as_str() == Some("passthrough") => {
                return Err(field.fault(
                    "\"passthrough\" is implemented for RTMP, SRT, UDP and RTP inputs; give this channel rungs",
                ));
            }
            (_, Some(field)) => Ladder::read(field, preset)?,
        };
        let segment_ms = match fields.take("segment") {
            None => 2_000,
            Some(field) => (field.number(1.0..=10.0, "seconds")? * 1e3).round() as u32,
        };
        let latency = Latency::read(fields.take("latency"), fields.take("part"), &ladder, segment_ms)?;
        let window_ms = match fields.take("window") {
            None => 60_000.max(u64::from(segment_ms) * 6),
            Some(field) => {
                let window = (field.number(12.0..=3_600.0, "seconds")? * 1e3).round() as u64;
                let least = u64::from(segment_ms) * 6;
                if window < least {
                    return Err(field.fault(format!(
                        "a window holds at least 6 segments, here {} seconds",
                        least.div_ceil(1_000)
                    )));
                }
                window
            }
        };
        let audio_bps = match fields.take("audio_bitrate") {
            None => 128_000,
            Some(field) => field.scaled(32_000..=512_000, "bits per second")? as u32,
        };
        let audio = match fields.take("audio") {
            None => vec![AudioRendition::first()],
            Some(field) if !matches!(ladder, Ladder::Transcode(_)) => {
                return Err(
                    field.fault("only a channel with rungs makes audio renditions of its source's tracks")
                );
            }
            Some(field) => AudioRendition::read_all(field)?,
        };
        let fill = match fields.take("fill") {
            None => Fill::default(),
            Some(field) if !matches!(ladder, Ladder::Transcode(_)) => {
                return Err(
                    field.fault("only a channel with rungs can be filled: its pictures are made here")
                );
            }
            Some(field) => Fill::read(field.table()?)?,
        };
        let backup = Backup::read(fields.take("backup"), fields.take("failover"), &ladder, latency)?;
        let pipelines = Pipelines::read(fields.take("pipelines"), &ladder, backup.as_ref())?;
        fields.refuse_unimplemented(&["endpoint", "drm", "dvr"])?;
        fields.finish()?;
        Ok(Self {
            name,
            input,
            backup,
            ladder,
            grid: Grid::new(segment_ms),
            latency,
            window_ms,
            audio_bps,
            audio,
            fill,
            pipelines,
        })
    }
}

impl Backup {
    fn read(
        backup: Option<Field<'_>>,
        failover: Option<Field<'_>>,
        ladder: &Ladder,
        latency: Latency,
    ) -> Result<Option<Self>, Fault> {
        let Some(backup) = backup else {
            return failover.map_or(Ok(None), |field| {
                Err(field.fault(
                    "there is nothing to go over to: give the channel a `backup`, such as backup = { rtmp = \"live/backup\" }",
                ))
            });
        };
        if !matches!(ladder, Ladder::Transcode(_)) {
            return Err(
                backup.fault("only a channel with rungs can go over to another input without a break")
            );
        }
        if backup.as_str() == Some("cmaf") {
            return Err(
                backup.fault("a backup is { rtmp = \"app/key\" }, { file = \"clip.mp4\" } or \"test\"")
            );
        }
        let input = Input::read(backup)?;
        let failover = match failover {
            None => Failover::of(latency),
            Some(field) => Failover::read(field.table()?, latency)?,
        };
        Ok(Some(Self { input, failover }))
    }
}

impl Input {
    /// Whether one publisher could be taken for the other's.
    pub(crate) fn shares_door_with(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Rtmp(one), Self::Rtmp(other)) => (&one.app, &one.key) == (&other.app, &other.key),
            (Self::Srt(one), Self::Srt(other)) => one.stream_id == other.stream_id,
            (Self::HlsPush(one), Self::HlsPush(other)) => one.shares_place_with(other),
            _ => {
                let others = datagrams::sockets(other);
                datagrams::sockets(self)
                    .iter()
                    .any(|one| others.iter().any(|other| datagrams::clash(*one, *other)))
            }
        }
    }

    fn read(field: Field<'_>) -> Result<Self, Fault> {
        if field.as_str().is_some() {
            return field.choice(&[("test", Choice::Test), ("cmaf", Choice::Cmaf)]).map(
                |choice| match choice {
                    Choice::Test => Self::Test,
                    Choice::Cmaf => Self::Cmaf,
                },
            );
        }
        let mut fields = field.table()?;
        let mut named = Vec::new();
        for kind in ["rtmp", "rtmp_call", "file", "files", "srt", "srt_call", "udp", "rtp", "hls", "hls_push"]
        {
            named.extend(fields.take(kind).map(|field| (kind, field)));
        }
        fields.refuse_unimplemented(&["rtsp", "whip"])?;
        if let [_, (_, second), ..] = named.as_slice() {
            return Err(second
                .fault("an input is one thing: `rtmp`, `rtmp_call`, `srt`, `srt_call`, `udp`, `rtp`, `hls`, `hls_push`, `file` or `files`"));
        }
        let Some((kind, field)) = named.pop() else {
            return Err(fields.fault(
                "an input is { rtmp = \"app/key\" }, { rtmp_call = \"rtmp://host/app/stream\" }, { srt = \"main\" }, { srt_call = \"host:port\" }, \
                 { udp = \"address:port\" }, { rtp = \"address:port\" }, { hls = \"https://…/index.m3u8\" }, \
                 { hls_push = \"main\" }, { file = \"clip.mp4\" }, \"test\" or \"cmaf\"",
            ));
        };
        let input = match kind {
            "rtmp" => Self::Rtmp(RtmpKey::read(&field, &mut fields)?),
            "rtmp_call" => Self::RtmpCall(RtmpCall::read(&field, &mut fields)?),
            "srt" => Self::Srt(SrtListen::read(&field, &mut fields)?),
            "srt_call" => Self::SrtCall(SrtCall::read(&field, &mut fields)?),
            "udp" => Self::Udp(Udp::read(&field, &mut fields)?),
            "rtp" => Self::Rtp(Rtp::read(&field, &mut fields)?),
            "hls" => Self::Hls(HlsPull::read(&field, &mut fields)?),
            "hls_push" => Self::HlsPush(HlsPush::read(&field, &mut fields)?),
            "file" => Self::Files(Files::read_one(&field, &mut fields)?),
            _ => Self::Files(Files::read_list(field, &mut fields)?),
        };
        fields.finish()?;
        Ok(input)
    }
}

#[derive(Clone, Copy)]
enum Choice {
    Test,
    Cmaf,
}

impl RtmpKey {
    const MAX_LEN: usize = 128;

    fn read(field: &Field<'_>, fields: &mut Fields<'_>) -> Result<Self, Fault> {
        let fits = |part: &str| {
            (1..=Self::MAX_LEN).contains(&part.len())
                && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte))
        };
        match field.string()?.split_once('/') {
            Some((app, key)) if fits(app) && fits(key) => {
                Ok(Self { app: app.to_owned(), key: key.to_owned(), admission: Admission::read(fields)? })
            }
            _ => Err(field.fault(format!(
                "an RTMP input is \"app/key\", each 1 to {} of A-Z a-z 0-9 - _ . ~, such as \"live/main\"",
                Self::MAX_LEN
            ))),
        }
    }
}

/// The input of a channel `a`, or what is wrong with it.
#[cfg(test)]
pub(crate) fn read_input(input: &str) -> Result<Input, String> {
    let text = format!("[[channel]]\nname = \"a\"\ninput = {input}\n");
    let mut workflow = crate::Workflow::parse(&text).map_err(|fault| fault.to_string())?;
    Ok(workflow.channels.remove(0).input)
}
