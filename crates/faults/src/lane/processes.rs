//! Roles that are killed with SIGKILL.
//!
//! The supervisor starts a role again after 0.1 s, and waits longer where it does not live ten seconds: so faults of one lane are
//! that far apart.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::{ARRIVAL, Lane, Outcome, PATIENCE, epoch_s, lock};
use crate::events::is_event;
use crate::kind::CHANNEL;
use crate::picture::{self, FRAMES_PER_S};
use crate::publisher::Side;

/// The encoders' program.
const ENCODER: &str = "headwater-encoder";
/// How long nobody publishes where an encoder is kept away.
const AWAY: Duration = Duration::from_secs(20);
/// Until it is slate that comes, in seconds: a segment is late by another before the origin makes it.
const SLATE_BEGINS_S: u64 = 5;
/// Two rungs, and the sound.
const TRACKS: u64 = 3;
/// A role that has lived this long is started again without delay.
const SETTLED: Duration = Duration::from_millis(10_200);

impl Lane<'_, '_> {
    /// Waits until the last role that was hit has lived long enough.
    pub(super) fn settle_process(&self) {
        if let Some(at) = self.hit_at {
            thread::sleep(SETTLED.saturating_sub(at.elapsed()));
        }
    }

    pub(super) fn kill_encoder(&mut self) -> Outcome {
        let (at, at_epoch_s) = (Instant::now(), epoch_s());
        self.stack.kill_child(ENCODER);
        let healthy = loop {
            if let Some(arrived) = lock(self.client).first_after(at_epoch_s) {
                break Some(arrived - at);
            }
            if at.elapsed() > PATIENCE {
                break None;
            }
            thread::sleep(Duration::from_millis(20));
        };
        self.hit_at = Some(at);
        Outcome { healthy, switch: None }
    }

    /// Kills every encoder that starts, for a while: the origin shows its slate, and encoders go on behind it.
    pub(super) fn keep_encoders_away(&mut self) -> Outcome {
        let (at, at_epoch_s) = (Instant::now(), epoch_s());
        while at.elapsed() < AWAY {
            self.stack.pids(ENCODER).into_iter().for_each(|pid| e2e::signal(pid, Signal::KILL));
            thread::sleep(Duration::from_millis(20));
        }
        self.expect("the origin shows slate", |line| is_event(line, "origin_slate", "raised"));
        let back = Instant::now();
        let healthy = self.until(back, |line| is_event(line, "origin_slate", "cleared"));
        thread::sleep(ARRIVAL);
        // Every picture decodes, and most of those that came meanwhile are the slate.
        let until_s = at_epoch_s + AWAY.as_secs_f64();
        let file = lock(self.client).pictures(at_epoch_s, until_s);
        let means = picture::means(self.folder, &file);
        let slates = means.iter().filter(|mean| picture::is_neither(mean)).count() as u64;
        assert_eq!(means.len() as u64 % FRAMES_PER_S, 0, "a picture does not decode");
        assert!(slates >= (AWAY.as_secs() - SLATE_BEGINS_S) * FRAMES_PER_S, "{slates} of {}", means.len());
        self.hit_at = Some(Instant::now());
        Outcome { healthy, switch: None }
    }

    /// One of the two, by chance.
    pub(super) fn hit_pipeline(&mut self, with: Signal) -> Outcome {
        let pids = self.stack.pids(ENCODER);
        assert_eq!(pids.len(), 2, "two pipelines run: {pids:?}\n{}", self.stack.log_tail());
        let hit = pids[self.random.below(2) as usize];
        let at = Instant::now();
        e2e::signal(hit, with);
        let healthy = loop {
            let replaced = !self.stack.pids(ENCODER).contains(&hit);
            if replaced && self.pipelines_that_bring() == 2 {
                break Some(at.elapsed());
            }
            if at.elapsed() > PATIENCE {
                break None;
            }
            thread::sleep(Duration::from_millis(30));
        };
        self.hit_at = Some(at);
        Outcome { healthy, switch: None }
    }

    /// Encoder processes of which the origin has taken a segment of every track.
    fn pipelines_that_bring(&self) -> usize {
        let metrics = self.stack.metrics();
        let mut brought: BTreeMap<&str, u64> = BTreeMap::new();
        for line in metrics.lines().filter(|line| line.starts_with("headwater_encoder_push_segments_total{"))
        {
            let process = line.split("process=\"").nth(1).and_then(|rest| rest.split('"').next());
            if let (Some(process), false) = (process, line.ends_with(" 0")) {
                *brought.entry(process).or_default() += 1;
            }
        }
        brought.values().filter(|tracks| **tracks >= TRACKS).count()
    }

    pub(super) fn kill_origin(&mut self) -> Outcome {
        let at = Instant::now();
        self.stack.kill_child(" origin ");
        let healthy =
            self.until_answered(at, &self.stack.origin_url(&format!("/{CHANNEL}/144p30/index.m3u8")));
        // Everything a client ever read is there still, and is the same.
        lock(self.client).read_again();
        self.hit_at = Some(at);
        Outcome { healthy, switch: None }
    }

    pub(super) fn kill_ingest(&mut self) -> Outcome {
        let at = Instant::now();
        self.stack.kill_child(" ingest ");
        // As encoders do that find their connection closed.
        let offset_s = self.random.below(100_000);
        self.input(Side::Primary).publisher.start(offset_s);
        let healthy = self.until(at, |line| line["message"] == "tracks" && line["channel"] == CHANNEL);
        self.hit_at = Some(at);
        Outcome { healthy, switch: None }
    }

    pub(super) fn kill_edge(&mut self) -> Outcome {
        let at = Instant::now();
        self.stack.kill_child(" edge ");
        let healthy = self.until_answered(at, &self.stack.url("/health"));
        self.hit_at = Some(at);
        Outcome { healthy, switch: None }
    }
}
