//! Rules of composite alarms: a rule that can be asked, or a named fault.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(rule) = alarm::Rule::parse(text) {
        assert!(rule.alarms().len() <= alarm::rule::MAX_ALARMS);
        rule.holds(|name| (name.len() % 2 == 0).then_some(alarm::State::Alarm));
    }
});
