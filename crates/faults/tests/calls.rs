//! A few kills while AWS calls are made. `make control-kills` makes many.

use faults::calls::{Order, run};

#[test]
fn killing_control_and_roles_in_the_middle_of_calls_leaves_nothing_half_done_and_what_runs_alone() {
    let tally = run(&Order { calls: 40, kills: 8, seed: 1 }, &|_| {});
    println!("{tally}");
    assert_eq!(tally.broken(), Vec::<String>::new(), "{tally}");
    assert!(tally.calls() >= 40 && tally.acknowledged >= 20, "{tally}");
    assert!(tally.kills["control"] > 0 && tally.findings.segments > 10, "{tally}");
}
