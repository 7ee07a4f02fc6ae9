//! `[edge.tls]`: what viewers who connect with TLS are shown.

use std::path::PathBuf;

use crate::fault::Fault;
use crate::fields::{Field, Fields};

/// How the edge speaks TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// Where the certificate comes from.
    pub certificate: Certificate,
    /// `http3`: whether HTTP/3 is spoken, too, on the UDP port of the same number; default true.
    pub http3: bool,
}

/// Where the certificate comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Certificate {
    /// `self_signed = true`, or nothing: the edge makes one for itself. Nobody vouches for it: for development.
    SelfMade,
    /// `certificate` and `key`: PEM files, read again when they change.
    Files {
        /// The chain, the server's own certificate first.
        certificate: PathBuf,
        /// Its private key.
        key: PathBuf,
    },
    /// `acme`: asked for, and renewed, at an authority that speaks ACME (RFC 8555).
    Acme(Acme),
}

/// `acme = { … }`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acme {
    /// `domains`: 1 to 100 DNS names, in lower case. The authority must reach the `viewers` listener on port 80 of each.
    pub domains: Vec<String>,
    /// `contact`: `mailto:` and an address, for the authority's warnings.
    pub contact: Option<String>,
    /// `directory`: the authority's first URL; default Let's Encrypt.
    pub directory: String,
    /// `directory_ca`: PEM file with the root that vouches for an authority of one's own; default: the system's roots.
    pub directory_ca: Option<PathBuf>,
}

impl Default for Tls {
    fn default() -> Self {
        Self { certificate: Certificate::SelfMade, http3: true }
    }
}

impl Tls {
    pub(crate) fn read(mut fields: Fields<'_>) -> Result<Self, Fault> {
        let mut tls = Self::default();
        let files = (fields.take("certificate"), fields.take("key"));
        let acme = fields.take("acme");
        let self_signed = fields.take("self_signed");
        if let Some(field) = fields.take("http3") {
            tls.http3 = field.boolean()?;
        }
        let self_made = match &self_signed {
            Some(field) => field.boolean()?,
            None => false,
        };
        let sources = usize::from(files.0.is_some() || files.1.is_some())
            + usize::from(acme.is_some())
            + usize::from(self_made);
        if sources > 1 {
            return Err(fields.fault(
                "a certificate comes from one place: `certificate` and `key`, or `acme`, or `self_signed = true`",
            ));
        }
        tls.certificate = match (files, acme) {
            ((Some(certificate), Some(key)), _) => {
                Certificate::Files { certificate: path(&certificate)?, key: path(&key)? }
            }
            ((Some(alone), None) | (None, Some(alone)), _) => {
                return Err(alone.fault("`certificate` and `key` go together"));
            }
            (_, Some(acme)) => Certificate::Acme(Acme::read(acme.table()?)?),
            _ => Certificate::SelfMade,
        };
        fields.finish()?;
        Ok(tls)
    }
}

impl Acme {
    /// Names on one certificate: as many as Let's Encrypt allows.
    pub const MAX_DOMAINS: usize = 100;
    /// Let's Encrypt.
    pub const LETS_ENCRYPT: &str = "https://acme-v02.api.letsencrypt.org/directory";

    fn read(mut fields: Fields<'_>) -> Result<Self, Fault> {
        let list = fields.need("domains", "[\"live.example.org\"]")?;
        let count = list.fault(format!("1 to {} domains, each once", Self::MAX_DOMAINS));
        let mut domains = Vec::new();
        for entry in list.list()? {
            let domain = entry.string()?.to_ascii_lowercase();
            if !is_domain(&domain) {
                return Err(entry.fault(
                    "a domain is wanted here, such as \"live.example.org\"; no wildcard: HTTP cannot prove one",
                ));
            }
            if domains.contains(&domain) || domains.len() == Self::MAX_DOMAINS {
                return Err(count);
            }
            domains.push(domain);
        }
        if domains.is_empty() {
            return Err(count);
        }
        let contact = match fields.take("contact") {
            None => None,
            Some(field) => {
                let contact = field.string()?;
                let address = contact.strip_prefix("mailto:").unwrap_or_default();
                if !address.contains('@') || contact.len() > 320 {
                    return Err(field.fault("a contact is an address such as \"mailto:you@example.org\""));
                }
                Some(contact.to_owned())
            }
        };
        let directory = match fields.take("directory") {
            None => Self::LETS_ENCRYPT.to_owned(),
            Some(field) => {
                let url = field.string()?;
                if !url.starts_with("https://") || url.len() > 2_048 {
                    return Err(field.fault("an ACME directory is an https:// URL"));
                }
                url.to_owned()
            }
        };
        let directory_ca = fields.take("directory_ca").as_ref().map(path).transpose()?;
        fields.finish()?;
        Ok(Self { domains, contact, directory, directory_ca })
    }
}

fn path(field: &Field<'_>) -> Result<PathBuf, Fault> {
    match field.string()? {
        "" => Err(field.fault("a file is wanted here")),
        path => Ok(path.into()),
    }
}

/// A DNS name of two labels or more (RFC 1035 §2.3.1, RFC 1123 §2.1), no address.
fn is_domain(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= 253
        && name.contains('.')
        && name.split('.').all(label)
        && !name.ends_with(|end: char| end.is_ascii_digit())
}
