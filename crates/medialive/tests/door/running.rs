use door::{Door, Seen};
use serde_json::{Value, json};

use crate::home::Home;

#[tokio::test]
async fn a_channel_goes_from_its_making_to_its_tombstone() {
    let home = Home::new().await;
    let input = home.rtmp(&["live/one"]).await;
    let channel = home.channel(&input).await;
    let (path, media) = (format!("/prod/channels/{channel}"), format!("ml-{channel}"));
    assert_eq!(home.state(&channel).await, "IDLE");
    assert_eq!(home.wanted().await, Vec::<String>::new());

    let started = home.ok("POST", &format!("{path}/start"), Value::Null).await;
    assert_eq!(started["state"], "STARTING");
    assert!(home.wanted().await[0].contains(&format!("name = \"{media}\"")));
    home.look(&[]).await;
    assert_eq!(home.state(&channel).await, "STARTING");
    home.look(&[(&media, 1)]).await;
    let running = home.ok("GET", &path, Value::Null).await;
    assert_eq!((&running["state"], &running["pipelinesRunningCount"]), (&json!("RUNNING"), &json!(1)));
    assert_eq!(running["pipelineDetails"][0]["activeInputAttachmentName"], "first");
    let refused = home.refused("POST", &format!("{path}/start"), Value::Null).await;
    assert!(refused.starts_with("409 ConflictException"), "{refused}");
    assert!(home.refused("DELETE", &path, Value::Null).await.contains("is RUNNING; stop it first"));
    assert!(home.refused("PUT", &path, json!({"name": "x"})).await.contains("is RUNNING"));

    let stopped = home.ok("POST", &format!("{path}/stop"), Value::Null).await;
    assert_eq!(stopped["state"], "STOPPING");
    assert_eq!(home.wanted().await, Vec::<String>::new());
    // AWS's solution deletes without waiting for the stop.
    let deleted = home.ok("DELETE", &path, Value::Null).await;
    assert_eq!(deleted["state"], "DELETING");
    assert_eq!(home.ok("GET", &format!("/prod/inputs/{input}"), Value::Null).await["state"], "DETACHED");
    assert_eq!(home.state(&channel).await, "DELETING");
    // Its stop was carried out: what runs under the name of its media is another's.
    home.look(&[(&media, 1)]).await;
    assert_eq!(home.state(&channel).await, "DELETED");
    assert!(home.refused("POST", &format!("{path}/start"), Value::Null).await.starts_with("404"));
}

#[tokio::test]
async fn whoever_looks_again_finds_nothing_new() {
    let home = Home::new().await;
    let input = home.rtmp(&["live/one"]).await;
    let channel = home.channel(&input).await;
    home.ok("POST", &format!("/prod/channels/{channel}/start"), Value::Null).await;
    home.look(&[(&format!("ml-{channel}"), 1)]).await;
    let (revision, resources) = home.store.every().await.expect("resources");
    let mut seen = Seen { revision, ..Seen::default() };
    seen.channels.insert(
        format!("ml-{channel}"),
        door::ChannelSeen { encoders: 1, is_on_air: true, has_source: true },
    );
    assert!(home.door.observe(&resources, &seen, home.wait_s(60)).is_empty());
}

#[tokio::test]
async fn a_channel_whose_source_has_not_come_runs_and_says_so() {
    let home = Home::new().await;
    let input = home.rtmp(&["live/one"]).await;
    let channel = home.channel(&input).await;
    home.ok("POST", &format!("/prod/channels/{channel}/start"), Value::Null).await;
    let (revision, resources) = home.store.every().await.expect("resources");
    let mut seen = Seen { revision, ..Seen::default() };
    let sight = door::ChannelSeen { encoders: 1, is_on_air: true, has_source: false };
    seen.channels.insert(format!("ml-{channel}"), sight);
    let now = home.wait_s(1);
    let reports = home.door.observe(&resources, &seen, now);
    home.store.observe(&reports, now).await.expect("reports");
    assert_eq!(home.state(&channel).await, "RUNNING");
    let alerts =
        home.ok("GET", &format!("/prod/channels/{channel}/alerts"), Value::Null).await["alerts"].clone();
    assert_eq!((&alerts[0]["alertType"], &alerts[0]["state"]), (&json!("Video Not Detected"), &json!("SET")));
    let set = alerts[0]["setTimestamp"].as_str().expect("a date");
    assert_eq!(set[..19], now.to_string()[..19]);
}

#[tokio::test]
async fn a_start_and_a_stop_that_nobody_saw_end_where_nothing_runs() {
    let home = Home::new().await;
    let input = home.rtmp(&["live/one"]).await;
    let channel = home.channel(&input).await;
    let path = format!("/prod/channels/{channel}");
    home.ok("POST", &format!("{path}/start"), Value::Null).await;
    home.ok("POST", &format!("{path}/stop"), Value::Null).await;
    assert_eq!(home.state(&channel).await, "STOPPING");
    home.look(&[]).await;
    assert_eq!(home.state(&channel).await, "IDLE");
    home.ok("POST", &format!("{path}/stop"), Value::Null).await;
    assert_eq!(home.state(&channel).await, "IDLE");
}

#[tokio::test]
async fn a_sight_from_before_a_start_or_stop_says_nothing_of_it() {
    let home = Home::new().await;
    let input = home.rtmp(&["live/one"]).await;
    let channel = home.channel(&input).await;
    let (path, media) = (format!("/prod/channels/{channel}"), format!("ml-{channel}"));
    for (call, state) in [("start", "STARTING"), ("stop", "STOPPING"), ("start", "STARTING")] {
        let (revision, _) = home.store.every().await.expect("resources");
        home.ok("POST", &format!("{path}/{call}"), Value::Null).await;
        let (_, resources) = home.store.every().await.expect("resources");
        let mut late = Seen { revision, ..Seen::default() };
        late.refused.insert(media.clone(), "it was refused before".to_owned());
        let now = home.wait_s(1);
        let reports = home.door.observe(&resources, &late, now);
        home.store.observe(&reports, now).await.expect("reports");
        assert_eq!(home.state(&channel).await, state);
        // What is seen of the call itself, or of anything later, counts.
        let encoders = u8::from(call == "start");
        home.look(&[(&media, encoders)]).await;
        assert_eq!(home.state(&channel).await, ["IDLE", "RUNNING"][usize::from(encoders)]);
    }
}

#[tokio::test]
async fn a_channel_that_cannot_run_is_idle_with_an_alert_and_can_be_put_right() {
    let home = Home::new().await;
    let input = home.rtmp(&["live/one"]).await;
    let channel = home.channel(&input).await;
    let (path, media) = (format!("/prod/channels/{channel}"), format!("ml-{channel}"));
    home.ok("POST", &format!("{path}/start"), Value::Null).await;
    home.see(&[], &[(&media, "another input has this RTMP application and key")]).await;
    assert_eq!(home.state(&channel).await, "IDLE");
    let alerts =
        home.ok("GET", &format!("{path}/alerts?stateFilter=SET"), Value::Null).await["alerts"].clone();
    assert_eq!(alerts[0]["message"], "another input has this RTMP application and key");
    assert_eq!(alerts[0]["state"], "SET");
    home.ok("POST", &format!("{path}/start"), Value::Null).await;
    assert_eq!(home.state(&channel).await, "STARTING");
    home.look(&[(&media, 1)]).await;
    assert_eq!(home.state(&channel).await, "RUNNING");
    let set = home.ok("GET", &format!("{path}/alerts?stateFilter=SET"), Value::Null).await;
    assert_eq!(set["alerts"], json!([]));
    let all = home.ok("GET", &format!("{path}/alerts"), Value::Null).await["alerts"].clone();
    assert_eq!((all.as_array().map(Vec::len), &all[0]["state"]), (Some(1), &json!("CLEARED")));
    assert!(
        home.refused("GET", &format!("{path}/alerts?stateFilter=NEW"), Value::Null).await.starts_with("400")
    );
}

#[tokio::test]
async fn a_lost_encoder_is_an_alert_while_the_other_runs_and_recovering_when_none_does() {
    let home = Home::new().await;
    let input = home.rtmp(&["live/one", "live/two"]).await;
    let channel = home.channel(&input).await;
    let (path, media) = (format!("/prod/channels/{channel}"), format!("ml-{channel}"));
    home.ok("POST", &format!("{path}/start"), Value::Null).await;
    home.look(&[(&media, 1)]).await;
    home.look(&[(&media, 2)]).await;
    assert_eq!(home.ok("GET", &path, Value::Null).await["pipelinesRunningCount"], 2);
    home.look(&[(&media, 1)]).await;
    assert_eq!(home.state(&channel).await, "RUNNING");
    let alerts =
        home.ok("GET", &format!("{path}/alerts?stateFilter=SET"), Value::Null).await["alerts"].clone();
    assert_eq!((&alerts[0]["alertType"], &alerts[0]["pipelineId"]), (&json!("Pipeline Down"), &json!("1")));
    home.look(&[]).await;
    assert_eq!(home.state(&channel).await, "RECOVERING");
    home.look(&[(&media, 2)]).await;
    assert_eq!(home.state(&channel).await, "RUNNING");
}

#[tokio::test]
async fn an_input_that_others_push_to_is_in_one_channel_at_a_time() {
    let home = Home::new().await;
    let input = home.rtmp(&["live/one"]).await;
    let (first, second) = (home.channel(&input).await, home.channel(&input).await);
    home.ok("POST", &format!("/prod/channels/{first}/start"), Value::Null).await;
    let refused = home.refused("POST", &format!("/prod/channels/{second}/start"), Value::Null).await;
    assert_eq!(
        refused,
        format!("409 ConflictException: input {input} is in use by channel {first}; stop that first")
    );
    home.ok("POST", &format!("/prod/channels/{first}/stop"), Value::Null).await;
    home.ok("POST", &format!("/prod/channels/{second}/start"), Value::Null).await;
    assert_eq!(home.wanted().await.len(), 1);
}

#[tokio::test]
async fn one_channel_at_a_time_publishes_to_a_mediapackage_channel() {
    let home = Home::new().await;
    let mut channels = Vec::new();
    for stream in ["live/one", "live/two"] {
        let input = home.rtmp(&[stream]).await;
        let body = json!({
            "inputAttachments": [{"inputId": input}],
            "destinations": [{"id": "d", "mediaPackageSettings": [{"channelId": "news"}]}],
            "encoderSettings": {"outputGroups": [{
                "outputGroupSettings": {"mediaPackageGroupSettings": {"destination": {"destinationRefId": "d"}}},
                "outputs": [{"outputSettings": {"mediaPackageOutputSettings": {}}, "videoDescriptionName": "x_720p30"}],
            }]},
        });
        channels.push(crate::home::id(&home.ok("POST", "/prod/channels", body).await["channel"]));
    }
    home.ok("POST", &format!("/prod/channels/{}/start", channels[0]), Value::Null).await;
    let refused = home.refused("POST", &format!("/prod/channels/{}/start", channels[1]), Value::Null).await;
    assert!(
        refused.contains(&format!("media mp-news belongs to channel {} already", channels[0])),
        "{refused}"
    );
    home.ok("POST", &format!("/prod/channels/{}/stop", channels[0]), Value::Null).await;
    home.ok("POST", &format!("/prod/channels/{}/start", channels[1]), Value::Null).await;
    // The name is another's now: that it runs says nothing of the first.
    home.look(&[("mp-news", 1)]).await;
    assert_eq!(home.state(&channels[0]).await, "IDLE");
    assert_eq!(home.state(&channels[1]).await, "RUNNING");
}

#[tokio::test]
async fn a_batch_does_each_for_itself() {
    let home = Home::new().await;
    let input = home.rtmp(&["live/one"]).await;
    let channel = home.channel(&input).await;
    let ids = json!({"channelIds": [channel, "1111111"]});
    let started = home.ok("POST", "/prod/batch/start", ids.clone()).await;
    assert_eq!(started["successful"][0]["state"], "STARTING");
    assert_eq!(started["failed"][0]["code"], "NotFoundException");
    home.ok("POST", "/prod/batch/stop", ids).await;
    let all = json!({"channelIds": [channel], "inputIds": [input]});
    let deleted = home.ok("POST", "/prod/batch/delete", all).await;
    assert_eq!((deleted["successful"].as_array().map(Vec::len), &deleted["failed"]), (Some(2), &json!([])));
    let refused = home.refused("POST", "/prod/batch/start", json!({"multiplexIds": ["1"]})).await;
    assert!(refused.contains("multiplexes are not implemented"), "{refused}");
}

#[tokio::test]
async fn pipelines_of_a_running_channel_are_looked_at_and_started_anew() {
    let home = Home::new().await;
    let input = home.rtmp(&["live/one"]).await;
    let channel = home.channel(&input).await;
    let (path, media) = (format!("/prod/channels/{channel}"), format!("ml-{channel}"));
    let look = |pipeline: u8| format!("{path}/thumbnails?pipelineId={pipeline}&thumbnailType=CURRENT_ACTIVE");
    assert_eq!(home.ok("GET", &look(0), Value::Null).await["thumbnailDetails"], json!([]), "it does not run");
    let restart = format!("{path}/restartChannelPipelines");
    assert!(home.refused("POST", &restart, json!({})).await.starts_with("409 ConflictException"));

    home.ok("POST", &format!("{path}/start"), Value::Null).await;
    home.look(&[(&media, 1)]).await;
    let seen = home.ok("GET", &look(0), Value::Null).await["thumbnailDetails"][0].clone();
    assert_eq!((&seen["pipelineId"], seen["thumbnails"].as_array().map(Vec::len)), (&json!("0"), Some(1)));
    let thumbnail = &seen["thumbnails"][0];
    assert_eq!(
        (&thumbnail["body"], &thumbnail["contentType"], &thumbnail["thumbnailType"]),
        (&json!(format!("{media}/0")), &json!("image/jpeg"), &json!("CURRENT_ACTIVE"))
    );
    assert!(home.refused("GET", &look(1), Value::Null).await.contains("has no pipeline 1"));
    assert!(
        home.refused("GET", &format!("{path}/thumbnails?pipelineId=0&thumbnailType=x"), Value::Null)
            .await
            .starts_with("400")
    );

    assert_eq!(home.ok("POST", &restart, json!({})).await["state"], "RUNNING");
    let refused = home.refused("POST", &restart, json!({"pipelineIds": ["PIPELINE_0", "PIPELINE_1"]})).await;
    assert!(refused.contains("has no PIPELINE_1"), "{refused}");
    assert_eq!(*home.restarted.0.lock().expect("no panic"), [format!("{media} 0")]);
}
