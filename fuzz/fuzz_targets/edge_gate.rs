//! Request heads from viewers, pipelined.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    edge::gate::read_all(bytes);
});
