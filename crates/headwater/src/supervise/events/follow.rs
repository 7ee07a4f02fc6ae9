//! Events for whoever asks: JSON lines on a unix socket, server-sent events over HTTP.

use std::convert::Infallible;
use std::io::{self, BufRead, Read, Write};
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use daemon::events::{Event, MAX_LINE_BYTES};
use daemon::{Drain, listen};
use hyper::body::{Body, Frame};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::timeout;

use super::Events;
use super::kept::Numbered;
use crate::cli::Events as Options;
use crate::plan::Layout;

/// What a client asks for on the unix socket: those that are kept,
const LIST: &str = "list";
/// and those that come besides.
const FOLLOW: &str = "follow";
/// Longest line a client asks with.
const MAX_ASK_BYTES: u64 = 16;
/// A client that has not asked by then is let go; one that takes nothing for as long too.
const PATIENCE: Duration = Duration::from_secs(10);
/// Clients at once: of the socket, and of HTTP, which leaves room for those who read metrics.
const MAX_CLIENTS: usize = 32;
const MAX_STREAMS: usize = 8;
/// Events on their way to an HTTP client.
const ON_THE_WAY: usize = 16;
/// Between two comments that keep a silent HTTP connection open.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Answers `headwater events` on `socket`, for its owner alone, until the drain.
pub(crate) fn serve(events: Events, socket: &Path, drain: Drain) -> io::Result<()> {
    let listener = listen::unix_for_owner(socket)?;
    listen::each(listener, MAX_CLIENTS, drain, move |stream| {
        let events = events.clone();
        async move {
            // Whoever asked may leave at any time.
            let _ = answer(stream, &events).await;
        }
    });
    Ok(())
}

async fn answer(stream: UnixStream, events: &Events) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut asked = String::new();
    let mut ask = BufReader::new(read.take(MAX_ASK_BYTES));
    timeout(PATIENCE, ask.read_line(&mut asked)).await.map_err(io::Error::other)??;
    let mut reader = Reader::from(events, 0);
    loop {
        let next = match reader.kept.pop_front() {
            Some(kept) => kept,
            None if asked.trim_end() == FOLLOW => tokio::select! {
                next = reader.next() => next,
                // He has left.
                _ = ask.get_mut().get_mut().readable() => return Ok(()),
            },
            None => return Ok(()),
        };
        let line = next.event.to_json() + "\n";
        timeout(PATIENCE, write.write_all(line.as_bytes())).await.map_err(io::Error::other)??;
    }
}

/// First what is kept, then what comes.
struct Reader {
    events: Events,
    kept: std::collections::VecDeque<Arc<Numbered>>,
    live: tokio::sync::broadcast::Receiver<Arc<Numbered>>,
    last: u64,
}

impl Reader {
    fn from(events: &Events, after: u64) -> Self {
        let kept = events.kept();
        let live = events.0.live.subscribe();
        let kept: std::collections::VecDeque<_> = kept.after(after).into();
        let last = kept.back().map_or(after, |kept| kept.number);
        Self { events: events.clone(), kept, live, last }
    }

    /// The next one. Who was too slow goes on with the oldest that is kept.
    async fn next(&mut self) -> Arc<Numbered> {
        loop {
            if let Some(kept) = self.kept.pop_front() {
                self.last = kept.number;
                return kept;
            }
            match self.live.recv().await {
                Ok(next) if next.number > self.last => {
                    self.last = next.number;
                    return next;
                }
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => *self = Self::from(&self.events, self.last),
                // The sender lives as long as the supervisor.
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}

/// `GET /events`: a stream of server-sent events (HTML Living Standard §9.2), those that are kept first.
#[derive(Clone, Debug)]
pub(crate) struct Streams {
    events: Events,
    places: Arc<Semaphore>,
}

impl Streams {
    pub(crate) fn of(events: Events) -> Self {
        Self { events, places: Arc::new(Semaphore::new(MAX_STREAMS)) }
    }

    /// A stream of what came after event `after`; `None` where there are as many as may be.
    pub(crate) fn open(&self, after: u64) -> Option<Page> {
        let place = self.places.clone().try_acquire_owned().ok()?;
        let (sender, receiver) = mpsc::channel(ON_THE_WAY);
        let mut reader = Reader::from(&self.events, after);
        tokio::spawn(async move {
            loop {
                let text = match timeout(KEEP_ALIVE, reader.next()).await {
                    Ok(next) => server_sent(&next),
                    Err(_) => ":\n\n".to_owned(),
                };
                if sender.send(text.into()).await.is_err() {
                    return;
                }
            }
        });
        Some(Page::Stream(receiver, place))
    }
}

fn server_sent(Numbered { number, event }: &Numbered) -> String {
    format!("id: {number}\nevent: {}\ndata: {}\n\n", event.event, event.to_json())
}

/// The body of an answer: a text, or a stream that does not end.
#[derive(Debug)]
pub(crate) enum Page {
    Text(Option<Bytes>),
    Stream(
        mpsc::Receiver<Bytes>,
        #[expect(dead_code, reason = "held while it is read")] OwnedSemaphorePermit,
    ),
}

impl Body for Page {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = match self.get_mut() {
            Self::Text(text) => Poll::Ready(text.take()),
            Self::Stream(receiver, _) => receiver.poll_recv(context),
        };
        next.map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}

/// `headwater events`.
pub(crate) fn print(options: &Options) -> anyhow::Result<()> {
    let socket = Layout::under(&options.data).events_socket();
    let mut stream = std::os::unix::net::UnixStream::connect(&socket).with_context(|| {
        format!(
            "no `headwater up` answers at `{}`: is it running? If so, give its --data folder",
            socket.display()
        )
    })?;
    let ask = if options.follow { FOLLOW } else { LIST };
    stream.write_all(format!("{ask}\n").as_bytes()).context("ask `headwater up`")?;
    let mut lines = io::BufReader::new(stream);
    let mut out = io::stdout().lock();
    loop {
        let mut line = Vec::new();
        (&mut lines).take(MAX_LINE_BYTES as u64 + 1).read_until(b'\n', &mut line).context("read events")?;
        if line.is_empty() {
            return Ok(());
        }
        let event = Event::parse(line.trim_ascii_end()).context("read events")?;
        if options.channel.as_ref().is_some_and(|wanted| event.channel.as_deref() != Some(wanted.as_str())) {
            continue;
        }
        let said = if options.json { event.to_json() } else { event.to_string() };
        if let Err(fault) = writeln!(out, "{said}").and_then(|()| out.flush()) {
            // `headwater events -f | head` is no error.
            return if fault.kind() == io::ErrorKind::BrokenPipe { Ok(()) } else { Err(fault.into()) };
        }
    }
}
