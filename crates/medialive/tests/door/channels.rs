use serde_json::{Value, json};

use crate::home::{Home, id, seed};

#[tokio::test]
async fn the_seed_s_channel_is_completed_and_told_as_it_will_run() {
    let home = Home::new().await;
    let input = home.rtmp(&["live/one"]).await;
    let made = home.ok("POST", "/prod/channels", seed(&input)).await["channel"].clone();
    let channel = id(&made);
    assert_eq!(made["state"], "CREATING");
    let described = home.ok("GET", &format!("/prod/channels/{channel}"), Value::Null).await;
    assert_eq!(described["state"], "IDLE");
    assert_eq!(described["channelClass"], "SINGLE_PIPELINE");
    assert_eq!(described["arn"], format!("arn:aws:medialive:us-west-2:123456789012:channel:{channel}"));
    let url = format!("http://live.example:8080/ml-{channel}/index.m3u8");
    assert_eq!(described["destinations"], json!([{"id": "headwater", "settings": [{"url": url}]}]));
    assert_eq!(described["encoderSettings"]["videoDescriptions"][0]["height"], 1080);
    assert_eq!(described["pipelinesRunningCount"], 0);

    // What was told comes back from clients that change one thing of it.
    let mut update = json!({"name": "renamed"});
    for member in ["destinations", "encoderSettings", "inputAttachments"] {
        update[member] = described[member].clone();
    }
    let updated = home.ok("PUT", &format!("/prod/channels/{channel}"), update).await["channel"].clone();
    assert_eq!((&updated["name"], &updated["state"]), (&json!("renamed"), &json!("IDLE")));

    let listed = home.ok("GET", "/prod/channels", Value::Null).await;
    assert_eq!(listed["channels"][0]["id"], channel);
    assert_eq!(listed["channels"][0]["encoderSettings"], Value::Null);
}

#[tokio::test]
async fn what_cannot_be_done_is_told_by_its_place_and_not_kept() {
    let home = Home::new().await;
    let input = home.rtmp(&["live/one"]).await;
    let (revision, before) = home.store.every().await.expect("resources");
    let mut wrong = seed(&input);
    wrong["encoderSettings"]["videoDescriptions"] =
        json!([{"name": "video_1080p30", "sharpness": 80, "respondToAfd": "RESPOND"}]);
    let (status, told) = home.call("POST", "/prod/channels", wrong).await;
    assert_eq!((status, &told["exception"]), (422, &json!("UnprocessableEntityException")));
    assert_eq!(
        told["validationErrors"],
        json!([
            {"elementPath": "/encoderSettings/videoDescriptions/0/respondToAfd",
                "errorMessage": "RESPOND is not implemented; NONE is what is done"},
            {"elementPath": "/encoderSettings/videoDescriptions/0/sharpness",
                "errorMessage": "80 is not implemented; 50 is what is done"},
        ])
    );
    let (status, told) = home.call("POST", "/prod/channels", seed("1234567")).await;
    assert_eq!(status, 422);
    assert_eq!(
        told["validationErrors"],
        json!([{"elementPath": "/inputAttachments/0/inputId", "errorMessage": "there is no input 1234567"}])
    );
    // By the description, before it comes to the door.
    let mut wrong = seed(&input);
    wrong["encoderSettings"]["outputGroups"][0]["outputGroupSettings"]["hlsGroupSettings"]["segmentLength"] =
        json!(0);
    let (status, told) = home.call("POST", "/prod/channels", wrong).await;
    assert_eq!(status, 422, "{told}");
    let (after_revision, after) = home.store.every().await.expect("resources");
    assert_eq!(after, before);
    // The audit log has the two that came to the door.
    assert_eq!(after_revision, revision + 2);
}

#[tokio::test]
async fn a_call_that_comes_twice_is_done_once() {
    let home = Home::new().await;
    let input = home.rtmp(&["live/one"]).await;
    let mut body = seed(&input);
    body["requestId"] = json!("token-1");
    let first = home.ok("POST", "/prod/channels", body.clone()).await;
    let again = home.ok("POST", "/prod/channels", body.clone()).await;
    assert_eq!(again, first);
    body["name"] = json!("other");
    assert!(home.refused("POST", "/prod/channels", body).await.starts_with("409 ConflictException"));
    let listed = home.ok("GET", "/prod/channels", Value::Null).await;
    assert_eq!(listed["channels"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_dry_run_tells_what_would_be_and_leaves_nothing() {
    let home = Home::new().await;
    let input = home.rtmp(&["live/one"]).await;
    let mut body = seed(&input);
    body["dryRun"] = json!(true);
    let told = home.ok("POST", "/prod/channels", body).await;
    assert_eq!(told["channel"]["channelClass"], "SINGLE_PIPELINE");
    assert_eq!(home.ok("GET", "/prod/channels", Value::Null).await["channels"], json!([]));
    assert_eq!(home.ok("GET", &format!("/prod/inputs/{input}"), Value::Null).await["state"], "DETACHED");
}

#[tokio::test]
async fn lists_come_in_pages_that_miss_nothing() {
    let home = Home::new().await;
    let input = home.rtmp(&["live/one"]).await;
    let mut made = Vec::new();
    for _ in 0..7 {
        made.push(home.channel(&input).await);
    }
    made.sort();
    let (mut listed, mut path) = (Vec::new(), "/prod/channels?maxResults=3".to_owned());
    let mut pages = 0;
    loop {
        let page = home.ok("GET", &path, Value::Null).await;
        pages += 1;
        listed.extend(page["channels"].as_array().expect("a list").iter().map(id));
        match page["nextToken"].as_str() {
            Some(token) => path = format!("/prod/channels?maxResults=3&nextToken={token}"),
            None => break,
        }
    }
    assert_eq!((listed, pages), (made, 3));
    for wrong in ["maxResults=0", "maxResults=1001", "nextToken=x"] {
        let refused = home.refused("GET", &format!("/prod/channels?{wrong}"), Value::Null).await;
        assert!(refused.starts_with("400 BadRequestException"), "{refused}");
    }
}

#[tokio::test]
async fn a_channel_s_class_is_changed_with_its_pipelines() {
    let home = Home::new().await;
    let input = home.rtmp(&["live/one", "live/two"]).await;
    let channel = home.channel(&input).await;
    let path = format!("/prod/channels/{channel}");
    assert_eq!(home.ok("GET", &path, Value::Null).await["channelClass"], "STANDARD");
    home.ok("POST", &format!("{path}/start"), Value::Null).await;
    assert!(home.wanted().await[0].contains("pipelines = \"pair\""));
    home.ok("POST", &format!("{path}/stop"), Value::Null).await;
    home.look(&[]).await;
    let changed =
        home.ok("PUT", &format!("{path}/channelClass"), json!({"channelClass": "SINGLE_PIPELINE"})).await;
    assert_eq!(changed["channel"]["channelClass"], "SINGLE_PIPELINE");
    home.ok("POST", &format!("{path}/start"), Value::Null).await;
    let wanted = home.wanted().await;
    assert!(wanted[0].contains("pipelines = 1") && !wanted[0].contains("live/two"), "{wanted:?}");
}

#[tokio::test]
async fn versions_and_the_account_are_told_and_the_rest_is_refused_by_name() {
    let home = Home::new().await;
    let versions = home.ok("GET", "/prod/versions", Value::Null).await;
    assert_eq!(versions["versions"][0]["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(
        home.ok("GET", "/prod/accountConfiguration", Value::Null).await,
        json!({"accountConfiguration": {}})
    );
    let refused = home.refused("GET", "/prod/multiplexes", Value::Null).await;
    assert_eq!(refused, "501 NotImplementedException: ListMultiplexes of medialive is not implemented here");
    let input = home.rtmp(&["live/one"]).await;
    let mut body = seed(&input);
    body["channelEngineVersion"] = json!({"version": "9"});
    let (status, told) = home.call("POST", "/prod/channels", body).await;
    assert_eq!(
        (status, &told["validationErrors"][0]["elementPath"]),
        (422, &json!("/channelEngineVersion/version"))
    );
}
