//! Attribute lists (RFC 8216 §4.2).

/// The attributes of one tag.
#[derive(Debug, Default)]
pub(crate) struct Attributes<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Attributes<'a> {
    /// Reads `NAME=value,NAME="value"`; `None` where that is not what it is.
    pub(crate) fn read(mut text: &'a str) -> Option<Self> {
        let mut list = Vec::new();
        while !text.is_empty() {
            let (name, rest) = text.split_once('=')?;
            let (value, after) = match rest.strip_prefix('"') {
                Some(quoted) => {
                    let (value, after) = quoted.split_once('"')?;
                    (value, after.strip_prefix(',').or_else(|| after.is_empty().then_some(""))?)
                }
                None => rest.split_once(',').unwrap_or((rest, "")),
            };
            list.push((name.trim(), value));
            text = after;
        }
        Some(Self(list))
    }

    /// The value of `name`, without its quotes.
    pub(crate) fn text(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }

    /// A whole number.
    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.text(name)?.trim().parse().ok()
    }

    /// `YES`.
    pub(crate) fn is_yes(&self, name: &str) -> bool {
        self.text(name) == Some("YES")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_and_equals_signs_may_stand_in_quotes() {
        let list = Attributes::read("A=1,B=\"x,y=z\",C=YES").expect("a list");
        assert_eq!(list.number("A"), Some(1));
        assert_eq!(list.text("B"), Some("x,y=z"));
        assert!(list.is_yes("C"));
        assert_eq!(list.text("D"), None);
        assert!(Attributes::read("A").is_none());
        assert!(Attributes::read("A=\"x").is_none());
    }
}
