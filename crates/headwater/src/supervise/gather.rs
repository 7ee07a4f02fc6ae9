//! All processes' metrics as one page, and the way to their events.
//!
//! Each process answers OpenMetrics text on a unix socket. The page groups equal families and marks each sample with
//! the process it came from.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use daemon::Drain;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;

use super::child::Figures;
use super::clock::ClockFigures;
use super::encoder::SpareFigures;
use super::events::Events;
use super::events::follow::{Page, Streams};

/// A process that does not answer within this is left out of the page.
const SCRAPE_LIMIT: Duration = Duration::from_secs(2);
/// Longest text taken from one process.
const MAX_TEXT_BYTES: usize = 16 << 20;

/// A process: where it answers, and what the supervisor knows of it.
pub(crate) type Process = (PathBuf, Arc<Figures>);

/// What the supervisor tells of itself.
#[derive(Clone, Debug)]
pub(crate) struct Own {
    pub(crate) spare: Arc<SpareFigures>,
    pub(crate) clock: Arc<ClockFigures>,
    pub(crate) events: Events,
}

/// Serves `GET /metrics` and `GET /events` on `listener` until the drain; `processes` tells which there are at a moment.
pub(crate) fn serve(
    listener: TcpListener,
    processes: impl Fn() -> Vec<Process> + Clone + Send + 'static,
    own: Own,
    drain: Drain,
) -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let streams = Streams::of(own.events.clone());
    daemon::http_service::serve(listener, drain, move |request| {
        answer(request, processes(), own.clone(), streams.clone())
    });
    Ok(())
}

async fn answer(
    request: Request<Incoming>,
    processes: Vec<Process>,
    own: Own,
    streams: Streams,
) -> Response<Page> {
    let text = |text: &str| Page::Text(Some(Bytes::copy_from_slice(text.as_bytes())));
    let plain = "text/plain";
    let (status, kind, body) = match request.uri().path() {
        "/metrics" => {
            let page = page(&processes, &own).await;
            (StatusCode::OK, daemon::metrics::CONTENT_TYPE, Page::Text(Some(page.into())))
        }
        "/events" => {
            // A client that comes again says what it had last (HTML Living Standard §9.2.4).
            let last = request.headers().get("last-event-id");
            let last = last.and_then(|last| last.to_str().ok()?.parse().ok()).unwrap_or(0);
            match streams.open(last) {
                Some(stream) => (StatusCode::OK, "text/event-stream", stream),
                None => (StatusCode::SERVICE_UNAVAILABLE, plain, text("too many follow events already\n")),
            }
        }
        _ => (StatusCode::NOT_FOUND, plain, text("metrics are at /metrics, events at /events\n")),
    };
    Response::builder()
        .status(status)
        .header(hyper::header::CONTENT_TYPE, kind)
        .header(hyper::header::CACHE_CONTROL, "no-store")
        .body(body)
        .expect("static headers are valid")
}

async fn page(processes: &[Process], own: &Own) -> String {
    let mut page = Families::default();
    page.add("supervisor", &own.spare.text());
    page.add("supervisor", &own.clock.text());
    page.add("supervisor", &own.events.text());
    for (socket, figures) in processes {
        let name = &figures.name;
        page.add(
            name,
            &format!(
                "# HELP headwater_supervisor_process_up Whether the process is running\n\
                 # TYPE headwater_supervisor_process_up gauge\n\
                 headwater_supervisor_process_up {}\n\
                 # HELP headwater_supervisor_restarts Times the process was started again\n\
                 # TYPE headwater_supervisor_restarts counter\n\
                 headwater_supervisor_restarts_total {}\n",
                u8::from(figures.is_up()),
                figures.restarts(),
            ),
        );
        if let Some(encoder) = &figures.encoder {
            page.add(name, &encoder.text());
        }
        if let Ok(Some(text)) = tokio::time::timeout(SCRAPE_LIMIT, scrape(socket)).await {
            page.add(name, &text);
        }
    }
    page.finish()
}

/// The text of the process behind `socket`; `None` where it does not answer.
pub(crate) async fn scrape(socket: &Path) -> Option<String> {
    let stream = UnixStream::connect(socket).await.ok()?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake::<_, Full<Bytes>>(TokioIo::new(stream)).await.ok()?;
    let connection = tokio::spawn(connection);
    let request =
        Request::get("/metrics").header(hyper::header::HOST, "localhost").body(Full::default()).ok()?;
    let response = sender.send_request(request).await.ok()?;
    let text = Limited::new(response.into_body(), MAX_TEXT_BYTES).collect().await.ok()?.to_bytes();
    connection.abort();
    String::from_utf8(text.into()).ok()
}

/// Families in the order of their names, each with its description once.
#[derive(Debug, Default)]
struct Families {
    families: BTreeMap<String, Family>,
}

#[derive(Debug, Default)]
struct Family {
    description: String,
    samples: String,
}

impl Families {
    /// Adds the text of one process.
    fn add(&mut self, process: &str, text: &str) {
        let mut family = String::new();
        for line in text.lines() {
            if let Some(comment) = line.strip_prefix("# ") {
                let mut words = comment.splitn(3, ' ');
                let (Some("HELP" | "TYPE" | "UNIT"), Some(name)) = (words.next(), words.next()) else {
                    continue;
                };
                if family != name {
                    name.clone_into(&mut family);
                }
                let known = self.families.entry(family.clone()).or_default();
                if !known.description.lines().any(|described| described == line) {
                    writeln!(known.description, "{line}").expect("strings take text");
                }
            } else if let Some(end) = line.find(['{', ' ']) {
                let samples = &mut self.families.entry(family.clone()).or_default().samples;
                let (name, rest) = line.split_at(end);
                match rest.strip_prefix('{') {
                    Some(labels) => writeln!(samples, "{name}{{process=\"{process}\",{labels}"),
                    None => writeln!(samples, "{name}{{process=\"{process}\"}}{rest}"),
                }
                .expect("strings take text");
            }
        }
    }

    fn finish(self) -> String {
        let mut text = String::new();
        for family in self.families.into_values() {
            text.push_str(&family.description);
            text.push_str(&family.samples);
        }
        text.push_str("# EOF\n");
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn equal_families_of_two_processes_become_one() {
        let mut page = Families::default();
        let text = "# HELP hits Requests\n# TYPE hits counter\nhits_total{phase=\"hit\"} 3\n# EOF\n";
        page.add("edge", text);
        page.add("edge-2", text);
        page.add("origin", "# HELP up Up\n# TYPE up gauge\nup 1\n# EOF\n");
        expect![[r#"
            # HELP hits Requests
            # TYPE hits counter
            hits_total{process="edge",phase="hit"} 3
            hits_total{process="edge-2",phase="hit"} 3
            # HELP up Up
            # TYPE up gauge
            up{process="origin"} 1
            # EOF
        "#]]
        .assert_eq(&page.finish());
    }
}
