//! `headwater purge`: tells the edge of this machine to take objects out of its cache.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::Request;
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tokio::time::timeout;

use crate::cli::Purge;
use crate::plan::Layout;

/// How long the edge may take for one pattern.
const PATIENCE: Duration = Duration::from_secs(30);
/// Longest answer that is read.
const MAX_ANSWER_BYTES: usize = 64 << 10;

/// Purges every pattern and says how many objects went.
pub(crate) fn purge(options: &Purge) -> anyhow::Result<()> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("start the runtime")?;
    runtime.block_on(async {
        for pattern in &options.patterns {
            let socket = options.control.clone();
            let socket = socket.unwrap_or_else(|| Layout::under(&options.data).edge_control());
            let field = options.soft.then_some(("purge-mode", "soft"));
            let gone = timeout(PATIENCE, ask(&socket, pattern, field))
                .await
                .with_context(|| format!("purge `{pattern}`: the edge did not answer in {PATIENCE:?}"))??;
            println!("{pattern}: {gone} {}", if options.soft { "marked stale" } else { "purged" });
        }
        Ok(())
    })
}

/// How many objects, as the edge says it; `field` is a request field that says more.
pub(crate) async fn ask(
    socket: &Path,
    pattern: &str,
    field: Option<(&'static str, &str)>,
) -> anyhow::Result<String> {
    let stream = UnixStream::connect(socket).await.with_context(|| {
        format!(
            "no edge answers on `{}`: is `headwater up` running? If so, give its --data folder; for an edge that \
             runs alone, the --control socket it was given",
            socket.display()
        )
    })?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake::<_, Full<Bytes>>(TokioIo::new(stream))
            .await
            .with_context(|| format!("speak with the edge on `{}`", socket.display()))?;
    let connection = tokio::spawn(connection);
    let mut request =
        Request::builder().method("PURGE").uri(pattern).header(hyper::header::HOST, "localhost");
    if let Some((name, value)) = field {
        request = request.header(name, value);
    }
    let request = request.body(Full::default()).with_context(|| {
        format!("`{pattern}` is no path; write it as viewers ask for it, such as /main/* or /main/index.m3u8")
    })?;
    let answer = sender.send_request(request).await.context("ask the edge")?;
    let status = answer.status();
    let words = Limited::new(answer.into_body(), MAX_ANSWER_BYTES)
        .collect()
        .await
        .map_err(|fault| anyhow::anyhow!("read the edge's answer: {fault}"))?
        .to_bytes();
    connection.abort();
    let words = String::from_utf8_lossy(&words).trim_end().to_owned();
    if !status.is_success() {
        bail!("purge `{pattern}`: {words}");
    }
    Ok(words)
}
