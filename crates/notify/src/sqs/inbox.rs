//! Messages put into queues.

use media::Utc;
use serde::{Deserialize, Serialize};
use store::{Document, Messages, Put};

use super::queue::{self, Queue};
use crate::attribute::{self, Attribute, Attributes, MAX_IN_QUEUE};
use crate::notifier::Shared;
use crate::random;

/// Most messages in a queue, whatever their state; more are refused.
pub(super) const MAX_MESSAGES: u32 = 250_000;

/// What SQS has to know of a stored message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Head {
    /// The message's id.
    pub(super) id: String,
    /// Who sent it.
    pub(super) sender: String,
    #[serde(default, skip_serializing_if = "Attributes::is_empty")]
    pub(super) attributes: Attributes,
    /// `AWSTraceHeader`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) trace: Option<String>,
    /// The ARN of the queue it was given up in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) source: Option<String>,
}

/// A message from within this installation.
#[derive(Clone, Debug)]
pub(crate) struct Letter {
    pub(crate) body: String,
    pub(crate) attributes: Attributes,
    /// Who sends it.
    pub(crate) sender: String,
}

impl Letter {
    /// A message that could not be delivered, and why.
    pub(crate) fn dead(body: String, why: &str) -> Self {
        let why: String = why.chars().filter(|sign| attribute::is_text(*sign)).take(1_024).collect();
        let attributes = [("ErrorCode", "DeliveryFailed"), ("ErrorMessage", &why)]
            .map(|(name, text)| (name.to_owned(), Attribute::text("String", text)));
        Self { body, attributes: attributes.into(), sender: "sns".to_owned() }
    }
}

/// Puts a message into the queue of an ARN. Whether it took it: it is there, not full, and takes messages that large.
pub(crate) async fn deliver(
    shared: &Shared,
    messages: &mut Messages<'_>,
    arn: &str,
    letter: Letter,
    now: Utc,
) -> Result<bool, store::Error> {
    let Letter { body, attributes, sender } = letter;
    let Some((key, queue)) = queue::by_arn(shared, arn, now).await? else { return Ok(false) };
    let is_too_large = body.len() + attribute::size(&attributes) > queue.most_bytes();
    if is_too_large || attributes.len() > MAX_IN_QUEUE {
        return Ok(false);
    }
    let head = Head { id: random::uuid(), sender, attributes, trace: None, source: None };
    let put = [to_put(&queue::messages_of(&key), &queue, &head, body, (now, queue.delay_us()))?];
    Ok(put_all(messages, &put).await? == 1)
}

/// A message as the store takes it.
pub(super) fn to_put(
    name: &str,
    queue: &Queue,
    head: &Head,
    body: String,
    (now, delay_us): (Utc, i64),
) -> Result<Put, store::Error> {
    Ok(Put {
        queue: name.to_owned(),
        sent: now,
        due: now.plus_micros(delay_us),
        expires: now.plus_micros(queue.retention_us()),
        head: Document::of(head)?,
        body,
    })
}

/// Puts messages of one queue, as many as it takes. How many those were.
pub(super) async fn put_all(messages: &mut Messages<'_>, put: &[Put]) -> Result<usize, store::Error> {
    let Some(first) = put.first() else { return Ok(0) };
    let held = messages.count(&first.queue, MAX_MESSAGES).await?;
    let room = (MAX_MESSAGES - held.min(MAX_MESSAGES)) as usize;
    for message in put.iter().take(room) {
        messages.put(message).await?;
    }
    Ok(room.min(put.len()))
}
