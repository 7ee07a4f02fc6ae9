//! The API's description (OpenAPI 3.1), made of the routes that are served.
//!
//! Made by hand: a generator that reads types would describe few of them, for a channel's settings are the workflow file's, which
//! `spec` reads and explains.

use serde_json::{Map, Value, json};

use super::routes::{ROUTES, Route};

pub(crate) fn document() -> Value {
    let mut paths = Map::new();
    for route in &ROUTES {
        let item = paths.entry(route.path).or_insert_with(|| json!({}));
        item[route.method.to_ascii_lowercase()] = operation(route);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Headwater",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Requests are signed with AWS Signature Version 4 for the service `headwater`, or, from the same machine, carry `Authorization: Bearer KEY-ID.SECRET`.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "security": [{ "bearer": [] }, { "sigv4": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer", "description": "KEY-ID.SECRET, over loopback only" },
                "sigv4": { "type": "apiKey", "in": "header", "name": "Authorization", "description": "AWS4-HMAC-SHA256, service `headwater`" },
            },
            "schemas": schemas(),
        },
    })
}

fn operation(route: &Route) -> Value {
    let mut parameters: Vec<Value> = Vec::new();
    if route.path.contains("{name}") {
        parameters.push(json!({ "name": "name", "in": "path", "required": true, "schema": name_schema() }));
    }
    parameters.extend(route.query.iter().map(|name| {
        let schema = match *name {
            "limit" => json!({ "type": "integer", "minimum": 1, "maximum": 1000, "default": 100 }),
            "since" => json!({ "type": "integer", "minimum": 0 }),
            _ => json!({ "type": "string", "maxLength": 2048 }),
        };
        json!({ "name": name, "in": "query", "schema": schema })
    }));
    if route.is_conditional {
        let schema = json!({ "type": "string", "pattern": "^(\\*|\"[0-9]+\")$" });
        parameters.push(json!({ "name": "If-Match", "in": "header", "schema": schema }));
    }
    if route.method == "PUT" {
        let schema = json!({ "type": "string", "const": "*" });
        parameters.push(json!({ "name": "If-None-Match", "in": "header", "schema": schema }));
    }
    let mut answers = Map::new();
    for (status, schema) in route.answers {
        let media_type = if schema.is_some() { "application/json" } else { "text/event-stream" };
        let mut answer = json!({ "description": "Done" });
        if let Some(schema) = schema {
            answer["content"] = json!({ media_type: { "schema": reference(schema) } });
        } else if *status == 200 {
            answer["content"] = json!({ media_type: { "schema": { "type": "string" } } });
        }
        if *schema == Some("Channel") {
            answer["headers"] =
                json!({ "ETag": { "description": "The generation", "schema": { "type": "string" } } });
        }
        answers.insert(status.to_string(), answer);
    }
    let problem = json!({ "application/problem+json": { "schema": reference("Problem") } });
    answers.insert("default".to_owned(), json!({ "description": "Refused, and why", "content": problem }));
    let mut operation = json!({
        "operationId": format!("{:?}", route.operation),
        "summary": route.summary,
        "parameters": parameters,
        "responses": answers,
        "x-headwater-permission": route.action(),
    });
    if let Some((media_type, schema)) = route.body {
        operation["requestBody"] =
            json!({ "required": true, "content": { media_type: { "schema": reference(schema) } } });
    }
    operation
}

fn reference(schema: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{schema}") })
}

fn name_schema() -> Value {
    json!({ "type": "string", "pattern": "^[a-z0-9][a-z0-9_-]{0,63}$" })
}

fn schemas() -> Value {
    let date = json!({ "type": "string", "format": "date-time" });
    let owner = json!({ "type": "string", "enum": ["file", "api"], "description": "file: of the workflow file, changed there alone" });
    let count = json!({ "type": "integer", "minimum": 0 });
    let page = |item: &str| {
        json!({
            "type": "object",
            "required": ["items", "next"],
            "properties": {
                "items": { "type": "array", "items": reference(item) },
                "next": { "type": ["string", "null"], "description": "`after` of the next page; null after the last" },
            },
        })
    };
    let settings = |description: &str, required: Value| {
        json!({
            "type": "object",
            "description": description,
            "properties": { "name": name_schema(), "input": { "type": ["string", "object"] } },
            "required": required,
            "additionalProperties": true,
        })
    };
    json!({
        "Object": { "type": "object" },
        "ChannelSettings": settings(
            "A [[channel]] table of the workflow file as JSON: input, ladder, backup, latency, … The name may be left out. What is not valid is refused with the field and what would be right.",
            json!(["input"]),
        ),
        "ChannelPatch": settings("Settings to be changed (RFC 7396): null removes one.", json!([])),
        "Channel": {
            "type": "object",
            "required": ["name", "owner", "started", "state", "generation", "created", "updated"],
            "properties": {
                "name": name_schema(),
                "owner": owner,
                "started": { "type": "boolean" },
                "state": { "type": "string", "enum": ["stopped", "starting", "running", "stopping", "refused"] },
                "problem": { "type": ["string", "null"] },
                "has_source": { "type": "boolean" },
                "encoders": count,
                "generation": count,
                "observed_generation": count,
                "created": { "type": "string", "format": "date-time" },
                "updated": { "type": "string", "format": "date-time" },
                "channel": reference("ChannelSettings"),
            },
        },
        "ChannelPage": page("Channel"),
        "Resource": {
            "type": "object",
            "required": ["kind", "id", "region", "arn", "name", "owner", "generation"],
            "properties": {
                "kind": { "type": "string" },
                "id": { "type": "string" },
                "region": { "type": "string" },
                "arn": { "type": "string" },
                "name": { "type": "string" },
                "owner": { "type": "string", "enum": ["file", "api"] },
                "state": { "type": ["string", "null"], "description": "in its service's own word" },
                "generation": count,
                "observed": {},
                "observed_generation": count,
                "tags": { "type": "object", "additionalProperties": { "type": "string" } },
                "created": date,
                "updated": date,
            },
        },
        "ResourcePage": page("Resource"),
        "Status": {
            "type": "object",
            "required": ["version", "account", "services", "revision", "applied_revision", "channels", "refused"],
            "properties": {
                "version": { "type": "string" },
                "account": { "type": "string" },
                "services": { "type": "array", "items": { "type": "string" } },
                "revision": count,
                "applied_revision": count,
                "channels": { "type": "array", "items": { "type": "object" } },
                "refused": { "type": "array", "items": { "type": "object" } },
            },
        },
        "Problem": {
            "type": "object",
            "description": "RFC 9457",
            "required": ["type", "title", "status", "detail", "code", "request_id"],
            "properties": {
                "type": { "type": "string" },
                "title": { "type": "string" },
                "status": { "type": "integer" },
                "detail": { "type": "string" },
                "code": { "type": "string" },
                "request_id": { "type": "string" },
                "errors": { "type": "array", "items": {
                    "type": "object",
                    "properties": { "pointer": { "type": "string" }, "detail": { "type": "string" } },
                } },
            },
        },
    })
}
