//! A control role whose database's disk gives errors.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use e2e::{Signal, Stack, eventually, signal, tracks};
use serde_json::Value;

const CHANNEL: &str = "[[channel]]\nname = \"cam\"\ninput = \"test\"\npreset = \"ultrafast\"\n\
                       ladder = [\"240p30\"]\nsegment = 1\nwindow = 300\n";

/// System calls of a process that fail, until it is dropped.
struct Failing {
    tracer: Child,
    pid: u32,
}

fn is_traced(pid: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    status.lines().any(|line| line.strip_prefix("TracerPid:").is_some_and(|by| by.trim() != "0"))
}

impl Failing {
    /// `None` where this machine lets nobody trace.
    fn start(pid: u32, calls: &str) -> Option<Self> {
        let (only, inject) = (format!("trace={calls}"), format!("inject={calls}:error=EIO"));
        let mut strace = Command::new("strace");
        strace.args(["-f", "-qq", "-o", "/dev/null", "-e", &only, "-e", &inject, "-p", &pid.to_string()]);
        let mut tracer = strace.stdin(Stdio::null()).stderr(Stdio::null()).spawn().ok()?;
        let traces = eventually("it is traced, or cannot be", || {
            if is_traced(pid) {
                return Some(true);
            }
            tracer.try_wait().expect("our own child").map(|_| false)
        });
        traces.then_some(Self { tracer, pid })
    }
}

impl Drop for Failing {
    fn drop(&mut self) {
        signal(self.tracer.id(), Signal::TERM);
        // One whose process was killed while it held a thread of it waits for ever.
        let mut looks = 0;
        while matches!(self.tracer.try_wait(), Ok(None)) {
            looks += 1;
            if looks == 40 {
                let _ = self.tracer.kill();
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        eventually("it is let go", || (!is_traced(self.pid)).then_some(()));
    }
}

fn channels(stack: &Stack) -> BTreeSet<String> {
    let listed = stack.headwater(&["resource", "ls", "--json"]);
    assert!(listed.is_fine, "{}", listed.errors);
    let listed: Value = serde_json::from_str(&listed.output).expect("JSON");
    let items = listed["items"].as_array().expect("items").iter();
    items.filter(|item| item["kind"] == "channel").map(|item| item["id"].to_string()).collect()
}

/// Asks for a channel; what was said where it was refused.
fn make(stack: &Stack, name: &str) -> Result<(), String> {
    let text = format!(
        "[[channel]]\nname = \"{name}\"\ninput = {{ rtmp = \"live/{name}\" }}\nladder = \"passthrough\"\n"
    );
    fs::write(stack.data().join("wanted.toml"), text).expect("is written");
    let said = stack.headwater(&["channel", "create", "data/wanted.toml"]);
    if said.is_fine { Ok(()) } else { Err(said.errors) }
}

#[test]
fn where_the_databases_disk_fails_calls_are_refused_as_a_whole_and_what_runs_goes_on() {
    let mut stack = Stack::start_with_control(CHANNEL);
    stack.wait_for_segments("cam", 2);
    make(&stack, "first").expect("is made");
    let encoder = stack.pids("headwater-encoder")[0];
    for (round, calls) in ["pwrite64", "fdatasync,fsync", "pwrite64,fdatasync,fsync"].into_iter().enumerate()
    {
        let before = channels(&stack);
        let control = stack.pids(" control ")[0];
        let Some(failing) = Failing::start(control, calls) else {
            println!("passed over: this needs strace and the right to trace");
            return;
        };
        for n in 0..3 {
            let said = make(&stack, &format!("refused-{round}-{n}")).expect_err("nothing can be kept");
            assert!(said.contains("the store cannot be reached; try again"), "{calls}: {said}");
        }
        assert_eq!(channels(&stack), before, "{calls}: what is there is told");
        // One goes on when its disk does; one that is killed meanwhile, and finds what the disk has, is the same to callers.
        if round == 1 {
            stack.kill_pid(control);
        }
        drop(failing);
        eventually("control answers", || {
            (stack.fetch(&stack.control_url("/health"))?.status == 200).then_some(())
        });
        // What a sync that failed left in the log may be there after a kill, as a whole: nobody knows what reached the disk.
        let before = match round {
            1 => channels(&stack),
            _ => before,
        };
        assert_eq!(channels(&stack), before, "{calls}: nothing that was refused is there");
        make(&stack, &format!("made-{round}")).expect("is made");
        assert_eq!(channels(&stack).len(), before.len() + 1);
        if round != 1 {
            assert_eq!(stack.pids(" control "), [control], "it lives");
        }
    }
    assert_eq!(stack.pids("headwater-encoder")[0], encoder, "nobody on air noticed");
    tracks::assert_whole(&stack, "cam");
    let before = channels(&stack);
    stack.kill_and_start_again();
    assert_eq!(channels(&stack), before, "and so it is on disk");
}
