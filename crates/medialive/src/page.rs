//! Lists in pages.

use aws::{Error, Map, Value};
use store::{Page, Resource};

use crate::refusal::bad_request;

/// A page where the client names no size.
const DEFAULT: u32 = 100;

/// How long a page is, and what it begins after.
pub(crate) struct Asked {
    pub(crate) limit: u32,
    pub(crate) after: Option<String>,
}

impl Asked {
    pub(crate) fn of(input: &Map) -> Result<Self, Error> {
        let limit = match input.get("MaxResults") {
            None => DEFAULT,
            Some(Value::Integer(number)) if (1..=i128::from(Page::<Resource>::MAX)).contains(number) => {
                *number as u32
            }
            Some(_) => return Err(bad_request(format!("maxResults is 1 to {}", Page::<Resource>::MAX))),
        };
        let after = input.text("NextToken").filter(|token| !token.is_empty());
        if after.is_some_and(|token| token.len() > 20 || !token.bytes().all(|digit| digit.is_ascii_digit())) {
            return Err(bad_request("nextToken is not one of this list's"));
        }
        Ok(Self { limit, after: after.map(str::to_owned) })
    }

    /// The page of a list that is at hand: its token counts what came before.
    pub(crate) fn cut<T>(&self, all: impl Iterator<Item = T>) -> (Vec<T>, Option<String>) {
        let skipped: usize = self.after.as_deref().and_then(|token| token.parse().ok()).unwrap_or(0);
        let limit = self.limit as usize;
        let mut items: Vec<T> = all.skip(skipped).take(limit.saturating_add(1)).collect();
        let more = items.len() > limit;
        items.truncate(limit);
        (items, more.then(|| skipped.saturating_add(limit).to_string()))
    }
}

/// The answer with a list and where it goes on.
pub(crate) fn answer(member: &'static str, items: Vec<Map>, next: Option<String>) -> Map {
    let items: Vec<Value> = items.into_iter().map(Value::from).collect();
    let mut answer = Map::new().with(member, items);
    if let Some(next) = next {
        answer.insert("NextToken", next);
    }
    answer
}
