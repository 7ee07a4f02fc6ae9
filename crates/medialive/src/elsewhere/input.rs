//! An input of a channel of another door as MediaLive describes its own.
//!
//! MediaLive has no name for the test pattern, pushed HLS, pushed CMAF, lists of files, and files that are neither MP4 nor transport
//! streams: they are not there. Of what is secret nothing is told but what publishers need, the RTMP stream's key and SRT's stream id,
//! which MediaLive tells of its own too.

use std::net::{IpAddr, SocketAddr};

use aws::{Map, Value};
use door::{Caller, Other, Site};
use playlist::{Scheme, Url};
use spec::{Channel, FileItem, Files, Input, Leg, RtmpCall, SrtCall, SrtTerms};

use super::id;
use crate::endpoint::Endpoint;

/// Which of a channel's inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Input,
    Backup,
}

/// The inputs of a channel that MediaLive has a name for, the primary first.
pub(super) fn roles(other: &Other<Channel>) -> impl Iterator<Item = Role> {
    let channel = other.spec.clone();
    [Role::Input, Role::Backup].into_iter().filter(move |role| role.of(&channel).and_then(kind).is_some())
}

impl Role {
    pub(super) fn of(self, channel: &Channel) -> Option<&Input> {
        match self {
            Self::Input => Some(&channel.input),
            Self::Backup => channel.backup.as_ref().map(|backup| &backup.input),
        }
    }

    pub(super) fn id(self, other: &Other<Channel>) -> String {
        let role = match self {
            Self::Input => "input",
            Self::Backup => "backup",
        };
        id::input(&other.name, role)
    }

    /// Its name, and its attachment's.
    pub(super) fn name(self, other: &Other<Channel>) -> String {
        match self {
            Self::Input => other.name.clone(),
            Self::Backup => format!("{} backup", other.name),
        }
    }
}

/// MediaLive's name for it, where there is one.
pub(super) fn kind(input: &Input) -> Option<&'static str> {
    Some(match input {
        Input::Rtmp(_) => "RTMP_PUSH",
        Input::RtmpCall(_) => "RTMP_PULL",
        Input::Srt(_) => "SRT_LISTENER",
        Input::SrtCall(_) => "SRT_CALLER",
        Input::Udp(udp) if udp.leg.address.ip().is_multicast() => "MULTICAST",
        Input::Udp(_) => "UDP_PUSH",
        Input::Rtp(rtp) if rtp.first.address.ip().is_multicast() => "MULTICAST",
        Input::Rtp(_) => "RTP_PUSH",
        Input::Hls(_) => "URL_PULL",
        Input::Files(files) => file(files)?.0,
        Input::HlsPush(_) | Input::Test | Input::Cmaf => return None,
    })
}

/// The input, described; `None` where MediaLive has no name for it.
pub(super) fn described(other: &Other<Channel>, role: Role, caller: &Caller, site: &Site) -> Option<Map> {
    let (input, id) = (role.of(&other.spec)?, role.id(other));
    let mut map = Map::new()
        .with("Arn", caller.arn("medialive", &format!("input:{id}")))
        .with("AttachedChannels", vec![Value::from(id::channel(&other.name))])
        .with("Destinations", destinations(input, site))
        .with("Id", id)
        .with("InputClass", "SINGLE_PIPELINE")
        .with("InputDevices", Vec::new())
        .with("InputPartnerIds", Vec::new())
        .with("InputSourceType", "STATIC")
        .with("MediaConnectFlows", Vec::new())
        .with("Name", role.name(other))
        .with("SecurityGroups", Vec::new())
        .with("Sources", sources(input))
        .with("State", "ATTACHED")
        .with("Tags", door::tag_map(&other.shown_tags()))
        .with("Type", kind(input)?);
    if let Some(settings) = srt(input) {
        map.insert("SrtSettings", settings);
    }
    let groups = groups(input);
    if !groups.is_empty() {
        map.insert("MulticastSettings", Map::new().with("Sources", groups));
    }
    Some(map)
}

/// Where publishers push to.
fn destinations(input: &Input, site: &Site) -> Vec<Value> {
    let own = |endpoint: Endpoint| endpoint.destination(site).into_iter().map(Value::from).collect();
    match input {
        Input::Rtmp(rtmp) => own(Endpoint::Rtmp(format!("{}/{}", rtmp.app, rtmp.key))),
        Input::Srt(srt) => own(Endpoint::Srt(srt.stream_id.clone())),
        _ => {
            let legs = legs(input).filter(|(_, leg)| !leg.address.ip().is_multicast());
            legs.map(|(scheme, leg)| datagrams(scheme, leg.address, site)).collect()
        }
    }
}

/// The paths by which datagrams come, and how.
fn legs(input: &Input) -> impl Iterator<Item = (&'static str, &Leg)> {
    let (scheme, first, second) = match input {
        Input::Udp(udp) => ("udp", Some(&udp.leg), None),
        Input::Rtp(rtp) => ("rtp", Some(&rtp.first), rtp.second.as_ref()),
        _ => ("", None, None),
    };
    first.into_iter().chain(second).map(move |leg| (scheme, leg))
}

fn datagrams(scheme: &str, address: SocketAddr, site: &Site) -> Value {
    let host = match address.ip() {
        every if every.is_unspecified() => site.host.clone(),
        IpAddr::V4(one) => one.to_string(),
        IpAddr::V6(one) => format!("[{one}]"),
    };
    let (port, url) = (address.port().to_string(), format!("{scheme}://{host}:{}", address.port()));
    Map::new().with("Ip", host).with("Port", port).with("Url", url).into()
}

/// The multicast groups that are joined, each with whom it is taken from where that is one address.
fn groups(input: &Input) -> Vec<Value> {
    let group = |(scheme, leg): (&str, &Leg)| {
        let source = Map::new().with("Url", format!("{scheme}://{}", leg.address));
        match leg.from.as_slice() {
            [one] if !one.to_string().contains('/') => source.with("SourceIp", one.to_string()).into(),
            _ => source.into(),
        }
    };
    legs(input).filter(|(_, leg)| leg.address.ip().is_multicast()).map(group).collect()
}

/// Where it is fetched.
fn sources(input: &Input) -> Vec<Value> {
    let url = match input {
        Input::RtmpCall(call) => Some(rtmp_url(call)),
        Input::Hls(pull) => Some(without_secrets(&pull.url)),
        Input::Files(files) => file(files).map(|(_, url)| url),
        _ => None,
    };
    url.into_iter().map(|url| Map::new().with("Url", url).into()).collect()
}

fn rtmp_url(call: &RtmpCall) -> String {
    let stream = call.stream.split('?').next().unwrap_or_default();
    format!("{}/{stream}", call.server_url())
}

/// Without user, password and query.
fn without_secrets(url: &Url) -> String {
    let scheme = match url.scheme() {
        Scheme::Http => "http",
        Scheme::Https => "https",
    };
    format!("{scheme}://{}{}", url.authority(), url.path())
}

/// What kind of file it is, and where: of a list of several nothing is said.
fn file(files: &Files) -> Option<(&'static str, String)> {
    let [item] = files.items.as_slice() else { return None };
    let (path, url) = match item {
        FileItem::Path(path) => (path.to_str()?.to_owned(), format!("file:{}", path.to_str()?)),
        FileItem::Url(url) => (url.path().to_owned(), without_secrets(url)),
    };
    let kind = match path.rsplit_once('.')?.1.to_ascii_lowercase().as_str() {
        "mp4" | "m4v" | "mov" => "MP4_FILE",
        "ts" | "m2ts" | "mts" => "TS_FILE",
        _ => return None,
    };
    Some((kind, url))
}

/// Settings of SRT, without passphrases.
fn srt(input: &Input) -> Option<Map> {
    let latency = |terms: &SrtTerms| Map::new().with("MinimumLatency", terms.latency_ms);
    match input {
        Input::Srt(srt) => {
            let listener = latency(&srt.terms).with("StreamId", srt.stream_id.as_str());
            Some(Map::new().with("SrtListenerSettings", listener))
        }
        Input::SrtCall(SrtCall { host, port, stream_id, terms, .. }) => {
            let mut caller = latency(terms)
                .with("SrtListenerAddress", host.as_str())
                .with("SrtListenerPort", port.to_string());
            if !stream_id.is_empty() {
                caller.insert("StreamId", stream_id.as_str());
            }
            Some(Map::new().with("SrtCallerSources", vec![Value::from(caller)]))
        }
        _ => None,
    }
}
