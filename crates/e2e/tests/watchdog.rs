//! Encoders that hang and crash, as viewers and operators see it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use e2e::{Peer, Signal, Stack, binary, eventually, is_alive, tracks};

const PATTERN: &str = "[[channel]]\nname = \"cam\"\ninput = \"test\"\npreset = \"ultrafast\"\n\
                       ladder = [\"240p30\"]\nsegment = 1\nwindow = 300\n";
const PUBLISHED: &str = "[[channel]]\nname = \"cam\"\ninput = { rtmp = \"live/k3y\" }\npreset = \"ultrafast\"\n\
                         ladder = [\"240p30\"]\nsegment = 1\nwindow = 300\n";
const ENCODER: &str = "headwater-encoder";

fn deaths(stack: &Stack, reason: &str) -> f64 {
    stack.metric(&["headwater_supervisor_encoder_deaths_total", &format!("reason=\"{reason}\"")])
}

fn is_held(stack: &Stack) -> bool {
    stack.metric(&["headwater_supervisor_quarantined"]) == 1.0
}

/// Waits until the encoder that followed the last one brings frames.
fn wait_until_well(stack: &Stack, lost: usize) {
    let again = "it encodes again";
    eventually("it encodes again", || (stack.log().matches(again).count() >= lost).then_some(()));
}

fn quarantine(stack: &Stack, order: &[&str]) -> Result<String, String> {
    let said = Command::new(binary("headwater"))
        .arg("quarantine")
        .args(order)
        .arg("--data")
        .arg(stack.data())
        .output()
        .expect("headwater runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    if said.status.success() { Ok(text(said.stdout)) } else { Err(text(said.stderr)) }
}

#[test]
fn encoders_that_are_killed_or_stopped_are_followed_by_the_spare_and_no_frame_is_missing() {
    let mut stack = Stack::start(PATTERN);
    stack.wait_for_segments("cam", 2);
    let spare = || stack.metric(&["headwater_supervisor_spare_ready"]) == 1.0;
    for (lost, signal) in [Signal::KILL, Signal::STOP, Signal::KILL, Signal::STOP].into_iter().enumerate() {
        eventually("a spare waits", || spare().then_some(()));
        let pid = stack.signal_child(ENCODER, signal);
        eventually("it is gone", || (!is_alive(pid)).then_some(()));
        wait_until_well(&stack, lost + 1);
    }
    assert_eq!((deaths(&stack, "killed"), deaths(&stack, "stopped")), (2.0, 2.0));
    assert_eq!(stack.metric(&["headwater_supervisor_spare_used_total"]), 4.0);
    assert!(!is_held(&stack), "whoever stops and kills is no input");
    let segments = tracks::read_all(&stack, "cam")[0].playlist.segments.len();
    stack.wait_for_segments("cam", segments + 2);
    tracks::assert_whole(&stack, "cam");

    eventually("a spare waits", || spare().then_some(()));
    let children = stack.children();
    assert_eq!(children.len(), 5, "ingest, origin, edge, an encoder and the spare");
    assert!(stack.interrupt().success());
    eventually("the spare ends with the others", || children.iter().all(|pid| !is_alive(*pid)).then_some(()));
}

/// Publishes pictures of which each key frame makes the encoder that decodes it larger (`encoder::fault`).
fn publish_growth(stack: &Stack) -> Peer {
    let text = "h264_metadata=sei_user_data=086f3693-b7b3-4f2c-9653-21492feee5b8+headwater-test-grow";
    let picture = ["-re", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=30"];
    let coded =
        ["-c:v", "libx264", "-preset", "ultrafast", "-g", "30", "-pix_fmt", "yuv420p", "-bsf:v", text];
    let to = ["-f", "flv", &stack.rtmp_url("live/k3y")];
    Peer::start("ffmpeg", &[&["-nostdin", "-v", "error"], &picture[..], &coded, &to].concat())
}

/// An encoder that grows is followed by another before its memory is used up, in order.
fn growth_is_not_seen(pipelines: &str) {
    let bound = "[encoder]\nmemory = \"256M\"\n";
    let channels = format!("{PUBLISHED}{pipelines}{bound}");
    let stack = Stack::start_with(&channels, &[("HEADWATER_TEST_FAULTS", "1")]);
    stack.wait_for_segments("cam", 1);
    let shown = || stack.metric(&["headwater_encoder_input_lost"]) == 0.0;
    let growth = publish_growth(&stack);
    eventually("its memory is used up", || (deaths(&stack, "out_of_memory") >= 1.0).then_some(()));
    growth.kill();
    let lost = stack.metric(&["headwater_supervisor_encoder_deaths_total"]) as usize;
    wait_until_well(&stack, lost);
    let _another = Peer::publish(&stack.rtmp_url("live/k3y"), 30);
    eventually("the next publisher is shown", || shown().then_some(()));
    let others: f64 = ["exit", "killed", "crash", "hang"].iter().map(|reason| deaths(&stack, reason)).sum();
    assert_eq!(others, 0.0, "it was replaced before it could fail");
    let told = stack.events().into_iter().find(|told| told["event"] == "encoder_lost").expect("is told");
    assert_eq!(told["details"]["reason"], "out_of_memory", "{told}");
    let segments = tracks::read_all(&stack, "cam")[0].playlist.segments.len();
    stack.wait_for_segments("cam", segments + 2);
    tracks::assert_whole(&stack, "cam");
}

#[test]
fn an_encoder_that_grows_is_replaced_at_its_bound_and_no_frame_is_missing() {
    growth_is_not_seen("");
}

#[test]
fn two_pipelines_that_grow_are_replaced_at_their_bound_and_no_frame_is_missing() {
    growth_is_not_seen("pipelines = 2\n");
}

#[test]
fn an_input_whose_encoders_crash_thrice_is_left_out_until_another_publisher_comes() {
    let stack = Stack::start(PUBLISHED);
    stack.wait_for_segments("cam", 1);
    let shown = || stack.metric(&["headwater_encoder_input_lost"]) == 0.0;
    let publisher = Peer::publish(&stack.rtmp_url("live/k3y"), 30);
    for lost in 1..=3 {
        eventually("the publisher is shown", || shown().then_some(()));
        stack.signal_child(ENCODER, Signal::ABORT);
        wait_until_well(&stack, lost);
    }
    eventually("the input is left out", || is_held(&stack).then_some(()));
    assert_eq!(deaths(&stack, "crash"), 3.0);
    assert_eq!(quarantine(&stack, &["list"]).as_deref(), Ok("cam: primary\n"));
    eventually("slate is shown", || (!shown()).then_some(()));
    // What it sent is there for whoever looks into it, and nobody else.
    let folder = stack.data().join("quarantine");
    let sample = eventually("its samples are kept", || fs::read_dir(&folder).ok()?.next()?.ok());
    let facts = sample.metadata().expect("is there");
    assert_eq!(facts.permissions().mode() & 0o777, 0o600);
    assert!(facts.len() > 10_000, "a second of pictures at least: {} bytes", facts.len());
    let log = stack.log();
    let raised = log.lines().find(|line| line.contains("poison_input") && line.contains("raised"));
    assert!(raised.is_some_and(|line| line.contains("-cam.samples")), "{log}");

    publisher.kill();
    let _another = Peer::publish(&stack.rtmp_url("live/k3y"), 30);
    eventually("the next publisher is shown", || (shown() && !is_held(&stack)).then_some(()));
    assert!(stack.was_told("poison_input", "cleared"));
    assert_eq!(quarantine(&stack, &["list"]).as_deref(), Ok("nothing is in quarantine\n"));
    assert!(quarantine(&stack, &["release", "cam"]).is_err_and(|said| said.contains("no input of channel")));
    let segments = tracks::read_all(&stack, "cam")[0].playlist.segments.len();
    stack.wait_for_segments("cam", segments + 2);
    tracks::assert_whole(&stack, "cam");
    assert!(!stack.log().contains("k3y"), "keys are never logged");
}

#[test]
fn an_input_that_crashes_both_pipelines_is_left_out_of_both_and_slate_is_shown_meanwhile() {
    let stack = Stack::start(&format!("{PUBLISHED}pipelines = 2\n"));
    stack.wait_for_segments("cam", 1);
    let shown = || stack.metric(&["headwater_encoder_input_lost"]) == 0.0;
    let held = || stack.metric(&["headwater_supervisor_quarantined"]);
    let publisher = Peer::publish(&stack.rtmp_url("live/k3y"), 30);
    for crash in 0..3 {
        eventually("both show the publisher", || (stack.pids(ENCODER).len() == 2 && shown()).then_some(()));
        stack.pids(ENCODER).into_iter().for_each(|pid| e2e::signal(pid, Signal::ABORT));
        wait_until_well(&stack, 2 * (crash + 1));
    }
    eventually("the input is left out of both", || (held() == 2.0).then_some(()));
    assert_eq!(deaths(&stack, "crash"), 6.0);
    let segments = tracks::read_all(&stack, "cam")[0].playlist.segments.len();
    stack.wait_for_segments("cam", segments + 2);
    publisher.kill();
    let _another = Peer::publish(&stack.rtmp_url("live/k3y"), 30);
    eventually("the next publisher is shown", || (shown() && held() == 0.0).then_some(()));
    tracks::assert_whole(&stack, "cam");
}

#[test]
fn an_input_that_is_let_out_is_shown_again_and_no_frame_is_missing() {
    let stack = Stack::start(PUBLISHED);
    stack.wait_for_segments("cam", 1);
    let shown = || stack.metric(&["headwater_encoder_input_lost"]) == 0.0;
    let _publisher = Peer::publish(&stack.rtmp_url("live/k3y"), 30);
    for lost in 1..=3 {
        eventually("the publisher is shown", || shown().then_some(()));
        stack.signal_child(ENCODER, Signal::ABORT);
        wait_until_well(&stack, lost);
    }
    eventually("slate is shown", || (is_held(&stack) && !shown()).then_some(()));
    let said = quarantine(&stack, &["release", "cam"]);
    assert_eq!(said.as_deref(), Ok("cam: its inputs are taken again\n"));
    eventually("the publisher is shown", || (shown() && !is_held(&stack)).then_some(()));
    let segments = tracks::read_all(&stack, "cam")[0].playlist.segments.len();
    stack.wait_for_segments("cam", segments + 2);
    tracks::assert_whole(&stack, "cam");
}
