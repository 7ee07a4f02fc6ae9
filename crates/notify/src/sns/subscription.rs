//! Subscriptions as they are kept and listed.

use std::collections::BTreeMap;

use aws::{Error, Map, Value};
use door::Caller;
use media::Utc;
use serde::{Deserialize, Serialize};
use store::{Call, Expect, Key, Resource};

use super::topic;
use crate::arn::Arn;
use crate::notifier::Shared;
use crate::{fault, page, random};

/// Subscriptions' kind in the store; their ids are `topic:uuid`, so that a topic's are side by side.
pub(super) const KIND: &str = "sns-subscription";
/// Most subscriptions of a topic.
pub(super) const MAX: usize = 1_000;
/// How long a subscription waits to be confirmed, and how long one that is over can be taken back: 48 hours, in microseconds.
pub(super) const PENDING_US: i64 = 48 * 3_600 * 1_000_000;
/// The queue of reminders to look whether a subscription was confirmed.
pub(super) const REMINDERS: &str = "sns-pending";
/// What lists say instead of an ARN.
const PENDING: &str = "PendingConfirmation";

/// How messages come to a subscriber.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Protocol {
    Http,
    Https,
    Email,
    Sqs,
}

impl Protocol {
    pub(super) const ALL: [Self; 4] = [Self::Http, Self::Https, Self::Email, Self::Sqs];

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Email => "email",
            Self::Sqs => "sqs",
        }
    }
}

/// What is wanted of a subscription.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Subscription {
    /// The topic's ARN.
    pub(super) topic: String,
    pub(super) protocol: Protocol,
    pub(super) endpoint: String,
    pub(super) is_confirmed: bool,
    /// When it was asked last whether it is meant.
    pub(super) asked: Utc,
    /// The digest of the token that confirms it.
    pub(super) token: Option<String>,
    /// Whether who confirmed it signed that.
    pub(super) was_authenticated: bool,
    /// Whether it ends only by who signs that.
    pub(super) authenticate_on_unsubscribe: bool,
    /// Who subscribed.
    pub(super) principal: String,
    /// Those that were given, checked.
    pub(super) attributes: BTreeMap<String, String>,
}

impl Subscription {
    /// A new token for it, whose subscription it tells; only its digest is kept.
    pub(super) fn new_token(&mut self, uuid: &str, now: Utc) -> String {
        let token = format!("{}{}", uuid.replace('-', ""), random::hex(&random::bytes::<32>()));
        self.token = Some(random::digest(&token));
        self.asked = now;
        token
    }

    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str)
    }

    pub(super) fn is_raw(&self) -> bool {
        self.attribute("RawMessageDelivery") == Some("true")
    }

    /// The ARN of the queue that gets what cannot be delivered.
    pub(super) fn dead_letters(&self) -> Option<String> {
        let policy: super::subscription_attributes::Redrive =
            serde_json::from_str(self.attribute("RedrivePolicy")?).ok()?;
        Some(policy.dead_letter_target_arn)
    }
}

/// The uuid that a token begins with.
pub(super) fn uuid_of(token: &str) -> Option<String> {
    let is_token = token.len() == 96 && token.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_token.then(|| {
        format!("{}-{}-{}-{}-{}", &token[..8], &token[8..12], &token[12..16], &token[16..20], &token[20..32])
    })
}

/// A subscription's key by its ARN.
pub(super) fn key(arn: &str) -> Result<Key, Error> {
    let parsed = Arn::parse("sns", arn).filter(|arn| arn.rest.matches(':').count() == 1);
    let Arn { account, region, rest } =
        parsed.ok_or_else(|| fault::invalid("SubscriptionArn", "it is no subscription's ARN"))?;
    Key::new(KIND, account, region, rest).map_err(fault::store)
}

/// What is heard of a subscription that is not there.
pub(super) fn missing() -> Error {
    Error::new("NotFoundException", "Subscription does not exist")
}

/// All subscriptions of a topic, confirmed or not.
pub(super) async fn of_topic(shared: &Shared, topic: &str) -> Result<Vec<(Resource, Subscription)>, Error> {
    let key = topic::key(topic)?;
    let prefix = format!("{}:", key.id());
    let wanted = |resource: &Resource| resource.key.id().starts_with(&prefix);
    let place = (key.account(), key.region());
    let found = page::all(&shared.store, KIND, place, Some(&prefix), MAX, wanted).await?;
    found
        .into_iter()
        .map(|resource| {
            let subscription = resource.desired.read().map_err(fault::store)?;
            Ok((resource, subscription))
        })
        .collect()
}

/// ListSubscriptions.
pub(super) async fn list(shared: &Shared, caller: &Caller, input: Map) -> Result<Map, Error> {
    let place = (caller.account.as_str(), caller.region.as_str());
    let page = page::of(&shared.store, KIND, place, input.text("NextToken"), topic::PAGE).await?;
    answer(&page.items, page.next)
}

/// ListSubscriptionsByTopic.
pub(super) async fn list_by_topic(shared: &Shared, caller: &Caller, input: Map) -> Result<Map, Error> {
    let arn = input.text("TopicArn").unwrap_or("");
    let (topic, _) = topic::find(shared, arn, caller.at).await?;
    let prefix = format!("{}:", topic.key.id());
    let place = (topic.key.account(), topic.key.region());
    let after = input.text("NextToken").unwrap_or(&prefix);
    let page = page::of(&shared.store, KIND, place, Some(after), topic::PAGE).await?;
    let own: Vec<_> =
        page.items.into_iter().take_while(|resource| resource.key.id().starts_with(&prefix)).collect();
    let next = page.next.filter(|_| own.len() == topic::PAGE as usize);
    answer(&own, next)
}

fn answer(resources: &[Resource], next: Option<String>) -> Result<Map, Error> {
    let listed = resources.iter().map(|resource| {
        let subscription: Subscription = resource.desired.read().map_err(fault::store)?;
        let arn = if subscription.is_confirmed { resource.arn.as_str() } else { PENDING };
        Ok(Map::new()
            .with("SubscriptionArn", arn)
            .with("Owner", resource.key.account())
            .with("Protocol", subscription.protocol.word())
            .with("Endpoint", subscription.endpoint)
            .with("TopicArn", subscription.topic)
            .into())
    });
    let mut answer = Map::new().with("Subscriptions", listed.collect::<Result<Vec<Value>, Error>>()?);
    if let Some(next) = next {
        answer.insert("NextToken", next);
    }
    Ok(answer)
}

/// Removes subscriptions that nobody confirmed in 48 hours.
pub(crate) async fn forget_pending(shared: &Shared, now: Utc) -> Result<(), store::Error> {
    for reminder in shared.store.due(REMINDERS, now, 1_000).await? {
        let call = Call {
            account: shared.config.account.clone(),
            who: "sns".to_owned(),
            source: String::new(),
            action: "sns:ForgetPendingSubscription".to_owned(),
            request_id: random::uuid(),
            at: now,
        };
        let key = key(&reminder.body).ok();
        let pending = match &key {
            Some(key) => match shared.store.resource(key, now).await {
                Ok(resource) if resource.deleted.is_none() => {
                    let subscription: Subscription = resource.desired.read()?;
                    !subscription.is_confirmed && subscription.asked.plus_micros(PENDING_US) <= now
                }
                Ok(_) | Err(store::Error::NotFound(_)) => false,
                Err(fault) => return Err(fault),
            },
            None => false,
        };
        if pending && let Some(key) = key {
            let mut write = shared.store.write(call).await?;
            let gone = write.delete(&key, Expect::Any, now).await;
            match write.settle(gone).await {
                Ok(_) | Err(store::Error::NotFound(_)) => {}
                Err(fault) => return Err(fault),
            }
        }
        let mut exchange = shared.store.exchange().await?;
        exchange.messages().remove(REMINDERS, reminder.number).await?;
        exchange.commit().await?;
    }
    Ok(())
}
