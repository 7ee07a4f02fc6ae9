#![no_main]
//! What publishers say they measured: figures that survive being written again, with a score in its bounds, or an error.

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(measured) = text.parse::<wire::Measured>()
    {
        assert_eq!(measured.to_string().parse(), Ok(measured));
        assert!(measured.score() <= 100);
    }
});
