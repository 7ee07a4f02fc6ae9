//! Packaging endpoints, from the workflow file to the origin.

use manifest::{Order, View, dash, hls};
use sha2::{Digest, Sha256};
use spec::{DateInterval, IdentifierValue, ManifestKind, ManifestOrder};

/// The workflow's endpoints as the origin takes them.
pub(crate) fn endpoints(workflow: &spec::Workflow) -> Vec<origin::Endpoint> {
    workflow.endpoints.iter().map(endpoint).collect()
}

fn endpoint(endpoint: &spec::Endpoint) -> origin::Endpoint {
    origin::Endpoint {
        path: endpoint.path.clone(),
        channel: endpoint.channel.clone(),
        segment_ms: endpoint.segment_ms,
        identifier: endpoint.identifier.as_ref().map(identifier),
        manifests: endpoint.manifests.iter().map(|of| manifest(of, endpoint.segment_ms)).collect(),
    }
}

fn identifier(identifier: &spec::Identifier) -> origin::Identifier {
    let digest = |value: &IdentifierValue| match value {
        IdentifierValue::Secret(text) => Sha256::digest(text.as_bytes()).into(),
        IdentifierValue::Sha256(digest) => *digest,
    };
    origin::Identifier {
        header: identifier.header.parse().expect("`spec` took nothing that is no field name"),
        sha256: identifier.values.iter().map(digest).collect(),
    }
}

fn manifest(manifest: &spec::Manifest, segment_ms: Option<u32>) -> origin::Manifest {
    let order = match manifest.order {
        ManifestOrder::Channel => Order::Channel,
        ManifestOrder::Ascending => Order::Ascending,
        ManifestOrder::Descending => Order::Descending,
    };
    // `spec` keeps both under two weeks.
    let micros = |ms: u64| ms as i64 * 1_000;
    origin::Manifest {
        name: manifest.name.clone(),
        kind: match manifest.kind {
            ManifestKind::Hls | ManifestKind::LowLatencyHls => origin::Kind::Hls,
            ManifestKind::Dash => origin::Kind::Dash,
            ManifestKind::Cmaf => origin::Kind::HlsAndDash,
        },
        view: View {
            window_us: micros(manifest.window_ms),
            delay_us: micros(manifest.delay_ms),
            segment_ms,
            lists_parts: manifest.kind == ManifestKind::LowLatencyHls,
            video_bps: manifest.video_bps.clone(),
        },
        hls: hls::Style {
            playlist: manifest.name.clone(),
            order,
            dates: match manifest.dates {
                DateInterval::First => hls::Dates::First,
                DateInterval::Never => hls::Dates::Never,
                DateInterval::Every(ms) => hls::Dates::Every(micros(ms)),
            },
        },
        dash: dash::Style {
            template: if manifest.mpd.is_numbered { dash::Template::Number } else { dash::Template::Time },
            order,
            min_buffer_s: manifest.mpd.min_buffer_s,
            update_s: manifest.mpd.update_s,
            delay_s: manifest.mpd.delay_s,
            tells_clock: manifest.mpd.tells_clock,
        },
    }
}
