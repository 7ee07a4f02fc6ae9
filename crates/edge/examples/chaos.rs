//! Kills origins and parents while viewers watch, and tells what each viewer saw:
//! `chaos HEADWATER [VIEWERS [REPORT]]`, with the path of the `headwater` binary.
//!
//! ```text
//! viewers, half of them with blocking reloads → two edges → parent 1, else parent 2 → origin 1, else origin 2
//! ```
//!
//! Every box is a process of its own. Each viewer keeps 6 s of media, as HLS players do, and asks for playlist and segments
//! on one kept connection. REPORT gets one JSON line a viewer; standard output gets what happened and the sums. The
//! program fails where a viewer stalled or had to be told of an error by an edge that lived.

#[path = "chaos/origin.rs"]
mod origin;
#[path = "chaos/viewer.rs"]
mod viewer;

use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use viewer::{Report, watch};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Enough for every event below to be felt by a buffer of 6 s, and for the origins to be found again.
const EVENTS: [(u64, &str, Deed); 8] = [
    (12, "origin 1 is killed", Deed::Kill(Role::Origin1)),
    (24, "parent 1 is killed", Deed::Kill(Role::Parent1)),
    (36, "origin 1 is back", Deed::Start(Role::Origin1)),
    (38, "parent 1 is back", Deed::Start(Role::Parent1)),
    (50, "origin 1 stands still", Deed::Stop(Role::Origin1)),
    (62, "parent 1 stands still", Deed::Stop(Role::Parent1)),
    (74, "both go on", Deed::Continue),
    (80, "end", Deed::End),
];

#[derive(Clone, Copy)]
enum Role {
    Origin1,
    Parent1,
}

#[derive(Clone, Copy)]
enum Deed {
    Kill(Role),
    Start(Role),
    Stop(Role),
    Continue,
    End,
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["origin", address] => runtime.block_on(origin::serve(address.parse()?)),
        [headwater, rest @ ..] if rest.len() <= 2 => {
            let viewers = rest.first().map_or(Ok(100), |count| count.parse())?;
            runtime.block_on(run(headwater, viewers, rest.get(1).copied()))
        }
        _ => Err("usage: chaos HEADWATER [VIEWERS [REPORT]]".into()),
    }
}

/// A process that ends with this one.
struct Running(Child);

impl Running {
    fn start(program: &str, arguments: &[String]) -> Result<Running> {
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).env("HEADWATER_LOG", "error");
        Ok(Running(command.spawn()?))
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let pid = Pid::from_raw(self.0.id().cast_signed()).ok_or("a process id is positive")?;
        Ok(kill_process(pid, signal)?)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct Cast {
    this: String,
    headwater: String,
    origins: [SocketAddr; 2],
    parents: [SocketAddr; 2],
}

impl Cast {
    fn origin(&self, at: usize) -> Result<Running> {
        Running::start(&self.this, &["origin".into(), self.origins[at].to_string()])
    }

    fn edge(&self, listen: SocketAddr, origins: [SocketAddr; 2], metrics: SocketAddr) -> Result<Running> {
        let mut arguments = vec!["edge".to_owned()];
        for origin in origins {
            arguments.extend(["--origin".into(), format!("http://{origin}")]);
        }
        for (option, address) in [("--listen", listen), ("--metrics", metrics)] {
            arguments.extend([option.into(), address.to_string()]);
        }
        Running::start(&self.headwater, &arguments)
    }

    fn parent(&self, at: usize) -> Result<Running> {
        self.edge(self.parents[at], self.origins, "127.0.0.1:0".parse()?)
    }
}

async fn run(headwater: &str, viewers: usize, report: Option<&str>) -> Result<()> {
    let this = std::env::current_exe()?.to_str().ok_or("a path that is text")?.to_owned();
    let [o1, o2, p1, p2, e1, e2, m1, m2] = free_ports()?;
    let cast = Cast { this, headwater: headwater.to_owned(), origins: [o1, o2], parents: [p1, p2] };
    let (mut origin1, _origin2) = (Some(cast.origin(0)?), cast.origin(1)?);
    let (mut parent1, _parent2) = (Some(cast.parent(0)?), cast.parent(1)?);
    let edges = [e1, e2];
    let _edges = [cast.edge(e1, cast.parents, m1)?, cast.edge(e2, cast.parents, m2)?];
    for address in [o1, o2, p1, p2, e1, e2] {
        let end = Instant::now() + Duration::from_secs(20);
        while tokio::net::TcpStream::connect(address).await.is_err() {
            if Instant::now() > end {
                return Err(format!("nothing listens on {address}").into());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    let start = Instant::now();
    println!("{viewers} viewers come");
    let end = start + Duration::from_secs(EVENTS[EVENTS.len() - 1].0);
    let mut watching = tokio::task::JoinSet::new();
    for number in 0..viewers {
        // They come over two seconds, so that they are not in step.
        let come = start + Duration::from_millis(number as u64 * 2_000 / viewers as u64);
        watching.spawn(watch(number, edges[number % 2], number / 2 % 2 == 0, [start, come, end]));
    }
    for (second, what, deed) in EVENTS {
        tokio::time::sleep_until((start + Duration::from_secs(second)).into()).await;
        println!("{second:>3} s  {what}");
        match deed {
            Deed::Kill(Role::Origin1) => origin1 = None,
            Deed::Kill(Role::Parent1) => parent1 = None,
            Deed::Start(Role::Origin1) => origin1 = Some(cast.origin(0)?),
            Deed::Start(Role::Parent1) => parent1 = Some(cast.parent(0)?),
            Deed::Stop(Role::Origin1) => signal(&origin1, Signal::STOP)?,
            Deed::Stop(Role::Parent1) => signal(&parent1, Signal::STOP)?,
            Deed::Continue => {
                signal(&origin1, Signal::CONT)?;
                signal(&parent1, Signal::CONT)?;
            }
            Deed::End => {}
        }
    }
    let mut reports = watching.join_all().await;
    reports.sort_by_key(|report| report.viewer);
    if let Some(path) = report {
        let mut file = std::io::BufWriter::new(std::fs::File::create(path)?);
        for report in &reports {
            writeln!(file, "{}", report.json())?;
        }
        file.flush()?;
    }
    for (name, metrics) in [("edge 1", m1), ("edge 2", m2)] {
        println!("{name}: {}", figures(metrics).await?);
    }
    summarize(&reports)
}

fn signal(running: &Option<Running>, signal: Signal) -> Result<()> {
    running.as_ref().map_or(Ok(()), |running| running.signal(signal))
}

fn summarize(reports: &[Report]) -> Result<()> {
    let sum = |pick: fn(&Report) -> u64| reports.iter().map(pick).sum::<u64>();
    let mut gaps: Vec<u64> = reports.iter().map(|report| report.longest_gap_ms).collect();
    gaps.sort_unstable();
    let stalled = reports.iter().filter(|report| report.stalls > 0).count();
    let erred = reports.iter().filter(|report| report.errors > 0).count();
    println!(
        "{} viewers: {} requests, {} segments, {} errors seen by {erred} viewers, {} stalls ({} ms) of {stalled} viewers",
        reports.len(),
        sum(|report| report.requests),
        sum(|report| report.segments),
        sum(|report| report.errors),
        sum(|report| report.stalls),
        sum(|report| report.stalled_ms),
    );
    println!(
        "longest wait between two segments: median viewer {} ms, 99th percentile {} ms, worst {} ms",
        gaps[gaps.len() / 2],
        gaps[gaps.len() * 99 / 100],
        gaps[gaps.len() - 1]
    );
    match (stalled, erred) {
        (0, 0) => Ok(()),
        _ => Err(format!("{stalled} viewers stalled, {erred} saw errors").into()),
    }
}

/// What an edge counted of its origins.
async fn figures(metrics: SocketAddr) -> Result<String> {
    let mut connection = viewer::Connection::open(metrics).await?;
    let (_, page) = connection.get("/metrics").await?;
    let page = String::from_utf8(page)?;
    let told: Vec<_> = page
        .lines()
        .filter(|line| {
            let named =
                ["headwater_edge_failovers", "headwater_edge_origin_asked", "headwater_edge_origin_faults"];
            named.iter().any(|name| line.starts_with(name)) && !line.ends_with(" 0")
        })
        .map(|line| line.trim_start_matches("headwater_edge_").replace("_total", "").replace('"', ""))
        .collect();
    Ok(told.join("  "))
}

fn free_ports() -> Result<[SocketAddr; 8]> {
    let held: Vec<_> = (0..8).map(|_| TcpListener::bind("127.0.0.1:0")).collect::<std::io::Result<_>>()?;
    let addresses: Vec<_> = held.iter().map(TcpListener::local_addr).collect::<std::io::Result<_>>()?;
    Ok(addresses.try_into().expect("eight were bound"))
}
