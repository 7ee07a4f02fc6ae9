//! Tells people when a channel is on air, and where to watch it.

use std::sync::Arc;
use std::time::Duration;

use daemon::Drain;
use daemon::log::say;
use spec::{Input, Workflow};

use super::viewer_url;
use crate::fetch;
use crate::plan::reachable;

/// How often the origin is asked.
const INTERVAL: Duration = Duration::from_millis(250);
/// Longest status taken from the origin.
const MAX_STATUS_BYTES: usize = 64 << 10;

#[derive(serde::Deserialize)]
struct Status {
    on_air: bool,
}

/// Says for each channel where to send pictures, and once it is on air where to watch. Ends when all were on air.
pub(crate) async fn when_on_air(workflow: Arc<Workflow>, drain: Drain) {
    let base = viewer_url(&workflow);
    for channel in &workflow.channels {
        match &channel.input {
            Input::Rtmp(rtmp) => say(format_args!(
                "headwater: channel {}: waiting for a publisher at rtmp://{}/{}/(key)",
                channel.name,
                reachable(workflow.listen.rtmp),
                rtmp.app
            )),
            Input::Cmaf => say(format_args!(
                "headwater: channel {}: waiting for CMAF at http://{}/ingest/{}/",
                channel.name, workflow.listen.origin, channel.name
            )),
            Input::Srt(srt) => say(format_args!(
                "headwater: channel {}: waiting for a publisher at srt://{}?streamid={}{}",
                channel.name,
                reachable(workflow.listen.srt),
                srt.stream_id,
                if srt.terms.passphrase.is_some() { "&passphrase=(passphrase)" } else { "" }
            )),
            Input::HlsPush(push) => say(format_args!(
                "headwater: channel {}: waiting for HLS at http://{}/in/{}/",
                channel.name,
                reachable(workflow.listen.hls_push),
                push.primary.shown()
            )),
            Input::Udp(_) | Input::Rtp(_) => {
                say(format_args!("headwater: channel {}: waiting for {}", channel.name, channel.input));
            }
            Input::SrtCall(_) | Input::RtmpCall(_) | Input::Hls(_) | Input::Test | Input::Files(_) => {}
        }
    }
    let mut waiting: Vec<_> = workflow.channels.iter().map(|channel| &channel.name).collect();
    while !waiting.is_empty() {
        tokio::select! {
            () = tokio::time::sleep(INTERVAL) => {}
            () = drain.requested() => return,
        }
        let mut still = Vec::new();
        for name in waiting {
            if on_air(&workflow, name.as_str()).await {
                say(format_args!(
                    "headwater: channel {name} is on air:\n  watch  {base}/{name}/\n  HLS    {base}/{name}/index.m3u8\n  DASH   {base}/{name}/manifest.mpd"
                ));
            } else {
                still.push(name);
            }
        }
        waiting = still;
    }
}

/// Whether the origin says so.
async fn on_air(workflow: &Workflow, channel: &str) -> bool {
    let path = format!("/{channel}/status.json");
    let text = fetch::text(reachable(workflow.listen.origin), &path, MAX_STATUS_BYTES).await;
    text.is_some_and(|text| serde_json::from_str(&text).is_ok_and(|Status { on_air }| on_air))
}
