//! The request gate: which bytes are a request at all.
//!
//! Strict where HTTP/1.1 lets servers differ (RFC 9112 §11.2): a head that two servers could read differently is not
//! repaired but refused, and the connection closed, so there is nothing to smuggle. A viewer's request has no body.

use std::borrow::Cow;

use http_cache::{KeyFault, KeyRules};
use memchr::memchr;

use crate::access::carrier::Presented;
use crate::via::joined;

/// Longest request head, in bytes.
pub const MAX_HEAD: usize = 32 * 1024;
/// Most header lines.
pub const MAX_LINES: usize = 64;
/// Longest request target, in bytes.
pub const MAX_TARGET: usize = 8 * 1024;

/// What the edge answers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// `GET`.
    Get,
    /// `HEAD`.
    Head,
    /// `OPTIONS`, which the edge answers itself.
    Options,
}

/// The request's version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.0: no chunked coding, and closed unless it asks for keep-alive.
    Http10,
    /// HTTP/1.1.
    Http11,
}

/// What happens to the connection after the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Persistence {
    /// It stays open.
    KeepAlive,
    /// It is closed.
    Close,
}

/// A request that passed. Of its header lines only those that matter are kept; none is ever forwarded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// The method.
    pub method: Method,
    /// The version.
    pub version: Version,
    /// The canonical request target: a [`http_cache::Key`]'s text.
    pub target: Cow<'a, str>,
    /// What the viewer wants done with the connection.
    pub persistence: Persistence,
    /// The conditions and range of the request.
    pub wants: Wants<'a>,
    /// The intermediaries it came through (`Via`).
    pub via: Option<Cow<'a, str>>,
    /// Where a viewer's token may be.
    pub presented: Presented<'a>,
    /// `Host`, as it came.
    pub host: Option<&'a [u8]>,
    /// Its header lines, each with CRLF, and the empty line.
    pub lines: &'a [u8],
}

impl Request<'_> {
    /// Calls `each` with the name and value of every header line.
    pub fn each_field(&self, each: &mut dyn FnMut(&[u8], &[u8])) {
        for line in self.lines.split(|byte| *byte == b'\n') {
            if let Some(colon) = memchr(b':', line) {
                each(&line[..colon], &line[colon + 1..]);
            }
        }
    }
}

/// The fields that choose how a stored object is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wants<'a> {
    /// `Range`.
    pub range: Option<&'a str>,
    /// `If-Range`.
    pub if_range: Option<&'a str>,
    /// `If-None-Match`.
    pub if_none_match: Option<&'a str>,
    /// `If-Modified-Since`.
    pub if_modified_since: Option<&'a str>,
}

macro_rules! violations {
    ($($(#[doc = $doc:literal])* $name:ident = $status:literal, $label:literal;)*) => {
        /// Why bytes are no request. Each is a counter's label.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
        pub enum Violation {
            $($(#[doc = $doc])* #[error($label)] $name,)*
        }

        impl Violation {
            /// Every violation, in order.
            pub const ALL: &'static [Violation] = &[$(Violation::$name,)*];

            /// The status it is answered with.
            pub fn status(self) -> u16 {
                match self { $(Violation::$name => $status,)* }
            }

            /// A short name for logs and metrics.
            pub fn label(self) -> &'static str {
                match self { $(Violation::$name => $label,)* }
            }
        }
    };
}

violations! {
    /// The request line is not three words with one space between.
    RequestLine = 400, "request_line";
    /// A method the edge does not answer to.
    Method = 405, "method";
    /// Not an HTTP/1 version.
    Version = 505, "version";
    /// A target over [`MAX_TARGET`].
    TargetLength = 414, "target_length";
    /// Not an origin-form target (`*`, an absolute URI, an authority).
    TargetForm = 400, "target_form";
    /// A byte that cannot stand in a target, encoded or not.
    TargetByte = 400, "target_byte";
    /// `.`, `..`, `//` or an encoded separator.
    TargetPath = 400, "target_path";
    /// A named query parameter that is repeated or has no usable value.
    TargetQuery = 400, "target_query";
    /// LF without CR before it, or CR without LF after it.
    LineEnd = 400, "line_end";
    /// A header line that continues the one before.
    Fold = 400, "fold";
    /// A header line without a token and a colon.
    FieldName = 400, "field_name";
    /// A control character in a header line.
    FieldValue = 400, "field_value";
    /// More than [`MAX_LINES`] header lines.
    Lines = 431, "lines";
    /// A head over [`MAX_HEAD`].
    HeadLength = 431, "head_length";
    /// No `Host`, several, or one that is no host.
    Host = 400, "host";
    /// `Content-Length` other than one 0, so a body.
    Body = 400, "body";
    /// Any `Transfer-Encoding`.
    TransferEncoding = 400, "transfer_encoding";
    /// A field twice that may come once.
    Repeated = 400, "repeated";
    /// `Expect`.
    Expect = 417, "expect";
}

impl From<KeyFault> for Violation {
    fn from(fault: KeyFault) -> Violation {
        match fault {
            KeyFault::NotAbsolute => Violation::TargetForm,
            KeyFault::Byte { .. } | KeyFault::PercentEncoding => Violation::TargetByte,
            KeyFault::EncodedSeparator | KeyFault::DotSegment | KeyFault::EmptyElement => {
                Violation::TargetPath
            }
            KeyFault::RepeatedParameter | KeyFault::ParameterValue => Violation::TargetQuery,
        }
    }
}

/// Reads one request head from the front of `bytes`: the request and its length, or `None` where more must come.
/// A head that can no longer become valid is refused before its end.
pub fn read<'a>(bytes: &'a [u8], rules: &KeyRules) -> Result<Option<(Request<'a>, usize)>, Violation> {
    let mut lines = Lines { bytes, at: 0 };
    let Some(request_line) = lines.next()? else {
        // No line yet: too long is the only thing that can be wrong for sure.
        return match bytes.len() {
            len if len >= MAX_HEAD => Err(Violation::HeadLength),
            len if len > MAX_TARGET + 64 => Err(Violation::TargetLength),
            _ => Ok(None),
        };
    };
    let (method, target, version) = split_request_line(request_line)?;
    let mut fields = Fields::of(target);
    let target = rules.canonical(target)?;

    let begin = lines.at;
    let mut count = 0;
    loop {
        let Some(line) = lines.next()? else { return Ok(None) };
        if line.is_empty() {
            break;
        }
        count += 1;
        if count > MAX_LINES {
            return Err(Violation::Lines);
        }
        fields.read(line)?;
    }
    if fields.host.is_none() && version == Version::Http11 {
        return Err(Violation::Host);
    }
    let persistence = match (version, fields.close, fields.keep_alive) {
        (_, true, _) | (Version::Http10, false, false) => Persistence::Close,
        (Version::Http11, false, _) | (Version::Http10, false, true) => Persistence::KeepAlive,
    };
    Ok(Some((
        Request {
            method,
            version,
            target,
            persistence,
            wants: fields.wants,
            via: fields.via,
            presented: fields.presented,
            host: fields.host,
            lines: &bytes[begin..lines.at],
        },
        lines.at,
    )))
}

/// A request that came as fields, by HTTP/2 (RFC 9113 §8.3.1) or HTTP/3 (RFC 9114 §4.3.1), and passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldRequest<'a> {
    /// The method.
    pub method: Method,
    /// The canonical request target: a [`http_cache::Key`]'s text.
    pub target: Cow<'a, str>,
    /// The conditions and range of the request.
    pub wants: Wants<'a>,
    /// Where a viewer's token may be.
    pub presented: Presented<'a>,
    /// The authority, or `Host` where there is none.
    pub host: Option<&'a [u8]>,
}

/// The pseudo-header fields of a request, each as it came; that each came once and first is its protocol's to check.
#[derive(Clone, Copy, Debug)]
pub struct Pseudo<'a> {
    /// `:method`.
    pub method: &'a [u8],
    /// `:path`.
    pub path: &'a [u8],
    /// `:authority`, where there was one.
    pub authority: Option<&'a [u8]>,
}

/// Judges a request that came as fields: by the same rules as [`read`], and by those that only such requests have
/// (lower-case names, nothing about the connection: RFC 9113 §8.2).
pub fn check<'a>(
    pseudo: Pseudo<'a>,
    regular: impl IntoIterator<Item = (&'a [u8], &'a [u8])>,
    rules: &KeyRules,
) -> Result<FieldRequest<'a>, Violation> {
    let method = method_of(pseudo.method)?;
    let target = target_of(pseudo.path)?;
    let mut fields = Fields::of(target);
    let target = rules.canonical(target)?;
    let mut length = pseudo.method.len() + pseudo.path.len() + pseudo.authority.map_or(0, <[u8]>::len);
    for (count, (name, value)) in regular.into_iter().enumerate() {
        if count >= MAX_LINES {
            return Err(Violation::Lines);
        }
        length += name.len() + value.len();
        if length > MAX_HEAD {
            return Err(Violation::HeadLength);
        }
        match name {
            b"transfer-encoding" => return Err(Violation::TransferEncoding),
            b"connection" | b"keep-alive" | b"proxy-connection" | b"upgrade" => {
                return Err(Violation::FieldName);
            }
            b"te" if value != b"trailers" => return Err(Violation::FieldValue),
            _ if name.iter().any(u8::is_ascii_uppercase) => return Err(Violation::FieldName),
            // Here these are bytes of a value, not ends of a line, to a server; to the next one they may be either.
            _ if value.iter().any(|b| matches!(b, b'\r' | b'\n' | 0)) => return Err(Violation::FieldValue),
            _ => fields.field(name, value)?,
        }
    }
    match (pseudo.authority, fields.host) {
        (None, None) => return Err(Violation::Host),
        (Some(authority), _) if !is_host(authority) => return Err(Violation::Host),
        (Some(authority), Some(host)) if authority != host => return Err(Violation::Host),
        _ => {}
    }
    let host = pseudo.authority.or(fields.host);
    Ok(FieldRequest { method, target, wants: fields.wants, presented: fields.presented, host })
}

/// For the fuzzer and the tests: reads every pipelined request, as a connection does.
pub fn read_all(mut bytes: &[u8]) -> (usize, Option<Violation>) {
    let rules = KeyRules::hls();
    let mut requests = 0;
    loop {
        match read(bytes, &rules) {
            Ok(Some((_, len))) => bytes = &bytes[len..],
            Ok(None) => return (requests, None),
            Err(violation) => return (requests, Some(violation)),
        }
        requests += 1;
    }
}

/// For the fuzzer and the tests: takes `bytes` as method, path and fields, each ended by LF, a field's name by `:`.
pub fn check_all(bytes: &[u8]) -> Option<Violation> {
    let mut lines = bytes.split(|b| *b == b'\n');
    let (method, path) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let fields = lines.map(|line| line.split_at(memchr(b':', line).unwrap_or(line.len())));
    check(Pseudo { method, path, authority: None }, fields, &KeyRules::hls()).err()
}

struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Lines<'a> {
    /// The next line without its CRLF; `None` when it has not come whole.
    fn next(&mut self) -> Result<Option<&'a [u8]>, Violation> {
        let rest = &self.bytes[self.at..];
        let Some(end) = memchr(b'\n', rest) else {
            return if self.bytes.len() >= MAX_HEAD { Err(Violation::HeadLength) } else { Ok(None) };
        };
        if self.at + end >= MAX_HEAD {
            return Err(Violation::HeadLength);
        }
        if end == 0 || rest[end - 1] != b'\r' {
            return Err(Violation::LineEnd);
        }
        self.at += end + 1;
        Ok(Some(&rest[..end - 1]))
    }
}

fn split_request_line(line: &[u8]) -> Result<(Method, &str, Version), Violation> {
    let first = memchr(b' ', line).ok_or(Violation::RequestLine)?;
    let (method, rest) = (&line[..first], &line[first + 1..]);
    let second = memchr(b' ', rest).ok_or(Violation::RequestLine)?;
    let (target, version) = (&rest[..second], &rest[second + 1..]);
    let method = method_of(method)?;
    let version = match version {
        b"HTTP/1.1" => Version::Http11,
        b"HTTP/1.0" => Version::Http10,
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
            if major.is_ascii_digit() && minor.is_ascii_digit() =>
        {
            return Err(Violation::Version);
        }
        _ => return Err(Violation::RequestLine),
    };
    Ok((method, target_of(target)?, version))
}

fn method_of(method: &[u8]) -> Result<Method, Violation> {
    match method {
        b"GET" => Ok(Method::Get),
        b"HEAD" => Ok(Method::Head),
        b"OPTIONS" => Ok(Method::Options),
        [] => Err(Violation::RequestLine),
        other if other.iter().all(|b| is_token(*b)) => Err(Violation::Method),
        _ => Err(Violation::RequestLine),
    }
}

fn target_of(target: &[u8]) -> Result<&str, Violation> {
    if target.len() > MAX_TARGET {
        return Err(Violation::TargetLength);
    }
    if target.is_empty() {
        return Err(Violation::TargetForm);
    }
    std::str::from_utf8(target).map_err(|_| Violation::TargetByte)
}

#[derive(Default)]
struct Fields<'a> {
    host: Option<&'a [u8]>,
    content_length: Option<()>,
    close: bool,
    keep_alive: bool,
    wants: Wants<'a>,
    via: Option<Cow<'a, str>>,
    presented: Presented<'a>,
}

impl<'a> Fields<'a> {
    /// Those of a request for `target`, as it came.
    fn of(target: &'a str) -> Fields<'a> {
        let query = target.split_once('?').map(|(_, query)| query);
        Fields { presented: Presented { query, ..Presented::default() }, ..Fields::default() }
    }

    fn read(&mut self, line: &'a [u8]) -> Result<(), Violation> {
        if matches!(line[0], b' ' | b'\t') {
            return Err(Violation::Fold);
        }
        let colon = memchr(b':', line).ok_or(Violation::FieldName)?;
        self.field(&line[..colon], &line[colon + 1..])
    }

    fn field(&mut self, name: &'a [u8], value: &'a [u8]) -> Result<(), Violation> {
        if name.is_empty() || !name.iter().all(|b| is_token(*b)) {
            return Err(Violation::FieldName);
        }
        if value.iter().fold(false, |bad, b| bad | ((*b < 0x20) & (*b != b'\t')) | (*b == 0x7f)) {
            // A lone CR is a line end to some servers.
            let lone_cr = value.contains(&b'\r');
            return Err(if lone_cr { Violation::LineEnd } else { Violation::FieldValue });
        }
        let value = value.trim_ascii();
        let is = |wanted: &[u8]| name.eq_ignore_ascii_case(wanted);
        match name.len() {
            3 if is(b"via") => {
                // One that is no text names no edge.
                if let Ok(line) = std::str::from_utf8(value) {
                    self.via = Some(joined(self.via.take(), line));
                }
            }
            4 if is(b"host") => {
                once(&mut self.host, value).map_err(|_| Violation::Host)?;
                if !is_host(value) {
                    return Err(Violation::Host);
                }
            }
            5 if is(b"range") => once(&mut self.wants.range, text(value)?)?,
            6 if is(b"cookie") => self.presented.add_cookies(value),
            6 if is(b"expect") => return Err(Violation::Expect),
            8 if is(b"if-range") => once(&mut self.wants.if_range, text(value)?)?,
            10 if is(b"connection") => self.connection(value),
            13 if is(b"authorization") => self.presented.add_authorization(value),
            13 if is(b"if-none-match") => once(&mut self.wants.if_none_match, text(value)?)?,
            14 if is(b"content-length") => {
                once(&mut self.content_length, ()).map_err(|_| Violation::Body)?;
                if value != b"0" {
                    return Err(Violation::Body);
                }
            }
            17 if is(b"if-modified-since") => once(&mut self.wants.if_modified_since, text(value)?)?,
            17 if is(b"transfer-encoding") => return Err(Violation::TransferEncoding),
            _ => {}
        }
        Ok(())
    }

    fn connection(&mut self, value: &[u8]) {
        for option in value.split(|b| *b == b',').map(<[u8]>::trim_ascii) {
            self.close |= option.eq_ignore_ascii_case(b"close");
            self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
        }
    }
}

fn once<T>(place: &mut Option<T>, value: T) -> Result<(), Violation> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(Violation::Repeated),
    }
}

fn text(value: &[u8]) -> Result<&str, Violation> {
    std::str::from_utf8(value).map_err(|_| Violation::FieldValue)
}

/// `uri-host [ ":" port ]` (RFC 9110 §7.2), names, IPv4 and bracketed IPv6.
fn is_host(value: &[u8]) -> bool {
    let (host, port) = match value {
        [b'[', rest @ ..] => {
            let Some(end) = memchr(b']', rest) else { return false };
            let inside = &rest[..end];
            if inside.is_empty() || !inside.iter().all(|b| b.is_ascii_hexdigit() || matches!(b, b':' | b'.'))
            {
                return false;
            }
            (inside, &rest[end + 1..])
        }
        _ => value.split_at(memchr(b':', value).unwrap_or(value.len())),
    };
    let port_fits = match port {
        [] => true,
        [b':', digits @ ..] => digits.len() <= 5 && digits.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    let name_fits = value.first() == Some(&b'[')
        || host.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'~'));
    !host.is_empty() && host.len() <= 255 && name_fits && port_fits
}

/// RFC 9110 §5.6.2.
fn is_token(byte: u8) -> bool {
    const TABLE: [bool; 256] = {
        let mut table = [false; 256];
        let allowed = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~";
        let mut at = 0;
        while at < allowed.len() {
            table[allowed[at] as usize] = true;
            at += 1;
        }
        table
    };
    TABLE[usize::from(byte)]
}

#[cfg(test)]
mod tests;
