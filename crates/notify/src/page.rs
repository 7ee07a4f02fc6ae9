//! Lists in pages.

use aws::Error;
use store::{Page, Resource, Store};

use crate::fault;

/// A page of resources from where `token` says.
pub(crate) async fn of(
    store: &Store,
    kind: &str,
    (account, region): (&str, &str),
    token: Option<&str>,
    limit: u32,
) -> Result<Page<Resource>, Error> {
    if token.is_some_and(|token| token.len() > store::Key::MAX_ID || token.chars().any(char::is_control)) {
        return Err(fault::invalid("NextToken", "it is none that a list gave"));
    }
    store.list(kind, account, region, token, limit).await.map_err(fault::store)
}

/// All resources of a kind there, or the first `most`.
pub(crate) async fn all(
    store: &Store,
    kind: &str,
    place: (&str, &str),
    after: Option<&str>,
    most: usize,
    mut wanted: impl FnMut(&Resource) -> bool,
) -> Result<Vec<Resource>, Error> {
    let mut found = Vec::new();
    let mut next = after.map(str::to_owned);
    loop {
        let page = of(store, kind, place, next.as_deref(), Page::<Resource>::MAX).await?;
        for resource in page.items {
            if !wanted(&resource) {
                return Ok(found);
            }
            found.push(resource);
            if found.len() == most {
                return Ok(found);
            }
        }
        match page.next {
            Some(more) => next = Some(more),
            None => return Ok(found),
        }
    }
}
