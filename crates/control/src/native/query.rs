//! Query parameters: those that a route has, each once.

use super::problem::Problem;

/// Longest value, in bytes.
const MAX_VALUE: usize = 2_048;

/// Parameters by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Query(Vec<(&'static str, String)>);

impl Query {
    /// Reads a raw query. What a route does not know is refused; what signs a presigned URL is passed over.
    pub(crate) fn read(raw: &str, known: &[&'static str]) -> Result<Self, Problem> {
        let mut query = Self::default();
        for pair in raw.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            if name.starts_with("X-Amz-") {
                continue;
            }
            let Some(name) = known.iter().find(|known| **known == name) else {
                let there = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                let shown: String = name.chars().take(64).collect();
                return Err(Problem::bad_request(format!(
                    "no query parameter `{shown}`; there are: {there}"
                )));
            };
            if query.text(name).is_some() {
                return Err(Problem::bad_request(format!("`{name}` comes twice")));
            }
            let value = decoded(value)
                .filter(|value| value.len() <= MAX_VALUE)
                .ok_or_else(|| Problem::bad_request(format!("`{name}` is malformed")))?;
            query.0.push((name, value));
        }
        Ok(query)
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_str())
    }

    /// Items of a page: `limit`, 1 to 1,000, 100 where it is not there.
    pub(crate) fn limit(&self) -> Result<u32, Problem> {
        match self.text("limit") {
            None => Ok(100),
            Some(text) => text
                .parse()
                .ok()
                .filter(|limit| (1..=1_000).contains(limit))
                .ok_or_else(|| Problem::bad_request("`limit` is a number from 1 to 1000")),
        }
    }
}

/// Its `%XX` decoded; `None` where it is no UTF-8, or a `%` has no digits.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        if first != b'%' {
            bytes.push(first);
            continue;
        }
        let (digits, after) = rest.split_at_checked(2)?;
        let digit = |byte: u8| char::from(byte).to_digit(16);
        bytes.push(u8::try_from(digit(digits[0])? * 16 + digit(digits[1])?).ok()?);
        rest = after;
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_known_comes_once_and_is_decoded() {
        let read = |raw| Query::read(raw, &["after", "limit"]);
        let query = read("after=a%2Fb&&limit=7&X-Amz-Date=x").expect("known");
        assert_eq!((query.text("after"), query.limit()), (Some("a/b"), Ok(7)));
        assert_eq!(read("").expect("nothing").limit(), Ok(100));
        for wrong in ["other=1", "after=1&after=2", "after=%f", "after=%zz", "after=%ff", "limit=0x"] {
            let refused = read(wrong).and_then(|query| query.limit());
            assert!(refused.is_err(), "{wrong}");
        }
        for wrong in ["limit=0", "limit=1001", "limit=-1", "limit="] {
            assert!(read(wrong).expect("known").limit().is_err(), "{wrong}");
        }
    }
}
