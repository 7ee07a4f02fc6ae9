//! A few faults of each kind. `make faults` makes many.

use faults::{Kind, Order, run};

/// Nothing that a viewer was promised is broken; times are looked at where the machine has time for nothing else.
fn holds(kind: Kind, count: u64) {
    let tally = run(&Order { kind, count, lanes: 1, seed: 1, logs: None }, &|_| {});
    assert_eq!(tally.faults, count);
    assert!(tally.broken().is_empty(), "{:?}\n{:#?}", tally.broken(), tally.findings.told);
}

#[test]
fn an_input_that_is_cut_is_replaced_by_the_other_without_a_frame_lost() {
    holds(Kind::InputKilled, 2);
    holds(Kind::InputReset, 1);
    holds(Kind::InputFrozen, 2);
}

#[test]
fn a_channel_without_a_source_goes_on_and_takes_it_back_with_any_times() {
    holds(Kind::InputAway, 2);
}

#[test]
fn an_encoder_that_is_killed_repeats_no_frame() {
    holds(Kind::EncoderKilled, 1);
}

#[test]
fn one_of_two_pipelines_may_be_killed_or_hang_and_nothing_is_seen() {
    holds(Kind::PipelineKilled, 2);
    holds(Kind::PipelineFrozen, 1);
}

#[test]
fn a_channel_without_an_encoder_goes_on_with_the_origins_slate() {
    holds(Kind::EncoderAway, 1);
    holds(Kind::PipelinesAway, 1);
}

#[test]
fn an_origin_that_is_killed_loses_nothing_it_had() {
    holds(Kind::OriginKilled, 1);
}

#[test]
fn ingest_and_the_edge_may_be_killed_and_no_frame_is_lost() {
    holds(Kind::IngestKilled, 1);
    holds(Kind::EdgeKilled, 1);
}
