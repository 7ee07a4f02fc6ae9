//! Channels of the workflow file and of the native API, as MediaLive's clients see them.

use serde_json::{Value, json};

use crate::home::{Home, id, seed};

const FILE: &str = "[[channel]]\nname = \"news\"\ninput = { rtmp = \"live/news\" }\nladder = [\"240p15\"]\nsegment = 1\n\
    backup = { rtmp = \"live/spare\" }\n[[channel]]\nname = \"bars\"\ninput = \"test\"\npipelines = 2\n";

async fn named(home: &Home, list: &str, member: &str, name: &str) -> Value {
    let listed = home.ok("GET", list, Value::Null).await;
    let found = listed[member].as_array().expect("a list").iter().find(|one| one["name"] == name);
    found.unwrap_or_else(|| panic!("{name} in {listed}")).clone()
}

#[tokio::test]
async fn a_channel_of_the_file_is_listed_and_described_with_its_inputs() {
    let home = Home::beside(FILE).await;
    let listed = named(&home, "/prod/channels", "channels", "news").await;
    let channel = id(&listed);
    let described = home.ok("GET", &format!("/prod/channels/{channel}"), Value::Null).await;
    assert_eq!(described["arn"], format!("arn:aws:medialive:us-west-2:123456789012:channel:{channel}"));
    assert_eq!(
        (&described["state"], &described["channelClass"]),
        (&json!("STARTING"), &json!("SINGLE_PIPELINE"))
    );
    assert_eq!(described["tags"], json!({"headwater:owner": "file"}));
    let url = "http://live.example:8080/news/index.m3u8";
    assert_eq!(described["destinations"], json!([{"id": "headwater", "settings": [{"url": url}]}]));
    let picture = &described["encoderSettings"]["videoDescriptions"][0];
    assert_eq!((&picture["width"], &picture["height"]), (&json!(426), &json!(240)));
    assert_eq!(picture["codecSettings"]["h264Settings"]["framerateNumerator"], 15);
    assert_eq!(listed["encoderSettings"], Value::Null);

    let attachments = described["inputAttachments"].as_array().expect("a list");
    assert_eq!(attachments.len(), 2);
    let second = attachments[1]["inputId"].clone();
    assert_eq!(attachments[0]["automaticInputFailoverSettings"]["secondaryInputId"], second);
    let input = attachments[0]["inputId"].as_str().expect("an id");
    let input = home.ok("GET", &format!("/prod/inputs/{input}"), Value::Null).await;
    assert_eq!((&input["type"], &input["state"]), (&json!("RTMP_PUSH"), &json!("ATTACHED")));
    assert_eq!(input["attachedChannels"], json!([channel]));
    let destination =
        json!({"ip": "live.example", "port": "1935", "url": "rtmp://live.example:1935/live/news"});
    assert_eq!(input["destinations"], json!([destination]));
    assert_eq!(named(&home, "/prod/inputs", "inputs", "news").await["id"], input["id"]);
    assert_eq!(named(&home, "/prod/inputs", "inputs", "news backup").await["id"], second);

    let bars = id(&named(&home, "/prod/channels", "channels", "bars").await);
    let bars = home.ok("GET", &format!("/prod/channels/{bars}"), Value::Null).await;
    assert_eq!((&bars["channelClass"], &bars["inputAttachments"]), (&json!("STANDARD"), &json!([])));
    let schedule = format!("/prod/channels/{channel}/schedule");
    assert_eq!(home.ok("GET", &schedule, Value::Null).await["scheduleActions"], json!([]));
    let refused = home.refused("GET", "/prod/channels/123456789012345", Value::Null).await;
    assert_eq!(refused, "404 NotFoundException: channel 123456789012345 is not found");
    home.refused("GET", "/prod/inputs/123456789012345", Value::Null).await;
}

#[tokio::test]
async fn its_state_is_what_is_seen_to_run() {
    use door::OtherState::{Refused, Running, Starting, Stopped, Stopping};
    let home = Home::beside(FILE).await;
    let bars = id(&named(&home, "/prod/channels", "channels", "bars").await);
    let path = format!("/prod/channels/{bars}");
    for (state, encoders, told, running) in [
        (Starting, 0, "STARTING", 0),
        (Starting, 1, "RUNNING", 1),
        (Running, 2, "RUNNING", 2),
        (Running, 0, "RUNNING", 0),
        (Stopping, 2, "STOPPING", 0),
        (Stopped, 0, "IDLE", 0),
        (Refused, 0, "IDLE", 0),
    ] {
        let problem = (state == Refused).then(|| "something else has the port".to_owned());
        home.see_other("bars", door::Sight { state, problem, encoders });
        let described = home.ok("GET", &path, Value::Null).await;
        assert_eq!(
            (&described["state"], &described["pipelinesRunningCount"]),
            (&json!(told), &json!(running))
        );
        assert_eq!(described["pipelineDetails"].as_array().map(Vec::len), Some(running));
    }
    let alerts = home.ok("GET", &format!("{path}/alerts"), Value::Null).await;
    assert_eq!(alerts["alerts"][0]["message"], "something else has the port");
    home.see_other("bars", door::Sight { state: Running, problem: None, encoders: 2 });
    let seen = format!("{path}/thumbnails?pipelineId=1&thumbnailType=CURRENT_ACTIVE");
    let seen = home.ok("GET", &seen, Value::Null).await;
    assert_eq!(seen["thumbnailDetails"][0]["thumbnails"][0]["body"], "bars/1");
}

#[tokio::test]
async fn pages_have_media_live_s_own_and_others_each_once() {
    let home = Home::beside(FILE).await;
    let input = home.rtmp(&["live/one"]).await;
    let mut all = Vec::new();
    for _ in 0..3 {
        all.push(home.channel(&input).await);
    }
    for name in ["news", "bars"] {
        all.push(id(&named(&home, "/prod/channels", "channels", name).await));
    }
    all.sort();
    for size in 1..=6 {
        let (mut listed, mut path) = (Vec::new(), format!("/prod/channels?maxResults={size}"));
        loop {
            let page = home.ok("GET", &path, Value::Null).await;
            listed.extend(page["channels"].as_array().expect("a list").iter().map(id));
            let Some(token) = page["nextToken"].as_str() else { break };
            path = format!("/prod/channels?maxResults={size}&nextToken={token}");
        }
        assert_eq!(listed, all, "{size} a page");
    }
}

#[tokio::test]
async fn every_change_of_it_is_refused_and_says_who_makes_it() {
    let home = Home::beside(FILE).await;
    let channel = id(&named(&home, "/prod/channels", "channels", "news").await);
    let input = id(&named(&home, "/prod/inputs", "inputs", "news").await);
    let (before, arn) = (home.store.every().await.expect("resources").1, |kind: &str, id: &str| {
        format!("arn:aws:medialive:us-west-2:123456789012:{kind}:{id}")
    });
    let told = "channel `news` is of the workflow file; change it there and run `headwater apply`";
    let path = format!("/prod/channels/{channel}");
    for (method, path, body) in [
        ("PUT", path.clone(), json!({"name": "other"})),
        ("PUT", format!("{path}/channelClass"), json!({"channelClass": "STANDARD"})),
        ("DELETE", path.clone(), Value::Null),
        ("POST", format!("{path}/start"), Value::Null),
        ("POST", format!("{path}/stop"), Value::Null),
        ("POST", format!("{path}/restartChannelPipelines"), json!({})),
        ("PUT", format!("{path}/schedule"), json!({"deletes": {"actionNames": ["a"]}})),
        ("DELETE", format!("{path}/schedule"), Value::Null),
        ("POST", format!("/prod/tags/{}", arn("channel", &channel)), json!({"tags": {"a": "b"}})),
    ] {
        let refused = home.refused(method, &path, body).await;
        assert_eq!(refused, format!("409 ConflictException: {told}"), "{method} {path}");
    }
    for (method, path, body) in [
        ("PUT", format!("/prod/inputs/{input}"), json!({"name": "other"})),
        ("DELETE", format!("/prod/inputs/{input}"), Value::Null),
        ("DELETE", format!("/prod/tags/{}?tagKeys=a", arn("input", &input)), Value::Null),
    ] {
        let refused = home.refused(method, &path, body).await;
        assert_eq!(refused, format!("409 ConflictException: input {input}: {told}"), "{method} {path}");
    }
    let batch = home.ok("POST", "/prod/batch/stop", json!({"channelIds": [channel]})).await;
    assert_eq!(
        (&batch["failed"][0]["code"], &batch["failed"][0]["message"]),
        (&json!("ConflictException"), &json!(told))
    );
    let attached = home.refused("POST", "/prod/channels", seed(&input)).await;
    assert!(attached.contains("attach one of MediaLive's own"), "{attached}");
    assert_eq!(home.store.every().await.expect("resources").1, before, "nothing was changed");
    let tags = home.ok("GET", &format!("/prod/tags/{}", arn("input", &input)), Value::Null).await;
    assert_eq!(tags["tags"], json!({"headwater:owner": "file"}));
    let lines = home.store.audit(0, 100).await.expect("lines");
    assert!(lines.iter().any(|line| line.outcome == "ConflictException"), "{lines:?}");

    home.give_to_native_api("news");
    let refused = home.refused("DELETE", &path, Value::Null).await;
    assert!(refused.contains("is of the native API; change it there: /v1/channels/news"), "{refused}");
}
