//! Scripts that people have for AWS, run by AWS's own clients, with real video behind them.

use e2e::aws::Clients;
use e2e::{Peer, Stack, eventually, ffmpeg, is_alive, tracks};
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
    let listed =
        aws.cli(&["medialive", "list-channels", "--query", "Channels[].[Id,State]", "--output", "text"]);
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
fn a_workflow_of_all_services_plays_through_its_distribution_and_its_alarm_tells_a_webhook_and_a_queue() {
    // The webhook is on this machine.
    let stack = Stack::start_with_control(&format!("[control]\nallow_private = true\n{STAYS}"));
    let made = Clients::of(&stack).python("workflow.py", &["final"]);
    assert_eq!(made["asked"], "SubscriptionConfirmation");
    assert_eq!(
        (&made["told"], &made["queued"]),
        (&json!(["final-late", "ALARM"]), &json!(["final-late", "ALARM"]))
    );
    assert_eq!(made["states"], json!({"final-late": "ALARM", "final-errors": "INSUFFICIENT_DATA"}));
    let delivered = text(&made, "/delivered");
    let publisher = Peer::publish(text(&made, "/push"), 30);
    let multivariant = eventually("the distribution serves the channel", || {
        stack.try_get(delivered).filter(|answer| answer.status == 200)
    });
    for size in ["RESOLUTION=426x240", "RESOLUTION=256x144"] {
        assert!(multivariant.text().contains(size), "{}", multivariant.text());
    }
    let by_name = stack.get_by_name(text(&made, "/host"), text(&made, "/manifest")).expect("an answer");
    assert_eq!((by_name.status, by_name.text()), (200, multivariant.text()));
    assert_eq!(stack.get(text(&made, "/packaged")).text(), multivariant.text());
    let (_, said) = ffmpeg(
        "ffmpeg",
        &["-v", "error", "-xerror", "-i", &stack.url(delivered), "-t", "3", "-f", "null", "-"],
    );
    assert_eq!(said, "");
    publisher.kill();
}
