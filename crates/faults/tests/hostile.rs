//! A few hundred hostile publishes. `make hostile` makes many.

use faults::hostile::{Order, run};

/// Publishes of all four protocols.
const PUBLISHES: u64 = 400;

#[test]
fn hostile_publishers_end_no_process_and_touch_no_neighbour() {
    let report = run(&Order { count: PUBLISHES, first: 0, seed: 1, pace: 40.0, log: None }, &|_| {});
    assert_eq!(report.publishes(), PUBLISHES);
    let told: Vec<_> = report.neighbours.iter().flat_map(|(_, found)| &found.told).collect();
    assert!(report.broken().is_empty(), "{:#?}\n{told:#?}\n{}", report.broken(), report.tables());
}
