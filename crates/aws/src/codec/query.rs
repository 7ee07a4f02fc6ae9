//! Form fields of the query protocol: `Tags.member.1.Key=a`.

use std::collections::BTreeMap;

use super::{Fault, scalar};
use crate::limits::Budget;
use crate::model::{Kind, Member, Ref, Service};
use crate::value::{Map, Value};

/// Fields by the parts of their names.
#[derive(Debug, Default)]
struct Node {
    text: Option<String>,
    children: BTreeMap<String, Node>,
}

/// Fields as a structure.
pub(crate) fn read(
    service: &Service,
    target: &Ref,
    fields: &[(String, String)],
    budget: &Budget,
) -> Result<Value, Fault> {
    let mut root = Node::default();
    for (name, text) in fields {
        let mut node = &mut root;
        for (depth, part) in name.split('.').enumerate() {
            // Lists, maps and their entries have names of their own here, so that a value is up to three parts deep.
            budget.take(depth / 3)?;
            node = node.children.entry(part.to_owned()).or_default();
        }
        node.text = Some(text.clone());
    }
    value(service, target, &root, "the request")
}

fn value(service: &Service, target: &Ref, node: &Node, name: &str) -> Result<Value, Fault> {
    match &service.shape(target.shape).kind {
        Kind::Structure(structure) => {
            let mut map = Map::new();
            for member in &structure.members {
                let key = field_name(service, member);
                if let Some(child) = node.children.get(key) {
                    map.insert(member.name, value(service, &member.target, child, key)?);
                }
            }
            Ok(map.into())
        }
        Kind::List(inner) => {
            let elements = match target.flattened {
                true => Some(node),
                false => inner
                    .wire_name
                    .and_then(|name| node.children.get(name))
                    .or_else(|| node.children.get("member")),
            };
            let elements = elements.map(|node| numbered(node, name)).transpose()?.unwrap_or_default();
            Ok(Value::List(
                elements
                    .into_iter()
                    .map(|node| value(service, inner, node, name))
                    .collect::<Result<_, _>>()?,
            ))
        }
        Kind::Map { key, value: inner } => {
            let entries = if target.flattened { Some(node) } else { node.children.get("entry") };
            let mut map = Map::new();
            for entry in entries.map(|node| numbered(node, name)).transpose()?.unwrap_or_default() {
                let part = |part: &str| {
                    entry
                        .children
                        .get(part)
                        .ok_or_else(|| Fault::new(format!("an entry of `{name}` has no `{part}`")))
                };
                let text = part(key.wire_name.unwrap_or("key"))?.text.clone().unwrap_or_default();
                let held = part(inner.wire_name.unwrap_or("value"))?;
                map.insert(text, value(service, inner, held, name)?);
            }
            Ok(map.into())
        }
        _ => match &node.text {
            Some(text) => {
                scalar::read(service, target, text).map_err(|fault| Fault::new(format!("`{name}`: {fault}")))
            }
            None => Err(Fault::new(format!("`{name}` has no value of its own"))),
        },
    }
}

/// A node's children by their numbers, which begin anywhere and may have gaps.
fn numbered<'n>(node: &'n Node, name: &str) -> Result<Vec<&'n Node>, Fault> {
    let mut elements = node
        .children
        .iter()
        .map(|(index, child)| match index.parse::<u32>() {
            Ok(index) => Ok((index, child)),
            Err(_) => Err(Fault::new(format!(
                "`{name}` has an element called `{}`, which is no number",
                scalar::shortened(index)
            ))),
        })
        .collect::<Result<Vec<_>, _>>()?;
    elements.sort_by_key(|(index, _)| *index);
    Ok(elements.into_iter().map(|(_, child)| child).collect())
}

/// A flattened list goes by its elements' name, where they have one.
fn field_name(service: &Service, member: &Member) -> &'static str {
    let name = match &service.shape(member.target.shape).kind {
        Kind::List(inner) if member.target.flattened => inner.wire_name.unwrap_or_else(|| member.wire_name()),
        _ => member.wire_name(),
    };
    member.target.query_name.unwrap_or(name)
}

/// `a=b&c=d`, decoded. A plus is a space.
pub(crate) fn fields(text: &str) -> Result<Vec<(String, String)>, Fault> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((unescaped(name, Plus::Space)?, unescaped(value, Plus::Space)?))
        })
        .collect()
}

/// What a plus stands for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plus {
    /// In queries and forms.
    Space,
    /// In paths.
    Itself,
}

/// Percent-decoded text.
pub(crate) fn unescaped(text: &str, plus: Plus) -> Result<String, Fault> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'+' if plus == Plus::Space => b' ',
            b'%' => {
                let mut digit = || bytes.next().and_then(|byte| (byte as char).to_digit(16));
                match (digit(), digit()) {
                    (Some(high), Some(low)) => (high * 16 + low) as u8,
                    _ => return Err(Fault::new("a percent sign is not followed by two hexadecimal digits")),
                }
            }
            _ => byte,
        });
    }
    String::from_utf8(out).map_err(|_| Fault::new("percent-encoded text is not UTF-8"))
}
