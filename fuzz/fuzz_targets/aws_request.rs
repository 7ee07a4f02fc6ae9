//! A request of any protocol, to an operation that the first bytes choose: read, checked, written back and read again.
#![no_main]

use aws::{Limits, Model, Protocol, validate};
use bytes::Bytes;
use http::Request;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((&[service, operation, more, form], body)) = data.split_first_chunk::<4>() else { return };
    let services = Model::bundled().services();
    let service = &services[usize::from(service) % services.len()];
    let operations = service.operations();
    let operation = &operations[(usize::from(operation) | usize::from(more) << 8) % operations.len()];
    let protocol = service.protocols[usize::from(form) % service.protocols.len()];
    let prefix = service.target_prefix.unwrap_or("");
    let (line, body) = match (protocol, body.iter().position(|&byte| byte == b'\n')) {
        (Protocol::RestJson | Protocol::RestXml, Some(end)) => (&body[..end], &body[end + 1..]),
        _ => (&b"/"[..], body),
    };
    let line = std::str::from_utf8(line).unwrap_or("/");
    let scope = format!("Credential=a/b/c/{}/aws4_request", service.signing_name);
    let request = Request::builder().method(operation.method).header("authorization", scope);
    let (request, body) = match protocol {
        Protocol::RestJson | Protocol::RestXml => (request.uri(line).header("if-match", "\"a\""), body.to_vec()),
        Protocol::Query => {
            let form = [format!("Action={}&", operation.name).as_bytes(), body].concat();
            (request.uri("/").header("content-type", "application/x-www-form-urlencoded"), form)
        }
        Protocol::RpcV2Cbor => {
            let uri = format!("/service/{prefix}/operation/{}", operation.name);
            (request.uri(uri).header("smithy-protocol", "rpc-v2-cbor"), body.to_vec())
        }
        _ => {
            let target = format!("{prefix}.{}", operation.name);
            (request.uri("/").header("x-amz-target", target), body.to_vec())
        }
    };
    let Ok(request) = request.body(Bytes::from(body)) else { return };
    let limits = Limits::default();
    match Model::bundled().route(&request, &limits) {
        Ok(call) => {
            let refused = match call.input(&limits) {
                Ok(input) => validate::check(call.service, call.operation, &input),
                Err(error) => Err(error),
            };
            if let Err(error) = refused {
                assert!(call.refusal(&error, "id").status().is_client_error());
            }
        }
        Err(unrouted) => assert!(unrouted.response("id").status().is_client_error()),
    }
});
