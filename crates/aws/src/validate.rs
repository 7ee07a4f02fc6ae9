//! An input held against its description: required members, enumerations, bounds, expressions, unions.

use std::fmt;

use crate::codec::scalar::shortened;
use crate::error::Error;
use crate::model::{Kind, Operation, Ref, Service, Shape, Structure};
use crate::value::{Map, Value};

/// At most so many are told at once.
const MAX_VIOLATIONS: usize = 20;

/// One thing that is not as the description says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    path: Vec<String>,
    value: Option<String>,
    /// What it should be.
    pub constraint: String,
}

impl Violation {
    /// `/encoderSettings/outputGroups/0/name`, in names of the wire: MediaLive's form.
    pub fn element_path(&self) -> String {
        self.path.iter().fold(String::new(), |path, part| path + "/" + part)
    }

    /// `encoderSettings.outputGroups.1.member.name`: the form in messages, where elements count from one.
    pub fn dotted_path(&self) -> String {
        let parts: Vec<_> = self
            .path
            .iter()
            .map(|part| match part.parse::<usize>() {
                Ok(index) => format!("{}.member", index + 1),
                Err(_) => part.clone(),
            })
            .collect();
        parts.join(".")
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.dotted_path();
        match &self.value {
            Some(value) => {
                write!(f, "Value '{value}' at '{path}' failed to satisfy constraint: {}", self.constraint)
            }
            None => write!(f, "Value at '{path}' failed to satisfy constraint: {}", self.constraint),
        }
    }
}

/// Refuses an input that is not as its description says, with the error that its service has for that.
pub fn check(service: &Service, operation: &Operation, input: &Map) -> Result<(), Error> {
    let found = violations(service, operation, input);
    if found.is_empty() { Ok(()) } else { Err(refusal(service, operation, &found)) }
}

/// What of an input is not as its description says, the first of it.
pub fn violations(service: &Service, operation: &Operation, input: &Map) -> Vec<Violation> {
    violations_but(service, operation, input, &|_| false)
}

/// The same without those that `passes` lets through: they take no place among the first.
pub fn violations_but(
    service: &Service,
    operation: &Operation,
    input: &Map,
    passes: &dyn Fn(&Violation) -> bool,
) -> Vec<Violation> {
    let mut found = Found { service, path: Vec::new(), violations: Vec::new(), passes };
    if let Some(structure) = operation.input.as_ref().and_then(|target| service.structure(target)) {
        found.structure(structure, input);
    }
    found.violations
}

/// The service's own error for violations, one's own included: MediaLive's tells each with its `elementPath`.
pub fn refusal(service: &Service, operation: &Operation, violations: &[Violation]) -> Error {
    let texts: Vec<_> = violations.iter().map(Violation::to_string).collect();
    let plural = if texts.len() == 1 { "error" } else { "errors" };
    let message = format!("{} validation {plural} detected: {}", texts.len(), texts.join("; "));
    let own = [
        "UnprocessableEntityException",
        "ValidationException",
        "InvalidArgument",
        "InvalidParameterException",
    ];
    let shape = own.into_iter().find_map(|name| service.exception(Some(operation), name));
    let Some((shape, _)) = shape else {
        return Error::new("ValidationException", message).with_code("ValidationError");
    };
    let error = Error::new(shape.name, message);
    match &shape.kind {
        Kind::Structure(structure) if structure.member("ValidationErrors").is_some() => {
            let told: Vec<Value> = violations
                .iter()
                .map(|violation| {
                    let told = Map::new()
                        .with("ElementPath", violation.element_path())
                        .with("ErrorMessage", violation.constraint.clone());
                    told.into()
                })
                .collect();
            error.with("ValidationErrors", told)
        }
        _ => error,
    }
}

struct Found<'s> {
    service: &'s Service,
    path: Vec<String>,
    violations: Vec<Violation>,
    passes: &'s dyn Fn(&Violation) -> bool,
}

impl Found<'_> {
    fn add(&mut self, value: Option<&str>, constraint: impl Into<String>) {
        if self.violations.len() < MAX_VIOLATIONS {
            let value = value.map(|value| shortened(value).to_owned());
            let violation = Violation { path: self.path.clone(), value, constraint: constraint.into() };
            if !(self.passes)(&violation) {
                self.violations.push(violation);
            }
        }
    }

    fn structure(&mut self, structure: &Structure, map: &Map) {
        if structure.union && map.len() != 1 {
            self.add(None, "Exactly one member must be set");
        }
        for member in &structure.members {
            self.path.push(member.wire_name().to_owned());
            match map.get(member.name) {
                Some(value) => self.value(&member.target, value),
                None if member.required => self.add(Some("null"), "Member must not be null"),
                None => {}
            }
            self.path.pop();
        }
    }

    fn value(&mut self, target: &Ref, value: &Value) {
        let service = self.service;
        let shape = service.shape(target.shape);
        match (&shape.kind, value) {
            (Kind::Structure(structure), Value::Map(map)) => self.structure(structure, map),
            (Kind::List(element), Value::List(list)) => {
                self.length(shape, list.len(), None);
                for (index, value) in list.iter().enumerate() {
                    self.path.push(index.to_string());
                    self.value(element, value);
                    self.path.pop();
                }
            }
            (Kind::Map { value: target, key }, Value::Map(map)) => {
                self.length(shape, map.len(), None);
                for (name, value) in map.iter() {
                    self.path.push(name.to_string());
                    self.value(key, &Value::String(name.to_string()));
                    self.value(target, value);
                    self.path.pop();
                }
            }
            (Kind::String { values, pattern }, Value::String(text)) => {
                if !values.is_empty() && !values.contains(&text.as_str()) {
                    self.add(
                        Some(text),
                        format!("Member must satisfy enum value set: [{}]", values.join(", ")),
                    );
                }
                self.length(shape, text.chars().count(), Some(text));
                if let Some(pattern) = pattern.as_ref().filter(|pattern| !pattern.matches(text)) {
                    self.add(
                        Some(text),
                        format!("Member must satisfy regular expression pattern: {}", pattern.text),
                    );
                }
            }
            (Kind::Blob, Value::Blob(bytes)) => self.length(shape, bytes.len(), None),
            (Kind::Integer | Kind::Long | Kind::Double, Value::Integer(number)) => {
                self.range(shape, *number as f64, &number.to_string());
            }
            (Kind::Double, Value::Double(number)) => self.range(shape, *number, &number.to_string()),
            (Kind::Boolean, Value::Boolean(_)) | (Kind::Timestamp, Value::Timestamp(_)) => {}
            (_, other) => self.add(None, format!("Member must be a {}, not {}", shape.name, other.kind())),
        }
    }

    fn length(&mut self, shape: &Shape, length: usize, value: Option<&str>) {
        let length = length as f64;
        if let Some(min) = shape.min.filter(|&min| length < min) {
            self.add(value, format!("Member must have length greater than or equal to {min}"));
        }
        if let Some(max) = shape.max.filter(|&max| length > max) {
            self.add(value, format!("Member must have length less than or equal to {max}"));
        }
    }

    fn range(&mut self, shape: &Shape, number: f64, text: &str) {
        if let Some(min) = shape.min.filter(|&min| number < min) {
            self.add(Some(text), format!("Member must have value greater than or equal to {min}"));
        }
        if let Some(max) = shape.max.filter(|&max| number > max) {
            self.add(Some(text), format!("Member must have value less than or equal to {max}"));
        }
    }
}
