#![no_main]
//! Lines that roles tell the supervisor: an event that goes on as it came, or a named error.

use daemon::events::Event;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(event) = Event::parse(bytes) {
        let again = event.to_json();
        assert_eq!(Event::parse(again.as_bytes()).ok().as_ref().map(Event::condition), {
            // Escapes may make a line longer than it came.
            (again.len() <= daemon::events::MAX_LINE_BYTES).then(|| event.condition())
        });
        assert!(!event.to_string().is_empty());
    }
});
