//! Streams that come in datagrams. Nobody connects and nobody says goodbye: a publishing session is what one sender sends,
//! from its first datagram until it is silent or another takes its place.
//!
//! ```text
//! waiting --datagrams of a sender--> publishing --silent for three seconds--> waiting
//!                                     ^      |
//!                                     '------' it, or another, began anew
//! ```

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use crate::metrics::Way;
use crate::publisher::Publisher;
use crate::ts::TsSource;
use crate::udp::{Event, Input, Statistics};
use crate::{Ingest, Inlet};

/// Longest silence within a session. A transcoded channel shows its fill long before; this is for who watches the metrics.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(3);
/// How often the figures are read, and after which a leg without packets counts as gone.
const FIGURES_PERIOD: Duration = Duration::from_secs(1);
/// Pause after a channel that could not be had, which only a bug brings about.
const BUSY_PAUSE: Duration = Duration::from_secs(1);

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Silent,
    Anew,
}

impl End {
    const fn words(self) -> &'static str {
        match self {
            Self::Silent => "the sender has fallen silent",
            Self::Anew => "a sender began anew",
        }
    }
}

/// Receives for ever.
pub(crate) async fn receive(ingest: Arc<Ingest>, inlet: Inlet, mut input: Input) {
    let mut figures =
        Figures { inlet: &inlet, told: Statistics::default(), due: Instant::now() + FIGURES_PERIOD };
    loop {
        match figures.next(&mut input, None).await {
            Some(Event::Stream(bytes)) => {
                publish(&ingest, &inlet, &mut input, &mut figures, Some(Event::Stream(bytes))).await
            }
            Some(Event::Started) => publish(&ingest, &inlet, &mut input, &mut figures, None).await,
            Some(Event::Lost(_)) | None => {}
        }
    }
}

/// One session after the other, until there is silence.
async fn publish(
    ingest: &Ingest,
    inlet: &Inlet,
    input: &mut Input,
    figures: &mut Figures<'_>,
    mut first: Option<Event>,
) {
    let channel = &inlet.channel.name;
    loop {
        let Some(lease) = inlet.channel.claim_from_stale(&ingest.clock).await else {
            tracing::error!(%channel, "a channel that only its datagrams publish to is busy");
            return sleep(BUSY_PAUSE).await;
        };
        let conn = ingest.next_conn();
        tracing::info!(%channel, conn, "datagrams come");
        let source = TsSource::new(inlet.select.clone(), lease.floor());
        let mut session = Session { publisher: Publisher::new(lease, conn), source };
        let end = session.take_all(ingest, input, figures, first.take()).await;
        let now = ingest.clock.now();
        session.source.finish(now, &mut session.publisher.outputs);
        session.publisher.deliver(session.source.latest());
        session.publisher.lease.end_because(end.words());
        tracing::warn!(%channel, conn, reason = end.words(), "publisher gone");
        if end == End::Silent {
            ingest.metrics.refused("silent");
            return;
        }
    }
}

struct Session {
    publisher: Publisher,
    source: TsSource,
}

impl Session {
    async fn take_all(
        &mut self,
        ingest: &Ingest,
        input: &mut Input,
        figures: &mut Figures<'_>,
        mut first: Option<Event>,
    ) -> End {
        let mut heard = Instant::now();
        loop {
            let event = match first.take() {
                Some(event) => Some(event),
                None => figures.next(input, Some(heard + SILENCE_TIMEOUT)).await,
            };
            let (now, mut bytes) = (ingest.clock.now(), 0);
            // What has come with it is taken along, so that subscribers are woken once.
            let mut next = event;
            let mut anew = false;
            while let Some(event) = next {
                match event {
                    Event::Stream(stream) => {
                        bytes += stream.len() as u64;
                        self.source.push(&stream, now, &mut self.publisher.outputs);
                    }
                    Event::Lost(count) => self.source.lost(count, now, &mut self.publisher.outputs),
                    Event::Started => {
                        anew = true;
                        break;
                    }
                }
                next = input.ready();
            }
            self.publisher.deliver(self.source.latest());
            if bytes > 0 {
                heard = Instant::now();
                self.publisher.heard(bytes, now);
            }
            self.publisher.update_rates(|| self.source.latest().0 - ingest.clock.now().0);
            if anew {
                return End::Anew;
            }
            if heard.elapsed() >= SILENCE_TIMEOUT {
                return End::Silent;
            }
        }
    }
}

/// The input's figures on their way to the metrics.
struct Figures<'a> {
    inlet: &'a Inlet,
    told: Statistics,
    due: Instant,
}

impl Figures<'_> {
    /// The input's next event; `None` at `deadline`, or when figures were read meanwhile.
    async fn next(&mut self, input: &mut Input, deadline: Option<Instant>) -> Option<Event> {
        let wake = deadline.map_or(self.due, |deadline| deadline.min(self.due));
        let event = tokio::select! {
            event = input.next() => Some(event),
            () = sleep_until(wake) => None,
        };
        if Instant::now() >= self.due {
            self.read(input);
        }
        event
    }

    fn read(&mut self, input: &Input) {
        self.due = Instant::now() + FIGURES_PERIOD;
        let now = input.statistics();
        let channel = &self.inlet.channel.name;
        for (leg, way) in self.inlet.figures.update(&now, &self.told) {
            let leg = leg as usize + 1;
            match way {
                Way::Came => tracing::info!(%channel, leg, "a leg brings packets"),
                Way::Went => tracing::warn!(%channel, leg, "a leg brings no packets"),
            }
        }
        self.told = now;
    }
}
