//! What an operator is told: every condition when it begins and when it is over, and nothing while all is well.

use std::io::Read;
use std::net::TcpStream;

use e2e::{Peer, Stack, eventually};
use serde_json::Value;

const CHANNEL: &str = "[[channel]]\nname = \"cam\"\ninput = { rtmp = \"live/k3y-a\" }\nbackup = { rtmp = \"live/k3y-b\" }\n\
                       preset = \"ultrafast\"\nladder = [\"240p30\"]\nsegment = 1\n[channel.failover]\npreference = \"equal\"\nclear = 0.5\n";

/// `event state` and what else tells it apart.
fn word(event: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let details = ["input", "to", "process"].map(|name| text(&event["details"][name])).concat();
    format!("{} {} {details}", text(&event["event"]), text(&event["state"])).trim_end().to_owned()
}

#[test]
fn every_condition_is_told_when_it_begins_and_when_it_is_over_and_nothing_while_all_is_well() {
    let stack = Stack::start(CHANNEL);
    stack.wait_for_segments("cam", 1);
    let told = |what: &str, after: usize| {
        eventually(what, || stack.events().iter().skip(after).any(|event| word(event) == what).then_some(()));
        stack.events().len()
    };
    told("input_loss raised", 0);
    told("fill raised", 0);
    let primary = Peer::publish(&stack.rtmp_url("live/k3y-a"), 30);
    let _backup = Peer::publish(&stack.rtmp_url("live/k3y-b"), 30);
    told("input_fault cleared backup", 0);
    told("fill cleared", 0);
    told("input_loss cleared", 0);
    // The slate before them had a low score, which is over two seconds later.
    let settled = told("low_score cleared", 0);

    std::thread::sleep(std::time::Duration::from_secs(10));
    assert_eq!(stack.events()[settled..], [] as [Value; 0], "all is well");

    primary.kill();
    told("input_fault raised primary", settled);
    let cut = told("failover happened backup", settled);
    let _primary = Peer::publish(&stack.rtmp_url("live/k3y-a"), 30);
    let back = told("input_fault cleared primary", cut);
    stack.kill_child(" origin ");
    told("process_lost raised origin", back);
    told("process_lost cleared origin", back);
    for event in stack.events() {
        assert!(event["channel"] == "cam" || event["role"] != "encoder", "{event}");
    }
    assert_eq!(stack.metric(&["headwater_supervisor_events_total", "failover", "happened"]), 1.0);
    assert_eq!(stack.metric(&["headwater_supervisor_events_lost_total"]), 0.0);
}

#[test]
fn events_are_followed_over_http_too() {
    let stack = Stack::start(CHANNEL);
    stack.wait_for_segments("cam", 1);
    let mut stream = TcpStream::connect(stack.metrics_address()).expect("it listens");
    std::io::Write::write_all(&mut stream, b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("room");
    let mut said = Vec::new();
    let mut wait_for = |what: &str| {
        eventually(what, || {
            let mut more = [0; 4_096];
            let read = stream.read(&mut more).expect("it does not end");
            said.extend_from_slice(&more[..read]);
            String::from_utf8_lossy(&said).contains(what).then_some(())
        });
    };
    wait_for("text/event-stream");
    wait_for("event: input_loss\ndata: {");
    let _primary = Peer::publish(&stack.rtmp_url("live/k3y-a"), 30);
    wait_for("\"event\":\"fill\",\"state\":\"cleared\"");
}

#[test]
fn of_a_channel_that_begins_well_nothing_is_told() {
    let stack = Stack::start(
        "[[channel]]\nname = \"cam\"\ninput = \"test\"\npreset = \"ultrafast\"\nladder = [\"240p30\"]\nsegment = 1\n",
    );
    stack.wait_for_segments("cam", 5);
    assert_eq!(stack.events().iter().map(word).collect::<Vec<_>>(), [] as [String; 0]);
}

#[test]
fn of_an_encoder_that_is_replaced_by_another_workflow_nothing_is_told() {
    let channel = |preset: &str| {
        format!(
            "[[channel]]\nname = \"cam\"\ninput = \"test\"\npreset = \"{preset}\"\nladder = [\"240p30\"]\nsegment = 1\n"
        )
    };
    let stack = Stack::start_with_control(&channel("ultrafast"));
    stack.wait_for_segments("cam", 3);
    let pid = stack.pids("headwater-encoder");
    stack.edit(&channel("superfast"));
    let applied = stack.headwater(&["apply", "workflow.toml"]);
    assert!(applied.is_fine, "{}", applied.errors);
    eventually("another encoder runs", || {
        let now = stack.pids("headwater-encoder");
        (now.len() == 1 && now != pid).then_some(())
    });
    let segments = || stack.metric(&["headwater_origin_segments_received_total"]);
    let before = segments();
    eventually("it brings segments", || (segments() >= before + 8.0).then_some(()));
    assert_eq!(stack.events().iter().map(word).collect::<Vec<_>>(), [] as [String; 0]);
}

#[test]
fn a_channel_without_an_encoder_is_told_and_so_is_its_return() {
    let stack = Stack::start(
        "[[channel]]\nname = \"cam\"\ninput = \"test\"\npreset = \"ultrafast\"\nladder = [\"240p30\"]\nsegment = 1\n",
    );
    // The encoder makes the slate that the origin shows once it has run for a second, beside its work.
    stack.wait_for_segments("cam", 8);
    let slate = |state: &str| {
        let is = |event: &Value| {
            event["event"] == "origin_slate"
                && event["state"] == state
                && event["role"] == "origin"
                && event["channel"] == "cam"
        };
        stack.events().iter().any(is).then_some(())
    };
    eventually("slate while every encoder is killed", || {
        stack.pids("headwater-encoder").into_iter().for_each(|pid| stack.kill_pid(pid));
        slate("raised")
    });
    assert_eq!(stack.metric(&["headwater_origin_slate{", "cam"]), 1.0);
    eventually("the encoder's return", || slate("cleared"));
    assert_eq!(stack.metric(&["headwater_origin_slate{", "cam"]), 0.0);
}
