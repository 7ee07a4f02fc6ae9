//! A machine that has too little for what is asked of it.

mod cgroup;

use cgroup::Group;
use e2e::{Stack, eventually, tracks};

const CHANNEL: &str = "[[channel]]\nname = \"cam\"\ninput = \"test\"\npreset = \"fast\"\n\
                       ladder = [\"720p30\"]\nsegment = 1\nwindow = 300\n";

#[test]
fn an_encoder_that_gets_a_fraction_of_a_core_gives_up_quality_and_no_frame() {
    let stack = Stack::start(CHANNEL);
    stack.wait_for_segments("cam", 2);
    let pid = *stack.pids("headwater-encoder").first().expect("it runs");
    let group = match Group::with_cpu(20) {
        Ok(group) => group,
        Err(why) => {
            println!("passed over: this needs a control group with a bound of processor time: {why}");
            return;
        }
    };
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
