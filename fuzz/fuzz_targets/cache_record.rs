//! The head of a cached object's file: any bytes are a head or a named fault, and a head written again reads the same.
#![no_main]

use http_cache::record::Record;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(record) = Record::parse(bytes) {
        let again = record.encode().expect("it was no longer than a head may be");
        assert_eq!(Record::parse(&again).as_ref(), Ok(&record));
    }
});
