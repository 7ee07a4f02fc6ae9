//! Reads what a call asks, member by member, so that none is passed over in silence.
//!
//! The description's own bounds were held before. Here is what is carried out: the rest is refused by its name.

use std::fmt::Display;
use std::ops::RangeInclusive;

use aws::{Map, Value};

/// A setting that is not carried out, or that contradicts another: its name, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) path: String,
    pub(crate) why: String,
}

impl Refusal {
    pub(crate) fn new(path: impl Into<String>, why: impl Into<String>) -> Self {
        Self { path: path.into(), why: why.into() }
    }
}

impl Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.path, self.why)
    }
}

/// A structure of which members are taken one by one; [`Self::finish`] refuses what is left.
pub(crate) struct Settings<'m> {
    path: String,
    map: &'m Map,
    taken: Vec<&'static str>,
    /// As it is carried out: what was given, and what stands in for what was not.
    done: Map,
}

impl<'m> Settings<'m> {
    pub(crate) fn new(path: impl Into<String>, map: &'m Map) -> Self {
        Self { path: path.into(), map, taken: Vec::new(), done: Map::new() }
    }

    /// The member, kept as it is.
    pub(crate) fn keep(&mut self, name: &'static str) -> Option<&'m Value> {
        let value = self.take(name)?;
        self.done.insert(name, value.clone());
        Some(value)
    }

    /// A whole number within what can be carried out.
    pub(crate) fn whole(
        &mut self,
        name: &'static str,
        bound: RangeInclusive<u32>,
    ) -> Result<Option<u32>, Refusal> {
        match self.keep(name) {
            None => Ok(None),
            Some(Value::Integer(number)) => {
                match u32::try_from(*number) {
                    Ok(number) if bound.contains(&number) => Ok(Some(number)),
                    _ => Err(self
                        .refusal(name, format!("{number} is not from {} to {}", bound.start(), bound.end()))),
                }
            }
            Some(other) => Err(self.refusal(name, format!("a whole number is wanted, not {}", other.kind()))),
        }
    }

    /// The same with a default, which the answer shows.
    pub(crate) fn whole_or(
        &mut self,
        name: &'static str,
        bound: RangeInclusive<u32>,
        default: u32,
    ) -> Result<u32, Refusal> {
        let given = self.whole(name, bound)?;
        if given.is_none() {
            self.done.insert(name, default);
        }
        Ok(given.unwrap_or(default))
    }

    /// One of the words that are carried out.
    pub(crate) fn word(
        &mut self,
        name: &'static str,
        carried_out: &[&'static str],
    ) -> Result<Option<&'static str>, Refusal> {
        let Some(value) = self.keep(name) else { return Ok(None) };
        let given = value.as_str().unwrap_or_default();
        match carried_out.iter().find(|word| **word == given) {
            Some(word) => Ok(Some(word)),
            None => Err(self
                .refusal(name, format!("{given} is not carried out here; {} is", carried_out.join(" or ")))),
        }
    }

    /// The same with a default, which the answer shows.
    pub(crate) fn word_or(
        &mut self,
        name: &'static str,
        carried_out: &[&'static str],
        default: &'static str,
    ) -> Result<&'static str, Refusal> {
        let given = self.word(name, carried_out)?;
        if given.is_none() {
            self.done.insert(name, default);
        }
        Ok(given.unwrap_or(default))
    }

    /// A flag that can only be false.
    pub(crate) fn off(&mut self, name: &'static str) -> Result<(), Refusal> {
        match self.keep(name) {
            Some(Value::Boolean(true)) => Err(self.refusal(name, "not carried out here; leave it out")),
            _ => Ok(()),
        }
    }

    /// A list that can only be empty.
    pub(crate) fn empty(&mut self, name: &'static str) -> Result<(), Refusal> {
        match self.keep(name).and_then(Value::as_list) {
            Some([_, ..]) => Err(self.refusal(name, "not carried out here; leave it out")),
            _ => Ok(()),
        }
    }

    /// The text, kept as it is.
    pub(crate) fn text(&mut self, name: &'static str) -> Option<&'m str> {
        self.keep(name).and_then(Value::as_str)
    }

    /// A structure inside, which is not kept until [`Self::insert`] says how.
    pub(crate) fn inside(&mut self, name: &'static str) -> Option<Settings<'m>> {
        let map = self.take(name)?.as_map()?;
        Some(Settings::new(self.path_of(name), map))
    }

    /// The structures of a list, which are not kept until [`Self::insert`] says how.
    pub(crate) fn each(&mut self, name: &'static str) -> Option<Vec<Settings<'m>>> {
        let list = self.take(name)?.as_list()?;
        let path = self.path_of(name);
        let maps = list.iter().filter_map(Value::as_map).enumerate();
        Some(maps.map(|(at, map)| Settings::new(format!("{path}[{at}]"), map)).collect())
    }

    /// What the answer says of a member.
    pub(crate) fn insert(&mut self, name: &'static str, value: impl Into<Value>) {
        self.done.insert(name, value);
    }

    /// A complaint about a member.
    pub(crate) fn refusal(&self, name: &str, why: impl Into<String>) -> Refusal {
        Refusal::new(self.path_of(name), why)
    }

    /// The settings as they are carried out; an error where a member is left.
    pub(crate) fn finish(self) -> Result<Map, Refusal> {
        match self.map.iter().find(|(name, _)| !self.taken.contains(&&***name)) {
            None => Ok(self.done),
            Some((name, _)) => Err(self.refusal(name, "not carried out here; leave it out")),
        }
    }

    fn take(&mut self, name: &'static str) -> Option<&'m Value> {
        self.taken.push(name);
        self.map.get(name)
    }

    fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_takes_is_refused_by_its_name() {
        let map = Map::new().with("A", 3).with("B", Map::new().with("C", "x"));
        let mut settings = Settings::new("", &map);
        assert_eq!(settings.whole("A", 0..=9), Ok(Some(3)));
        let inside = settings.inside("B").expect("it is there");
        assert_eq!(inside.finish().expect_err("C is left").path, "B.C");
        assert_eq!(settings.finish(), Ok(Map::new().with("A", 3)));
        let settings = Settings::new("P", &map);
        assert_eq!(
            settings.finish().expect_err("A is left").to_string(),
            "P.A: not carried out here; leave it out"
        );
    }

    #[test]
    fn defaults_show_in_what_is_carried_out() {
        let map = Map::new().with("On", true).with("Word", "B");
        let mut settings = Settings::new("P", &map);
        assert_eq!(settings.whole_or("N", 0..=9, 4), Ok(4));
        assert_eq!(settings.word_or("Other", &["X"], "X"), Ok("X"));
        assert_eq!(settings.off("On").expect_err("refused").path, "P.On");
        let refusal = settings.word("Word", &["A", "C"]).expect_err("refused");
        assert_eq!(refusal.why, "B is not carried out here; A or C is");
        assert_eq!(settings.finish().expect("all taken").get("N"), Some(&Value::Integer(4)));
    }
}
