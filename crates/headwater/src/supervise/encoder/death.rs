//! How an encoder process went.

use std::fmt;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use rustix::process::Signal;

/// How, and so whose doing it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Death {
    /// It could not be started.
    NotStarted,
    /// It ended by itself, unasked.
    Exited(ExitStatus),
    /// Somebody else killed it.
    Killed(ExitStatus),
    /// A signal of its own: a crash.
    Crashed(ExitStatus),
    /// It brought nothing for two seconds, and was killed.
    Hung,
    /// The same, while somebody had stopped it (SIGSTOP).
    Stopped,
    /// It came near its memory bound, and was killed there or by the kernel.
    Memory,
}

impl Death {
    /// Every word in labels.
    pub(super) const WORDS: [&str; 7] =
        ["not_started", "exit", "killed", "crash", "hang", "stopped", "out_of_memory"];

    /// Of a process that ended; `near_bound`: it had nearly used its memory up.
    pub(super) fn of(exited: io::Result<ExitStatus>, near_bound: bool) -> Self {
        let Ok(status) = exited else { return Self::NotStarted };
        let by_others = [Signal::KILL, Signal::TERM, Signal::INT, Signal::HUP].map(Signal::as_raw);
        match status.signal() {
            Some(_) if near_bound => Self::Memory,
            Some(signal) if by_others.contains(&signal) => Self::Killed(status),
            Some(_) => Self::Crashed(status),
            None => Self::Exited(status),
        }
    }

    /// Of one that brings nothing any more, and is still there.
    pub(super) fn of_silence(pid: u32) -> Self {
        // proc_pid_stat(5): `pid (comm) state …`; T is stopped. The name may hold anything but ends with the last `)`.
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
        if state == Some('T') { Self::Stopped } else { Self::Hung }
    }

    /// The word in logs and labels.
    pub(super) const fn as_str(self) -> &'static str {
        Self::WORDS[self.index()]
    }

    /// Its place in [`Self::WORDS`].
    pub(super) const fn index(self) -> usize {
        match self {
            Self::NotStarted => 0,
            Self::Exited(_) => 1,
            Self::Killed(_) => 2,
            Self::Crashed(_) => 3,
            Self::Hung => 4,
            Self::Stopped => 5,
            Self::Memory => 6,
        }
    }

    /// Whether what it decoded may have done it.
    pub(super) const fn may_be_the_input(self) -> bool {
        matches!(self, Self::Exited(_) | Self::Crashed(_) | Self::Hung | Self::Memory)
    }
}

impl fmt::Display for Death {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotStarted => f.write_str("it could not be started"),
            Self::Exited(status) | Self::Killed(status) | Self::Crashed(status) => {
                write!(f, "ended by {status}")
            }
            Self::Hung => f.write_str("it brought nothing for two seconds: killed"),
            Self::Stopped => f.write_str("it was stopped (SIGSTOP) for two seconds: killed"),
            Self::Memory => f.write_str("its memory is used up: killed"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_an_input_can_do_is_laid_to_its_charge() {
        let of = |wait_status| Death::of(Ok(ExitStatus::from_raw(wait_status)), false);
        for (status, word, may_be_the_input) in [
            (Signal::SEGV.as_raw(), "crash", true),
            (Signal::ABORT.as_raw(), "crash", true),
            (Signal::SYS.as_raw(), "crash", true),
            (101 << 8, "exit", true),
            (Signal::KILL.as_raw(), "killed", false),
            (Signal::TERM.as_raw(), "killed", false),
        ] {
            let death = of(status);
            assert_eq!((death.as_str(), death.may_be_the_input()), (word, may_be_the_input));
        }
        let oom = Death::of(Ok(ExitStatus::from_raw(Signal::KILL.as_raw())), true);
        assert_eq!(oom, Death::Memory, "the kernel's killer of processes too large");
    }
}
