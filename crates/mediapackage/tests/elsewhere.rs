//! Endpoints of the workflow file, as v2's clients see them.

mod common;

use common::{Answer, Api, REGION};
use serde_json::{Value, json};

const FILE: &str = "[[channel]]\nname = \"news\"\ninput = \"test\"\nlatency = \"low\"\n\
    [[channel]]\nname = \"pushed\"\ninput = \"cmaf\"\n[[channel]]\nname = \"bare\"\ninput = \"test\"\n\
    [[endpoint]]\nname = \"news-cdn\"\nchannel = \"news\"\npath = \"out/v1/news\"\nsegment = 6\n\
    identifier = { header = \"X-CDN\", secrets = [\"s3cret-s3cret\"] }\n\
    [[endpoint.manifest]]\nname = \"index\"\nkind = \"cmaf\"\nwindow = 50\ndelay = 4\nmax_video_bitrate = \"2M\"\ndate_interval = 30\nmin_buffer = 8\n\
    [[endpoint]]\nname = \"news/low:1\"\nchannel = \"news\"\npath = \"low/news\"\n[[endpoint.manifest]]\nname = \"ll\"\nkind = \"ll-hls\"\n\
    [[endpoint]]\nname = \"pushed\"\nchannel = \"pushed\"\npath = \"out/v1/pushed\"\n[[endpoint.manifest]]\nname = \"a\"\nkind = \"hls\"\n";
const GROUP: &str = "/channelGroup/workflow-file";

fn send(api: &Api, method: &str, target: &str, body: Value) -> Answer {
    api.send("mediapackagev2", method, target, &body)
}

fn get(api: &Api, target: &str) -> Value {
    send(api, "GET", target, Value::Null).ok()
}

fn names(list: &Value, member: &str) -> Vec<String> {
    let items = list["Items"].as_array().expect("a list").iter();
    items.map(|item| item[member].as_str().expect("a name").to_owned()).collect()
}

#[test]
fn the_files_endpoints_are_in_a_group_of_their_own_below_their_channels() {
    let api = Api::beside(FILE);
    send(&api, "POST", "/channelGroup", json!({ "ChannelGroupName": "g" })).ok();
    send(&api, "POST", "/channelGroup", json!({ "ChannelGroupName": "z" })).ok();
    let groups = get(&api, "/channelGroup");
    assert_eq!(names(&groups, "ChannelGroupName"), ["g", "workflow-file", "z"]);
    let first = get(&api, "/channelGroup?maxResults=2");
    assert_eq!(names(&first, "ChannelGroupName"), ["g", "workflow-file"]);
    let rest = get(&api, &format!("/channelGroup?nextToken={}", first["NextToken"].as_str().expect("more")));
    assert_eq!(names(&rest, "ChannelGroupName"), ["z"]);

    assert_eq!(names(&get(&api, &format!("{GROUP}/channel")), "ChannelName"), ["news", "pushed"]);
    let news = get(&api, &format!("{GROUP}/channel/news/"));
    assert_eq!(
        news["Arn"],
        format!("arn:aws:mediapackagev2:{REGION}:123456789012:channelGroup/workflow-file/channel/news")
    );
    assert_eq!(
        (&news["IngestEndpoints"], &news["Tags"]),
        (&json!([]), &json!({ "headwater:owner": "file" }))
    );
    let pushed = get(&api, &format!("{GROUP}/channel/pushed/"));
    assert_eq!(pushed["IngestEndpoints"][0]["Url"], "http://localhost:8300/ingest/pushed");
    assert_eq!(send(&api, "GET", &format!("{GROUP}/channel/bare/"), Value::Null).status, 404);

    let listed = get(&api, &format!("{GROUP}/channel/news/originEndpoint"));
    let all = names(&listed, "OriginEndpointName");
    assert_eq!((all.len(), all[0].as_str()), (2, "news-cdn"));
    let url = "http://localhost:8080/out/v1/news/index.m3u8";
    assert_eq!(listed["Items"][0]["HlsManifests"], json!([{ "ManifestName": "index", "Url": url }]));
    let shown = get(&api, &format!("{GROUP}/channel/news/originEndpoint/news-cdn"));
    assert_eq!(shown["Segment"], json!({ "SegmentDurationSeconds": 6 }));
    let filter = json!({ "ManifestFilter": "video_bitrate:0-2000000", "TimeDelaySeconds": 4 });
    assert_eq!(
        shown["HlsManifests"],
        json!([{ "ManifestName": "index", "Url": url, "ManifestWindowSeconds": 50, "FilterConfiguration": filter,
            "ProgramDateTimeIntervalSeconds": 30 }])
    );
    assert_eq!(
        shown["DashManifests"],
        json!([{ "ManifestName": "index", "Url": "http://localhost:8080/out/v1/news/index.mpd", "ManifestWindowSeconds": 50,
            "FilterConfiguration": filter, "MinBufferTimeSeconds": 8, "UtcTiming": { "TimingMode": "HTTP_XSDATE" } }])
    );
    assert!(!shown.to_string().contains("s3cret"), "{shown}");
    // A name that v2 does not take is told by a digest, and the digest leads to it.
    let low = get(&api, &format!("{GROUP}/channel/news/originEndpoint/{}", all[1]));
    assert_eq!(low["LowLatencyHlsManifests"][0]["Url"], "http://localhost:8080/low/news/ll.m3u8");
    assert!(all[1].starts_with("newslow1-"), "{all:?}");
}

#[test]
fn nothing_of_it_is_changed_and_nobody_else_has_its_name() {
    let api = Api::beside(FILE);
    let endpoint = format!("{GROUP}/channel/news/originEndpoint/news-cdn");
    let arn = format!("arn:aws:mediapackagev2:{REGION}:123456789012:channelGroup/workflow-file/channel/news");
    let tags = format!("/tags/{}", arn.replace('/', "%2F"));
    for (method, target, body) in [
        ("POST", "/channelGroup".to_owned(), json!({ "ChannelGroupName": "workflow-file" })),
        ("PUT", GROUP.to_owned(), json!({ "Description": "x" })),
        ("DELETE", GROUP.to_owned(), Value::Null),
        ("POST", format!("{GROUP}/channel"), json!({ "ChannelName": "more" })),
        ("DELETE", format!("{GROUP}/channel/news/"), Value::Null),
        (
            "POST",
            format!("{GROUP}/channel/news/originEndpoint"),
            json!({ "OriginEndpointName": "e", "ContainerType": "CMAF" }),
        ),
        ("PUT", endpoint.clone(), json!({ "ContainerType": "CMAF" })),
        ("DELETE", endpoint.clone(), Value::Null),
        ("POST", format!("{endpoint}/policy"), json!({ "Policy": "{}" })),
        ("POST", tags.clone(), json!({ "tags": { "a": "b" } })),
    ] {
        let answer = send(&api, method, &target, body);
        let (error, message) = answer.refused();
        let expected = if target.starts_with("/tags") { "ValidationException" } else { "ConflictException" };
        assert_eq!(error, expected, "{method} {target}: {message}");
        assert!(
            message.contains("of the workflow file; change it there and run `headwater apply`"),
            "{message}"
        );
    }
    assert!(api.resources().is_empty(), "nothing was made");
    assert_eq!(get(&api, &tags), json!({ "tags": { "headwater:owner": "file" } }));
    let policy = send(&api, "GET", &format!("{endpoint}/policy"), Value::Null);
    assert_eq!(policy.refused().0, "ResourceNotFoundException");

    // Without a file the group is not there, and its name is still the file's.
    let api = Api::start();
    assert_eq!(get(&api, "/channelGroup")["Items"], json!([]));
    assert_eq!(send(&api, "GET", GROUP, Value::Null).refused().0, "ResourceNotFoundException");
    let made = send(&api, "POST", "/channelGroup", json!({ "ChannelGroupName": "workflow-file" }));
    assert_eq!(made.refused().0, "ConflictException");
}
