//! Prometheus text: on a unix socket for the supervisor to gather, or on a TCP listener where a role stands alone.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http_body_util::Full;
use hyper::Response;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use tokio::net::UnixListener;

use crate::listen::{self, Listener};
use crate::{Drain, http_service};

/// Content type of the Prometheus text this crate writes (OpenMetrics 1.0).
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Where a process answers with its metrics.
#[derive(Debug)]
pub enum Endpoint {
    /// On a unix socket, which the supervisor gathers from.
    Socket(PathBuf),
    /// On a TCP listener, for Prometheus itself.
    Listener(std::net::TcpListener),
}

impl Endpoint {
    /// [`serve`] or [`serve_tcp`].
    pub fn serve(self, registry: Registry, drain: Drain) -> io::Result<()> {
        match self {
            Endpoint::Socket(socket) => serve(registry, &socket, drain),
            Endpoint::Listener(listener) => serve_tcp(registry, listener, drain),
        }
    }
}

/// Answers every request on `socket` with `registry` as text until the drain; adds this process's own figures.
/// A socket file left from an earlier run is replaced. Call inside a tokio runtime.
pub fn serve(registry: Registry, socket: &Path, drain: Drain) -> io::Result<()> {
    serve_unix(registry, listen::unix(socket)?, drain);
    Ok(())
}

/// As [`serve`], on a listener that is there already.
pub fn serve_unix(registry: Registry, listener: UnixListener, drain: Drain) {
    answer(registry, listener, drain);
}

/// Answers every request on `listener` with `registry` as text until the drain; adds this process's own figures. The
/// listener must not block. Call inside a tokio runtime.
pub fn serve_tcp(registry: Registry, listener: std::net::TcpListener, drain: Drain) -> io::Result<()> {
    answer(registry, tokio::net::TcpListener::from_std(listener)?, drain);
    Ok(())
}

fn answer(mut registry: Registry, listener: impl Listener, drain: Drain) {
    registry.register_collector(Box::new(ProcessFigures));
    let registry = Arc::new(registry);
    http_service::serve(listener, drain, move |_request| {
        let registry = registry.clone();
        async move {
            let mut text = String::new();
            prometheus_client::encoding::text::encode(&mut text, &registry)
                .expect("writing to a string cannot fail");
            Response::builder()
                .header(hyper::header::CONTENT_TYPE, CONTENT_TYPE)
                .body(Full::new(Bytes::from(text)))
                .expect("static headers are valid")
        }
    });
}

/// Opens what this process's own figures are read from, for a process that can open nothing later.
pub fn open_process_figures() {
    let _ = proc_files();
}

/// Files below `/proc/self`, opened once.
#[derive(Debug)]
struct ProcFiles {
    status: Option<File>,
    stat: Option<File>,
    descriptors: Option<File>,
}

fn proc_files() -> &'static ProcFiles {
    static FILES: OnceLock<ProcFiles> = OnceLock::new();
    FILES.get_or_init(|| {
        let open = |name: &str| File::open(format!("/proc/self/{name}")).ok();
        ProcFiles { status: open("status"), stat: open("stat"), descriptors: open("fd") }
    })
}

/// The text of such a file as it is now.
fn read(file: Option<&File>) -> Option<String> {
    let mut room = [0; 8 << 10];
    let length = file?.read_at(&mut room, 0).ok()?;
    String::from_utf8(room[..length].to_vec()).ok()
}

/// Memory, CPU time and open files of this process, read from `/proc/self` at each scrape.
#[derive(Debug)]
struct ProcessFigures;

impl Collector for ProcessFigures {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        if let Some(bytes) = resident_bytes() {
            let gauge = ConstGauge::new(bytes);
            gauge.encode(encoder.encode_descriptor(
                "headwater_process_resident_bytes",
                "Resident memory of the process",
                None,
                MetricType::Gauge,
            )?)?;
        }
        if let Some(seconds) = cpu_seconds() {
            let counter = ConstCounter::new(seconds);
            counter.encode(encoder.encode_descriptor(
                "headwater_process_cpu_seconds",
                "CPU time used by the process, user and system",
                None,
                MetricType::Counter,
            )?)?;
        }
        if let Some(files) = open_files() {
            let gauge = ConstGauge::new(files);
            gauge.encode(encoder.encode_descriptor(
                "headwater_process_open_files",
                "Open file descriptors of the process",
                None,
                MetricType::Gauge,
            )?)?;
        }
        Ok(())
    }
}

/// The folder's size is how many entries it has, since Linux 6.2; before, they are counted.
fn open_files() -> Option<i64> {
    let told = proc_files().descriptors.as_ref()?.metadata().ok()?.len() as i64;
    match told {
        0 => std::fs::read_dir("/proc/self/fd").ok().map(|files| files.count() as i64),
        told => Some(told),
    }
}

fn resident_bytes() -> Option<i64> {
    let status = read(proc_files().status.as_ref())?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: i64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1_024)
}

fn cpu_seconds() -> Option<f64> {
    // Fields 14 and 15 of proc_pid_stat(5), counted after the parenthesised name, in ticks of 10 ms (USER_HZ is 100
    // on every Linux that Rust's tier 1 covers).
    let stat = read(proc_files().stat.as_ref())?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let user: u64 = fields.nth(11)?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some((user + system) as f64 / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn a_scrape_tells_the_process_memory() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let socket = folder.path().join("metrics.sock");
        let (drain, trigger) = Drain::manual();
        serve(Registry::default(), &socket, drain).expect("the socket binds");
        let mut stream = tokio::net::UnixStream::connect(&socket).await.expect("connects");
        stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("writes");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("reads");
        assert!(answer.contains("\nheadwater_process_resident_bytes "), "{answer}");
        trigger.start();
    }
}
