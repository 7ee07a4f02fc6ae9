//! From resources to the workflow.

mod common;

use std::sync::LazyLock;

use aws::model::{Kind, Ref, Shape};
use aws::{Map, Model, Service, Value, validate};
use common::Api;
use proptest::prelude::*;
use serde_json::json;

#[test]
fn a_channel_that_medialive_feeds_has_the_segments_of_that() {
    let api = Api::start();
    for id in ["live", "other"] {
        api.send("mediapackage", "POST", "/channels", &json!({ "id": id })).ok();
        let endpoint = json!({ "id": format!("{id}-hls"), "channelId": id, "hlsPackage": {} });
        api.send("mediapackage", "POST", "/origin_endpoints", &endpoint).ok();
    }
    let destinations = json!([{ "Id": "d", "MediaPackageSettings": [{ "ChannelId": "live" }] }]);
    api.put(
        "medialive-channel",
        "1",
        &json!({ "is_started": false, "settings": { "Destinations": destinations } }),
    );
    let segments = || -> Vec<(String, bool)> {
        let of = |channel: &toml::Table| {
            (channel["name"].as_str().expect("text").to_owned(), channel.contains_key("segment"))
        };
        api.wanted().channels.iter().map(of).collect()
    };
    let are = |live| vec![("mp-live".to_owned(), live), ("mp-other".to_owned(), true)];
    assert_eq!(segments(), are(true));
    api.put(
        "medialive-channel",
        "2",
        &json!({ "is_started": true, "settings": { "Destinations": destinations } }),
    );
    assert_eq!(segments(), are(false));
    assert_eq!(api.wanted().endpoints.len(), 2);
}

/// Values that a description allows, by numbers that come from outside.
struct Maker<'s> {
    service: &'s Service,
    numbers: std::vec::IntoIter<u32>,
}

impl Maker<'_> {
    fn below(&mut self, count: usize) -> usize {
        self.numbers.next().map_or(0, |number| number as usize % count.max(1))
    }

    fn value(&mut self, target: &Ref, depth: usize) -> Option<Value> {
        let shape = self.service.shape(target.shape);
        Some(match &shape.kind {
            Kind::Structure(structure) => {
                let mut map = Map::new();
                let only = structure.union.then(|| self.below(structure.members.len()));
                for (at, member) in structure.members.iter().enumerate() {
                    let rare = if depth == 0 { 2 } else { 4 };
                    let is_there = match only {
                        Some(only) => only == at,
                        None => member.required || (depth < 5 && self.below(rare) == 1),
                    };
                    if is_there && let Some(value) = self.value(&member.target, depth + 1) {
                        map.insert(member.name, value);
                    }
                }
                map.into()
            }
            Kind::List(element) => {
                let least = shape.min.unwrap_or(0.0) as usize;
                let count = least + self.below(3);
                let list: Option<Vec<Value>> = (0..count).map(|_| self.value(element, depth + 1)).collect();
                list?.into()
            }
            Kind::Map { .. } => Map::new().into(),
            Kind::String { values, .. } if !values.is_empty() => values[self.below(values.len())].into(),
            Kind::String { .. } => self.text(shape),
            Kind::Boolean => (self.below(3) == 1).into(),
            Kind::Integer | Kind::Long => {
                let chosen = [0, 1, 2, 4, 6, 30, 45, 60, 90, 300, 3_600, 100_000];
                let number = chosen[self.below(chosen.len())];
                (number as f64)
                    .clamp(shape.min.unwrap_or(0.0), shape.max.unwrap_or(1e9))
                    .round()
                    .into_integer()
            }
            Kind::Double => 1.5.into(),
            Kind::Blob => return None,
            Kind::Timestamp => media::Utc(1_800_000_000_000_000).into(),
        })
    }

    fn text(&mut self, shape: &Shape) -> Value {
        let words = ["index", "a", "main-2", "0.0.0.0/0", "cdn", "video_bitrate:0-3000000"];
        let word = words[self.below(words.len())];
        let least = shape.min.unwrap_or(0.0) as usize;
        if word.len() < least { "a".repeat(least).into() } else { word.into() }
    }
}

trait IntoInteger {
    fn into_integer(self) -> Value;
}

impl IntoInteger for f64 {
    fn into_integer(self) -> Value {
        Value::Integer(self as i128)
    }
}

/// An input of the operation, with these members set.
fn input(service: &str, operation: &str, numbers: Vec<u32>, set: &[(&'static str, &str)]) -> Option<Map> {
    let service = Model::bundled().service(service).expect("a service");
    let operation = service.operation(operation).expect("an operation");
    let mut maker = Maker { service, numbers: numbers.into_iter() };
    let Some(Value::Map(mut map)) = maker.value(operation.input.as_ref().expect("an input"), 0) else {
        return None;
    };
    map.remove("ClientToken");
    for (name, value) in set {
        map.insert(*name, *value);
    }
    validate::check(service, operation, &map).is_ok().then_some(map)
}

/// Made, it maps to a workflow; or it is refused in the service's own words.
fn maps_or_is_refused(api: &Api, service: &str, refusal: &str, made: Map) -> Result<(), TestCaseError> {
    match api.call(common::REGION, service, "CreateOriginEndpoint", made.clone()) {
        Ok(_) => {
            let wanted = api.wanted();
            let text = common::text(&wanted);
            let workflow = spec::Workflow::parse(&text)
                .map_err(|fault| TestCaseError::fail(format!("{fault}\n{text}")))?;
            prop_assert_eq!(workflow.endpoints.len(), wanted.endpoints.len());
            api.call(common::REGION, service, "DeleteOriginEndpoint", made).expect("it is there");
            Ok(())
        }
        Err(error) => {
            prop_assert_eq!(&*error.name, refusal, "{:?}: {:?}", made, error);
            prop_assert!(!error.message.is_empty());
            prop_assert!(api.wanted().endpoints.is_empty());
            Ok(())
        }
    }
}

static V1: LazyLock<Api> = LazyLock::new(|| {
    let api = Api::start();
    api.send("mediapackage", "POST", "/channels", &json!({ "id": "live" })).ok();
    api
});

static V2: LazyLock<Api> = LazyLock::new(|| {
    let api = Api::start();
    api.send("mediapackagev2", "POST", "/channelGroup", &json!({ "ChannelGroupName": "g" })).ok();
    api.send("mediapackagev2", "POST", "/channelGroup/g/channel", &json!({ "ChannelName": "c" })).ok();
    api
});

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn whatever_v1_describes_is_mapped_or_refused_by_name(
        all in prop::collection::vec(prop::collection::vec(any::<u32>(), 0..80), 12),
    ) {
        for numbers in all {
            let set = [("Id", "e"), ("ChannelId", "live")];
            let package = numbers.first().copied().unwrap_or(0) as usize;
            let Some(mut made) = input("mediapackage", "CreateOriginEndpoint", numbers, &set) else { continue };
            // Mostly one package and no start-over, so that more than these two is looked at.
            if !package.is_multiple_of(8) {
                let packages = ["HlsPackage", "DashPackage", "CmafPackage", "MssPackage", "StartoverWindowSeconds"];
                for (at, name) in packages.into_iter().enumerate() {
                    if at != package % 3 {
                        made.remove(name);
                    }
                }
            }
            maps_or_is_refused(&V1, "mediapackage", "UnprocessableEntityException", made)?;
        }
    }

    #[test]
    fn whatever_v2_describes_is_mapped_or_refused_by_name(
        all in prop::collection::vec(prop::collection::vec(any::<u32>(), 0..80), 12),
    ) {
        for numbers in all {
            let set = [("ChannelGroupName", "g"), ("ChannelName", "c"), ("OriginEndpointName", "e"), ("ContainerType", "CMAF")];
            let Some(made) = input("mediapackagev2", "CreateOriginEndpoint", numbers, &set) else { continue };
            maps_or_is_refused(&V2, "mediapackagev2", "ValidationException", made)?;
        }
    }
}

#[test]
fn hls_is_pushed_to_two_places_of_a_channel_under_what_its_answer_says() {
    let api = Api::start();
    let made = api.send("mediapackage", "POST", "/channels", &json!({ "id": "live" })).ok();
    let group = json!({ "ChannelGroupName": "g" });
    api.send("mediapackagev2", "POST", "/channelGroup", &group).ok();
    let channels = "/channelGroup/g/channel";
    let hls = api.send("mediapackagev2", "POST", channels, &json!({ "ChannelName": "h" })).ok();
    let cmaf = json!({ "ChannelName": "c", "InputType": "CMAF" });
    api.send("mediapackagev2", "POST", channels, &cmaf).ok();
    let pushes = |name: &str| {
        let wanted = api.wanted();
        let mut channels = wanted.channels.into_iter();
        let channel = channels.find(|channel| channel["name"].as_str() == Some(name)).expect("it is wanted");
        let text = toml::Table::from_iter([("channel".to_owned(), toml::Value::Array(vec![channel.into()]))]);
        match spec::Workflow::parse(&text.to_string()).expect("a workflow").channels.remove(0) {
            spec::Channel {
                input: spec::Input::HlsPush(push), ladder: spec::Ladder::Passthrough, ..
            } => Some(push),
            _ => None,
        }
    };
    let push = pushes(&door::media_name("mp", "live")).expect("v1 takes HLS");
    let told = made["hlsIngest"]["ingestEndpoints"].as_array().expect("a list").clone();
    for (place, told) in push.places().zip(&told) {
        let login = place.login.as_ref().expect("v1 has passwords");
        assert_eq!(told["url"], format!("http://localhost:8310/in/{}/channel", place.path));
        assert_eq!((&told["username"], &told["password"]), (&json!(login.user), &json!(login.password.0)));
    }
    let second = told[1]["id"].as_str().expect("text");
    let target = format!("/channels/live/ingest_endpoints/{second}/credentials");
    api.send("mediapackage", "PUT", &target, &serde_json::Value::Null).ok();
    let rotated = pushes(&door::media_name("mp", "live")).expect("v1 takes HLS");
    assert_eq!(rotated.primary, push.primary);
    assert_ne!(rotated.standby.map(|place| place.login), push.standby.map(|place| place.login));
    let push = pushes(&door::media_name("mp", "g/h")).expect("this one takes HLS");
    let urls: Vec<_> =
        push.places().map(|place| format!("http://localhost:8310/in/{}/index", place.path)).collect();
    let told = [0, 1].map(|at| hls["IngestEndpoints"][at]["Url"].as_str().expect("text").to_owned());
    assert_eq!(urls, told);
    assert!(push.places().all(|place| place.login.is_none()));
    assert_eq!(pushes(&door::media_name("mp", "g/c")), None);
}
