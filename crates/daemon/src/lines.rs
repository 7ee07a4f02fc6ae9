//! One line asks a running process, one line answers: a unix socket for its owner's tools.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixListener;

use crate::{Drain, listen};

/// Longest line taken, in bytes.
const MAX_LINE: u64 = 256;
/// Longest answer taken, in bytes.
const MAX_ANSWER: u64 = 1 << 20;
/// Askers at once; further ones wait.
const MAX_ASKERS: usize = 8;
/// An asker that has not asked by then is let go.
const ASK_LIMIT: Duration = Duration::from_secs(5);
/// Longer than anything that is asked for takes.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);
/// How an answer begins that is not what was asked for.
const FAILED: &str = "failed: ";

/// Why there is no good answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Nobody answers at the socket.
    #[error("nobody answers at `{socket}`")]
    Nobody {
        /// The socket.
        socket: String,
        /// The system's words.
        #[source]
        source: io::Error,
    },
    /// The conversation broke off.
    #[error("the conversation broke off")]
    Broken(#[source] io::Error),
    /// What was asked for was not done, and why.
    #[error("{0}")]
    Failed(String),
}

/// Answers at `socket`, for its owner alone, until the drain. A socket left from an earlier run is replaced. Call inside a tokio
/// runtime.
pub fn serve<F>(
    socket: &Path,
    drain: Drain,
    answer: impl Fn(String) -> F + Send + Sync + 'static,
) -> io::Result<()>
where
    F: Future<Output = Result<String, String>> + Send + 'static,
{
    serve_on(listen::unix_for_owner(socket)?, drain, answer);
    Ok(())
}

/// [`serve`], on a socket that is there.
pub fn serve_on<F>(listener: UnixListener, drain: Drain, answer: impl Fn(String) -> F + Send + Sync + 'static)
where
    F: Future<Output = Result<String, String>> + Send + 'static,
{
    let answer = Arc::new(answer);
    listen::each(listener, MAX_ASKERS, drain, move |stream| {
        let answer = answer.clone();
        async move {
            // Whoever asked may have left.
            let _ = converse(stream, &*answer).await;
        }
    });
}

async fn converse<F>(mut stream: tokio::net::UnixStream, answer: &impl Fn(String) -> F) -> io::Result<()>
where
    F: Future<Output = Result<String, String>>,
{
    let mut line = String::new();
    let mut lines = BufReader::new((&mut stream).take(MAX_LINE));
    let read = lines.read_line(&mut line);
    tokio::time::timeout(ASK_LIMIT, read).await.map_err(io::Error::other)??;
    let said = match answer(line.trim_end().to_owned()).await {
        Ok(said) => said,
        Err(fault) => format!("{FAILED}{fault}"),
    };
    stream.write_all(format!("{said}\n").as_bytes()).await
}

/// Asks the process at `socket`, and waits for its answer, half a minute at most.
pub fn ask(socket: &Path, line: &str) -> Result<String, AskError> {
    let nobody = |source| AskError::Nobody { socket: socket.display().to_string(), source };
    let mut stream = UnixStream::connect(socket).map_err(nobody)?;
    let mut said = String::new();
    let mut talk = || {
        stream.set_read_timeout(Some(ANSWER_LIMIT))?;
        stream.write_all(format!("{line}\n").as_bytes())?;
        (&mut stream).take(MAX_ANSWER).read_to_string(&mut said)
    };
    talk().map_err(AskError::Broken)?;
    match said.trim_end().strip_prefix(FAILED) {
        Some(fault) => Err(AskError::Failed(fault.to_owned())),
        None => Ok(said.trim_end().to_owned()),
    }
}

/// [`ask`], from a task.
pub async fn ask_from_task(socket: PathBuf, line: impl Into<String>) -> Result<String, AskError> {
    let line = line.into();
    let asked = tokio::task::spawn_blocking(move || ask(&socket, &line)).await;
    asked.unwrap_or_else(|panicked| Err(AskError::Broken(io::Error::other(panicked))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_line_asks_and_a_line_answers_or_says_why_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let socket = folder.path().join("x.sock");
        let asked = |line: &'static str| {
            let socket = socket.clone();
            tokio::task::spawn_blocking(move || ask(&socket, line))
        };
        assert!(matches!(asked("early").await.expect("no panic"), Err(AskError::Nobody { .. })));
        let (drain, _trigger) = Drain::manual();
        serve(&socket, drain, |line| async move {
            match line.as_str() {
                "name" => Ok("headwater".to_owned()),
                other => Err(format!("no `{other}` here")),
            }
        })
        .expect("serves");
        assert_eq!(asked("name").await.expect("no panic").expect("an answer"), "headwater");
        let refused = asked("else").await.expect("no panic").expect_err("no answer");
        assert_eq!(refused.to_string(), "no `else` here");
    }
}
