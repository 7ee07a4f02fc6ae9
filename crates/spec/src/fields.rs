//! Reads TOML tables field by field, so that every complaint can name line and field, and no field is ignored.

use std::fmt::Display;
use std::ops::{Range, RangeInclusive};
use std::str::FromStr;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::fault::{Fault, line_of};

/// A table of which fields are taken one by one; [`Self::finish`] refuses what is left.
pub(crate) struct Fields<'t> {
    text: &'t str,
    path: String,
    table: DeTable<'t>,
    span: Range<usize>,
    known: Vec<&'static str>,
}

/// One value with its place.
#[derive(Clone)]
pub(crate) struct Field<'t> {
    text: &'t str,
    path: String,
    value: DeValue<'t>,
    span: Range<usize>,
}

impl<'t> Fields<'t> {
    /// The whole document.
    pub(crate) fn document(text: &'t str) -> Result<Self, Fault> {
        let table = DeTable::parse(text).map_err(|fault| Fault {
            line: line_of(text, fault.span().map_or(0, |span| span.start)),
            field: String::new(),
            message: fault.message().to_owned(),
        })?;
        let span = table.span();
        Ok(Self { text, path: String::new(), table: table.into_inner(), span, known: Vec::new() })
    }

    /// The field `name`, if it is there.
    pub(crate) fn take(&mut self, name: &'static str) -> Option<Field<'t>> {
        self.known.push(name);
        let (_, value) = self.table.remove_entry(name)?;
        Some(self.field(name, value))
    }

    /// Whether `name` is set to true; false where it is not there.
    pub(crate) fn flag(&mut self, name: &'static str) -> Result<bool, Fault> {
        self.take(name).map_or(Ok(false), |field| field.boolean())
    }

    /// The field `name`, which must be there.
    pub(crate) fn need(&mut self, name: &'static str, like: &str) -> Result<Field<'t>, Fault> {
        match self.take(name) {
            Some(field) => Ok(field),
            None => Err(self.fault(format!("`{name}` is missing; write for example `{name} = {like}`"))),
        }
    }

    /// Refuses a valid setting that this version does not carry out, by name.
    pub(crate) fn refuse_unimplemented(&mut self, names: &[&'static str]) -> Result<(), Fault> {
        for name in names {
            if let Some((_, value)) = self.table.remove_entry(*name) {
                return Err(self.field(name, value).fault("not implemented yet; remove it"));
            }
        }
        Ok(())
    }

    /// Refuses any field that nobody took.
    pub(crate) fn finish(self) -> Result<(), Fault> {
        match self.table.iter().next() {
            None => Ok(()),
            Some((name, value)) => {
                let unknown = self.field(name.get_ref(), value.clone());
                Err(Fault {
                    line: line_of(self.text, name.span().start),
                    ..unknown.fault(format!("no such field; there are: {}", self.known.join(", ")))
                })
            }
        }
    }

    /// A complaint about the table as a whole.
    pub(crate) fn fault(&self, message: impl Into<String>) -> Fault {
        Fault { line: line_of(self.text, self.span.start), field: self.path.clone(), message: message.into() }
    }

    fn field(&self, name: &str, value: Spanned<DeValue<'t>>) -> Field<'t> {
        let path = match self.path.as_str() {
            "" => name.to_owned(),
            path => format!("{path}.{name}"),
        };
        Field { text: self.text, path, span: value.span(), value: value.into_inner() }
    }
}

impl<'t> Field<'t> {
    /// A complaint about this field.
    pub(crate) fn fault(&self, message: impl Into<String>) -> Fault {
        Fault { line: line_of(self.text, self.span.start), field: self.path.clone(), message: message.into() }
    }

    /// The value where it is a string.
    pub(crate) fn as_str(&self) -> Option<&str> {
        self.value.as_str()
    }

    /// The value as a string.
    pub(crate) fn string(&self) -> Result<&str, Fault> {
        self.as_str().ok_or_else(|| self.wrong_type("a string"))
    }

    /// A string that `T` reads.
    pub(crate) fn parsed<T: FromStr>(&self) -> Result<T, Fault>
    where
        T::Err: Display,
    {
        self.string()?.parse().map_err(|fault: T::Err| self.fault(fault.to_string()))
    }

    /// The value as true or false.
    pub(crate) fn boolean(&self) -> Result<bool, Fault> {
        self.value.as_bool().ok_or_else(|| self.wrong_type("true or false"))
    }

    /// One of a few words.
    pub(crate) fn choice<T: Copy>(&self, choices: &[(&str, T)]) -> Result<T, Fault> {
        let word = self.string()?;
        choices.iter().find(|(name, _)| *name == word).map(|(_, choice)| *choice).ok_or_else(|| {
            let names: Vec<_> = choices.iter().map(|(name, _)| format!("\"{name}\"")).collect();
            self.fault(format!("\"{word}\" is none of {}", names.join(", ")))
        })
    }

    /// A whole number within `bound`, in `unit`.
    pub(crate) fn integer(&self, bound: RangeInclusive<i64>, unit: &str) -> Result<i64, Fault> {
        let number = self.value.as_integer().ok_or_else(|| self.wrong_type("a whole number"))?;
        i64::from_str_radix(number.as_str(), number.radix())
            .ok()
            .filter(|number| bound.contains(number))
            .ok_or_else(|| {
                self.fault(format!("{number} is out of bounds: {} to {} {unit}", bound.start(), bound.end()))
            })
    }

    /// A number, whole or not, within `bound`, in `unit`.
    pub(crate) fn number(&self, bound: RangeInclusive<f64>, unit: &str) -> Result<f64, Fault> {
        let text = match &self.value {
            DeValue::Integer(number) if number.radix() == 10 => number.as_str(),
            DeValue::Float(number) => number.as_str(),
            _ => return Err(self.wrong_type("a number")),
        };
        text.parse().ok().filter(|number| bound.contains(number)).ok_or_else(|| {
            self.fault(format!("{text} is out of bounds: {} to {} {unit}", bound.start(), bound.end()))
        })
    }

    /// A count with an optional suffix, `2500000`, `"2500k"` or `"2.5M"`, within `bound`, in `unit`. `k`, `M` and `G` are
    /// powers of 1000.
    pub(crate) fn scaled(&self, bound: RangeInclusive<u64>, unit: &str) -> Result<u64, Fault> {
        let outside = |shown: &str| {
            self.fault(format!("{shown} is out of bounds: {} to {} {unit}", bound.start(), bound.end()))
        };
        let Some(text) = self.as_str() else {
            let bound = *bound.start() as i64..=i64::try_from(*bound.end()).unwrap_or(i64::MAX);
            return self.integer(bound, unit).map(|number| number as u64);
        };
        let (digits, factor) = match text.char_indices().last() {
            Some((at, 'k' | 'K')) => (&text[..at], 1e3),
            Some((at, 'M')) => (&text[..at], 1e6),
            Some((at, 'G')) => (&text[..at], 1e9),
            _ => (text, 1.0),
        };
        let number: f64 = digits.parse().map_err(|_| {
            self.fault(format!("\"{text}\" is no number of {unit}; write 2500000, \"2500k\" or \"2.5M\""))
        })?;
        let number = number * factor;
        if number.is_finite() && number >= 0.0 && bound.contains(&(number.round() as u64)) {
            Ok(number.round() as u64)
        } else {
            Err(outside(text))
        }
    }

    /// A table without fields, for what may be written as a table or as one value.
    pub(crate) fn empty_table(&self) -> Fields<'t> {
        let (path, span) = (self.path.clone(), self.span.clone());
        Fields { text: self.text, path, table: DeTable::new(), span, known: Vec::new() }
    }

    /// Whether the value is a table.
    pub(crate) fn is_table(&self) -> bool {
        self.value.is_table()
    }

    /// The value as a table.
    pub(crate) fn table(self) -> Result<Fields<'t>, Fault> {
        match self.value {
            DeValue::Table(table) => {
                Ok(Fields { text: self.text, path: self.path, table, span: self.span, known: Vec::new() })
            }
            _ => Err(self.wrong_type("a table")),
        }
    }

    /// The value as a list.
    pub(crate) fn list(self) -> Result<Vec<Self>, Fault> {
        let DeValue::Array(array) = self.value else {
            return Err(self.wrong_type("a list"));
        };
        Ok(array
            .into_iter()
            .enumerate()
            .map(|(index, value)| Self {
                text: self.text,
                path: format!("{}[{index}]", self.path),
                span: value.span(),
                value: value.into_inner(),
            })
            .collect())
    }

    fn wrong_type(&self, wanted: &str) -> Fault {
        self.fault(format!("{wanted} is wanted here, this is of type {}", self.value.type_str()))
    }
}
