//! Request heads from viewers of a distribution: what of them is in the key and reaches an origin.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    edge::distribution_key(bytes);
});
