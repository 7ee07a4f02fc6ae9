//! `[[distribution.behaviour]]`: what is done with the requests for some paths.

use super::header;
use super::origin::{DistributionOrigin, OriginGroup};
use super::path_pattern::PathPattern;
use super::query::{Query, names};
use super::response::ResponseHeaders;
use crate::fault::Fault;
use crate::fields::{Field, Fields};
use crate::listen::Listen;

/// What is done with the requests for some paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Behaviour {
    /// `path`: for which; none: for all.
    pub path: Option<PathPattern>,
    /// `origin`: the id of an origin or group.
    pub source: Source,
    /// `methods`.
    pub methods: Methods,
    /// `viewer_protocol`.
    pub viewer_protocol: ViewerProtocol,
    /// `query`: parameters that are part of the key and reach the origin, besides HLS's delivery directives.
    pub query: Query,
    /// `headers`: the viewer's fields that are part of the key and reach the origin, in lower case, at most 20.
    pub headers: Vec<String>,
    /// `cookies`: the same of cookies.
    pub cookies: Vec<String>,
    /// `forward_query`: parameters that reach the origin without being part of the key.
    pub forward_query: Query,
    /// `forward_headers`: the viewer's fields that do.
    pub forward_headers: Vec<String>,
    /// `forward_cookies`: cookies that do.
    pub forward_cookies: Vec<String>,
    /// `ttl`: bounds on how long answers are kept; none: as the origin says.
    pub ttl: Option<Ttl>,
    /// `compress`: text is packed with gzip for viewers who take it.
    pub compress: bool,
    /// `response`: what is done to the header fields of answers.
    pub response: Option<ResponseHeaders>,
}

/// Where its content comes from, by place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// One of the distribution's origins.
    Origin(usize),
    /// One of its groups.
    Group(usize),
}

/// What viewers may do. The edge answers no other method at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Methods {
    /// `["GET", "HEAD"]`: OPTIONS is answered 403.
    Read,
    /// `["GET", "HEAD", "OPTIONS"]`, the default: OPTIONS is answered by the edge.
    ReadAndOptions,
}

/// How viewers may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ViewerProtocol {
    /// `"allow-all"`, the default.
    AllowAll,
    /// `"https-only"`: by HTTP they are answered 403.
    HttpsOnly,
    /// `"redirect-to-https"`.
    RedirectToHttps,
}

/// Bounds on how long answers are kept, in milliseconds; `min` ≤ `default` ≤ `max`, at most 100 years.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ttl {
    /// Even where the origin says less, or forbids it.
    pub min_ms: u64,
    /// Where the origin says nothing.
    pub default_ms: u64,
    /// Even where the origin says more.
    pub max_ms: u64,
}

impl Behaviour {
    /// Fields of viewers that one behaviour knows.
    pub const MAX_HEADERS: usize = 20;

    /// For all paths, with the defaults.
    pub(crate) fn of(source: Source) -> Self {
        Self {
            path: None,
            source,
            methods: Methods::ReadAndOptions,
            viewer_protocol: ViewerProtocol::AllowAll,
            query: Query::None,
            headers: Vec::new(),
            cookies: Vec::new(),
            forward_query: Query::None,
            forward_headers: Vec::new(),
            forward_cookies: Vec::new(),
            ttl: None,
            compress: false,
            response: None,
        }
    }

    pub(crate) fn read(
        mut fields: Fields<'_>,
        origins: &[DistributionOrigin],
        groups: &[OriginGroup],
        listen: &Listen,
    ) -> Result<Self, Fault> {
        let path = fields.take("path").map(|field| field.parsed()).transpose()?;
        let source = match fields.take("origin") {
            None if origins.len() == 1 && groups.is_empty() => Source::Origin(0),
            None => return Err(fields.fault("`origin` is missing: the id of an origin or group")),
            Some(field) => source(&field, origins, groups)?,
        };
        let mut behaviour = Self { path, ..Self::of(source) };
        if let Some(field) = fields.take("methods") {
            behaviour.methods = methods(field)?;
        }
        if let Some(field) = fields.take("viewer_protocol") {
            behaviour.viewer_protocol = field.choice(&[
                ("allow-all", ViewerProtocol::AllowAll),
                ("https-only", ViewerProtocol::HttpsOnly),
                ("redirect-to-https", ViewerProtocol::RedirectToHttps),
            ])?;
            if behaviour.viewer_protocol != ViewerProtocol::AllowAll && listen.viewers_tls.is_none() {
                return Err(field.fault(
                    "nobody could come by https: set `viewers_tls` under [listen], such as \"0.0.0.0:8443\"",
                ));
            }
        }
        let mut query = |name| fields.take(name).map_or(Ok(Query::None), Query::read);
        (behaviour.query, behaviour.forward_query) = (query("query")?, query("forward_query")?);
        let mut viewers = |name| {
            fields.take(name).map_or(Ok(Vec::new()), |field| header::viewers(field, Self::MAX_HEADERS))
        };
        (behaviour.headers, behaviour.forward_headers) = (viewers("headers")?, viewers("forward_headers")?);
        let mut cookies = |name| fields.take(name).map_or(Ok(Vec::new()), cookies);
        (behaviour.cookies, behaviour.forward_cookies) = (cookies("cookies")?, cookies("forward_cookies")?);
        behaviour.ttl = fields.take("ttl").map(|field| Ttl::read(field.table()?)).transpose()?;
        behaviour.compress = fields.flag("compress")?;
        behaviour.response =
            fields.take("response").map(|field| ResponseHeaders::read(field.table()?)).transpose()?;
        fields.finish()?;
        Ok(behaviour)
    }
}

impl Ttl {
    /// The longest, in seconds: 100 years, as CloudFront has it.
    pub const MAX_S: f64 = 3_153_600_000.0;

    fn read(mut fields: Fields<'_>) -> Result<Self, Fault> {
        let mut ms = |name, unsaid: f64| -> Result<u64, Fault> {
            let seconds =
                fields.take(name).map_or(Ok(unsaid), |field| field.number(0.0..=Self::MAX_S, "seconds"))?;
            Ok((seconds * 1e3).round() as u64)
        };
        let min_ms = ms("min", 0.0)?;
        let default_ms = ms("default", (min_ms as f64 / 1e3).max(86_400.0))?;
        let ttl =
            Self { min_ms, default_ms, max_ms: ms("max", (default_ms as f64 / 1e3).max(31_536_000.0))? };
        if !(ttl.min_ms <= ttl.default_ms && ttl.default_ms <= ttl.max_ms) {
            return Err(fields.fault("`min` is at most `default`, and that at most `max`"));
        }
        fields.finish()?;
        Ok(ttl)
    }
}

fn source(
    field: &Field<'_>,
    origins: &[DistributionOrigin],
    groups: &[OriginGroup],
) -> Result<Source, Fault> {
    let id = field.string()?;
    let origin = origins.iter().position(|origin| origin.id == id).map(Source::Origin);
    let group = || groups.iter().position(|group| group.id == id).map(Source::Group);
    origin
        .or_else(group)
        .ok_or_else(|| field.fault("no origin and no group of this distribution has this id"))
}

fn methods(field: Field<'_>) -> Result<Methods, Fault> {
    let wrong = field.fault("methods are [\"GET\", \"HEAD\"] or [\"GET\", \"HEAD\", \"OPTIONS\"]");
    let mut found = Vec::new();
    for entry in field.list()? {
        match entry.string()? {
            known @ ("GET" | "HEAD" | "OPTIONS") => found.push(known.to_owned()),
            other => {
                return Err(
                    entry.fault(format!("{other} is not implemented: viewers of this edge only read"))
                );
            }
        }
    }
    found.sort();
    match found.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["GET", "HEAD"] => Ok(Methods::Read),
        ["GET", "HEAD", "OPTIONS"] => Ok(Methods::ReadAndOptions),
        _ => Err(wrong),
    }
}

fn cookies(field: Field<'_>) -> Result<Vec<String>, Fault> {
    match field.as_str() {
        Some("none") => Ok(Vec::new()),
        Some("all") => Err(field.fault(
            "not implemented: with all cookies no two viewers would share an object; name those that make a difference",
        )),
        _ => names(field),
    }
}
