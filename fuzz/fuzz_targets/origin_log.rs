#![no_main]
//! A log file in any state of damage.

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let (_, damaged) = origin::read_records(data);
    assert!(damaged <= data.len());
});
