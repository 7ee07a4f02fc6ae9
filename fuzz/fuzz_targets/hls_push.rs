//! What comes to the door of pushed HLS: an `Authorization` header, then, after a line's end, a request's target. Nobody knows the password
//! here, so that nothing may be let in; a target is no file's, or one's below its place.
#![no_main]

use std::time::Duration;

use http_auth::{Asked, Gate, Login, Password, Refusal};
use playlist::Url;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let (authorization, target) = match bytes.iter().position(|byte| *byte == b'\n') {
        Some(at) => (&bytes[..at], &bytes[at + 1..]),
        None => (bytes, &b"/in/news/main/index.m3u8"[..]),
    };
    let login = Login { user: "encoder".into(), password: Password("nobody knows this one".into()) };
    let mut gate = Gate::new("headwater", login, [7; 32]);
    let text = String::from_utf8_lossy(target);
    let asked = Asked { method: "PUT", target: &text };
    let now = Duration::from_secs(10_000);
    let refusal = gate.admit(asked, Some(authorization), now).expect_err("nobody knows the password");
    assert!(matches!(refusal, Refusal::Malformed(_) | Refusal::Wrong), "{refusal}");
    assert_eq!(gate.challenges(refusal.stale(), now).len(), 3);

    let root: Url = "http://pushed/".parse().expect("a URL");
    if let Ok(url) = root.join(&text)
        && let Some(name) = spec::pushed_file("news/main", url.path())
    {
        assert!(name.len() <= 512 && name.split('/').all(|element| !element.is_empty() && element != ".."));
        assert_eq!(url.path(), format!("/in/news/main/{name}"));
    }
});
