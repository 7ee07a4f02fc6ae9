//! What is wrong with a workflow file.

use std::fmt;

/// The first thing wrong with a workflow file: where, which field, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Line in the file, from 1.
    pub line: usize,
    /// Dotted path of the field, such as `channel[0].ladder[2].bitrate`; empty where TOML itself is broken.
    pub field: String,
    /// What is wrong and what would be right.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.field.as_str() {
            "" => write!(f, "line {}: {}", self.line, self.message),
            field => write!(f, "line {}: {field}: {}", self.line, self.message),
        }
    }
}

impl std::error::Error for Fault {}

/// The line of byte `offset` in `text`, from 1.
pub(crate) fn line_of(text: &str, offset: usize) -> usize {
    // Complaints are made ready for every field, so this is most of what reading a large file costs.
    1 + memchr::memchr_iter(b'\n', &text.as_bytes()[..offset.min(text.len())]).count()
}
