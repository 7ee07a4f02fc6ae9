#![no_main]
//! A publisher's MPD.

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = origin::read_mpd(data);
});
