//! Batches: each entry for itself, by its id.

use std::collections::HashSet;

use aws::{Error, Map, Value};

use super::error;
use crate::arn::is_name;

/// Most entries.
const MAX: usize = 10;

/// Refuses a batch as a whole by its entries' ids.
pub(super) fn check<'i>(ids: impl Iterator<Item = &'i str>) -> Result<(), Error> {
    let ids: Vec<_> = ids.collect();
    match ids.len() {
        0 => {
            return Err(error::batch(
                "EmptyBatchRequest",
                "There should be at least one entry in the request.",
            ));
        }
        1..=MAX => {}
        _ => {
            let message = "Maximum number of entries per request are 10.";
            return Err(error::batch("TooManyEntriesInBatchRequest", message));
        }
    }
    if !ids.iter().all(|id| is_name(id, 80)) {
        let message = "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.";
        return Err(error::batch("InvalidBatchEntryId", message));
    }
    if ids.iter().collect::<HashSet<_>>().len() < ids.len() {
        return Err(error::batch(
            "BatchEntryIdsNotDistinct",
            "Two or more batch entries in the request have the same Id.",
        ));
    }
    Ok(())
}

/// What became of each entry.
#[derive(Default)]
pub(super) struct Outcome {
    successful: Vec<Value>,
    failed: Vec<Value>,
}

impl Outcome {
    /// An entry that was done, and what is told of it.
    pub(super) fn done(&mut self, id: String, told: Map) {
        self.successful.push(told.with("Id", id).into());
    }

    /// An entry that was refused.
    pub(super) fn refused(&mut self, id: String, error: &Error) {
        let code = error.name.trim_end_matches("Exception").to_owned();
        let told = Map::new().with("Id", id).with("Code", code);
        self.failed.push(told.with("SenderFault", true).with("Message", error.message.clone()).into());
    }

    pub(super) fn answer(self) -> Map {
        Map::new().with("Successful", self.successful).with("Failed", self.failed)
    }
}
