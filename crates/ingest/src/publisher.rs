//! A publishing session, whatever its protocol: hands samples on, counts, and tells what is wrong.

use std::time::{Duration, Instant};

use media::{Track, Utc};

use crate::channel::Lease;
use crate::source::Output;
use crate::trouble::Trouble;

/// Over what span frame rate and bitrate are measured.
const RATE_SPAN: Duration = Duration::from_secs(2);
/// Times each kind of trouble is logged in a session; the metric counts on.
const TROUBLE_LOGS: u32 = 5;

/// One session's hold on its channel.
#[derive(Debug)]
pub(crate) struct Publisher {
    pub(crate) lease: Lease,
    /// What came of the bytes since [`Self::deliver`].
    pub(crate) outputs: Vec<Output>,
    conn: u64,
    rates: Rates,
    logged: Vec<(&'static str, u32)>,
}

impl Publisher {
    /// A session that begins; `conn` names its connection in logs.
    pub(crate) fn new(lease: Lease, conn: u64) -> Self {
        let rates = Rates::start(&lease);
        Self { lease, outputs: Vec::new(), conn, rates, logged: Vec::new() }
    }

    /// Hands on what came, in one go; `latest` is the latest time given to a sample.
    pub(crate) fn deliver(&mut self, latest: Utc) {
        if self.outputs.is_empty() {
            return;
        }
        for output in &self.outputs {
            match output {
                Output::Tracks(tracks) => self.log_tracks(tracks),
                Output::Sample(_) | Output::Trouble(_) => {}
            }
        }
        self.lease.publish(&mut self.outputs, latest);
        // Troubles are rare; the buffer stays for the next round otherwise.
        if !self.outputs.is_empty() {
            for output in std::mem::take(&mut self.outputs) {
                if let Output::Trouble(trouble) = output {
                    self.trouble(&trouble);
                }
            }
        }
    }

    /// So many bytes came at `now`.
    pub(crate) fn heard(&self, bytes: u64, now: Utc) {
        self.lease.heard(now);
        self.lease.channel().metrics.bytes.inc_by(bytes);
    }

    /// Brings the rates up to date, every two seconds; `ahead_us` says how far the publisher's clock is ahead of ours.
    pub(crate) fn update_rates(&mut self, ahead_us: impl FnOnce() -> i64) {
        self.rates.update(&self.lease, ahead_us);
    }

    fn trouble(&mut self, trouble: &Trouble) {
        let channel = self.lease.channel();
        channel.metrics.fault(trouble.label());
        let times = match self.logged.iter_mut().find(|(label, _)| *label == trouble.label()) {
            Some((_, times)) => times,
            None => {
                self.logged.push((trouble.label(), 0));
                &mut self.logged.last_mut().expect("pushed above").1
            }
        };
        *times += 1;
        match *times {
            ..TROUBLE_LOGS => {
                tracing::warn!(channel = %channel.name, conn = self.conn, fault = trouble.label(), "{trouble}");
            }
            TROUBLE_LOGS => {
                let fault = trouble.label();
                tracing::warn!(channel = %channel.name, conn = self.conn, fault, "{trouble}; the metric counts further ones");
            }
            _ => {}
        }
    }

    fn log_tracks(&self, tracks: &[Track]) {
        let formats: Vec<_> = tracks.iter().map(|track| track.format.to_string()).collect();
        let channel = &self.lease.channel().name;
        tracing::info!(%channel, conn = self.conn, tracks = formats.join(", "), "tracks");
    }
}

/// Frame rate and bitrate since the last update.
#[derive(Debug)]
struct Rates {
    since: Instant,
    frames: u64,
    bytes: u64,
}

impl Rates {
    fn start(lease: &Lease) -> Self {
        let metrics = &lease.channel().metrics;
        Self { since: Instant::now(), frames: metrics.video_frames.get(), bytes: metrics.bytes.get() }
    }

    fn update(&mut self, lease: &Lease, ahead_us: impl FnOnce() -> i64) {
        let span = self.since.elapsed();
        if span < RATE_SPAN {
            return;
        }
        let metrics = &lease.channel().metrics;
        let before = std::mem::replace(self, Self::start(lease));
        metrics.video_fps.set((self.frames - before.frames) as f64 / span.as_secs_f64());
        metrics.bitrate_bps.set((self.bytes - before.bytes) as f64 * 8.0 / span.as_secs_f64());
        metrics.ahead_seconds.set(ahead_us() as f64 / 1e6);
    }
}
