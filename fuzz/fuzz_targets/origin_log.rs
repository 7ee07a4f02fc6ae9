#![no_main]
//! A log file in any state of damage.

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let (_, damage) = origin::read_records(data);
    assert!(damage.bytes <= data.len() && damage.corrupt <= damage.bytes);
});
