//! Bodies that are read as the largest inputs of each protocol: the first byte chooses which.
#![no_main]

use aws::{Limits, Model};
use bytes::Bytes;
use http::Request;
use libfuzzer_sys::fuzz_target;

/// Method, address, and the field that says the protocol.
const REQUESTS: [(&str, &str, (&str, &str)); 6] = [
    ("POST", "/prod/channels", ("content-type", "application/json")),
    ("POST", "/2020-05-31/distribution", ("content-type", "text/xml")),
    ("POST", "/?Action=PutMetricAlarm&Version=2010-08-01", ("content-type", "application/x-www-form-urlencoded")),
    ("POST", "/", ("x-amz-target", "GraniteServiceVersion20100801.PutMetricAlarm")),
    ("POST", "/service/GraniteServiceVersion20100801/operation/PutMetricData", ("smithy-protocol", "rpc-v2-cbor")),
    ("POST", "/service/GraniteServiceVersion20100801/operation/PutMetricAlarm", ("smithy-protocol", "rpc-v2-cbor")),
];

fuzz_target!(|data: &[u8]| {
    let Some((&which, body)) = data.split_first() else { return };
    let (method, uri, (name, value)) = REQUESTS[usize::from(which) % REQUESTS.len()];
    let request = Request::builder().method(method).uri(uri).header(name, value);
    let request = request.body(Bytes::copy_from_slice(body)).expect("a request");
    let limits = Limits { body: 65_536, depth: 32, values: 5_000 };
    let Ok(call) = Model::bundled().route(&request, &limits) else { return };
    if let Ok(input) = call.input(&limits) {
        let _ = aws::validate::violations(call.service, call.operation, &input);
    }
});
