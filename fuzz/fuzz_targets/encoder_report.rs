#![no_main]
//! What an encoder process tells its supervisor: a report with one form, or an error.

use libfuzzer_sys::fuzz_target;
use wire::report::{REPORT_BYTES, Report};

fuzz_target!(|bytes: &[u8]| {
    let (reports, _) = bytes.as_chunks::<REPORT_BYTES>();
    for bytes in reports {
        if let Ok(report) = Report::decode(bytes) {
            assert_eq!(report.encode(), *bytes);
        }
    }
});
