//! `headwater up` on ports of its own.

use std::ffi::OsStr;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::answer::Answer;
use crate::aws::{Said, said};
use crate::beside::beside;
use crate::hls;
use crate::ports::Ports;

/// How long anything may take before a test gives up. A bound, not a measure.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A running `headwater up`.
#[derive(Debug)]
pub struct Stack {
    process: Child,
    folder: TempDir,
    ports: Ports,
    control: Control,
    agent: ureq::Agent,
}

/// Whether it has a control role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Control {
    On,
    Off,
}

/// Where the binaries lie.
pub fn binary(name: &str) -> PathBuf {
    let folder = std::env::var_os("HEADWATER_BIN_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/release"), PathBuf::from);
    let path = folder.join(name);
    assert!(path.is_file(), "`{}` is missing: run `make build`", path.display());
    path
}

/// Asks `question` until it has an answer; panics with `what` when [`PATIENCE`] has passed.
pub fn eventually<T>(what: &str, mut question: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(answer) = question() {
            return answer;
        }
        assert!(started.elapsed() < PATIENCE, "never happened: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

impl Stack {
    /// Starts a stack with these channels (`[[channel]]` tables); waits until the edge answers.
    pub fn start(channels: &str) -> Self {
        Self::start_with(channels, &[])
    }

    /// As [`Self::start`], with more environment.
    pub fn start_with(channels: &str, environment: &[(&str, &str)]) -> Self {
        Self::launch(channels, environment, Control::Off, &[])
    }

    /// As [`Self::start`], by a program that becomes `headwater` in the end: what it is given is its command line.
    pub fn start_by(front: &[&str], channels: &str) -> Self {
        Self::launch(channels, &[], Control::Off, front)
    }

    /// As [`Self::start`], with a control role that answers AWS's clients; waits for it too.
    pub fn start_with_control(channels: &str) -> Self {
        Self::launch(channels, &[], Control::On, &[])
    }

    fn launch(channels: &str, environment: &[(&str, &str)], control: Control, front: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let ports = Ports::free();
        write_workflow(folder.path(), &ports, control, channels);
        let process = up(front, folder.path(), environment);
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(20)))
            // Each request connects anew: a connection kept to a process that was killed would fail.
            .max_idle_connections(0)
            .build()
            .into();
        let stack = Self { process, folder, ports, control, agent };
        stack.wait_until_it_answers();
        stack
    }

    /// Starts `headwater up` again in the same folder, once the one before has ended; waits until it answers.
    pub fn start_again(&mut self) {
        self.process.wait().expect("our own child");
        self.process = up(&[], self.folder.path(), &[]);
        self.wait_until_it_answers();
    }

    /// Writes other tables to the workflow file, which nobody reads before he is told to.
    pub fn edit(&self, channels: &str) {
        write_workflow(self.folder.path(), &self.ports, self.control, channels);
    }

    /// Runs a command of `headwater` for this stack's data folder, in the workflow file's folder.
    pub fn headwater(&self, arguments: &[&str]) -> Said {
        let mut command = Command::new(binary("headwater"));
        command.args(arguments).args(["--data", "data"]).current_dir(self.folder.path());
        said(&command.output().expect("headwater runs"))
    }

    /// What operators were told, the oldest first.
    pub fn events(&self) -> Vec<Value> {
        let said = self.headwater(&["events", "--json"]);
        assert!(said.is_fine, "{}", said.errors);
        said.output.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    /// Whether `event` was told in `state`.
    pub fn was_told(&self, event: &str, state: &str) -> bool {
        self.events().iter().any(|told| told["event"] == event && told["state"] == state)
    }

    /// Stops the control role's answers and those of all others, as a power cut does, and starts again in the same folder.
    pub fn kill_and_start_again(&mut self) {
        let children = self.children();
        self.kill_supervisor();
        self.process.wait().expect("our own child");
        for child in children {
            signal(child, Signal::KILL);
            eventually("a killed process is gone", || (!is_alive(child)).then_some(()));
        }
        self.process = up(&[], self.folder.path(), &[]);
        self.wait_until_it_answers();
    }

    fn wait_until_it_answers(&self) {
        let is_well = |url: &str| self.fetch(url).filter(|answer| answer.status == 200).map(|_| ());
        eventually("the edge answers", || is_well(&self.url("/health")));
        if self.control == Control::On {
            eventually("control answers", || is_well(&self.control_url("/health")));
        }
    }

    /// The URL of `path` at the control role.
    pub fn control_url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.ports.control)
    }

    /// The URL of `path` at the edge.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.ports.viewers)
    }

    /// The URL of `path` at the edge as viewers have it who call it by the name `host`.
    pub fn url_by_name(&self, host: &str, path: &str) -> String {
        format!("http://{host}:{}{path}", self.ports.viewers)
    }

    /// The CMAF ingest URL of `path` at the origin.
    pub fn origin_url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.ports.origin)
    }

    /// Where RTMP publishers connect.
    pub fn rtmp_address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.ports.rtmp).into()
    }

    /// Where SRT publishers call.
    pub fn srt_address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.ports.srt).into()
    }

    /// The supervisor's process id.
    pub fn supervisor(&self) -> u32 {
        self.process.id()
    }

    /// Where viewers connect.
    pub fn viewers_address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.ports.viewers).into()
    }

    /// Where metrics and events are answered.
    pub fn metrics_address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.ports.metrics).into()
    }

    /// The URL a publisher pushes to.
    pub fn rtmp_url(&self, app_and_key: &str) -> String {
        format!("rtmp://127.0.0.1:{}/{app_and_key}", self.ports.rtmp)
    }

    /// The URL an SRT publisher of `stream_id` calls.
    pub fn srt_url(&self, stream_id: &str, passphrase: &str) -> String {
        format!("srt://127.0.0.1:{}?streamid={stream_id}&passphrase={passphrase}", self.ports.srt)
    }

    /// Where HLS is pushed, without a path.
    pub fn hls_push_address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.ports.hls_push).into()
    }

    /// GETs `path` from the edge; panics where there is no answer.
    pub fn get(&self, path: &str) -> Answer {
        self.try_get(path).unwrap_or_else(|| panic!("no answer to GET {path}\n{}", self.log_tail()))
    }

    /// GETs `path` from the edge.
    pub fn try_get(&self, path: &str) -> Option<Answer> {
        self.fetch(&self.url(path))
    }

    /// GETs `path` from the edge as a viewer who calls it by the name `host`.
    pub fn get_by_name(&self, host: &str, path: &str) -> Option<Answer> {
        Answer::to(self.agent.get(self.url(path)).header("host", host))
    }

    /// GETs any URL of this stack.
    pub fn fetch(&self, url: &str) -> Option<Answer> {
        Answer::to(self.agent.get(url))
    }

    /// All metrics, as text.
    pub fn metrics(&self) -> String {
        let url = format!("http://127.0.0.1:{}/metrics", self.ports.metrics);
        self.fetch(&url).expect("metrics answer").text().to_owned()
    }

    /// The sum of the samples whose line holds every one of `parts`.
    pub fn metric(&self, parts: &[&str]) -> f64 {
        self.metrics()
            .lines()
            .filter(|line| !line.starts_with('#') && parts.iter().all(|part| line.contains(part)))
            .filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok())
            .sum()
    }

    /// Waits until `channel` has at least `segments` segments in its first track's playlist; returns its multivariant
    /// playlist.
    pub fn wait_for_segments(&self, channel: &str, segments: usize) -> String {
        eventually(&format!("channel {channel} has {segments} segments\n{}", self.log_tail()), || {
            let multivariant =
                self.try_get(&format!("/{channel}/index.m3u8")).filter(|answer| answer.status == 200)?;
            let media = hls::media_playlists(multivariant.text()).into_iter().next()?;
            let playlist =
                self.try_get(&format!("/{channel}/{media}")).filter(|answer| answer.status == 200)?;
            (hls::media_playlist(playlist.text()).segments.len() >= segments)
                .then(|| multivariant.text().to_owned())
        })
    }

    /// Process ids of this stack's children whose command line holds `part`. An encoder that waits for its job is none.
    pub fn pids(&self, part: &str) -> Vec<u32> {
        self.children()
            .into_iter()
            .filter(|pid| {
                let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
                name.trim_end() != "headwater-spare"
            })
            .filter(|pid| {
                let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
                String::from_utf8_lossy(&line).replace('\0', " ").contains(part)
            })
            .collect()
    }

    /// Process ids of all its children, one that waits for a job among them.
    pub fn children(&self) -> Vec<u32> {
        let parent = self.process.id();
        let Ok(folder) = fs::read_dir("/proc") else { return Vec::new() };
        folder
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok())
            .filter(|pid| {
                let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
                let ppid =
                    stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(1)?.parse().ok());
                ppid == Some(parent)
            })
            .collect()
    }

    /// Kills the one child whose command line holds `part` with SIGKILL.
    pub fn kill_child(&self, part: &str) {
        let pid = self.signal_child(part, Signal::KILL);
        // Until it is gone it may still accept a connection and drop it.
        eventually("a killed process is gone", || (!is_alive(pid)).then_some(()));
    }

    /// Sends `wanted` to the one child whose command line holds `part`, once there is one; its process id.
    pub fn signal_child(&self, part: &str, wanted: Signal) -> u32 {
        let pid = eventually(&format!("one child is `{part}`"), || match *self.pids(part) {
            [pid] => Some(pid),
            _ => None,
        });
        signal(pid, wanted);
        pid
    }

    /// The child that answers for `process` in the metrics, such as `encoder-cam`; `None` while it does not run.
    pub fn pid_of(&self, process: &str) -> Option<u32> {
        let socket = format!("/{process}.metrics.sock");
        let table = fs::read_to_string("/proc/net/unix").unwrap_or_default();
        let inodes: Vec<_> = table
            .lines()
            .filter(|line| line.ends_with(&socket))
            .filter_map(|line| line.split_whitespace().nth(6))
            .map(|inode| format!("socket:[{inode}]"))
            .collect();
        let holds_it = |pid: &u32| {
            let open = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten();
            open.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
                .any(|link| inodes.iter().any(|inode| link.as_os_str() == inode.as_str()))
        };
        self.pids("").into_iter().find(holds_it)
    }

    /// Kills a child with SIGKILL; returns once it is gone.
    pub fn kill_pid(&self, pid: u32) {
        signal(pid, Signal::KILL);
        eventually("a killed process is gone", || (!is_alive(pid)).then_some(()));
    }

    /// Keeps the child whose command line holds `part` from running for as long as `meanwhile` takes: each one that is started is killed
    /// before it has done anything.
    pub fn without<T>(&self, part: &str, meanwhile: impl FnOnce() -> T) -> T {
        let kill = || {
            self.pids(part).into_iter().for_each(|pid| signal(pid, Signal::KILL));
            std::thread::sleep(Duration::from_millis(5));
        };
        beside(kill, meanwhile)
    }

    /// Stops a child with SIGSTOP.
    pub fn stop_pid(&self, pid: u32) {
        signal(pid, Signal::STOP);
    }

    /// Lets a stopped child go on.
    pub fn continue_pid(&self, pid: u32) {
        signal(pid, Signal::CONT);
    }

    /// Kills the supervisor with SIGKILL; it gets no chance to stop its children.
    pub fn kill_supervisor(&self) {
        signal(self.process.id(), Signal::KILL);
    }

    /// Where the log lies.
    pub fn log_path(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// The log so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// The last lines of the log, for failures.
    pub fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }

    /// The data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Asks the supervisor to stop, as Ctrl-C does, and waits; panics where it does not end.
    pub fn interrupt(&mut self) -> std::process::ExitStatus {
        signal(self.process.id(), Signal::INT);
        eventually("headwater ends after Ctrl-C", || self.process.try_wait().expect("our own child"))
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        if let Ok(None) = self.process.try_wait() {
            signal(self.process.id(), Signal::TERM);
            let started = Instant::now();
            while let Ok(None) = self.process.try_wait() {
                if started.elapsed() > Duration::from_secs(40) {
                    let _ = self.process.kill();
                    let _ = self.process.wait();
                    break;
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        if std::thread::panicking() {
            eprintln!("-- the stack said last:\n{}", self.log_tail());
        }
    }
}

fn write_workflow(folder: &Path, ports: &Ports, control: Control, channels: &str) {
    fs::write(folder.join("workflow.toml"), format!("{}\n{channels}", ports.listen(control)))
        .expect("the workflow is written");
}

/// Runs `headwater up` on the workflow file in `folder`, behind `front`; what it says is added to the log there.
fn up(front: &[&str], folder: &Path, environment: &[(&str, &str)]) -> Child {
    let log = fs::File::options().create(true).append(true).open(folder.join("log"));
    let headwater = binary("headwater");
    let line: Vec<_> = front.iter().map(OsStr::new).chain([headwater.as_os_str()]).collect();
    Command::new(line[0])
        .args(&line[1..])
        .args(["up", "workflow.toml", "--data", "data"])
        .current_dir(folder)
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log.expect("the log is made"))
        .spawn()
        .expect("headwater starts")
}

/// Whether a process runs; one that has ended but was not waited for does not.
pub fn is_alive(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().next());
    state.is_some_and(|state| state != "Z")
}

/// Sends a signal to a process that may have gone.
pub fn signal(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(pid.cast_signed()).expect("a process id is positive");
    // It may have gone in this moment.
    let _ = kill_process(pid, signal);
}
