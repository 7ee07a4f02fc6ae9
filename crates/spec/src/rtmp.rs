//! RTMP inputs that are fetched.

use std::fmt;

use crate::fault::Fault;
use crate::fields::{Field, Fields};
use crate::srt::host_and_port;

/// Longest URL, in bytes.
const MAX_URL_BYTES: usize = 2_048;
const LIKE: &str = "an RTMP URL is wanted here, such as \"rtmp://example.org/live/main\" or \"rtmps://example.org:443/live/main\"";

/// A stream that an RTMP server plays: `{ rtmp_call = "rtmp://example.org/live/main", … }`.
#[derive(Clone, PartialEq, Eq)]
pub struct RtmpCall {
    /// `rtmps://`: by TLS.
    pub is_secure: bool,
    /// Name or address of the server; an IPv6 address without its brackets.
    pub host: String,
    /// Its port; 1935 where the URL has none, 443 by TLS.
    pub port: u16,
    /// The application: the path but for its last element.
    pub app: String,
    /// The stream, with the URL's query. A secret: neither `Debug` nor `Display` shows it.
    pub stream: String,
    /// `allow_private`: the server may lie in private networks or on this machine, default false.
    pub allow_private: bool,
}

impl RtmpCall {
    /// Reads the input whose `rtmp_call` is `field`; the other settings are in `fields`.
    pub(crate) fn read(field: &Field<'_>, fields: &mut Fields<'_>) -> Result<Self, Fault> {
        let url = field.string()?;
        let is_plain =
            |url: &str| url.len() <= MAX_URL_BYTES && url.bytes().all(|byte| byte.is_ascii_graphic());
        let (is_secure, rest) = match (url.strip_prefix("rtmp://"), url.strip_prefix("rtmps://")) {
            _ if !is_plain(url) => return Err(field.fault(LIKE)),
            (Some(rest), _) => (false, rest),
            (_, Some(rest)) => (true, rest),
            (None, None) => return Err(field.fault(LIKE)),
        };
        let (authority, path) = rest.split_once('/').ok_or_else(|| field.fault(LIKE))?;
        if authority.contains('@') {
            return Err(field
                .fault("RTMP has no user and password in a URL; servers take them as part of the stream"));
        }
        let implied = if is_secure { 443 } else { 1935 };
        let (host, port) = host_and_port(authority)
            .or_else(|| host_and_port(&format!("{authority}:{implied}")))
            .ok_or_else(|| field.fault(LIKE))?;
        let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
        let (app, name) = match path.trim_end_matches('/').rsplit_once('/') {
            Some((app, name)) if !app.is_empty() && !name.is_empty() => (app.to_owned(), name),
            _ => {
                return Err(field.fault("the path of an RTMP URL is an application and a stream: /live/main"));
            }
        };
        let stream = query.map_or_else(|| name.to_owned(), |query| format!("{name}?{query}"));
        let allow_private = fields.flag("allow_private")?;
        Ok(Self { is_secure, host, port, app, stream, allow_private })
    }

    /// The URL without the stream, as servers are told it: `rtmp://example.org:1935/live`.
    pub fn server_url(&self) -> String {
        let scheme = if self.is_secure { "rtmps" } else { "rtmp" };
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        format!("{scheme}://{host}:{}/{}", self.port, self.app)
    }
}

impl fmt::Display for RtmpCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RTMP from {}", self.server_url())
    }
}

impl fmt::Debug for RtmpCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.server_url();
        f.debug_struct("RtmpCall")
            .field("url", &url)
            .field("allow_private", &self.allow_private)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::RtmpCall;
    use crate::Input;
    use crate::channel::read_input;

    fn read(input: &str) -> Result<RtmpCall, String> {
        match read_input(input)? {
            Input::RtmpCall(call) => Ok(call),
            other => Err(other.to_string()),
        }
    }

    fn url(url: &str) -> Result<RtmpCall, String> {
        read(&format!("{{ rtmp_call = \"{url}\" }}"))
    }

    #[test]
    fn a_url_names_a_server_an_application_and_a_stream_that_nobody_is_shown() {
        let call = url("rtmp://h.example/live/inst/s3cret?t=t0ken").expect("valid");
        assert_eq!((call.host.as_str(), call.port, call.is_secure), ("h.example", 1935, false));
        assert_eq!((call.app.as_str(), call.stream.as_str()), ("live/inst", "s3cret?t=t0ken"));
        assert_eq!(call.to_string(), "RTMP from rtmp://h.example:1935/live/inst");
        assert!(!format!("{call:?}").contains("s3cret") && !format!("{call:?}").contains("t0ken"));
        let call =
            read("{ rtmp_call = \"rtmps://[2001:db8::1]/live/a\", allow_private = true }").expect("valid");
        assert_eq!((call.host.as_str(), call.port, call.is_secure), ("2001:db8::1", 443, true));
        assert_eq!(call.server_url(), "rtmps://[2001:db8::1]:443/live");
        assert!(call.allow_private);
        assert_eq!(url("rtmp://h:19350/live/a").expect("valid").port, 19_350);
    }

    #[test]
    fn what_is_no_such_url_is_refused_with_an_example() {
        for wrong in
            ["http://h/live/a", "rtmp://h", "rtmp:///live/a", "rtmp://h:0/live/a", "rtmp://h/live/a b"]
        {
            let refused = url(wrong).expect_err(wrong);
            assert!(refused.contains("such as \"rtmp://example.org/live/main\""), "{wrong}: {refused}");
        }
        assert!(url("rtmp://h/live").expect_err("no stream").contains("an application and a stream"));
        assert!(url("rtmp://u:p@h/live/a").expect_err("a password").contains("no user and password"));
    }
}
