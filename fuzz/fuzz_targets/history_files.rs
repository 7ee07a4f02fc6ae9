//! Files of metrics in any state of damage: what they hold, or nothing.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let (entries, whole) = history::files::log_of_minutes(data);
    assert!(whole <= data.len() && entries <= whole);
    if let Some(series) = history::files::block_of_minutes(data) {
        for (_, _, steps) in series {
            assert!(steps.windows(2).all(|pair| pair[0].0 < pair[1].0));
        }
    }
});
