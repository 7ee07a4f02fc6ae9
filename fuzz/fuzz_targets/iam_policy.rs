//! Policies: what was read decides of a call, the same again when it is read again.
#![no_main]

use identity::policy::{Call, Context, Document, decide};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(document) = Document::parse(text) else { return };
    let mut context = Context::default();
    context.add("aws:username", "eve");
    context.add("aws:SourceIp", "10.0.0.7");
    context.add("aws:CurrentTime", "2026-11-21T12:34:56Z");
    let resource = "arn:aws:medialive:us-west-2:123456789012:channel:1";
    let call = Call { action: "medialive:DescribeChannel", resource, context: &context };
    let again = Document::parse(document.text()).expect("what was read is readable");
    assert_eq!(decide([&document], &call), decide([&again], &call));
});
