//! Viewers' tokens, the paths in them, and sets of keys from an issuer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    edge::access::token::read_all(bytes);
    let _ = edge::access::jwks::parse(bytes);
    let _ = edge::access::key::Key::from_pem(bytes);
});
