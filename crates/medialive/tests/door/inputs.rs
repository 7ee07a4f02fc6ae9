use serde_json::{Value, json};

use crate::home::{Home, id, seed};

async fn group(home: &Home, cidrs: &[&str]) -> String {
    let rules: Vec<_> = cidrs.iter().map(|cidr| json!({"cidr": cidr})).collect();
    let body = json!({"whitelistRules": rules});
    id(&home.ok("POST", "/prod/inputSecurityGroups", body).await["securityGroup"])
}

#[tokio::test]
async fn a_pushed_pair_says_where_to_push_and_is_told_as_it_was_made() {
    let home = Home::new().await;
    let group = group(&home, &["10.0.0.0/8"]).await;
    let body = json!({"type": "RTMP_PUSH", "name": "camera", "roleArn": "arn:x", "tags": {"a": "b"},
        "inputSecurityGroups": [group], "destinations": [{"streamName": "live/one"}, {"streamName": "live/two"}]});
    let made = home.ok("POST", "/prod/inputs", body).await["input"].clone();
    let input = id(&made);
    assert_eq!(made["state"], "DETACHED");
    assert_eq!(made["inputClass"], "STANDARD");
    let urls: Vec<_> =
        made["destinations"].as_array().expect("a list").iter().map(|place| &place["url"]).collect();
    assert_eq!(urls, ["rtmp://live.example:1935/live/one", "rtmp://live.example:1935/live/two"]);
    assert_eq!(home.ok("GET", &format!("/prod/inputs/{input}"), Value::Null).await, made);
    let listed = home.ok("GET", "/prod/inputs", Value::Null).await;
    assert_eq!(listed["inputs"], json!([made]));

    let path = format!("/prod/inputSecurityGroups/{group}");
    let described = home.ok("GET", &path, Value::Null).await;
    assert_eq!((&described["state"], &described["inputs"]), (&json!("IN_USE"), &json!([input])));
    assert_eq!(home.told("medialive-input", &input).await.as_deref(), Some("DETACHED"));
    assert_eq!(home.told("medialive-input-security-group", &group).await.as_deref(), Some("IN_USE"));
    assert!(
        home.refused("DELETE", &path, Value::Null).await.starts_with("409 ConflictException: inputs have it")
    );

    home.ok("DELETE", &format!("/prod/inputs/{input}"), Value::Null).await;
    assert_eq!(home.ok("GET", &format!("/prod/inputs/{input}"), Value::Null).await["state"], "DELETED");
    assert_eq!(home.ok("GET", &path, Value::Null).await["state"], "IDLE");
    home.ok("DELETE", &path, Value::Null).await;
    assert_eq!(home.ok("GET", &path, Value::Null).await["state"], "DELETED");
    assert_eq!(home.ok("GET", "/prod/inputs", Value::Null).await["inputs"], json!([]));
    home.wait_s(3_601);
    let gone = home.refused("GET", &format!("/prod/inputs/{input}"), Value::Null).await;
    assert_eq!(gone, format!("404 NotFoundException: input {input} is not found"));
}

#[tokio::test]
async fn each_publisher_has_a_place_of_its_own() {
    let home = Home::new().await;
    let first = home.rtmp(&["live/one"]).await;
    let body = json!({"type": "RTMP_PUSH", "destinations": [{"streamName": "live/one"}]});
    let told = home.refused("POST", "/prod/inputs", body.clone()).await;
    assert_eq!(
        told,
        format!(
            "409 ConflictException: RTMP stream live/one belongs to input {first} already; each needs its own"
        )
    );
    home.ok("DELETE", &format!("/prod/inputs/{first}"), Value::Null).await;
    home.ok("POST", "/prod/inputs", body).await;

    let port = |made: &Value, index: usize| made["input"]["destinations"][index]["url"].clone();
    let udp = home.ok("POST", "/prod/inputs", json!({"type": "UDP_PUSH"})).await;
    let rtp = home.ok("POST", "/prod/inputs", json!({"type": "RTP_PUSH"})).await;
    assert_eq!([port(&udp, 0), port(&udp, 1)], ["udp://live.example:5000", "udp://live.example:5010"]);
    assert_eq!([port(&rtp, 0), port(&rtp, 1)], ["rtp://live.example:5020", "rtp://live.example:5030"]);
    home.ok("DELETE", &format!("/prod/inputs/{}", id(&udp["input"])), Value::Null).await;
    let next = home.ok("POST", "/prod/inputs", json!({"type": "UDP_PUSH"})).await;
    assert_eq!(port(&next, 0), "udp://live.example:5000");
    let srt = home.ok("POST", "/prod/inputs", json!({"type": "SRT_LISTENER"})).await["input"].clone();
    let expected = format!("srt://live.example:9710?streamid=ml-{}", id(&srt));
    assert_eq!(srt["destinations"][0]["url"], expected);
    let named = json!({"type": "SRT_LISTENER", "srtSettings": {"srtListenerSettings": {"streamId": "main"}}});
    let made = home.ok("POST", "/prod/inputs", named.clone()).await;
    assert_eq!(made["input"]["destinations"][0]["url"], "srt://live.example:9710?streamid=main");
    assert!(
        home.refused("POST", "/prod/inputs", named)
            .await
            .starts_with("409 ConflictException: SRT stream main")
    );
}

#[tokio::test]
async fn an_input_that_cannot_be_is_refused_and_nothing_of_it_is_kept() {
    let home = Home::new().await;
    let kinds = "there are RTMP_PUSH, RTMP_PULL, RTP_PUSH, UDP_PUSH, URL_PULL, MP4_FILE, TS_FILE, SRT_CALLER, SRT_LISTENER";
    for (body, told) in [
        (json!({"type": "MEDIACONNECT"}), format!("/type: MEDIACONNECT is not implemented; {kinds}")),
        (json!({}), "/type: say what kind of input it is".to_owned()),
        (
            json!({"type": "RTMP_PUSH", "destinations": [{"streamName": "one"}]}),
            "/destinations/0/streamName: an RTMP input is \"app/key\", each 1 to 128 of A-Z a-z 0-9 - _ . ~, such as \"live/main\""
                .to_owned(),
        ),
        (
            json!({"type": "RTMP_PUSH", "destinations": [{"streamName": "a/b", "network": "x"}]}),
            "/destinations/0/network: Network is not implemented; leave it out".to_owned(),
        ),
        (
            json!({"type": "URL_PULL", "sources": [{"url": "s3://bucket/a.m3u8"}]}),
            "/sources/0/url: a URL begins with http:// or https://".to_owned(),
        ),
        (
            json!({"type": "MP4_FILE", "sources": [{"url": "/etc/passwd"}]}),
            "/sources/0/url: a URL begins with http:// or https://".to_owned(),
        ),
        (
            json!({"type": "URL_PULL", "sources": [{"url": "http://a/b", "username": "u", "passwordParam": "p"}]}),
            "/sources/0/username: there is no store of passwords".to_owned(),
        ),
        (
            json!({"type": "SRT_CALLER", "srtSettings": {"srtCallerSources": [{"srtListenerAddress": "a.example",
                "srtListenerPort": "9000", "minimumLatency": 9000}]}}),
            "/srtSettings/srtCallerSources/0: 9.0 is out of bounds: 0.02 to 8 seconds".to_owned(),
        ),
        (
            json!({"type": "RTMP_PULL", "sources": [{"url": "http://a.example/live/x"}]}),
            "/sources/0/url: an RTMP URL is wanted here".to_owned(),
        ),
        (
            json!({"type": "URL_PULL", "sources": []}),
            "/sources: one is needed, or two for a redundant pair".to_owned(),
        ),
        (
            json!({"type": "SRT_LISTENER", "srtSettings": {"srtListenerSettings": {"minimumLatency": 200,
                "decryption": {"algorithm": "AES128", "passphraseSecretArn": "arn:x"}}}}),
            "/srtSettings/srtListenerSettings/decryption: passphrases in a secret are not implemented".to_owned(),
        ),
        (
            json!({"type": "UDP_PUSH", "sources": [{"url": "http://a/b"}]}),
            "/sources: an input of type UDP_PUSH has none; leave it out".to_owned(),
        ),
    ] {
        let refused = home.refused("POST", "/prod/inputs", body).await;
        assert!(refused.contains(&told) && refused.starts_with("400 BadRequestException"), "{refused}");
    }
    let missing = json!({"type": "UDP_PUSH", "inputSecurityGroups": ["1234567"]});
    assert!(home.refused("POST", "/prod/inputs", missing).await.starts_with("404 NotFoundException"));
    let (_, resources) = home.store.every().await.expect("resources");
    assert_eq!(resources, []);
}

#[tokio::test]
async fn an_attached_input_stays_until_it_is_detached() {
    let home = Home::new().await;
    let input = home.rtmp(&["live/one"]).await;
    let channel = home.channel(&input).await;
    let path = format!("/prod/inputs/{input}");
    let described = home.ok("GET", &path, Value::Null).await;
    assert_eq!(
        (&described["state"], &described["attachedChannels"]),
        (&json!("ATTACHED"), &json!([channel]))
    );
    let refused = home.refused("DELETE", &path, Value::Null).await;
    assert_eq!(
        refused,
        format!("409 ConflictException: channels have it attached: {channel}; detach it first")
    );
    let other = home.rtmp(&["live/two"]).await;
    let update = json!({"inputAttachments": seed(&other)["inputAttachments"]});
    home.ok("PUT", &format!("/prod/channels/{channel}"), update).await;
    assert_eq!(home.ok("GET", &path, Value::Null).await["state"], "DETACHED");
    assert_eq!(home.ok("GET", &format!("/prod/inputs/{other}"), Value::Null).await["state"], "ATTACHED");
    home.ok("DELETE", &path, Value::Null).await;
}

#[tokio::test]
async fn an_input_is_changed_unless_a_started_channel_has_it() {
    let home = Home::new().await;
    let input = home.rtmp(&["live/one"]).await;
    let channel = home.channel(&input).await;
    let path = format!("/prod/inputs/{input}");
    let changed = home.ok("PUT", &path, json!({"destinations": [{"streamName": "live/other"}]})).await;
    assert_eq!(changed["input"]["destinations"][0]["url"], "rtmp://live.example:1935/live/other");
    assert_eq!(changed["input"]["name"], "camera");
    home.rtmp(&["live/one"]).await;
    home.ok("POST", &format!("/prod/channels/{channel}/start"), Value::Null).await;
    let refused = home.refused("PUT", &path, json!({"destinations": [{"streamName": "live/third"}]})).await;
    assert_eq!(
        refused,
        format!("409 ConflictException: channel {channel} has it attached and is started; stop it first")
    );
    home.ok("PUT", &path, json!({"name": "another name"})).await;
}

#[tokio::test]
async fn who_may_send_datagrams_is_in_the_channel_that_runs() {
    let home = Home::new().await;
    let group = group(&home, &["192.0.2.0/24", "198.51.100.7"]).await;
    let body = json!({"type": "UDP_PUSH", "inputSecurityGroups": [group]});
    let input = id(&home.ok("POST", "/prod/inputs", body).await["input"]);
    let channel = home.channel(&input).await;
    home.ok("POST", &format!("/prod/channels/{channel}/start"), Value::Null).await;
    let wanted = home.wanted().await.join("");
    assert!(wanted.contains("pipelines = \"pair\""), "{wanted}");
    assert_eq!(wanted.matches("from = [\"192.0.2.0/24\", \"198.51.100.7/32\"]").count(), 2, "{wanted}");
    let rules = json!({"whitelistRules": [{"cidr": "0.0.0.0/0"}]});
    home.ok("PUT", &format!("/prod/inputSecurityGroups/{group}"), rules).await;
    assert!(!home.wanted().await.join("").contains("from"));
    for (cidr, told) in [("192.0.2.1/24", "write \"192.0.2.0/24\""), ("::/0", "only IPv4 is implemented")] {
        let rules = json!({"whitelistRules": [{"cidr": cidr}]});
        let refused = home.refused("PUT", &format!("/prod/inputSecurityGroups/{group}"), rules).await;
        assert!(refused.contains(told), "{refused}");
    }
}
