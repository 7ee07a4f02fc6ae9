//! Workflow → which processes run, and what each is told.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, ensure};
use http::StatusCode;
use spec::{Channel, Input, Ladder, OriginUrl, Rung, Sandbox, Scheme, Workflow};
use wire::{ChannelJob, Confinement, Job, Source};

/// Where things lie under `--data`.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    data: PathBuf,
}

impl Layout {
    /// The layout under `data`.
    pub(crate) fn under(data: &Path) -> Self {
        Self { data: data.to_owned() }
    }

    /// The data folder itself.
    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    /// Sockets and the running workflow, made anew at each start.
    pub(crate) fn run(&self) -> PathBuf {
        self.data.join("run")
    }

    /// The workflow the roles of this run read.
    pub(crate) fn workflow(&self) -> PathBuf {
        self.run().join("workflow.toml")
    }

    /// Certificates and keys the edge made or was given.
    pub(crate) fn tls(&self) -> PathBuf {
        self.data.join("edge").join("tls")
    }

    /// Where encoders ask ingest for samples.
    pub(crate) fn samples_socket(&self) -> PathBuf {
        self.run().join("samples.sock")
    }

    /// Where the supervisor is asked to replace the edge.
    pub(crate) fn control_socket(&self) -> PathBuf {
        self.run().join("control.sock")
    }

    /// Where the edge takes the operator's orders.
    pub(crate) fn edge_control(&self) -> PathBuf {
        self.run().join("edge.control.sock")
    }

    /// Where the encoder `process` takes the operator's orders.
    pub(crate) fn encoder_control(&self, process: &str) -> PathBuf {
        self.run().join(format!("{process}.control.sock"))
    }

    /// Where `process` answers with its metrics.
    pub(crate) fn metrics_socket(&self, process: &str) -> PathBuf {
        self.run().join(format!("{process}.metrics.sock"))
    }
}

/// One encoder process to run.
#[derive(Debug)]
pub(crate) struct EncoderProcess {
    /// Its name in logs and metrics: `encoder-main`, `encoder-passthrough`.
    pub(crate) name: String,
    /// What it is told.
    pub(crate) job: Job,
}

/// The encoder processes of `workflow`: one a transcoding channel, one for all passthrough channels.
pub(crate) fn encoders(workflow: &Workflow, layout: &Layout) -> Vec<EncoderProcess> {
    let mut processes = Vec::new();
    let mut passthrough = Vec::new();
    for channel in &workflow.channels {
        let ladder = match &channel.ladder {
            Ladder::Pushed => continue,
            Ladder::Passthrough => {
                passthrough.push(channel_job(channel, wire::Ladder::Passthrough, workflow, layout));
                continue;
            }
            Ladder::Transcode(rungs) => {
                let (audio_bps, fill) = (channel.audio_bps, channel.fill.clone());
                wire::Ladder::Transcode { rungs: rungs.clone(), audio_bps, fill }
            }
        };
        let name = format!("encoder-{}", channel.name);
        let channels = vec![channel_job(channel, ladder, workflow, layout)];
        processes.push(EncoderProcess { job: job(channels, &name, workflow, layout), name });
    }
    if !passthrough.is_empty() {
        // No channel can take this name: channel names hold no capital.
        let name = "encoder-PASSTHROUGH".to_owned();
        processes.push(EncoderProcess { job: job(passthrough, &name, workflow, layout), name });
    }
    processes
}

fn job(channels: Vec<ChannelJob>, name: &str, workflow: &Workflow, layout: &Layout) -> Job {
    let (metrics_socket, control_socket) = (layout.metrics_socket(name), layout.encoder_control(name));
    let confinement = confinement(workflow, &channels);
    Job { channels, metrics_socket, control_socket, confinement }
}

/// Memory of any encoder process: code, heaps, a source of any size being decoded.
const BASE_BYTES: u64 = 1 << 30;
/// Memory of a pixel of a rung: pictures of 1.5 bytes a pixel that wait, are looked ahead at, and are referred to, 160
/// at most (x264's slowest preset here holds 60, and as many threads as cores).
const BYTES_PER_PIXEL: u64 = 240;
/// Memory of a passthrough channel: what waits for the origin, one segment of any size, and what comes in.
const PASSTHROUGH_BYTES: u64 = 128 << 20;

fn confinement(workflow: &Workflow, channels: &[ChannelJob]) -> Confinement {
    let pixels = |rung: &Rung| u64::from(rung.width) * u64::from(rung.height);
    let needs = channels.iter().map(|channel| match &channel.ladder {
        wire::Ladder::Passthrough => PASSTHROUGH_BYTES,
        wire::Ladder::Transcode { rungs, .. } => rungs.iter().map(pixels).sum::<u64>() * BYTES_PER_PIXEL,
    });
    Confinement {
        sandbox: workflow.encoder.sandbox,
        memory_bytes: workflow.encoder.memory_bytes.unwrap_or(BASE_BYTES + needs.sum::<u64>()),
        nice: workflow.encoder.nice,
    }
}

fn channel_job(channel: &Channel, ladder: wire::Ladder, workflow: &Workflow, layout: &Layout) -> ChannelJob {
    let source = |input: &Input| match input {
        Input::Rtmp(_) | Input::Srt(_) | Input::SrtCall(_) | Input::Hls(_) | Input::Cmaf => {
            Source::Ingest { socket: layout.samples_socket() }
        }
        Input::Test => Source::Pattern,
        Input::File(path) => Source::File { path: path.clone() },
    };
    let backup = |backup: &spec::Backup| wire::Backup {
        source: source(&backup.input),
        failover: backup.failover.clone(),
    };
    ChannelJob {
        name: channel.name.clone(),
        source: source(&channel.input),
        backup: channel.backup.as_ref().map(backup),
        ladder,
        grid: channel.grid,
        latency: channel.latency,
        push_url: format!("http://{}/ingest/{}", reachable(workflow.listen.origin), channel.name),
    }
}

/// Whether a channel waits for an SRT publisher, so that the listener is wanted.
pub(crate) fn takes_srt(workflow: &Workflow) -> bool {
    workflow.channels.iter().flat_map(spec::Channel::inputs).any(|input| matches!(input, Input::Srt(_)))
}

/// Where the edge fetches: from this machine's origin unless others are named.
pub(crate) fn upstream(workflow: &Workflow) -> edge::Upstream {
    let settings = &workflow.edge;
    let origins = match settings.origins.as_slice() {
        [] => {
            let own = reachable(workflow.listen.origin);
            vec![OriginUrl {
                scheme: Scheme::Http,
                host: own.ip().to_string(),
                port: own.port(),
                prefix: String::new(),
            }]
        }
        named => named.to_vec(),
    };
    let status = |status: &u16| StatusCode::from_u16(*status).expect("the workflow's bounds are a status's");
    edge::Upstream {
        origins,
        ca: settings.origin_ca.clone(),
        failover_on: settings.failover_on.iter().map(status).collect(),
        failover_after: Duration::from_millis(settings.failover_after_ms.into()),
    }
}

/// The address at which this machine reaches a listener: loopback where it listens everywhere.
pub(crate) fn reachable(mut listener: std::net::SocketAddr) -> std::net::SocketAddr {
    if listener.ip().is_unspecified() {
        listener.set_ip(match listener {
            std::net::SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            std::net::SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    listener
}

/// `headwater-encoder`, which lies beside this program.
pub(crate) fn encoder_binary() -> anyhow::Result<PathBuf> {
    let binary = std::env::current_exe().context("find this program")?.with_file_name("headwater-encoder");
    ensure!(
        binary.is_file(),
        "`{}` is missing: it belongs beside `headwater` (`make build` makes both)",
        binary.display()
    );
    Ok(binary)
}

/// What would run, for people.
pub(crate) fn describe(workflow: &Workflow) -> String {
    use std::fmt::Write;
    let mut text = String::new();
    let listen = &workflow.listen;
    let mut line =
        |label: &str, value: String| writeln!(text, "{label:<10} {value}").expect("strings take text");
    line("viewers", format!("http://{}", listen.viewers));
    if let Some(address) = listen.viewers_tls {
        let tls = &workflow.edge.tls;
        let certificate = match &tls.certificate {
            spec::Certificate::SelfMade => "its own certificate".to_owned(),
            spec::Certificate::Files { certificate, .. } => format!("`{}`", certificate.display()),
            spec::Certificate::Acme(acme) => {
                format!("a certificate for {} from {}", acme.domains.join(", "), acme.directory)
            }
        };
        let http3 = if tls.http3 { ", HTTP/3 too" } else { "" };
        line("", format!("https://{address} with {certificate}{http3}"));
    }
    for origin in &workflow.edge.origins {
        line("  fetches", origin.to_string());
    }
    for access in &workflow.edge.access {
        let keys = access.keys.iter().map(|key| format!("key {} in `{}`", key.id, key.file.path().display()));
        let issuer = access.jwks.iter().map(|url| format!("keys from {url}"));
        let keys: Vec<_> = keys.chain(issuer).collect();
        line("  tokens", format!("for {}: {}", access.paths.join(", "), keys.join(", ")));
    }
    if !workflow.channels.is_empty() {
        line("rtmp", format!("rtmp://{}", listen.rtmp));
        if takes_srt(workflow) {
            line("srt", format!("srt://{}", listen.srt));
        }
        line("origin", format!("http://{}", listen.origin));
    }
    line("metrics", format!("http://{}/metrics", listen.metrics));
    if workflow.encoder.sandbox == Sandbox::Off {
        line("WARNING", "encoders run without a sandbox: sandbox = \"off\" under [encoder]".to_owned());
    }
    for channel in &workflow.channels {
        let seconds = |ms: u64| ms as f64 / 1e3;
        line("channel", channel.name.to_string());
        line("  input", channel.input.to_string());
        if let Some(backup) = &channel.backup {
            line("  backup", backup.input.to_string());
        }
        match &channel.ladder {
            Ladder::Passthrough => line("  ladder", "passthrough".to_owned()),
            Ladder::Pushed => line("  ladder", "as its encoder pushes it".to_owned()),
            Ladder::Transcode(rungs) => {
                for rung in rungs {
                    line("  rung", rung.to_string());
                }
                line("  audio", format!("AAC {} kbit/s", channel.audio_bps / 1_000));
            }
        }
        let parts = match channel.latency.part_ms() {
            None => String::new(),
            Some(part_ms) => format!(" in parts of {} s", seconds(part_ms.into())),
        };
        line(
            "  segments",
            format!(
                "{} s{parts}, window {} s",
                seconds(channel.grid.duration_ms().into()),
                seconds(channel.window_ms)
            ),
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_process_a_transcoding_channel_and_one_for_all_passthrough_channels() {
        let text = "
            [[channel]]\nname = \"a\"\ninput = \"test\"\nladder = [\"360p\"]
            [[channel]]\nname = \"b\"\ninput = { rtmp = \"live/b\" }\nladder = \"passthrough\"
            [[channel]]\nname = \"c\"\ninput = { rtmp = \"live/c\" }\nladder = \"passthrough\"
            [[channel]]\nname = \"d\"\ninput = \"cmaf\"
        ";
        let workflow = Workflow::parse(text).expect("valid");
        let processes = encoders(&workflow, &Layout::under(Path::new("data")));
        let names: Vec<_> =
            processes.iter().map(|process| (process.name.as_str(), process.job.channels.len())).collect();
        assert_eq!(names, [("encoder-a", 1), ("encoder-PASSTHROUGH", 2)]);
        assert_eq!(processes[0].job.channels[0].push_url, "http://127.0.0.1:8300/ingest/a");
    }

    #[test]
    fn access_tables_are_told() {
        let text = "
            [[channel]]\nname = \"a\"\ninput = \"test\"
            [[edge.access]]\npaths = [\"/a/*\", \"/b\"]\nkeys = [{ id = \"k1\", file = \"a.pem\" }]
            jwks = \"https://issuer.example/keys.json\"
        ";
        let told = describe(&Workflow::parse(text).expect("valid"));
        let line = told.lines().find(|line| line.contains("tokens")).expect("a line");
        let expected =
            "  tokens   for /a/*, /b: key k1 in `a.pem`, keys from https://issuer.example/keys.json";
        assert_eq!(line, expected);
    }
}
