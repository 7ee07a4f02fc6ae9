//! Roles that are killed with SIGKILL.
//!
//! The supervisor starts a role again after 0.1 s, and waits longer where it does not live ten seconds: so faults of one lane are
//! that far apart.

use std::thread;
use std::time::{Duration, Instant};

use super::{Lane, Outcome, PATIENCE, epoch_s, lock};
use crate::kind::CHANNEL;
use crate::publisher::Side;

/// A role that has lived this long is started again without delay.
const SETTLED: Duration = Duration::from_millis(10_200);

impl Lane<'_, '_> {
    pub(super) fn kill_encoder(&mut self) -> Outcome {
        let (at, at_epoch_s) = (Instant::now(), epoch_s());
        self.stack.kill_child("headwater-encoder");
        let healthy = loop {
            if let Some(arrived) = lock(self.client).first_after(at_epoch_s) {
                break Some(arrived - at);
            }
            if at.elapsed() > PATIENCE {
                break None;
            }
            thread::sleep(Duration::from_millis(20));
        };
        settled(at);
        Outcome { healthy, switch: None }
    }

    pub(super) fn kill_origin(&mut self) -> Outcome {
        let at = Instant::now();
        self.stack.kill_child(" origin ");
        let healthy =
            self.until_answered(at, &self.stack.origin_url(&format!("/{CHANNEL}/144p30/index.m3u8")));
        // Everything a client ever read is there still, and is the same.
        lock(self.client).read_again();
        settled(at);
        Outcome { healthy, switch: None }
    }

    pub(super) fn kill_ingest(&mut self) -> Outcome {
        let at = Instant::now();
        self.stack.kill_child(" ingest ");
        // As encoders do that find their connection closed.
        let offset_s = self.random.below(100_000);
        self.input(Side::Primary).publisher.start(offset_s);
        let healthy = self.until(at, |line| line["message"] == "tracks" && line["channel"] == CHANNEL);
        settled(at);
        Outcome { healthy, switch: None }
    }

    pub(super) fn kill_edge(&mut self) -> Outcome {
        let at = Instant::now();
        self.stack.kill_child(" edge ");
        let healthy = self.until_answered(at, &self.stack.url("/health"));
        settled(at);
        Outcome { healthy, switch: None }
    }
}

fn settled(since: Instant) {
    thread::sleep(SETTLED.saturating_sub(since.elapsed()));
}
