//! The two places of a signature: an `Authorization` header, then, after a line's end, a query. Nobody knows a secret here,
//! so that nothing may be accepted.
#![no_main]

use identity::Secret;
use identity::sigv4::{Body, Claim, Credential, Request, UnsignedPayload};
use media::Utc;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let (authorization, query) = match bytes.iter().position(|byte| *byte == b'\n') {
        Some(at) => (&bytes[..at], &bytes[at + 1..]),
        None => (bytes, &b""[..]),
    };
    let Ok(query) = std::str::from_utf8(query) else { return };
    let mut headers: Vec<(&str, &[u8])> = vec![("Host", b"localhost"), ("X-Amz-Date", b"20261121T123456Z")];
    if !authorization.is_empty() {
        headers.push(("Authorization", authorization));
    }
    let request = Request { method: "GET", path: "/prod/channels", query, headers: &headers, body: Body::Whole(b"") };
    if let Ok(claim) = Claim::read(request) {
        let credential = Credential { secret: Secret::new("nobody knows this one"), session: None };
        let now = Utc(1_795_264_496_000_000);
        assert!(claim.verify(Some(&credential), now, UnsignedPayload::Accept).is_err());
    }
});
