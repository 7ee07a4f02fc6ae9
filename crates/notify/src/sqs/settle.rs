//! What a receiver does with a message it took: delete it, or say when it may be taken again.

use aws::{Error, Map};
use door::Caller;
use serde::Deserialize;
use store::Messages;

use super::batch::{self, Outcome};
use super::error;
use super::queue;
use super::receipt::Receipt;
use crate::notifier::Shared;
use crate::turn::view;

/// Longest time a message stays away, in seconds.
const MAX_VISIBILITY: i64 = 43_200;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    #[serde(default)]
    id: String,
    receipt_handle: String,
    visibility_timeout: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Batch {
    entries: Vec<Entry>,
}

/// DeleteMessage. With the handle of an earlier receive the message stays, as it does where it is gone.
pub(super) async fn delete(shared: &Shared, caller: &Caller, input: Map) -> Result<Map, Error> {
    let (resource, _) = queue::find(shared, caller, &input).await?;
    let name = queue::messages_of(&resource.key);
    let entry: Entry = view(&input)?;
    let receipt = Receipt::read(&entry.receipt_handle, &name)?;
    let mut exchange = shared.store.exchange().await.map_err(error::store)?;
    remove(&mut exchange.messages(), &name, receipt).await.map_err(error::store)?;
    exchange.commit().await.map_err(error::store)?;
    Ok(Map::new())
}

/// DeleteMessageBatch.
pub(super) async fn delete_batch(shared: &Shared, caller: &Caller, input: Map) -> Result<Map, Error> {
    let (resource, _) = queue::find(shared, caller, &input).await?;
    let name = queue::messages_of(&resource.key);
    let Batch { entries } = view(&input)?;
    batch::check(entries.iter().map(|entry| entry.id.as_str()))?;
    let mut outcome = Outcome::default();
    let mut exchange = shared.store.exchange().await.map_err(error::store)?;
    for entry in entries {
        match Receipt::read(&entry.receipt_handle, &name) {
            Ok(receipt) => {
                remove(&mut exchange.messages(), &name, receipt).await.map_err(error::store)?;
                outcome.done(entry.id, Map::new());
            }
            Err(error) => outcome.refused(entry.id, &error),
        }
    }
    exchange.commit().await.map_err(error::store)?;
    Ok(outcome.answer())
}

async fn remove(messages: &mut Messages<'_>, name: &str, receipt: Receipt) -> Result<(), store::Error> {
    match messages.message(name, receipt.number).await? {
        Some(message) if message.taken == receipt.taken => {
            messages.remove(name, receipt.number).await.map(drop)
        }
        _ => Ok(()),
    }
}

/// ChangeMessageVisibility.
pub(super) async fn change_visibility(shared: &Shared, caller: &Caller, input: Map) -> Result<Map, Error> {
    let (resource, _) = queue::find(shared, caller, &input).await?;
    let name = queue::messages_of(&resource.key);
    let entry: Entry = view(&input)?;
    let mut exchange = shared.store.exchange().await.map_err(error::store)?;
    hide(&mut exchange.messages(), &name, &entry, caller).await?;
    exchange.commit().await.map_err(error::store)?;
    shared.told();
    Ok(Map::new())
}

/// ChangeMessageVisibilityBatch.
pub(super) async fn change_visibility_batch(
    shared: &Shared,
    caller: &Caller,
    input: Map,
) -> Result<Map, Error> {
    let (resource, _) = queue::find(shared, caller, &input).await?;
    let name = queue::messages_of(&resource.key);
    let Batch { entries } = view(&input)?;
    batch::check(entries.iter().map(|entry| entry.id.as_str()))?;
    let mut outcome = Outcome::default();
    let mut exchange = shared.store.exchange().await.map_err(error::store)?;
    for entry in entries {
        match hide(&mut exchange.messages(), &name, &entry, caller).await {
            Ok(()) => outcome.done(entry.id, Map::new()),
            Err(error) if error.name == "InternalErrorException" => return Err(error),
            Err(error) => outcome.refused(entry.id, &error),
        }
    }
    exchange.commit().await.map_err(error::store)?;
    shared.told();
    Ok(outcome.answer())
}

/// Says when a message that is in flight may be taken again.
async fn hide(messages: &mut Messages<'_>, name: &str, entry: &Entry, caller: &Caller) -> Result<(), Error> {
    let seconds = entry.visibility_timeout.unwrap_or(30);
    if !(0..=MAX_VISIBILITY).contains(&seconds) {
        return Err(error::invalid(format!(
            "Value {seconds} for parameter VisibilityTimeout is invalid. Reason: VisibilityTimeout must be an integer between 0 and 43200."
        )));
    }
    let receipt = Receipt::read(&entry.receipt_handle, name)?;
    match messages.message(name, receipt.number).await.map_err(error::store)? {
        Some(message) if message.taken == receipt.taken && message.due > caller.at => {
            let due = caller.at.plus_micros(seconds * 1_000_000);
            messages.postpone(name, receipt.number, due).await.map_err(error::store)
        }
        _ => {
            let message = "The message referred to isn't in flight.";
            Err(Error::new("MessageNotInflight", message)
                .with_code("AWS.SimpleQueueService.MessageNotInflight"))
        }
    }
}
