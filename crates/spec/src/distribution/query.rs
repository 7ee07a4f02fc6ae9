//! Which query parameters make a difference.

use crate::fault::Fault;
use crate::fields::Field;

/// Some of the parameters of a query.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Query {
    /// `"none"`.
    #[default]
    None,
    /// A list: these.
    Only(Vec<String>),
    /// `{ except = [...] }`: all but these.
    Except(Vec<String>),
    /// `"all"`.
    All,
}

impl Query {
    /// Names in one list.
    pub const MAX: usize = 64;

    /// Whether the parameter `name` is among them.
    pub fn takes(&self, name: &str) -> bool {
        match self {
            Query::None => false,
            Query::Only(names) => names.iter().any(|other| other == name),
            Query::Except(names) => !names.iter().any(|other| other == name),
            Query::All => true,
        }
    }

    pub(crate) fn read(field: Field<'_>) -> Result<Self, Fault> {
        if field.as_str().is_some() {
            return field
                .choice(&[("none", 0), ("all", 1)])
                .map(|word| if word == 0 { Query::None } else { Query::All });
        }
        if field.is_table() {
            let mut fields = field.table()?;
            let names = names(fields.need("except", "[\"session\"]")?)?;
            fields.finish()?;
            return Ok(Query::Except(names));
        }
        Ok(match names(field)? {
            none if none.is_empty() => Query::None,
            some => Query::Only(some),
        })
    }
}

/// Names of parameters or cookies.
pub(crate) fn names(field: Field<'_>) -> Result<Vec<String>, Fault> {
    let count = field.fault(format!("a list of at most {} names, each once", Query::MAX));
    let mut names = Vec::new();
    for entry in field.list()? {
        let name = entry.string()?.to_owned();
        let fits = |byte: u8| byte.is_ascii_graphic() && !b"&=;,#\"<>\\`{}|^".contains(&byte);
        if name.is_empty() || name.len() > 128 || !name.bytes().all(fits) {
            return Err(entry.fault("a name is 1 to 128 visible characters of ASCII, without & = ; and ,"));
        }
        if names.contains(&name) || names.len() == Query::MAX {
            return Err(count);
        }
        names.push(name);
    }
    Ok(names)
}
