//! `[edge]`: the caching node.

use std::path::PathBuf;

use crate::access::Access;
use crate::edge_limits::EdgeLimits;
use crate::fault::Fault;
use crate::fields::Fields;
use crate::listen::Listen;
use crate::origin_url::OriginUrl;
use crate::tls::Tls;

/// `[edge]`: the caching node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// `cache`: memory for cached objects, bytes, 16 MB to 1 TB, default 512 MB.
    pub cache_bytes: u64,
    /// `disk`: where large cached objects outlive memory and restarts; nowhere where it is not set.
    pub disk: Option<Disk>,
    /// `key_query`: query parameters that make another object and reach the origin, at most 16, besides HLS's
    /// delivery directives; all others are dropped.
    pub key_query: Vec<String>,
    /// `threads`: 1 to 256; as many as the machine has cores where it is not set.
    pub threads: Option<usize>,
    /// `origins`: where it fetches, the first to be asked first; empty: from this machine's origin.
    pub origins: Vec<OriginUrl>,
    /// `origin_ca`: a PEM file of certificate authorities for `https://` origins, besides the system's; read
    /// relative to the workflow file's folder.
    pub origin_ca: Option<PathBuf>,
    /// `failover_on`: statuses on which the next origin is asked, 400 to 599, default 500, 502, 503 and 504.
    pub failover_on: Vec<u16>,
    /// `failover_after`: how long an origin in doubt may take to answer before the next is asked too, in
    /// milliseconds, 50 to 5,000, default 250.
    pub failover_after_ms: u32,
    /// `limits`: what the edge bears.
    pub limits: EdgeLimits,
    /// `access`: which paths take a viewer's token; the first table that names a path counts for it.
    pub access: Vec<Access>,
    /// `tls`: what viewers at `listen.viewers_tls` are shown.
    pub tls: Tls,
}

impl Default for Edge {
    fn default() -> Self {
        Self {
            cache_bytes: 512_000_000,
            disk: None,
            key_query: Vec::new(),
            threads: None,
            origins: Vec::new(),
            origin_ca: None,
            failover_on: vec![500, 502, 503, 504],
            failover_after_ms: 250,
            limits: EdgeLimits::default(),
            access: Vec::new(),
            tls: Tls::default(),
        }
    }
}

impl Edge {
    /// Origins one edge knows: a primary and some to stand in for it.
    pub const MAX_ORIGINS: usize = 8;
    /// Query parameters that may be part of the key.
    pub const MAX_KEY_QUERY: usize = 16;

    pub(crate) fn read(mut fields: Fields<'_>, listen: &Listen) -> Result<Self, Fault> {
        let mut edge = Self::default();
        if let Some(field) = fields.take("cache") {
            edge.cache_bytes = field.scaled(16_000_000..=1_000_000_000_000, "bytes")?;
        }
        if let Some(field) = fields.take("disk") {
            edge.disk = Some(Disk::read(field.table()?)?);
        }
        if let Some(field) = fields.take("key_query") {
            let count = field.fault(format!("a list of at most {} names", Self::MAX_KEY_QUERY));
            for entry in field.list()? {
                let name = entry.string()?;
                let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
                if !plain || name.is_empty() || name.len() > 32 {
                    return Err(
                        entry.fault("a query parameter's name is 1 to 32 letters, digits, `-` and `_`")
                    );
                }
                edge.key_query.push(name.to_owned());
                if edge.key_query.len() > Self::MAX_KEY_QUERY {
                    return Err(count);
                }
            }
        }
        if let Some(field) = fields.take("threads") {
            edge.threads = Some(field.integer(1..=256, "threads")? as usize);
        }
        if let Some(field) = fields.take("origins") {
            let count = field.fault(format!("a list of 1 to {} different origins", Self::MAX_ORIGINS));
            for entry in field.list()? {
                let url: OriginUrl = entry.parsed()?;
                if edge.origins.contains(&url) || edge.origins.len() == Self::MAX_ORIGINS {
                    return Err(count);
                }
                edge.origins.push(url);
            }
            if edge.origins.is_empty() {
                return Err(count);
            }
        }
        if let Some(field) = fields.take("origin_ca") {
            edge.origin_ca = Some(field.string()?.into());
        }
        if let Some(field) = fields.take("failover_on") {
            edge.failover_on.clear();
            for entry in field.list()? {
                edge.failover_on.push(entry.integer(400..=599, "as an HTTP status")? as u16);
            }
        }
        if let Some(field) = fields.take("failover_after") {
            edge.failover_after_ms = (field.number(0.05..=5.0, "seconds")? * 1e3).round() as u32;
        }
        if let Some(field) = fields.take("limits") {
            edge.limits = EdgeLimits::read(field.table()?)?;
        }
        if let Some(field) = fields.take("access") {
            let count = field.fault(format!("at most {} access tables", Access::MAX_TABLES));
            let is_in_key = field.fault(format!(
                "viewers' tokens come as the query parameter `{}`: take it out of `key_query`",
                Access::QUERY
            ));
            for entry in field.list()? {
                edge.access.push(Access::read(entry.table()?)?);
            }
            if edge.access.len() > Access::MAX_TABLES {
                return Err(count);
            }
            if !edge.access.is_empty() && edge.key_query.iter().any(|name| name == Access::QUERY) {
                return Err(is_in_key);
            }
        }
        if let Some(field) = fields.take("tls") {
            if listen.viewers_tls.is_none() {
                return Err(field.fault(
                    "nobody would be shown it: set `viewers_tls` under [listen], such as \"0.0.0.0:8443\"",
                ));
            }
            edge.tls = Tls::read(field.table()?)?;
        }
        fields.finish()?;
        Ok(edge)
    }
}

/// `disk` of `[edge]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disk {
    /// `path`: its folder, read relative to the workflow file's folder; one edge has it at a time.
    pub path: PathBuf,
    /// `size`: bytes of files at most, 64 MB to 100 TB.
    pub bytes: u64,
}

impl Disk {
    fn read(mut fields: Fields<'_>) -> Result<Self, Fault> {
        let path = fields.need("path", "\"/var/cache/headwater\"")?;
        if path.string()?.is_empty() {
            return Err(path.fault("a folder is wanted here, such as \"/var/cache/headwater\""));
        }
        let disk = Self {
            path: path.string()?.into(),
            bytes: fields.need("size", "\"20G\"")?.scaled(64_000_000..=100_000_000_000_000, "bytes")?,
        };
        fields.finish()?;
        Ok(disk)
    }
}
