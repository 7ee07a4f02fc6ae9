//! A process that may open nothing more.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use e2e::{PATIENCE, Peer, Stack, eventually, tracks};
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};

const CHANNELS: &str = "[[channel]]\nname = \"one\"\ninput = { rtmp = \"live/one\" }\nladder = \"passthrough\"\nsegment = 1\n\
                        [[channel]]\nname = \"two\"\ninput = { rtmp = \"live/two\" }\nladder = \"passthrough\"\nsegment = 1\n";

#[test]
fn a_publisher_that_is_on_air_goes_on_while_ingest_is_out_of_descriptors_and_the_next_one_waits() {
    let stack = Stack::start(CHANNELS);
    let _one = Peer::publish(&stack.rtmp_url("live/one"), 30);
    stack.wait_for_segments("one", 2);
    let ingest = *stack.pids(" ingest ").first().expect("it runs");
    let pid = Pid::from_raw(ingest.cast_signed());
    // The stack's limits are this process's. What is open stays open; nothing has a number so low.
    let before = getrlimit(Resource::Nofile);
    prlimit(pid, Resource::Nofile, Rlimit { current: Some(3), ..before }).expect("is set");

    let _two = Peer::publish(&stack.rtmp_url("live/two"), 30);
    let segments = || stack.metric(&["headwater_origin_segments_received_total", "channel=\"one\""]);
    let then = segments();
    eventually("the first goes on", || (segments() >= then + 8.0).then_some(()));
    assert_eq!(stack.metric(&["headwater_origin_segments_received_total", "channel=\"two\""]), 0.0);
    assert_eq!(*stack.pids(" ingest ").first().expect("it runs"), ingest, "it lives");

    prlimit(pid, Resource::Nofile, before).expect("is set");
    stack.wait_for_segments("two", 2);
}

/// The head of what the edge answers on a connection that is kept; `None` where it says nothing for a while.
fn ask(viewer: &mut TcpStream, path: &str, wait: Duration) -> Option<String> {
    viewer.set_read_timeout(Some(wait)).expect("is set");
    write!(viewer, "HEAD {path} HTTP/1.1\r\nhost: localhost\r\n\r\n").expect("room");
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        viewer.read_exact(&mut byte).ok()?;
        answer.push(byte[0]);
    }
    String::from_utf8(answer).ok()
}

#[test]
fn a_viewer_goes_on_while_the_edge_is_out_of_descriptors_and_the_next_one_waits() {
    let stack = Stack::start(
        "[[channel]]\nname = \"cam\"\ninput = \"test\"\npreset = \"ultrafast\"\nladder = [\"240p30\"]\nsegment = 1\n",
    );
    stack.wait_for_segments("cam", 2);
    let track = &tracks::read_all(&stack, "cam")[0];
    let folder = track.uri.rsplit_once('/').expect("a folder").0;
    let segment = format!("/cam/{folder}/{}", track.playlist.segments.last().expect("some").uri);
    let connect = || TcpStream::connect(stack.viewers_address()).expect("connects");
    let is_served = |said: Option<String>| said.is_some_and(|said| said.starts_with("HTTP/1.1 200"));
    let mut first = connect();
    assert!(is_served(ask(&mut first, &segment, PATIENCE)));

    let edge = *stack.pids(" edge ").first().expect("it runs");
    let pid = Pid::from_raw(edge.cast_signed());
    let before = getrlimit(Resource::Nofile);
    prlimit(pid, Resource::Nofile, Rlimit { current: Some(3), ..before }).expect("is set");
    assert!(is_served(ask(&mut first, &segment, PATIENCE)), "from its cache");
    let mut next = connect();
    assert_eq!(ask(&mut next, &segment, Duration::from_millis(500)), None, "it waits");
    assert!(is_served(ask(&mut first, &segment, PATIENCE)));
    prlimit(pid, Resource::Nofile, before).expect("is set");
    let mut byte = [0];
    next.set_read_timeout(Some(PATIENCE)).expect("is set");
    next.read_exact(&mut byte).expect("what was asked is answered now");
    assert_eq!(stack.pids(" edge "), [edge], "it lives");
}
