//! Files of metrics in any state of damage, as they are and behind right checksums: what they hold, or nothing.
#![no_main]

use history::files::{block_around, block_of_minutes, log_around, log_of_minutes};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let (chunk, list) = data.split_at(data.len() / 2);
    for log in [data, &log_around(data)] {
        let (entries, whole) = log_of_minutes(log);
        assert!(whole <= log.len() && entries <= whole);
    }
    for block in [data, &block_around(chunk, list)] {
        for (_, _, steps) in block_of_minutes(block).unwrap_or_default() {
            assert!(steps.windows(2).all(|pair| pair[0].0 < pair[1].0));
        }
    }
});
