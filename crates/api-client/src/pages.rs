//! Lists, which come in pages, gathered.

use serde_json::{Value, json};

use crate::client::{Ask, Client};
use crate::{BaseUrl, Error};

/// Entries of a page: the most that the API gives.
const PAGE: usize = 1_000;
/// Pages of a list; one that is longer is refused.
const MAX_PAGES: usize = 100;

/// A whole list, as its single page would be: `{"items": […], "next": null}`.
pub(crate) async fn gather(
    client: &Client,
    asked: &str,
    path: &str,
    filter: Option<(&str, &str)>,
) -> Result<Value, Error> {
    let mut items = Vec::new();
    let mut after: Option<String> = None;
    for _ in 0..MAX_PAGES {
        let limit = PAGE.to_string();
        let parameters = [("limit", limit.as_str())].into_iter().chain(filter);
        let query = query(parameters.chain(after.as_deref().map(|after| ("after", after))));
        let answer = client.ask(Ask { query: &query, ..Ask::new(asked, "GET", path) }).await?;
        let (page, next) = read(answer.body, &client.target().url)?;
        items.extend(page);
        match next {
            None => return Ok(json!({ "items": items, "next": null })),
            next => after = next,
        }
    }
    Err(Error::Endless(PAGE * MAX_PAGES))
}

fn read(mut page: Value, url: &BaseUrl) -> Result<(Vec<Value>, Option<String>), Error> {
    let mut take = |name| page.get_mut(name).map(Value::take).unwrap_or_default();
    let next = match take("next") {
        Value::Null => Some(None),
        Value::String(next) => Some(Some(next)),
        _ => None,
    };
    match (take("items"), next) {
        (Value::Array(items), Some(next)) => Ok((items, next)),
        _ => Err(Error::Foreign { url: url.clone(), what: "its list is no page of items".to_owned() }),
    }
}

/// `a=1&b=x%2Fy`: everything but RFC 3986's unreserved characters is encoded.
pub(crate) fn query<'a>(parameters: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut text = String::new();
    for (name, value) in parameters {
        if !text.is_empty() {
            text.push('&');
        }
        text += name;
        text.push('=');
        for byte in value.bytes() {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                    text.push(char::from(byte))
                }
                _ => text += &format!("%{byte:02X}"),
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_encoded() {
        let parameters = [("limit", "5"), ("after", "a/b c+&%é")];
        assert_eq!(query(parameters.into_iter()), "limit=5&after=a%2Fb%20c%2B%26%25%C3%A9");
    }

    #[test]
    fn only_a_page_is_read_as_one() {
        let url: BaseUrl = "http://a".parse().expect("a URL");
        let (items, next) = read(json!({ "items": [1], "next": "a" }), &url).expect("a page");
        assert_eq!((items, next.as_deref()), (vec![json!(1)], Some("a")));
        for wrong in [
            json!({}),
            json!([]),
            json!(1),
            json!({ "items": 1, "next": null }),
            json!({ "items": [], "next": 1 }),
        ] {
            assert!(read(wrong.clone(), &url).is_err(), "{wrong}");
        }
    }
}
