//! A role as a process of its own: its settings from the workflow, its listener handed over or bound here.

use std::net::UdpSocket;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use daemon::memory::Sacrifice;
use daemon::metrics::Endpoint;
use daemon::{Drain, Orders, listen};
use ingest::udp;
use spec::{EdgeLimits, FileItem, Input, Ladder, Latency, Workflow};
use wire::sample_stream::{Feed, FeedInput};

use crate::cli::{Edge, Role};
use crate::edge_alone;
use crate::handover;
use crate::plan::{self, Layout};
use crate::workflow;

/// How long ingest lets a standard-latency passthrough publisher's bytes gather before it wakes for them. Fewer
/// wake-ups are most of what a passthrough channel costs; segments are seconds long, so nobody sees the delay.
const PASSTHROUGH_BATCH: Duration = Duration::from_millis(200);
/// The same for a publisher whose pictures are decoded or leave part by part: under a frame, so that the work is even.
const SMALL_BATCH: Duration = Duration::from_millis(20);

/// How long an encoder takes to be back at most, once it brings nothing any more: it hangs for two seconds, and the next one
/// asks for the samples within another.
const RESTART: Duration = Duration::from_secs(3);

/// Set for processes whose standard input the supervisor holds: its end means that the supervisor has gone.
pub(crate) const SUPERVISED_VARIABLE: &str = "HEADWATER_SUPERVISED";

/// The line by which a role is told to look at the workflow again.
pub(crate) const RELOAD: &str = "reload";

/// The workflow, as it is now.
fn read(options: &Role) -> anyhow::Result<Workflow> {
    Ok(workflow::from_file(&options.workflow, options.folder.as_deref())?.workflow)
}

/// Looks at the workflow again whenever it is told to, and gives the role the orders that follow from it.
fn reload<T: Send + 'static>(
    role: &str,
    options: &Role,
    drain: &Drain,
    follow: impl Fn(&Workflow) -> anyhow::Result<T> + Send + Sync + 'static,
) -> anyhow::Result<Orders<T>> {
    let (orderer, orders) = daemon::orders();
    let (options, follow) = (options.clone(), Arc::new(follow));
    let layout = Layout::under(&options.data);
    on_reload(role, &layout, drain, move || {
        let what =
            read(&options).and_then(|workflow| follow(&workflow)).map_err(|fault| format!("{fault:#}"));
        let orderer = orderer.clone();
        async move { orderer.give(what?).await }
    })?;
    Ok(orders)
}

/// Does `again` whenever the supervisor says that the workflow is another.
fn on_reload<F>(
    role: &str,
    layout: &Layout,
    drain: &Drain,
    again: impl Fn() -> F + Send + Sync + 'static,
) -> anyhow::Result<()>
where
    F: Future<Output = Result<(), String>> + Send + 'static,
{
    if !is_supervised() {
        return Ok(());
    }
    let socket = layout.role_reload(role);
    let again = Arc::new(again);
    let answer = move |line: String| {
        let again = again.clone();
        async move {
            match line.as_str() {
                RELOAD => again().await.map(|()| "it runs".to_owned()),
                _ => Err(format!("no such request; there is: {RELOAD}")),
            }
        }
    };
    daemon::lines::serve(&socket, drain.clone(), answer)
        .with_context(|| format!("answer at `{}`", socket.display()))
}

/// Runs ingest until told to stop.
pub(crate) fn ingest(options: &Role) -> anyhow::Result<()> {
    let workflow = read(options)?;
    let layout = Layout::under(&options.data);
    let (takes_srt, takes_hls_push) = (plan::takes_srt(&workflow), plan::takes_hls_push(&workflow));
    run(&layout, async |drain| {
        let mut inherited = listen::Inherited::from_environment();
        let rtmp = inherited.tcp_or_bind(0, "rtmp", workflow.listen.rtmp)?;
        // In the order in which the supervisor hands them over.
        let mut places = 1_usize..;
        let mut place = || places.next().expect("endless");
        let rtmps = match workflow.listen.rtmps {
            Some(address) => {
                let listener = inherited.tcp_or_bind(place(), "rtmps", address)?;
                Some((listener, publishers_tls(&workflow.edge.tls.certificate, &layout)))
            }
            None => None,
        };
        let srt = match takes_srt {
            true => Some(inherited.udp_or_bind(place(), "srt", workflow.listen.srt)?),
            false => None,
        };
        let hls_push = match takes_hls_push {
            true => Some(inherited.tcp_or_bind(place(), "hls_push", workflow.listen.hls_push)?),
            false => None,
        };
        let mut sockets = handed_over(&mut inherited, &mut place, &layout)?;
        let publishers = publishers(&workflow, &mut |source| {
            let at = sockets.iter().position(|bound| bound.source() == source);
            Ok(at.map(|at| sockets.swap_remove(at)))
        })?;
        drop(sockets);
        let at = layout.clone();
        let orders = reload("ingest", options, &drain, move |workflow| {
            let publishers = publishers_anew(workflow)?;
            Ok(ingest::Sources { publishers, downloads: downloads(workflow, &at) })
        })?;
        let config = ingest::Config {
            rtmp,
            rtmps,
            srt,
            hls_push,
            sources: ingest::Sources { publishers, downloads: downloads(&workflow, &layout) },
            orders,
            socket: layout.samples_socket(),
            metrics_socket: layout.metrics_socket("ingest"),
        };
        Ok(ingest::run(config, drain).await?)
    })
}

/// The certificate RTMPS publishers are shown: the one viewers are, or one made for them alone.
fn publishers_tls(chosen: &spec::Certificate, layout: &Layout) -> ingest::Tls {
    let folder = layout.publishers_tls();
    let pair = match chosen {
        spec::Certificate::SelfMade => ingest::Pair::self_made(&folder),
        spec::Certificate::Files { certificate, key } => {
            ingest::Pair { certificate: certificate.clone(), key: key.clone() }
        }
        spec::Certificate::Acme(_) => ingest::Pair::acme(&layout.tls()),
    };
    ingest::Tls { pair, folder }
}

/// The sockets that the supervisor handed over, at the next places: those of the workflow that it started with. What is not among
/// them is bound by ingest.
fn handed_over(
    inherited: &mut listen::Inherited,
    place: &mut impl FnMut() -> usize,
    layout: &Layout,
) -> anyhow::Result<Vec<udp::Bound>> {
    if !is_supervised() {
        return Ok(Vec::new());
    }
    let started = workflow::from_file(&layout.started(), None)?.workflow;
    let mut all = Vec::new();
    for source in started.channels.iter().flat_map(spec::Channel::inputs).filter_map(plan::datagrams) {
        all.push(udp::Bound::with(source, |_| -> anyhow::Result<UdpSocket> {
            inherited.udp(place(), "input")?.context("it was not handed over")
        })?);
    }
    Ok(all)
}

/// Who may publish, while ingest runs: sockets are bound by it.
fn publishers_anew(workflow: &Workflow) -> anyhow::Result<Vec<ingest::Publisher>> {
    publishers(workflow, &mut |_| Ok(None))
}

/// Who may publish, and how. `bound` gives the sockets of each source of datagrams that were handed over, in the order of
/// channels and inputs.
fn publishers(
    workflow: &Workflow,
    bound: &mut impl FnMut(&udp::Source) -> anyhow::Result<Option<udp::Bound>>,
) -> anyhow::Result<Vec<ingest::Publisher>> {
    let mut publishers = Vec::new();
    for channel in &workflow.channels {
        for (source, input) in channel.inputs().zip([FeedInput::Primary, FeedInput::Backup]) {
            let door = door(source, &channel.ladder, bound);
            let Some(door) = door.with_context(|| format!("channel `{}`", channel.name))? else {
                continue;
            };
            publishers.push(ingest::Publisher {
                feed: Feed { channel: channel.name.clone(), input },
                door,
                admission: admission(source),
                keep: Duration::from_millis(channel.grid.duration_ms().into()) + RESTART,
                batch: match (&channel.ladder, channel.latency) {
                    (Ladder::Passthrough, Latency::Standard) => PASSTHROUGH_BATCH,
                    (Ladder::Passthrough, Latency::Low { .. })
                    | (Ladder::Transcode(_) | Ladder::Pushed, _) => SMALL_BATCH,
                },
            });
        }
    }
    Ok(publishers)
}

/// The files that lie elsewhere.
fn downloads(workflow: &Workflow, layout: &Layout) -> Vec<ingest::Download> {
    let mut downloads = Vec::new();
    for channel in &workflow.channels {
        for (input, side) in channel.inputs().zip([FeedInput::Primary, FeedInput::Backup]) {
            let Input::Files(files) = input else { continue };
            let paths = plan::file_paths(&channel.name, side, files, layout);
            for (item, path) in files.items.iter().zip(paths) {
                if let FileItem::Url(url) = item {
                    downloads.push(ingest::Download {
                        feed: Feed { channel: channel.name.clone(), input: side },
                        url: url.clone(),
                        path,
                        reach: reach(files.allow_private),
                    });
                }
            }
        }
    }
    downloads
}

/// How an input's samples come to ingest; `None` for those that do not. Of HLS the whole ladder comes where it is passed through.
fn door(
    input: &Input,
    ladder: &Ladder,
    bound: &mut impl FnMut(&udp::Source) -> anyhow::Result<Option<udp::Bound>>,
) -> anyhow::Result<Option<ingest::Door>> {
    let terms = |terms: &spec::SrtTerms| ingest::Terms {
        passphrase: terms.passphrase.as_ref().map(|passphrase| {
            ingest::Passphrase::new(&passphrase.0).expect("the workflow's bounds are libsrt's")
        }),
        latency: terms.latency(),
    };
    let choice = |choice: &ingest::Choice| ingest::Choice {
        extent: match ladder {
            Ladder::Passthrough => ingest::Extent::Ladder,
            Ladder::Transcode(_) | Ladder::Pushed => ingest::Extent::Best,
        },
        ..choice.clone()
    };
    Ok(Some(match input {
        Input::Rtmp(rtmp) => ingest::Door::Rtmp { app: rtmp.app.clone(), key: rtmp.key.clone() },
        Input::Srt(srt) => ingest::Door::Srt {
            stream_id: srt.stream_id.clone(),
            terms: terms(&srt.terms),
            select: select(srt.select),
        },
        Input::SrtCall(call) => ingest::Door::SrtCall(ingest::SrtCall {
            host: call.host.clone(),
            port: call.port,
            stream_id: call.stream_id.clone(),
            terms: terms(&call.terms),
            reach: reach(call.allow_private),
            select: select(call.select),
        }),
        Input::Udp(spec::Udp { select: chosen, .. }) | Input::Rtp(spec::Rtp { select: chosen, .. }) => {
            let source = plan::datagrams(input).expect("these inputs are of datagrams");
            ingest::Door::Datagrams { bound: bound(&source)?, source, select: select(*chosen) }
        }
        Input::RtmpCall(call) => ingest::Door::RtmpCall(ingest::RtmpCall {
            host: call.host.clone(),
            port: call.port,
            is_secure: call.is_secure,
            target: ingest::Target {
                server_url: call.server_url(),
                app: call.app.clone(),
                stream: call.stream.clone(),
            },
            reach: reach(call.allow_private),
        }),
        Input::Hls(pull) => ingest::Door::Hls(ingest::HlsPull {
            url: pull.url.clone(),
            choice: choice(&pull.choice),
            at_end: if pull.is_looped { ingest::AtEnd::Loop } else { ingest::AtEnd::Wait },
            reach: reach(pull.allow_private),
        }),
        Input::HlsPush(push) => {
            let place = |place: &spec::PushPlace| ingest::PushPlace {
                path: place.path.clone(),
                login: place.login.clone(),
            };
            let places = push.places().map(place).collect();
            ingest::Door::HlsPush(ingest::HlsPush { places, choice: choice(&push.choice) })
        }
        Input::Test | Input::Files(_) | Input::Cmaf => return Ok(None),
    }))
}

/// Whom an input's listener lets in.
fn admission(input: &Input) -> ingest::Admission {
    match input {
        Input::Rtmp(rtmp) => rtmp.admission.clone(),
        Input::Srt(srt) => srt.admission.clone(),
        // Whoever has the password pushes: there is no second publisher.
        Input::HlsPush(push) => ingest::Admission { from: push.from.clone(), ..ingest::Admission::default() },
        _ => ingest::Admission::default(),
    }
}

/// Whether addresses in this machine's own networks are called too.
fn reach(allow_private: bool) -> ingest::Reach {
    if allow_private { ingest::Reach::Private } else { ingest::Reach::Public }
}

/// What of a transport stream is wanted.
fn select(chosen: spec::Select) -> ingest::Select {
    ingest::Select {
        program: chosen.program,
        video_pid: chosen.video_pid,
        audio_pids: chosen.audio_pid.map(|pid| vec![pid]),
    }
}

/// Runs the origin until told to stop.
pub(crate) fn origin(options: &Role) -> anyhow::Result<()> {
    let workflow = read(options)?;
    let layout = Layout::under(&options.data);
    let endpoints = origin::Endpoints::new(crate::endpoint::endpoints(&workflow));
    run(&layout, async |drain| {
        let shown = endpoints.clone();
        let orders = reload("origin", options, &drain, move |workflow| {
            shown.replace(crate::endpoint::endpoints(workflow));
            Ok(origin_channels(workflow))
        })?;
        let config = origin::Config {
            listener: listen::inherited_or_bind("origin", workflow.listen.origin)?,
            data_dir: layout.data().to_owned(),
            metrics_socket: layout.metrics_socket("origin"),
            channels: origin_channels(&workflow),
            orders,
            endpoints,
        };
        Ok(origin::run(config, drain).await?)
    })
}

fn origin_channels(workflow: &Workflow) -> Vec<origin::Channel> {
    let settings = |channel: &spec::Channel| origin::Channel {
        name: channel.name.clone(),
        grid: channel.grid,
        part: channel.latency.part_ms().map(|ms| Duration::from_millis(ms.into())),
        window: Duration::from_millis(channel.window_ms),
    };
    workflow.channels.iter().map(settings).collect()
}

/// Runs the edge until told to stop. Where nobody supervises it, it answers Prometheus itself and needs no folder.
pub(crate) fn edge(options: &Edge) -> anyhow::Result<()> {
    let workflow = match options.origins.as_slice() {
        [] => workflow::from_file(&options.workflow, options.folder.as_deref())?.workflow,
        _ => edge_alone::workflow(options)?,
    };
    let layout = Layout::under(&options.data);
    let threads = workflow.edge.threads.or_else(|| std::thread::available_parallelism().ok().map(Into::into));
    let upstream = plan::upstream(&workflow);
    let role = async |drain| {
        let mut inherited = listen::Inherited::from_environment();
        let listener = inherited.tcp_or_bind(0, "viewers", workflow.listen.viewers)?;
        let tls = match workflow.listen.viewers_tls {
            None => None,
            Some(address) => {
                let listener = inherited.tcp_or_bind(1, "viewers_tls", address)?;
                // With port 0 the system chose one; HTTP/3 takes the same.
                let address = listener.local_addr().unwrap_or(address);
                Some(edge::Tls {
                    listener,
                    quic: match workflow.edge.tls.http3 {
                        true => Some(edge::Quic {
                            socket: inherited.udp_or_bind(2, "viewers_tls", address)?,
                            handover: layout.run(),
                        }),
                        false => None,
                    },
                    certificate: certificate(&workflow.edge.tls.certificate),
                    folder: layout.tls(),
                })
            }
        };
        let metrics = if is_supervised() {
            Endpoint::Socket(layout.metrics_socket("edge"))
        } else {
            let mut sockets: Vec<OwnedFd> = vec![listener.try_clone()?.into()];
            if let Some(tls) = &tls {
                sockets.push(tls.listener.try_clone()?.into());
                if let Some(quic) = &tls.quic {
                    sockets.push(quic.socket.try_clone()?.into());
                }
            }
            let metrics = inherited.tcp_or_bind(sockets.len(), "metrics", workflow.listen.metrics)?;
            sockets.push(metrics.try_clone()?.into());
            handover::on_signal(sockets)?;
            let shown: Vec<_> = upstream.origins.iter().map(ToString::to_string).collect();
            daemon::log::say(format_args!(
                "headwater: http://{} serves {}; metrics at http://{}/metrics",
                listener.local_addr()?,
                shown.join(", else "),
                metrics.local_addr()?
            ));
            Endpoint::Listener(metrics)
        };
        let distributions = edge::Distributions::new(&upstream);
        distributions.set(&workflow.distributions)?;
        let fences = edge::Fences::default();
        fences.set(&workflow.endpoints);
        let changing = (distributions.clone(), fences.clone());
        let (file, folder) = (options.workflow.clone(), options.folder.clone());
        on_reload("edge", &layout, &drain, move || {
            let set = || {
                let workflow = workflow::from_file(&file, folder.as_deref())?.workflow;
                let (distributions, fences) = &changing;
                fences.set(&workflow.endpoints);
                anyhow::Ok(distributions.set(&workflow.distributions)?)
            };
            std::future::ready(set().map_err(|fault| format!("{fault:#}")))
        })?;
        let config = edge::Config {
            listener,
            distributions,
            fences,
            tls,
            upstream,
            metrics,
            control: options.control.clone().or_else(|| is_supervised().then(|| layout.edge_control())),
            threads: threads.unwrap_or(1),
            key_query: workflow.edge.key_query.clone(),
            access: workflow.edge.access.clone(),
            cache_bytes: workflow.edge.cache_bytes,
            disk: workflow.edge.disk.clone().map(|disk| edge::Disk { path: disk.path, bytes: disk.bytes }),
            limits: edge_limits(&workflow.edge.limits),
        };
        Ok(edge::run_and_tell(config, drain, handover::serving).await?)
    };
    if !is_supervised() {
        return run_without_folder(role);
    }
    Sacrifice::Third.offer();
    run(&layout, role)
}

/// The edge's bounds: the file's, and for the rest what fits the process.
fn edge_limits(set: &EdgeLimits) -> edge::Limits {
    let fitting = edge::Limits::default();
    let connections = set.connections.unwrap_or(fitting.connections);
    edge::Limits {
        connections,
        connections_per_address: set
            .connections_per_address
            .unwrap_or(fitting.connections_per_address.min(connections)),
        requests_per_s_per_address: Some(set.requests_per_address),
        pace_bytes_per_s: set.slow_reader_bytes_per_s,
        fetches: set.fetches.unwrap_or(fitting.fetches),
        loop_lag: Duration::from_millis(set.lag_ms),
        drain_time: Duration::from_millis(set.drain_ms),
        ..fitting
    }
}

pub(crate) fn is_supervised() -> bool {
    std::env::var_os(SUPERVISED_VARIABLE).is_some()
}

/// Runs `role` with its folder there, until it ends.
pub(crate) fn run(
    layout: &Layout,
    role: impl AsyncFnOnce(Drain) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let folder = layout.run();
    std::fs::create_dir_all(&folder).with_context(|| format!("make folder `{}`", folder.display()))?;
    run_without_folder(role)
}

fn certificate(chosen: &spec::Certificate) -> edge::Certificate {
    match chosen.clone() {
        spec::Certificate::SelfMade => edge::Certificate::SelfMade,
        spec::Certificate::Files { certificate, key } => edge::Certificate::Files { certificate, key },
        spec::Certificate::Acme(acme) => edge::Certificate::Acme(edge::Acme {
            domains: acme.domains,
            contact: acme.contact,
            directory: acme.directory,
            directory_ca: acme.directory_ca,
        }),
    }
}

/// One thread runs a role's tasks: they wait far more than they compute, and a second thread would cost wake-ups. The
/// edge starts threads of its own.
fn run_without_folder(role: impl AsyncFnOnce(Drain) -> anyhow::Result<()>) -> anyhow::Result<()> {
    daemon::log::start();
    let runtime = daemon::runtime().context("start the runtime")?;
    runtime.block_on(async {
        let drain = match is_supervised() {
            true => Drain::on_signal_or_orphaned().context("watch the supervisor")?,
            false => Drain::on_signal(),
        };
        role(drain).await
    })
}
