//! Where the API is: `https://live.example:8443`.

use std::fmt;
use std::str::FromStr;

use http::Uri;

/// Scheme, host and port of an API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl {
    is_tls: bool,
    /// Host and, where it was given, port, as the `Host` header has them.
    authority: String,
    /// Without the brackets of an IPv6 address.
    host: String,
    port: u16,
}

/// A text that is no such URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadUrl {
    /// It is none at all, or of another scheme.
    #[error("write it as http://127.0.0.1:8400 or https://live.example:8443")]
    Form,
    /// It goes on after the port.
    #[error("leave out what follows the port: the API is at /v1 of the host")]
    Path,
    /// It has a user or a password.
    #[error(
        "leave out user and password: the key is read from HEADWATER_ACCESS_KEY and HEADWATER_SECRET_KEY"
    )]
    User,
}

impl BaseUrl {
    /// `host:port`, or the host alone: the `Host` header.
    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    /// The host, to be looked up.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Whether it is spoken by TLS.
    pub(crate) fn is_tls(&self) -> bool {
        self.is_tls
    }
}

impl FromStr for BaseUrl {
    type Err = BadUrl;

    fn from_str(text: &str) -> Result<Self, BadUrl> {
        let uri: Uri = text.parse().map_err(|_| BadUrl::Form)?;
        let (is_tls, default_port) = match uri.scheme_str() {
            Some("http") => (false, 80),
            Some("https") => (true, 443),
            _ => return Err(BadUrl::Form),
        };
        let authority = uri.authority().ok_or(BadUrl::Form)?;
        if authority.as_str().contains('@') {
            return Err(BadUrl::User);
        }
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() || text.contains('#') {
            return Err(BadUrl::Path);
        }
        let port = match authority.as_str().strip_prefix(authority.host()) {
            Some("") => default_port,
            _ => authority.port_u16().filter(|port| *port > 0).ok_or(BadUrl::Form)?,
        };
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        match host.is_empty() {
            true => Err(BadUrl::Form),
            false => Ok(Self { is_tls, authority: authority.as_str().to_owned(), host, port }),
        }
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.is_tls { "https" } else { "http" }, self.authority)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_scheme_host_and_port() {
        for (text, host, port, shown) in [
            ("http://127.0.0.1:8400", "127.0.0.1", 8400, "http://127.0.0.1:8400"),
            ("https://live.example/", "live.example", 443, "https://live.example"),
            ("http://[::1]:8400", "::1", 8400, "http://[::1]:8400"),
            ("http://localhost", "localhost", 80, "http://localhost"),
        ] {
            let url: BaseUrl = text.parse().expect(text);
            assert_eq!((url.host(), url.port(), url.to_string().as_str()), (host, port, shown));
            assert_eq!(url.is_tls(), text.starts_with("https"));
        }
    }

    #[test]
    fn what_is_no_such_url_is_refused_with_what_would_be() {
        for (text, fault) in [
            ("", BadUrl::Form),
            ("localhost:8400", BadUrl::Form),
            ("ftp://a", BadUrl::Form),
            ("http://", BadUrl::Form),
            ("http://:80", BadUrl::Form),
            ("http://a:0", BadUrl::Form),
            ("http://a:99999", BadUrl::Form),
            ("http://a b", BadUrl::Form),
            ("http://key:secret@a", BadUrl::User),
            ("http://a/v1", BadUrl::Path),
            ("http://a?x", BadUrl::Path),
        ] {
            assert_eq!(text.parse::<BaseUrl>(), Err(fault), "{text}");
        }
    }
}
