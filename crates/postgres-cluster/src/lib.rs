//! A throw-away PostgreSQL cluster for the tests of a process: made when it is first asked for, gone with the process.

#![forbid(unsafe_code)]

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

/// Starts a cluster that listens on a socket in a new folder, says where, and stops it when its standard input ends: with
/// this process, however that ends. Nothing has to survive the machine, so nothing is synced.
const SCRIPT: &str = r#"
set -eu
cd /
folder=$(mktemp -d /tmp/headwater-postgres.XXXXXX)
server=
trap '[ -z "$server" ] || kill -INT "$server"; wait; rm -rf "$folder"' EXIT
"$0/initdb" -D "$folder/data" -U headwater -A trust -E UTF8 --locale=C.UTF-8 --no-sync >"$folder/initdb.log" 2>&1 ||
  { cat "$folder/initdb.log" >&2; exit 1; }
"$0/postgres" -D "$folder/data" -c listen_addresses= -c unix_socket_directories="$folder" -c fsync=off \
  -c max_connections=200 >"$folder/log" 2>&1 &
server=$!
for try in $(seq 300); do
  [ -S "$folder/.s.PGSQL.5432" ] && "$0/pg_isready" -q -h "$folder" && break
  kill -0 "$server" || { cat "$folder/log" >&2; exit 1; }
  sleep 0.1
done
echo "$folder"
read -r _ || true
"#;

#[derive(Debug)]
struct Cluster {
    socket: String,
    /// Its standard input stays open as long as this process lives.
    _server: Child,
}

/// The socket's folder.
pub fn socket() -> &'static str {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    &CLUSTER.get_or_init(start).socket
}

/// The URL of one of the cluster's databases.
pub fn url(database: &str) -> String {
    format!("postgres:///{database}?host={}&user=headwater", socket())
}

/// Makes an empty database; its URL.
pub fn create(database: &str) -> String {
    let made = Command::new(programs().join("createdb"))
        .args(["-h", socket(), "-U", "headwater", database])
        .status()
        .expect("createdb runs");
    assert!(made.success(), "database {database} is not made");
    url(database)
}

fn start() -> Cluster {
    let programs = programs();
    // PostgreSQL refuses to run as root.
    let mut command = if rustix::process::geteuid().is_root() {
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--", "sh", "-c", SCRIPT]);
        command
    } else {
        let mut command = Command::new("sh");
        command.args(["-c", SCRIPT]);
        command
    };
    let mut child = command
        .arg(programs)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("sh, and runuser where this is root");
    let mut socket = String::new();
    BufReader::new(child.stdout.take().expect("piped"))
        .read_line(&mut socket)
        .expect("the script tells where");
    assert!(!socket.is_empty(), "the cluster did not start; what it said is above");
    Cluster { socket: socket.trim_end().to_owned(), _server: child }
}

fn programs() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let debian = versions.map(|version| version.path().join("bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = debian.chain(std::env::split_paths(&path)).find(|folder| folder.join("initdb").exists());
    found.expect("PostgreSQL's initdb: `scripts/packages run test` installs it")
}
