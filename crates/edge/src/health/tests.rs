use super::*;
use proptest::prelude::*;

const PATIENCE: Duration = Duration::from_millis(250);

fn at(start: Instant, ms: u64) -> Instant {
    start + Duration::from_millis(ms)
}

fn two() -> (Health, Instant) {
    (Health::new(2, Rules::new(PATIENCE)), Instant::now())
}

/// Asks once and lets the first asked fail with `fault`.
fn fail(health: &mut Health, fault: Fault, now: Instant) -> usize {
    let mut plan = Plan::new(Wait::Prompt);
    let Step::Ask(origin) = plan.step(health, now) else { panic!("somebody is asked") };
    plan.failed(health, origin, fault, now);
    origin
}

/// Who is asked first; he answers at once.
fn answer(health: &mut Health, wait: Wait, now: Instant) -> usize {
    let mut plan = Plan::new(wait);
    let Step::Ask(origin) = plan.step(health, now) else { panic!("somebody is asked") };
    plan.answered(health, origin, now);
    origin
}

#[test]
fn one_that_refuses_is_left_alone_and_probed_at_growing_intervals_by_one_request() {
    let (mut health, start) = two();
    let mut plan = Plan::new(Wait::Prompt);
    assert_eq!(plan.step(&mut health, start), Step::Ask(0));
    plan.failed(&mut health, 0, Fault::Connection, start);
    assert_eq!(plan.step(&mut health, start), Step::Ask(1));
    plan.answered(&mut health, 1, start);

    let mut probes = Vec::new();
    for ms in (0..100_000).step_by(10) {
        // Two requests at the same moment: only one of them is the probe.
        let now = at(start, ms);
        for _ in 0..2 {
            let mut plan = Plan::new(Wait::Prompt);
            let Step::Ask(first) = plan.step(&mut health, now) else { panic!() };
            if first == 0 {
                probes.push(ms / 1000);
                plan.failed(&mut health, 0, Fault::Connection, now);
                assert_eq!(plan.step(&mut health, now), Step::Ask(1));
            }
            plan.answered(&mut health, 1, now);
        }
    }
    assert_eq!(probes, [1, 3, 7, 15, 31, 61, 91]);
    assert_eq!(answer(&mut health, Wait::Held, at(start, 121_000)), 1, "a held request is no probe");
    assert_eq!(answer(&mut health, Wait::Prompt, at(start, 121_000)), 0);
    assert_eq!(health.states()[0], State::Doubtful { failures: 0, in_time: 1 });
    for _ in 0..9 {
        assert_eq!(answer(&mut health, Wait::Prompt, at(start, 121_000)), 0);
    }
    assert_eq!(health.states()[0], State::Good);
}

#[test]
fn a_silent_origin_is_joined_after_a_second_then_after_a_quarter_then_left_alone() {
    let (mut health, start) = two();
    let mut now = start;
    for patience in [1_000, 250, 250] {
        let mut plan = Plan::new(Wait::Prompt);
        assert_eq!(plan.step(&mut health, now), Step::Ask(0));
        assert_eq!(plan.step(&mut health, now), Step::Wait(Some(at(now, patience))));
        now = at(now, patience);
        assert_eq!(plan.step(&mut health, now), Step::Ask(1));
        assert_eq!(plan.step(&mut health, now), Step::Wait(None));
        plan.answered(&mut health, 1, now);
    }
    assert!(health.is_down(0));
    assert_eq!(answer(&mut health, Wait::Prompt, now), 1);
}

#[test]
fn requests_under_way_lose_patience_with_the_first_that_does() {
    let (mut health, start) = two();
    let (mut early, mut late) = (Plan::new(Wait::Prompt), Plan::new(Wait::Prompt));
    early.step(&mut health, start);
    late.step(&mut health, at(start, 600));
    assert_eq!(late.step(&mut health, at(start, 600)), Step::Wait(Some(at(start, 1_600))));
    let changes = health.changes();
    assert_eq!(early.step(&mut health, at(start, 1_000)), Step::Ask(1));
    assert_ne!(health.changes(), changes);
    assert_eq!(late.step(&mut health, at(start, 1_000)), Step::Ask(1));
}

#[test]
fn a_near_origin_is_given_less_time_than_a_far_one() {
    for (head_ms, patience_ms) in [(2, 250), (100, 250), (170, 340), (300, 600), (900, 1_000)] {
        let (mut health, mut now) = two();
        let mut patience = 1_000;
        for _ in 0..50 {
            let mut plan = Plan::new(Wait::Prompt);
            assert_eq!(plan.step(&mut health, now), Step::Ask(0));
            let Step::Wait(Some(until)) = plan.step(&mut health, now) else { panic!("the next may join") };
            patience = (until - now).as_millis() as u64;
            now = at(now, head_ms);
            plan.answered(&mut health, 0, now);
        }
        assert!(patience <= patience_ms && patience >= 250.max(head_ms), "{head_ms}: {patience}");
    }
}

#[test]
fn failing_statuses_count_only_in_a_row() {
    let (mut health, start) = two();
    for _ in 0..5 {
        for _ in 0..2 {
            assert_eq!(fail(&mut health, Fault::Status, start), 0);
        }
        assert_eq!(answer(&mut health, Wait::Prompt, start), 0);
    }
    for _ in 0..3 {
        assert_eq!(fail(&mut health, Fault::Status, start), 0);
    }
    assert_eq!(answer(&mut health, Wait::Prompt, start), 1);
}

#[test]
fn a_held_request_is_never_late_but_is_joined_where_others_were_kept_waiting() {
    let (mut health, start) = two();
    let mut held = Plan::new(Wait::Held);
    assert_eq!(held.step(&mut health, start), Step::Ask(0));
    assert_eq!(held.step(&mut health, at(start, 29_000)), Step::Wait(None));
    assert_eq!(health.states()[0], State::Good);
    let mut prompt = Plan::new(Wait::Prompt);
    prompt.step(&mut health, at(start, 28_000));
    assert_eq!(prompt.step(&mut health, at(start, 29_000)), Step::Ask(1));
    assert_eq!(held.step(&mut health, at(start, 29_000)), Step::Ask(1));
    prompt.answered(&mut health, 0, at(start, 29_100));
    for _ in 0..10 {
        answer(&mut health, Wait::Prompt, at(start, 29_200));
    }
    let mut next = Plan::new(Wait::Held);
    assert_eq!(next.step(&mut health, at(start, 30_000)), Step::Ask(0));
    assert_eq!(next.step(&mut health, at(start, 59_000)), Step::Wait(None));
    fail(&mut health, Fault::Connection, at(start, 59_000));
    assert_eq!(next.step(&mut health, at(start, 59_000)), Step::Ask(1));
    held.failed(&mut health, 1, Fault::Slow, at(start, 60_000));
    assert_eq!(health.states()[1], State::Good, "it had perhaps nothing to say");

    let mut held = Plan::new(Wait::Held);
    assert_eq!(held.step(&mut health, at(start, 60_000)), Step::Ask(1));
    held.failed(&mut health, 1, Fault::Connection, at(start, 60_000));
    assert!(health.is_down(1), "a refusal is a refusal");
}

#[test]
fn with_every_origin_down_each_is_still_asked_and_with_one_origin_nobody_waits() {
    let (mut health, start) = two();
    for origin in [0, 1] {
        health.failed(origin, Fault::Connection, at(start, origin as u64));
    }
    let mut plan = Plan::new(Wait::Held);
    assert_eq!(plan.step(&mut health, at(start, 5)), Step::Ask(0));
    plan.failed(&mut health, 0, Fault::Connection, at(start, 5));
    assert_eq!(plan.step(&mut health, at(start, 5)), Step::Ask(1));
    plan.failed(&mut health, 1, Fault::Connection, at(start, 5));
    assert_eq!(plan.step(&mut health, at(start, 5)), Step::GiveUp);

    let mut alone = Health::new(1, Rules::new(PATIENCE));
    for fault in [Fault::Connection, Fault::Slow, Fault::Status] {
        let mut plan = Plan::new(Wait::Prompt);
        assert_eq!(plan.step(&mut alone, start), Step::Ask(0));
        assert_eq!(plan.step(&mut alone, start), Step::Wait(None));
        plan.failed(&mut alone, 0, fault, start);
        assert_eq!(plan.step(&mut alone, start), Step::GiveUp);
    }
}

proptest! {
    /// Any number of requests among three origins that do anything: each origin is asked at most once a request, a
    /// request gives up only after all of them failed, and one that waits has somebody to wait for.
    #[test]
    fn every_request_comes_to_an_end(
        events in proptest::collection::vec((0_usize..4, 0_u8..6, 0_u64..700, any::<bool>()), 1..300)
    ) {
        let start = Instant::now();
        let mut now = start;
        let mut health = Health::new(3, Rules::new(PATIENCE));
        let mut plans: Vec<(Plan, Vec<usize>, u32)> = Vec::new();
        for (which, what, ms, held) in events {
            now += Duration::from_millis(ms);
            if plans.len() < 4 {
                let wait = if held { Wait::Held } else { Wait::Prompt };
                plans.push((Plan::new(wait), Vec::new(), 0));
            }
            let at = which % plans.len();
            let (plan, running, failures) = &mut plans[at];
            let mut over = false;
            loop {
                match plan.step(&mut health, now) {
                    Step::Ask(origin) => {
                        prop_assert!(!running.contains(&origin));
                        running.push(origin);
                    }
                    Step::Wait(until) => {
                        prop_assert!(!running.is_empty() && until.is_none_or(|until| until > now));
                        break;
                    }
                    Step::GiveUp => {
                        prop_assert!(running.is_empty() && *failures == 3);
                        over = true;
                        break;
                    }
                }
            }
            if !over && what < 5 {
                let origin = running[usize::from(what) % running.len()];
                match what {
                    0 | 1 => {
                        plan.answered(&mut health, origin, now);
                        over = true;
                        prop_assert!(!health.is_down(origin));
                    }
                    fault => {
                        let fault = [Fault::Connection, Fault::Slow, Fault::Status][usize::from(fault) - 2];
                        plan.failed(&mut health, origin, fault, now);
                        running.retain(|other| *other != origin);
                        *failures += 1;
                        if fault == Fault::Connection {
                            prop_assert!(health.is_down(origin));
                        }
                    }
                }
            }
            for state in health.states() {
                if let State::Down { wait, probe_at, .. } = state {
                    prop_assert!(*wait <= Duration::from_secs(30) && *probe_at <= now + *wait);
                }
            }
            if over {
                plans.swap_remove(at);
            }
        }
    }
}
