//! Where an input's pictures and sound come in: one endpoint, or two of a redundant pair.

use aws::Map;
use door::Site;
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use crate::at::{At, Invalid};

/// Ports that UDP and RTP inputs get: each its own, ten apart, for error correction of RTP comes two and four above.
pub(crate) const PORTS: std::ops::RangeInclusive<u16> = 5000..=7990;
/// Between two of them.
pub(crate) const PORT_STEP: usize = 10;
/// Networks that the workflow file takes as senders of one input.
pub(crate) const MAX_SENDERS: usize = 16;

/// Where an input comes in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Endpoint {
    /// Publishers push to `app/key`.
    Rtmp(String),
    /// Publishers call with this stream id.
    Srt(String),
    /// Transport stream datagrams come to this port.
    Udp(u16),
    /// Transport streams over RTP come to this port, error correction two and four above.
    Rtp(u16),
    /// Fetched by RTMP.
    RtmpCall(String),
    /// Fetched by SRT.
    SrtCall { address: String, stream_id: Option<String> },
    /// Fetched by HLS.
    Hls(String),
    /// A file that is fetched and played.
    File(String),
}

/// Whether inputs that are fetched may lie in private networks or on this machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// No: the API's users could see what only this machine can.
    #[default]
    Public,
    /// Yes: the operator allows it.
    Private,
}

/// What the use of an endpoint adds to it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Terms<'a> {
    /// Who may send to it; anybody where it is empty.
    pub(crate) senders: Vec<&'a str>,
    /// Latency of SRT.
    pub(crate) latency_ms: Option<i64>,
    /// What ends begins again.
    pub(crate) is_looped: bool,
    /// At most so much of what an HLS playlist offers.
    pub(crate) bandwidth_bps: Option<i64>,
    /// Of a transport stream: program, picture, sound.
    pub(crate) program: Option<i64>,
    pub(crate) video_pid: Option<i64>,
    pub(crate) audio_pid: Option<i64>,
}

/// What an input asks for, before names and ports are given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// This endpoint.
    This(Endpoint),
    /// A stream id of our choice.
    AnySrt,
    /// A port of our choice.
    AnyUdp,
    /// A port of our choice, and the two and four above.
    AnyRtp,
}

/// What a CreateInputRequest asks for: one endpoint or two.
pub(crate) fn wishes(input: &Map) -> Result<Vec<Wish>, Invalid> {
    let at = At::root(input);
    let this = |all: Vec<Endpoint>| all.into_iter().map(Wish::This).collect();
    let kind = at.text("Type").ok_or_else(|| at.invalid("Type", "say what kind of input it is"))?;
    let belongs: &[&str] = match kind {
        "RTMP_PUSH" => &["Destinations", "InputSecurityGroups"],
        "UDP_PUSH" | "RTP_PUSH" => &["InputSecurityGroups"],
        "RTMP_PULL" | "URL_PULL" | "MP4_FILE" | "TS_FILE" => &["Sources"],
        "SRT_CALLER" => &["SrtSettings"],
        "SRT_LISTENER" => &["SrtSettings", "InputSecurityGroups"],
        _ => {
            return Err(at.invalid(
                "Type",
                format!(
                    "{kind} is not implemented; there are RTMP_PUSH, RTMP_PULL, RTP_PUSH, UDP_PUSH, URL_PULL, MP4_FILE, TS_FILE, \
                     SRT_CALLER, SRT_LISTENER"
                ),
            ));
        }
    };
    for member in ["Destinations", "Sources", "SrtSettings", "InputSecurityGroups"] {
        let is_empty = input.get(member).and_then(aws::Value::as_list).is_some_and(<[_]>::is_empty);
        if at.has(member) && !is_empty && !belongs.contains(&member) {
            return Err(at.invalid(member, format!("an input of type {kind} has none; leave it out")));
        }
    }
    Ok(match kind {
        "RTMP_PUSH" => {
            this(few(&at, "Destinations", |at| Ok(Endpoint::Rtmp(needed(at, "StreamName")?.to_owned())))?)
        }
        "UDP_PUSH" => vec![Wish::AnyUdp; 2],
        "RTP_PUSH" => vec![Wish::AnyRtp; 2],
        "RTMP_PULL" => this(few(&at, "Sources", |at| Ok(Endpoint::RtmpCall(needed(at, "Url")?.to_owned())))?),
        "URL_PULL" => this(few(&at, "Sources", |at| Ok(Endpoint::Hls(url(at)?)))?),
        "MP4_FILE" | "TS_FILE" => this(few(&at, "Sources", |at| Ok(Endpoint::File(url(at)?)))?),
        "SRT_CALLER" => {
            let settings = at.at("SrtSettings");
            let settings = settings
                .filter(|settings| !settings.has("SrtListenerSettings"))
                .ok_or_else(|| at.invalid("SrtSettings", "SrtCallerSources are needed here"))?;
            this(few(&settings, "SrtCallerSources", caller)?)
        }
        _ => match at.at("SrtSettings") {
            None => vec![Wish::AnySrt],
            Some(settings) if settings.has("SrtCallerSources") => {
                return Err(settings.invalid("SrtCallerSources", "a listener calls nobody; leave them out"));
            }
            Some(settings) => {
                let listener = settings.at("SrtListenerSettings");
                match listener.and_then(|listener| listener.filled("StreamId")) {
                    Some(id) => this(vec![Endpoint::Srt(id.to_owned())]),
                    None => vec![Wish::AnySrt],
                }
            }
        },
    })
}

/// One or two of a list.
fn few<T>(
    at: &At<'_>,
    member: &str,
    read: impl Fn(&At<'_>) -> Result<T, Invalid>,
) -> Result<Vec<T>, Invalid> {
    let list = at.each(member);
    if list.is_empty() || list.len() > 2 {
        return Err(at.invalid(member, "one is needed, or two for a redundant pair"));
    }
    list.iter().map(read).collect()
}

fn needed<'a>(at: &At<'a>, member: &str) -> Result<&'a str, Invalid> {
    at.filled(member).ok_or_else(|| at.invalid(member, "this is needed"))
}

fn url(at: &At<'_>) -> Result<String, Invalid> {
    let url = needed(at, "Url")?;
    if url.contains("$urlPath$") {
        return Err(at.invalid("Url", "dynamic inputs ($urlPath$) are not implemented"));
    }
    url.parse::<playlist::Url>().map_err(|fault| at.invalid("Url", fault.to_string()))?;
    Ok(url.to_owned())
}

fn caller(at: &At<'_>) -> Result<Endpoint, Invalid> {
    let (host, port) = (needed(at, "SrtListenerAddress")?, needed(at, "SrtListenerPort")?);
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let stream_id = at.filled("StreamId").map(str::to_owned);
    Ok(Endpoint::SrtCall { address: format!("{host}:{port}"), stream_id })
}

/// The latency that an input asks for, whatever its SRT source.
pub(crate) fn latency_ms(input: &Map, index: usize) -> Option<i64> {
    let settings = At::root(input).at("SrtSettings")?;
    let listener = settings.at("SrtListenerSettings");
    let caller = || settings.each("SrtCallerSources").into_iter().nth(index);
    listener.or_else(caller)?.integer("MinimumLatency")
}

impl Endpoint {
    /// The `input` of a workflow channel.
    pub(crate) fn table(&self, terms: &Terms<'_>, reach: Reach) -> Table {
        let mut table = Table::new();
        let mut set = |key: &str, value: Option<Value>| {
            table.extend(value.map(|value| (key.to_owned(), value)));
        };
        let text = |text: &str| Some(Value::from(text));
        match self {
            Self::Rtmp(stream) => set("rtmp", text(stream)),
            Self::Srt(id) => set("srt", text(id)),
            Self::Udp(port) => set("udp", text(&format!("0.0.0.0:{port}"))),
            Self::Rtp(port) => {
                set("rtp", text(&format!("0.0.0.0:{port}")));
                set("fec", Some(Value::from(true)));
            }
            Self::RtmpCall(url) => set("rtmp_call", text(url)),
            Self::SrtCall { address, stream_id } => {
                set("srt_call", text(address));
                set("streamid", stream_id.as_deref().and_then(text));
            }
            Self::Hls(url) => {
                set("hls", text(url));
                set("max_bandwidth", terms.bandwidth_bps.map(Value::from));
                set("at_end", text(if terms.is_looped { "loop" } else { "wait" }));
            }
            Self::File(url) => {
                set("file", text(url));
                set("at_end", text(if terms.is_looped { "loop" } else { "continue" }));
            }
        }
        if matches!(self, Self::Srt(_) | Self::SrtCall { .. }) {
            set("latency", terms.latency_ms.map(|ms| Value::from(ms as f64 / 1e3)));
        }
        if self.is_push() && !terms.senders.is_empty() {
            let senders = terms.senders.iter().map(|sender| Value::from(*sender)).collect();
            set("from", Some(Value::Array(senders)));
        }
        if self.is_transport_stream() {
            set("program", terms.program.map(Value::from));
            set("video_pid", terms.video_pid.map(Value::from));
            set("audio_pid", terms.audio_pid.map(Value::from));
        }
        if !self.is_push() && reach == Reach::Private {
            set("allow_private", Some(Value::from(true)));
        }
        table
    }

    /// Whether others send to it: then one channel at a time can have it.
    pub(crate) fn is_push(&self) -> bool {
        matches!(self, Self::Rtmp(_) | Self::Srt(_) | Self::Udp(_) | Self::Rtp(_))
    }

    /// Whether programs and packet ids can be chosen.
    pub(crate) fn is_transport_stream(&self) -> bool {
        matches!(self, Self::Srt(_) | Self::SrtCall { .. } | Self::Udp(_) | Self::Rtp(_))
    }

    /// Where publishers push to, where they do.
    pub(crate) fn destination(&self, site: &Site) -> Option<Map> {
        let (url, port) = match self {
            Self::Rtmp(stream) => (format!("{}/{stream}", site.url("rtmp", site.rtmp)), site.rtmp.port()),
            Self::Srt(id) => (format!("{}?streamid={id}", site.url("srt", site.srt)), site.srt.port()),
            Self::Udp(port) => (format!("udp://{}:{port}", site.host), *port),
            Self::Rtp(port) => (format!("rtp://{}:{port}", site.host), *port),
            _ => return None,
        };
        Some(Map::new().with("Ip", site.host.clone()).with("Port", port.to_string()).with("Url", url))
    }

    /// Whether a channel can have it, by the reader of workflow files.
    pub(crate) fn check(&self, terms: &Terms<'_>) -> Result<(), String> {
        let mut channel = door::table([("name", "check")]);
        channel.insert("input".to_owned(), Value::Table(self.table(terms, Reach::Public)));
        crate::mapping::parse(channel).map(|_| ()).map_err(|fault| fault.message)
    }
}
