//! `[[distribution]]`: a site of its own on the edge, with hosts, origins and rules of what is cached how.

mod behaviour;
mod error_response;
mod header;
mod origin;
mod path_pattern;
mod query;
mod response;

#[cfg(test)]
mod tests;

pub use behaviour::{Behaviour, Methods, Source, Ttl, ViewerProtocol};
pub use error_response::{ErrorPage, ErrorResponse};
pub use header::HeaderField;
pub use origin::{DistributionOrigin, OriginGroup, OriginTarget};
pub use path_pattern::{PathPattern, PathPatternFault};
pub use query::Query;
pub use response::{Cors, ResponseHeader, ResponseHeaders};

use crate::fault::Fault;
use crate::fields::{Field, Fields};
use crate::listen::Listen;

/// A site of its own on the edge: requests for its hosts, or below its mount, are answered by its rules and from its origins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Distribution {
    /// `name`: 1 to 64 of a-z, 0-9 and `-`; each once.
    pub name: String,
    /// `enabled`: default true. One that is not answers 403.
    pub enabled: bool,
    /// `hosts`: values of `Host` without a port, in lower case, at most 100, each one distribution's; `*.example.org` is all of
    /// one label more.
    pub hosts: Vec<String>,
    /// `mount`: it is also reached at `/d/NAME/…` on every host that is no distribution's. Default false.
    pub mount: bool,
    /// `default_root`: what `/` is answered with, a path without its first `/`.
    pub default_root: Option<String>,
    /// `[[distribution.origin]]`: 1 to 100, ids are unique, also among groups.
    pub origins: Vec<DistributionOrigin>,
    /// `[[distribution.group]]`: at most 10.
    pub groups: Vec<OriginGroup>,
    /// `[[distribution.behaviour]]`: 1 to 76, the first whose path fits counts; the last has no path and fits always.
    pub behaviours: Vec<Behaviour>,
    /// `[[distribution.error]]`: at most 25, each status once.
    pub errors: Vec<ErrorResponse>,
}

impl Distribution {
    /// Distributions in one file.
    pub const MAX: usize = 1_000;
    /// Hosts of one.
    pub const MAX_HOSTS: usize = 100;
    /// Origins of one.
    pub const MAX_ORIGINS: usize = 100;
    /// Groups of one.
    pub const MAX_GROUPS: usize = 10;
    /// Behaviours of one, as CloudFront has it: 75 and the default.
    pub const MAX_BEHAVIOURS: usize = 76;
    /// Longest name, in bytes.
    pub const MAX_NAME: usize = 64;

    /// Reads every table of a file.
    pub(crate) fn read_all(field: Field<'_>, listen: &Listen) -> Result<Vec<Self>, Fault> {
        let count = field.fault(format!("a file holds at most {} distributions", Self::MAX));
        let mut all: Vec<Self> = Vec::new();
        for entry in field.list()? {
            let place = entry.fault("");
            let one = Self::read(entry.table()?, listen)?;
            if all.iter().any(|other| other.name == one.name) {
                return Err(Fault { message: "another distribution has this name".to_owned(), ..place });
            }
            if let Some(host) =
                one.hosts.iter().find(|host| all.iter().any(|other| other.hosts.contains(host)))
            {
                return Err(Fault {
                    message: format!("another distribution has the host `{host}`"),
                    ..place
                });
            }
            all.push(one);
            if all.len() > Self::MAX {
                return Err(count);
            }
        }
        Ok(all)
    }

    fn read(mut fields: Fields<'_>, listen: &Listen) -> Result<Self, Fault> {
        let name = fields.need("name", "\"live\"")?;
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let text = name.string()?.to_owned();
        if text.is_empty() || text.len() > Self::MAX_NAME || !text.bytes().all(plain) {
            return Err(name.fault("a distribution's name is 1 to 64 of a-z, 0-9 and `-`"));
        }
        let mut one = Self {
            name: text,
            enabled: fields.take("enabled").map_or(Ok(true), |field| field.boolean())?,
            hosts: Vec::new(),
            mount: fields.flag("mount")?,
            default_root: fields.take("default_root").map(|field| default_root(&field)).transpose()?,
            origins: Vec::new(),
            groups: Vec::new(),
            behaviours: Vec::new(),
            errors: Vec::new(),
        };
        if let Some(field) = fields.take("hosts") {
            let count = field.fault(format!("a list of at most {} hosts, each once", Self::MAX_HOSTS));
            for entry in field.list()? {
                let host = host(&entry)?;
                if one.hosts.contains(&host) || one.hosts.len() == Self::MAX_HOSTS {
                    return Err(count);
                }
                one.hosts.push(host);
            }
        }
        if one.hosts.is_empty() && !one.mount {
            return Err(fields.fault(
                "nobody could reach it: set `hosts`, such as [\"live.localhost\"], or `mount = true`",
            ));
        }
        one.read_origins(&mut fields)?;
        one.read_behaviours(&mut fields, listen)?;
        if let Some(field) = fields.take("error") {
            let count = field.fault("at most 25 error tables, each status once");
            for entry in field.list()? {
                let error = ErrorResponse::read(entry.table()?)?;
                if one.errors.iter().any(|other| other.status == error.status) || one.errors.len() == 25 {
                    return Err(count);
                }
                one.errors.push(error);
            }
        }
        fields.finish()?;
        Ok(one)
    }

    fn read_origins(&mut self, fields: &mut Fields<'_>) -> Result<(), Fault> {
        let field = fields.need("origin", "[{ id = \"main\", target = \"origin\" }]")?;
        let count = field.fault(format!("1 to {} origins, each id once", Self::MAX_ORIGINS));
        for entry in field.list()? {
            let origin = DistributionOrigin::read(entry.table()?)?;
            if self.origins.iter().any(|other| other.id == origin.id)
                || self.origins.len() == Self::MAX_ORIGINS
            {
                return Err(count);
            }
            self.origins.push(origin);
        }
        if self.origins.is_empty() {
            return Err(count);
        }
        let Some(field) = fields.take("group") else { return Ok(()) };
        let count =
            field.fault(format!("at most {} groups, each id once, also among origins", Self::MAX_GROUPS));
        for entry in field.list()? {
            let group = OriginGroup::read(entry.table()?, &self.origins)?;
            let taken = self.origins.iter().any(|origin| origin.id == group.id)
                || self.groups.iter().any(|other| other.id == group.id);
            if taken || self.groups.len() == Self::MAX_GROUPS {
                return Err(count);
            }
            self.groups.push(group);
        }
        Ok(())
    }

    fn read_behaviours(&mut self, fields: &mut Fields<'_>, listen: &Listen) -> Result<(), Fault> {
        let Some(field) = fields.take("behaviour") else {
            self.behaviours.push(Behaviour::of(Source::Origin(0)));
            return Ok(());
        };
        let count = field.fault(format!(
            "1 to {} behaviours; the last has no `path` and is for all that no other fits, the others have one each",
            Self::MAX_BEHAVIOURS
        ));
        for entry in field.list()? {
            self.behaviours.push(Behaviour::read(entry.table()?, &self.origins, &self.groups, listen)?);
        }
        let is_default: Vec<_> = self.behaviours.iter().map(|one| one.path.is_none()).collect();
        match is_default.split_last() {
            Some((true, others)) if !others.contains(&true) && others.len() < Self::MAX_BEHAVIOURS => Ok(()),
            _ => Err(count),
        }
    }
}

/// A host as viewers name it, without a port.
fn host(field: &Field<'_>) -> Result<String, Fault> {
    let text = field.string()?.to_ascii_lowercase();
    let name = text.strip_prefix("*.").unwrap_or(&text);
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    if name.len() > 253 || !name.split('.').all(label) {
        return Err(field.fault(
            "a host is wanted here without a port, such as \"live.example.org\", \"live.localhost\" or \"*.example.org\"",
        ));
    }
    Ok(text)
}

fn default_root(field: &Field<'_>) -> Result<String, Fault> {
    let text = field.string()?;
    if text.is_empty() || text.len() > 255 || text.starts_with('/') || !text.bytes().all(is_plain) {
        return Err(field.fault("a path without its first `/` is wanted here, such as \"index.html\""));
    }
    Ok(text.to_owned())
}

/// A byte of a path that everybody spells the same.
pub(crate) fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte)
}
