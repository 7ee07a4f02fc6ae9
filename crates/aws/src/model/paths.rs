//! Paths of rest operations, and how lists are paged.

/// `/2020-05-31/distribution/{Id}/config?WithTags`, taken apart.
#[derive(Debug)]
pub struct PathTemplate {
    segments: Vec<Segment>,
    /// Query parameters that belong to the template, with the value they must have.
    query: Vec<(&'static str, Option<&'static str>)>,
}

#[derive(Debug)]
enum Segment {
    Literal(&'static str),
    Label(&'static str),
    /// Takes every segment to the path's end.
    Greedy(&'static str),
}

/// How an operation's lists are paged: names of members, with dots into structures.
#[derive(Debug)]
pub struct Pages {
    /// Members of the input that take a token.
    pub input_tokens: Vec<&'static str>,
    /// Members of the output that hold the next one.
    pub output_tokens: Vec<&'static str>,
    /// The lists.
    pub results: Vec<&'static str>,
    /// Member of the input that bounds a page.
    pub limit: Option<&'static str>,
    /// Member of the output that says there is more.
    pub more: Option<&'static str>,
}

impl PathTemplate {
    pub(super) fn parse(text: &'static str) -> Self {
        let (path, query) = text.split_once('?').unwrap_or((text, ""));
        let segments = path
            .trim_start_matches('/')
            .split('/')
            .map(|part| match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
                Some(label) => match label.strip_suffix('+') {
                    Some(greedy) => Segment::Greedy(greedy),
                    None => Segment::Label(label),
                },
                None => Segment::Literal(part),
            })
            .collect();
        let query = query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| match pair.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (pair, None),
            })
            .collect();
        Self { segments, query }
    }

    /// How exactly this template stands for a request, with the labels it takes; none where it does not.
    ///
    /// `path` is as it came, percent-encoded; labels are given the same way. More literal parts are more exact.
    pub(crate) fn matches<'p>(
        &self,
        path: &'p str,
        query: &[(String, String)],
    ) -> Option<(usize, Vec<(&'static str, &'p str)>)> {
        let mut exact = 0;
        let mut labels = Vec::new();
        let mut rest = Some(path.strip_prefix('/')?);
        for segment in &self.segments {
            let whole = rest?;
            let (part, after) = match whole.split_once('/') {
                Some((part, after)) => (part, Some(after)),
                None => (whole, None),
            };
            rest = after;
            match segment {
                Segment::Literal(text) if *text == part => exact += 1,
                Segment::Literal(_) => return None,
                Segment::Label(_) | Segment::Greedy(_) if part.is_empty() => return None,
                Segment::Label(name) => labels.push((*name, part)),
                Segment::Greedy(name) => {
                    labels.push((*name, whole));
                    rest = None;
                }
            }
        }
        if rest.is_some_and(|rest| !rest.is_empty()) {
            return None;
        }
        for (name, value) in &self.query {
            query.iter().find(|(key, held)| key == name && value.is_none_or(|value| value == held))?;
            exact += 1;
        }
        Some((exact, labels))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(template: &'static str, path: &str) -> Option<Vec<(&'static str, String)>> {
        let found = PathTemplate::parse(template).matches(path, &[])?;
        Some(found.1.into_iter().map(|(name, value)| (name, value.to_owned())).collect())
    }

    #[test]
    fn a_label_takes_one_segment_that_is_not_empty() {
        assert_eq!(labels("/tags/{arn}", "/tags/a%2Fb"), Some(vec![("arn", "a%2Fb".into())]));
        assert_eq!(labels("/tags/{arn}", "/tags/"), None);
        assert_eq!(labels("/tags/{arn}", "/tags/a/b"), None);
        assert_eq!(labels("/tags/{arn}", "/tags"), None);
    }

    #[test]
    fn a_greedy_label_takes_the_rest() {
        assert_eq!(labels("/{key+}", "/a/b/c"), Some(vec![("key", "a/b/c".into())]));
    }

    #[test]
    fn a_query_of_the_template_has_to_be_there() {
        let template = PathTemplate::parse("/tagging?Operation=Tag");
        let query = |value: &str| vec![("Operation".to_owned(), value.to_owned())];
        assert_eq!(template.matches("/tagging", &query("Tag")).map(|found| found.0), Some(2));
        assert!(template.matches("/tagging", &query("Untag")).is_none());
        assert!(template.matches("/tagging", &[]).is_none());
    }
}
