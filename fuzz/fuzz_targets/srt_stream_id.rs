#![no_main]
//! Stream ids from outside: a resource or a named error.

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(id) = srt::StreamId::parse(text)
    {
        assert!(!id.resource.is_empty() && text.len() <= srt::StreamId::MAX_BYTES);
    }
});
