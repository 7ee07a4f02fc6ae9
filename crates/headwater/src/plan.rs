//! Workflow → which processes run, and what each is told.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, ensure};
use http::StatusCode;
use ingest::udp;
use media::ChannelName;
use spec::{Channel, FileItem, Files, Input, Ladder, OriginUrl, Pipelines, Rung, Sandbox, Scheme, Workflow};
use wire::sample_stream::FeedInput;
use wire::{ChannelJob, Confinement, Job, Pipeline, Source};

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

    /// Files that inputs name by URL.
    pub(crate) fn fetched_files(&self) -> PathBuf {
        self.data.join("files")
    }

    /// The certificate ingest made for RTMPS publishers.
    pub(crate) fn publishers_tls(&self) -> PathBuf {
        self.data.join("ingest").join("tls")
    }

    /// Where encoders ask ingest for samples.
    pub(crate) fn samples_socket(&self) -> PathBuf {
        self.run().join("samples.sock")
    }

    /// The workflow file as it was at the start: sockets were bound for its inputs, in its order.
    pub(crate) fn started(&self) -> PathBuf {
        self.run().join("started.toml")
    }

    /// The workflow file as it was applied last, to which API calls add.
    pub(crate) fn file(&self) -> PathBuf {
        self.run().join("file.toml")
    }

    /// The workflow file that is to be applied next.
    pub(crate) fn next_file(&self) -> PathBuf {
        self.run().join("file.next.toml")
    }

    /// The workflow that is to run next.
    pub(crate) fn wanted(&self) -> PathBuf {
        self.run().join("wanted.toml")
    }

    /// Where a role is told to look at the workflow again.
    pub(crate) fn role_reload(&self, role: &str) -> PathBuf {
        self.run().join(format!("{role}.reload.sock"))
    }

    /// Where roles tell the supervisor their events.
    pub(crate) fn event_intake(&self) -> PathBuf {
        self.run().join("events.in.sock")
    }

    /// Where `headwater events` asks for them.
    pub(crate) fn events_socket(&self) -> PathBuf {
        self.run().join("events.sock")
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

    /// Samples of inputs that killed encoders, for whoever looks into it.
    pub(crate) fn quarantine(&self) -> PathBuf {
        self.data.join("quarantine")
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

/// The encoder processes of `workflow`: one or two a transcoding channel, one for the passthrough channels of `sharing`, one for
/// each other.
pub(crate) fn encoders(workflow: &Workflow, layout: &Layout, sharing: &[ChannelName]) -> Vec<EncoderProcess> {
    let mut processes = Vec::new();
    let mut passthrough = Vec::new();
    for channel in &workflow.channels {
        let ladder = match &channel.ladder {
            Ladder::Pushed => continue,
            Ladder::Passthrough if sharing.contains(&channel.name) => {
                passthrough.push(channel_job(channel, wire::Ladder::Passthrough, workflow, layout));
                continue;
            }
            Ladder::Passthrough => wire::Ladder::Passthrough,
            Ladder::Transcode(rungs) => {
                let (audio_bps, fill) = (channel.audio_bps, channel.fill.clone());
                let audio = channel.audio.clone();
                wire::Ladder::Transcode { rungs: rungs.clone(), audio_bps, audio, fill }
            }
        };
        let whole = channel_job(channel, ladder, workflow, layout);
        for (pipeline, name) in pipelines(channel.pipelines).zip(encoder_names(&channel.name)) {
            let channels = vec![ChannelJob { pipeline, ..whole.clone() }];
            processes.push(EncoderProcess { job: job(channels, &name, workflow, layout), name });
        }
    }
    if !passthrough.is_empty() {
        // No channel can take this name: channel names hold no capital.
        let name = "encoder-PASSTHROUGH".to_owned();
        processes.push(EncoderProcess { job: job(passthrough, &name, workflow, layout), name });
    }
    processes
}

/// What the processes of a channel are called, whether it has one or two.
pub(crate) fn encoder_names(channel: &ChannelName) -> [String; 2] {
    // No channel can take the second's name: channel names hold no dot.
    [format!("encoder-{channel}"), format!("encoder-{channel}.1")]
}

fn pipelines(pipelines: Pipelines) -> impl Iterator<Item = Option<Pipeline>> {
    let two = |prefers_backup| {
        [false, prefers_backup]
            .into_iter()
            .zip(0..)
            .map(|(prefers_backup, number)| Some(Pipeline { number, prefers_backup }))
            .collect()
    };
    let all: Vec<_> = match pipelines {
        Pipelines::One => vec![None],
        Pipelines::Two => two(false),
        Pipelines::Pair => two(true),
    };
    all.into_iter()
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
/// The same where it may be a ladder: each rendition waits for itself.
const LADDER_BYTES: u64 = 512 << 20;

fn confinement(workflow: &Workflow, channels: &[ChannelJob]) -> Confinement {
    let pixels = |rung: &Rung| u64::from(rung.width) * u64::from(rung.height);
    let is_hls = |input: &Input| matches!(input, Input::Hls(_) | Input::HlsPush(_));
    let brings_ladder = |name: &ChannelName| {
        let channel = workflow.channels.iter().find(|channel| channel.name == *name);
        channel.is_some_and(|channel| channel.inputs().any(is_hls))
    };
    let needs = channels.iter().map(|channel| match &channel.ladder {
        wire::Ladder::Passthrough if brings_ladder(&channel.name) => LADDER_BYTES,
        wire::Ladder::Passthrough => PASSTHROUGH_BYTES,
        wire::Ladder::Transcode { rungs, .. } => rungs.iter().map(pixels).sum::<u64>() * BYTES_PER_PIXEL,
    });
    Confinement {
        sandbox: workflow.encoder.sandbox,
        memory_bytes: workflow.encoder.memory_bytes.unwrap_or(BASE_BYTES + needs.sum::<u64>()),
        nice: workflow.encoder.nice,
    }
}

/// Where the files of an input lie, in their order.
pub(crate) fn file_paths(
    channel: &ChannelName,
    side: FeedInput,
    files: &Files,
    layout: &Layout,
) -> Vec<PathBuf> {
    let side = match side {
        FeedInput::Primary => "primary",
        FeedInput::Backup => "backup",
    };
    let place = |(number, item): (usize, &FileItem)| match item {
        FileItem::Path(path) => path.clone(),
        FileItem::Url(_) => layout.fetched_files().join(format!("{channel}-{side}-{}", number + 1)),
    };
    files.items.iter().enumerate().map(place).collect()
}

fn channel_job(channel: &Channel, ladder: wire::Ladder, workflow: &Workflow, layout: &Layout) -> ChannelJob {
    let source = |input: &Input, side: FeedInput| match input {
        Input::Rtmp(_)
        | Input::Srt(_)
        | Input::SrtCall(_)
        | Input::Udp(_)
        | Input::Rtp(_)
        | Input::RtmpCall(_)
        | Input::Hls(_)
        | Input::HlsPush(_)
        | Input::Cmaf => Source::Ingest { socket: layout.samples_socket() },
        Input::Test => Source::Pattern,
        Input::Files(files) => Source::Files {
            paths: file_paths(&channel.name, side, files, layout),
            is_looped: files.is_looped,
        },
    };
    let backup = |backup: &spec::Backup| wire::Backup {
        source: source(&backup.input, FeedInput::Backup),
        failover: backup.failover.clone(),
    };
    ChannelJob {
        name: channel.name.clone(),
        source: source(&channel.input, FeedInput::Primary),
        backup: channel.backup.as_ref().map(backup),
        ladder,
        grid: channel.grid,
        latency: channel.latency,
        push_url: format!("http://{}/ingest/{}", reachable(workflow.listen.origin), channel.name),
        quarantine: Vec::new(),
        chosen: None,
        pipeline: None,
    }
}

/// Whether a channel waits for an SRT publisher, or may be made that does, so that the listener is wanted.
pub(crate) fn takes_srt(workflow: &Workflow) -> bool {
    workflow.listen.control.is_some()
        || workflow
            .channels
            .iter()
            .flat_map(spec::Channel::inputs)
            .any(|input| matches!(input, Input::Srt(_)))
}

/// Whether HLS is pushed to a channel, or one may be made to which it is, so that the listener is wanted.
pub(crate) fn takes_hls_push(workflow: &Workflow) -> bool {
    let is_pushed = |input: &Input| matches!(input, Input::HlsPush(_));
    workflow.listen.control.is_some()
        || workflow.channels.iter().flat_map(spec::Channel::inputs).any(is_pushed)
}

/// What an input of datagrams receives; `None` for those that are none.
pub(crate) fn datagrams(input: &Input) -> Option<udp::Source> {
    let endpoint = |leg: &spec::Leg| udp::Endpoint {
        address: leg.address,
        interface: leg.interface,
        senders: leg.from.clone(),
    };
    match input {
        Input::Udp(udp) => Some(udp::Source::Udp(endpoint(&udp.leg))),
        Input::Rtp(rtp) => Some(udp::Source::Rtp {
            first: endpoint(&rtp.first),
            second: rtp.second.as_ref().map(endpoint),
            latency: rtp::Latency::from_ms(rtp.latency_ms).expect("the workflow's bounds are the receiver's"),
            fec: if rtp.fec { udp::Fec::On } else { udp::Fec::Off },
        }),
        _ => None,
    }
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
    if !workflow.is_edge_alone() {
        if let Some(control) = listen.control {
            line("control", format!("http://{control}"));
        }
        line("rtmp", format!("rtmp://{}", listen.rtmp));
        if takes_srt(workflow) {
            line("srt", format!("srt://{}", listen.srt));
        }
        if takes_hls_push(workflow) {
            line("hls push", format!("http://{}/in/", listen.hls_push));
        }
        line("origin", format!("http://{}", listen.origin));
    }
    line("metrics", format!("http://{}/metrics", listen.metrics));
    if workflow.encoder.sandbox == Sandbox::Off {
        line("WARNING", "encoders run without a sandbox: sandbox = \"off\" under [encoder]".to_owned());
    }
    if workflow.channels.is_empty() && !workflow.is_edge_alone() {
        line("channels", "none yet: add [[channel]] tables to the file, or make them by API".to_owned());
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
                match channel.pipelines {
                    Pipelines::One => {}
                    Pipelines::Two => line("  pipelines", "two, of the same input".to_owned()),
                    Pipelines::Pair => line("  pipelines", "two, the second prefers the backup".to_owned()),
                }
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
        let layout = Layout::under(Path::new("data"));
        let names = |sharing: &[&str]| {
            let sharing: Vec<_> = sharing.iter().map(|name| name.parse().expect("a name")).collect();
            let processes = encoders(&workflow, &layout, &sharing).into_iter();
            processes.map(|process| (process.name, process.job.channels.len())).collect::<Vec<_>>()
        };
        let named = |name: &str, channels| (name.to_owned(), channels);
        assert_eq!(names(&["b", "c"]), [named("encoder-a", 1), named("encoder-PASSTHROUGH", 2)]);
        // One that comes later has its own.
        assert_eq!(
            names(&["b"]),
            [named("encoder-a", 1), named("encoder-c", 1), named("encoder-PASSTHROUGH", 1)]
        );
        let processes = encoders(&workflow, &layout, &[]);
        assert_eq!(processes[0].job.channels[0].push_url, "http://127.0.0.1:8300/ingest/a");
    }

    #[test]
    fn inputs_of_datagrams_are_received_as_the_workflow_says() {
        let text = "
            [[channel]]\nname = \"a\"\ninput = { udp = \"239.1.2.3:5000\", interface = \"10.0.0.5\", from = \"10.0.0.9\" }
            backup = { rtp = \"0.0.0.0:5004\", second = \"10.0.0.5:5104\", fec = true, latency = 0.5 }
        ";
        let workflow = Workflow::parse(text).expect("valid");
        let endpoint = |address: &str| udp::Endpoint::open(address.parse().expect("an address"));
        let group = udp::Endpoint {
            interface: Some([10, 0, 0, 5].into()),
            senders: vec!["10.0.0.9".parse().expect("an address")],
            ..endpoint("239.1.2.3:5000")
        };
        let rtp = udp::Source::Rtp {
            first: endpoint("0.0.0.0:5004"),
            second: Some(endpoint("10.0.0.5:5104")),
            latency: rtp::Latency::from_ms(500).expect("within bounds"),
            fec: udp::Fec::On,
        };
        let sources: Vec<_> = workflow.channels[0].inputs().map(datagrams).collect();
        assert_eq!(sources, [Some(udp::Source::Udp(group)), Some(rtp)]);
    }

    #[test]
    fn two_pipelines_are_two_processes_with_the_same_work() {
        let text = "
            [[channel]]\nname = \"a\"\ninput = { rtmp = \"live/a\" }\nladder = [\"360p\"]\npipelines = 2
            [[channel]]\nname = \"b\"\ninput = \"test\"\nladder = [\"360p\"]\nbackup = { rtmp = \"live/b\" }\npipelines = \"pair\"
        ";
        let workflow = Workflow::parse(text).expect("valid");
        let processes = encoders(&workflow, &Layout::under(Path::new("data")), &[]);
        let told: Vec<_> = processes
            .iter()
            .map(|process| (process.name.as_str(), process.job.channels[0].pipeline))
            .collect();
        let of = |number, prefers_backup| Some(Pipeline { number, prefers_backup });
        let expected = [
            ("encoder-a", of(0, false)),
            ("encoder-a.1", of(1, false)),
            ("encoder-b", of(0, false)),
            ("encoder-b.1", of(1, true)),
        ];
        assert_eq!(told, expected);
        let [one, other] =
            [0, 1].map(|at| ChannelJob { pipeline: None, ..processes[at].job.channels[0].clone() });
        assert_eq!(one, other);
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
