//! Scripts that people have for AWS, run by AWS's own clients, with real video behind them.

use std::time::Duration;

use e2e::aws::Clients;
use e2e::{Peer, Stack, beside, browser, eventually, ffmpeg, is_alive, tracks};
use serde_json::{Value, json};

/// A channel of the workflow file that costs little.
const STAYS: &str = "[[channel]]\nname = \"stays\"\ninput = \"test\"\npreset = \"ultrafast\"\nladder = [\"240p15\"]\nsegment = 1\n";

fn text<'v>(value: &'v Value, place: &str) -> &'v str {
    value.pointer(place).and_then(Value::as_str).unwrap_or_else(|| panic!("{place} in {value}"))
}

/// The name of the media that a URL of the edge plays.
fn media(url: &str) -> &str {
    url.rsplit('/').nth(1).expect("http://host:port/media/index.m3u8")
}

/// Pushes to `push` until the channel's pictures are the publisher's; then decodes some seconds of `plays`.
fn plays_what_is_pushed(stack: &Stack, push: &str, plays: &str) -> Peer {
    let publisher = Peer::publish(push, 30);
    eventually("the publisher is shown", || {
        let about = format!("channel=\"{}\"", media(plays));
        let publishers = stack.metric(&["headwater_ingest_publishers{", &about]);
        let lost = stack.metric(&["headwater_encoder_input_lost{", &about]);
        (publishers == 1.0 && lost == 0.0).then_some(())
    });
    stack.wait_for_segments(media(plays), 3);
    let (_, said) = ffmpeg("ffmpeg", &["-v", "error", "-xerror", "-i", plays, "-t", "3", "-f", "null", "-"]);
    assert_eq!(said, "");
    publisher
}

#[test]
fn the_shortest_script_makes_a_channel_that_plays_and_every_waiter_passes() {
    let stack = Stack::start_with_control(STAYS);
    let aws = Clients::of(&stack);
    let made = aws.python("short_channel.py", &["news", "1", "video_240p15"]);
    let channel = &made["channel"];
    let id = text(channel, "/Id");
    assert_eq!(
        (
            &channel["State"],
            &channel["ChannelClass"],
            &channel["EncoderSettings"]["TimecodeConfig"]["Source"]
        ),
        (&json!("IDLE"), &json!("SINGLE_PIPELINE"), &json!("SYSTEMCLOCK"))
    );
    let picture = &channel["EncoderSettings"]["VideoDescriptions"][0];
    assert_eq!(
        (&picture["Name"], &picture["Width"], &picture["Height"]),
        (&json!("video_240p15"), &json!(426), &json!(240))
    );
    let (push, plays) = (text(&made, "/push"), text(channel, "/Destinations/0/Settings/0/Url"));

    let running = aws.python("start.py", &[id]);
    assert_eq!(running, json!({"state": "RUNNING", "pipelines": 1}));
    let publisher = plays_what_is_pushed(&stack, push, plays);
    let shown = stack.get(&format!("/{}/index.m3u8", media(plays)));
    assert!(shown.text().contains("RESOLUTION=426x240"), "{}", shown.text());

    // It is looked at, its encoder is started anew, and its publisher is let in no longer.
    let encoder = stack.pid_of(&format!("encoder-{}", media(plays)));
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("thumbnail.jpg");
    let looked = aws.python("look.py", &[id, file.to_str().expect("UTF-8")]);
    assert!(looked["before"].as_u64() > Some(2_000) && looked["after"].as_u64() > Some(2_000), "{looked}");
    let size = [
        "-v",
        "error",
        "-show_entries",
        "stream=width,height",
        "-of",
        "csv=p=0",
        file.to_str().expect("UTF-8"),
    ];
    assert_eq!(String::from_utf8_lossy(&ffmpeg("ffprobe", &size).0).trim(), "640,360");
    assert_ne!(stack.pid_of(&format!("encoder-{}", media(plays))), encoder);
    eventually("the publisher is let go", || {
        (stack.metric(&["headwater_ingest_refused_total{", "reason=\"address\""]) >= 1.0).then_some(())
    });
    publisher.kill();

    let gone = aws.python("remove.py", &[id]);
    assert_eq!(gone, json!({"channel": "DELETED", "input": "DELETED", "left": []}));
    assert_eq!(stack.get(&format!("/{}/index.m3u8", media(plays))).status, 404);
}

#[test]
fn three_named_pictures_become_a_ladder_of_their_sizes() {
    let stack = Stack::start_with_control(STAYS);
    let aws = Clients::of(&stack);
    let made =
        aws.python("short_channel.py", &["abr", "10", "video_1080p30", "video_720p30", "video_480p30"]);
    let pictures = made["channel"]["EncoderSettings"]["VideoDescriptions"].as_array().expect("a list");
    let sizes: Vec<_> = pictures
        .iter()
        .map(|picture| (picture["Name"].clone(), picture["Width"].clone(), picture["Height"].clone()))
        .collect();
    let expected = [("video_1080p30", 1920, 1080), ("video_720p30", 1280, 720), ("video_480p30", 854, 480)];
    assert_eq!(sizes, expected.map(|(name, width, height)| (json!(name), json!(width), json!(height))));
}

#[test]
fn the_ladder_of_the_aws_solution_is_kept_as_it_was_said_and_a_small_one_of_the_same_calls_plays() {
    let stack = Stack::start_with_control(STAYS);
    let made = Clients::of(&stack).python("ladder.py", &["match"]);
    assert_eq!(
        (&made["kept"], &made["rungs"], &made["deleted"]),
        (&json!(true), &json!(6), &json!("DELETED"))
    );
    let plays = text(&made, "/plays");
    let publisher = plays_what_is_pushed(&stack, text(&made, "/push"), plays);
    let shown = stack.get(&format!("/{}/index.m3u8", media(plays)));
    for size in ["RESOLUTION=256x144", "RESOLUTION=320x180"] {
        assert!(shown.text().contains(size), "{}", shown.text());
    }
    publisher.kill();
}

#[test]
fn a_channel_of_the_file_goes_on_without_a_seam_while_others_come_and_go_by_api() {
    let stack = Stack::start_with_control(STAYS);
    stack.wait_for_segments("stays", 1);
    let encoder = stack.pid_of("encoder-stays").expect("it runs");
    let first = tracks::read_all(&stack, "stays")[0].playlist.media_sequence;
    let went = Clients::of(&stack).python("come_and_go.py", &["2", "2"]);
    assert_eq!(went, json!({"ran": 4, "left": 0}));
    assert_eq!(stack.pid_of("encoder-stays"), Some(encoder));
    let seen = tracks::read_all(&stack, "stays");
    for track in &seen {
        let playlist = &track.playlist;
        // The window reaches back to the beginning: all of it is looked at.
        assert_eq!((playlist.media_sequence, playlist.discontinuity_sequence), (first, 0));
        let numbers: Vec<_> = playlist.segments.iter().map(|segment| segment.number).collect();
        assert!(numbers.iter().copied().eq(first..first + numbers.len() as u64), "{numbers:?}");
        assert!(playlist.segments.iter().all(|segment| segment.discontinuities == 0 && !segment.gap));
        for pair in tracks::chunks(track).windows(2) {
            assert_eq!(pair[0].decode_time + pair[0].duration, pair[1].decode_time, "{}", track.uri);
        }
    }
    assert!(seen.len() >= 2, "pictures and sound");
}

#[test]
fn what_was_made_and_ran_is_there_and_runs_after_a_stop_and_after_a_kill_of_everything() {
    let mut stack = Stack::start_with_control(STAYS);
    let aws = Clients::of(&stack);
    let made = aws.python("short_channel.py", &["news", "1", "video_240p15"]);
    let rests = aws.python("short_channel.py", &["rests", "1", "video_240p15"]);
    let (id, push) = (text(&made, "/channel/Id"), text(&made, "/push"));
    let plays = text(&made, "/channel/Destinations/0/Settings/0/Url");
    aws.python("start.py", &[id]);
    let last = |stack: &Stack| {
        stack.wait_for_segments(media(plays), 1);
        tracks::read_all(stack, media(plays))[0].playlist.next_number()
    };
    let (before, mut numbers) = (aws.python("everything.py", &[id]), vec![last(&stack)]);
    assert_eq!(before["channels"].as_array().map(Vec::len), Some(2));

    for how in ["stop", "kill"] {
        let children = stack.children();
        match how {
            "stop" => assert!(stack.interrupt().success(), "{}", stack.log_tail()),
            _ => stack.kill_supervisor(),
        }
        eventually("every role ends", || children.iter().all(|pid| !is_alive(*pid)).then_some(()));
        stack.start_again();
        assert_eq!(aws.python("everything.py", &[id]), before, "after a {how}");
        numbers.push(last(&stack));
        stack.wait_for_segments("stays", 1);
    }
    assert!(numbers.is_sorted(), "a player's numbers never go back: {numbers:?}");
    assert_eq!(stack.pid_of(&format!("encoder-ml-{}", text(&rests, "/channel/Id"))), None);
    plays_what_is_pushed(&stack, push, plays).kill();
}

#[test]
fn the_aws_cli_lists_describes_and_tells_what_is_wrong() {
    let stack = Stack::start_with_control(STAYS);
    let aws = Clients::of(&stack);
    let made = aws.python("short_channel.py", &["news", "2", "video_240p15"]);
    let id = text(&made, "/channel/Id");
    let query = "Channels[?Name!='stays'].[Id,State]";
    let listed = aws.cli(&["medialive", "list-channels", "--query", query, "--output", "text"]);
    assert_eq!(listed.output, format!("{id}\tIDLE\n"), "{}", listed.errors);
    let described = aws.cli(&["medialive", "describe-channel", "--channel-id", id]);
    let described: Value = serde_json::from_str(&described.output).expect("JSON");
    assert_eq!(described["EncoderSettings"], made["channel"]["EncoderSettings"]);

    let missing = aws.cli(&["medialive", "describe-channel", "--channel-id", "1"]);
    assert!(!missing.is_fine);
    let told = "An error occurred (NotFoundException) when calling the DescribeChannel operation: ";
    assert!(missing.errors.contains(told), "{}", missing.errors);
    let in_use = aws.cli(&["medialive", "delete-input", "--input-id", text(&made, "/input")]);
    let told = "An error occurred (ConflictException) when calling the DeleteInput operation: ";
    assert!(
        !in_use.is_fine && in_use.errors.contains(told) && in_use.errors.contains(id),
        "{}",
        in_use.errors
    );
    let root = aws.cli(&["sts", "get-caller-identity", "--query", "Arn", "--output", "text"]);
    assert!(root.output.trim_end().ends_with(":root"), "{root:?}");
}

/// Decodes some seconds of what the edge plays at `path`.
fn decodes(stack: &Stack, path: &str) {
    let url = stack.url(path);
    let (_, said) = ffmpeg("ffmpeg", &["-v", "error", "-xerror", "-i", &url, "-t", "3", "-f", "null", "-"]);
    assert_eq!(said, "", "{path}");
}

#[test]
fn a_user_may_start_one_channel_and_not_another_and_their_keys_end_when_they_should() {
    let stack = Stack::start_with_control(STAYS);
    let tried = Clients::of(&stack).python("users.py", &[]);
    let denied = "AccessDeniedException 403";
    let unknown = "UnrecognizedClientException 403";
    let expected = json!({
        "a user of a name that is there": "EntityAlreadyExists 409",
        "a third key": "LimitExceeded 409",
        "without a policy": denied,
        "a policy that is none": "MalformedPolicyDocument 400",
        "her channel": null,
        "another channel": denied,
        "both in a batch": denied,
        "a list": denied,
        "a user by a user": "AccessDenied 403",
        "her channel's end": null,
        "a list with a policy for all": null,
        "what is denied and allowed": denied,
        "a list with a temporary key": null,
        "a temporary key without its token": unknown,
        "a temporary key with a changed token": "InvalidClientTokenId 403",
        "a lasting key with a token": unknown,
        "keys by a temporary key": "InvalidClientTokenId 403",
        "a temporary key by another": "AccessDenied 403",
        "a presigned list": 200,
        "a presigned list without its token": 403,
        "a list under another name": null,
        "a list with a key that is off": unknown,
        "a list with a temporary key of one that is off": unknown,
        "a user with keys goes": "DeleteConflict 409",
        "a policy that is held goes": "DeleteConflict 409",
        "a user who is gone": "NoSuchEntity 404",
        "an operation that is not there": "NotImplemented 501",
    });
    assert_eq!(tried, expected);
}

#[test]
fn a_workflow_of_all_services_plays_in_chromium_and_its_alarms_tell_when_the_origin_is_gone() {
    // The webhook is on this machine.
    let stack = Stack::start_with_control(&format!("[control]\nallow_private = true\n{STAYS}"));
    let aws = Clients::of(&stack);
    let mut workflow = aws.talk("workflow.py", &["final"]);
    let made = workflow.hear();
    assert_eq!(made["asked"], "SubscriptionConfirmation");
    let late = json!({"final-late": "ALARM"});
    assert_eq!(made["told"], json!({"webhook": late, "queue": late}));
    let quiet = made["states"].as_object().expect("states").iter().filter(|(name, _)| *name != "final-late");
    assert!(quiet.clone().count() == 2 && quiet.clone().all(|(_, state)| state != "ALARM"), "{made}");

    let delivered = text(&made, "/delivered");
    let publisher = Peer::publish(text(&made, "/push"), 30);
    // Nobody asks before there is something: the first request that fails is to be the lost origin's doing.
    let received = |track: &str| {
        let of = ["channel=\"mp-final\"", &format!("track=\"{track}\"")];
        stack.metric(&["headwater_origin_segments_received_total{", of[0], of[1]])
    };
    eventually("the channel is packaged", || {
        ["video_240p15", "video_144p15", "audio"].iter().all(|track| received(track) >= 3.0).then_some(())
    });
    let multivariant = eventually("the distribution shows both pictures", || {
        let shown = stack.get(delivered);
        let sizes = ["RESOLUTION=426x240", "RESOLUTION=256x144"];
        sizes.iter().all(|size| shown.text().contains(size)).then_some(shown)
    });
    let host = text(&made, "/host");
    let by_name = stack.get_by_name(host, text(&made, "/manifest")).expect("an answer");
    assert_eq!((by_name.status, by_name.text()), (200, multivariant.text()));
    assert_eq!(stack.get(text(&made, "/packaged")).text(), multivariant.text());
    decodes(&stack, delivered);
    let shown = browser::plays(&stack.url_by_name(host, ""), 6);
    assert_eq!((&shown["sounds"], &shown["faults"], &shown["seen"]), (&json!(true), &json!([]), &json!([])));

    // Viewers go on asking while there is no origin: what was kept for them lasts some seconds, then their requests fail.
    let list = format!("{}video_240p15/index.m3u8", delivered.trim_end_matches("index.m3u8"));
    assert_eq!(stack.get(&list).status, 200);
    let failed = |status: &str| stack.metric(&["headwater_edge_requests_total{", status]);
    assert_eq!((failed("status=\"4xx\""), failed("status=\"5xx\"")), (0.0, 0.0));
    let view = || {
        let _ = stack.try_get(&list);
        std::thread::sleep(Duration::from_millis(200));
    };
    let told = stack.without(" origin ", || beside(view, || workflow.ask("errors")));
    let alarmed = json!({"final-errors": "ALARM", "final-distribution": "ALARM"});
    assert_eq!(told["told"], json!({"webhook": alarmed, "queue": alarmed}));
    let names =
        ["4xxErrorRate", "5xxErrorRate", "BytesDownloaded", "CacheHitRate", "Requests", "TotalErrorRate"];
    assert_eq!(told["metrics"], json!(names));
    for (metric, unit) in [("Requests", "None"), ("BytesDownloaded", "None"), ("5xxErrorRate", "Percent")] {
        let measured = &told["measured"][metric];
        let most = measured["most"].as_f64().expect("a number");
        assert!(most > 1.0 && measured["unit"] == unit, "{metric}: {told}");
        assert!(metric != "5xxErrorRate" || most <= 100.0, "{told}");
    }
    publisher.kill();
}

#[test]
fn the_aws_solution_made_by_the_calls_of_its_script_plays_by_hls_dash_and_cmaf_for_its_distribution_alone() {
    let stack = Stack::start_with_control(STAYS);
    let secrets = stack.data().join("control/secrets");
    std::fs::create_dir_all(&secrets).expect("a folder");
    std::fs::write(secrets.join("cdn"), "a-secret-of-this-distribution").expect("a file");
    // Its smallest profile, twice because its class is STANDARD: larger ones need more processors than a test may count on.
    let aws = Clients::of(&stack);
    let made = aws.python("solution.py", &["solution", "4", "cdn"]);
    let publishers: Vec<_> =
        (0..2).map(|side| Peer::publish(text(&made, &format!("/push/{side}")), 30)).collect();
    let at = |kind: &str| text(&made, &format!("/plays/{kind}")).to_owned();
    let host = text(&made, "/host");
    let mount = format!("/d/{}", host.split('.').next().expect("a name"));
    let rungs =
        ["960x540,FRAME-RATE=30", "768x432,FRAME-RATE=30", "640x360,FRAME-RATE=30", "512x288,FRAME-RATE=15"];
    eventually("the distribution shows every rung", || {
        let shown = stack.get_by_name(host, &at("hls")).filter(|answer| answer.status == 200)?;
        let is_there = |rung: &&str| shown.text().contains(&format!("RESOLUTION={rung}"));
        rungs.iter().all(is_there).then_some(())
    });
    let lists_three = |kind: &str, list: &str| {
        let list = at(kind).replace("index.m3u8", list);
        let playlist = stack.get_by_name(host, &list).filter(|answer| answer.status == 200)?;
        (playlist.text().matches("#EXTINF:6").count() >= 3).then_some(())
    };
    eventually("three joined segments are listed", || lists_three("hls", "video_288/index.m3u8"));
    eventually("three joined segments are listed", || lists_three("cmaf", "video_288/index.m3u8"));
    for kind in ["hls", "dash", "cmaf"] {
        decodes(&stack, &format!("{mount}{}", at(kind)));
        assert_eq!(stack.get(&at(kind)).status, 403, "who does not come by the distribution: {kind}");
    }
    let gone = aws.python("remove_solution.py", &["solution", text(&made, "/channel")]);
    assert_eq!(gone, json!({"group": ["IN_USE", "IDLE"], "left": [[], [], [], [], [], []]}));
    publishers.into_iter().for_each(Peer::kill);
    eventually("nothing plays any more", || {
        let answer = stack.try_get(&format!("{mount}{}", at("hls")))?;
        (answer.status == 404).then_some(())
    });
}

#[test]
fn a_channel_of_media_package_v2_takes_cmaf_and_plays_by_hls_low_latency_hls_and_dash() {
    let stack = Stack::start_with_control(STAYS);
    let aws = Clients::of(&stack);
    let made = aws.python("package_v2.py", &["second"]);
    assert_eq!(made["push"][0], made["push"][1]);
    let publisher = Peer::publish_cmaf(&format!("{}/stream.mpd", text(&made, "/push/0")));
    let at = |kind: &str| text(&made, &format!("/plays/{kind}")).to_owned();
    let low = at("low").replace("low.m3u8", "stream0/low.m3u8");
    eventually("the low-latency playlist has parts", || {
        let playlist = stack.try_get(&low).filter(|answer| answer.status == 200)?;
        let parts = playlist.text().matches("#EXT-X-PART:").count();
        (parts > 2 && playlist.text().matches("#EXTINF:").count() > 3).then_some(())
    });
    for kind in ["hls", "low", "dash"] {
        decodes(&stack, &at(kind));
    }
    publisher.kill();
    let gone = aws.python("package_v2.py", &["second", "gone"]);
    let refused = ["RESOURCE_IN_USE", "RESOURCE_IN_USE"];
    assert_eq!(gone, json!({"refused": refused, "left": []}));
    eventually("nothing plays any more", || (stack.get(&at("hls")).status == 404).then_some(()));
}

#[test]
fn every_paginator_and_waiter_of_what_is_served_comes_to_its_end_and_what_is_not_is_refused_by_name() {
    let stack = Stack::start_with_control(STAYS);
    let seen = Clients::of(&stack).python("pages_and_waits.py", &[]);
    let pages = json!({
        "medialive ListInputs": 2, "medialive ListChannels": 3, "medialive ListInputSecurityGroups": 2,
        "medialive DescribeSchedule": 2, "medialive ListAlerts": 1,
        "mediapackage ListChannels": 2, "mediapackage ListOriginEndpoints": 2,
        "mediapackagev2 ListChannelGroups": 2, "mediapackagev2 ListChannels": 2,
        "mediapackagev2 ListOriginEndpoints": 2,
        "cloudfront ListDistributions": 2, "cloudfront ListInvalidations": 2,
        "cloudfront ListOriginAccessControls": 2,
        "cloudwatch DescribeAlarmHistory": 2, "cloudwatch DescribeAlarms": 4, "cloudwatch ListDashboards": 1,
        "cloudwatch ListMetrics": 3, "cloudwatch GetMetricData": 6,
        "sns ListSubscriptions": 2, "sns ListSubscriptionsByTopic": 2, "sns ListTopics": 2,
        "sqs ListDeadLetterSourceQueues": 101, "sqs ListQueues": 102,
    });
    assert_eq!(seen["pages"], pages);
    let waited = [
        "medialive channel_created",
        "medialive input_attached",
        "medialive channel_running",
        "medialive channel_stopped",
        "medialive channel_deleted",
        "medialive input_detached",
        "medialive input_deleted",
        "cloudfront distribution_deployed",
        "cloudfront invalidation_completed",
        "cloudwatch alarm_exists",
        "cloudwatch composite_alarm_exists",
    ];
    assert_eq!(seen["waited"], json!(waited));
    assert_eq!((&seen["refused"], &seen["unwaited"]), (&json!(42), &json!(20)));
}

#[test]
fn clients_of_all_three_protocols_make_an_alarm_each_and_see_each_others() {
    let stack = Stack::start_with_control(STAYS);
    let aws = Clients::of(&stack);
    let json = aws.python("alarm.py", &["json", "a-json"]);
    assert_eq!(json, json!({"error": "ResourceNotFound", "figure": 2.5, "alarms": ["a-json"]}));
    let query = aws.older_python("alarm.py", &["query", "b-query"]);
    assert_eq!(query, json!({"error": "ResourceNotFound", "figure": 2.5, "alarms": ["a-json", "b-query"]}));
    let put = "cloudwatch put-metric-alarm --alarm-name c-cli --namespace AWS/CloudFront --metric-name TotalErrorRate --statistic Average \
        --period 60 --evaluation-periods 5 --threshold 0.01 --comparison-operator GreaterThanThreshold \
        --dimensions Name=DistributionId,Value=E1 Name=Region,Value=Global";
    let put = aws.cli(&put.split_whitespace().collect::<Vec<_>>());
    assert!(put.is_fine, "{}", put.errors);
    let there = aws.cli(&["cloudwatch", "wait", "alarm-exists", "--alarm-names", "c-cli"]);
    assert!(there.is_fine, "{}", there.errors);
    let cbor = aws.rust(&["d-cbor"]);
    assert!(cbor.is_fine, "{}", cbor.errors);
    assert_eq!(cbor.output, "ValidationError\n2.5\na-json\nb-query\nc-cli\nd-cbor\n");
    let listed = aws.cli(&[
        "cloudwatch",
        "describe-alarms",
        "--query",
        "MetricAlarms[].[AlarmName,Threshold,StateValue]",
        "--output",
        "text",
    ]);
    let same = |name: &str| format!("{name}\t0.01\tINSUFFICIENT_DATA\n");
    assert_eq!(
        listed.output,
        ["a-json", "b-query", "c-cli", "d-cbor"].map(same).concat(),
        "{}",
        listed.errors
    );
}
