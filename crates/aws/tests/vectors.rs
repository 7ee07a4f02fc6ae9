//! What botocore wrote and read, recorded by `tests/peer --record`.

mod support;

use std::io::{BufRead, BufReader};

use flate2::read::GzDecoder;
use serde_json::Value as Json;

#[test]
fn requests_answers_and_errors_are_as_botocore_had_them() {
    let packed: &[u8] = include_bytes!("vectors/botocore.jsonl.gz");
    let mut count = 0;
    for line in BufReader::new(GzDecoder::new(packed)).lines() {
        let line: Json = serde_json::from_str(&line.expect("it is UTF-8")).expect("it is JSON");
        assert_eq!(support::answer(&line["line"]), line["answer"], "{}", line["line"]);
        count += 1;
    }
    assert!(count > 500, "only {count} vectors");
}
