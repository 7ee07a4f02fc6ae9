//! `[[distribution.origin]]` and `[[distribution.group]]`: where a distribution's content comes from.

use super::header::HeaderField;
use crate::fault::Fault;
use crate::fields::{Field, Fields};
use crate::origin_url::OriginUrl;

/// One origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DistributionOrigin {
    /// `id`: 1 to 128 bytes.
    pub id: String,
    /// `target`.
    pub target: OriginTarget,
    /// `path`: goes before every path that is asked for; empty, or begins with `/` and does not end with it.
    pub path: String,
    /// `headers`: at most 30, go with every request.
    pub headers: Vec<HeaderField>,
    /// `connect_timeout`: to connect, in milliseconds, 1 to 10 s, default 1 s.
    pub connect_ms: Option<u32>,
    /// `attempts`: to connect, 1 to 3, default 1.
    pub attempts: u8,
    /// `read_timeout`: to the head of an answer and between pieces of its body, in milliseconds, 1 to 180 s, default as
    /// the edge has it.
    pub read_ms: Option<u32>,
    /// `keep_alive`: how long a connection is kept unused, in milliseconds, 1 to 180 s, default 10 s.
    pub keep_alive_ms: u32,
}

/// Where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OriginTarget {
    /// `"origin"`: where the edge itself fetches from: this machine's origin, or `[edge] origins`.
    Own,
    /// A URL.
    Url(OriginUrl),
}

/// Two origins, the second for when the first fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginGroup {
    /// `id`: 1 to 128 bytes.
    pub id: String,
    /// `origins`: the places of the two among the distribution's origins, the first asked first.
    pub origins: [usize; 2],
    /// `failover_on`: statuses on which the second is asked, 400 to 599.
    pub failover_on: Vec<u16>,
}

impl DistributionOrigin {
    /// Fields of requests to one origin.
    pub const MAX_HEADERS: usize = 30;

    pub(crate) fn read(mut fields: Fields<'_>) -> Result<Self, Fault> {
        let id = id(&fields.need("id", "\"main\"")?)?;
        let target = fields.need("target", "\"origin\"")?;
        let target = match target.string()? {
            "origin" => OriginTarget::Own,
            _ => OriginTarget::Url(target.parsed().map_err(|fault| {
                target
                    .fault(format!("{}; or \"origin\", which is where this edge fetches from", fault.message))
            })?),
        };
        let seconds = |field: Field<'_>, most: f64| -> Result<u32, Fault> {
            Ok((field.number(1.0..=most, "seconds")? * 1e3).round() as u32)
        };
        let mut origin = Self {
            id,
            target,
            path: fields.take("path").map_or(Ok(String::new()), |field| path(&field))?,
            headers: Vec::new(),
            connect_ms: fields.take("connect_timeout").map(|field| seconds(field, 10.0)).transpose()?,
            attempts: fields.take("attempts").map_or(Ok(1), |field| field.integer(1..=3, "attempts"))? as u8,
            read_ms: fields.take("read_timeout").map(|field| seconds(field, 180.0)).transpose()?,
            keep_alive_ms: fields.take("keep_alive").map_or(Ok(10_000), |field| seconds(field, 180.0))?,
        };
        if let Some(field) = fields.take("headers") {
            let count =
                field.fault(format!("a list of at most {} fields, each name once", Self::MAX_HEADERS));
            for entry in field.list()? {
                let header = HeaderField::read(entry.table()?)?;
                let twice = origin.headers.iter().any(|other| other.name == header.name);
                if twice || origin.headers.len() == Self::MAX_HEADERS {
                    return Err(count);
                }
                origin.headers.push(header);
            }
        }
        fields.finish()?;
        Ok(origin)
    }
}

impl OriginGroup {
    pub(crate) fn read(mut fields: Fields<'_>, origins: &[DistributionOrigin]) -> Result<Self, Fault> {
        let id = id(&fields.need("id", "\"either\"")?)?;
        let list = fields.need("origins", "[\"main\", \"spare\"]")?;
        let count = list.fault("two different origins of this distribution are wanted here, by their ids");
        let mut places = Vec::new();
        for entry in list.list()? {
            let name = entry.string()?;
            let place = origins.iter().position(|origin| origin.id == name);
            places.push(place.ok_or_else(|| entry.fault("no origin of this distribution has this id"))?);
        }
        let origins: [usize; 2] = places.try_into().map_err(|_| count.clone())?;
        if origins[0] == origins[1] {
            return Err(count);
        }
        let mut failover_on = vec![500, 502, 503, 504];
        if let Some(field) = fields.take("failover_on") {
            let none = field.fault("a list of 1 to 20 statuses");
            failover_on.clear();
            for entry in field.list()? {
                failover_on.push(entry.integer(400..=599, "as an HTTP status")? as u16);
            }
            if failover_on.is_empty() || failover_on.len() > 20 {
                return Err(none);
            }
        }
        fields.finish()?;
        Ok(Self { id, origins, failover_on })
    }
}

fn id(field: &Field<'_>) -> Result<String, Fault> {
    let text = field.string()?;
    if text.is_empty() || text.len() > 128 || text.chars().any(char::is_control) {
        return Err(field.fault("an id is 1 to 128 bytes without control characters"));
    }
    Ok(text.to_owned())
}

fn path(field: &Field<'_>) -> Result<String, Fault> {
    let text = field.string()?;
    let element = |element: &str| {
        !matches!(element, "" | "." | "..")
            && element.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~!$'()*+,;=:@".contains(&byte))
    };
    let rest = text.strip_prefix('/');
    if text.is_empty() || rest.is_some_and(|rest| rest.len() < 255 && rest.split('/').all(element)) {
        return Ok(text.to_owned());
    }
    Err(field.fault(
        "a path begins with `/` and does not end with it, such as \"/live\", without `//`, `.` and `..`",
    ))
}
