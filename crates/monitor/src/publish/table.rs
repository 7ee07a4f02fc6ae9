//! Which figure is which metric. Only what is measured is here (docs/cloudwatch.md has the same table in words).

use metric::Unit;

use super::exposition::Figure;

/// One metric, and what it is made of.
pub(super) struct Row {
    pub(super) namespace: &'static str,
    pub(super) name: &'static str,
    pub(super) unit: Unit,
    /// Figures that are added up, within one group.
    pub(super) sources: &'static [&'static str],
    /// Which of their samples count.
    pub(super) only: fn(&Figure<'_>) -> bool,
    pub(super) place: Place,
    pub(super) reading: Reading,
}

/// What a value is told under, beside no dimension at all.
#[derive(Clone, Copy)]
pub(super) enum Place {
    /// Nothing else.
    Whole,
    /// One dimension, made of labels.
    Label { dimension: &'static str, value: fn(&Figure<'_>) -> String },
    /// ChannelId and Pipeline, of the encoder that told it.
    Pipeline,
    /// ChannelId and Pipeline, the same for each pipeline: they are given one input.
    Input,
    /// MediaPackage's channel.
    Package,
    /// DistributionId and Region, and nothing else: what the edge serves is more than its distributions.
    Distribution,
}

/// How a figure is read.
#[derive(Clone, Copy)]
pub(super) enum Reading {
    /// As it is.
    Gauge,
    /// 100 where it is above nothing: the average is the percentage of time.
    IsOn,
    /// What was added since the last page.
    Added,
    /// The same a second, times this.
    Rate { scale: f64 },
    /// The percentage of it that is a part.
    Share { part: fn(&Figure<'_>) -> bool },
}

const LIVE: &str = "AWS/MediaLive";
const PACKAGE: &str = "AWS/MediaPackage";
const FRONT: &str = "AWS/CloudFront";
/// Bytes a second to megabits a second.
const MEGABITS: Reading = Reading::Rate { scale: 8.0 / 1e6 };

const REQUESTS: &[&str] = &["headwater_edge_requests_total"];
const ANSWERS: &[&str] = &["headwater_edge_distribution_answers_total"];
const ORIGIN_REQUESTS: &[&str] = &["headwater_origin_requests_total"];

#[rustfmt::skip]
pub(super) const TABLE: &[Row] = &[
    row(LIVE, "ActiveAlerts", Unit::Count, &["headwater_encoder_input_lost", "headwater_encoder_audio_lost", "headwater_encoder_input_fault"], any, Place::Pipeline, Reading::Gauge),
    row(LIVE, "InputVideoFrameRate", Unit::CountPerSecond, &["headwater_ingest_video_fps"], is_primary, Place::Input, Reading::Gauge),
    row(LIVE, "NetworkIn", Unit::MegabitsPerSecond, &["headwater_ingest_bytes_total"], any, Place::Input, MEGABITS),
    row(LIVE, "NetworkOut", Unit::MegabitsPerSecond, &["headwater_encoder_push_bytes_total"], any, Place::Pipeline, MEGABITS),
    row(LIVE, "PrimaryInputActive", Unit::Count, &["headwater_encoder_input_active"], is_primary_input, Place::Pipeline, Reading::Gauge),
    row(LIVE, "DroppedFrames", Unit::Count, &["headwater_encoder_frames_dropped_total"], any, Place::Pipeline, Reading::Added),
    row(LIVE, "SvqTime", Unit::Percent, &["headwater_encoder_quality_step"], any, Place::Pipeline, Reading::IsOn),
    row(LIVE, "RtpPacketsReceived", Unit::Count, &["headwater_ingest_rtp_leg_packets_total"], any, Place::Input, Reading::Added),
    row(LIVE, "RtpPacketsRecoveredViaFec", Unit::Count, &["headwater_ingest_rtp_recovered_packets_total"], any, Place::Input, Reading::Added),
    row(LIVE, "RtpPacketsLost", Unit::Count, &["headwater_ingest_rtp_lost_packets_total"], any, Place::Input, Reading::Added),

    row(PACKAGE, "IngressBytes", Unit::Bytes, &["headwater_origin_segment_bytes_received_total"], any, Place::Package, Reading::Added),
    row(PACKAGE, "IngressRequestCount", Unit::Count, ORIGIN_REQUESTS, is_push, Place::Whole, Reading::Added),
    row(PACKAGE, "EgressRequestCount", Unit::Count, ORIGIN_REQUESTS, is_fetch, Place::Label { dimension: "StatusCodeRange", value: status_range }, Reading::Added),
    row(PACKAGE, "EgressBytes", Unit::Bytes, &["headwater_origin_sent_bytes_total"], any, Place::Whole, Reading::Added),

    row(FRONT, "Requests", Unit::None, REQUESTS, any, Place::Whole, Reading::Added),
    row(FRONT, "BytesDownloaded", Unit::None, &["headwater_edge_sent_bytes_total"], any, Place::Whole, Reading::Added),
    row(FRONT, "4xxErrorRate", Unit::Percent, REQUESTS, any, Place::Whole, Reading::Share { part: is_4xx }),
    row(FRONT, "5xxErrorRate", Unit::Percent, REQUESTS, any, Place::Whole, Reading::Share { part: is_5xx }),
    row(FRONT, "TotalErrorRate", Unit::Percent, REQUESTS, any, Place::Whole, Reading::Share { part: is_error }),
    row(FRONT, "CacheHitRate", Unit::Percent, REQUESTS, is_cacheable, Place::Whole, Reading::Share { part: is_hit }),

    row(FRONT, "Requests", Unit::None, ANSWERS, any, Place::Distribution, Reading::Added),
    row(FRONT, "BytesDownloaded", Unit::None, &["headwater_edge_distribution_bytes_total"], any, Place::Distribution, Reading::Added),
    row(FRONT, "4xxErrorRate", Unit::Percent, ANSWERS, any, Place::Distribution, Reading::Share { part: is_4xx }),
    row(FRONT, "5xxErrorRate", Unit::Percent, ANSWERS, any, Place::Distribution, Reading::Share { part: is_5xx }),
    row(FRONT, "TotalErrorRate", Unit::Percent, ANSWERS, any, Place::Distribution, Reading::Share { part: is_error }),
    row(FRONT, "CacheHitRate", Unit::Percent, &["headwater_edge_distribution_cache_total"], is_cacheable, Place::Distribution, Reading::Share { part: is_hit }),
];

const fn row(
    namespace: &'static str,
    name: &'static str,
    unit: Unit,
    sources: &'static [&'static str],
    only: fn(&Figure<'_>) -> bool,
    place: Place,
    reading: Reading,
) -> Row {
    Row { namespace, name, unit, sources, only, place, reading }
}

/// Whether any metric is made of the figure.
pub(super) fn is_source(name: &str) -> bool {
    TABLE.iter().any(|row| row.sources.contains(&name))
}

fn any(_: &Figure<'_>) -> bool {
    true
}

fn is_primary(figure: &Figure<'_>) -> bool {
    figure.label("channel").is_some_and(|channel| !channel.ends_with("~backup"))
}

fn is_primary_input(figure: &Figure<'_>) -> bool {
    figure.label("input") == Some("primary")
}

fn is_fetch(figure: &Figure<'_>) -> bool {
    matches!(figure.label("method"), Some("GET" | "HEAD"))
}

fn is_push(figure: &Figure<'_>) -> bool {
    matches!(figure.label("method"), Some("PUT" | "POST"))
}

fn is_4xx(figure: &Figure<'_>) -> bool {
    figure.label("status") == Some("4xx")
}

fn is_5xx(figure: &Figure<'_>) -> bool {
    figure.label("status") == Some("5xx")
}

fn is_error(figure: &Figure<'_>) -> bool {
    is_4xx(figure) || is_5xx(figure)
}

/// Errors, and what is never kept, do not count.
fn is_cacheable(figure: &Figure<'_>) -> bool {
    !is_error(figure) && !matches!(figure.label("cache"), Some("pass" | "local"))
}

fn is_hit(figure: &Figure<'_>) -> bool {
    matches!(figure.label("cache"), Some("hit" | "stale" | "collapsed"))
}

/// `2xx` of `206`.
fn status_range(figure: &Figure<'_>) -> String {
    let first = figure.label("status").and_then(|status| status.chars().next());
    first.map_or_else(String::new, |first| format!("{first}xx"))
}
