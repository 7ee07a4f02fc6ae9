//! Requests as clients send them, and what they are told.

use aws::{Error, Limits, Map, Model, Protocol, validate};
use bytes::Bytes;
use http::{Request, Response};

const SIGNED: &str =
    "AWS4-HMAC-SHA256 Credential=AK/20261127/us-west-2/SERVICE/aws4_request, SignedHeaders=host, Signature=0";

fn request(method: &str, target: &str, fields: &[(&str, &str)], body: &str) -> Request<Bytes> {
    let mut request = Request::builder().method(method).uri(target);
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    request.body(Bytes::copy_from_slice(body.as_bytes())).expect("a request")
}

fn signed(service: &str, method: &str, target: &str, body: &str) -> Request<Bytes> {
    request(method, target, &[("authorization", &SIGNED.replace("SERVICE", service))], body)
}

/// `service Operation protocol`, or the code and message of the refusal.
fn routed(request: &Request<Bytes>) -> String {
    match Model::bundled().route(request, &Limits::default()) {
        Ok(call) => format!("{} {} {:?}", call.service.name, call.operation.name, call.protocol),
        Err(unrouted) => format!("{}: {}", unrouted.error.name, unrouted.error.message),
    }
}

fn text(response: &Response<Bytes>) -> &str {
    std::str::from_utf8(response.body()).expect("UTF-8")
}

/// The input's faults as the service tells them.
fn refused(request: &Request<Bytes>) -> Response<Bytes> {
    let limits = Limits::default();
    let call = Model::bundled().route(request, &limits).expect("an operation");
    let error = match call.input(&limits) {
        Ok(input) => {
            validate::check(call.service, call.operation, &input).expect_err("it is not as described")
        }
        Err(error) => error,
    };
    call.refusal(&error, "id-1")
}

#[test]
fn the_signature_names_the_service_of_a_shared_path() {
    assert_eq!(routed(&signed("mediapackage", "GET", "/channels", "")), "mediapackage ListChannels RestJson");
    assert_eq!(routed(&signed("medialive", "GET", "/prod/channels", "")), "medialive ListChannels RestJson");
    assert_eq!(
        routed(&signed("mediapackagev2", "GET", "/tags/a%2Fb", "")),
        "mediapackagev2 ListTagsForResource RestJson"
    );
    let query = "/?X-Amz-Credential=AK%2F20261127%2Fx%2Fsts%2Faws4_request&Action=GetCallerIdentity&Version=2011-06-15";
    assert_eq!(routed(&request("GET", query, &[], "")), "sts GetCallerIdentity Query");
}

#[test]
fn an_unsigned_request_is_known_by_its_form() {
    let form = ("content-type", "application/x-www-form-urlencoded; charset=utf-8");
    let body = "Action=PutMetricAlarm&Version=2010-08-01";
    assert_eq!(routed(&request("POST", "/", &[form], body)), "cloudwatch PutMetricAlarm Query");
    let target = ("x-amz-target", "GraniteServiceVersion20100801.PutMetricAlarm");
    assert_eq!(routed(&request("POST", "/", &[target], "{}")), "cloudwatch PutMetricAlarm Json10");
    let path = "/service/GraniteServiceVersion20100801/operation/PutMetricAlarm";
    let cbor = ("smithy-protocol", "rpc-v2-cbor");
    assert_eq!(routed(&request("POST", path, &[cbor], "")), "cloudwatch PutMetricAlarm RpcV2Cbor");
    let link = "/?Action=ConfirmSubscription&TopicArn=a&Token=b";
    assert_eq!(routed(&request("GET", link, &[], "")), "sns ConfirmSubscription Query");
    assert_eq!(routed(&request("GET", "/prod/inputs", &[], "")), "medialive ListInputs RestJson");
    let host = ("host", "mediapackagev2.us-west-2.localhost");
    assert_eq!(
        routed(&request("GET", "/tags/a", &[host], "")),
        "mediapackagev2 ListTagsForResource RestJson"
    );
}

#[test]
fn operations_that_share_a_path_are_told_apart_by_its_query() {
    let path = "/2020-05-31/distribution";
    assert_eq!(routed(&signed("cloudfront", "POST", path, "")), "cloudfront CreateDistribution RestXml");
    let with_tags = format!("{path}?WithTags");
    assert_eq!(
        routed(&signed("cloudfront", "POST", &with_tags, "")),
        "cloudfront CreateDistributionWithTags RestXml"
    );
    let untag = "/2020-05-31/tagging?Operation=Untag&Resource=a";
    assert_eq!(routed(&signed("cloudfront", "POST", untag, "")), "cloudfront UntagResource RestXml");
}

#[test]
fn what_no_operation_takes_is_named_in_the_clients_protocol() {
    let unknown = |request: Request<Bytes>| {
        let unrouted =
            Model::bundled().route(&request, &Limits::default()).expect_err("no operation takes it");
        let response = unrouted.response("id-1");
        (response.status().as_u16(), text(&response).to_owned())
    };
    let (status, body) = unknown(signed("medialive", "PATCH", "/prod/nothing", ""));
    assert_eq!(
        (status, &*body),
        (404, r#"{"message":"there is no operation `PATCH /prod/nothing` of medialive"}"#)
    );
    let form = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("authorization", &SIGNED.replace("SERVICE", "sns")),
    ];
    let (status, body) = unknown(request("POST", "/", &form, "Action=Sing&Version=2010-03-31"));
    assert_eq!(status, 400);
    assert!(
        body.contains("<Code>InvalidAction</Code><Message>there is no operation `Sing` of sns</Message>"),
        "{body}"
    );
    let (status, body) = unknown(request("POST", "/", &[("x-amz-target", "AmazonSQS.Sing")], "{}"));
    assert_eq!(status, 400);
    assert!(body.contains("`Sing` of sqs"), "{body}");
    let (status, body) = unknown(signed("glacier", "GET", "/", ""));
    assert_eq!(status, 404);
    assert!(body.contains("no service `glacier` here"), "{body}");
}

#[test]
fn an_operation_nobody_handles_is_refused_by_name_and_not_tried_again() {
    let request = signed("medialive", "POST", "/prod/inputDevices/x/reboot", "{}");
    let call = Model::bundled().route(&request, &Limits::default()).expect("an operation");
    let response = call.not_implemented("id-1");
    assert_eq!(response.status(), 501);
    assert_eq!(response.headers()["x-amzn-errortype"], "NotImplementedException");
    assert_eq!(text(&response), r#"{"message":"RebootInputDevice of medialive is not implemented here"}"#);
}

#[test]
fn medialive_tells_each_fault_with_its_place() {
    let body = r#"{"name":"a","encoderSettings":{"audioDescriptions":[],"outputGroups":[{"outputs":[],"outputGroupSettings":
        {"hlsGroupSettings":{"destination":{},"segmentLength":0}}}],"timecodeConfig":{"source":"MOON"},"videoDescriptions":[]}}"#;
    let response = refused(&signed("medialive", "POST", "/prod/channels", body));
    assert_eq!(response.status(), 422);
    assert_eq!(response.headers()["x-amzn-errortype"], "UnprocessableEntityException");
    let body: serde_json::Value = serde_json::from_slice(response.body()).expect("JSON");
    let told = body["validationErrors"].as_array().expect("a list");
    assert_eq!(
        told[0]["elementPath"],
        "/encoderSettings/outputGroups/0/outputGroupSettings/hlsGroupSettings/segmentLength"
    );
    assert_eq!(told[0]["errorMessage"], "Member must have value greater than or equal to 1");
    assert_eq!(told[1]["elementPath"], "/encoderSettings/timecodeConfig/source");
    assert_eq!(told.len(), 2);
}

#[test]
fn a_missing_member_is_refused_with_the_services_own_error() {
    let response = refused(&signed("mediapackagev2", "POST", "/channelGroup", "{}"));
    assert_eq!(
        (response.status().as_u16(), &response.headers()["x-amzn-errortype"]),
        (400, &"ValidationException".parse().expect("text"))
    );
    assert!(text(&response).contains(
        "Value 'null' at 'ChannelGroupName' failed to satisfy constraint: Member must not be null"
    ));
    let target = ("x-amz-target", "GraniteServiceVersion20100801.PutMetricAlarm");
    let response = refused(&request("POST", "/", &[target], r#"{"ComparisonOperator":"Is"}"#));
    assert_eq!(response.headers()["x-amzn-query-error"], "ValidationError;Sender");
}

#[test]
fn a_wrong_type_is_refused_where_it_stands() {
    let response = refused(&signed("medialive", "POST", "/prod/channels", r#"{"name": ["a"]}"#));
    assert_eq!(response.status(), 400);
    assert_eq!(
        text(&response),
        r#"{"message":"invalid type: sequence, expected a string at line 1 column 10"}"#
    );
}

#[test]
fn limits_hold_for_size_depth_and_count() {
    let limits = Limits { body: 200, depth: 3, values: 10 };
    let fault = |body: &str| {
        let request = signed("medialive", "POST", "/prod/channels", body);
        match Model::bundled().route(&request, &limits) {
            Ok(call) => call.input(&limits).expect_err("it is past a limit").message,
            Err(unrouted) => unrouted.error.message,
        }
    };
    assert_eq!(fault(&" ".repeat(201)), "the body has more than 200 bytes");
    let deep = r#"{"encoderSettings":{"outputGroups":[{"outputs":[]}]}}"#;
    assert!(fault(deep).starts_with("the request is nested too deeply"));
    let many = format!(r#"{{"destinations":[{}{{}}]}}"#, "{},".repeat(20));
    assert!(fault(&many).starts_with("the request holds too many values"));
}

#[test]
fn a_packed_body_is_unpacked_within_the_limit() {
    use std::io::Write;
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packer.write_all(&vec![b' '; 3 << 20]).expect("memory");
    let target = ("x-amz-target", "GraniteServiceVersion20100801.PutMetricData");
    let mut request = request("POST", "/", &[target, ("content-encoding", "gzip")], "");
    *request.body_mut() = packer.finish().expect("memory").into();
    let unrouted = Model::bundled().route(&request, &Limits::default()).expect_err("it is a bomb");
    assert_eq!(unrouted.response("id").status(), 413);
}

#[test]
fn xml_with_a_document_type_is_refused() {
    let body =
        "<!DOCTYPE a [<!ENTITY b \"c\">]><DistributionConfig><Comment>&b;</Comment></DistributionConfig>";
    let response = refused(&signed("cloudfront", "POST", "/2020-05-31/distribution", body));
    assert!(
        text(&response)
            .contains("<Code>MalformedXML</Code><Message>a document type is not allowed</Message>")
    );
}

#[test]
fn a_token_that_makes_calls_one_is_found() {
    let request = signed("medialive", "POST", "/prod/channels", r#"{"requestId": "t-1"}"#);
    let call = Model::bundled().route(&request, &Limits::default()).expect("an operation");
    let input = call.input(&Limits::default()).expect("an input");
    assert_eq!(call.idempotency_token(&input), Some("t-1"));
}

#[test]
fn an_output_with_a_member_that_is_not_described_is_a_fault() {
    let request = signed("mediapackage", "GET", "/channels", "");
    let call = Model::bundled().route(&request, &Limits::default()).expect("an operation");
    let fault = call.answer(&Map::new().with("Chanels", "x"), "id").expect_err("a slip of the handler");
    assert_eq!(fault.to_string(), "ListChannels has no member `Chanels` in its output");
    let fault = call.answer(&Map::new().with("NextToken", 5), "id").expect_err("a slip of the handler");
    assert_eq!(fault.to_string(), "NextToken: a whole number cannot be written as __string");
}

#[test]
fn conflicts_of_mediapackage_v2_keep_their_type() {
    let request = signed("mediapackagev2", "POST", "/channelGroup", "{}");
    let call = Model::bundled().route(&request, &Limits::default()).expect("an operation");
    assert_eq!(call.protocol, Protocol::RestJson);
    let error = Error::new("ConflictException", "it is there")
        .with("ConflictExceptionType", "RESOURCE_ALREADY_EXISTS");
    let response = call.refusal(&error, "id");
    assert_eq!(response.status(), 409);
    assert_eq!(
        text(&response),
        r#"{"Message":"it is there","ConflictExceptionType":"RESOURCE_ALREADY_EXISTS"}"#
    );
}
