//! `response` of a behaviour: what is done to the header fields of answers.

use super::header;
use crate::fault::Fault;
use crate::fields::{Field, Fields};

/// What is done to the header fields of answers, in this order: removed, then CORS, then set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResponseHeaders {
    /// `remove`: names in lower case, at most 32.
    pub remove: Vec<String>,
    /// `cors`.
    pub cors: Option<Cors>,
    /// `set`: at most 32, each name once.
    pub set: Vec<ResponseHeader>,
}

/// A field that answers get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseHeader {
    /// `name`, in lower case.
    pub name: String,
    /// `value`.
    pub value: String,
    /// `override`: instead of the origin's; else only where the origin has none.
    pub overrides: bool,
}

/// Who may read answers on other sites (the Fetch standard's CORS).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cors {
    /// `origins`: `*`, or origins such as `https://example.org`, `https://*.example.org`; 1 to 100.
    pub origins: Vec<String>,
    /// `methods`: what a preflight is told, default GET, HEAD and OPTIONS.
    pub methods: Vec<String>,
    /// `headers`: what a preflight is told viewers may send; `*` is all.
    pub headers: Vec<String>,
    /// `expose`: what pages may read.
    pub expose: Vec<String>,
    /// `credentials`: default false; then `*` is no origin.
    pub credentials: bool,
    /// `max_age`: how long a preflight's answer is good, in seconds.
    pub max_age_s: Option<u32>,
    /// `override`: instead of what the origin says of it; else only where it says nothing.
    pub overrides: bool,
}

impl ResponseHeaders {
    /// Fields set, or removed.
    pub const MAX: usize = 32;

    pub(crate) fn read(mut fields: Fields<'_>) -> Result<Self, Fault> {
        let mut headers = Self::default();
        if let Some(field) = fields.take("remove") {
            headers.remove = list(field, Self::MAX, header::name)?;
        }
        if let Some(field) = fields.take("cors") {
            headers.cors = Some(Cors::read(field.table()?)?);
        }
        if let Some(field) = fields.take("set") {
            let twice = field.fault("each name once");
            headers.set = list(field, Self::MAX, |entry| ResponseHeader::read(entry.clone().table()?))?;
            let names = headers.set.iter().map(|header| &header.name);
            if names.clone().enumerate().any(|(at, name)| names.clone().take(at).any(|other| other == name)) {
                return Err(twice);
            }
        }
        fields.finish()?;
        Ok(headers)
    }
}

impl ResponseHeader {
    fn read(mut fields: Fields<'_>) -> Result<Self, Fault> {
        let header = Self {
            name: header::name(&fields.need("name", "\"x-frame-options\"")?)?,
            value: header::value(&fields.need("value", "\"DENY\"")?)?,
            overrides: fields.take("override").map_or(Ok(true), |field| field.boolean())?,
        };
        fields.finish()?;
        Ok(header)
    }
}

impl Cors {
    fn read(mut fields: Fields<'_>) -> Result<Self, Fault> {
        let origins = fields.need("origins", "[\"*\"]")?;
        let none = origins.fault("1 to 100 origins, such as [\"https://example.org\"] or [\"*\"]");
        let mut words = |name, unsaid: &[&str]| {
            let unsaid = unsaid.iter().map(|word| (*word).to_owned()).collect();
            fields.take(name).map_or(Ok(unsaid), |field| list(field, 100, word))
        };
        let cors = Self {
            methods: words("methods", &["GET", "HEAD", "OPTIONS"])?,
            headers: words("headers", &["*"])?,
            expose: words("expose", &[])?,
            credentials: fields.flag("credentials")?,
            max_age_s: fields
                .take("max_age")
                .map(|field| field.integer(0..=31_536_000, "seconds"))
                .transpose()?
                .map(|seconds| seconds as u32),
            overrides: fields.take("override").map_or(Ok(true), |field| field.boolean())?,
            origins: list(origins, 100, word)?,
        };
        if cors.origins.is_empty() {
            return Err(none);
        }
        if cors.credentials && cors.origins.iter().any(|origin| origin == "*") {
            return Err(fields.fault("with `credentials`, origins are named one by one: browsers refuse `*`"));
        }
        fields.finish()?;
        Ok(cors)
    }

    /// What `Access-Control-Allow-Origin` says to a page of `origin`; none where it may not read.
    pub fn allowed<'a>(&'a self, origin: &'a str) -> Option<&'a str> {
        if self.origins.iter().any(|allowed| allowed == "*") {
            return Some("*");
        }
        let host = |scheme: &str| match scheme {
            "" => origin.split_once("://").map(|(_, host)| host),
            scheme => origin.strip_prefix(scheme),
        };
        let fits = |allowed: &String| match allowed.split_once("*.") {
            None => allowed == origin,
            // `https://*.example.org` is any name below it.
            Some((scheme, domain)) => host(scheme)
                .and_then(|host| host.strip_suffix(domain))
                .is_some_and(|label| label.len() > 1 && label.ends_with('.') && !label.contains('/')),
        };
        self.origins.iter().any(fits).then_some(origin)
    }
}

fn list<T>(
    field: Field<'_>,
    most: usize,
    read: impl Fn(&Field<'_>) -> Result<T, Fault>,
) -> Result<Vec<T>, Fault> {
    let count = field.fault(format!("a list of at most {most}"));
    let list = field.list()?;
    if list.len() > most {
        return Err(count);
    }
    list.iter().map(read).collect()
}

/// A word of a list that stands in one header field.
fn word(field: &Field<'_>) -> Result<String, Fault> {
    let text = field.string()?;
    if text.is_empty()
        || text.len() > 512
        || !text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',')
    {
        return Err(field.fault("1 to 512 visible characters of ASCII without a comma are wanted here"));
    }
    Ok(text.to_owned())
}
