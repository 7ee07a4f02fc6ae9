//! MediaPackage v1, call by call.

mod common;

use common::{Answer, Api};
use serde_json::{Value, json};
use spec::{DateInterval, ManifestKind, ManifestOrder};

fn send(api: &Api, method: &str, target: &str, body: Value) -> Answer {
    api.send("mediapackage", method, target, &body)
}

fn channel(api: &Api, id: &str) -> Value {
    send(api, "POST", "/channels", json!({ "id": id, "description": "Channel for live video packaging" }))
        .ok()
}

fn hls(api: &Api, id: &str, more: Value) -> Answer {
    let mut body = json!({ "id": id, "channelId": "live", "hlsPackage": {} });
    for (name, value) in more.as_object().expect("members") {
        body[name] = value.clone();
    }
    send(api, "POST", "/origin_endpoints", body)
}

#[test]
fn a_channel_has_two_places_to_push_to_with_names_and_passwords() {
    let api = Api::start();
    let made = channel(&api, "live-video-channel");
    assert_eq!(made["id"], "live-video-channel");
    assert!(
        made["arn"]
            .as_str()
            .expect("text")
            .starts_with("arn:aws:mediapackage:us-west-2:123456789012:channels/")
    );
    let places = made["hlsIngest"]["ingestEndpoints"].as_array().expect("a list").clone();
    assert_eq!(places.len(), 2);
    for place in &places {
        assert!(place["url"].as_str().expect("text").starts_with("http://localhost:8310/in/v2/"), "{place}");
        assert_eq!(place["password"].as_str().expect("text").len(), 32);
    }
    assert_ne!(places[0]["password"], places[1]["password"]);
    assert_eq!(send(&api, "GET", "/channels/live-video-channel", Value::Null).ok(), made);
    let again = send(&api, "POST", "/channels", json!({ "id": "live-video-channel" }));
    assert_eq!((again.status, again.refused().0), (422, "UnprocessableEntityException"));
    let bad = send(&api, "POST", "/channels", json!({ "id": "a b" }));
    assert_eq!((bad.status, bad.refused().0), (422, "UnprocessableEntityException"));
    let none = send(&api, "GET", "/channels/other", Value::Null);
    assert_eq!((none.status, none.refused().0), (404, "NotFoundException"));
}

#[test]
fn credentials_are_changed_one_place_at_a_time() {
    let api = Api::start();
    let before = channel(&api, "live")["hlsIngest"]["ingestEndpoints"].clone();
    let second = before[1]["id"].as_str().expect("text");
    let target = format!("/channels/live/ingest_endpoints/{second}/credentials");
    let after = send(&api, "PUT", &target, Value::Null).ok()["hlsIngest"]["ingestEndpoints"].clone();
    assert_eq!(after[0], before[0]);
    assert_ne!(after[1]["password"], before[1]["password"]);
    assert_eq!(after[1]["url"], before[1]["url"]);
    let first = send(&api, "PUT", "/channels/live/credentials", Value::Null).ok();
    assert_ne!(first["hlsIngest"]["ingestEndpoints"][0]["password"], before[0]["password"]);
    let none = send(&api, "PUT", "/channels/live/ingest_endpoints/x/credentials", Value::Null);
    assert_eq!(none.status, 404);
}

#[test]
fn channels_are_listed_in_pages_changed_and_deleted() {
    let api = Api::start();
    for id in ["a", "b", "c"] {
        channel(&api, id);
    }
    let first = send(&api, "GET", "/channels?maxResults=2", Value::Null).ok();
    let ids = |page: &Value| -> Vec<String> {
        let list = page["channels"].as_array().expect("a list");
        list.iter().map(|channel| channel["id"].as_str().expect("text").to_owned()).collect()
    };
    assert_eq!(ids(&first), ["a", "b"]);
    let next = first["nextToken"].as_str().expect("there is more");
    let second = send(&api, "GET", &format!("/channels?maxResults=2&nextToken={next}"), Value::Null).ok();
    assert_eq!(ids(&second), ["c"]);
    assert!(second.get("nextToken").is_none_or(Value::is_null));
    let changed = send(&api, "PUT", "/channels/a", json!({ "description": "other" })).ok();
    assert_eq!(changed["description"], "other");
    assert_eq!(send(&api, "DELETE", "/channels/a", Value::Null).status, 202);
    assert_eq!(send(&api, "GET", "/channels/a", Value::Null).status, 404);
    assert_eq!(send(&api, "DELETE", "/channels/a", Value::Null).status, 404);
}

#[test]
fn an_endpoint_answers_where_its_url_says() {
    let api = Api::start();
    channel(&api, "live");
    let made = hls(&api, "live-hls", json!({ "manifestName": "main", "timeDelaySeconds": 10 })).ok();
    let url = made["url"].as_str().expect("text");
    let (host, path) = url.strip_prefix("http://").and_then(|rest| rest.split_once('/')).expect("a URL");
    assert!(host.ends_with(".mediapackage.us-west-2.localhost:8080"), "{host}");
    // Scripts take the third element for the id.
    let token = path.split('/').nth(2).expect("an id");
    assert_eq!(token.len(), 32);
    let (workflow, _) = api.workflow();
    assert_eq!(workflow.channels[0].name.as_str(), "mp-live");
    let endpoint = &workflow.endpoints[0];
    assert_eq!(format!("{}/main.m3u8", endpoint.path), path);
    assert_eq!(endpoint.manifests[0].delay_ms, 10_000);
    assert_eq!(endpoint.manifests[0].dates, DateInterval::Never);
    assert_eq!(made["hlsPackage"]["playlistWindowSeconds"], 60);
    assert_eq!(made["hlsPackage"]["useAudioRenditionGroup"], true);
    assert_eq!(send(&api, "GET", "/origin_endpoints/live-hls", Value::Null).ok(), made);
}

#[test]
fn elsewhere_urls_name_the_installations_own_address() {
    let mut site = common::site();
    site.host = "live.example.org".to_owned();
    site.viewers.set_port(80);
    let api = Api::start_at(site);
    channel(&api, "live");
    let made = hls(&api, "a", json!({})).ok();
    assert!(made["url"].as_str().expect("text").starts_with("http://live.example.org/out/v1/"), "{made}");
}

#[test]
fn the_ladder_of_awss_own_solution_is_packaged() {
    let api = Api::start();
    channel(&api, "live");
    hls(
        &api,
        "hls",
        json!({ "manifestName": "index", "startoverWindowSeconds": 0, "timeDelaySeconds": 0, "hlsPackage": {
            "segmentDurationSeconds": 6, "playlistWindowSeconds": 60, "programDateTimeIntervalSeconds": 0,
            "adMarkers": "PASSTHROUGH", "includeIframeOnlyStream": false, "playlistType": "NONE",
            "useAudioRenditionGroup": false, "streamSelection": { "streamOrder": "ORIGINAL",
            "maxVideoBitsPerSecond": 2147483647, "minVideoBitsPerSecond": 0 },
        } }),
    )
    .ok();
    let package = |id: &str, kind: &str, package: Value| {
        send(&api, "POST", "/origin_endpoints", json!({ "id": id, "channelId": "live", kind: package })).ok()
    };
    let dash = json!({ "segmentDurationSeconds": 2, "manifestWindowSeconds": 60, "minBufferTimeSeconds": 30,
        "minUpdatePeriodSeconds": 15, "suggestedPresentationDelaySeconds": 25, "profile": "NONE", "periodTriggers": [] });
    package("dash", "dashPackage", dash);
    let cmaf = json!({ "segmentDurationSeconds": 6, "hlsManifests": [
        { "id": "one", "manifestName": "index", "playlistWindowSeconds": 60, "adMarkers": "PASSTHROUGH",
          "programDateTimeIntervalSeconds": 0, "playlistType": "NONE", "includeIframeOnlyStream": false },
        { "id": "two", "manifestName": "short", "playlistWindowSeconds": 30 },
    ] });
    let cmaf = package("cmaf", "cmafPackage", cmaf);
    let urls = cmaf["cmafPackage"]["hlsManifests"].as_array().expect("a list");
    assert!(urls[1]["url"].as_str().expect("text").ends_with("/short.m3u8"), "{urls:?}");
    let mss = json!({ "id": "mss", "channelId": "live", "mssPackage": {} });
    let mss = send(&api, "POST", "/origin_endpoints", mss);
    assert_eq!(mss.refused().0, "UnprocessableEntityException");
    assert!(mss.refused().1.contains("MssPackage"), "{mss:?}");

    let (workflow, text) = api.workflow();
    assert_eq!(workflow.channels[0].grid.duration_ms(), 2_000, "{text}");
    assert_eq!(workflow.channels[0].window_ms, 60_000);
    let of = |id: &str| {
        let name = format!("mediapackage:us-west-2:{id}");
        let found = workflow.endpoints.iter().find(|it| it.name.replace(":123456789012", "") == name);
        found.unwrap_or_else(|| panic!("{id} in {text}"))
    };
    assert_eq!(of("hls").segment_ms, Some(6_000));
    assert_eq!(of("cmaf").manifests.len(), 2);
    let dash = &of("dash").manifests[0];
    assert_eq!(dash.kind, ManifestKind::Dash);
    assert!(dash.mpd.is_numbered);
    assert_eq!((dash.mpd.min_buffer_s, dash.mpd.update_s, dash.mpd.delay_s), (Some(30), Some(15), Some(25)));
}

#[test]
fn what_is_not_carried_out_is_refused_by_its_name() {
    let api = Api::start();
    channel(&api, "live");
    let speke = json!({ "spekeKeyProvider": { "resourceId": "a", "systemIds": [], "url": "https://a", "roleArn": "b" } });
    for (more, named) in [
        (json!({ "whitelist": ["10.0.0.1/8"] }), "Whitelist: \"10.0.0.1/8\" is an address within a network"),
        (json!({ "startoverWindowSeconds": 300 }), "StartoverWindowSeconds"),
        (json!({ "timeDelaySeconds": 86400 }), "TimeDelaySeconds"),
        (json!({ "dashPackage": {} }), "exactly one of"),
        (json!({ "manifestName": "a/b" }), "ManifestName"),
        (json!({ "hlsPackage": { "encryption": speke } }), "HlsPackage.Encryption"),
        (json!({ "hlsPackage": { "playlistType": "EVENT" } }), "HlsPackage.PlaylistType: EVENT"),
        (json!({ "hlsPackage": { "includeIframeOnlyStream": true } }), "HlsPackage.IncludeIframeOnlyStream"),
        (json!({ "hlsPackage": { "adMarkers": "DATERANGE" } }), "HlsPackage.AdMarkers: DATERANGE"),
        (json!({ "hlsPackage": { "segmentDurationSeconds": 0 } }), "HlsPackage.SegmentDurationSeconds"),
        (json!({ "hlsPackage": { "playlistWindowSeconds": 4000 } }), "HlsPackage.PlaylistWindowSeconds"),
        (
            json!({ "authorization": { "cdnIdentifierSecret": "arn:aws:secretsmanager:a:1:secret:no", "secretsRoleArn": "b" } }),
            "Authorization.CdnIdentifierSecret",
        ),
    ] {
        let refused = hls(&api, "x", more.clone());
        assert_eq!((refused.status, refused.refused().0), (422, "UnprocessableEntityException"), "{more}");
        assert!(refused.refused().1.contains(named), "{more}: {refused:?}");
    }
    let no_channel = json!({ "id": "x", "channelId": "none", "hlsPackage": {} });
    assert_eq!(send(&api, "POST", "/origin_endpoints", no_channel).status, 404);
    assert!(api.wanted().endpoints.is_empty());
    let everybody = hls(&api, "x", json!({ "whitelist": ["0.0.0.0/0"] }));
    assert_eq!(everybody.ok()["whitelist"], json!(["0.0.0.0/0"]));
    let some = hls(&api, "y", json!({ "whitelist": ["10.0.0.0/8", "2001:db8::/32"] }));
    assert_eq!(some.ok()["whitelist"], json!(["10.0.0.0/8", "2001:db8::/32"]));
    let (workflow, _) = api.workflow();
    let allowed = workflow.endpoints.iter().map(|endpoint| endpoint.allow.len());
    assert_eq!(allowed.collect::<Vec<_>>(), [0, 2]);
}

#[test]
fn renditions_are_chosen_and_ordered() {
    let api = Api::start();
    channel(&api, "live");
    let selection = json!({ "minVideoBitsPerSecond": 1000, "maxVideoBitsPerSecond": 5000000, "streamOrder": "VIDEO_BITRATE_DESCENDING" });
    hls(
        &api,
        "a",
        json!({ "hlsPackage": { "streamSelection": selection, "programDateTimeIntervalSeconds": 30 } }),
    )
    .ok();
    let (workflow, _) = api.workflow();
    let manifest = &workflow.endpoints[0].manifests[0];
    assert_eq!(manifest.video_bps, 1_000..=5_000_000);
    assert_eq!(manifest.order, ManifestOrder::Descending);
    assert_eq!(manifest.dates, DateInterval::Every(30_000));
}

#[test]
fn a_cdns_secret_is_asked_for_and_never_kept() {
    let api = Api::start();
    channel(&api, "live");
    let authorization = json!({ "cdnIdentifierSecret": "arn:aws:secretsmanager:us-west-2:123456789012:secret:cdn-a1b2c3",
        "secretsRoleArn": "arn:aws:iam::123456789012:role/r" });
    let made = hls(&api, "a", json!({ "authorization": authorization })).ok();
    assert_eq!(made["authorization"], authorization);
    let (workflow, text) = api.workflow();
    let identifier = workflow.endpoints[0].identifier.as_ref().expect("there is one");
    assert_eq!(identifier.header, "x-mediapackage-cdnidentifier");
    assert!(!text.contains("0123456789abcdef\""), "{text}");
    assert!(!api.resources().iter().any(|resource| resource.desired.text().contains("0123456789abcdef\"")));
}

#[test]
fn an_update_keeps_what_it_does_not_name() {
    let api = Api::start();
    channel(&api, "live");
    let before = hls(&api, "a", json!({ "manifestName": "main", "timeDelaySeconds": 4 })).ok();
    let changed =
        send(&api, "PUT", "/origin_endpoints/a", json!({ "hlsPackage": { "playlistWindowSeconds": 30 } }))
            .ok();
    assert_eq!(changed["url"], before["url"]);
    assert_eq!(changed["timeDelaySeconds"], 4);
    assert_eq!(changed["hlsPackage"]["playlistWindowSeconds"], 30);
    let other = send(&api, "PUT", "/origin_endpoints/a", json!({ "dashPackage": {} }));
    assert_eq!(other.status, 422);
    send(&api, "PUT", "/origin_endpoints/a", json!({ "origination": "DENY" })).ok();
    assert!(api.wanted().endpoints.is_empty());
}

#[test]
fn endpoints_are_listed_by_channel_and_hold_it() {
    let api = Api::start();
    channel(&api, "live");
    channel(&api, "other");
    for id in ["a", "b", "c"] {
        hls(&api, id, json!({})).ok();
    }
    send(&api, "POST", "/origin_endpoints", json!({ "id": "ab", "channelId": "other", "hlsPackage": {} }))
        .ok();
    let ids = |target: &str| -> (Vec<String>, Value) {
        let page = send(&api, "GET", target, Value::Null).ok();
        let list = page["originEndpoints"].as_array().expect("a list");
        let ids = list.iter().map(|it| it["id"].as_str().expect("text").to_owned()).collect();
        (ids, page["nextToken"].clone())
    };
    let (first, next) = ids("/origin_endpoints?channelId=live&maxResults=2");
    assert_eq!(first, ["a", "b"]);
    let next = next.as_str().expect("there is more").to_owned();
    let (second, next) = ids(&format!("/origin_endpoints?channelId=live&maxResults=2&nextToken={next}"));
    assert_eq!((second, next), (vec!["c".to_owned()], Value::Null));
    assert_eq!(ids("/origin_endpoints").0, ["a", "ab", "b", "c"]);
    let held = send(&api, "DELETE", "/channels/live", Value::Null);
    assert_eq!((held.status, held.refused().0), (422, "UnprocessableEntityException"));
    for id in ["a", "b", "c"] {
        assert_eq!(send(&api, "DELETE", &format!("/origin_endpoints/{id}"), Value::Null).status, 202);
    }
    assert_eq!(send(&api, "DELETE", "/channels/live", Value::Null).status, 202);
}

#[test]
fn tags_are_added_and_taken_away() {
    let api = Api::start();
    let made = send(&api, "POST", "/channels", json!({ "id": "a", "tags": { "one": "1" } })).ok();
    assert_eq!(made["tags"], json!({ "one": "1" }));
    let arn = made["arn"].as_str().expect("text").replace('/', "%2F");
    let target = format!("/tags/{arn}");
    assert_eq!(send(&api, "POST", &target, json!({ "tags": { "two": "2" } })).status, 204);
    assert_eq!(send(&api, "DELETE", &format!("{target}?tagKeys=one"), Value::Null).status, 204);
    assert_eq!(send(&api, "GET", &target, Value::Null).ok()["tags"], json!({ "two": "2" }));
    assert_eq!(send(&api, "GET", "/channels/a", Value::Null).ok()["tags"], json!({ "two": "2" }));
    assert_eq!(send(&api, "GET", "/tags/arn%3Aother", Value::Null).status, 404);
}
