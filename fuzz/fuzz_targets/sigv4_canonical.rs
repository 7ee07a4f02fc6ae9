//! A raw path, then, after a line's end, a raw query: what is canonical stays so when it is made canonical again.
#![no_main]

use identity::sigv4::canonical::{PathStyle, path, query};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (raw_path, raw_query) = text.split_once('\n').unwrap_or((text, ""));
    if let Ok(canonical) = path(raw_path, PathStyle::Once) {
        assert_eq!(path(&canonical, PathStyle::Once).as_deref(), Ok(&*canonical));
    }
    if let Ok(twice) = path(raw_path, PathStyle::Twice) {
        assert!(!twice.contains("//") && twice.is_ascii());
    }
    if let Ok(canonical) = query(raw_query) {
        assert_eq!(query(&canonical).as_deref(), Ok(&*canonical));
    }
});
