//! Where a viewer's token is: in front of the path, in the query, in `Authorization` or in a cookie; the first counts.

use std::fmt;

use super::token::Refusal;

/// The query parameter.
const PARAMETER: &str = "token";
/// The cookie.
const COOKIE: &[u8] = b"headwater_token";

/// What came with a request beside its path, as it came. It is shown nowhere.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Presented<'a> {
    /// The query of the request target.
    pub query: Option<&'a str>,
    /// `Authorization`; empty where it came twice.
    pub authorization: Option<&'a [u8]>,
    /// The first cookie of a token's name.
    pub cookie: Option<&'a [u8]>,
}

impl fmt::Debug for Presented<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Presented")
    }
}

impl<'a> Presented<'a> {
    pub(crate) fn add_authorization(&mut self, value: &'a [u8]) {
        self.authorization = Some(if self.authorization.is_some() { b"" } else { value });
    }

    /// Looks for the token among the cookies of one line; there may be several (RFC 9113 §8.2.3).
    pub(crate) fn add_cookies(&mut self, line: &'a [u8]) {
        let mut pairs = line.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
        let value = pairs.find_map(|pair| pair.strip_prefix(COOKIE)?.strip_prefix(b"="));
        self.cookie = self.cookie.or(value);
    }

    /// The token, of which only the text is known.
    pub(crate) fn token(&self) -> Result<&'a str, Refusal> {
        if let Some(token) = self.query.map(in_query).transpose()?.flatten() {
            return Ok(token);
        }
        let bytes = match (self.authorization.map(bearer).transpose()?.flatten(), self.cookie) {
            (Some(token), _) | (None, Some(token)) => token,
            (None, None) => return Err(Refusal::Missing),
        };
        std::str::from_utf8(bytes).map_err(|_| Refusal::Malformed)
    }
}

/// Takes the token off the front of a canonical target: `/~TOKEN/main/index.m3u8` asks for `/main/index.m3u8`.
pub(crate) fn off_path(target: &str) -> Result<(Option<&str>, &str), Refusal> {
    let Some(begun) = target.strip_prefix("/~") else { return Ok((None, target)) };
    let (token, rest) = begun.split_at(begun.find('/').ok_or(Refusal::Malformed)?);
    // A second one would go on to the origin.
    if token.contains('?') || rest.starts_with("/~") {
        return Err(Refusal::Malformed);
    }
    Ok((Some(token), rest))
}

fn in_query(query: &str) -> Result<Option<&str>, Refusal> {
    let mut tokens = query.split('&').filter_map(|pair| pair.strip_prefix(PARAMETER)?.strip_prefix('='));
    match (tokens.next(), tokens.next()) {
        (token, None) => Ok(token),
        _ => Err(Refusal::Malformed),
    }
}

/// RFC 6750 §2.1; credentials of another scheme are no token.
fn bearer(value: &[u8]) -> Result<Option<&[u8]>, Refusal> {
    if value.is_empty() {
        return Err(Refusal::Malformed);
    }
    let (scheme, rest) = value.split_at(value.iter().position(|byte| *byte == b' ').unwrap_or(value.len()));
    Ok(scheme.eq_ignore_ascii_case(b"bearer").then(|| rest.trim_ascii()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn presented<'a>(
        query: Option<&'a str>,
        authorization: &[&'a str],
        cookies: &[&'a str],
    ) -> Presented<'a> {
        let mut presented = Presented { query, ..Presented::default() };
        authorization.iter().for_each(|value| presented.add_authorization(value.as_bytes()));
        cookies.iter().for_each(|line| presented.add_cookies(line.as_bytes()));
        presented
    }

    #[test]
    fn the_first_carrier_counts() {
        for (query, authorization, cookies, token) in [
            (None, &[][..], &[][..], Err(Refusal::Missing)),
            (Some("a=1&token=q&b"), &["Bearer b"], &["headwater_token=c"], Ok("q")),
            (Some("atoken=q&token2=x"), &["bearer  b"], &["headwater_token=c"], Ok("b")),
            (None, &["Basic b"], &["a=b; headwater_token=c;d=e"], Ok("c")),
            (None, &[], &["a=headwater_token=x", "headwater_token=c", "headwater_token=d"], Ok("c")),
            (Some("token=a&token=b"), &[], &["headwater_token=c"], Err(Refusal::Malformed)),
            (None, &["Bearer a", "Bearer b"], &[], Err(Refusal::Malformed)),
        ] {
            assert_eq!(presented(query, authorization, cookies).token(), token, "{query:?} {cookies:?}");
        }
    }

    #[test]
    fn a_token_in_front_of_the_path_is_taken_off() {
        for (target, split) in [
            ("/main/index.m3u8", Ok((None, "/main/index.m3u8"))),
            ("/~a.b.c/main/index.m3u8?_HLS_msn=1", Ok((Some("a.b.c"), "/main/index.m3u8?_HLS_msn=1"))),
            ("/main/~a.b.c/x", Ok((None, "/main/~a.b.c/x"))),
            ("/~a.b.c/", Ok((Some("a.b.c"), "/"))),
            ("/~a.b.c", Err(Refusal::Malformed)),
            ("/~a.b.c?_HLS_msn=1", Err(Refusal::Malformed)),
            ("/~a.b.c/~d.e.f/x", Err(Refusal::Malformed)),
        ] {
            assert_eq!(off_path(target), split, "{target}");
        }
    }

    #[test]
    fn it_is_not_shown() {
        let shown =
            format!("{:?}", presented(Some("token=secret"), &["Bearer secret"], &["headwater_token=secret"]));
        assert!(!shown.contains("secret"));
    }
}
