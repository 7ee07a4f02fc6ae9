//! A process that may open nothing more.

use e2e::{Peer, Stack, eventually};
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
