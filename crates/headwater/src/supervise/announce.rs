//! Tells people when a channel is on air, and where to watch it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use daemon::Drain;
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use spec::{Input, Workflow};
use tokio::net::TcpStream;

use super::viewer_url;
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
            Input::Rtmp(rtmp) => eprintln!(
                "headwater: channel {}: waiting for a publisher at rtmp://{}/{}/(key)",
                channel.name,
                reachable(workflow.listen.rtmp),
                rtmp.app
            ),
            Input::Cmaf => eprintln!(
                "headwater: channel {}: waiting for CMAF at http://{}/ingest/{}/",
                channel.name, workflow.listen.origin, channel.name
            ),
            Input::Srt(srt) => eprintln!(
                "headwater: channel {}: waiting for a publisher at srt://{}?streamid={}{}",
                channel.name,
                reachable(workflow.listen.srt),
                srt.stream_id,
                if srt.terms.passphrase.is_some() { "&passphrase=(passphrase)" } else { "" }
            ),
            Input::Udp(_) | Input::Rtp(_) => {
                eprintln!("headwater: channel {}: waiting for {}", channel.name, channel.input);
            }
            Input::SrtCall(_) | Input::RtmpCall(_) | Input::Hls(_) | Input::Test | Input::File(_) => {}
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
                eprintln!(
                    "headwater: channel {name} is on air:\n  watch  {base}/{name}/\n  HLS    {base}/{name}/index.m3u8\n  DASH   {base}/{name}/manifest.mpd"
                );
            } else {
                still.push(name);
            }
        }
        waiting = still;
    }
}

/// Whether the origin says so.
async fn on_air(workflow: &Workflow, channel: &str) -> bool {
    let ask = async {
        let stream = TcpStream::connect(reachable(workflow.listen.origin)).await.ok()?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake::<_, Full<Bytes>>(TokioIo::new(stream)).await.ok()?;
        let connection = tokio::spawn(connection);
        let request = hyper::Request::get(format!("/{channel}/status.json"))
            .header(hyper::header::HOST, "localhost")
            .body(Full::default())
            .ok()?;
        let response = sender.send_request(request).await.ok()?;
        let body = Limited::new(response.into_body(), MAX_STATUS_BYTES).collect().await.ok()?.to_bytes();
        connection.abort();
        serde_json::from_slice::<Status>(&body).ok()
    };
    matches!(tokio::time::timeout(Duration::from_secs(1), ask).await, Ok(Some(Status { on_air: true })))
}
