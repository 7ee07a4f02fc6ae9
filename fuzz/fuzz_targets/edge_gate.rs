//! Request heads from viewers: pipelined lines, and the same bytes as the fields HTTP/2 and HTTP/3 bring.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    edge::gate::read_all(bytes);
    edge::gate::check_all(bytes);
});
