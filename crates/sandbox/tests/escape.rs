//! Ways out of the sandbox, each tried by a process of its own (`probes/`).

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// The probe's words for: the way is refused.
const REFUSED: i32 = 10;
/// The host does not give the layer.
const NOT_GIVEN: i32 = 30;
/// What a process dies of that makes a fatal call.
const SIGSYS: i32 = 31;

fn run(folder: &Path, words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sandbox-probe"))
        .args(words)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .expect("the probe starts")
}

/// Name of each probe, and who can make it outside.
fn probes() -> Vec<(String, String)> {
    let list = run(Path::new("/"), &["list"]).stdout;
    let words = |line: &str| line.split_once(' ').map(|(name, who)| (name.to_owned(), who.to_owned()));
    String::from_utf8(list).expect("text").lines().filter_map(words).collect()
}

fn attempt(place: &str, name: &str) -> (Option<i32>, Option<i32>, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let output = run(folder.path(), &[place, name]);
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    (output.status.code(), output.status.signal(), said)
}

#[test]
fn every_way_out_is_closed() {
    let probes = probes();
    assert!(probes.len() >= 40, "{} probes", probes.len());
    let open: Vec<String> = probes
        .iter()
        .filter_map(|(name, _)| match attempt("inside", name) {
            (Some(REFUSED), _, _) | (_, Some(SIGSYS), _) => None,
            (status, signal, said) => Some(format!("{name}: status {status:?}, signal {signal:?}: {said}")),
        })
        .collect();
    assert!(open.is_empty(), "{open:#?}");
}

#[test]
fn the_same_ways_are_open_outside() {
    let root = has_every_capability();
    let closed: Vec<String> = probes()
        .iter()
        .filter(|(_, who)| who == "anyone" || (who == "root" && root))
        .filter_map(|(name, _)| match attempt("outside", name) {
            (Some(0), ..) => None,
            (status, signal, said) => Some(format!("{name}: status {status:?}, signal {signal:?}: {said}")),
        })
        .collect();
    assert!(closed.is_empty(), "{closed:#?}");
}

#[test]
fn each_layer_holds_without_the_others() {
    let held: [(&str, &[&str]); 5] = [
        (
            "limits",
            &["memory-beyond-the-limit", "shared-memory-beyond-the-limit", "open-files-beyond-the-limit"],
        ),
        (
            "namespaces",
            &[
                "read-passwd",
                "create-in-tmp",
                "connect-tcp",
                "connect-abstract",
                "read-environment-of-parent",
            ],
        ),
        ("privileges", &["other-root", "be-less-nice", "change-owner", "socket-packet"]),
        ("landlock", &["read-passwd", "create-in-tmp", "list-root", "write-own-memory-file"]),
        ("seccomp", &["execve", "fork", "connect-unix", "send-udp", "io-uring", "map-code", "look-at"]),
    ];
    let mut open = Vec::new();
    for (layer, names) in held {
        for name in names {
            match attempt(layer, name) {
                (Some(REFUSED | NOT_GIVEN), _, _) | (_, Some(SIGSYS), _) => {}
                (status, signal, said) => {
                    open.push(format!("{layer}: {name}: status {status:?}, signal {signal:?}: {said}"));
                }
            }
        }
    }
    assert!(open.is_empty(), "{open:#?}");
}

/// Whether this is root as a machine of its own has it, not a container's.
fn has_every_capability() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").expect("proc");
    let of = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("is told");
        u64::from_str_radix(line.trim(), 16).expect("hexadecimal")
    };
    of("CapEff:").trailing_ones() >= 38
}
