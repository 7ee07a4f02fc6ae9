use proptest::prelude::*;

use super::*;

const SLOT: i64 = 2_000_000;
const PART: i64 = SLOT / 4;

fn contest(parts: bool) -> Contest<&'static str> {
    Contest::new(Terms { parts, patience_us: 500_000, alive_us: 2 * SLOT })
}

fn segment(pipeline: usize, slot: i64, score: u8) -> Offer {
    let kind = Kind::Segment { score, fits: true, complete: true };
    Offer { pipeline, start_us: slot * SLOT, end_us: (slot + 1) * SLOT, kind }
}

fn part(pipeline: usize, slot: i64, index: i64) -> Offer {
    let start_us = slot * SLOT + index * PART;
    Offer { pipeline, start_us, end_us: start_us + PART, kind: Kind::Part }
}

/// What was given, as pipeline and start in slots.
fn of<T>(given: Vec<(Offer, T)>) -> Vec<(usize, f64)> {
    given.iter().map(|(offer, _)| (offer.pipeline, offer.start_us as f64 / SLOT as f64)).collect()
}

/// Both have brought segment 0, so both are alive at 0.
fn both_alive(parts: bool) -> Contest<&'static str> {
    let mut contest = contest(parts);
    assert_eq!(of(contest.offer(segment(0, 0, 100), "", Utc(0))), [(0, 0.0)]);
    assert_eq!(of(contest.offer(segment(1, 0, 100), "", Utc(0))), []);
    contest
}

#[test]
fn a_full_score_is_listed_at_once_and_the_second_of_it_never() {
    let mut contest = both_alive(false);
    assert_eq!(of(contest.offer(segment(1, 1, 100), "", Utc(1))), [(1, 1.0)]);
    assert_eq!(of(contest.offer(segment(0, 1, 100), "", Utc(2))), []);
    assert_eq!(contest.next_due(), None);
}

#[test]
fn a_lesser_score_waits_for_the_better_one() {
    let mut contest = both_alive(false);
    assert_eq!(of(contest.offer(segment(0, 1, 40), "", Utc(10))), []);
    assert_eq!(contest.next_due(), Some(Utc(500_010)));
    assert_eq!(of(contest.offer(segment(1, 1, 90), "", Utc(20))), [(1, 1.0)]);
    assert_eq!(contest.next_due(), None, "the lesser one is dropped");
}

#[test]
fn of_equals_the_first_is_taken() {
    let mut contest = both_alive(false);
    contest.offer(segment(1, 1, 40), "", Utc(10));
    assert_eq!(of(contest.offer(segment(0, 1, 40), "", Utc(20))), [(1, 1.0)]);
}

#[test]
fn a_lesser_score_is_waited_with_for_a_moment_only() {
    let mut contest = both_alive(false);
    contest.offer(segment(0, 1, 40), "", Utc(0));
    assert_eq!(of(contest.due(Utc(499_999))), []);
    assert_eq!(of(contest.due(Utc(500_000))), [(0, 1.0)]);
    assert_eq!(of(contest.offer(segment(1, 1, 100), "", Utc(600_000))), [], "it is listed, so it is frozen");
}

#[test]
fn what_the_other_has_passed_over_or_left_is_not_waited_for() {
    let mut contest = both_alive(false);
    contest.offer(segment(0, 1, 40), "", Utc(0));
    assert_eq!(of(contest.offer(segment(1, 2, 100), "", Utc(1))), [(0, 1.0), (1, 2.0)]);
    contest.offer(segment(0, 3, 40), "", Utc(2));
    assert_eq!(of(contest.gone(1, Utc(3))), [(0, 3.0)]);
    assert_eq!(of(contest.offer(segment(0, 4, 40), "", Utc(4))), [(0, 4.0)], "alone, nobody waits");
}

#[test]
fn a_header_that_players_have_beats_a_better_score() {
    let mut contest = both_alive(false);
    let kind = Kind::Segment { score: 100, fits: false, complete: true };
    assert_eq!(of(contest.offer(Offer { kind, ..segment(1, 1, 0) }, "", Utc(0))), []);
    assert_eq!(of(contest.offer(segment(0, 1, 30), "", Utc(1))), [(0, 1.0)]);
}

#[test]
fn the_parts_of_a_segment_are_one_pipeline_s() {
    let mut contest = both_alive(true);
    for index in 0..4 {
        assert_eq!(of(contest.offer(part(1, 1, index), "", Utc(index))), []);
        assert_eq!(contest.held.len(), 1);
        assert_eq!(of(contest.offer(part(0, 1, index), "", Utc(index))).len(), 1);
        assert!(contest.held.is_empty(), "what the leader has brought is not kept twice");
    }
    assert_eq!(of(contest.offer(segment(0, 1, 100), "", Utc(9))), [(0, 1.0)]);
    assert_eq!(of(contest.offer(segment(1, 1, 100), "", Utc(9))), []);
}

#[test]
fn where_the_leader_breaks_off_the_other_s_parts_go_on() {
    let mut contest = both_alive(true);
    contest.offer(part(0, 1, 0), "", Utc(0));
    for index in 0..3 {
        contest.offer(part(1, 1, index), "", Utc(1));
    }
    assert_eq!(of(contest.gone(0, Utc(2))), [(1, 1.25), (1, 1.5)]);
    assert_eq!(of(contest.offer(part(1, 1, 3), "", Utc(3))), [(1, 1.75)]);
    assert_eq!(of(contest.offer(segment(1, 1, 100), "", Utc(4))), [(1, 1.0)]);
}

#[test]
fn a_leader_that_stands_still_is_waited_for_a_moment() {
    let mut contest = both_alive(true);
    contest.offer(part(0, 1, 0), "", Utc(0));
    contest.offer(part(1, 1, 0), "", Utc(0));
    contest.offer(part(1, 1, 1), "", Utc(1_000));
    assert_eq!(of(contest.due(Utc(500_999))), []);
    assert_eq!(of(contest.due(Utc(501_000))), [(1, 1.25)]);
    assert_eq!(of(contest.offer(part(0, 1, 1), "", Utc(600_000))), [], "it is back, and does not lead");
    assert_eq!(of(contest.offer(part(1, 1, 2), "", Utc(600_000))), [(1, 1.5)]);
}

#[test]
fn a_leader_that_ends_its_segment_early_is_not_believed() {
    let mut contest = both_alive(true);
    contest.offer(part(0, 1, 0), "", Utc(0));
    contest.offer(part(1, 1, 0), "", Utc(0));
    contest.offer(part(1, 1, 1), "", Utc(0));
    let kind = Kind::Segment { score: 25, fits: true, complete: false };
    let short = Offer { end_us: SLOT + PART, kind, ..segment(0, 1, 0) };
    assert_eq!(of(contest.offer(short, "", Utc(1))), [(1, 1.25)]);
}

#[test]
fn after_a_lesser_segment_the_other_leads() {
    let mut contest = both_alive(true);
    contest.offer(part(0, 1, 0), "", Utc(0));
    assert_eq!(of(contest.offer(segment(0, 1, 70), "", Utc(1))), [(0, 1.0)]);
    assert_eq!(of(contest.offer(part(0, 2, 0), "", Utc(2))), []);
    assert_eq!(of(contest.offer(part(1, 2, 0), "", Utc(3))), [(1, 2.0)]);
}

/// One step of two pipelines: which goes on, what it scores, whether it dies before, and time that passes.
fn steps() -> impl Strategy<Value = Vec<(usize, u8, bool, i64)>> {
    let score = prop_oneof![Just(100), 0..100_u8];
    proptest::collection::vec((0..2_usize, score, prop::bool::weighted(0.1), 0..1_500_000_i64), 1..200)
}

proptest! {
    #[test]
    fn every_segment_that_either_brings_is_listed_once_and_in_order(steps in steps()) {
        let mut contest = contest(false);
        let (mut now, mut next, mut brought, mut listed) = (0, [0_i64; 2], 0, Vec::new());
        for (pipeline, score, dies, passed) in steps {
            now += passed;
            listed.extend(of(contest.due(Utc(now))));
            if dies {
                listed.extend(of(contest.gone(pipeline, Utc(now))));
            }
            // Nobody is ahead of the other by more than what it is waited for allows.
            let at = next[pipeline].max(next[1 - pipeline] - 1);
            listed.extend(of(contest.offer(segment(pipeline, at, score), "", Utc(now))));
            next[pipeline] = at + 1;
            brought = brought.max(at + 1);
        }
        listed.extend(of(contest.due(Utc(now + 10 * SLOT))));
        let slots: Vec<i64> = listed.iter().map(|(_, slot)| *slot as i64).collect();
        prop_assert_eq!(slots, (0..brought).collect::<Vec<_>>());
    }

    #[test]
    fn every_part_is_listed_once_and_in_order_whoever_stops(steps in steps()) {
        let mut contest = contest(true);
        let (mut now, mut next, mut brought, mut listed) = (0, [0_i64; 2], 0, Vec::new());
        for (pipeline, _, dies, passed) in steps {
            now += passed;
            listed.extend(contest.due(Utc(now)));
            if dies {
                listed.extend(contest.gone(pipeline, Utc(now)));
            }
            let at = next[pipeline].max(next[1 - pipeline] - 1);
            listed.extend(contest.offer(part(pipeline, at / 4, at % 4), "", Utc(now)));
            if at % 4 == 3 {
                listed.extend(contest.offer(segment(pipeline, at / 4, 100), "", Utc(now)));
            }
            next[pipeline] = at + 1;
            brought = brought.max(at + 1);
        }
        listed.extend(contest.due(Utc(now + 10 * SLOT)));
        let parts = |kind: fn(&Kind) -> bool| {
            let of_kind = listed.iter().filter(|(offer, _)| kind(&offer.kind));
            of_kind.map(|(offer, _)| offer.start_us).collect::<Vec<_>>()
        };
        let listed_parts = parts(|kind| *kind == Kind::Part);
        prop_assert_eq!(listed_parts, (0..brought).map(|at| at * PART).collect::<Vec<_>>());
        let segments = parts(|kind| *kind != Kind::Part);
        prop_assert_eq!(segments, (0..brought / 4).map(|at| at * SLOT).collect::<Vec<_>>());
    }
}
