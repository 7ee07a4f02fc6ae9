#![no_main]
//! AMF 0 from outside: values or a named error.

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = rtmp::amf::read_all(bytes);
});
