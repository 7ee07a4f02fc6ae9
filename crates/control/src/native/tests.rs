//! The description beside what is served.

use std::collections::BTreeSet;

use http::Method;
use serde_json::Value;

use super::openapi::document;
use super::routes::{self, Found, ROUTES};

fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(target)) = members.get("$ref") {
                found.insert(target.clone());
            }
            members.values().for_each(|value| references(value, found));
        }
        Value::Array(list) => list.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[test]
fn the_description_has_every_route_once_and_nothing_it_refers_to_is_missing() {
    let document = document();
    let described: usize = document["paths"]
        .as_object()
        .expect("paths")
        .values()
        .map(|item| item.as_object().expect("methods").len())
        .sum();
    assert_eq!(described, ROUTES.len());
    let mut ids = BTreeSet::new();
    for route in &ROUTES {
        let operation = &document["paths"][route.path][route.method.to_ascii_lowercase()];
        assert!(ids.insert(operation["operationId"].as_str().expect("an id").to_owned()), "{route:?}");
        assert_eq!(operation["x-headwater-permission"], route.action());
        let path = route.path.replace("{name}", "main");
        let found = routes::find(&Method::from_bytes(route.method.as_bytes()).expect("a method"), &path);
        assert!(matches!(found, Found::Route(found, _) if found.operation == route.operation), "{path}");
    }
    let mut referred = BTreeSet::new();
    references(&document, &mut referred);
    for target in referred {
        let pointer = target.strip_prefix('#').expect("within the document");
        assert!(document.pointer(pointer).is_some(), "{target}");
    }
}

#[test]
fn a_path_is_one_of_the_table_or_nothing() {
    let found = |method: &str, path: &str| match routes::find(
        &Method::from_bytes(method.as_bytes()).expect("one"),
        path,
    ) {
        Found::Route(route, name) => format!("{:?} {name}", route.operation),
        Found::OtherMethods(allowed) => allowed,
        Found::Nothing => "nothing".to_owned(),
    };
    assert_eq!(found("GET", "/v1/channels/a"), "GetChannel a");
    assert_eq!(found("HEAD", "/v1/channels/a"), "GetChannel a");
    assert_eq!(found("POST", "/v1/channels/a/start"), "StartChannel a");
    assert_eq!(found("POST", "/v1/channels/a"), "GET, PUT, PATCH, DELETE");
    for path in
        ["/v1", "/v1/", "/v1/channels/", "/v1/channels/a/", "/v1/channels/a/b", "/v1/channels/a/start/b"]
    {
        let found = found("GET", path);
        assert!(found == "nothing" || path == "/v1/channels/", "{path}: {found}");
    }
}
