//! Holds this process in, and tells which layers hold.

use anyhow::Context;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use sandbox::{Bounds, Demand, Layer, Report};
use spec::Sandbox;
use wire::Job;

/// Descriptors beside those of channels: standard streams, the runtime, metrics, figures of the process.
const FILES: u64 = 64;
/// Descriptors of one channel at most: a connection a track, ingest's, and its files.
const FILES_PER_CHANNEL: u64 = 32;

/// Layers that hold, for the metrics page.
#[derive(Clone, Debug, Default)]
pub struct Metrics(Family<LayerLabels, Gauge>);

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LayerLabels {
    layer: &'static str,
}

impl Metrics {
    /// Registers them as `headwater_encoder_sandbox`.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "headwater_encoder_sandbox",
            "Whether a layer of the sandbox holds this process: 1, or 0",
            self.0.clone(),
        );
    }

    fn set(&self, layer: Layer, holds: bool) {
        self.0.get_or_create(&LayerLabels { layer: layer.as_str() }).set(holds.into());
    }
}

/// Holds this process in as `job` demands, before its second thread starts, and says in the log what holds. `brokered`:
/// whether a supervisor opens for it what it needs; without one it must open that itself, and is not held in.
pub fn enter(job: &Job, cores: usize, brokered: bool) -> anyhow::Result<Metrics> {
    let metrics = Metrics::default();
    Layer::ALL.into_iter().for_each(|layer| metrics.set(layer, false));
    let demand = match (job.confinement.sandbox, brokered) {
        (Sandbox::Off, _) => {
            tracing::warn!("no sandbox: the workflow says sandbox = \"off\" under [encoder]");
            return Ok(metrics);
        }
        (Sandbox::Best, false) => {
            tracing::warn!("no sandbox: no supervisor opens sockets and files for this process");
            return Ok(metrics);
        }
        (Sandbox::Required, false) => {
            anyhow::bail!(
                "the job demands a sandbox, which only `headwater up` can give: it opens sockets and files"
            )
        }
        (Sandbox::Required, true) => Demand::All,
        (Sandbox::Best, true) => Demand::Best,
    };
    let bounds = Bounds {
        memory_bytes: job.confinement.memory_bytes,
        open_files: FILES + FILES_PER_CHANNEL * job.channels.len() as u64,
        cores,
        nice: job.confinement.nice,
    };
    let report = sandbox::enter(&bounds, demand).context(
        "this host cannot hold the encoder in as sandbox = \"required\" under [encoder] demands; \"best\" takes what it has",
    )?;
    tell(&report, &metrics, &bounds);
    Ok(metrics)
}

fn tell(report: &Report, metrics: &Metrics, bounds: &Bounds) {
    let mut holding = Vec::new();
    for (layer, fault) in report.layers() {
        metrics.set(layer, fault.is_none());
        match fault {
            None => holding.push(layer.as_str()),
            Some(fault) => {
                tracing::warn!(
                    layer = layer.as_str(),
                    "this host does not give a layer of the sandbox: {fault}"
                );
            }
        }
    }
    tracing::info!(memory_mib = bounds.memory_bytes >> 20, "sandbox: {}", holding.join(", "));
}
