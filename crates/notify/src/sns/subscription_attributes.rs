//! What may be set of a subscription.

use aws::{Error, Map};
use door::Caller;
use filter::Scope;
use serde::{Deserialize, Serialize};

use super::delivery::{Delivery, OfTopic};
use super::subscription::{self, Protocol, Subscription};
use super::topic;
use crate::arn::{Arn, is_name};
use crate::fault;
use crate::notifier::Shared;
use crate::turn::{alter, object, view, word};

/// `RedrivePolicy`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Redrive {
    pub(super) dead_letter_target_arn: String,
}

/// Sets an attribute to a value; an empty one, or `{}`, takes it away. [`check`] looks at all of them together.
pub(super) fn put(subscription: &mut Subscription, name: &str, value: &str) -> Result<(), Error> {
    match name {
        "FilterPolicy" | "FilterPolicyScope" | "RawMessageDelivery" | "RedrivePolicy" | "DeliveryPolicy" => {}
        "SubscriptionRoleArn" | "ReplayPolicy" if value.is_empty() => return Ok(()),
        "SubscriptionRoleArn" | "ReplayPolicy" => return Err(fault::unsupported(name)),
        _ => return Err(fault::invalid("AttributeName", format_args!("there is no attribute `{name}`"))),
    }
    match value.trim() {
        "" | "{}" => subscription.attributes.remove(name),
        value => subscription.attributes.insert(name.to_owned(), value.to_owned()),
    };
    Ok(())
}

/// Refuses attributes that are not as they have to be.
pub(super) fn check(subscription: &Subscription) -> Result<(), Error> {
    let is_webhook = matches!(subscription.protocol, Protocol::Http | Protocol::Https);
    if !matches!(
        subscription.attribute("FilterPolicyScope"),
        None | Some("MessageAttributes" | "MessageBody")
    ) {
        return Err(fault::invalid("FilterPolicyScope", "it is MessageAttributes or MessageBody"));
    }
    if let Some(text) = subscription.attribute("FilterPolicy") {
        filter::Policy::parse(text, scope(subscription)).map_err(|reason| match reason {
            filter::Fault::TooComplex | filter::Fault::TooManyKeys | filter::Fault::TooLong => {
                Error::new("FilterPolicyLimitExceededException", reason.to_string())
            }
            reason => fault::invalid("FilterPolicy", reason),
        })?;
    }
    match subscription.attribute("RawMessageDelivery") {
        None | Some("false") => {}
        Some("true") if subscription.protocol != Protocol::Email => {}
        Some("true") => return Err(fault::invalid("RawMessageDelivery", "it is not for email")),
        Some(_) => return Err(fault::invalid("RawMessageDelivery", "it is true or false")),
    }
    if let Some(text) = subscription.attribute("RedrivePolicy") {
        let redrive: Redrive = object(text).map_err(|reason| fault::invalid("RedrivePolicy", reason))?;
        let is_queue =
            Arn::parse("sqs", &redrive.dead_letter_target_arn).is_some_and(|arn| is_name(arn.rest, 80));
        if !is_queue {
            return Err(fault::invalid("RedrivePolicy", "deadLetterTargetArn must be the ARN of a queue"));
        }
    }
    if let Some(text) = subscription.attribute("DeliveryPolicy") {
        if !is_webhook {
            return Err(fault::invalid("DeliveryPolicy", "only subscriptions by http and https have one"));
        }
        Delivery::parse(text).map_err(|reason| fault::invalid("DeliveryPolicy", reason))?;
    }
    Ok(())
}

/// What the filter policy looks at.
pub(super) fn scope(subscription: &Subscription) -> Scope {
    match subscription.attribute("FilterPolicyScope") {
        Some("MessageBody") => Scope::Body,
        _ => Scope::Attributes,
    }
}

/// The delivery policy that holds.
pub(super) fn delivery(subscription: &Subscription, topic: Option<&str>) -> Delivery {
    let own = subscription.attribute("DeliveryPolicy").and_then(|text| Delivery::parse(text).ok());
    own.unwrap_or_default().effective(topic.and_then(|text| OfTopic::parse(text).ok()))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Set {
    subscription_arn: String,
    attribute_name: String,
    #[serde(default)]
    attribute_value: String,
}

/// SetSubscriptionAttributes.
pub(super) async fn set(shared: &Shared, caller: &Caller, input: Map) -> Result<Map, Error> {
    let Set { subscription_arn, attribute_name, attribute_value } = view(&input)?;
    let key = subscription::key(&subscription_arn)?;
    alter(
        &shared.store,
        caller.audit(),
        &key,
        subscription::missing,
        |_, subscription: &mut Subscription| {
            put(subscription, &attribute_name, &attribute_value)?;
            check(subscription)
        },
    )
    .await?;
    Ok(Map::new())
}

/// GetSubscriptionAttributes.
pub(super) async fn get(shared: &Shared, caller: &Caller, input: Map) -> Result<Map, Error> {
    let arn = input.text("SubscriptionArn").unwrap_or("");
    let key = subscription::key(arn)?;
    let resource = match shared.store.resource(&key, caller.at).await {
        Ok(resource) if resource.deleted.is_none() => resource,
        Ok(_) | Err(store::Error::NotFound(_)) => return Err(subscription::missing()),
        Err(error) => return Err(fault::store(error)),
    };
    let subscription: Subscription = resource.desired.read().map_err(fault::store)?;
    let mut attributes = Map::new()
        .with("SubscriptionArn", arn)
        .with("TopicArn", subscription.topic.as_str())
        .with("Owner", key.account())
        .with("Protocol", subscription.protocol.word())
        .with("Endpoint", subscription.endpoint.as_str())
        .with("SubscriptionPrincipal", subscription.principal.as_str())
        .with("ConfirmationWasAuthenticated", word(subscription.was_authenticated))
        .with("PendingConfirmation", word(!subscription.is_confirmed))
        .with("RawMessageDelivery", "false");
    if matches!(subscription.protocol, Protocol::Http | Protocol::Https) {
        let (_, topic) = topic::find(shared, &subscription.topic, caller.at).await?;
        let of_topic = topic.attributes.get("DeliveryPolicy").map(String::as_str);
        attributes.insert("EffectiveDeliveryPolicy", delivery(&subscription, of_topic).text());
    }
    if subscription.attribute("FilterPolicy").is_some() {
        attributes.insert("FilterPolicyScope", "MessageAttributes");
    }
    for (name, value) in subscription.attributes {
        attributes.insert(name, value);
    }
    Ok(Map::new().with("Attributes", attributes))
}
