//! Values, requests and answers as JSON lines, for the peer and its recorded vectors.

use aws::{Limits, Map, Model, Value};
use bytes::Bytes;
use http::Request;
use media::Utc;
use serde_json::{Value as Json, json};

/// A value with its kind: `{"t": 5}` is a date, `{"m": [["Name", {"s": "a"}]]}` a structure.
pub(crate) fn to_json(value: &Value) -> Json {
    match value {
        Value::Boolean(value) => json!({ "o": value }),
        Value::Integer(number) => json!({ "i": number.to_string() }),
        Value::Double(number) => json!({ "d": format!("{number:?}") }),
        Value::String(text) => json!({ "s": text }),
        Value::Blob(bytes) => json!({ "b": hex(bytes) }),
        Value::Timestamp(date) => json!({ "t": date.0 }),
        Value::List(list) => json!({ "l": list.iter().map(to_json).collect::<Vec<_>>() }),
        Value::Map(map) => map_json(map),
    }
}

pub(crate) fn map_json(map: &Map) -> Json {
    let mut entries: Vec<_> = map.iter().map(|(key, value)| json!([key, to_json(value)])).collect();
    // The peer has members in another order.
    entries.sort_by_key(|entry| entry[0].to_string());
    json!({ "m": entries })
}

pub(crate) fn from_json(json: &Json) -> Value {
    let (kind, held) = json.as_object().and_then(|object| object.iter().next()).expect("a value has a kind");
    let text = || held.as_str().expect("text").to_owned();
    match kind.as_str() {
        "o" => held.as_bool().expect("true or false").into(),
        "i" => Value::Integer(text().parse().expect("a number")),
        "d" => Value::Double(text().parse().expect("a number")),
        "s" => text().into(),
        "b" => Bytes::from(unhex(&text())).into(),
        "t" => Utc(held.as_i64().expect("microseconds")).into(),
        "l" => Value::List(held.as_array().expect("a list").iter().map(from_json).collect()),
        "m" => held
            .as_array()
            .expect("entries")
            .iter()
            .map(|entry| (entry[0].as_str().expect("a key").to_owned(), from_json(&entry[1])))
            .collect::<Map>()
            .into(),
        other => panic!("no kind `{other}`"),
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal"))
        .collect()
}

/// What became of a line: its request decoded, and the output or error in it encoded.
pub(crate) fn answer(line: &Json) -> Json {
    let text = |name: &str| line[name].as_str().unwrap_or_else(|| panic!("a line has `{name}`"));
    let mut request = Request::builder().method(text("method")).uri(text("target"));
    for (name, value) in line["headers"].as_object().expect("header fields") {
        request = request.header(name, value.as_str().expect("text"));
    }
    let request = request.body(Bytes::from(unhex(text("body")))).expect("a request");
    let limits = Limits::default();
    let call = match Model::bundled().route(&request, &limits) {
        Ok(call) => call,
        Err(unrouted) => return json!({ "fault": unrouted.error.message }),
    };
    let named = json!({ "service": call.service.name, "operation": call.operation.name });
    let response = if let Some(error) = line.get("error") {
        let Value::Map(members) = from_json(&error["members"]) else { panic!("members are a structure") };
        let mut told = aws::Error::new(text_of(&error["name"]), text_of(&error["message"]));
        told.members = members;
        call.refusal(&told, "request-1")
    } else if let Some(output) = line.get("output") {
        let Value::Map(output) = from_json(output) else { panic!("an output is a structure") };
        match call.answer(&output, "request-1") {
            Ok(response) => response,
            Err(fault) => return json!({ "fault": fault.to_string() }),
        }
    } else {
        return match call.input(&limits) {
            Ok(input) => json!({ "named": named, "input": map_json(&input) }),
            Err(error) => json!({ "named": named, "fault": error.message }),
        };
    };
    let headers: serde_json::Map<String, Json> = response
        .headers()
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into()))
        .collect();
    json!({ "status": response.status().as_u16(), "headers": headers, "body": hex(response.body()) })
}

fn text_of(json: &Json) -> String {
    json.as_str().expect("text").to_owned()
}
