//! How much quality an encoder slower than real time gives up, step by step, and when it takes it back.
//!
//! ```text
//! 0: as configured --waits--> 1: each rung's preset one faster --waits--> … all ultrafast --waits--> every second picture
//!         ^------------------------- calm for a while, a step at a time -----------------------------------'
//! ```
//!
//! Sizes, frame rates, bitrates and headers stay: players notice nothing but the picture. What is worth most to viewers goes
//! last: a preset costs some sharpness, and half the pictures cost smooth motion.

use std::time::{Duration, Instant};

use spec::{Preset, Rung};

/// What waited this long for the encoder is too much; [`FAR_BEHIND`] is worth two steps.
const BEHIND: Duration = Duration::from_millis(350);
const FAR_BEHIND: Duration = Duration::from_millis(700);
/// With less than that, and threads that rest at least half of the time, it is calm: a preset costs up to twice the next
/// faster one.
const IN_STEP: Duration = Duration::from_millis(150);
const CALM_LOAD: f64 = 0.5;
/// How long it must be calm before a step is taken back. After one that was too much, twice as long, up to the bound.
const CALM: Duration = Duration::from_secs(30);
const MAX_CALM: Duration = Duration::from_secs(600);
/// How often it is weighed.
const WEIGH: Duration = Duration::from_secs(1);

/// The channel's.
#[derive(Debug)]
pub(crate) struct Effort {
    step: u8,
    deepest: u8,
    /// How long a step takes to show: it is taken at the next cut.
    settles: Duration,
    changed: Instant,
    weighed: Instant,
    /// The longest that something waited since then.
    waited: Duration,
    calm_since: Option<Instant>,
    calm: Duration,
    /// When a step was last taken back.
    eased: Option<Instant>,
}

impl Effort {
    /// Of a channel with these rungs and segments, from `now` on.
    pub(crate) fn new(rungs: &[Rung], segment: Duration, now: Instant) -> Self {
        let presets = rungs.iter().map(|rung| rung.preset.steps_to_cheapest());
        Self {
            step: 0,
            deepest: presets.max().unwrap_or(0) + 1,
            settles: segment + WEIGH,
            changed: now,
            weighed: now,
            waited: Duration::ZERO,
            calm_since: None,
            calm: CALM,
            eased: None,
        }
    }

    /// The step that is wanted.
    pub(crate) const fn step(&self) -> u8 {
        self.step
    }

    /// The last there is.
    pub(crate) const fn deepest(&self) -> u8 {
        self.deepest
    }

    /// Whether every second picture is left out.
    pub(crate) const fn halves(&self) -> bool {
        self.step == self.deepest
    }

    /// Something waited for the encoder. True: it is time to weigh.
    pub(crate) fn waited(&mut self, age: Duration, now: Instant) -> bool {
        self.waited = self.waited.max(age);
        now.saturating_duration_since(self.weighed) >= WEIGH
    }

    /// Weighs what was seen since the last time; the busiest thread worked this share of it. True: the step has changed.
    pub(crate) fn weigh(&mut self, load: f64, now: Instant) -> bool {
        self.weighed = now;
        let waited = std::mem::take(&mut self.waited);
        let before = self.step;
        if waited > BEHIND {
            self.calm_since = None;
            if now.saturating_duration_since(self.changed) >= self.settles {
                let steps = if waited > FAR_BEHIND { 2 } else { 1 };
                self.step = (self.step + steps).min(self.deepest);
                if self.eased.take().is_some_and(|eased| now.saturating_duration_since(eased) < self.calm) {
                    self.calm = (self.calm * 2).min(MAX_CALM);
                }
            }
        } else if waited > IN_STEP || load > CALM_LOAD {
            self.calm_since = None;
        } else if now.saturating_duration_since(*self.calm_since.get_or_insert(now)) >= self.calm {
            self.calm_since = Some(now);
            match self.step {
                0 => self.calm = CALM,
                _ => {
                    self.step -= 1;
                    self.eased = Some(now);
                }
            }
        }
        if self.step != before {
            self.changed = now;
        }
        self.step != before
    }

    /// What a rung is encoded with at `step`.
    pub(crate) fn preset(rung: &Rung, step: u8) -> Preset {
        rung.preset.cheaper(step)
    }
}

#[cfg(test)]
mod tests {
    use media::{Rational, VideoCodec};
    use spec::Profile;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    struct Machine {
        effort: Effort,
        now: Instant,
    }

    impl Machine {
        fn new(preset: Preset) -> Self {
            let rung = Rung {
                name: "a".into(),
                codec: VideoCodec::H264,
                width: 64,
                height: 64,
                frame_rate: Rational::whole(30),
                bitrate_bps: 1,
                preset,
                profile: Profile::High,
            };
            let now = Instant::now();
            Self { effort: Effort::new(&[rung], 2 * SECOND, now), now }
        }

        /// Steps after each of so many seconds in which things waited so long.
        fn steps(&mut self, seconds: u32, waited_ms: u64, load: f64) -> Vec<u8> {
            let mut steps = Vec::new();
            for _ in 0..seconds {
                self.now += SECOND;
                assert!(self.effort.waited(Duration::from_millis(waited_ms), self.now));
                self.effort.weigh(load, self.now);
                steps.push(self.effort.step());
            }
            steps
        }
    }

    #[test]
    fn a_machine_that_keeps_up_gives_nothing_up() {
        let mut machine = Machine::new(Preset::Fast);
        assert_eq!(machine.steps(600, 300, 1.0), vec![0; 600]);
    }

    #[test]
    fn each_step_is_given_time_to_show_and_the_last_one_halves_the_pictures() {
        let mut machine = Machine::new(Preset::Veryfast);
        assert_eq!(machine.steps(12, 400, 1.0), [0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 3]);
        assert!(machine.effort.halves());
    }

    #[test]
    fn a_machine_far_behind_takes_two_steps_at_once() {
        let mut machine = Machine::new(Preset::Slow);
        assert_eq!(machine.steps(9, 900, 1.0), [0, 0, 2, 2, 2, 4, 4, 4, 6]);
    }

    #[test]
    fn calm_takes_back_a_step_at_a_time_and_load_none() {
        let mut machine = Machine::new(Preset::Superfast);
        machine.steps(6, 400, 1.0);
        assert_eq!(machine.effort.step(), 2);
        assert_eq!(machine.steps(100, 0, 0.8), vec![2; 100], "the next preset would be too much");
        assert_eq!(machine.steps(62, 0, 0.3)[28..], [[2; 2].as_slice(), &[1; 30], &[0; 2]].concat());
    }

    #[test]
    fn a_step_back_that_was_too_much_is_tried_again_only_after_twice_the_time() {
        let mut machine = Machine::new(Preset::Superfast);
        machine.steps(3, 400, 1.0);
        let mut waits = Vec::new();
        for _ in 0..8 {
            let calm = machine.steps(1_000, 0, 0.1);
            waits.push(calm.iter().take_while(|step| **step == 1).count());
            // Not long after, it falls behind again.
            machine.effort.eased = Some(machine.now);
            machine.steps(3, 400, 1.0);
            assert_eq!(machine.effort.step(), 1);
        }
        assert_eq!(waits[0], 30);
        assert!(waits[1..].is_sorted() && waits[7] <= 600, "{waits:?}");
    }
}
