//! Where an edge fetches: the URL of an origin.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

/// How an origin is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `http://`, port 80 unless told.
    Http,
    /// `https://`, port 443 unless told.
    Https,
}

/// An origin: `http://host[:port][/prefix]` or `https://…`. The prefix goes before every path that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginUrl {
    /// With or without TLS.
    pub scheme: Scheme,
    /// A name or an address; an IPv6 address without its brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Empty, or a path that begins with `/` and does not end with it.
    pub prefix: String,
}

/// Why a text is no [`OriginUrl`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OriginUrlFault {
    /// Another scheme, or none.
    #[error("an origin begins with http:// or https://, such as \"https://origin.example/live\"")]
    Scheme,
    /// No host, or a byte that no host has.
    #[error(
        "an origin needs a host of letters, digits, `-`, `.` and `_`, or an address such as [2001:db8::1]"
    )]
    Host,
    /// A port that is no number from 1 to 65535.
    #[error("the port of an origin is 1 to 65535")]
    Port,
    /// `user:password@`.
    #[error("credentials in an origin's URL are not implemented; remove them")]
    Credentials,
    /// `?` or `#`.
    #[error("an origin has no query and no fragment; give http://host:port/path")]
    Query,
    /// A path that could be read in two ways.
    #[error("the path of an origin is made of A-Z a-z 0-9 - . _ ~ and /, without `//`, `.` and `..`")]
    Path,
}

impl OriginUrl {
    /// The value of `Host` (RFC 9110 §7.2): without the port where the scheme implies it.
    pub fn authority(&self) -> String {
        let host = match self.host.parse::<Ipv6Addr>() {
            Ok(address) => format!("[{address}]"),
            Err(_) => self.host.clone(),
        };
        let implied = match self.scheme {
            Scheme::Http => 80,
            Scheme::Https => 443,
        };
        if self.port == implied { host } else { format!("{host}:{}", self.port) }
    }
}

impl FromStr for OriginUrl {
    type Err = OriginUrlFault;

    fn from_str(text: &str) -> Result<Self, OriginUrlFault> {
        let (scheme, rest) = match (text.strip_prefix("http://"), text.strip_prefix("https://")) {
            (Some(rest), _) => (Scheme::Http, rest),
            (_, Some(rest)) => (Scheme::Https, rest),
            (None, None) => return Err(OriginUrlFault::Scheme),
        };
        if rest.contains(['?', '#']) {
            return Err(OriginUrlFault::Query);
        }
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(OriginUrlFault::Credentials);
        }
        let (host, port) = match authority.strip_prefix('[') {
            Some(bracketed) => {
                let (address, port) = bracketed.split_once(']').ok_or(OriginUrlFault::Host)?;
                let address: Ipv6Addr = address.parse().map_err(|_| OriginUrlFault::Host)?;
                let port = match port {
                    "" => None,
                    port => Some(port.strip_prefix(':').ok_or(OriginUrlFault::Port)?),
                };
                (address.to_string(), port)
            }
            None => match authority.split_once(':') {
                Some((host, port)) => (host.to_owned(), Some(port)),
                None => (authority.to_owned(), None),
            },
        };
        let is_host = |c: char| {
            c.is_ascii_alphanumeric()
                || matches!(c, '-' | '.' | '_')
                || (c == ':' && authority.starts_with('['))
        };
        if host.is_empty() || host.len() > 253 || !host.chars().all(is_host) {
            return Err(OriginUrlFault::Host);
        }
        let port = match (port, scheme) {
            (None, Scheme::Http) => 80,
            (None, Scheme::Https) => 443,
            (Some(port), _) => {
                let digits = port.bytes().all(|b| b.is_ascii_digit());
                port.parse().ok().filter(|port| digits && *port > 0).ok_or(OriginUrlFault::Port)?
            }
        };
        let prefix = path.strip_suffix('/').unwrap_or(path);
        let is_element = |element: &str| {
            !matches!(element, "" | "." | "..")
                && element.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '~'))
        };
        if !prefix.is_empty() && !prefix[1..].split('/').all(is_element) {
            return Err(OriginUrlFault::Path);
        }
        Ok(Self { scheme, host, port, prefix: prefix.to_owned() })
    }
}

impl fmt::Display for OriginUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        };
        write!(f, "{scheme}://{}{}", self.authority(), self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_url_is_taken_apart() {
        for (text, scheme, host, port, prefix, shown) in [
            ("http://127.0.0.1:8300", Scheme::Http, "127.0.0.1", 8300, "", "http://127.0.0.1:8300"),
            ("http://origin.example/", Scheme::Http, "origin.example", 80, "", "http://origin.example"),
            ("https://b.example/live/", Scheme::Https, "b.example", 443, "/live", "https://b.example/live"),
            (
                "https://[2001:db8::1]:8443/a/b",
                Scheme::Https,
                "2001:db8::1",
                8443,
                "/a/b",
                "https://[2001:db8::1]:8443/a/b",
            ),
            ("http://x:443", Scheme::Http, "x", 443, "", "http://x:443"),
        ] {
            let url: OriginUrl = text.parse().expect(text);
            assert_eq!(
                (url.scheme, &*url.host, url.port, &*url.prefix),
                (scheme, host, port, prefix),
                "{text}"
            );
            assert_eq!(url.to_string(), shown);
        }
    }

    #[test]
    fn what_is_no_origin_is_refused_by_name() {
        for (text, fault) in [
            ("", OriginUrlFault::Scheme),
            ("x:80", OriginUrlFault::Scheme),
            ("ftp://x", OriginUrlFault::Scheme),
            ("http://", OriginUrlFault::Host),
            ("http://a b", OriginUrlFault::Host),
            ("http://a\r\nX: y", OriginUrlFault::Host),
            ("http://[::1", OriginUrlFault::Host),
            ("http://x:", OriginUrlFault::Port),
            ("http://x:0", OriginUrlFault::Port),
            ("http://x:+1", OriginUrlFault::Port),
            ("http://x:65536", OriginUrlFault::Port),
            ("http://[::1]80", OriginUrlFault::Port),
            ("http://u:p@x", OriginUrlFault::Credentials),
            ("http://x/?a=b", OriginUrlFault::Query),
            ("http://x/#a", OriginUrlFault::Query),
            ("http://x/a//b", OriginUrlFault::Path),
            ("http://x/../b", OriginUrlFault::Path),
            ("http://x/%2e", OriginUrlFault::Path),
        ] {
            assert_eq!(text.parse::<OriginUrl>(), Err(fault), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_is_shown_as_what_reads_the_same(text in "https?://[a-z0-9.:\\[\\]-]{0,12}(/[a-z.]{0,3}){0,3}") {
            if let Ok(url) = text.parse::<OriginUrl>() {
                prop_assert_eq!(url.to_string().parse::<OriginUrl>(), Ok(url));
            }
        }
    }
}
