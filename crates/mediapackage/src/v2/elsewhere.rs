//! Endpoints of the workflow file, as v2's clients are shown them: in one channel group of their own, below the channels that they show.
//! No call changes them.
//!
//! What v2 has no word for is left out: the order of renditions, dates on the first segment alone, segments that are no whole number of
//! seconds. What a CDN has to bring is told by nobody.

use aws::{Error, Map, Value};
use door::{Answer, Caller, Made, OWNER_TAG, Other};
use media::Utc;
use sha2::{Digest, Sha256};
use spec::{Channel, DateInterval, Endpoint, Input, Manifest, ManifestKind};

use super::fault::{What, conflict, failed, invalid, missing};
use super::resource::name;
use super::{channel, endpoint, group, manifest};
use crate::address;
use crate::asked::Kind;
use crate::setup::{Setup, hex};

/// The group of all that the file made; nobody else has one of this name.
const GROUP: &str = "workflow-file";
/// Longest name of an endpoint.
const MAX_NAME: usize = 256;

/// Whether a call is about that group, or something in it.
pub(super) fn is_meant(input: &Map) -> bool {
    let (_, path) = name(input, "ResourceArn").rsplit_once(':').unwrap_or_default();
    let group = path.strip_prefix("channelGroup/").and_then(|path| path.split('/').next());
    name(input, "ChannelGroupName") == GROUP || group == Some(GROUP)
}

/// The group as a list has it, by its name; none where the file has no endpoints.
pub(super) async fn listed(setup: &Setup, caller: &Caller) -> Result<Vec<(String, Map)>, Error> {
    let made = made(setup).await?;
    let group = Group { setup, caller, made: &made };
    let shown = made.endpoints.first().map(|_| group::summary(group.shown()));
    Ok(shown.map(|shown| (GROUP.to_owned(), shown)).into_iter().collect())
}

/// Answers a call that is about the group; `own` would, where there is none.
pub(super) async fn answer(
    setup: &Setup,
    caller: &Caller,
    operation: &str,
    input: Map,
    own: Answer<'_>,
) -> Result<Map, Error> {
    let made = made(setup).await?;
    let group = Group { setup, caller, made: &made };
    Ok(match operation {
        "CreateChannelGroup" => return Err(group.refusal(operation).await),
        _ if made.endpoints.is_empty() => return own.await,
        "GetChannelGroup" => group.shown(),
        "GetChannel" => group.channel(group.channel_named(&input)?),
        "GetOriginEndpoint" => group.endpoint(group.endpoint_named(&input)?),
        "ListChannels" => items(group.channels().map(|one| channel::summary(group.channel(one)))),
        "ListOriginEndpoints" => {
            let channel = group.channel_named(&input)?;
            items(group.endpoints(channel).map(|one| endpoint::summary(group.endpoint(one))))
        }
        "GetChannelPolicy" | "GetOriginEndpointPolicy" => return Err(missing(What::Policy)),
        "ListTagsForResource" => Map::new().with("Tags", tags()),
        _ => return Err(group.refusal(operation).await),
    })
}

async fn made(setup: &Setup) -> Result<Made, Error> {
    setup.others.made().await.map_err(|error| failed(error, What::Endpoint))
}

struct Group<'a> {
    setup: &'a Setup,
    caller: &'a Caller,
    made: &'a Made,
}

impl<'a> Group<'a> {
    /// Channels that an endpoint shows.
    fn channels(&self) -> impl Iterator<Item = &'a Other<Channel>> {
        let is_shown = |channel: &&Other<Channel>| self.endpoints(channel).next().is_some();
        self.made.channels.iter().filter(is_shown)
    }

    fn endpoints(&self, channel: &Other<Channel>) -> impl Iterator<Item = &'a Other<Endpoint>> {
        self.made.endpoints.iter().filter(move |endpoint| endpoint.spec.channel.as_str() == channel.name)
    }

    fn channel_named(&self, input: &Map) -> Result<&'a Other<Channel>, Error> {
        let wanted = name(input, "ChannelName");
        self.channels().find(|channel| channel.name == wanted).ok_or_else(|| missing(What::Channel))
    }

    fn endpoint_named(&self, input: &Map) -> Result<&'a Other<Endpoint>, Error> {
        let wanted = name(input, "OriginEndpointName");
        let found = self.endpoints(self.channel_named(input)?).find(|one| endpoint_name(&one.name) == wanted);
        found.ok_or_else(|| missing(What::Endpoint))
    }

    /// Why nothing of it is changed, once that is in the audit log.
    async fn refusal(&self, operation: &str) -> Error {
        let told = format!(
            "channel group `{GROUP}` has what is of the workflow file; change it there and run `headwater apply`"
        );
        let error = match operation {
            // These know no conflict.
            "TagResource" | "UntagResource" => invalid("MEMBER_INVALID", told),
            "CreateChannelGroup" => conflict("RESOURCE_ALREADY_EXISTS", told),
            _ => conflict("CONFLICTING_OPERATION", told),
        };
        door::refused(&self.setup.store, self.caller, GROUP, error).await
    }

    fn arn(&self, path: &str) -> String {
        self.caller.arn("mediapackagev2", &format!("channelGroup/{GROUP}{path}"))
    }

    fn shown(&self) -> Map {
        let first = self.made.endpoints.iter().map(|endpoint| endpoint.created).min();
        let last = self.made.endpoints.iter().map(|endpoint| endpoint.updated).max();
        let arn = self.arn("");
        Map::new()
            .with("ChannelGroupName", GROUP)
            .with("ETag", etag(&arn, self.made.endpoints.len() as i64))
            .with("Arn", arn)
            .with("EgressDomain", self.setup.site.host.as_str())
            .with("CreatedAt", first.unwrap_or(Utc(0)))
            .with("ModifiedAt", last.unwrap_or(Utc(0)))
            .with("Description", "the endpoints of the workflow file")
            .with("Tags", tags())
    }

    fn channel(&self, channel: &Other<Channel>) -> Map {
        let arn = self.arn(&format!("/channel/{}", channel.name));
        // Only others' encoders push to it; else its input brings what is shown.
        let url = format!("{}/ingest/{}", address::ingest(&self.setup.site), channel.name);
        let place = |id: &str| Map::new().with("Id", id).with("Url", url.as_str()).into();
        let places = match channel.spec.input {
            Input::Cmaf => vec![place("1"), place("2")],
            _ => Vec::new(),
        };
        Map::new()
            .with("ChannelName", channel.name.as_str())
            .with("ChannelGroupName", GROUP)
            .with("ETag", etag(&arn, channel.generation))
            .with("Arn", arn)
            .with("CreatedAt", channel.created)
            .with("ModifiedAt", channel.updated)
            .with("IngestEndpoints", places)
            .with("InputType", "CMAF")
            .with("Tags", tags())
    }

    fn endpoint(&self, endpoint: &Other<Endpoint>) -> Map {
        let (channel, own) = (endpoint.spec.channel.as_str(), endpoint_name(&endpoint.name));
        let arn = self.arn(&format!("/channel/{channel}/originEndpoint/{own}"));
        let site = &self.setup.site;
        let folder = format!("{}/{}", site.url("http", site.viewers), endpoint.spec.path);
        let mut shown = Map::new()
            .with("ChannelGroupName", GROUP)
            .with("ChannelName", channel)
            .with("OriginEndpointName", own)
            .with("ContainerType", "CMAF")
            .with("CreatedAt", endpoint.created)
            .with("ModifiedAt", endpoint.updated)
            .with("Segment", self.segment(&endpoint.spec))
            .with("StartoverWindowSeconds", 0)
            .with("ETag", etag(&arn, endpoint.generation))
            .with("Arn", arn)
            .with("Tags", tags());
        for (list, kind) in manifest::LISTS {
            let of_kind = endpoint.spec.manifests.iter().filter(|manifest| has(manifest.kind, kind));
            let all: Vec<Value> = of_kind.map(|one| told(one, kind, &folder).into()).collect();
            if !all.is_empty() {
                shown.insert(list, all);
            }
        }
        shown
    }

    /// How long its segments are: its own, or the channel's.
    fn segment(&self, endpoint: &Endpoint) -> Map {
        let channel = self.made.channels.iter().find(|channel| channel.name == endpoint.channel.as_str());
        let ms = endpoint.segment_ms.or(channel.map(|channel| channel.spec.grid.duration_ms()));
        match ms.filter(|ms| ms.is_multiple_of(1_000)) {
            Some(ms) => Map::new().with("SegmentDurationSeconds", ms / 1_000),
            None => Map::new(),
        }
    }
}

/// Whether a manifest of the file is one of v2's: one of both kinds is two.
fn has(manifest: ManifestKind, kind: Kind) -> bool {
    match manifest {
        ManifestKind::Hls => kind == Kind::Hls,
        ManifestKind::LowLatencyHls => kind == Kind::LowLatencyHls,
        ManifestKind::Dash => kind == Kind::Dash,
        ManifestKind::Cmaf => matches!(kind, Kind::Hls | Kind::Dash),
    }
}

fn told(manifest: &Manifest, kind: Kind, folder: &str) -> Map {
    let seconds = |ms: u64| i32::try_from(ms / 1_000).unwrap_or(i32::MAX);
    let mut told = Map::new()
        .with("ManifestName", manifest.name.as_str())
        .with("Url", format!("{folder}/{}.{}", manifest.name, kind.ending()))
        .with("ManifestWindowSeconds", seconds(manifest.window_ms));
    let mut filter = Map::new();
    if manifest.delay_ms > 0 {
        filter.insert("TimeDelaySeconds", seconds(manifest.delay_ms));
    }
    let (least, most) = (*manifest.video_bps.start(), *manifest.video_bps.end());
    if (least, most) != (0, u64::MAX) {
        let most = most.min(i32::MAX as u64);
        filter.insert("ManifestFilter", format!("video_bitrate:{least}-{most}"));
    }
    if !filter.is_empty() {
        told.insert("FilterConfiguration", filter);
    }
    if kind != Kind::Dash {
        if let DateInterval::Every(ms) = manifest.dates {
            told.insert("ProgramDateTimeIntervalSeconds", seconds(ms));
        }
        return told;
    }
    let mpd = &manifest.mpd;
    for (member, seconds) in [
        ("MinBufferTimeSeconds", mpd.min_buffer_s),
        ("MinUpdatePeriodSeconds", mpd.update_s),
        ("SuggestedPresentationDelaySeconds", mpd.delay_s),
    ] {
        if let Some(seconds) = seconds {
            told.insert(member, seconds);
        }
    }
    if mpd.is_numbered {
        told.insert("SegmentTemplateFormat", "NUMBER_WITH_TIMELINE");
    }
    if mpd.tells_clock {
        told.insert("UtcTiming", Map::new().with("TimingMode", "HTTP_XSDATE"));
    }
    told
}

/// The endpoint's name as v2 takes it; one that has other signs is told by a digest.
fn endpoint_name(name: &str) -> String {
    let fits = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '-' | '_');
    if name.len() <= MAX_NAME && name.chars().all(fits) {
        return name.to_owned();
    }
    let readable: String = name.chars().filter(|sign| fits(*sign)).take(MAX_NAME - 17).collect();
    format!("{readable}-{}", hex(&Sha256::digest(name.as_bytes())[..8]))
}

fn etag(arn: &str, generation: i64) -> String {
    hex(&Sha256::digest(format!("{arn} {generation}").as_bytes())[..8])
}

fn tags() -> Map {
    Map::new().with(OWNER_TAG, "file")
}

/// All of a list: the file has few of each.
fn items(items: impl Iterator<Item = Map>) -> Map {
    Map::new().with("Items", items.map(Value::from).collect::<Vec<_>>())
}
