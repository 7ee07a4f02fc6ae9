//! Tries to get out of the sandbox, one way a run: `sandbox-probe inside NAME`, `outside NAME`, or `LAYER NAME` for one layer
//! alone; `list` names them all.
//!
//! Status 0: the way is open. 10: it is refused, and standard error says how. A signal: refused by death. 20: the
//! attempt could not be made ready. 30: the host does not give that layer.

#![allow(unsafe_code, reason = "most ways out are bare system calls, which no safe function makes")]

mod files;
mod kernel;
mod memory;
mod network;
mod processes;
mod scene;

use std::io;
use std::process::ExitCode;

use sandbox::{Bounds, Demand, Layer};
use scene::Scene;

/// One way out.
struct Probe {
    name: &'static str,
    control: Control,
    attempt: fn(&Scene) -> io::Result<()>,
}

/// Whether it can be shown that the way is open without the sandbox.
#[derive(Clone, Copy)]
enum Control {
    /// For anybody.
    Anyone,
    /// For root on a machine of its own.
    Root,
    /// It would do harm, or not every machine has it.
    None,
}

use Control::{Anyone, None as Untried, Root};

const fn probe(name: &'static str, control: Control, attempt: fn(&Scene) -> io::Result<()>) -> Probe {
    Probe { name, control, attempt }
}

/// Memory of a probe: small, so that the limit is soon reached.
const BOUNDS: Bounds = Bounds { memory_bytes: 64 << 20, open_files: 32, cores: 1, nice: 5 };

/// A system call by its number.
fn call(number: i64, arguments: [usize; 6]) -> io::Result<i64> {
    let [a, b, c, d, e, f] = arguments;
    // SAFETY: each probe passes pointers that are null or live through the call, and lengths that belong to them.
    match unsafe { libc::syscall(number, a, b, c, d, e, f) } {
        -1 => Err(io::Error::last_os_error()),
        value => Ok(value),
    }
}

/// A value's address for [`call`].
fn at<T: ?Sized>(value: &T) -> usize {
    std::ptr::from_ref(value).cast::<u8>() as usize
}

fn main() -> ExitCode {
    let probes: Vec<Probe> =
        [files::PROBES, network::PROBES, processes::PROBES, kernel::PROBES, memory::PROBES]
            .into_iter()
            .flatten()
            .map(|probe| Probe { ..*probe })
            .collect();
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (place, name) = match words[..] {
        ["list"] => {
            for probe in &probes {
                let control = match probe.control {
                    Anyone => "anyone",
                    Root => "root",
                    Untried => "untried",
                };
                println!("{} {control}", probe.name);
            }
            return ExitCode::SUCCESS;
        }
        [place, name] => (place, name),
        _ => return ExitCode::from(20),
    };
    let Some(probe) = probes.iter().find(|probe| probe.name == name) else { return ExitCode::from(20) };
    if place == "outside" && matches!(probe.control, Untried) {
        eprintln!("it might do harm outside the sandbox, or does not work everywhere: not tried");
        return ExitCode::from(20);
    }
    let scene = match Scene::set() {
        Ok(scene) => scene,
        Err(fault) => {
            eprintln!("the scene: {fault}");
            return ExitCode::from(20);
        }
    };
    let layer = Layer::ALL.into_iter().find(|layer| layer.as_str() == place);
    let closed = match (place, layer) {
        ("outside", _) => Ok(()),
        ("inside", _) => {
            sandbox::enter(&BOUNDS, Demand::Best).map(drop).map_err(|fault| (20, fault.to_string()))
        }
        (_, Some(layer)) => layer.lay(&BOUNDS).map_err(|fault| (30, fault.to_string())),
        (_, None) => Err((20, "no such place".to_owned())),
    };
    if let Err((status, fault)) = closed {
        eprintln!("{fault}");
        return ExitCode::from(status);
    }
    match (probe.attempt)(&scene) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("{fault}");
            ExitCode::from(10)
        }
    }
}
