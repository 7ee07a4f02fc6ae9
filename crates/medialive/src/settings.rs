//! A request held against the table of its settings: what is in no table is refused by name.

mod audio;
mod channel;
mod input;
mod output;
mod video;

use aws::model::{Kind, Shape};
use aws::{Map, Model, Service, Value};

use crate::at::{Invalid, wire};

/// At most so many complaints at once.
const MAX_TOLD: usize = 20;

/// What becomes of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// It is done. Where it is a structure, each of its members is looked at.
    Done,
    /// Nothing that viewers see or hear follows from it here, for this reason; it is kept and told again.
    Kept(&'static str),
    /// What is done anyway; every other value is refused.
    Only(&'static [&'static str]),
    /// Refused, with this said of it.
    Refused(&'static str),
}

/// The members of one shape.
pub(crate) type Row = (&'static str, &'static [(&'static str, Rule)]);

/// Every shape whose members are looked at.
pub(crate) fn table() -> impl Iterator<Item = &'static Row> {
    [channel::ROWS, input::ROWS, output::ROWS, video::ROWS, audio::ROWS].into_iter().flatten()
}

/// Looks at every member of `map`, which is a `shape` of MediaLive's description.
pub(crate) fn check(shape: &str, map: &Map) -> Vec<Invalid> {
    let service = service();
    let mut found = Found { service, path: String::new(), invalid: Vec::new() };
    if let Some(shape) = service.shape_named(shape) {
        found.structure(shape, map);
    }
    found.invalid
}

/// MediaLive's description.
pub(crate) fn service() -> &'static Service {
    Model::bundled().service("medialive").expect("it is bundled")
}

struct Found {
    service: &'static Service,
    path: String,
    invalid: Vec<Invalid>,
}

impl Found {
    fn structure(&mut self, shape: &Shape, map: &Map) {
        let Kind::Structure(structure) = &shape.kind else { return };
        let rows = table().find(|(name, _)| *name == shape.name).map_or(&[][..], |(_, rows)| rows);
        for (name, value) in map.iter() {
            let length = self.path.len();
            self.path += &format!("/{}", wire(name));
            let rule = rows.iter().find(|(member, _)| member == name).map(|(_, rule)| *rule);
            match rule {
                _ if value.as_list().is_some_and(<[Value]>::is_empty) => {}
                Some(Rule::Done) => {
                    if let Some(member) = structure.member(name) {
                        self.value(self.service.shape(member.target.shape), value);
                    }
                }
                Some(Rule::Kept(_)) => {}
                Some(Rule::Only(values)) => self.only(values, value),
                Some(Rule::Refused(why)) => self.tell(why.to_owned()),
                None => self.tell(format!("{name} is not implemented; leave it out")),
            }
            self.path.truncate(length);
        }
    }

    fn value(&mut self, shape: &Shape, value: &Value) {
        match (&shape.kind, value) {
            (Kind::Structure(_), Value::Map(map)) => self.structure(shape, map),
            (Kind::List(element), Value::List(list)) => {
                for (index, value) in list.iter().enumerate() {
                    let length = self.path.len();
                    self.path += &format!("/{index}");
                    self.value(self.service.shape(element.shape), value);
                    self.path.truncate(length);
                }
            }
            _ => {}
        }
    }

    fn only(&mut self, values: &[&str], value: &Value) {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Integer(number) => number.to_string(),
            Value::Double(number) => number.to_string(),
            Value::Boolean(is) => is.to_string(),
            other => other.kind().to_owned(),
        };
        if !values.contains(&text.as_str()) {
            self.tell(format!("{text} is not implemented; {} is what is done", values.join(" or ")));
        }
    }

    fn tell(&mut self, message: String) {
        if self.invalid.len() < MAX_TOLD {
            self.invalid.push(Invalid { path: self.path.clone(), message });
        }
    }
}

#[cfg(test)]
mod tests;
