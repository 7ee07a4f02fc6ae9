//! A publishing session over a link that brings a transport stream, from its start to the peer's end.

use std::time::Duration;

use media::Utc;
use mpegts::Select;
use srt::{Link, Lost, MAX_MESSAGE_BYTES, Received, Stats};
use tokio::time::Instant;

use crate::Ingest;
use crate::channel::{Lease, Leave};
use crate::metrics::SrtMetrics;
use crate::publisher::Publisher;
use crate::ticks::Ticks;
use crate::ts::TsSource;

/// Longest silence of a publisher.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(15);
/// How often the link's figures are read.
const STATS_PERIOD: Duration = Duration::from_secs(1);

/// Why a session ended, other than in good order.
#[derive(Debug, thiserror::Error)]
pub(crate) enum End {
    #[error(transparent)]
    Lost(#[from] Lost),
    #[error("silent for {SILENCE_TIMEOUT:?}")]
    Silent,
    #[error("another publisher came for its stream")]
    Replaced,
    #[error("its channel is no more")]
    NoChannel,
    #[error("its address is not among those that may publish")]
    NotAllowed,
}

impl From<Leave> for End {
    fn from(leave: Leave) -> Self {
        match leave {
            Leave::Replaced => Self::Replaced,
            Leave::NoChannel => Self::NoChannel,
            Leave::NotAllowed => Self::NotAllowed,
        }
    }
}

impl End {
    /// The value of the metric's `reason` label.
    pub(crate) const fn label(&self) -> &'static str {
        match self {
            Self::Lost(_) => "lost",
            Self::Silent => "silent",
            Self::Replaced => "replaced",
            Self::NoChannel => "no_channel",
            Self::NotAllowed => "address",
        }
    }
}

/// What a look at the link brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    /// So many bytes, and nothing more for now.
    Bytes(usize),
    /// The buffer is full of bytes, so there may be more.
    Full(usize),
    /// The peer has closed.
    Closed,
}

/// Takes what `link` brings, at ticks, until the peer closes (`Ok`) or is lost.
pub(crate) async fn publish(
    ingest: &Ingest,
    lease: Lease,
    select: &Select,
    conn: u64,
    ticks: &Ticks,
    metrics: &SrtMetrics,
    link: &mut impl Link,
) -> Result<(), End> {
    let source = TsSource::new(select.clone(), lease.floor());
    let mut session = Session { publisher: Publisher::new(lease, conn), source };
    let mut figures = Figures { metrics, told: Stats::default(), at: Instant::now() };
    let end = session.take_all(ingest, ticks, &mut figures, link).await;
    figures.read(link);
    session.finish(ingest.clock.now());
    session.publisher.lease.end_because(&match &end {
        Ok(()) => "the publisher closed the connection".to_owned(),
        Err(end) => end.to_string(),
    });
    end
}

struct Session {
    publisher: Publisher,
    source: TsSource,
}

impl Session {
    async fn take_all(
        &mut self,
        ingest: &Ingest,
        ticks: &Ticks,
        figures: &mut Figures<'_>,
        link: &mut impl Link,
    ) -> Result<(), End> {
        let mut ticks = ticks.follow();
        let mut heard = Instant::now();
        loop {
            tokio::select! {
                // The sender outlives every session.
                _ = ticks.changed() => {}
                leave = self.publisher.lease.is_to_leave() => return Err(leave.into()),
            }
            loop {
                let (look, now) = {
                    let mut scratch = ingest.scratch.lock();
                    let look = gather(link, &mut scratch)?;
                    let now = ingest.clock.now();
                    if let Look::Bytes(length) | Look::Full(length) = look {
                        self.take(&scratch[..length], now);
                    }
                    (look, now)
                };
                match look {
                    Look::Closed => return Ok(()),
                    Look::Bytes(0) => break,
                    Look::Bytes(length) | Look::Full(length) => {
                        heard = Instant::now();
                        self.publisher.heard(length as u64, now);
                    }
                }
                match look {
                    // A publisher that sends all it can leaves room for the others.
                    Look::Full(_) => tokio::task::yield_now().await,
                    Look::Bytes(_) | Look::Closed => break,
                }
            }
            if heard.elapsed() >= SILENCE_TIMEOUT {
                return Err(End::Silent);
            }
            figures.read_in_time(link);
            self.publisher.update_rates(|| self.source.latest().0 - ingest.clock.now().0);
        }
    }

    fn take(&mut self, bytes: &[u8], now: Utc) {
        self.source.push(bytes, now, &mut self.publisher.outputs);
        self.publisher.deliver(self.source.latest());
    }

    fn finish(&mut self, now: Utc) {
        self.source.finish(now, &mut self.publisher.outputs);
        self.publisher.deliver(self.source.latest());
    }
}

/// Gathers messages in `buffer` until there is none for now or no room for another. What came before an end is given first:
/// the link tells its end again at the next look.
fn gather(link: &mut impl Link, buffer: &mut [u8]) -> Result<Look, Lost> {
    let mut filled = 0;
    loop {
        if buffer.len() - filled < MAX_MESSAGE_BYTES {
            return Ok(Look::Full(filled));
        }
        match link.receive(&mut buffer[filled..]) {
            Ok(Received::Message(length)) => filled += length,
            Ok(Received::Nothing) => return Ok(Look::Bytes(filled)),
            Ok(Received::Closed) if filled == 0 => return Ok(Look::Closed),
            Err(lost) if filled == 0 => return Err(lost),
            Ok(Received::Closed) | Err(_) => return Ok(Look::Full(filled)),
        }
    }
}

/// The link's figures on their way to the metrics.
struct Figures<'a> {
    metrics: &'a SrtMetrics,
    told: Stats,
    at: Instant,
}

impl Figures<'_> {
    fn read_in_time(&mut self, link: &mut impl Link) {
        if self.at.elapsed() >= STATS_PERIOD {
            self.read(link);
        }
    }

    fn read(&mut self, link: &mut impl Link) {
        self.at = Instant::now();
        if let Some(now) = link.stats() {
            self.metrics.update(&now, &self.told);
            self.told = now;
        }
    }
}

impl Drop for Figures<'_> {
    fn drop(&mut self) {
        self.metrics.off();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::net::SocketAddr;

    use super::*;

    /// A link that brings these messages, then `end`.
    struct Canned {
        messages: VecDeque<usize>,
        end: Result<Received, Lost>,
    }

    impl Link for Canned {
        fn receive(&mut self, buffer: &mut [u8]) -> Result<Received, Lost> {
            match self.messages.pop_front() {
                Some(length) => {
                    buffer[..length].fill(7);
                    Ok(Received::Message(length))
                }
                None => self.end.clone(),
            }
        }

        fn stats(&mut self) -> Option<Stats> {
            None
        }

        fn peer(&self) -> SocketAddr {
            ([127, 0, 0, 1], 1).into()
        }
    }

    fn looks(messages: &[usize], end: Result<Received, Lost>, buffer: usize) -> Vec<Result<Look, Lost>> {
        let mut link = Canned { messages: messages.iter().copied().collect(), end };
        let mut buffer = vec![0; buffer];
        let mut looks = Vec::new();
        loop {
            let look = gather(&mut link, &mut buffer);
            let over = !matches!(look, Ok(Look::Full(_)));
            looks.push(look);
            if over {
                return looks;
            }
        }
    }

    #[test]
    fn messages_are_gathered_as_far_as_the_buffer_has_room() {
        assert_eq!(looks(&[], Ok(Received::Nothing), 4_000), [Ok(Look::Bytes(0))]);
        assert_eq!(looks(&[1_316; 2], Ok(Received::Nothing), 4_500), [Ok(Look::Bytes(2_632))]);
        assert_eq!(
            looks(&[1_316; 5], Ok(Received::Nothing), 4_000),
            [Ok(Look::Full(2_632)), Ok(Look::Full(2_632)), Ok(Look::Bytes(1_316))]
        );
    }

    #[test]
    fn what_came_before_the_end_is_taken_before_the_end_is_told() {
        let lost = Lost("gone".to_owned());
        assert_eq!(looks(&[188], Ok(Received::Closed), 4_000), [Ok(Look::Full(188)), Ok(Look::Closed)]);
        assert_eq!(looks(&[188], Err(lost.clone()), 4_000), [Ok(Look::Full(188)), Err(lost)]);
    }
}
