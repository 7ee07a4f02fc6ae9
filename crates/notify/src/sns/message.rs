//! Messages made ready for a subscriber: signed, worded, addressed.

use std::sync::Arc;

use media::Utc;

use super::delivery::Delivery;
use super::subscription::{Protocol, Subscription};
use crate::attribute::Attributes;
use crate::envelope::{Envelope, Kind, Signed};
use crate::notifier::Shared;
use crate::parcel::{Parcel, To};
use crate::retry::Retries;
use crate::signer::{Signer, Version};
use crate::{random, url};

/// A subscription and what its messages say of themselves.
pub(super) struct Addressee<'a> {
    /// Its ARN.
    pub(super) arn: &'a str,
    pub(super) subscription: &'a Subscription,
    pub(super) delivery: &'a Delivery,
}

/// What is published, as one subscriber gets it.
pub(super) struct Content<'a> {
    pub(super) id: &'a str,
    pub(super) subject: Option<&'a str>,
    pub(super) message: &'a str,
    pub(super) at: Utc,
    pub(super) attributes: &'a Attributes,
}

/// What signs for a topic.
#[derive(Clone)]
pub(super) struct Seal {
    pub(super) signer: Arc<Signer>,
    pub(super) version: Version,
}

impl Seal {
    /// The signature of an envelope. RSA takes milliseconds: not on a thread that serves.
    pub(super) async fn sign(&self, envelope: &Envelope<'_>) -> String {
        let (text, Self { signer, version }) = (envelope.to_sign(), self.clone());
        tokio::task::spawn_blocking(move || signer.sign(version, &text))
            .await
            .expect("signing does not panic")
    }

    fn json(&self, shared: &Shared, envelope: &Envelope<'_>, signature: &str) -> String {
        let certificate_url = format!("{}{}", shared.config.url, self.signer.path);
        envelope.json(&Signed { version: self.version.word(), signature, certificate_url: &certificate_url })
    }
}

/// A notification's envelope.
pub(super) fn envelope<'m>(
    content: &Content<'m>,
    topic: &'m str,
    unsubscribe: Option<&'m str>,
) -> Envelope<'m> {
    Envelope {
        kind: Kind::Notification,
        id: content.id,
        topic,
        subject: content.subject,
        message: content.message,
        at: content.at,
        confirm: None,
        unsubscribe,
        attributes: Some(content.attributes),
    }
}

/// A notification as JSON, as webhooks and queues get it.
pub(super) fn notification(
    shared: &Shared,
    to: &Addressee<'_>,
    content: &Content<'_>,
    (seal, signature): (&Seal, &str),
) -> String {
    let unsubscribe = url::unsubscribe(&shared.config, to.arn);
    seal.json(shared, &envelope(content, &to.subscription.topic, Some(&unsubscribe)), signature)
}

/// A notification's parcel and body for a mail.
pub(super) fn mail(shared: &Shared, to: &Addressee<'_>, content: &Content<'_>) -> (Parcel, String) {
    let topic = &to.subscription.topic;
    let name = topic.rsplit(':').next().unwrap_or(topic);
    let subject = content.subject.map_or_else(|| format!("Notification of {name}"), str::to_owned);
    let body = format!(
        "{}\n\n--\nYou get this because this address is subscribed to {topic}.\nTo end that, visit\n{}\n",
        content.message,
        url::unsubscribe(&shared.config, to.arn)
    );
    (mail_parcel(to.subscription, subject), body)
}

fn mail_parcel(subscription: &Subscription, subject: String) -> Parcel {
    Parcel {
        to: To::Mail { address: subscription.endpoint.clone(), subject },
        retries: Retries::MAIL,
        per_second: None,
        dead_letters: subscription.dead_letters(),
    }
}

/// The parcel of a webhook.
pub(super) fn webhook(to: &Addressee<'_>, kind: Kind, id: &str) -> Parcel {
    let subscription = to.subscription;
    let mut headers = vec![
        ("x-amz-sns-message-type", kind.word()),
        ("x-amz-sns-message-id", id),
        ("x-amz-sns-topic-arn", &subscription.topic),
        ("content-type", to.delivery.content_type()),
    ];
    if kind != Kind::SubscriptionConfirmation {
        headers.push(("x-amz-sns-subscription-arn", to.arn));
    }
    if kind == Kind::Notification && subscription.is_raw() {
        headers.push(("x-amz-sns-rawdelivery", "true"));
    }
    Parcel {
        to: To::Webhook {
            url: subscription.endpoint.clone(),
            headers: headers.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        },
        retries: to.delivery.retries(),
        per_second: to.delivery.per_second(),
        dead_letters: subscription.dead_letters().filter(|_| kind == Kind::Notification),
    }
}

/// The parcel and body that ask a subscriber whether he is meant, or tell him that he is one no more; with `token` he answers.
pub(super) async fn question(
    shared: &Shared,
    to: &Addressee<'_>,
    kind: Kind,
    token: &str,
    (seal, now): (&Seal, Utc),
) -> (Parcel, String) {
    let subscription = to.subscription;
    let topic = subscription.topic.as_str();
    let link = url::confirm(&shared.config, topic, token);
    let message = match kind {
        Kind::UnsubscribeConfirmation => format!(
            "You have chosen to deactivate subscription {}.\n\
             To cancel this operation and restore the subscription, visit the SubscribeURL included in this message.",
            to.arn
        ),
        Kind::SubscriptionConfirmation | Kind::Notification => format!(
            "You have chosen to subscribe to the topic {topic}.\n\
             To confirm the subscription, visit the SubscribeURL included in this message."
        ),
    };
    if subscription.protocol == Protocol::Email {
        let name = topic.rsplit(':').next().unwrap_or(topic);
        let (subject, body) = match kind {
            Kind::UnsubscribeConfirmation => (
                format!("No more notifications of {name}"),
                format!(
                    "This address gets no more messages of {topic}.\n\nTo take that back, visit\n{link}\n"
                ),
            ),
            Kind::SubscriptionConfirmation | Kind::Notification => (
                format!("Confirm notifications of {name}"),
                format!(
                    "Somebody wants this address to get messages of {topic}.\n\nIf that is meant, visit\n{link}\n\n\
                     If not, do nothing: without that, none come.\n"
                ),
            ),
        };
        return (mail_parcel(subscription, subject), body);
    }
    let id = random::uuid();
    let envelope = Envelope {
        kind,
        id: &id,
        topic,
        subject: None,
        message: &message,
        at: now,
        confirm: Some((token, &link)),
        unsubscribe: None,
        attributes: None,
    };
    let signature = seal.sign(&envelope).await;
    (webhook(to, kind, &id), seal.json(shared, &envelope, &signature))
}
