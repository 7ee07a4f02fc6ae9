//! The origin as a process of its own, to be killed.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{Answer, Process, request};

pub struct Killable {
    pub process: Process,
    pub address: SocketAddr,
}

impl Killable {
    pub fn start(data: &Path) -> Self {
        Self::start_under(&[], data)
    }

    /// Started by another program, as `strace`.
    pub fn start_under(front: &[&str], data: &Path) -> Self {
        let mut command = match front {
            [] => Command::new(program()),
            [program_, arguments @ ..] => {
                let mut command = Command::new(program_);
                command.args(arguments).arg(program());
                command
            }
        };
        command.arg(data).args(["0", "cam"]).stdout(Stdio::piped());
        let mut process = Process::start(&mut command);
        let mut line = String::new();
        BufReader::new(process.0.stdout.take().expect("piped")).read_line(&mut line).expect("reads");
        Self { process, address: line.trim().parse().expect("it prints its address") }
    }

    pub fn get(&self, path: &str) -> Answer {
        request(self.address, "GET", path, &[], &[])
    }

    pub fn put(&self, path: &str, body: &[u8]) {
        let answer = request(self.address, "PUT", path, &[], body);
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
}

fn program() -> PathBuf {
    let mut path = std::env::current_exe().expect("a test has a path");
    path.pop();
    path.pop();
    path.push("examples/origin");
    assert!(path.exists(), "build {} first: cargo build -p origin --example origin", path.display());
    path
}
