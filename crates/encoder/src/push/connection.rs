//! The task behind a [`super::PushHandle`]: connects, sends, tries again.
//!
//! ```text
//! Away --connected--> header sent --answer--> sending segments --fault--> Away (waits, longer each time)
//!                          ^------------ 412 ------------'
//! ```

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::Body;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{CONTENT_TYPE, HOST, HeaderValue, TRAILER};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use wire::{MEASURED, PIPELINE};

use crate::door::Door;

use super::segment::{PushBody, Segment};
use super::{Next, PushUrlError, Shared, Target};

/// Longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Longest wait for an answer once a body is complete.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// First wait after a fault; doubles up to [`MAX_BACKOFF`]. Short: a restarted origin must have media within 3 s.
const MIN_BACKOFF: Duration = Duration::from_millis(50);
const MAX_BACKOFF: Duration = Duration::from_secs(1);
/// A segment that asks for its header again this often is dropped.
const MAX_HEADER_RETRIES: u32 = 3;

/// The other end, taken from the push URL.
pub(super) struct Peer {
    door: Door,
    /// `host:port` to connect to.
    address: String,
    /// As the URL said it.
    host: String,
    /// Path of the track, with no slash at the end.
    path: String,
    content_type: &'static str,
    pipeline: Option<HeaderValue>,
}

impl Peer {
    pub(super) fn new(target: &Target) -> Result<Self, PushUrlError> {
        let url = &target.push_url;
        let uri: Uri = url.parse().map_err(|fault| PushUrlError::Syntax(url.clone(), fault))?;
        let authority = uri.authority().filter(|_| uri.scheme_str() == Some("http"));
        let authority = authority.ok_or_else(|| PushUrlError::Kind(url.clone()))?;
        Ok(Self {
            door: target.door.clone(),
            address: format!("{}:{}", authority.host(), authority.port_u16().unwrap_or(80)),
            host: authority.to_string(),
            path: format!("{}/{}", uri.path().trim_end_matches('/'), target.track),
            content_type: if target.is_video { "video/mp4" } else { "audio/mp4" },
            pipeline: target.pipeline.map(|number| HeaderValue::from(u16::from(number))),
        })
    }

    fn put(&self, name: &str, body: PushBody) -> Request<PushBody> {
        let mut request = Request::builder()
            .method(Method::PUT)
            .uri(format!("{}/{name}", self.path))
            .header(HOST, &self.host)
            .header(CONTENT_TYPE, self.content_type)
            .body(body)
            .expect("the path is a URL's and the names are ours");
        if let Some(pipeline) = &self.pipeline {
            request.headers_mut().insert(PIPELINE, pipeline.clone());
        }
        request
    }

    fn put_segment(&self, segment: &Arc<Segment>) -> Request<PushBody> {
        let (body, measured) = PushBody::of(segment.clone());
        let mut request = self.put(&format!("{}.m4s", segment.first_dts), body);
        let is_growing = request.body().size_hint().exact().is_none();
        if let Some(measured) = measured {
            request.headers_mut().insert(MEASURED, measured);
        } else if is_growing {
            request.headers_mut().insert(TRAILER, HeaderValue::from_static(MEASURED));
        }
        request
    }
}

/// Why a connection is given up.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("connect to {0}: {1}")]
    Connect(String, std::io::Error),
    #[error("the origin closed the connection")]
    Closed,
    #[error("the origin closed the idle connection")]
    ClosedIdle,
    #[error("{0}")]
    Http(#[from] hyper::Error),
    #[error("no answer within {} s", ANSWER_TIMEOUT.as_secs())]
    NoAnswer,
    #[error("the origin answered {0}")]
    Status(StatusCode),
    #[error("the origin asked for the header before the segment was complete")]
    HeaderWanted,
    #[error("the segment was given up")]
    GivenUp,
}

/// Whether the task's work is done.
enum Outcome {
    /// Everything is sent and nothing more will come.
    Finished,
}

pub(super) async fn run(peer: Peer, shared: Arc<Shared>, told: watch::Sender<Option<Next>>) {
    let mut outage = Outage::None;
    loop {
        let fault = match session(&peer, &shared, &told, &mut outage).await {
            Ok(Outcome::Finished) => return,
            Err(fault) => fault,
        };
        shared.metrics.disconnected(&shared.labels);
        {
            let mut queue = shared.queue();
            queue.sending = false;
            if queue.closing && queue.segments.is_empty() {
                return;
            }
        }
        if matches!(fault, Fault::ClosedIdle | Fault::GivenUp) {
            // Servers do that to save connections; nothing is lost. What was given up, who did it has told.
            continue;
        }
        let wait = outage.after(&fault, &shared);
        if !wait.is_zero() {
            sleep(wait).await;
        }
    }
}

/// Waits and logs: one line when the origin goes, one when it is back.
enum Outage {
    None,
    Since { start: Instant, wait: Duration },
}

impl Outage {
    fn after(&mut self, fault: &Fault, shared: &Shared) -> Duration {
        match self {
            Self::None => {
                let (channel, track) = (&shared.labels.channel, &shared.labels.track);
                tracing::warn!(%channel, %track, "push: {fault}; trying again until it works");
                *self = Self::Since { start: Instant::now(), wait: MIN_BACKOFF };
                MIN_BACKOFF
            }
            Self::Since { wait, .. } => {
                *wait = (*wait * 2).min(MAX_BACKOFF);
                *wait
            }
        }
    }

    fn over(&mut self, shared: &Shared) {
        if let Self::Since { start, .. } = std::mem::replace(self, Self::None) {
            let (channel, track) = (&shared.labels.channel, &shared.labels.track);
            let away_ms = start.elapsed().as_millis();
            tracing::info!(%channel, %track, away_ms, "push: the origin takes media again");
        }
    }
}

/// One connection's life.
async fn session(
    peer: &Peer,
    shared: &Arc<Shared>,
    told: &watch::Sender<Option<Next>>,
    outage: &mut Outage,
) -> Result<Outcome, Fault> {
    let mut wire = Wire::connect(peer).await?;
    shared.metrics.connected(&shared.labels);
    let mut header = shared.queue().first_header();
    let has = shared.queue().newest_whole();
    let next = wire.send_header(peer, &header, has).await?;
    let lost = {
        let mut queue = shared.queue();
        queue.slate_sent = false;
        queue.take_back(next)
    };
    if lost > 0 {
        let (channel, track) = (&shared.labels.channel, &shared.labels.track);
        tracing::info!(%channel, %track, lost, "push: the origin lost segments it had taken: sending them again");
    }
    // The first answer counts: later ones follow what this process itself has sent.
    told.send_if_modified(|known| {
        let is_first = known.is_none();
        known.get_or_insert(next);
        is_first
    });
    let mut header_retries = 0;
    loop {
        let segment = match next_work(shared, &mut wire, &header).await? {
            Work::Segment(segment) => segment,
            Work::Slate(media) => {
                wire.send_slate(peer, media).await?;
                continue;
            }
            Work::None => return Ok(Outcome::Finished),
        };
        if segment.header != header {
            header = segment.header.clone();
            wire.send_header(peer, &header, None).await?;
        }
        let (status, durable) = wire.send_segment(peer, &segment).await?;
        match status {
            status if status.is_success() => {
                outage.over(shared);
                wire.until_complete(shared, &segment).await?;
                shared.metrics.sent(&shared.labels, segment.bytes());
                header_retries = 0;
                shared.queue().taken(&segment, durable);
            }
            StatusCode::PRECONDITION_FAILED if header_retries < MAX_HEADER_RETRIES => {
                header_retries += 1;
                if segment.is_open() {
                    return Err(Fault::HeaderWanted);
                }
                wire.send_header(peer, &header, None).await?;
            }
            status if status.is_server_error() => return Err(Fault::Status(status)),
            status => {
                let (channel, track) = (&shared.labels.channel, &shared.labels.track);
                tracing::warn!(%channel, %track, segment = segment.first_dts, %status, "push: the origin refused a segment");
                shared.metrics.refused(&shared.labels);
                header_retries = 0;
                shared.queue().done_with(&segment);
                if segment.is_open() {
                    return Err(Fault::Status(status));
                }
            }
        }
    }
}

/// What is to be sent next.
enum Work {
    Segment(Arc<Segment>),
    Slate(Bytes),
    /// All is sent and nothing more will come.
    None,
}

/// The oldest segment there is, marked as being sent, or between segments the slate. Where the origin closes the idle
/// connection, another is made once there is a segment.
async fn next_work(shared: &Shared, wire: &mut Wire, header: &Bytes) -> Result<Work, Fault> {
    loop {
        {
            let mut queue = shared.queue();
            if let Some(media) = queue.slate_to_send(header) {
                queue.slate_sent = true;
                return Ok(Work::Slate(media));
            }
            while queue.segments.front().is_some_and(|first| first.is_given_up()) {
                queue.segments.pop_front();
                shared.metrics.dropped(&shared.labels, 1);
            }
            if let Some(first) = queue.segments.front().cloned() {
                queue.sending = true;
                return Ok(Work::Segment(first));
            }
            queue.sending = false;
            if queue.closing {
                return Ok(Work::None);
            }
        }
        tokio::select! {
            () = shared.changed.notified() => {}
            _ = wire.closed() => {
                shared.metrics.disconnected(&shared.labels);
                return match shared.until_wanted().await {
                    true => Err(Fault::ClosedIdle),
                    false => Ok(Work::None),
                };
            }
        }
    }
}

/// One HTTP connection.
struct Wire {
    sender: SendRequest<PushBody>,
    connection: tokio::task::JoinHandle<Result<(), hyper::Error>>,
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

impl Wire {
    async fn connect(peer: &Peer) -> Result<Self, Fault> {
        let fault = |source| Fault::Connect(peer.address.clone(), source);
        let stream = timeout(CONNECT_TIMEOUT, peer.door.origin(&peer.address))
            .await
            .map_err(|_| fault(std::io::ErrorKind::TimedOut.into()))?
            .map_err(fault)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        Ok(Self { sender, connection: tokio::spawn(connection) })
    }

    /// Sends a CMAF header, and where the newest whole segment begins that follows; gives back what the origin expects next.
    async fn send_header(&mut self, peer: &Peer, header: &Bytes, has: Option<i64>) -> Result<Next, Fault> {
        let mut request = peer.put("init.mp4", PushBody::Whole(Some(header.clone())));
        if let Some(has) = has {
            request.headers_mut().insert("headwater-has", has.into());
        }
        let answer = timeout(ANSWER_TIMEOUT, async {
            self.sender.ready().await?;
            self.sender.send_request(request).await
        });
        let answer = answer.await.map_err(|_| Fault::NoAnswer)??;
        if !answer.status().is_success() {
            return Err(Fault::Status(answer.status()));
        }
        Ok(ticks(&answer, "headwater-next"))
    }

    /// Sends the slate. An origin that does not know slates keeps publishing without one.
    async fn send_slate(&mut self, peer: &Peer, media: Bytes) -> Result<(), Fault> {
        let request = peer.put("slate.m4s", PushBody::Whole(Some(media)));
        let answer = timeout(ANSWER_TIMEOUT, async {
            self.sender.ready().await?;
            self.sender.send_request(request).await
        });
        let answer = answer.await.map_err(|_| Fault::NoAnswer)??;
        if !answer.status().is_success() {
            tracing::warn!(status = %answer.status(), "push: the origin refused the slate");
        }
        Ok(())
    }

    /// Sends a segment for as long as it grows; gives back the answer's status, and up to where the origin has the track
    /// on disk.
    async fn send_segment(
        &mut self,
        peer: &Peer,
        segment: &Arc<Segment>,
    ) -> Result<(StatusCode, Option<i64>), Fault> {
        timeout(ANSWER_TIMEOUT, self.sender.ready()).await.map_err(|_| Fault::NoAnswer)??;
        let answer = self.sender.send_request(peer.put_segment(segment));
        tokio::pin!(answer);
        loop {
            // Once the segment is complete, the answer has a limit.
            let was_open = segment.is_open();
            match timeout(ANSWER_TIMEOUT, &mut answer).await {
                Ok(Ok(answer)) => return Ok((answer.status(), ticks(&answer, "headwater-durable"))),
                Ok(Err(_)) if segment.is_given_up() => return Err(Fault::GivenUp),
                Ok(Err(fault)) => return Err(fault.into()),
                Err(_) if was_open => {}
                Err(_) => return Err(Fault::NoAnswer),
            }
        }
    }

    /// Waits for the rest of a segment that was answered early, so that its chunks have somewhere to go.
    async fn until_complete(&mut self, shared: &Shared, segment: &Segment) -> Result<(), Fault> {
        while segment.is_open() {
            tokio::select! {
                () = shared.changed.notified() => {}
                closed = self.closed() => return Err(closed),
            }
        }
        Ok(())
    }

    /// Resolves when the origin closes the connection.
    async fn closed(&mut self) -> Fault {
        match (&mut self.connection).await {
            Ok(Err(fault)) => Fault::Http(fault),
            _ => Fault::Closed,
        }
    }
}

/// A decode time in one of the answer's headers.
fn ticks<B>(answer: &hyper::Response<B>, name: &str) -> Option<i64> {
    answer.headers().get(name)?.to_str().ok()?.parse().ok()
}
