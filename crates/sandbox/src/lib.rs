//! Takes from a process what it has no need of: network, files, other programs, memory without end.
//!
//! [`enter`] is the one door. It is called once, before the process has a second thread and before it touches what
//! strangers made; whatever the process needs later it must hold by then, or be handed over a socket it holds.
//!
//! Layers, in the order they are laid on; each holds where another is not to be had:
//! - [`limits`]: memory, descriptors, threads, no core file, niceness.
//! - [`namespaces`]: user, mount (an empty root), network, IPC and host name of its own.
//! - [`privileges`]: no capability, none to be gained, no debugger, dies with its parent.
//! - [`landlock`]: no path may be opened, no port connected or bound (landlock).
//! - [`seccomp`]: a list of the system calls an encoder makes; every other is refused or kills (seccomp).

mod landlock;
mod limits;
mod namespaces;
mod privileges;
mod seccomp;

use std::fmt;

/// What the process is left with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes of memory it may write to, beside its threads' stacks.
    pub memory_bytes: u64,
    /// Descriptors open at once.
    pub open_files: u64,
    /// Cores it may keep busy: each brings threads, and room that is reserved for them.
    pub cores: usize,
    /// Niceness, 0 to 19; it is never taken back.
    pub nice: i32,
}

/// What is wanted of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demand {
    /// Every layer; less is a failure.
    All,
    /// [`Layer::Limits`], [`Layer::Privileges`] and [`Layer::Seccomp`], which every Linux has; of the others what there is.
    Best,
}

/// One way of holding the process in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// Memory, descriptors, threads.
    Limits,
    /// Namespaces of its own.
    Namespaces,
    /// No capabilities, none to be gained.
    Privileges,
    /// No files, no ports.
    Landlock,
    /// Few system calls.
    Seccomp,
}

impl Layer {
    /// Every layer, in the order they are laid on.
    pub const ALL: [Self; 5] =
        [Self::Limits, Self::Namespaces, Self::Privileges, Self::Landlock, Self::Seccomp];

    /// Its name in logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Limits => "limits",
            Self::Namespaces => "namespaces",
            Self::Privileges => "privileges",
            Self::Landlock => "landlock",
            Self::Seccomp => "seccomp",
        }
    }

    /// Lays this one alone: [`enter`] lays all of them.
    pub fn lay(self, bounds: &Bounds) -> Result<(), Fault> {
        match self {
            Self::Limits => limits::set(bounds),
            Self::Namespaces => namespaces::leave(),
            Self::Privileges => privileges::drop_all(),
            Self::Landlock => landlock::restrict(),
            Self::Seccomp => seccomp::restrict(),
        }
    }

    /// Whether [`Demand::Best`] does without it.
    const fn may_be_missing(self) -> bool {
        matches!(self, Self::Namespaces | Self::Landlock)
    }
}

/// Why a layer is not there.
#[derive(Debug, thiserror::Error)]
#[error("{what}: {why}")]
pub struct Fault {
    what: &'static str,
    why: String,
}

impl Fault {
    /// For `map_err`: `what` was being done.
    fn at<E: fmt::Display>(what: &'static str) -> impl Fn(E) -> Self {
        move |why| Self { what, why: why.to_string() }
    }
}

/// The host does not offer what was demanded. The process may be half held in: end it.
#[derive(Debug, thiserror::Error)]
#[error("sandbox: layer `{}` is not to be had: {fault}", layer.as_str())]
pub struct Refused {
    layer: Layer,
    fault: Fault,
}

/// Which layers hold.
#[derive(Debug)]
pub struct Report(Vec<(Layer, Result<(), Fault>)>);

impl Report {
    /// Each layer, and why where it is missing.
    pub fn layers(&self) -> impl Iterator<Item = (Layer, Option<&Fault>)> {
        self.0.iter().map(|(layer, state)| (*layer, state.as_ref().err()))
    }
}

/// Holds this process in, for good. Call it before a second thread starts: the kernel gives namespaces to a lone
/// thread only, and landlock and the list of calls bind this thread and those it starts.
pub fn enter(bounds: &Bounds, demand: Demand) -> Result<Report, Refused> {
    let mut report = Vec::with_capacity(Layer::ALL.len());
    for layer in Layer::ALL {
        match layer.lay(bounds) {
            Err(fault) if demand == Demand::All || !layer.may_be_missing() => {
                return Err(Refused { layer, fault });
            }
            state => report.push((layer, state)),
        }
    }
    Ok(Report(report))
}
