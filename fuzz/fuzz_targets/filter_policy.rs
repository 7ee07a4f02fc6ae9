//! A filter policy from the first line, held against the rest as a message's body and as an attribute.
#![no_main]

use std::collections::BTreeMap;

use filter::{Policy, Scope, Value};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (policy, message) = text.split_once('\n').unwrap_or((text, ""));
    if let Ok(policy) = Policy::parse(policy, Scope::Body) {
        policy.admits_body(message);
    }
    if let Ok(policy) = Policy::parse(policy, Scope::Attributes) {
        let values = vec![Value::Text(message.to_owned()), Value::Number(message.len() as f64), Value::Null];
        policy.admits_attributes(&BTreeMap::from([("a".to_owned(), values)]));
    }
});
