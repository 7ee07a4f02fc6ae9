//! The form of a dashboard's body. Spec: CloudWatch API, "dashboard body structure and syntax".

use serde_json::{Map, Value};

/// Most widgets.
const MAX_WIDGETS: usize = 500;
/// Most that is told at once.
const MAX_TOLD: usize = 20;
/// Columns of the grid.
const COLUMNS: u64 = 24;
/// Most rows of a widget.
const MAX_HEIGHT: u64 = 1000;
/// Kinds of widgets.
const TYPES: [&str; 6] = ["metric", "text", "log", "alarm", "explorer", "custom"];

/// What is wrong with a body: each with its place, as a path in the body.
pub(super) fn check(body: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    match serde_json::from_str(body) {
        Ok(Value::Object(body)) => check_body(&body, &mut found),
        Ok(_) => found.push((String::new(), "The dashboard body must be a JSON object".to_owned())),
        Err(fault) => found.push((String::new(), format!("The dashboard body is no JSON: {fault}"))),
    }
    found.truncate(MAX_TOLD);
    found
}

fn check_body(body: &Map<String, Value>, found: &mut Vec<(String, String)>) {
    let mut fault = |path: String, message: &str| found.push((path, message.to_owned()));
    match body.get("periodOverride").map(Value::as_str) {
        None | Some(Some("auto" | "inherit")) => {}
        _ => fault("/periodOverride".to_owned(), "Should be auto or inherit"),
    }
    let Some(widgets) = body.get("widgets") else {
        return fault("/widgets".to_owned(), "Should have required property 'widgets'");
    };
    let Some(widgets) = widgets.as_array() else {
        return fault("/widgets".to_owned(), "Should be an array");
    };
    if widgets.len() > MAX_WIDGETS {
        fault("/widgets".to_owned(), "Should have at most 500 widgets");
    }
    for (at, widget) in widgets.iter().enumerate() {
        let path = |member: &str| format!("/widgets/{at}{member}");
        let Some(widget) = widget.as_object() else {
            fault(path(""), "Should be an object");
            continue;
        };
        match widget.get("type").and_then(Value::as_str) {
            None => fault(path("/type"), "Should have required property 'type'"),
            Some(kind) if !TYPES.contains(&kind) => {
                fault(path("/type"), "Should be one of metric, text, log, alarm, explorer, custom");
            }
            Some(_) => {}
        }
        if !widget.get("properties").is_some_and(Value::is_object) {
            fault(path("/properties"), "Should have required property 'properties', an object");
        }
        let bounds =
            [("x", 0, COLUMNS - 1), ("y", 0, u64::MAX), ("width", 1, COLUMNS), ("height", 1, MAX_HEIGHT)];
        for (member, least, most) in bounds {
            let there = widget.get(member);
            if there
                .is_some_and(|number| !number.as_u64().is_some_and(|number| (least..=most).contains(&number)))
            {
                fault(path(&format!("/{member}")), "Should be a whole number within the grid of 24 columns");
            }
        }
        if widget.contains_key("x") != widget.contains_key("y") {
            fault(path(""), "Should have both x and y, or neither");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_an_object_with_widgets() {
        let sound = r##"{"widgets":[{"type":"text","x":0,"y":7,"width":3,"height":3,"properties":{"markdown":"# a"}}]}"##;
        assert_eq!(check(sound), []);
        assert_eq!(check(r#"{"widgets":[]}"#), []);
        let places = |body: &str| check(body).into_iter().map(|(path, _)| path).collect::<Vec<_>>();
        assert_eq!(places("{"), [""]);
        assert_eq!(places("[]"), [""]);
        assert_eq!(places("{}"), ["/widgets"]);
        assert_eq!(places(r#"{"widgets":{}}"#), ["/widgets"]);
        assert_eq!(places(r#"{"widgets":[1]}"#), ["/widgets/0"]);
        assert_eq!(places(r#"{"widgets":[{}]}"#), ["/widgets/0/type", "/widgets/0/properties"]);
        assert_eq!(
            places(
                r#"{"widgets":[{"type":"pie","x":24,"width":0,"properties":{}}],"periodOverride":"never"}"#
            ),
            ["/periodOverride", "/widgets/0/type", "/widgets/0/x", "/widgets/0/width", "/widgets/0"]
        );
        assert_eq!(places(&format!(r#"{{"widgets":[{}1]}}"#, "1,".repeat(500))).len(), MAX_TOLD);
    }
}
