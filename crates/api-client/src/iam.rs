//! IAM's operations, asked as its own clients do: a form there, XML back. It answers on the same port as the native API.

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::Event;
use serde_json::{Map, Value};

use crate::Error;
use crate::client::{Api, Ask, Client};
use crate::pages::query;

/// The version of IAM's description.
const VERSION: &str = "2010-05-08";
/// Pages of a list; one that is longer is refused.
const MAX_PAGES: usize = 100;
/// Items of a page: the most that IAM gives.
const PAGE: &str = "1000";
/// How deep elements lie in each other.
const MAX_DEPTH: usize = 32;

/// Does one operation; `asked` is what people call it. Gives its result: structures as objects, lists as arrays, all else as text.
pub(crate) async fn ask(
    client: &Client,
    asked: impl Into<String>,
    operation: &'static str,
    members: &[(&str, &str)],
) -> Result<Value, Error> {
    let head = [("Action", operation), ("Version", VERSION)];
    let form = query(head.into_iter().chain(members.iter().copied()));
    let ask = Ask { api: Api::Iam, body: Some(&form), ..Ask::new(asked, "POST", "/") };
    let mut answer = client.ask(ask).await?.body;
    Ok(answer.get_mut(format!("{operation}Result")).map(Value::take).unwrap_or_default())
}

/// All of a list: the items of `member`.
pub(crate) async fn list(
    client: &Client,
    asked: &str,
    operation: &'static str,
    member: &str,
    members: &[(&str, &str)],
) -> Result<Vec<Value>, Error> {
    let (mut items, mut marker) = (Vec::new(), None::<String>);
    for _ in 0..MAX_PAGES {
        let mut members = members.to_vec();
        members.push(("MaxItems", PAGE));
        members.extend(marker.as_deref().map(|marker| ("Marker", marker)));
        let mut page = ask(client, asked, operation, &members).await?;
        if let Some(Value::Array(more)) = page.get_mut(member).map(Value::take) {
            items.extend(more);
        }
        marker = page["Marker"].as_str().map(str::to_owned);
        if marker.is_none() {
            return Ok(items);
        }
    }
    Err(Error::Endless(items.len()))
}

/// An element that is read: its name, its text and what is in it.
#[derive(Default)]
struct Element {
    name: String,
    text: String,
    children: Vec<(String, Value)>,
}

impl Element {
    /// A list has `member`s alone; what has no elements is text.
    fn value(self) -> Value {
        match self.children {
            none if none.is_empty() => Value::String(self.text),
            members if members.iter().all(|(name, _)| name == "member") => {
                members.into_iter().map(|(_, value)| value).collect()
            }
            members => Value::Object(members.into_iter().collect::<Map<_, _>>()),
        }
    }
}

/// An answer's XML: what is in its root. `None` for what is no XML.
pub(crate) fn read(body: &[u8]) -> Option<Value> {
    let mut reader = Reader::from_str(std::str::from_utf8(body).ok()?);
    let mut open = vec![Element::default()];
    let close = |open: &mut Vec<Element>| {
        let done = open.pop()?;
        open.last_mut()?.children.push((done.name.clone(), done.value()));
        Some(())
    };
    loop {
        match reader.read_event().ok()? {
            Event::Start(tag) if open.len() < MAX_DEPTH => {
                open.push(Element { name: tag.local_name().as_ref().to_owned(), ..Element::default() });
            }
            Event::Empty(tag) => {
                open.push(Element { name: tag.local_name().as_ref().to_owned(), ..Element::default() });
                close(&mut open)?;
            }
            Event::End(_) => close(&mut open)?,
            Event::Text(text) => open.last_mut()?.text.push_str(&text.xml10_content()),
            Event::GeneralRef(reference) => {
                let text = match reference.resolve_char_ref().ok()? {
                    Some(character) => character.to_string(),
                    None => resolve_predefined_entity(&reference)?.to_owned(),
                };
                open.last_mut()?.text.push_str(&text);
            }
            Event::Decl(_) | Event::Comment(_) => {}
            Event::Eof => break,
            Event::Start(_) | Event::CData(_) | Event::DocType(_) | Event::PI(_) => return None,
        }
    }
    let outermost = open.pop().filter(|_| open.is_empty())?;
    outermost.children.into_iter().next().map(|(_, root)| root)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn structures_lists_and_text_are_read_and_nothing_else() {
        let read = |text: &str| read(text.as_bytes());
        let listed = "<?xml version=\"1.0\"?><R xmlns=\"x\"><Result><Users><member><Name>a&amp;&#98;</Name></member>\
                      <member><Name>c</Name></member></Users><Empty/></Result></R>";
        let expected = json!({ "Result": { "Users": [{ "Name": "a&b" }, { "Name": "c" }], "Empty": "" } });
        assert_eq!(read(listed), Some(expected));
        for wrong in ["", "text", "<a>", "<a></b>", "<!DOCTYPE a><a/>", "<a>&b;</a>", &"<a>".repeat(99)] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
