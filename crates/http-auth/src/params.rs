//! `name=value, name="value"`: parameters of a scheme (RFC 9110 §11.2).

use crate::authorization::Malformed;

/// Most parameters; Digest has eleven.
const MAX_PARAMS: usize = 32;

/// Parameters by name.
#[derive(Debug, Default)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    pub(crate) fn parse(text: &str) -> Result<Self, Malformed> {
        let mut params = Self::default();
        let mut rest = skip(text, " \t,");
        while !rest.is_empty() {
            let (name, after) = token(rest)?;
            let after = skip(after, " \t").strip_prefix('=').ok_or(Malformed::Parameter)?;
            let (value, after) = value(skip(after, " \t"))?;
            let name = name.to_ascii_lowercase();
            if params.0.len() == MAX_PARAMS {
                return Err(Malformed::TooMany);
            }
            if params.0.iter().any(|(known, _)| *known == name) {
                return Err(Malformed::Twice);
            }
            params.0.push((name, value));
            let next = skip(after, " \t");
            if !next.is_empty() && !next.starts_with(',') {
                return Err(Malformed::Parameter);
            }
            rest = skip(next, " \t,");
        }
        Ok(params)
    }

    pub(crate) fn take(&mut self, name: &str) -> Option<String> {
        let at = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.swap_remove(at).1)
    }
}

fn skip<'t>(text: &'t str, signs: &str) -> &'t str {
    text.trim_start_matches(|sign| signs.contains(sign))
}

/// A token (RFC 9110 §5.6.2) and what follows.
fn token(text: &str) -> Result<(&str, &str), Malformed> {
    let fits = |sign: char| sign.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(sign);
    let end = text.find(|sign| !fits(sign)).unwrap_or(text.len());
    if end == 0 { Err(Malformed::Parameter) } else { Ok(text.split_at(end)) }
}

/// A token, or a text in quotes in which `\` stands before what is meant as it is.
fn value(text: &str) -> Result<(String, &str), Malformed> {
    let Some(quoted) = text.strip_prefix('"') else {
        let (value, rest) = token(text)?;
        return Ok((value.to_owned(), rest));
    };
    let mut value = String::new();
    let mut signs = quoted.char_indices();
    while let Some((at, sign)) = signs.next() {
        match sign {
            '"' => return Ok((value, &quoted[at + 1..])),
            '\\' => value.push(signs.next().ok_or(Malformed::Quote)?.1),
            sign => value.push(sign),
        }
    }
    Err(Malformed::Quote)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_and_quoted_texts_are_read_in_any_order_and_spacing() {
        let mut params = Params::parse(" , A=b ,c = \"d, \\\"e\\\"\" ,, f=\"\"").expect("parameters");
        assert_eq!(params.take("a").as_deref(), Some("b"));
        assert_eq!(params.take("c").as_deref(), Some("d, \"e\""));
        assert_eq!(params.take("f").as_deref(), Some(""));
        assert_eq!(params.take("a"), None);
    }

    #[test]
    fn what_is_no_list_of_parameters_is_refused_by_name() {
        for (text, fault) in [
            ("a", Malformed::Parameter),
            ("=b", Malformed::Parameter),
            ("a=b c=d", Malformed::Parameter),
            ("a=\"b", Malformed::Quote),
            ("a=\"b\\", Malformed::Quote),
            ("a=b, A=c", Malformed::Twice),
        ] {
            assert_eq!(Params::parse(text).expect_err(text), fault, "{text}");
        }
        let many: Vec<_> = (0..=MAX_PARAMS).map(|at| format!("p{at}=x")).collect();
        assert_eq!(Params::parse(&many.join(",")).expect_err("33"), Malformed::TooMany);
    }
}
