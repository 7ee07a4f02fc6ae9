//! Where things are fetched: URLs of HTTP (RFC 3986, RFC 9110 §4.2).

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use crate::limits::MAX_LINE_BYTES;

/// How a server is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scheme {
    /// `http://`, port 80 unless told.
    Http,
    /// `https://`, port 443 unless told.
    Https,
}

/// `http://` or `https://`, `user:password@` where there is one, host, port, path and query; without a fragment. User and
/// password are secrets, and so may the query be: neither `Debug` nor `Display` shows them.
#[derive(Clone, PartialEq, Eq)]
pub struct Url {
    scheme: Scheme,
    user_info: Option<String>,
    /// A name or an address; IPv6 without its brackets.
    host: String,
    port: u16,
    /// Begins with `/`; dot segments are resolved.
    path: String,
    query: Option<String>,
}

/// Why a text is no [`Url`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlFault {
    /// Another scheme, or none.
    #[error("a URL begins with http:// or https://")]
    Scheme,
    /// No host, or a byte that no host has.
    #[error("a URL needs a host of letters, digits, `-`, `.` and `_`, or an address such as [2001:db8::1]")]
    Host,
    /// A port that is no number from 1 to 65535.
    #[error("the port of a URL is 1 to 65535")]
    Port,
    /// A byte that no URL has: spaces and letters beyond ASCII are written as `%20`.
    #[error("a URL holds no spaces, no control characters and nothing beyond ASCII: write them as %20")]
    Byte,
    /// Too long.
    #[error("a URL has at most {MAX_LINE_BYTES} bytes")]
    Long,
}

impl Url {
    /// With or without TLS.
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// A name or an address; an IPv6 address without its brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Path and query, as a request names them.
    pub fn target(&self) -> String {
        match &self.query {
            Some(query) => format!("{}?{query}", self.path),
            None => self.path.clone(),
        }
    }

    /// The path alone.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// `user:password`, with `%` sequences resolved; for `Authorization: Basic` (RFC 7617).
    pub fn user_info(&self) -> Option<Vec<u8>> {
        self.user_info.as_deref().map(unescape)
    }

    /// The value of `Host`: without the port where the scheme implies it.
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let implied = match self.scheme {
            Scheme::Http => 80,
            Scheme::Https => 443,
        };
        if self.port == implied { host } else { format!("{host}:{}", self.port) }
    }

    /// The whole URL, to be kept where only its owner reads it: neither `Debug` nor `Display` tells that much.
    pub fn with_secrets(&self) -> String {
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        };
        let user = self.user_info.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
        format!("{scheme}://{user}{}{}", self.authority(), self.target())
    }

    /// Whether both are served by the same server: what belongs to one may be told the other.
    pub fn same_server(&self, other: &Self) -> bool {
        (self.scheme, &self.host, self.port) == (other.scheme, &other.host, other.port)
    }

    /// What `reference` means in a text that was fetched from here (RFC 3986 §5.2). User and password go along only
    /// where the reference names no server.
    pub fn join(&self, reference: &str) -> Result<Self, UrlFault> {
        let reference = reference.split('#').next().unwrap_or("");
        check(reference)?;
        if has_scheme(reference) {
            return reference.parse();
        }
        if let Some(rest) = reference.strip_prefix("//") {
            return Self::after_scheme(self.scheme, rest);
        }
        let (path, query) = split_query(reference);
        let (path, query) = match path {
            "" => (self.path.clone(), query.or(self.query.as_deref()).map(str::to_owned)),
            path if path.starts_with('/') => (without_dots(path), query.map(str::to_owned)),
            path => {
                let folder = &self.path[..=self.path.rfind('/').unwrap_or(0)];
                (without_dots(&format!("{folder}{path}")), query.map(str::to_owned))
            }
        };
        Ok(Self { path, query, ..self.clone() })
    }

    fn after_scheme(scheme: Scheme, rest: &str) -> Result<Self, UrlFault> {
        let (authority, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let (user_info, server) = match authority.rsplit_once('@') {
            Some((user_info, server)) => (Some(user_info.to_owned()), server),
            None => (None, authority),
        };
        let (host, port) = match server.strip_prefix('[') {
            Some(bracketed) => {
                let (address, port) = bracketed.split_once(']').ok_or(UrlFault::Host)?;
                let address: Ipv6Addr = address.parse().map_err(|_| UrlFault::Host)?;
                let port = match port {
                    "" => None,
                    port => Some(port.strip_prefix(':').ok_or(UrlFault::Port)?),
                };
                (address.to_string(), port)
            }
            None => {
                let (host, port) = server.split_once(':').map_or((server, None), |(h, p)| (h, Some(p)));
                let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
                if host.is_empty() || host.len() > 253 || !host.bytes().all(fits) {
                    return Err(UrlFault::Host);
                }
                (host.to_ascii_lowercase(), port)
            }
        };
        let port = match (port, scheme) {
            (None | Some(""), Scheme::Http) => 80,
            (None | Some(""), Scheme::Https) => 443,
            (Some(port), _) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
                port.parse().ok().filter(|port| *port > 0).ok_or(UrlFault::Port)?
            }
            _ => return Err(UrlFault::Port),
        };
        let (path, query) = split_query(target);
        let path = if path.is_empty() { "/".to_owned() } else { without_dots(path) };
        Ok(Self { scheme, user_info, host, port, path, query: query.map(str::to_owned) })
    }
}

impl FromStr for Url {
    type Err = UrlFault;

    fn from_str(text: &str) -> Result<Self, UrlFault> {
        check(text)?;
        let text = text.split('#').next().unwrap_or("");
        let (scheme, rest) = text.split_once("://").ok_or(UrlFault::Scheme)?;
        match () {
            () if scheme.eq_ignore_ascii_case("http") => Self::after_scheme(Scheme::Http, rest),
            () if scheme.eq_ignore_ascii_case("https") => Self::after_scheme(Scheme::Https, rest),
            () => Err(UrlFault::Scheme),
        }
    }
}

/// What the operator may be told: user, password and query are left out.
impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        };
        write!(f, "{scheme}://{}{}", self.authority(), self.path)
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn check(text: &str) -> Result<(), UrlFault> {
    match text {
        text if text.len() > MAX_LINE_BYTES => Err(UrlFault::Long),
        text if text.bytes().any(|byte| !byte.is_ascii_graphic() || byte == b'\\') => Err(UrlFault::Byte),
        _ => Ok(()),
    }
}

/// Whether a reference begins with a scheme, whichever (RFC 3986 §3.1).
fn has_scheme(reference: &str) -> bool {
    let Some((scheme, _)) = reference.split_once(':') else {
        return false;
    };
    scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

fn split_query(text: &str) -> (&str, Option<&str>) {
    text.split_once('?').map_or((text, None), |(path, query)| (path, Some(query)))
}

/// A path with `.` and `..` resolved; above the root there is nothing.
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let elements: Vec<_> = path.split('/').skip(1).collect();
    for (at, element) in elements.iter().enumerate() {
        let is_last = at + 1 == elements.len();
        match *element {
            "." | ".." => {
                if *element == ".." {
                    kept.pop();
                }
                if is_last {
                    kept.push("");
                }
            }
            element => kept.push(element),
        }
    }
    format!("/{}", kept.join("/"))
}

fn unescape(text: &str) -> Vec<u8> {
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match (byte, digit(bytes.get(at + 1)), digit(bytes.get(at + 2))) {
            (b'%', Some(high), Some(low)) => {
                out.push((high << 4 | low) as u8);
                at += 3;
            }
            _ => {
                out.push(byte);
                at += 1;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(url: &Url) -> String {
        format!("{:?} {} {} {}", url.scheme(), url.host(), url.port(), url.target())
    }

    #[test]
    fn references_are_resolved_as_the_rfc_says() {
        let base: Url = "http://a/b/c/d;p?q".parse().expect("a URL");
        // RFC 3986 §5.4, those that mean something here.
        for (reference, target) in [
            ("g", "/b/c/g"),
            ("./g", "/b/c/g"),
            ("g/", "/b/c/g/"),
            ("/g", "/g"),
            ("?y", "/b/c/d;p?y"),
            ("g?y", "/b/c/g?y"),
            ("g#s", "/b/c/g"),
            ("", "/b/c/d;p?q"),
            (".", "/b/c/"),
            ("..", "/b/"),
            ("../g", "/b/g"),
            ("../../../g", "/g"),
            ("/../g", "/g"),
            ("g;x=1/../y", "/b/c/y"),
            ("g?y/../x", "/b/c/g?y/../x"),
        ] {
            assert_eq!(base.join(reference).expect("a reference").target(), target, "{reference}");
        }
        assert_eq!(whole(&base.join("//h:81/x").expect("one")), "Http h 81 /x");
        assert_eq!(whole(&base.join("HTTPS://H").expect("one")), "Https h 443 /");
    }

    #[test]
    fn other_schemes_and_what_no_url_has_are_refused() {
        let base: Url = "https://a/".parse().expect("a URL");
        for (reference, fault) in [
            ("file:///etc/passwd", UrlFault::Scheme),
            ("data:text/plain,x", UrlFault::Scheme),
            ("ftp://a/", UrlFault::Scheme),
            ("http://a b/", UrlFault::Byte),
            ("x\r\nHost: y", UrlFault::Byte),
            ("http://[::1", UrlFault::Host),
            ("http://a:0/", UrlFault::Port),
            ("http://a:+8/", UrlFault::Port),
            ("http:///x", UrlFault::Host),
            ("http://a/\\..", UrlFault::Byte),
        ] {
            assert_eq!(base.join(reference), Err(fault), "{reference}");
        }
    }

    #[test]
    fn secrets_are_sent_to_their_own_server_and_never_shown() {
        let base: Url = "https://anna:s%3acret@a/live/index.m3u8?token=t0ken".parse().expect("a URL");
        assert_eq!(base.user_info().as_deref(), Some(b"anna:s:cret".as_slice()));
        assert_eq!(format!("{base} {base:?}"), "https://a/live/index.m3u8 https://a/live/index.m3u8");
        assert!(base.join("1.ts").expect("a URL").user_info().is_some());
        assert!(base.join("https://b/1.ts").expect("a URL").user_info().is_none());
        assert!(base.join("//b/1.ts").expect("a URL").user_info().is_none());
    }
}
