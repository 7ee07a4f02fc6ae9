//! Lists in pages of what two sides have: a service itself, and other doors.

/// A page in the order of the ids. `own` is the service's page after the place where this one begins, and `goes_on` whether it has more
/// behind; `others` is all that other doors made. At most `limit` are given, with the id behind which the next page begins.
pub fn listed<T>(
    own: Vec<(String, T)>,
    goes_on: bool,
    others: impl IntoIterator<Item = (String, T)>,
    after: Option<&str>,
    limit: usize,
) -> (Vec<T>, Option<String>) {
    // Behind the last of a page that goes on lies more of the service's own that is not here.
    let end = own.last().filter(|_| goes_on).map(|(id, _)| id.clone());
    let is_in = |id: &str| after.is_none_or(|after| id > after) && end.as_deref().is_none_or(|end| id <= end);
    let mut all = own;
    all.extend(others.into_iter().filter(|(id, _)| is_in(id)));
    all.sort_by(|(one, _), (other, _)| one.cmp(other));
    let more = goes_on || all.len() > limit;
    all.truncate(limit);
    let next = all.last().filter(|_| more).map(|(id, _)| id.clone());
    (all.into_iter().map(|(_, item)| item).collect(), next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_size_gives_all_in_order_and_each_once() {
        let each = |ids: &str, end: &str| {
            ids.split_whitespace()
                .map(|id| format!("{id}{end}"))
                .map(|id| (id.clone(), id))
                .collect::<Vec<_>>()
        };
        let sides = ["b d f h", "", "a b c", "m n"];
        for (own, others) in sides.iter().flat_map(|own| sides.iter().map(move |others| (own, others))) {
            let (own, others) = (each(own, ""), each(others, "x"));
            let mut expected: Vec<_> = own.iter().chain(&others).map(|(id, _)| id.clone()).collect();
            expected.sort();
            for limit in 1..=9 {
                let (mut gathered, mut after) = (Vec::new(), None::<String>);
                loop {
                    let behind = own.iter().filter(|(id, _)| after.as_ref().is_none_or(|after| id > after));
                    let rest: Vec<_> = behind.cloned().collect();
                    let page = rest.iter().take(limit).cloned().collect();
                    let (items, next) =
                        listed(page, rest.len() > limit, others.clone(), after.as_deref(), limit);
                    assert!(items.len() <= limit);
                    gathered.extend(items);
                    match next {
                        Some(next) => after = Some(next),
                        None => break,
                    }
                }
                assert_eq!(gathered, expected, "{limit} a page");
            }
        }
    }
}
