//! SendMessage and SendMessageBatch.

use std::collections::BTreeMap;

use aws::{Error, Map};
use door::Caller;
use serde::Deserialize;
use store::Put;

use super::batch::{self, Outcome};
use super::error;
use super::inbox::{self, Head, MAX_MESSAGES};
use super::queue::{self, Queue};
use crate::attribute::{self, Attributes, Given, Of};
use crate::notifier::Shared;
use crate::random;
use crate::turn::view;

/// Longest delay of a message, in seconds.
const MAX_DELAY: i64 = 900;
/// Largest batch, in bytes.
const MAX_BATCH_BYTES: usize = 1 << 20;
const TRACE: &str = "AWSTraceHeader";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    #[serde(default)]
    id: String,
    message_body: String,
    delay_seconds: Option<i64>,
    #[serde(default)]
    message_attributes: BTreeMap<String, Given>,
    #[serde(default)]
    message_system_attributes: BTreeMap<String, Given>,
    message_deduplication_id: Option<String>,
    message_group_id: Option<String>,
}

/// A message that was checked, and what is told of it.
struct Checked {
    put: Put,
    told: Map,
    size: usize,
}

impl Entry {
    fn check(self, shared_name: &str, queue: &Queue, caller: &Caller) -> Result<Checked, Error> {
        if self.message_deduplication_id.is_some() || self.message_group_id.is_some() {
            return Err(error::unsupported(
                "MessageDeduplicationId or MessageGroupId, which are for FIFO queues,",
            ));
        }
        let body = self.message_body;
        if body.is_empty() {
            return Err(Error::new(
                "MissingRequiredParameterException",
                "The request must contain the parameter MessageBody.",
            )
            .with_code("MissingParameter"));
        }
        if !body.chars().all(attribute::is_text) {
            return Err(Error::new(
                "InvalidMessageContents",
                "Invalid characters were found in the message body.",
            ));
        }
        let delay_us = match self.delay_seconds {
            None => queue.delay_us(),
            Some(delay @ 0..=MAX_DELAY) => delay * 1_000_000,
            Some(delay) => {
                return Err(error::invalid(format!(
                    "Value {delay} for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900."
                )));
            }
        };
        let attributes = attribute::read(self.message_attributes, Of::Sqs).map_err(error::invalid)?;
        let system = attribute::read_system(self.message_system_attributes, TRACE).map_err(error::invalid)?;
        let size = body.len() + attribute::size(&attributes);
        if size > queue.most_bytes() {
            let most = queue.most_bytes();
            return Err(error::invalid(format!(
                "One or more parameters are invalid. Reason: Message must be shorter than {most} bytes."
            )));
        }
        let id = random::uuid();
        let mut told =
            Map::new().with("MessageId", id.clone()).with("MD5OfMessageBody", attribute::md5_of_text(&body));
        if let Some(md5) = attribute::md5(attributes.iter()) {
            told.insert("MD5OfMessageAttributes", md5);
        }
        if let Some(md5) = attribute::md5(system.iter()) {
            told.insert("MD5OfMessageSystemAttributes", md5);
        }
        let head = Head { id, sender: caller.who.clone(), attributes, trace: trace(&system), source: None };
        let put =
            inbox::to_put(shared_name, queue, &head, body, (caller.at, delay_us)).map_err(error::store)?;
        Ok(Checked { put, told, size })
    }
}

fn trace(system: &Attributes) -> Option<String> {
    match &system.get(TRACE)?.content {
        attribute::Content::Text(text) => Some(text.clone()),
        attribute::Content::Binary(_) => None,
    }
}

fn full() -> Error {
    Error::new("RequestThrottled", format!("the queue holds {MAX_MESSAGES} messages, which is the most here"))
        .with_status(403)
}

/// SendMessage.
pub(super) async fn send(shared: &Shared, caller: &Caller, input: Map) -> Result<Map, Error> {
    let (resource, queue) = queue::find(shared, caller, &input).await?;
    let Checked { put, told, .. } =
        view::<Entry>(&input)?.check(&queue::messages_of(&resource.key), &queue, caller)?;
    if keep(shared, &[put]).await? == 0 {
        return Err(full());
    }
    Ok(told)
}

/// SendMessageBatch.
pub(super) async fn send_batch(shared: &Shared, caller: &Caller, input: Map) -> Result<Map, Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Input {
        entries: Vec<Entry>,
    }
    let (resource, queue) = queue::find(shared, caller, &input).await?;
    let Input { entries } = view(&input)?;
    batch::check(entries.iter().map(|entry| entry.id.as_str()))?;
    let name = queue::messages_of(&resource.key);
    let mut outcome = Outcome::default();
    let (mut puts, mut told, mut bytes) = (Vec::new(), Vec::new(), 0);
    for entry in entries {
        let id = entry.id.clone();
        match entry.check(&name, &queue, caller) {
            Ok(checked) => {
                bytes += checked.size;
                puts.push(checked.put);
                told.push((id, checked.told));
            }
            Err(error) => outcome.refused(id, &error),
        }
    }
    if bytes > MAX_BATCH_BYTES {
        let message = format!("Batch requests cannot be longer than {MAX_BATCH_BYTES} bytes.");
        return Err(error::batch("BatchRequestTooLong", &message));
    }
    let kept = keep(shared, &puts).await?;
    for (at, (id, told)) in told.into_iter().enumerate() {
        match at < kept {
            true => outcome.done(id, told),
            false => outcome.refused(id, &full()),
        }
    }
    Ok(outcome.answer())
}

async fn keep(shared: &Shared, puts: &[Put]) -> Result<usize, Error> {
    let mut exchange = shared.store.exchange().await.map_err(error::store)?;
    let kept = inbox::put_all(&mut exchange.messages(), puts).await.map_err(error::store)?;
    exchange.commit().await.map_err(error::store)?;
    shared.told();
    Ok(kept)
}
