//! What is on its way to a webhook or an address.

use media::Utc;
use serde::{Deserialize, Serialize};
use store::{Document, Messages, Put};

use crate::retry::Retries;

/// In front of a subscription's ARN: the name of its outbox.
pub(crate) const OUTBOX: &str = "out/";
/// Most parcels in an outbox. What comes when it is full goes to the dead-letter queue, or is dropped, and counted.
pub(crate) const MAX_PARCELS: u32 = 10_000;
/// How long a parcel may lie, in microseconds: far beyond any retries, which end it before.
const KEPT_US: i64 = 14 * 86_400 * 1_000_000;

/// All that is needed to deliver a message, beside its content, which is the stored message's body.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Parcel {
    pub(crate) to: To,
    pub(crate) retries: Retries,
    /// Most deliveries of the subscription in a second.
    pub(crate) per_second: Option<u32>,
    /// The ARN of the queue that gets it in the end.
    pub(crate) dead_letters: Option<String>,
}

/// Where a parcel goes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum To {
    Webhook {
        url: String,
        /// Names and values.
        headers: Vec<(String, String)>,
    },
    Mail {
        address: String,
        subject: String,
    },
}

/// The name of a subscription's outbox.
pub(crate) fn outbox(subscription: &str) -> String {
    format!("{OUTBOX}{subscription}")
}

/// Puts a parcel into a subscription's outbox, unless that is full. Whether it is there.
pub(crate) async fn put(
    messages: &mut Messages<'_>,
    subscription: &str,
    parcel: &Parcel,
    body: &str,
    now: Utc,
) -> Result<bool, store::Error> {
    let queue = outbox(subscription);
    if messages.count(&queue, MAX_PARCELS).await? >= MAX_PARCELS {
        return Ok(false);
    }
    let put = Put {
        queue,
        sent: now,
        due: now,
        expires: now.plus_micros(KEPT_US),
        head: Document::of(parcel)?,
        body: body.to_owned(),
    };
    messages.put(&put).await.map(|_| true)
}
