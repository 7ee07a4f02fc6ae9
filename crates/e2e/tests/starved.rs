//! A machine that has too little for what is asked of it.

mod cgroup;

use std::io;

use cgroup::Group;
use e2e::{Peer, Stack, eventually, hls, is_alive, tracks};

const CHANNEL: &str = "[[channel]]\nname = \"cam\"\ninput = \"test\"\npreset = \"fast\"\n\
                       ladder = [\"720p30\"]\nsegment = 1\nwindow = 300\n";

/// The group, where this machine gives one.
fn granted(group: io::Result<Group>) -> Option<Group> {
    group.inspect_err(|why| println!("passed over: this needs a control group with a bound: {why}")).ok()
}

#[test]
fn an_encoder_that_gets_a_fraction_of_a_core_gives_up_quality_and_no_frame() {
    let stack = Stack::start(CHANNEL);
    stack.wait_for_segments("cam", 2);
    let pid = *stack.pids("headwater-encoder").first().expect("it runs");
    let Some(group) = granted(Group::with_cpu(20)) else { return };
    group.take(pid).expect("it can be moved");
    eventually("quality is given up", || stack.was_told("slow_encoder", "raised").then_some(()));
    assert!(stack.metric(&["headwater_encoder_quality_step"]) > 0.0);
    // Sound and pictures go on, and every other role with them.
    let segments = || stack.metric(&["headwater_origin_segments_received_total"]);
    let before = segments();
    eventually("segments come", || (segments() >= before + 8.0).then_some(()));
    drop(group);
    let before = segments();
    eventually("segments come", || (segments() >= before + 4.0).then_some(()));
    assert_eq!(stack.pids("headwater-encoder"), [pid], "slow is not hung");
    tracks::assert_whole(&stack, "cam");
}

/// Starts a stack all of whose memory is counted in `group`.
fn start_within(group: &Group, channels: &str) -> Stack {
    let door = group.door();
    let enter = r#"echo $$ > "$0" && exec "$@""#;
    Stack::start_by(&["sh", "-c", enter, door.to_str().expect("UTF-8")], channels)
}

/// How many segments of the channel's first track are listed.
fn listed(stack: &Stack) -> usize {
    let uri = &hls::media_playlists(stack.get("/cam/index.m3u8").text())[0];
    hls::media_playlist(stack.get(&format!("/cam/{uri}")).text()).segments.len()
}

/// Waits until the origin has taken some more.
fn segments_come(stack: &Stack) {
    let segments = || stack.metric(&["headwater_origin_segments_received_total"]);
    let before = segments();
    eventually("segments come", || (segments() >= before + 6.0).then_some(()));
}

/// Another program in the group, which takes so much memory and keeps it.
fn take_memory(group: &Group, bytes: u64) -> Peer {
    let door = group.door();
    let take =
        r#"echo $$ > "$0"; exec python3 -c "import time; taken = bytearray(b'1') * $1; time.sleep(1000)""#;
    Peer::start("sh", &["-c", take, door.to_str().expect("UTF-8"), &bytes.to_string()])
}

#[test]
fn where_memory_is_short_the_past_gives_way_and_live_goes_on() {
    let Some(group) = granted(Group::of_memory()) else { return };
    let stack = start_within(&group, CHANNEL);
    stack.wait_for_segments("cam", 2);
    eventually("the window is long", || (listed(&stack) >= 12).then_some(()));
    let running = stack.pids("");
    let room = || stack.metric(&["headwater_edge_cache_room_bytes"]);
    let whole = room();
    // Others have most of it, so that there is some room above nine tenths.
    let used = || group.memory_used().expect("is counted");
    let before = used();
    let _others = take_memory(&group, 400 << 20);
    eventually("others take theirs", || (used() >= before + (390 << 20)).then_some(()));
    group.bound_memory(Some(used() / 92 * 100)).expect("is set");
    eventually("the window is short", || (listed(&stack) <= 7).then_some(()));
    eventually("the cache is small", || (room() < whole / 4.0).then_some(()));
    let told = |state: &str, role: &str| {
        let is_it = |told: &serde_json::Value| {
            told["event"] == "memory_short" && told["state"] == state && told["role"] == role
        };
        stack.events().iter().any(is_it)
    };
    for role in ["origin", "edge"] {
        eventually("operators are told", || told("raised", role).then_some(()));
    }
    segments_come(&stack);
    assert_eq!(stack.pids(""), running, "nothing was lost");
    assert!(listed(&stack) <= 7, "as long as memory is short");
    group.bound_memory(None).expect("is set");
    for role in ["origin", "edge"] {
        eventually("operators are told", || told("cleared", role).then_some(()));
    }
    eventually("the window grows again", || (listed(&stack) >= 9).then_some(()));
    tracks::assert_whole(&stack, "cam");
}

#[test]
fn where_memory_is_used_up_the_spare_and_then_the_edge_go_and_nothing_that_makes_media() {
    let Some(group) = granted(Group::of_memory()) else { return };
    let stack = start_within(&group, CHANNEL);
    stack.wait_for_segments("cam", 2);
    eventually("a spare waits", || {
        (stack.metric(&["headwater_supervisor_spare_ready"]) == 1.0).then_some(())
    });
    let makers = || [" ingest ", " origin ", "headwater-encoder"].map(|role| stack.pids(role));
    let (before, edge) = (makers(), stack.pids(" edge ")[0]);
    let running = stack.pids("");
    let spare = stack.children().into_iter().find(|pid| !running.contains(pid)).expect("it waits");
    let used = group.memory_used().expect("is counted");
    group.bound_memory(Some(used + (16 << 20))).expect("is set");
    // Another program takes what is left, a little at a time.
    let grows =
        "import time\ntaken = []\nwhile True: taken.append(bytearray(b'1') * 262144); time.sleep(0.02)";
    let other = Peer::start("python3", &["-c", grows]);
    group.take(other.id()).expect("it runs");
    eventually("the edge goes", || (!is_alive(edge)).then_some(()));
    other.kill();
    assert!(!is_alive(spare), "nobody had a use for it");
    assert_eq!(makers(), before);
    group.bound_memory(None).expect("is set");
    eventually("the edge is back", || (stack.try_get("/health")?.status == 200).then_some(()));
    segments_come(&stack);
    assert_eq!(makers(), before);
    tracks::assert_whole(&stack, "cam");
}

#[test]
fn where_no_thread_more_may_be_started_what_runs_goes_on_and_a_new_channel_waits() {
    let channel = |name: &str| CHANNEL.replace("\"cam\"", &format!("{name:?}")).replace("720p30", "240p30");
    let stack = Stack::start_with_control(&channel("cam"));
    stack.wait_for_segments("cam", 2);
    let running = stack.pids("");
    let Some(group) = granted(Group::of_threads()) else { return };
    stack
        .children()
        .into_iter()
        .chain([stack.supervisor()])
        .for_each(|pid| group.take(pid).expect("is there"));
    group.bound_threads(Some(group.threads().expect("are counted"))).expect("is set");
    stack.edit(&(channel("cam") + &channel("new")));
    let applied = stack.headwater(&["apply", "workflow.toml"]);
    assert!(applied.is_fine, "{}", applied.errors);
    eventually("the log tells what is short", || stack.log().contains("TasksMax=").then_some(()));
    segments_come(&stack);
    assert!(listed(&stack) >= 2, "a viewer is served");
    let still = stack.pids("");
    assert!(running.iter().all(|pid| still.contains(pid)), "nothing was lost: {still:?} of {running:?}");
    group.bound_threads(None).expect("is set");
    stack.wait_for_segments("new", 1);
    tracks::assert_whole(&stack, "cam");
    assert!(!stack.log().contains("panicked"), "{}", stack.log());
}

#[test]
fn where_the_log_finds_no_room_everything_runs() {
    let full = r#"exec "$0" "$@" 2>/dev/full"#;
    let mut stack = Stack::start_by(&["sh", "-c", full], CHANNEL);
    stack.wait_for_segments("cam", 1);
    let running = stack.pids("");
    segments_come(&stack);
    assert_eq!(stack.pids(""), running, "nothing was lost");
    // What there is to say when one dies is lost too.
    stack.kill_child("headwater-encoder");
    segments_come(&stack);
    assert!(stack.was_told("encoder_lost", "raised"), "events go another way");
    assert!(stack.interrupt().success());
}
