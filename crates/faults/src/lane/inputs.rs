//! Faults of publishers.

use std::thread;
use std::time::{Duration, Instant};

use super::{ARRIVAL, Lane, Outcome, PATIENCE, epoch_s, lock};
use crate::events::is_event;
use crate::kind::Kind;
use crate::picture;
use crate::publisher::Side;

/// A standby is kept from a key frame that is a second old; the publishers' come twice a second.
const STANDBY: Duration = Duration::from_millis(1_200);
/// What is shown of an input is at most so long after it was sent, and what comes after a switch is looked at for as long.
const AROUND_S: f64 = 2.5;

impl Lane<'_, '_> {
    /// Cuts the input that is shown, and lets it come back as the one that stands by.
    pub(super) fn cut_shown(&mut self) -> Outcome {
        let (cut, other) = (self.shown, self.shown.other());
        let (at, at_epoch_s) = (Instant::now(), epoch_s());
        match self.kind {
            Kind::InputReset => self.input(cut).line.cut(),
            Kind::InputFrozen => self.input(cut).publisher.freeze(),
            _ => self.input(cut).publisher.kill(),
        }
        let went_over =
            |line: &serde_json::Value| is_event(line, "failover", "happened") && line["to"] == other.as_str();
        let healthy = self.until(at, went_over);
        if healthy.is_some() {
            self.shown = other;
        }
        let away = self.random.between_ms(100, 800);
        thread::sleep(away);
        if self.kind == Kind::InputFrozen && self.random.below(2) == 0 {
            self.input(cut).publisher.thaw();
        } else {
            let offset_s = self.random.below(100_000);
            self.input(cut).publisher.start(offset_s);
        }
        let back = |line: &serde_json::Value| {
            is_event(line, "input_fault", "cleared") && line["input"] == cut.as_str()
        };
        self.events.wait(PATIENCE, back);
        // What followed the switch has arrived, and the one that is back can stand in.
        let seen = ARRIVAL.saturating_sub(at.elapsed());
        thread::sleep(seen.max(STANDBY));
        let file = lock(self.client).pictures(at_epoch_s - AROUND_S, at_epoch_s + AROUND_S);
        let switch = picture::switch(&picture::means(self.folder, &file), other);
        Outcome { healthy, switch: switch.map(|switch| Duration::from_millis(switch.milliseconds())) }
    }

    /// Cuts the only input; it comes back after a while, with other times.
    pub(super) fn cut_only(&mut self) -> Outcome {
        self.input(Side::Primary).publisher.kill();
        // From what nobody sees to what shows every kind of fill.
        let away = self.random.between_ms(0, 4_000);
        thread::sleep(away);
        let offset_s = self.random.below(100_000);
        let at = Instant::now();
        self.input(Side::Primary).publisher.start(offset_s);
        let filled = self.events.wait(Duration::from_secs(1), |line| is_event(line, "fill", "raised"));
        let healthy = match filled {
            Some(_) => self.until(at, |line| is_event(line, "fill", "cleared")),
            // It was back before a picture was wanted.
            None => Some(Duration::ZERO),
        };
        thread::sleep(Duration::from_millis(1_200));
        Outcome { healthy, switch: None }
    }
}
