//! The workflow file as desired state, while everything runs: planned, applied, and never half applied.

use std::collections::BTreeSet;
use std::time::Duration;

use e2e::aws::Clients;
use e2e::{Peer, Stack, eventually, ffmpeg};
use serde_json::{Value, json};

/// A channel that costs next to nothing.
fn channel(name: &str, more: &str) -> String {
    format!(
        "[[channel]]\nname = \"{name}\"\ninput = {{ rtmp = \"live/s3cret-{name}\" }}\nladder = \"passthrough\"\n{more}\n"
    )
}

/// `kind id owner` of every channel, endpoint and distribution.
fn resources(stack: &Stack) -> BTreeSet<String> {
    let listed = stack.headwater(&["resource", "ls", "--json"]);
    assert!(listed.is_fine, "{}", listed.errors);
    let listed: Value = serde_json::from_str(&listed.output).expect("JSON");
    let items = listed["items"].as_array().expect("items").iter();
    items
        .filter(|item| ["channel", "endpoint", "distribution"].iter().any(|kind| item["kind"] == *kind))
        .map(|item| format!("{} {} {}", item["kind"], item["id"], item["owner"]).replace('"', ""))
        .collect()
}

fn set(lines: &[&str]) -> BTreeSet<String> {
    lines.iter().map(|line| (*line).to_owned()).collect()
}

#[test]
fn an_edited_file_is_planned_and_applied_while_what_stays_goes_on() {
    let endpoint = "[[endpoint]]\nname = \"out\"\nchannel = \"stays\"\npath = \"out/v1/1\"\n[[endpoint.manifest]]\nkind = \"hls\"\nname = \"index\"\n";
    let before =
        [channel("stays", ""), channel("changes", ""), channel("goes", ""), endpoint.to_owned()].concat();
    let mut stack = Stack::start_with_control(&before);
    let log = stack.log();
    assert!(log.contains("plan       4 to make, 0 to change, 0 to remove"), "{log}");
    assert!(log.contains("+ channel goes (RTMP publisher of live/(key); passthrough)"), "{log}");
    assert!(!log.contains("s3cret"), "a stream key in the log:\n{log}");
    std::fs::write(stack.data().join("api.toml"), channel("api", "")).expect("written");
    let made = stack.headwater(&["channel", "create", "data/api.toml"]);
    assert!(made.is_fine, "{}", made.errors);
    let first = [
        "channel api api",
        "channel changes file",
        "channel goes file",
        "channel stays file",
        "endpoint out file",
    ];
    assert_eq!(resources(&stack), set(&first));

    let same = stack.headwater(&["plan", "workflow.toml", "--exit-code"]);
    assert_eq!((same.status, same.output.trim_end()), (Some(0), "plan       no changes"), "{}", same.errors);
    let after = [channel("stays", ""), channel("changes", "window = 50"), channel("comes", "")].concat();
    stack.edit(&after);
    let plan = stack.headwater(&["plan", "workflow.toml", "--exit-code"]);
    let told = "plan       1 to make, 1 to change, 2 to remove\n  ~ channel changes: window changed\n  \
                + channel comes (RTMP publisher of live/(key); passthrough)\n  - endpoint out\n  - channel goes";
    assert_eq!((plan.status, plan.output.trim_end()), (Some(3), told), "{}", plan.errors);
    assert_eq!(resources(&stack), set(&first), "a plan changes nothing");

    let origin = stack.pids(" origin ");
    let applied = stack.headwater(&["apply", "workflow.toml"]);
    assert_eq!((applied.status, applied.output.trim_end()), (Some(0), told), "{}", applied.errors);
    let second = ["channel api api", "channel changes file", "channel comes file", "channel stays file"];
    assert_eq!(resources(&stack), set(&second));
    eventually("another workflow runs", || {
        let log = stack.log();
        (log.contains("another workflow runs") && log.contains("~ channel changes: window changed"))
            .then_some(())
    });
    let publisher = Peer::publish(&stack.rtmp_url("live/s3cret-comes"), 30);
    stack.wait_for_segments("comes", 1);
    drop(publisher);
    assert_eq!(stack.pids(" origin "), origin, "nothing was started again");

    // Settings that hold while it runs are refused, and a file that is not valid.
    stack.edit(&format!("[encoder]\nspare = false\n{after}"));
    let refused = stack.headwater(&["apply", "workflow.toml"]);
    assert!(!refused.is_fine && refused.errors.contains("stop and start"), "{}", refused.errors);
    stack.edit("[[channel]]\nname = 1\n");
    assert!(!stack.headwater(&["apply", "workflow.toml"]).is_fine);
    // And one that asks for what an API has made: nothing of it is done.
    stack.edit(&[channel("api", ""), channel("more", "")].concat());
    let refused = stack.headwater(&["apply", "workflow.toml"]);
    assert!(refused.errors.contains("channel api was made by an API"), "{}", refused.errors);
    assert_eq!(resources(&stack), set(&second));

    // A start with the file is the same as having applied it.
    stack.edit(&after);
    stack.kill_and_start_again();
    assert!(stack.log().contains("plan       no changes"));
    assert_eq!(resources(&stack), set(&second));
    assert!(!stack.log().contains("s3cret"), "a stream key in the log");
}

#[test]
fn a_kill_at_any_moment_leaves_a_file_applied_or_not() {
    let names = |round: usize| (0..20).map(|n| format!("r{round}-{n}")).collect::<Vec<_>>();
    let tables = |round| names(round).iter().map(|name| channel(name, "")).collect::<String>();
    let lines = |round| {
        let lines = names(round).into_iter().map(|name| format!("channel {name} file"));
        lines.collect::<BTreeSet<_>>()
    };
    let stack = Stack::start_with_control(&tables(0));
    for round in 1..=8 {
        stack.edit(&tables(round));
        let before = resources(&stack);
        std::thread::scope(|scope| {
            let applying = scope.spawn(|| stack.headwater(&["apply", "workflow.toml"]));
            std::thread::sleep(Duration::from_millis(15 * round as u64));
            stack.kill_child(" control ");
            applying.join().expect("it ends")
        });
        eventually("control answers again", || {
            stack.fetch(&stack.control_url("/health")).filter(|answer| answer.status == 200).map(drop)
        });
        let now = resources(&stack);
        assert!(now == before || now == lines(round), "round {round}: {now:?}");
        let applied = eventually("it can be applied", || {
            Some(stack.headwater(&["apply", "workflow.toml"])).filter(|applied| applied.is_fine)
        });
        assert_eq!(resources(&stack), lines(round), "{}", applied.output);
    }
}

#[test]
fn what_a_file_made_is_shown_by_every_aws_service_and_plays_and_no_call_changes_it() {
    let file = "[[channel]]\nname = \"news\"\ninput = { rtmp = \"live/news\" }\npreset = \"ultrafast\"\nladder = [\"240p15\"]\nsegment = 1\n\
        [[endpoint]]\nname = \"out\"\nchannel = \"news\"\npath = \"out/v1/news\"\nsegment = 2\n[[endpoint.manifest]]\nname = \"index\"\nkind = \"hls\"\n\
        [[distribution]]\nname = \"cdn\"\nhosts = [\"cdn.localhost\"]\n[[distribution.origin]]\nid = \"own\"\ntarget = \"origin\"\npath = \"/news\"\n";
    let stack = Stack::start_with_control(file);
    let shown = Clients::of(&stack).python("mirror.py", &["news"]);
    let running = json!({"State": "RUNNING", "PipelinesRunningCount": 1, "ChannelClass": "SINGLE_PIPELINE"});
    assert_eq!((&shown["channel"], &shown["input"]), (&running, &json!("RTMP_PUSH")));
    let size = (&shown["picture"]["Width"], &shown["picture"]["Height"]);
    assert_eq!(size, (&json!(426), &json!(240)));
    assert_eq!(shown["segment"], json!({"SegmentDurationSeconds": 2}));
    assert_eq!((&shown["host"], &shown["aliases"]), (&json!("cdn.localhost"), &json!(["cdn.localhost"])));

    let text = |member: &str| shown[member].as_str().expect("text").to_owned();
    let publisher = Peer::publish(&text("push"), 30);
    eventually("the publisher is shown", || {
        let publishers = stack.metric(&["headwater_ingest_publishers{", "channel=\"news\""]);
        let lost = stack.metric(&["headwater_encoder_input_lost{", "channel=\"news\""]);
        (publishers == 1.0 && lost == 0.0).then_some(())
    });
    stack.wait_for_segments("news", 3);
    for url in [text("plays"), stack.url(&text("endpoint"))] {
        let decode = ["-v", "error", "-xerror", "-i", &url, "-t", "3", "-f", "null", "-"];
        assert_eq!(ffmpeg("ffmpeg", &decode).1, "", "{url}");
    }
    let by_host = stack.get_by_name(&text("host"), "/index.m3u8").expect("an answer");
    assert_eq!(by_host.status, 200, "{}", by_host.text());
    publisher.kill();

    let refused: Vec<_> =
        shown["refused"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    let expected = [
        "ConflictException: channel `news`",
        "ConflictException: channel `news`",
        "ConflictException: input",
        "ConflictException: channel group",
        "AccessDenied: distribution `cdn`",
    ];
    assert_eq!(refused.len(), expected.len());
    for (refused, begins) in refused.iter().zip(expected) {
        let ends = "of the workflow file; change it there and run `headwater apply`";
        assert!(refused.starts_with(begins) && refused.ends_with(ends), "{refused}");
    }
}
