//! Where what the API says is shown: to people, or to scripts.

use std::fmt::Display;
use std::io::{self, Write};

use serde_json::Value;

use crate::Error;

/// Where what the API says is shown.
#[expect(missing_debug_implementations, reason = "writers have none")]
pub struct Screen<'a> {
    /// What was asked for.
    out: &'a mut dyn Write,
    /// What is said beside it.
    notes: &'a mut dyn Write,
    is_json: bool,
}

impl<'a> Screen<'a> {
    /// Text for people on `out`, with hints on `notes`; or, for scripts, JSON on `out` alone.
    pub fn new(out: &'a mut dyn Write, notes: &'a mut dyn Write, is_json: bool) -> Self {
        Self { out, notes, is_json }
    }

    /// Shows `value` to scripts, one line of JSON, and what `text` makes of it to people.
    pub(crate) fn show<T: Display>(
        &mut self,
        value: &Value,
        text: impl FnOnce(&Value) -> T,
    ) -> Result<(), Error> {
        match self.is_json {
            true => writeln!(self.out, "{value}"),
            false => write!(self.out, "{}", text(value)),
        }
        .and_then(|()| self.out.flush())
        .map_err(Error::Output)
    }

    /// Says to people what was done, where the API's answer has nothing.
    pub(crate) fn say(&mut self, text: &str) -> Result<(), Error> {
        let said = if self.is_json { Ok(()) } else { writeln!(self.out, "{text}") };
        said.and_then(|()| self.out.flush()).map_err(Error::Output)
    }

    /// A hint for people.
    pub(crate) fn hint(&mut self, text: &str) -> Result<(), Error> {
        let hinted: io::Result<()> = if self.is_json { Ok(()) } else { writeln!(self.notes, "{text}") };
        hinted.map_err(Error::Output)
    }
}
