//! `headwater edge` with no other role, in front of Debian's nginx.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// A process, killed when dropped.
struct Running(Child);

impl Running {
    fn start(command: &mut Command) -> Running {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        Running(child.unwrap_or_else(|fault| panic!("{command:?}: {fault}; run `make test-deps`")))
    }

    fn interrupt(mut self) -> ExitStatus {
        let pid = Pid::from_raw(self.0.id().cast_signed()).expect("a process id is positive");
        kill_process(pid, Signal::INT).expect("our own child");
        eventually("it ends", || self.0.try_wait().expect("our own child"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn eventually<T>(what: &str, mut question: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = question() {
            return answer;
        }
        assert!(start.elapsed() < PATIENCE, "never happened: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn free_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|held| held.local_addr()).expect("a free port")
}

/// nginx as a packager's web server: playlists live a second, segments for ever.
fn nginx(folder: &Path, address: SocketAddr) -> Running {
    let shown = folder.display();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|kind| format!("{kind}_temp_path {shown}/{kind};\n"))
        .collect();
    let config = format!(
        "daemon off; master_process off; pid {shown}/pid; error_log {shown}/error.log;
        events {{}}
        http {{
          {temporary} access_log {shown}/access.log;
          server {{
            listen {address}; root {shown}/www;
            location ~ \\.m3u8$ {{ add_header Cache-Control max-age=1; }}
            location ~ \\.ts$ {{ add_header Cache-Control 'max-age=86400, immutable'; }}
          }}
        }}"
    );
    std::fs::write(folder.join("nginx.conf"), config).expect("written");
    let program = if Path::new("/usr/sbin/nginx").exists() { "/usr/sbin/nginx" } else { "nginx" };
    let nginx = Running::start(
        Command::new(program)
            .arg("-c")
            .arg(folder.join("nginx.conf"))
            .arg("-e")
            .arg(folder.join("error.log")),
    );
    eventually("nginx answers", || TcpStream::connect(address).ok());
    nginx
}

fn headwater(arguments: &[&str], folder: &Path) -> Running {
    Running::start(Command::new(env!("CARGO_BIN_EXE_headwater")).args(arguments).current_dir(folder))
}

/// Status, head and body of a request of its own.
fn get(address: SocketAddr, target: &str, fields: &str) -> Option<(u16, String, Vec<u8>)> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    write!(stream, "GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{fields}\r\n").ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8(answer[..end].to_vec()).ok()?.to_ascii_lowercase();
    Some((head.get(9..12)?.parse().ok()?, head, answer.split_off(end + 4)))
}

fn found(address: SocketAddr, target: &str) -> (String, Vec<u8>) {
    let answer = eventually(target, || get(address, target, ""));
    assert_eq!(answer.0, 200, "{}", answer.1);
    (answer.1, answer.2)
}

fn content(folder: &Path, playlist: &str) {
    let live = folder.join("www/live");
    std::fs::create_dir_all(&live).expect("made");
    std::fs::write(live.join("index.m3u8"), playlist).expect("written");
    std::fs::write(live.join("1.ts"), segment()).expect("written");
}

fn segment() -> Vec<u8> {
    (0..300_000_u32).map(|at| (at % 251) as u8).collect()
}

#[test]
fn nginx_is_asked_once_for_any_number_of_viewers() {
    let folder = tempfile::tempdir().expect("a folder");
    content(folder.path(), "#EXTM3U\n");
    let (origin, viewers, metrics) = (free_port(), free_port(), free_port());
    let _nginx = nginx(folder.path(), origin);
    let url = format!("http://{origin}/live");
    let (listen, told) = (viewers.to_string(), metrics.to_string());
    let edge = headwater(
        &[
            "edge",
            "--origin",
            &url,
            "--listen",
            &listen,
            "--metrics",
            &told,
            "--cache",
            "64M",
            "--threads",
            "1",
        ],
        folder.path(),
    );
    let (head, body) = found(viewers, "/1.ts");
    assert!(head.contains("cache-status: headwater; fwd=uri-miss") && body == segment(), "{head}");
    for _ in 0..20 {
        let (head, body) = found(viewers, "/1.ts");
        assert!(head.contains("cache-status: headwater; hit") && body == segment(), "{head}");
    }
    let (status, head, part) = get(viewers, "/1.ts", "Range: bytes=1000-1999\r\n").expect("an answer");
    assert!(status == 206 && part == segment()[1_000..2_000], "{head}");
    assert_eq!(found(viewers, "/index.m3u8").1, b"#EXTM3U\n");
    assert_eq!(get(viewers, "/2.ts", "").expect("an answer").0, 404);
    let log = std::fs::read_to_string(folder.path().join("access.log")).expect("nginx's log");
    assert_eq!(log.lines().filter(|line| line.contains("GET /live/1.ts ")).count(), 1, "{log}");

    // What changed at the origin is seen when the playlist's second is over.
    content(folder.path(), "#EXTM3U\n#EXT-X-ENDLIST\n");
    eventually("the new playlist", || found(viewers, "/index.m3u8").1.ends_with(b"ENDLIST\n").then_some(()));
    let (_, page) = found(metrics, "/metrics");
    let page = String::from_utf8(page).expect("text");
    assert!(page.contains("headwater_edge_origin_health{origin=\"1\"} 2\n"), "{page}");
    assert!(page.contains("headwater_process_resident_bytes "), "{page}");

    assert!(edge.interrupt().success(), "Ctrl-C drains it and it ends well");
    assert!(!folder.path().join("data").exists(), "it needs no folder");
}

#[test]
fn a_workflow_file_without_channels_runs_an_edge_that_outlives_its_first_origin() {
    let (first, second) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    for folder in [&first, &second] {
        content(folder.path(), "#EXTM3U\n");
    }
    let (origins, viewers, metrics) = ([free_port(), free_port()], free_port(), free_port());
    let (dies, _lives) = (nginx(first.path(), origins[0]), nginx(second.path(), origins[1]));
    let workflow = format!(
        "[listen]\nviewers = \"{viewers}\"\nmetrics = \"{metrics}\"\n\
         [edge]\norigins = [\"http://{}/live\", \"http://{}/live\"]\n",
        origins[0], origins[1]
    );
    std::fs::write(first.path().join("edge.toml"), workflow).expect("written");
    let up = headwater(&["up", "edge.toml", "--data", "data"], first.path());
    found(viewers, "/index.m3u8");
    drop(dies);
    for at in 0..5 {
        // Each is another object, so each asks an origin.
        assert_eq!(get(viewers, &format!("/none/{at}"), "").expect("an answer").0, 404);
    }
    assert_eq!(found(viewers, "/1.ts").1, segment());
    let log = std::fs::read_to_string(second.path().join("access.log")).expect("nginx's log");
    assert!(log.contains("GET /live/1.ts "), "{log}");
    let (_, page) = found(metrics, "/metrics");
    let page = String::from_utf8(page).expect("text");
    assert!(page.contains("headwater_edge_origin_health{process=\"edge\",origin=\"1\"} 0\n"), "{page}");
    assert!(!page.contains("process=\"ingest\"") && !page.contains("process=\"origin\""), "{page}");
    assert!(up.interrupt().success());
}
