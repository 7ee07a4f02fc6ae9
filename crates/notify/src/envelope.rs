//! Messages as subscribers get them: AWS's JSON, and the text that is signed.

use std::collections::BTreeMap;

use media::Utc;
use serde::Serialize;

use crate::attribute::{Attributes, Content};

/// What a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Asks whether the subscription is meant.
    SubscriptionConfirmation,
    /// Brings what was published.
    Notification,
    /// Tells that a subscription is over, and how to take it back.
    UnsubscribeConfirmation,
}

impl Kind {
    /// The word for it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::SubscriptionConfirmation => "SubscriptionConfirmation",
            Self::Notification => "Notification",
            Self::UnsubscribeConfirmation => "UnsubscribeConfirmation",
        }
    }
}

/// A message before it is signed. A date is told to the millisecond.
#[derive(Clone, Debug)]
pub(crate) struct Envelope<'m> {
    pub(crate) kind: Kind,
    pub(crate) id: &'m str,
    pub(crate) topic: &'m str,
    pub(crate) subject: Option<&'m str>,
    pub(crate) message: &'m str,
    pub(crate) at: Utc,
    /// Token and link of a confirmation.
    pub(crate) confirm: Option<(&'m str, &'m str)>,
    /// Link of a notification.
    pub(crate) unsubscribe: Option<&'m str>,
    pub(crate) attributes: Option<&'m Attributes>,
}

/// What a signature says about itself.
#[derive(Clone, Debug)]
pub(crate) struct Signed<'m> {
    /// `1` or `2`.
    pub(crate) version: &'static str,
    /// In base64.
    pub(crate) signature: &'m str,
    pub(crate) certificate_url: &'m str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Json<'m> {
    r#type: &'static str,
    message_id: &'m str,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<&'m str>,
    topic_arn: &'m str,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'m str>,
    message: &'m str,
    #[serde(rename = "SubscribeURL", skip_serializing_if = "Option::is_none")]
    subscribe_url: Option<&'m str>,
    timestamp: String,
    signature_version: &'static str,
    signature: &'m str,
    #[serde(rename = "SigningCertURL")]
    signing_cert_url: &'m str,
    #[serde(rename = "UnsubscribeURL", skip_serializing_if = "Option::is_none")]
    unsubscribe_url: Option<&'m str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_attributes: Option<BTreeMap<&'m str, JsonAttribute<'m>>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct JsonAttribute<'m> {
    r#type: &'m str,
    value: &'m str,
}

impl Envelope<'_> {
    /// The text that is signed: names and values, each on a line, in the order that AWS says for the kind.
    pub(crate) fn to_sign(&self) -> String {
        let mut text = String::new();
        let mut line = |name: &str, value: &str| {
            for part in [name, value] {
                text.push_str(part);
                text.push('\n');
            }
        };
        line("Message", self.message);
        line("MessageId", self.id);
        if let Some((_, link)) = self.confirm {
            line("SubscribeURL", link);
        }
        if let (Kind::Notification, Some(subject)) = (self.kind, self.subject) {
            line("Subject", subject);
        }
        line("Timestamp", &self.at.to_string());
        if let Some((token, _)) = self.confirm {
            line("Token", token);
        }
        line("TopicArn", self.topic);
        line("Type", self.kind.word());
        text
    }

    /// The whole message.
    pub(crate) fn json(&self, signed: &Signed<'_>) -> String {
        let attributes = self.attributes.filter(|attributes| !attributes.is_empty()).map(|attributes| {
            attributes
                .iter()
                .map(|(name, attribute)| {
                    let value = match &attribute.content {
                        Content::Text(text) | Content::Binary(text) => text.as_str(),
                    };
                    (name.as_str(), JsonAttribute { r#type: &attribute.kind, value })
                })
                .collect()
        });
        let json = Json {
            r#type: self.kind.word(),
            message_id: self.id,
            token: self.confirm.map(|(token, _)| token),
            topic_arn: self.topic,
            subject: self.subject,
            message: self.message,
            subscribe_url: self.confirm.map(|(_, link)| link),
            timestamp: self.at.to_string(),
            signature_version: signed.version,
            signature: signed.signature,
            signing_cert_url: signed.certificate_url,
            unsubscribe_url: self.unsubscribe,
            message_attributes: attributes,
        };
        serde_json::to_string_pretty(&json).expect("its keys are text")
    }
}
