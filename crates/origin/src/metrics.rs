//! Figures for Prometheus.

use std::fmt;
use std::sync::Arc;

use manifest::TrackName;
use media::{ChannelName, Utc};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::Registry;

use crate::Origin;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(crate) struct TrackLabels {
    channel: String,
    track: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(crate) struct PipelineLabels {
    channel: String,
    track: String,
    pipeline: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(crate) struct ReasonLabels {
    channel: String,
    reason: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(crate) struct ChannelLabels {
    channel: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(crate) struct RequestLabels {
    method: &'static str,
    status: u16,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(crate) struct EndpointLabels {
    /// Its path.
    endpoint: String,
    status: &'static str,
}

/// Counters that are counted where things happen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Metrics {
    segments: Family<TrackLabels, Counter>,
    bytes: Family<TrackLabels, Counter>,
    refused: Family<ReasonLabels, Counter>,
    discontinuities: Family<ChannelLabels, Counter>,
    listed: Family<PipelineLabels, Counter>,
    switches: Family<TrackLabels, Counter>,
    scores: Family<TrackLabels, Gauge>,
    low_scores: Family<ChannelLabels, Gauge>,
    gaps: Family<ChannelLabels, Counter>,
    requests: Family<RequestLabels, Counter>,
    sent_bytes: Counter,
    pub(crate) connections: Gauge,
    pub(crate) memory_short: Gauge,
    pub(crate) log_queue_bytes: Gauge,
    pub(crate) log_written_bytes: Counter,
    pub(crate) log_skipped: Counter,
    pub(crate) log_errors: Counter,
    pub(crate) log_corrupt: Counter,
    pub(crate) disk_degraded: Gauge,
    pub(crate) disk_free_bytes: Gauge,
    pub(crate) disk_free_files: Gauge,
    slate: Family<ChannelLabels, Gauge>,
    slate_segments: Family<TrackLabels, Counter>,
}

struct Register<'a>(&'a mut Registry);

impl Register<'_> {
    fn metric<M: prometheus_client::registry::Metric + Clone>(&mut self, name: &str, help: &str, metric: &M) {
        self.0.register(format!("headwater_origin_{name}"), help, metric.clone());
    }
}

impl Metrics {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let m = &metrics;
        let mut add = Register(registry);
        add.metric("segments_received", "Whole segments taken", &m.segments);
        add.metric("segment_bytes_received", "Bytes of whole segments taken", &m.bytes);
        add.metric("refused", "Bodies refused or segments dropped, by reason", &m.refused);
        add.metric("discontinuities", "Periods begun after the first", &m.discontinuities);
        add.metric("pipeline_segments", "Segments listed, by the pipeline that made them", &m.listed);
        add.metric(
            "pipeline_switches",
            "Segments listed of another pipeline than the one before",
            &m.switches,
        );
        add.metric("segment_score", "Score of the newest segment, 0 to 100, where it was told", &m.scores);
        add.metric("low_score", "1 while segments are listed that score under 90", &m.low_scores);
        add.metric("gaps", "Holes in what viewers get, for which nobody brought media", &m.gaps);
        add.metric("requests", "Requests answered, by method and status", &m.requests);
        add.metric("sent_bytes", "Bytes of answer bodies", &m.sent_bytes);
        add.metric("connections", "Connections open", &m.connections);
        add.metric("memory_short", "1 while windows are shorter because memory is short", &m.memory_short);
        add.metric("log_queue_bytes", "Bytes of segments waiting to be written", &m.log_queue_bytes);
        add.metric("log_written_bytes", "Bytes written to the log", &m.log_written_bytes);
        add.metric("log_skipped", "Segments kept in memory only: the log was behind", &m.log_skipped);
        add.metric("log_errors", "Writes and syncs of the log that failed", &m.log_errors);
        add.metric("log_corrupt", "Places of the log that are not what was written", &m.log_corrupt);
        add.metric("disk_degraded", "1 while the log's disk is full, fails or is slow", &m.disk_degraded);
        add.metric("disk_free_bytes", "Bytes that the log's disk has room for", &m.disk_free_bytes);
        add.metric("disk_free_files", "Files that the log's disk has room for", &m.disk_free_files);
        add.metric("slate", "1 while the origin shows slate for want of a publisher", &m.slate);
        add.metric("slate_segments", "Slate segments made", &m.slate_segments);
        metrics
    }

    pub(crate) fn segment(&self, channel: &ChannelName, track: &TrackName, bytes: u64) {
        let labels = TrackLabels { channel: channel.to_string(), track: track.to_string() };
        self.segments.get_or_create(&labels).inc();
        self.bytes.get_or_create(&labels).inc_by(bytes);
    }

    pub(crate) fn refused(&self, channel: &ChannelName, reason: &'static str) {
        let labels = ReasonLabels { channel: channel.to_string(), reason };
        self.refused.get_or_create(&labels).inc();
    }

    pub(crate) fn discontinuity(&self, channel: &ChannelName) {
        self.discontinuities.get_or_create(&ChannelLabels { channel: channel.to_string() }).inc();
    }

    /// Whether the origin shows slate.
    pub(crate) fn slate(&self, channel: &ChannelName, shown: bool) {
        self.slate.get_or_create(&ChannelLabels { channel: channel.to_string() }).set(shown.into());
    }

    pub(crate) fn slate_segment(&self, channel: &ChannelName, track: &TrackName) {
        let labels = TrackLabels { channel: channel.to_string(), track: track.to_string() };
        self.slate_segments.get_or_create(&labels).inc();
    }

    /// A segment was listed.
    pub(crate) fn listed(
        &self,
        channel: &ChannelName,
        track: &TrackName,
        pipeline: &'static str,
        score: Option<u8>,
        switched: bool,
    ) {
        let labels = TrackLabels { channel: channel.to_string(), track: track.to_string() };
        if let Some(score) = score {
            self.scores.get_or_create(&labels).set(score.into());
        }
        self.switches.get_or_create(&labels).inc_by(u64::from(switched));
        let TrackLabels { channel, track } = labels;
        self.listed.get_or_create(&PipelineLabels { channel, track, pipeline }).inc();
    }

    pub(crate) fn gap(&self, channel: &ChannelName) {
        self.gaps.get_or_create(&ChannelLabels { channel: channel.to_string() }).inc();
    }

    pub(crate) fn low_score(&self, channel: &ChannelName, is_low: bool) {
        let labels = ChannelLabels { channel: channel.to_string() };
        self.low_scores.get_or_create(&labels).set(is_low.into());
    }

    pub(crate) fn request(&self, method: &http::Method, status: u16, bytes: u64) {
        let method = match *method {
            http::Method::GET => "GET",
            http::Method::HEAD => "HEAD",
            http::Method::PUT => "PUT",
            http::Method::POST => "POST",
            http::Method::DELETE => "DELETE",
            http::Method::OPTIONS => "OPTIONS",
            _ => "other",
        };
        self.requests.get_or_create(&RequestLabels { method, status }).inc();
        self.sent_bytes.inc_by(bytes);
    }
}

/// Figures that are looked up at each scrape.
pub(crate) struct Gauges(pub(crate) Arc<Origin>);

impl fmt::Debug for Gauges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gauges")
    }
}

impl Collector for Gauges {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let now: Utc = self.0.clock.now();
        let listed = self.0.channels.all();
        let figures: Vec<_> = listed.iter().map(|(name, channel)| (name, channel.figures(now))).collect();
        let mut family = |name: &str, help: &str, value: fn(&crate::channel::Figures) -> i64| {
            let mut encoder = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for (name, figures) in &figures {
                let labels = ChannelLabels { channel: name.to_string() };
                ConstGauge::new(value(figures)).encode(encoder.encode_family(&labels)?)?;
            }
            Ok::<_, fmt::Error>(())
        };
        family("headwater_origin_on_air", "1 while segments come", |f| i64::from(f.on_air))?;
        family("headwater_origin_window_bytes", "Bytes of segments held", |f| f.bytes)?;
        family("headwater_origin_window_segments", "Segments listed", |f| f.segments)?;
        family("headwater_origin_live_edge_age_ms", "Now less the end of the newest segment", |f| {
            f.edge_age_ms
        })?;
        self.encode_endpoints(&mut encoder)?;
        let (name, help) =
            ("headwater_origin_log_lag_ms", "How long the oldest record has waited to be on disk");
        let lag = ConstGauge::new(self.0.log_lag.ms());
        lag.encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)
    }
}

impl Gauges {
    /// They are counted with the endpoints, so that those of one that is gone go with it.
    fn encode_endpoints(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let endpoints = self.0.endpoints.all();
        let mut family = |name: &str, help: &str, value: fn(&crate::endpoints::Answered) -> u64| {
            let mut encoder = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            for kept in &endpoints {
                for (status, answered) in kept.answered() {
                    let labels = EndpointLabels { endpoint: kept.endpoint.path.clone(), status };
                    ConstCounter::new(value(answered)).encode(encoder.encode_family(&labels)?)?;
                }
            }
            Ok::<_, fmt::Error>(())
        };
        let requests = "headwater_origin_endpoint_requests";
        family(requests, "Requests for an endpoint's files, by kind of status", |answered| {
            answered.requests()
        })?;
        let bytes = "headwater_origin_endpoint_sent_bytes";
        family(bytes, "Bytes of answer bodies under an endpoint's path", |answered| answered.bytes())
    }
}
