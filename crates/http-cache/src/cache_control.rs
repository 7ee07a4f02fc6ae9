//! `Cache-Control` in a response, as one value.

use std::time::Duration;

use http::HeaderMap;
use http::header::CACHE_CONTROL;

/// The response directives a shared cache acts on (RFC 9111 §5.2.2, RFC 5861, RFC 8246). Directives unknown or
/// meant for others are ignored. The qualified forms `private="…"` and `no-cache="…"` count as the plain ones, which
/// is the careful reading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheControl {
    /// Keep nothing.
    pub no_store: bool,
    /// Ask the origin before every use.
    pub no_cache: bool,
    /// For one user only.
    pub private: bool,
    /// Storable whatever else is said.
    pub public: bool,
    /// `must-revalidate` or `proxy-revalidate`: never served stale.
    pub must_revalidate: bool,
    /// Does not change while it is fresh.
    pub immutable: bool,
    /// Freshness lifetime.
    pub max_age: Option<Duration>,
    /// Freshness lifetime in shared caches; wins over `max_age`, and implies `must_revalidate`.
    pub s_maxage: Option<Duration>,
    /// How long after it became stale it may be served while a newer copy is fetched.
    pub stale_while_revalidate: Option<Duration>,
    /// How long after it became stale it may be served when the origin fails.
    pub stale_if_error: Option<Duration>,
}

impl CacheControl {
    /// Reads every `Cache-Control` field of a response. A lifetime that is no number counts as zero, and of two the
    /// shorter one counts (RFC 9111 §4.2.1).
    pub fn of(headers: &HeaderMap) -> CacheControl {
        let mut found = CacheControl::default();
        for value in headers.get_all(CACHE_CONTROL) {
            match value.to_str() {
                Ok(text) => found.read(text),
                // Bytes outside ASCII: something is said that cannot be understood, so nothing is kept.
                Err(_) => found.no_store = true,
            }
        }
        found
    }

    fn read(&mut self, text: &str) {
        for directive in split_outside_quotes(text) {
            let (name, argument) = match directive.split_once('=') {
                Some((name, argument)) => (name.trim(), Some(argument.trim())),
                None => (directive.trim(), None),
            };
            match name.to_ascii_lowercase().as_str() {
                "no-store" => self.no_store = true,
                "no-cache" => self.no_cache = true,
                "private" => self.private = true,
                "public" => self.public = true,
                "must-revalidate" | "proxy-revalidate" => self.must_revalidate = true,
                "immutable" => self.immutable = true,
                "max-age" => shorten(&mut self.max_age, argument),
                "s-maxage" => shorten(&mut self.s_maxage, argument),
                "stale-while-revalidate" => shorten(&mut self.stale_while_revalidate, argument),
                "stale-if-error" => shorten(&mut self.stale_if_error, argument),
                _ => {}
            }
        }
    }
}

fn shorten(lifetime: &mut Option<Duration>, argument: Option<&str>) {
    let found = argument.map_or(Duration::ZERO, delta_seconds);
    *lifetime = Some(lifetime.map_or(found, |other| other.min(found)));
}

/// RFC 9111 §1.2.2: digits; what does not fit is "a very long time", here 2^31 s. Quoted numbers are accepted, as
/// §5.2 asks of recipients.
pub(crate) fn delta_seconds(text: &str) -> Duration {
    let digits = text.trim().trim_matches('"');
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Duration::ZERO;
    }
    const LONG_S: u64 = 1 << 31;
    Duration::from_secs(digits.parse::<u64>().unwrap_or(LONG_S).min(LONG_S))
}

fn split_outside_quotes(text: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    text.split(move |c| {
        quoted ^= c == '"';
        c == ',' && !quoted
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn read(lines: &[&str]) -> CacheControl {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(CACHE_CONTROL, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        CacheControl::of(&headers)
    }

    fn s(seconds: u64) -> Option<Duration> {
        Some(Duration::from_secs(seconds))
    }

    #[test]
    fn directives_are_read_in_any_case_and_over_several_lines() {
        let found = read(&["Public, MAX-AGE=86400", "immutable,stale-if-error=7"]);
        let expected = CacheControl {
            public: true,
            immutable: true,
            max_age: s(86400),
            stale_if_error: s(7),
            ..Default::default()
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn the_careful_reading_wins() {
        assert_eq!(read(&["max-age=5, max-age=3"]).max_age, s(3));
        assert_eq!(read(&["max-age=x"]).max_age, s(0));
        assert_eq!(read(&["max-age"]).max_age, s(0));
        assert_eq!(read(&["max-age=-1"]).max_age, s(0));
        assert_eq!(read(&["max-age=\"9\""]).max_age, s(9));
        assert_eq!(read(&["s-maxage=99999999999999999999999"]).s_maxage, s(1 << 31));
        assert!(read(&["private=\"x, max-age=4\", max-age=5"]).private);
        assert_eq!(read(&["private=\"x, max-age=4\", max-age=5"]).max_age, s(5));
        assert!(read(&["max-age=4\u{e9}"]).no_store);
    }
}
