//! A request's fields, and the rules they must keep (RFC 9113 §8.2, §8.3).

use crate::attack::Attack;
use crate::fault::Fault;
use crate::hpack::Fields;
use crate::limits::{MAX_EXPANDED_LIST, MAX_HEADER_LIST};

/// What an entry of a header list counts beyond its bytes (RFC 9113 §6.5.2).
const OVERHEAD: usize = 32;

/// Why a request is none. It is answered with `RST_STREAM` (RFC 9113 §8.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// A field's name is no token in lower case.
    #[error("a field name that cannot be")]
    Name,
    /// A field's value holds what could end a line, or begins or ends with a blank.
    #[error("a field value that cannot be")]
    Value,
    /// A pseudo-header field behind a regular one, twice, unknown, empty, or in a trailer.
    #[error("a pseudo-header field where none can be")]
    Pseudo,
    /// `:method`, `:scheme` or `:path` is missing.
    #[error("a pseudo-header field is missing")]
    Missing,
    /// A field that speaks of the connection.
    #[error("a field about the connection")]
    Connection,
}

/// Which kind of list comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum List {
    /// A request.
    #[default]
    Request,
    /// The end of a request's body: read for the table's sake, not kept.
    Trailer,
}

/// The fields of one request, in memory that is used again. Lent to [`crate::Connection::receive`].
#[derive(Debug, Default)]
pub struct Headers {
    bytes: Vec<u8>,
    regular: Vec<Span>,
    pseudo: [Option<Span>; 4],
    list: List,
    size: usize,
    malformed: Option<Malformed>,
    pub(crate) scratch: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
struct Span {
    begin: u32,
    middle: u32,
    end: u32,
}

const METHOD: usize = 0;
const SCHEME: usize = 1;
const PATH: usize = 2;
const AUTHORITY: usize = 3;

impl Headers {
    /// `:method`.
    pub fn method(&self) -> &[u8] {
        self.pseudo(METHOD).unwrap_or_default()
    }

    /// `:scheme`.
    pub fn scheme(&self) -> &[u8] {
        self.pseudo(SCHEME).unwrap_or_default()
    }

    /// `:path`.
    pub fn path(&self) -> &[u8] {
        self.pseudo(PATH).unwrap_or_default()
    }

    /// `:authority`, where there was one.
    pub fn authority(&self) -> Option<&[u8]> {
        self.pseudo(AUTHORITY)
    }

    /// Names and values of the other fields, in order. A `cookie` may come in several (§8.2.3).
    pub fn regular(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.regular.iter().map(|span| {
            let field = &self.bytes[span.begin as usize..span.end as usize];
            field.split_at((span.middle - span.begin) as usize)
        })
    }

    fn pseudo(&self, which: usize) -> Option<&[u8]> {
        self.pseudo[which].map(|span| &self.bytes[span.middle as usize..span.end as usize])
    }

    pub(crate) fn begin(&mut self, list: List) {
        self.bytes.clear();
        self.regular.clear();
        self.pseudo = [None; 4];
        self.list = list;
        self.size = 0;
        self.malformed = None;
    }

    /// Judges the whole list.
    pub(crate) fn end(&self) -> Result<(), Malformed> {
        match self.malformed {
            Some(malformed) => Err(malformed),
            None if self.list == List::Request && !self.is_too_large() => {
                let is_whole = self.pseudo[..AUTHORITY].iter().all(Option::is_some);
                if is_whole { Ok(()) } else { Err(Malformed::Missing) }
            }
            None => Ok(()),
        }
    }

    pub(crate) fn is_too_large(&self) -> bool {
        self.size > MAX_HEADER_LIST
    }

    fn judge(&mut self, name: &[u8], value: &[u8]) -> Result<Option<usize>, Malformed> {
        let is_blank = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
        if is_blank(value.first())
            || is_blank(value.last())
            || value.iter().fold(false, |bad, byte| bad | matches!(byte, 0 | b'\r' | b'\n'))
        {
            return Err(Malformed::Value);
        }
        if name.first() == Some(&b':') {
            let which = match name {
                b":method" => METHOD,
                b":scheme" => SCHEME,
                b":path" => PATH,
                b":authority" => AUTHORITY,
                _ => return Err(Malformed::Pseudo),
            };
            let may_come =
                self.list == List::Request && self.regular.is_empty() && self.pseudo[which].is_none();
            return if may_come && !value.is_empty() { Ok(Some(which)) } else { Err(Malformed::Pseudo) };
        }
        if name.is_empty() || !name.iter().fold(true, |good, byte| good & NAME[usize::from(*byte)]) {
            return Err(Malformed::Name);
        }
        match name {
            b"connection" | b"keep-alive" | b"proxy-connection" | b"transfer-encoding" | b"upgrade" => {
                Err(Malformed::Connection)
            }
            b"te" if value != b"trailers" => Err(Malformed::Connection),
            _ => Ok(None),
        }
    }
}

impl Fields for Headers {
    type Stop = Fault;

    fn field(&mut self, name: &[u8], value: &[u8]) -> Result<(), Fault> {
        self.size += name.len() + value.len() + OVERHEAD;
        if self.size > MAX_HEADER_LIST {
            // To be told so, the peer must be understood to the end.
            return if self.size > MAX_EXPANDED_LIST { Err(Attack::HpackBomb.into()) } else { Ok(()) };
        }
        if self.malformed.is_some() {
            return Ok(());
        }
        let which = match self.judge(name, value) {
            Ok(which) => which,
            Err(malformed) => {
                self.malformed = Some(malformed);
                return Ok(());
            }
        };
        let begin = self.bytes.len() as u32;
        self.bytes.extend_from_slice(name);
        let middle = self.bytes.len() as u32;
        self.bytes.extend_from_slice(value);
        let span = Span { begin, middle, end: self.bytes.len() as u32 };
        match which {
            Some(which) => self.pseudo[which] = Some(span),
            None => self.regular.push(span),
        }
        Ok(())
    }
}

/// Bytes of a field name: RFC 9110 §5.6.2 without upper case.
const NAME: [bool; 256] = {
    let mut table = [false; 256];
    let allowed = b"abcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~";
    let mut at = 0;
    while at < allowed.len() {
        table[allowed[at] as usize] = true;
        at += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(fields: &[(&str, &str)], list: List) -> Result<(), Malformed> {
        let mut headers = Headers::default();
        headers.begin(list);
        for (name, value) in fields {
            headers.field(name.as_bytes(), value.as_bytes()).unwrap();
        }
        headers.end()
    }

    const GET: [(&str, &str); 3] = [(":method", "GET"), (":scheme", "https"), (":path", "/")];

    #[test]
    fn a_request_has_method_scheme_and_path_once_and_first() {
        assert_eq!(judged(&GET, List::Request), Ok(()));
        let with = |more: &[(&'static str, &'static str)]| [&GET, more].concat();
        assert_eq!(judged(&with(&[(":authority", "x"), ("a", "b")]), List::Request), Ok(()));
        assert_eq!(judged(&with(&[("a", "b"), (":authority", "x")]), List::Request), Err(Malformed::Pseudo));
        assert_eq!(judged(&with(&[(":path", "/")]), List::Request), Err(Malformed::Pseudo));
        assert_eq!(judged(&with(&[(":status", "200")]), List::Request), Err(Malformed::Pseudo));
        assert_eq!(judged(&with(&[(":protocol", "websocket")]), List::Request), Err(Malformed::Pseudo));
        for (without, (name, _)) in GET.iter().enumerate() {
            let mut fields = GET.to_vec();
            fields.remove(without);
            assert_eq!(judged(&fields, List::Request), Err(Malformed::Missing));
            fields.push((name, ""));
            assert_eq!(judged(&fields, List::Request), Err(Malformed::Pseudo));
        }
        assert_eq!(judged(&[("a", "b")], List::Trailer), Ok(()));
        assert_eq!(judged(&[(":path", "/")], List::Trailer), Err(Malformed::Pseudo));
    }

    #[test]
    fn names_are_lower_case_tokens_and_nothing_speaks_of_the_connection() {
        for (name, value, wrong) in [
            ("Range", "x", Malformed::Name),
            ("", "x", Malformed::Name),
            ("a b", "x", Malformed::Name),
            ("a:", "x", Malformed::Name),
            ("a\u{7f}", "x", Malformed::Name),
            ("a", "b\r\nc: d", Malformed::Value),
            ("a", "b\0", Malformed::Value),
            ("a", " b", Malformed::Value),
            ("a", "b\t", Malformed::Value),
            (":path", "/a\nb", Malformed::Value),
            ("connection", "close", Malformed::Connection),
            ("keep-alive", "1", Malformed::Connection),
            ("proxy-connection", "close", Malformed::Connection),
            ("transfer-encoding", "chunked", Malformed::Connection),
            ("upgrade", "h2c", Malformed::Connection),
            ("te", "gzip", Malformed::Connection),
        ] {
            let fields = [&GET[..2], &[(name, value)], &GET[2..]].concat();
            assert_eq!(judged(&fields, List::Request), Err(wrong), "{name}: {value}");
        }
        assert_eq!(judged(&[&GET[..], &[("te", "trailers"), ("a", "")]].concat(), List::Request), Ok(()));
    }

    #[test]
    fn a_list_too_large_is_read_to_its_end_and_not_kept_but_a_bomb_is_not_read() {
        let mut headers = Headers::default();
        headers.begin(List::Request);
        let value = vec![b'a'; 1_000];
        let mut fields = 0;
        while headers.field(b"a", &value).is_ok() {
            fields += 1;
        }
        assert_eq!(fields, MAX_EXPANDED_LIST / 1_033);
        assert!(headers.is_too_large());
        assert!(headers.bytes.len() <= MAX_HEADER_LIST);
        assert_eq!(headers.field(b"a", &value), Err(Fault::Attack(Attack::HpackBomb)));
    }
}
