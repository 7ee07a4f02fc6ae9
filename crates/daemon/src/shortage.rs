//! What a system has no more of, in an operator's words.

use std::fmt;
use std::io;

use rustix::io::Errno;

/// What is short where a process, a thread, a connection or a file could not be had, and what can be done; `None` where
/// that failed for another reason.
pub fn shortage(fault: &io::Error) -> Option<&'static str> {
    Some(match Errno::from_raw_os_error(fault.raw_os_error()?) {
        Errno::AGAIN => {
            "no process or thread more may be started: raise TasksMax= of the service (pids.max of its control group), \
             LimitNPROC= (`ulimit -u`) or kernel.threads-max"
        }
        Errno::MFILE => {
            "this process may open no descriptor more: raise LimitNOFILE= of the service (`ulimit -n`)"
        }
        Errno::NFILE => "the machine may open no descriptor more: raise fs.file-max",
        Errno::ADDRNOTAVAIL => {
            "no local port is left for this address: widen net.ipv4.ip_local_port_range, and look at what holds so many \
             connections (`ss -tan`)"
        }
        Errno::NOMEM | Errno::NOBUFS => {
            "no memory is left: give the machine or the service's control group more (MemoryMax=), or run less on it"
        }
        _ => return None,
    })
}

/// A fault, and what can be done where something is short.
#[derive(Debug)]
pub struct WithShortage<'a>(pub &'a io::Error);

impl fmt::Display for WithShortage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        shortage(self.0).map_or(Ok(()), |words| write!(f, ": {words}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_of_want_says_what_to_raise_and_any_other_is_left_as_it_is() {
        let told = |errno: Errno| WithShortage(&errno.into()).to_string();
        for (errno, setting) in [
            (Errno::AGAIN, "TasksMax="),
            (Errno::MFILE, "LimitNOFILE="),
            (Errno::NFILE, "fs.file-max"),
            (Errno::ADDRNOTAVAIL, "ip_local_port_range"),
            (Errno::NOMEM, "MemoryMax="),
        ] {
            assert!(told(errno).contains(setting), "{}", told(errno));
        }
        assert!(!told(Errno::CONNREFUSED).contains(": "));
        assert_eq!(shortage(&io::Error::other("no errno")), None);
    }
}
