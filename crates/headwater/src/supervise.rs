//! `headwater up`: every role as a child process of one machine.
//!
//! - [`child`]: one child: spawn, watch, restart with backoff, replace, stop.
//! - [`clock`]: whether the wall clock was set.
//! - [`encoder`]: an encoder process, which is watched more closely. [`encoders`]: all of them.
//! - [`apply`]: another workflow, while everything runs.
//! - [`control`]: what a running supervisor is asked: to replace the edge.
//! - [`gather`]: all processes' metrics as one page.
//! - [`events`]: all processes' events as one stream.
//! - [`announce`]: tells people when a channel is on air.
//!
//! The supervisor binds the listeners and hands them over, so that connections made while a role restarts wait in the
//! kernel. Media never passes through it.

mod announce;
pub(crate) mod apply;
mod child;
mod clock;
pub(crate) mod control;
mod encoder;
mod encoders;
pub(crate) mod events;
pub(crate) mod gather;

use std::fs;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use daemon::{CLOCK_VARIABLE, Drain, EpochClock, listen};
use spec::Workflow;
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::{Quarantine, QuarantineOrder, Restart, Restartable, Switch, SwitchTo, Up};
use crate::plan::{self, Layout};
use crate::workflow::{self, Loaded};
use crate::{demo, desired};
use child::{Child, Spec};
use encoders::Encoders;
use events::Events;

/// Used where `up` is given no file and this one exists.
pub(crate) const DEFAULT_FILE: &str = "headwater.toml";

/// What a role may take to end beyond its own drain time.
const DRAIN_SLACK: Duration = Duration::from_secs(3);

/// For processes that hold segments. glibc raises its threshold for mapping large blocks once one was freed, and
/// segments then fragment the heap; held still, each goes back to the system when it is dropped.
const SEGMENT_HOLDER: (&str, &str) = ("MALLOC_MMAP_THRESHOLD_", "131072");

/// Runs everything until Ctrl-C; with `--check` only says what would run.
pub(crate) fn up(options: &Up) -> anyhow::Result<()> {
    let loaded = load(options)?;
    // Keys that cannot be used should be said before anything starts.
    edge::check_access(&loaded.workflow.edge.access)?;
    if options.check {
        print!("{} is valid. It would run:\n{}", loaded.origin, plan::describe(&loaded.workflow));
        return Ok(());
    }
    daemon::log::start();
    let runtime = daemon::runtime().context("start the runtime")?;
    runtime.block_on(run(options, loaded))
}

/// Asks the `headwater up` of a data folder to replace a role; returns once the successor serves.
pub(crate) fn restart(options: &Restart) -> anyhow::Result<()> {
    let Restartable::Edge = options.role;
    println!("{}", control::ask(&Layout::under(&options.data).control_socket(), control::RESTART_EDGE)?);
    Ok(())
}

/// Tells the encoders of a channel, one or two, which input to show. One that cannot be told is no hindrance where the
/// other was.
pub(crate) fn switch(options: &Switch) -> anyhow::Result<()> {
    let input = match options.input {
        SwitchTo::Primary => "primary",
        SwitchTo::Backup => "backup",
        SwitchTo::Auto => "auto",
    };
    let channel = &options.channel;
    let layout = Layout::under(&options.data);
    let order = format!("switch {channel} {input}");
    let [first, second] = plan::encoder_names(channel).map(|name| layout.encoder_control(&name));
    let told = control::ask(&first, &order);
    let said = match second.exists() {
        true => match (told, control::ask(&second, &order)) {
            (Ok(said), Ok(_)) => said,
            (Ok(said), Err(fault)) | (Err(fault), Ok(said)) => {
                eprintln!("one of two pipelines was not told: {fault:#}");
                said
            }
            (Err(fault), Err(_)) => return Err(fault),
        },
        false => told.with_context(|| format!("channel `{channel}`: does it run, and has it a `backup`?"))?,
    };
    println!("{said}");
    Ok(())
}

/// Says which inputs are in quarantine, or lets those of a channel out.
pub(crate) fn quarantine(options: &Quarantine) -> anyhow::Result<()> {
    let request = match &options.order {
        QuarantineOrder::List => control::QUARANTINE.to_owned(),
        QuarantineOrder::Release { channel } => format!("{} {channel}", control::RELEASE),
    };
    println!("{}", control::ask(&Layout::under(&options.data).control_socket(), &request)?);
    Ok(())
}

/// The workflow that `up` was asked for: its file, `headwater.toml`, or the demo.
fn load(up: &Up) -> anyhow::Result<Loaded> {
    let default = Path::new(DEFAULT_FILE);
    match &up.file {
        Some(file) => workflow::from_file(file, None),
        None if up.source.is_none() && default.exists() => workflow::from_file(default, None),
        None => demo::workflow(up.source.as_deref()),
    }
}

async fn run(options: &Up, loaded: Loaded) -> anyhow::Result<()> {
    let layout = Layout::under(&options.data);
    let workflow = &loaded.workflow;
    // Listeners first: a port in use should be said before anything starts.
    let viewers = listen::bind("viewers", workflow.listen.viewers)?;
    let viewers_tls = match workflow.listen.viewers_tls {
        Some(address) => {
            let mut listeners = vec![listen::bind("viewers_tls", address)?.into()];
            if workflow.edge.tls.http3 {
                listeners.push(listen::bind_udp("viewers_tls", address)?.into());
            }
            listeners
        }
        None => Vec::new(),
    };
    let studio = match workflow.is_edge_alone() {
        true => None,
        false => {
            let mut doors: Vec<OwnedFd> = vec![listen::bind("rtmp", workflow.listen.rtmp)?.into()];
            if let Some(address) = workflow.listen.rtmps {
                doors.push(listen::bind("rtmps", address)?.into());
            }
            if plan::takes_srt(workflow) {
                doors.push(listen::bind_udp("srt", workflow.listen.srt)?.into());
            }
            if plan::takes_hls_push(workflow) {
                doors.push(listen::bind("hls_push", workflow.listen.hls_push)?.into());
            }
            doors.extend(datagram_sockets(workflow)?);
            Some((doors, listen::bind("origin", workflow.listen.origin)?))
        }
    };
    let metrics = listen::bind("metrics", workflow.listen.metrics)?;
    let api = match workflow.listen.control.filter(|_| studio.is_some()) {
        Some(address) => Some(listen::bind("control", address)?),
        None => None,
    };
    let plan = match api {
        Some(_) => desired::announced(workflow, &layout, &loaded.text).await?,
        None => String::new(),
    };
    prepare(&layout, &loaded.text)?;
    let (drain, trigger) = Drain::manual();
    let events = Events::take(&layout.event_intake(), drain.clone()).context("take events")?;
    events::follow::serve(events.clone(), &layout.events_socket(), drain.clone()).context("tell events")?;
    // The supervisor's own go the same way.
    daemon::events::connect(&layout.event_intake()).context("tell events")?;
    daemon::log::say(format_args!("{}{}", plan::describe(workflow), plan.trim_end()));

    // One clock for all, whenever they start.
    let clock = EpochClock::start();
    let (name, value) = SEGMENT_HOLDER;
    let environment: child::Environment = vec![
        (name, value.into()),
        (CLOCK_VARIABLE, clock.handed_over().into()),
        (daemon::events::SOCKET_VARIABLE, layout.event_intake().into()),
    ];
    let role = |name: &'static str, listeners: Vec<OwnedFd>| -> anyhow::Result<Spec> {
        Ok(Spec {
            name: name.to_owned(),
            program: std::env::current_exe().context("find this program")?,
            arguments: vec![
                name.into(),
                "--workflow".into(),
                // The control role adds to the file what comes by API; the others see the outcome.
                if name == "control" { layout.file() } else { layout.workflow() }.into(),
                "--data".into(),
                layout.data().into(),
                "--folder".into(),
                loaded.folder.clone().into(),
            ],
            environment: environment.clone(),
            listeners,
            metrics_socket: layout.metrics_socket(name),
            drain_limit: match name {
                "edge" => Duration::from_millis(workflow.edge.limits.drain_ms) + DRAIN_SLACK,
                _ => child::DRAIN_LIMIT,
            },
        })
    };
    let (ingest, origin) = match studio {
        // An edge alone.
        None => (None, None),
        Some((doors, origin)) => (
            Some(Child::start(role("ingest", doors)?)),
            Some(Child::start(role("origin", vec![origin.into()])?)),
        ),
    };
    let edge_listeners = std::iter::once(viewers.into()).chain(viewers_tls).collect();
    let edge = Child::start(role("edge", edge_listeners)?);
    let has_encoders = !plan::encoders(workflow, &layout, &[]).is_empty();
    let program = match has_encoders || api.is_some() {
        false => None,
        true => Some(encoder::Program {
            path: plan::encoder_binary()?,
            arguments: Vec::new(),
            environment: environment.clone(),
        }),
    };
    let spare = encoder::Spare::start(program.clone().filter(|_| workflow.encoder.spare));
    let own = gather::Own { spare: spare.figures(), clock: clock::watch(clock), events };
    let encoders = Encoders::new(program, spare, layout.clone(), workflow);
    encoders.start_all(encoders.wanted(workflow))?;
    // What is made by API is asked for once the rest is there.
    let stage = ingest.is_some().then(|| {
        let folder = loaded.folder.clone();
        apply::Stage::new(layout.clone(), folder, encoders.clone(), workflow.clone(), drain.clone())
    });
    let control = match api {
        Some(listener) => Some(Child::start(role("control", vec![listener.into()])?)),
        None => None,
    };

    let roles: Vec<_> = ingest
        .iter()
        .chain(&origin)
        .chain(&control)
        .chain([&edge])
        .map(|child| (layout.metrics_socket(child.name()), child.figures()))
        .collect();
    let working = encoders.clone();
    let processes = move || roles.iter().cloned().chain(working.figures()).collect();
    gather::serve(metrics, processes, own, drain.clone())?;
    tokio::spawn(announce::when_on_air(Arc::new(workflow.clone()), drain.clone()));

    let desk = control::Desk { edge: edge.replacer(), encoders: encoders.clone(), stage };
    control::serve(&layout.control_socket(), desk, drain.clone()).context("answer `headwater restart`")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("handle Ctrl-C")?;
    let mut terminate = signal(SignalKind::terminate()).context("handle SIGTERM")?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    tracing::info!(
        "stopping: publishers, then encoders, viewers, and the origin; Ctrl-C again stops at once"
    );
    trigger.start();
    let stopped = async {
        // Nothing is changed any more. Then upstream first, so that nobody is cut off from what it still needs.
        if let Some(control) = control {
            control.stop().await;
        }
        if let Some(ingest) = ingest {
            ingest.stop().await;
        }
        encoders.stop().await;
        edge.stop().await;
        if let Some(origin) = origin {
            origin.stop().await;
        }
    };
    tokio::select! {
        () = stopped => tracing::info!("stopped"),
        _ = interrupt.recv() => tracing::warn!("stopped at once"),
    }
    Ok(())
}

/// The sockets of every input of datagrams, in the order in which ingest takes them over.
fn datagram_sockets(workflow: &Workflow) -> anyhow::Result<Vec<OwnedFd>> {
    let mut sockets = Vec::new();
    for channel in &workflow.channels {
        for source in channel.inputs().filter_map(plan::datagrams) {
            let bound = ingest::udp::Bound::bind(source)
                .with_context(|| format!("channel `{}`: its input", channel.name))?;
            for socket in bound.sockets() {
                sockets.push(socket.try_clone().context("copy a socket")?.into());
            }
        }
    }
    Ok(sockets)
}

/// Makes the run-time folder and writes the workflow that the roles of this run read: later edits of the file cannot
/// make two roles disagree. It holds stream keys, so only its owner may read it.
fn prepare(layout: &Layout, text: &str) -> anyhow::Result<()> {
    let folder = layout.run();
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder)
        .with_context(|| format!("make folder `{}`", folder.display()))?;
    for path in [layout.started(), layout.file(), layout.workflow()] {
        write_for_owner(&path, text)?;
    }
    Ok(())
}

/// Writes a file that only its owner may read, whole or not at all.
pub(crate) fn write_for_owner(path: &Path, text: &str) -> anyhow::Result<()> {
    let fresh = path.with_extension("new");
    let write = || {
        let mut file =
            fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
        file.write_all(text.as_bytes())?;
        fs::rename(&fresh, path)
    };
    write().with_context(|| format!("write `{}`", path.display()))
}

/// The base URL at which people on this machine reach the edge.
fn viewer_url(workflow: &Workflow) -> String {
    let address = plan::reachable(workflow.listen.viewers);
    let host = if address.ip().is_loopback() { "localhost".to_owned() } else { address.ip().to_string() };
    format!("http://{host}:{}", address.port())
}
