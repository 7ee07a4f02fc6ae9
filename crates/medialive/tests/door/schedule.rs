use serde_json::{Value, json};

use crate::home::{Home, id, seed};

async fn two_inputs(home: &Home) -> String {
    let (first, second) = (home.rtmp(&["live/one"]).await, home.rtmp(&["live/two"]).await);
    let mut body = seed(&first);
    let attachments = body["inputAttachments"].as_array_mut().expect("a list");
    attachments.push(json!({"inputId": second, "inputAttachmentName": "second"}));
    id(&home.ok("POST", "/prod/channels", body).await["channel"])
}

fn switch(name: &str, to: &str, start: Value) -> Value {
    json!({"actionName": name, "scheduleActionStartSettings": start,
        "scheduleActionSettings": {"inputSwitchSettings": {"inputAttachmentNameReference": to}}})
}

fn creates(action: Value) -> Value {
    json!({"creates": {"scheduleActions": [action]}})
}

fn at(time: media::Utc) -> Value {
    json!({"fixedModeScheduleActionStartSettings": {"time": time.to_string()}})
}

fn now() -> Value {
    json!({"immediateModeScheduleActionStartSettings": {}})
}

#[tokio::test]
async fn a_switch_shows_the_other_input_at_once_or_when_its_time_has_come() {
    let home = Home::new().await;
    let channel = two_inputs(&home).await;
    let (path, media) = (format!("/prod/channels/{channel}"), format!("ml-{channel}"));
    home.ok("POST", &format!("{path}/start"), Value::Null).await;
    home.look(&[(&media, 1)]).await;
    assert!(home.wanted().await[0].contains("live/one"));
    let time = home.wait_s(0).plus_micros(600_000_000);
    let later = switch("later", "first", at(time));
    let made = home.ok("PUT", &format!("{path}/schedule"), creates(later.clone())).await;
    assert_eq!(made, creates(later.clone()));
    let at_once = switch("at once", "second", now());
    home.ok("PUT", &format!("{path}/schedule"), creates(at_once.clone())).await;
    home.look(&[(&media, 1)]).await;
    assert!(home.wanted().await[0].contains("live/two"));
    assert_eq!(home.state(&channel).await, "RUNNING");
    let told = home.ok("GET", &path, Value::Null).await["pipelineDetails"][0].clone();
    assert_eq!(
        (&told["activeInputAttachmentName"], &told["activeInputSwitchActionName"]),
        (&json!("second"), &json!("at once"))
    );
    home.wait_s(600);
    home.look(&[(&media, 1)]).await;
    assert!(home.wanted().await[0].contains("live/one"));
    let listed = home.ok("GET", &format!("{path}/schedule?maxResults=1"), Value::Null).await;
    assert_eq!(listed["scheduleActions"], json!([at_once]));
    let rest =
        format!("{path}/schedule?maxResults=1&nextToken={}", listed["nextToken"].as_str().expect("more"));
    assert_eq!(home.ok("GET", &rest, Value::Null).await["scheduleActions"], json!([later]));

    // The next run begins with the first attachment.
    home.ok("POST", &format!("{path}/stop"), Value::Null).await;
    home.look(&[]).await;
    home.wait_s(1);
    home.ok("POST", &format!("{path}/start"), Value::Null).await;
    home.look(&[(&media, 1)]).await;
    assert!(home.wanted().await[0].contains("live/one"));
    let deletes = json!({"deletes": {"actionNames": ["at once"]}});
    assert_eq!(
        home.ok("PUT", &format!("{path}/schedule"), deletes).await["deletes"]["scheduleActions"],
        json!([at_once])
    );
    home.ok("DELETE", &format!("{path}/schedule"), Value::Null).await;
    assert_eq!(home.ok("GET", &format!("{path}/schedule"), Value::Null).await["scheduleActions"], json!([]));
}

#[tokio::test]
async fn other_actions_are_refused_by_name_and_the_schedule_stays() {
    let home = Home::new().await;
    let channel = two_inputs(&home).await;
    let path = format!("/prod/channels/{channel}/schedule");
    let later = at(home.wait_s(0).plus_micros(60_000_000));
    let over = at(home.wait_s(0).plus_micros(-60_000_000));
    let mut pause = switch("a", "second", later.clone());
    pause["scheduleActionSettings"] = json!({"pauseStateSettings": {}});
    let mut clipped = switch("a", "second", later.clone());
    clipped["scheduleActionSettings"]["inputSwitchSettings"]["urlPath"] = json!(["x"]);
    let follow =
        json!({"followModeScheduleActionStartSettings": {"followPoint": "END", "referenceActionName": "x"}});
    let place = "/creates/scheduleActions/0";
    for (action, at, told) in [
        (pause, "scheduleActionSettings/pauseStateSettings", "PauseStateSettings is not implemented"),
        (clipped, "scheduleActionSettings/inputSwitchSettings/urlPath", "UrlPath is not implemented"),
        (
            switch("a", "second", follow),
            "scheduleActionStartSettings/followModeScheduleActionStartSettings",
            "not implemented",
        ),
        (
            switch("a", "second", now()),
            "scheduleActionStartSettings/immediateModeScheduleActionStartSettings",
            "start it first",
        ),
        (
            switch("a", "second", over),
            "scheduleActionStartSettings/fixedModeScheduleActionStartSettings/time",
            "this time is over",
        ),
        (switch("a", "third", later.clone()), "scheduleActionSettings", "no attachment has that name"),
        (switch("", "second", later.clone()), "actionName", "a name that no other action"),
    ] {
        let (status, refused) = home.call("PUT", &path, creates(action)).await;
        let error = &refused["validationErrors"][0];
        assert_eq!((status, &error["elementPath"]), (422, &json!(format!("{place}/{at}"))), "{refused}");
        assert!(error["errorMessage"].as_str().expect("text").contains(told), "{refused}");
    }
    let missing = json!({"deletes": {"actionNames": ["x"]}});
    let (status, refused) = home.call("PUT", &path, missing).await;
    assert_eq!(
        (status, &refused["validationErrors"][0]["elementPath"]),
        (422, &json!("/deletes/actionNames/0"))
    );
    home.ok("PUT", &path, creates(switch("a", "second", later.clone()))).await;
    let (status, _) = home.call("PUT", &path, creates(switch("a", "second", later))).await;
    assert_eq!(status, 422);
    assert_eq!(home.ok("GET", &path, Value::Null).await["scheduleActions"].as_array().map(Vec::len), Some(1));

    // An attachment that a switch names stays while the switch does.
    let first = home.ok("GET", &format!("/prod/channels/{channel}"), Value::Null).await["inputAttachments"]
        [0]
    .clone();
    let fewer = json!({"inputAttachments": [first]});
    let (status, refused) = home.call("PUT", &format!("/prod/channels/{channel}"), fewer).await;
    assert!(status == 422 && refused.to_string().contains("no attachment has that name"), "{refused}");
}
