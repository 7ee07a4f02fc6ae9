//! Subscribe.

use std::collections::BTreeMap;

use aws::{Error, Map};
use door::Caller;
use playlist::Url;
use serde::Deserialize;
use store::{Document, Expect, Key, New, Owner, Put, Tags};

use super::message::{self, Addressee, Seal};
use super::subscription::{self, PENDING_US, Protocol, REMINDERS, Subscription};
use super::{subscription_attributes, topic};
use crate::arn::{Arn, is_name};
use crate::envelope::Kind;
use crate::notifier::Shared;
use crate::signer::Version;
use crate::turn::view;
use crate::{email, fault, parcel, random};

/// Protocols of AWS that are none here.
const OTHERS: [&str; 6] = ["application", "email-json", "firehose", "lambda", "sms", "kinesis"];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    topic_arn: String,
    protocol: String,
    #[serde(default)]
    endpoint: String,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
    #[serde(default)]
    return_subscription_arn: bool,
}

/// Subscribe: queues at once, others when they confirm. An endpoint that waits for that is asked anew.
pub(super) async fn subscribe(shared: &Shared, caller: &Caller, input: Map) -> Result<Map, Error> {
    let Input { topic_arn, protocol, endpoint, attributes, return_subscription_arn } = view(&input)?;
    let protocol = read_protocol(&protocol)?;
    check_endpoint(shared, protocol, &endpoint)?;
    let (topic, settings) = topic::find(shared, &topic_arn, caller.at).await?;
    let mut wanted = Subscription {
        topic: topic_arn,
        protocol,
        endpoint,
        is_confirmed: protocol == Protocol::Sqs,
        asked: caller.at,
        token: None,
        was_authenticated: protocol == Protocol::Sqs,
        authenticate_on_unsubscribe: false,
        principal: caller.who.clone(),
        attributes: BTreeMap::new(),
    };
    for (name, value) in &attributes {
        subscription_attributes::put(&mut wanted, name, value)?;
    }
    subscription_attributes::check(&wanted)?;
    let signer = shared.signer(caller.at).await?.clone();
    let version = Version::of(settings.attributes.get("SignatureVersion").map(String::as_str));
    let seal = Seal { signer, version };

    let _only = shared.subscribing.lock().await;
    let others = subscription::of_topic(shared, &wanted.topic).await?;
    let count = others.len();
    let known = others
        .into_iter()
        .find(|(_, other)| other.protocol == wanted.protocol && other.endpoint == wanted.endpoint);
    let uuid = match &known {
        Some((resource, other)) if other.is_confirmed => {
            if wanted.attributes.iter().any(|(name, value)| other.attributes.get(name) != Some(value)) {
                return Err(fault::invalid(
                    "Attributes",
                    "Subscription already exists with different attributes",
                ));
            }
            return Ok(Map::new().with("SubscriptionArn", resource.arn.clone()));
        }
        Some((resource, _)) => resource.key.id().rsplit(':').next().unwrap_or("").to_owned(),
        None if count >= subscription::MAX => {
            let most = subscription::MAX;
            return Err(Error::new(
                "SubscriptionLimitExceededException",
                format!("a topic has at most {most} subscriptions"),
            ));
        }
        None => random::uuid(),
    };
    let arn = format!("{}:{uuid}", topic.arn);
    let key = subscription::key(&arn)?;
    let question = match wanted.is_confirmed {
        true => None,
        false => {
            let token = wanted.new_token(&uuid, caller.at);
            let of_topic = settings.attributes.get("DeliveryPolicy").map(String::as_str);
            let delivery = subscription_attributes::delivery(&wanted, of_topic);
            let to = Addressee { arn: &arn, subscription: &wanted, delivery: &delivery };
            Some(
                message::question(shared, &to, Kind::SubscriptionConfirmation, &token, (&seal, caller.at))
                    .await,
            )
        }
    };
    save(shared, caller, (key, &arn), &wanted, known.is_some(), question).await?;
    shared.told();
    let shown = if wanted.is_confirmed || return_subscription_arn { &arn } else { "pending confirmation" };
    Ok(Map::new().with("SubscriptionArn", shown))
}

/// Keeps the subscription and sends the question, all or nothing.
async fn save(
    shared: &Shared,
    caller: &Caller,
    (key, arn): (Key, &str),
    wanted: &Subscription,
    is_known: bool,
    question: Option<(parcel::Parcel, String)>,
) -> Result<(), Error> {
    let desired = Document::of(wanted).map_err(fault::store)?;
    let mut write = shared.store.write(caller.audit()).await.map_err(fault::store)?;
    let saved = async {
        // The topic may have gone in the meantime.
        write
            .resource(&topic::key(&wanted.topic).map_err(|error| store::Error::NotFound(error.message))?)
            .await?;
        match is_known {
            true => write.change(&key, Expect::Any, desired).await?,
            false => {
                let name = wanted.endpoint.chars().take(128).collect();
                let new =
                    New { key, arn: arn.to_owned(), name, owner: Owner::Api, desired, tags: Tags::new() };
                write.create(new).await?
            }
        };
        let mut messages = write.messages();
        if let Some((parcel, body)) = &question {
            parcel::put(&mut messages, arn, parcel, body, caller.at).await?;
            let due = caller.at.plus_micros(PENDING_US);
            let reminder = Put {
                queue: REMINDERS.to_owned(),
                sent: caller.at,
                due,
                expires: due.plus_micros(PENDING_US),
                head: Document::of(&())?,
                body: arn.to_owned(),
            };
            messages.put(&reminder).await?;
        }
        Ok(())
    }
    .await;
    write.settle(saved).await.map_err(|error| match error {
        store::Error::NotFound(_) => topic::missing(),
        error => fault::store(error),
    })
}

fn read_protocol(word: &str) -> Result<Protocol, Error> {
    if let Some(protocol) = Protocol::ALL.into_iter().find(|protocol| protocol.word() == word) {
        return Ok(protocol);
    }
    if OTHERS.contains(&word) {
        return Err(fault::unsupported(format_args!("Protocol {word}")));
    }
    Err(fault::invalid(
        "Protocol",
        format_args!("there is no protocol `{word}`; there are http, https, email and sqs"),
    ))
}

fn check_endpoint(shared: &Shared, protocol: Protocol, endpoint: &str) -> Result<(), Error> {
    let wrong = |reason: &str| Err(fault::invalid("Endpoint", reason));
    match protocol {
        Protocol::Http | Protocol::Https => {
            if !endpoint.starts_with(&format!("{}://", protocol.word())) {
                return wrong("it must begin with its protocol, http:// or https://");
            }
            match endpoint.parse::<Url>() {
                Ok(url) if url.user_info().is_some() => {
                    Err(fault::unsupported("a user and password in an Endpoint's URL"))
                }
                Ok(_) => Ok(()),
                Err(fault) => wrong(&fault.to_string()),
            }
        }
        Protocol::Email if shared.mailer.is_none() => {
            Err(fault::unsupported("Protocol email, as long as no mail server is set,"))
        }
        Protocol::Email if email::address(endpoint).is_none() => wrong("it is no address for mail"),
        Protocol::Email => Ok(()),
        Protocol::Sqs => match Arn::parse("sqs", endpoint) {
            Some(arn) if is_name(arn.rest, 80) => Ok(()),
            Some(arn) if arn.rest.ends_with(".fifo") => Err(fault::unsupported("a FIFO queue")),
            _ => wrong("it is no queue's ARN"),
        },
    }
}
