//! ReceiveMessage.

use std::time::Duration;

use aws::{Error, Map, Value};
use door::Caller;
use media::Utc;
use serde::Deserialize;
use store::{Document, Message};
use tokio::time::{Instant, sleep_until};

use super::error;
use super::inbox::Head;
use super::queue::{self, Queue};
use super::receipt::Receipt;
use crate::attribute;
use crate::notifier::Shared;
use crate::turn::view;

/// Most messages of a queue that were taken and are not deleted yet.
const MAX_IN_FLIGHT: u32 = 120_000;
/// Most messages that one receive moves to the dead-letter queue on its way.
const MAX_MOVED: u32 = 100;
/// Longest time between two looks for what other processes put into the store.
const LOOK: Duration = Duration::from_secs(1);

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    max_number_of_messages: Option<i64>,
    visibility_timeout: Option<i64>,
    wait_time_seconds: Option<i64>,
    #[serde(default)]
    attribute_names: Vec<String>,
    #[serde(default)]
    message_system_attribute_names: Vec<String>,
    #[serde(default)]
    message_attribute_names: Vec<String>,
}

/// What a receive asks for, in bounds.
struct Wanted {
    count: u32,
    visibility_us: i64,
    wait_us: i64,
    system: Vec<String>,
    attributes: Vec<String>,
}

/// ReceiveMessage: what may be taken, or what comes while it waits.
pub(super) async fn receive(shared: &Shared, caller: &Caller, input: Map) -> Result<Map, Error> {
    let (resource, queue) = queue::find(shared, caller, &input).await?;
    let wanted = Wanted::read(view(&input)?, &queue)?;
    let name = queue::messages_of(&resource.key);
    let began = Instant::now();
    let end = began + Duration::from_micros(u64::try_from(wanted.wait_us).unwrap_or(0));
    let mut hears = shared.hears();
    let mut place = None;
    loop {
        hears.mark_unchanged();
        let passed = i64::try_from(began.elapsed().as_micros()).unwrap_or(i64::MAX);
        let now = caller.at.plus_micros(passed);
        let next = shared.store.next_due(&name, now).await.map_err(error::store)?;
        if next.is_some_and(|next| next <= now) {
            let taken =
                take(shared, (&name, &resource.arn), &queue, &wanted, now).await.map_err(error::store)?;
            let taken = taken.ok_or_else(|| {
                error::over_limit("The queue has 120000 messages in flight, which is the most.")
            })?;
            if !taken.is_empty() {
                return answer(&name, &taken, &wanted);
            }
        }
        if Instant::now() >= end {
            return Ok(Map::new());
        }
        if place.is_none() {
            let free = shared.waiting.try_acquire();
            place = Some(
                free.map_err(|_| error::over_limit("too many receivers wait; try again without waiting"))?,
            );
        }
        let due = next
            .filter(|next| *next > now)
            .map(|next| Duration::from_micros((next.0 - now.0).unsigned_abs()));
        let until = end.min(Instant::now() + due.unwrap_or(LOOK).min(LOOK));
        tokio::select! {
            _ = hears.changed() => {}
            () = sleep_until(until) => {}
        }
        if !exists(shared, caller, &input).await? {
            return Err(error::no_queue());
        }
    }
}

async fn exists(shared: &Shared, caller: &Caller, input: &Map) -> Result<bool, Error> {
    match queue::find(shared, caller, input).await {
        Ok(_) => Ok(true),
        Err(error) if error.name == "QueueDoesNotExist" => Ok(false),
        Err(error) => Err(error),
    }
}

impl Wanted {
    fn read(input: Input, queue: &Queue) -> Result<Self, Error> {
        let bounded = |name: &str, value: Option<i64>, least: i64, most: i64| match value {
            Some(value) if !(least..=most).contains(&value) => Err(error::invalid(format!(
                "Value {value} for parameter {name} is invalid. Reason: Must be between {least} and {most}, if provided."
            ))),
            value => Ok(value),
        };
        let count = bounded("MaxNumberOfMessages", input.max_number_of_messages, 1, 10)?.unwrap_or(1);
        let visibility = bounded("VisibilityTimeout", input.visibility_timeout, 0, 43_200)?;
        let wait = bounded("WaitTimeSeconds", input.wait_time_seconds, 0, 20)?;
        Ok(Self {
            count: u32::try_from(count).expect("1 to 10"),
            visibility_us: visibility.map_or(queue.visibility_us(), |seconds| seconds * 1_000_000),
            wait_us: wait.map_or(queue.wait_us(), |seconds| seconds * 1_000_000),
            system: [input.attribute_names, input.message_system_attribute_names].concat(),
            attributes: input.message_attribute_names,
        })
    }

    fn wants_system(&self, name: &str) -> bool {
        self.system.iter().any(|wanted| wanted == name || wanted == "All")
    }

    /// A name, the beginning of names before `.*`, or `All`.
    fn wants_attribute(&self, name: &str) -> bool {
        self.attributes.iter().any(|wanted| match wanted.strip_suffix(".*") {
            Some(start) => {
                start.is_empty() || name.strip_prefix(start).is_some_and(|rest| rest.starts_with('.'))
            }
            None => wanted == name || wanted == "All",
        })
    }
}

/// Takes what may be taken; what was taken too often goes to the queue for that. `None` where too much is in flight.
async fn take(
    shared: &Shared,
    (name, arn): (&str, &str),
    queue: &Queue,
    wanted: &Wanted,
    now: Utc,
) -> Result<Option<Vec<Message>>, store::Error> {
    // A queue for dead letters that is gone takes none: then messages stay here.
    let redrive = match queue.redrive() {
        Some((dead, most)) => queue::by_arn(shared, &dead, now).await?.map(|dead| (dead, most)),
        None => None,
    };
    let mut exchange = shared.store.exchange().await?;
    let mut messages = exchange.messages();
    if messages.in_flight(name, now, MAX_IN_FLIGHT).await? >= MAX_IN_FLIGHT {
        return Ok(None);
    }
    let mut taken = Vec::new();
    let mut moved = 0;
    loop {
        let room = wanted.count - u32::try_from(taken.len()).unwrap_or(wanted.count);
        let found = messages.due(name, now, room).await?;
        let before = moved;
        for mut message in found {
            match &redrive {
                Some(((key, dead), most)) if message.taken >= *most => {
                    let mut head: Head = message.head.read()?;
                    head.source = Some(arn.to_owned());
                    let expires = message.sent.plus_micros(dead.retention_us());
                    let (to, head) = (queue::messages_of(key), Document::of(&head)?);
                    messages.transfer(name, message.number, &to, now, expires, &head).await?;
                    moved += 1;
                }
                _ => {
                    messages.take(name, message.number, now, now.plus_micros(wanted.visibility_us)).await?;
                    message.taken += 1;
                    message.first_taken.get_or_insert(now);
                    taken.push(message);
                }
            }
        }
        // Those moved left room. With a visibility of none, what was taken would be found again.
        if moved == before
            || moved >= MAX_MOVED
            || taken.len() as u32 == wanted.count
            || wanted.visibility_us == 0
        {
            break;
        }
    }
    exchange.commit().await?;
    if moved > 0 {
        shared.told();
    }
    Ok(Some(taken))
}

fn answer(name: &str, taken: &[Message], wanted: &Wanted) -> Result<Map, Error> {
    let messages = taken.iter().map(|message| told(name, message, wanted).map(Value::from));
    Ok(Map::new().with("Messages", messages.collect::<Result<Vec<_>, Error>>()?))
}

fn told(name: &str, message: &Message, wanted: &Wanted) -> Result<Map, Error> {
    let head: Head = message.head.read().map_err(error::store)?;
    let millis = |at: Utc| at.0.div_euclid(1_000).to_string();
    let receipt = Receipt { number: message.number, taken: message.taken };
    let mut told = Map::new()
        .with("MessageId", head.id)
        .with("ReceiptHandle", receipt.handle(name))
        .with("MD5OfBody", attribute::md5_of_text(&message.body))
        .with("Body", message.body.clone());
    let system: Map = [
        ("SenderId", Some(head.sender)),
        ("SentTimestamp", Some(millis(message.sent))),
        ("ApproximateReceiveCount", Some(message.taken.to_string())),
        ("ApproximateFirstReceiveTimestamp", message.first_taken.map(millis)),
        ("AWSTraceHeader", head.trace),
        ("DeadLetterQueueSourceArn", head.source),
    ]
    .into_iter()
    .filter(|(name, _)| wanted.wants_system(name))
    .filter_map(|(name, value)| Some((name, value?)))
    .collect();
    if !system.is_empty() {
        told.insert("Attributes", system);
    }
    let shown = head.attributes.iter().filter(|(name, _)| wanted.wants_attribute(name));
    if let Some(md5) = attribute::md5(shown.clone()) {
        told.insert("MD5OfMessageAttributes", md5);
        let attributes: Map = shown.map(|(name, attribute)| (name.clone(), attribute.to_value())).collect();
        told.insert("MessageAttributes", attributes);
    }
    Ok(told)
}
