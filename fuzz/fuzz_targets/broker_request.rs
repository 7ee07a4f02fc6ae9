#![no_main]
//! What an encoder process says to its supervisor: a request of one form, or none.

use libfuzzer_sys::fuzz_target;
use wire::broker::Request;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(request) = Request::decode(bytes) {
        assert_eq!(request.encode(), bytes);
    }
});
