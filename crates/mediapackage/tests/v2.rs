//! MediaPackage v2, call by call.

mod common;

use common::{Answer, Api, REGION};
use serde_json::{Value, json};
use spec::{DateInterval, ManifestKind};

fn send(api: &Api, method: &str, target: &str, body: Value) -> Answer {
    api.send("mediapackagev2", method, target, &body)
}

fn with_field(api: &Api, method: &str, target: &str, field: (&str, &str), body: Value) -> Answer {
    api.send_from(REGION, "mediapackagev2", method, target, &[field], &body)
}

const CHANNELS: &str = "/channelGroup/g/channel";
const ENDPOINTS: &str = "/channelGroup/g/channel/c/originEndpoint";

fn group_and_channel(api: &Api) -> (Value, Value) {
    let group = send(api, "POST", "/channelGroup", json!({ "ChannelGroupName": "g" })).ok();
    let channel = send(api, "POST", CHANNELS, json!({ "ChannelName": "c", "InputType": "CMAF" })).ok();
    (group, channel)
}

fn endpoint(api: &Api, more: Value) -> Answer {
    let mut body = json!({ "OriginEndpointName": "e", "ContainerType": "CMAF" });
    for (name, value) in more.as_object().expect("members") {
        body[name] = value.clone();
    }
    send(api, "POST", ENDPOINTS, body)
}

#[test]
fn a_group_has_a_host_and_channels_have_urls_that_cmaf_is_pushed_to() {
    let api = Api::start();
    let (group, channel) = group_and_channel(&api);
    let domain = group["EgressDomain"].as_str().expect("text");
    let parts: Vec<_> = domain.split('.').collect();
    assert_eq!((parts[0].len(), parts[1], parts[2].len()), (6, "egress", 6));
    assert_eq!(parts[3..], ["mediapackagev2", "us-west-2", "localhost"]);
    assert_eq!(group["Arn"], "arn:aws:mediapackagev2:us-west-2:123456789012:channelGroup/g");
    assert_eq!(channel["Arn"], "arn:aws:mediapackagev2:us-west-2:123456789012:channelGroup/g/channel/c");
    let url = format!("http://localhost:8300/ingest/{}", door::media_name("mp", "g/c"));
    assert_eq!(channel["IngestEndpoints"], json!([{ "Id": "1", "Url": url }, { "Id": "2", "Url": url }]));
    assert_eq!(send(&api, "GET", "/channelGroup/g/channel/c/", Value::Null).ok(), channel);
    let hls = send(&api, "POST", CHANNELS, json!({ "ChannelName": "h" })).ok();
    assert_eq!(hls["InputType"], "HLS");
    let url = hls["IngestEndpoints"][1]["Url"].as_str().expect("text");
    let elements: Vec<_> = url.split('/').collect();
    assert_eq!((elements[2], elements[5].len()), ("localhost:8310", 32));
    assert_eq!([&elements[3..5], &elements[6..]].concat(), ["in", "v1", "g", "2", "h", "index"]);
    let multiview = json!({ "ChannelName": "m", "InputType": "MULTIVIEW" });
    let refused = send(&api, "POST", CHANNELS, multiview);
    assert_eq!((refused.status, refused.refused().0), (400, "ValidationException"));
    assert_eq!(refused.body["ValidationExceptionType"], "MEMBER_INVALID");
}

#[test]
fn what_is_not_there_is_named_by_its_type() {
    let api = Api::start();
    for (target, kind) in [
        ("/channelGroup/x", "CHANNEL_GROUP"),
        ("/channelGroup/x/channel", "CHANNEL_GROUP"),
        ("/channelGroup/x/channel/y/", "CHANNEL"),
        ("/channelGroup/x/channel/y/originEndpoint/z", "ORIGIN_ENDPOINT"),
    ] {
        let none = send(&api, "GET", target, Value::Null);
        assert_eq!((none.status, none.refused().0), (404, "ResourceNotFoundException"), "{target}");
        assert_eq!(none.body["ResourceTypeNotFound"], kind, "{target}");
        if target != "/channelGroup/x/channel" {
            assert_eq!(send(&api, "DELETE", target, Value::Null).status, 200, "{target}");
        }
    }
    let orphan = send(&api, "POST", "/channelGroup/x/channel", json!({ "ChannelName": "c" }));
    assert_eq!(orphan.body["ResourceTypeNotFound"], "CHANNEL_GROUP");
    send(&api, "POST", "/channelGroup", json!({ "ChannelGroupName": "g" })).ok();
    let orphan = endpoint(&api, json!({}));
    assert_eq!(orphan.body["ResourceTypeNotFound"], "CHANNEL");
    let policy = send(&api, "DELETE", "/channelGroup/x/channel/y/policy", Value::Null);
    assert_eq!(policy.status, 200);
}

#[test]
fn what_has_something_in_it_cannot_be_deleted() {
    let api = Api::start();
    group_and_channel(&api);
    endpoint(&api, json!({})).ok();
    for target in ["/channelGroup/g", "/channelGroup/g/channel/c/"] {
        let held = send(&api, "DELETE", target, Value::Null);
        assert_eq!((held.status, held.refused().0), (409, "ConflictException"), "{target}");
        assert_eq!(held.body["ConflictExceptionType"], "RESOURCE_IN_USE");
    }
    send(&api, "DELETE", &format!("{ENDPOINTS}/e"), Value::Null).ok();
    send(&api, "DELETE", "/channelGroup/g/channel/c/", Value::Null).ok();
    send(&api, "DELETE", "/channelGroup/g", Value::Null).ok();
    assert_eq!(send(&api, "GET", "/channelGroup", Value::Null).ok()["Items"], json!([]));
}

#[test]
fn a_token_makes_a_repeated_call_one_call() {
    let api = Api::start();
    let token = ("x-amzn-client-token", "abc");
    let body = json!({ "ChannelGroupName": "g" });
    let create = |body: Value| with_field(&api, "POST", "/channelGroup", token, body);
    let first = create(body.clone()).ok();
    assert_eq!(create(body.clone()).ok(), first);
    let other = create(json!({ "ChannelGroupName": "h" }));
    assert_eq!(other.body["ConflictExceptionType"], "IDEMPOTENT_PARAMETER_MISMATCH");
    let again = send(&api, "POST", "/channelGroup", body);
    assert_eq!(
        (again.status, again.body["ConflictExceptionType"].as_str()),
        (409, Some("RESOURCE_ALREADY_EXISTS"))
    );
}

#[test]
fn an_update_with_an_old_entity_tag_changes_nothing() {
    let api = Api::start();
    let (group, _) = group_and_channel(&api);
    let tag = group["ETag"].as_str().expect("text").to_owned();
    let update = |tag: &str, text: &str| {
        with_field(
            &api,
            "PUT",
            "/channelGroup/g",
            ("x-amzn-update-if-match", tag),
            json!({ "Description": text }),
        )
    };
    let changed = update(&tag, "one").ok();
    assert_ne!(changed["ETag"], group["ETag"]);
    let stale = update(&tag, "two");
    assert_eq!(
        (stale.status, stale.body["ConflictExceptionType"].as_str()),
        (409, Some("CONFLICTING_OPERATION"))
    );
    assert_eq!(send(&api, "GET", "/channelGroup/g", Value::Null).ok()["Description"], "one");
    assert_eq!(
        send(&api, "PUT", "/channelGroup/g", json!({ "Description": "three" })).ok()["Description"],
        "three"
    );
}

#[test]
fn an_endpoint_offers_manifests_of_every_kind() {
    let api = Api::start();
    group_and_channel(&api);
    let made = endpoint(
        &api,
        json!({
            "Segment": { "SegmentDurationSeconds": 4, "SegmentName": "segment" },
            "HlsManifests": [{ "ManifestName": "index", "ManifestWindowSeconds": 90, "ProgramDateTimeIntervalSeconds": 60,
                "FilterConfiguration": { "TimeDelaySeconds": 30, "ManifestFilter": "video_bitrate:0-3000000" } }],
            "DashManifests": [{ "ManifestName": "index", "MinUpdatePeriodSeconds": 2, "SegmentTemplateFormat": "NUMBER_WITH_TIMELINE",
                "UtcTiming": { "TimingMode": "HTTP_XSDATE" } }],
            "Tags": { "a": "b" },
        }),
    )
    .ok();
    let url = made["HlsManifests"][0]["Url"].as_str().expect("text");
    assert!(url.ends_with(".mediapackagev2.us-west-2.localhost:8080/out/v1/g/c/e/index.m3u8"), "{url}");
    assert!(made["DashManifests"][0]["Url"].as_str().expect("text").ends_with("/out/v1/g/c/e/index.mpd"));
    assert_eq!(made["Segment"]["SegmentDurationSeconds"], 4);
    assert_eq!(made["DashManifests"][0]["ManifestWindowSeconds"], 60);
    assert_eq!(send(&api, "GET", &format!("{ENDPOINTS}/e"), Value::Null).ok(), made);
    let listed = send(&api, "GET", ENDPOINTS, Value::Null).ok();
    assert_eq!(listed["Items"][0]["HlsManifests"], json!([{ "ManifestName": "index", "Url": url }]));
    let (workflow, text) = api.workflow();
    assert_eq!(workflow.channels[0].grid.duration_ms(), 4_000, "{text}");
    assert_eq!(workflow.channels[0].window_ms, 120_000);
    let endpoint = &workflow.endpoints[0];
    assert_eq!(endpoint.path, "out/v1/g/c/e");
    let [hls, dash] = endpoint.manifests.as_slice() else { panic!("two in {text}") };
    assert_eq!((hls.delay_ms, hls.window_ms, hls.dates), (30_000, 90_000, DateInterval::Every(60_000)));
    assert_eq!(hls.video_bps, 0..=3_000_000);
    assert_eq!((dash.kind, dash.mpd.is_numbered, dash.mpd.update_s), (ManifestKind::Dash, true, Some(2)));
}

#[test]
fn low_latency_manifests_make_the_channel_one_of_low_latency() {
    let api = Api::start();
    group_and_channel(&api);
    let made = endpoint(
        &api,
        json!({ "Segment": { "SegmentDurationSeconds": 2 }, "LowLatencyHlsManifests": [{ "ManifestName": "ll" }] }),
    );
    assert!(made.ok()["LowLatencyHlsManifests"][0]["Url"].as_str().expect("text").ends_with("/ll.m3u8"));
    let (workflow, _) = api.workflow();
    assert!(workflow.channels[0].latency.part_ms().is_some());
    assert_eq!(workflow.endpoints[0].manifests[0].kind, ManifestKind::LowLatencyHls);
    let needs = mediapackage::Needs::of(&api.resources(), &door::media_name("mp", "g/c"));
    assert_eq!((needs.low_latency, needs.segment_s, needs.window_s), (true, 2, 60));
}

#[test]
fn what_is_not_carried_out_is_refused_by_its_name() {
    let api = Api::start();
    group_and_channel(&api);
    let hls = |more: Value| {
        let mut manifest = json!({ "ManifestName": "a" });
        for (name, value) in more.as_object().expect("members") {
            manifest[name] = value.clone();
        }
        json!({ "HlsManifests": [manifest] })
    };
    for (more, named) in [
        (json!({ "ContainerType": "TS" }), "ContainerType: TS"),
        (json!({ "ContainerType": "ISM" }), "ContainerType: ISM"),
        (json!({ "StartoverWindowSeconds": 300 }), "StartoverWindowSeconds"),
        (json!({ "Segment": { "SegmentName": "mine" } }), "Segment.SegmentName"),
        (json!({ "Segment": { "IncludeIframeOnlyStreams": true } }), "Segment.IncludeIframeOnlyStreams"),
        (json!({ "UriSeparator": "HYPHEN" }), "UriSeparator"),
        (
            json!({ "ForceEndpointErrorConfiguration": { "EndpointErrorConditions": ["STALE_MANIFEST"] } }),
            "EndpointErrorConditions",
        ),
        (hls(json!({ "ChildManifestName": "b" })), "HlsManifests[0].ChildManifestName"),
        (hls(json!({ "StartTag": { "TimeOffset": 1.0 } })), "HlsManifests[0].StartTag"),
        (hls(json!({ "ScteHls": { "AdMarkerHls": "DATERANGE" } })), "HlsManifests[0].ScteHls"),
        (hls(json!({ "ManifestWindowSeconds": 4000 })), "HlsManifests[0].ManifestWindowSeconds"),
        (
            hls(json!({ "FilterConfiguration": { "ManifestFilter": "audio_language:en" } })),
            "FilterConfiguration.ManifestFilter",
        ),
        (hls(json!({ "FilterConfiguration": { "Start": 1795000000 } })), "FilterConfiguration.Start"),
        (
            json!({ "DashManifests": [{ "ManifestName": "a", "PeriodTriggers": ["NONE"] }] }),
            "DashManifests[0].PeriodTriggers",
        ),
        (
            json!({ "HlsManifests": [{ "ManifestName": "a" }], "LowLatencyHlsManifests": [{ "ManifestName": "a" }] }),
            "a.m3u8",
        ),
    ] {
        let refused = endpoint(&api, more.clone());
        assert_eq!((refused.status, refused.refused().0), (400, "ValidationException"), "{more}");
        assert!(refused.refused().1.contains(named), "{more}: {refused:?}");
    }
    assert!(api.wanted().endpoints.is_empty());
}

#[test]
fn policies_are_kept_where_they_can_be() {
    let api = Api::start();
    group_and_channel(&api);
    let made = endpoint(&api, json!({ "HlsManifests": [{ "ManifestName": "index" }] })).ok();
    let target = format!("{ENDPOINTS}/e/policy");
    assert_eq!(send(&api, "GET", &target, Value::Null).status, 404);
    let policy = |more: Value| {
        let mut statement = json!({ "Effect": "Allow", "Principal": "*", "Action": "mediapackagev2:GetObject", "Resource": made["Arn"] });
        for (name, value) in more.as_object().expect("members") {
            statement[name] = value.clone();
        }
        json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string()
    };
    let open = policy(json!({}));
    send(&api, "POST", &target, json!({ "Policy": open })).ok();
    assert_eq!(send(&api, "GET", &target, Value::Null).ok()["Policy"], open.as_str());
    let cloudfront = policy(json!({ "Principal": { "Service": "cloudfront.amazonaws.com" } }));
    let refused = send(&api, "POST", &target, json!({ "Policy": cloudfront }));
    assert_eq!(refused.body["ValidationExceptionType"], "INVALID_POLICY");

    let header = policy(
        json!({ "Condition": { "Bool": { "mediapackagev2:RequestHasMatchingCdnAuthHeader": "true" } } }),
    );
    let secrets = |name: &str| {
        json!({ "CdnIdentifierSecretArns": [format!("arn:aws:secretsmanager:us-west-2:123456789012:secret:{name}-a1b2c3")],
            "SecretsRoleArn": "arn:aws:iam::123456789012:role/reader" })
    };
    let unknown =
        send(&api, "POST", &target, json!({ "Policy": header, "CdnAuthConfiguration": secrets("no") }));
    assert_eq!(unknown.body["ValidationExceptionType"], "SECRET_ARN_RESOURCE_NOT_FOUND");
    assert_eq!(api.workflow().0.endpoints[0].identifier, None);
    send(&api, "POST", &target, json!({ "Policy": header, "CdnAuthConfiguration": secrets("cdn") })).ok();
    let identifier = api.workflow().0.endpoints[0].identifier.clone().expect("there is one");
    assert_eq!(identifier.header, "x-mediapackagev2-cdnidentifier");
    // A policy is no change of the endpoint's settings.
    assert_eq!(send(&api, "GET", &format!("{ENDPOINTS}/e"), Value::Null).ok()["ETag"], made["ETag"]);
    let near = policy(
        json!({ "Condition": { "IpAddress": { "aws:SourceIp": ["192.0.2.0/24", "2001:db8::/32"] } } }),
    );
    send(&api, "POST", &target, json!({ "Policy": near })).ok();
    let shown = &api.workflow().0.endpoints[0];
    let allow: Vec<_> = shown.allow.iter().map(ToString::to_string).collect();
    assert_eq!((allow.join(" "), &shown.identifier), ("192.0.2.0/24 2001:db8::/32".to_owned(), &None));
    send(&api, "DELETE", &target, Value::Null).ok();
    assert_eq!(
        (&api.workflow().0.endpoints[0].identifier, api.workflow().0.endpoints[0].allow.len()),
        (&None, 0)
    );

    let ingest = "/channelGroup/g/channel/c/policy";
    let statement =
        json!({ "Effect": "Allow", "Principal": "*", "Action": "mediapackagev2:PutObject", "Resource": "*" });
    let text = json!({ "Statement": statement }).to_string();
    send(&api, "PUT", ingest, json!({ "Policy": text })).ok();
    assert_eq!(send(&api, "GET", ingest, Value::Null).ok()["Policy"], text.as_str());
    let some = text.replace("\"*\",\"Resource\"", "{\"AWS\":\"arn:aws:iam::1:root\"},\"Resource\"");
    assert_eq!(send(&api, "PUT", ingest, json!({ "Policy": some })).status, 400);
}

#[test]
fn lists_are_paged_within_their_group() {
    let api = Api::start();
    for group in ["g", "g-2"] {
        send(&api, "POST", "/channelGroup", json!({ "ChannelGroupName": group })).ok();
        for channel in ["a", "b", "c"] {
            let target = format!("/channelGroup/{group}/channel");
            send(&api, "POST", &target, json!({ "ChannelName": channel })).ok();
        }
    }
    let page = |target: &str| -> (Vec<String>, Option<String>) {
        let page = send(&api, "GET", target, Value::Null).ok();
        let items = page["Items"].as_array().expect("a list").iter();
        let names = items.map(|item| item["ChannelName"].as_str().expect("text").to_owned()).collect();
        (names, page["NextToken"].as_str().map(str::to_owned))
    };
    let (names, next) = page("/channelGroup/g/channel?maxResults=2");
    assert_eq!(names, ["a", "b"]);
    let next = next.expect("there is more").replace('/', "%2F");
    let (names, next) = page(&format!("/channelGroup/g/channel?maxResults=2&nextToken={next}"));
    assert_eq!((names, next), (vec!["c".to_owned()], None));
    assert_eq!(page("/channelGroup/g-2/channel").0, ["a", "b", "c"]);
    let groups = send(&api, "GET", "/channelGroup?maxResults=1", Value::Null).ok();
    assert_eq!(groups["Items"][0]["ChannelGroupName"], "g");
    assert!(groups["NextToken"].is_string());
}

#[test]
fn tags_know_one_exception_only() {
    let api = Api::start();
    let (_, channel) = group_and_channel(&api);
    let target = format!("/tags/{}", channel["Arn"].as_str().expect("text").replace('/', "%2F"));
    assert_eq!(send(&api, "POST", &target, json!({ "tags": { "a": "1", "b": "2" } })).status, 204);
    assert_eq!(send(&api, "DELETE", &format!("{target}?tagKeys=a"), Value::Null).status, 204);
    assert_eq!(send(&api, "GET", &target, Value::Null).ok()["tags"], json!({ "b": "2" }));
    let none = send(&api, "GET", "/tags/arn%3Aaws%3Aother", Value::Null);
    assert_eq!((none.status, none.refused().0), (400, "ValidationException"));
}

#[test]
fn the_same_names_in_another_region_do_not_break_the_workflow() {
    let api = Api::start();
    for region in [REGION, "eu-west-1"] {
        for (target, body) in [
            ("/channelGroup", json!({ "ChannelGroupName": "g" })),
            (CHANNELS, json!({ "ChannelName": "c", "InputType": "CMAF" })),
            (
                ENDPOINTS,
                json!({ "OriginEndpointName": "e", "ContainerType": "CMAF", "HlsManifests": [{ "ManifestName": "index" }] }),
            ),
        ] {
            api.send_from(region, "mediapackagev2", "POST", target, &[], &body).ok();
        }
    }
    let (workflow, _) = api.workflow();
    assert_eq!((workflow.channels.len(), workflow.endpoints.len()), (1, 1));
    assert!(workflow.endpoints[0].name.contains(REGION));
}
