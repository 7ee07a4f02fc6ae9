//! Conditional requests against a stored object.

/// What a stored object can be recognised by.
#[derive(Clone, Copy, Debug, Default)]
pub struct Validators<'a> {
    /// Its `ETag`, with quotes and `W/`.
    pub etag: Option<&'a str>,
    /// Its `Last-Modified`.
    pub last_modified: Option<&'a str>,
}

/// Whether the viewer has this object already and is told so with 304 (RFC 9110 §13.2.2, steps 3 and 4).
/// `If-None-Match` decides alone where it is given.
pub fn not_modified(
    object: Validators<'_>,
    if_none_match: Option<&str>,
    if_modified_since: Option<&str>,
) -> bool {
    if let Some(tags) = if_none_match {
        return tags.trim() == "*" || object.etag.is_some_and(|etag| any_weak_match(tags, etag));
    }
    let (Some(since), Some(modified)) = (if_modified_since, object.last_modified) else { return false };
    // The very date that was sent is by far the commonest, and needs no calendar.
    since == modified
        || matches!(
            (httpdate::parse_http_date(since), httpdate::parse_http_date(modified)),
            (Ok(since), Ok(modified)) if modified <= since
        )
}

/// Whether `Range` may be honoured: there is no `If-Range`, or it names this very object by strong comparison
/// (RFC 9110 §13.1.5).
pub fn range_applies(object: Validators<'_>, if_range: Option<&str>) -> bool {
    let Some(validator) = if_range.map(str::trim) else { return true };
    if validator.starts_with('"') {
        return object.etag == Some(validator);
    }
    // A weak tag never matches; a date must be the very one.
    !validator.starts_with("W/") && object.last_modified == Some(validator)
}

/// Weak comparison against a list (RFC 9110 §8.8.3.2). Commas inside a tag are legal.
fn any_weak_match(list: &str, etag: &str) -> bool {
    let opaque = etag.strip_prefix("W/").unwrap_or(etag);
    let mut rest = list;
    while let Some(open) = rest.find('"') {
        let Some(len) = rest[open + 1..].find('"') else { return false };
        let end = open + len + 2;
        if &rest[open..end] == opaque {
            return true;
        }
        rest = &rest[end..];
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OBJECT: Validators<'static> =
        Validators { etag: Some("\"a,b\""), last_modified: Some("Sat, 21 Nov 2026 08:00:00 GMT") };

    #[test]
    fn entity_tags_decide_before_dates() {
        for tags in ["\"a,b\"", "W/\"a,b\"", "\"x\", \"a,b\"", "*", " * ", "\"x\",W/\"a,b\""] {
            assert!(not_modified(OBJECT, Some(tags), None), "{tags}");
        }
        for tags in ["", "\"a\"", "a,b", "\"a,b", "\"x\", \"b\""] {
            assert!(!not_modified(OBJECT, Some(tags), OBJECT.last_modified), "{tags}");
        }
        assert!(!not_modified(Validators::default(), Some("\"a\""), None));
    }

    #[test]
    fn dates_count_in_any_of_their_three_spellings() {
        assert!(not_modified(OBJECT, None, OBJECT.last_modified));
        assert!(not_modified(OBJECT, None, Some("Saturday, 21-Nov-26 08:00:01 GMT")));
        assert!(not_modified(OBJECT, None, Some("Sat Nov 21 08:00:00 2026")));
        assert!(!not_modified(OBJECT, None, Some("Sat, 21 Nov 2026 07:59:59 GMT")));
        assert!(!not_modified(OBJECT, None, Some("yesterday")));
    }

    #[test]
    fn if_range_wants_the_very_object() {
        assert!(range_applies(OBJECT, None));
        assert!(range_applies(OBJECT, Some("\"a,b\"")));
        assert!(range_applies(OBJECT, OBJECT.last_modified));
        assert!(!range_applies(OBJECT, Some("W/\"a,b\"")));
        assert!(!range_applies(OBJECT, Some("Sat, 21 Nov 2026 08:00:01 GMT")));
        assert!(!range_applies(Validators { etag: Some("W/\"x\""), last_modified: None }, Some("W/\"x\"")));
    }

    proptest! {
        #[test]
        fn any_text_is_compared(list in "[\"a,W/* ]{0,20}", since in "[ -~]{0,30}") {
            not_modified(OBJECT, Some(&list), Some(&since));
            not_modified(OBJECT, None, Some(&since));
        }
    }
}
