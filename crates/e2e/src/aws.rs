//! AWS's own clients in front of a stack: boto3 by the scripts in `tests/aws`, and the aws CLI.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::stack::{Stack, binary};

/// AWS's clients, set up for one stack as its users do it: by what `headwater aws-env` prints.
#[derive(Debug)]
pub struct Clients {
    programs: PathBuf,
    data: PathBuf,
    folder: TempDir,
}

/// What a program said: whether it went well, its output and its errors.
#[derive(Clone, Debug)]
pub struct Said {
    /// Whether it ended with 0.
    pub is_fine: bool,
    /// The status that it ended with; `None` where a signal ended it.
    pub status: Option<i32>,
    /// Its standard output.
    pub output: String,
    /// Its standard error.
    pub errors: String,
}

impl Clients {
    /// Clients of a stack that has a control role.
    pub fn of(stack: &Stack) -> Self {
        let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.venv/aws-clients/bin");
        assert!(programs.join("aws").is_file(), "AWS's clients are missing: run scripts/aws-clients");
        let clients =
            Self { programs, data: stack.data(), folder: tempfile::tempdir().expect("a temporary folder") };
        let profile = clients.environment("profile");
        std::fs::write(clients.config(), profile).expect("the profile is written");
        clients
    }

    /// What `headwater aws-env` prints in this form.
    pub fn environment(&self, format: &str) -> String {
        let mut command = Command::new(binary("headwater"));
        command.args(["aws-env", "--format", format, "--data"]).arg(&self.data);
        let said = said(&command.output().expect("headwater runs"));
        assert!(said.is_fine, "{}", said.errors);
        said.output
    }

    /// Runs a script of `tests/aws` to its end; the JSON that it prints. Panics where it fails or takes over two minutes.
    pub fn python(&self, script: &str, arguments: &[&str]) -> Value {
        let mut command = Command::new("timeout");
        command.arg("120").args(self.script(script)).args(arguments);
        let said = said(&self.with_profile(&mut command).output().expect("timeout runs"));
        assert!(said.is_fine, "{script} {arguments:?}: {}", said.errors);
        serde_json::from_str(&said.output)
            .unwrap_or_else(|fault| panic!("{script}: {fault} in {}", said.output))
    }

    /// Starts a script of `tests/aws` that is talked to.
    pub fn talk(&self, script: &str, arguments: &[&str]) -> Talk {
        let line = self.script(script);
        let mut command = Command::new(&line[0]);
        command.args(&line[1..]).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = self.with_profile(&mut command).spawn().expect("python runs");
        let input = process.stdin.take().expect("it is piped");
        let output = BufReader::new(process.stdout.take().expect("it is piped"));
        Talk { process, input, output }
    }

    /// Runs the aws CLI with the variables that `eval "$(headwater aws-env)"` sets.
    pub fn cli(&self, arguments: &[&str]) -> Said {
        let script = "eval \"$1\"; shift; exec timeout 60 \"$@\"";
        let mut command = Command::new("sh");
        command
            .args(["-c", script, "sh", &self.environment("shell")])
            .arg(self.programs.join("aws"))
            .args(arguments);
        said(&self.alone(&mut command).output().expect("sh runs"))
    }

    fn script(&self, name: &str) -> [PathBuf; 2] {
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/aws");
        [self.programs.join("python"), scripts.join(name)]
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("config")
    }

    fn with_profile<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        self.alone(command).env("AWS_CONFIG_FILE", self.config()).env("AWS_PROFILE", "headwater")
    }

    /// With nothing of what this machine's user has set up for AWS.
    fn alone<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("AWS_")) {
            command.env_remove(name);
        }
        let nothing = self.folder.path().join("none");
        command
            .env("AWS_CONFIG_FILE", &nothing)
            .env("AWS_SHARED_CREDENTIALS_FILE", &nothing)
            .env("PYTHONDONTWRITEBYTECODE", "1")
    }
}

/// A script that answers each line with a line of JSON; killed and waited for when dropped.
#[derive(Debug)]
pub struct Talk {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Talk {
    /// What it says next; panics where it has ended. What it says of its errors goes to the test's own.
    pub fn hear(&mut self) -> Value {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("it can be read");
        serde_json::from_str(&line)
            .unwrap_or_else(|fault| panic!("the script ended or said no JSON: {fault} in {line:?}"))
    }

    /// Says a line, and hears the answer.
    pub fn ask(&mut self, line: &str) -> Value {
        writeln!(self.input, "{line}").expect("the script listens");
        self.hear()
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub(crate) fn said(output: &Output) -> Said {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (output_text, errors) = (text(&output.stdout), text(&output.stderr));
    Said { is_fine: output.status.success(), status: output.status.code(), output: output_text, errors }
}
