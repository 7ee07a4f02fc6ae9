//! Delivery policies of topics and subscriptions to webhooks.

use serde::{Deserialize, Serialize};

use crate::retry::Retries;
use crate::turn::object;

/// A subscription's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Delivery {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) healthy_retry_policy: Option<Retries>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) throttle_policy: Option<Throttle>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) request_policy: Option<RequestPolicy>,
}

/// How fast.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Throttle {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) max_receives_per_second: Option<u32>,
}

/// What requests say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RequestPolicy {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) header_content_type: Option<String>,
}

/// A topic's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OfTopic {
    http: Defaults,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Defaults {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    default_healthy_retry_policy: Option<Retries>,
    #[serde(default)]
    disable_subscription_overrides: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    default_throttle_policy: Option<Throttle>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    default_request_policy: Option<RequestPolicy>,
}

/// Media types that a request may say, as AWS lists them; a charset may follow.
const CONTENT_TYPES: [&str; 11] = [
    "application/atom+xml",
    "application/json",
    "application/octet-stream",
    "application/soap+xml",
    "application/x-www-form-urlencoded",
    "application/xhtml+xml",
    "application/xml",
    "text/css",
    "text/html",
    "text/plain",
    "text/xml",
];

impl Delivery {
    /// Reads a subscription's policy.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let read: Self = object(text)?;
        check(&read.healthy_retry_policy, &read.throttle_policy, &read.request_policy)?;
        Ok(read)
    }

    /// What holds, the topic's policy taken into account.
    pub(crate) fn effective(self, topic: Option<OfTopic>) -> Self {
        let Some(OfTopic { http }) = topic else { return self.or(Self::default()) };
        let defaults = Self {
            healthy_retry_policy: http.default_healthy_retry_policy,
            throttle_policy: http.default_throttle_policy,
            request_policy: http.default_request_policy,
        };
        if http.disable_subscription_overrides { defaults.or(Self::default()) } else { self.or(defaults) }
    }

    fn or(self, other: Self) -> Self {
        Self {
            healthy_retry_policy: self.healthy_retry_policy.or(other.healthy_retry_policy),
            throttle_policy: self.throttle_policy.or(other.throttle_policy),
            request_policy: self.request_policy.or(other.request_policy),
        }
    }

    /// When to try again.
    pub(crate) fn retries(&self) -> Retries {
        self.healthy_retry_policy.unwrap_or(Retries::WEBHOOK)
    }

    /// Most requests in a second.
    pub(crate) fn per_second(&self) -> Option<u32> {
        self.throttle_policy.and_then(|throttle| throttle.max_receives_per_second)
    }

    /// The media type of a request.
    pub(crate) fn content_type(&self) -> &str {
        let said = self.request_policy.as_ref().and_then(|policy| policy.header_content_type.as_deref());
        said.unwrap_or("text/plain; charset=UTF-8")
    }

    /// As `EffectiveDeliveryPolicy` says it.
    pub(crate) fn text(&self) -> String {
        let whole = Self { healthy_retry_policy: Some(self.retries()), ..self.clone() };
        serde_json::to_string(&whole).expect("its keys are text")
    }
}

impl OfTopic {
    /// Reads a topic's policy.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let read: Self = object(text)?;
        let http = &read.http;
        check(
            &http.default_healthy_retry_policy,
            &http.default_throttle_policy,
            &http.default_request_policy,
        )?;
        Ok(read)
    }

    /// As `EffectiveDeliveryPolicy` says it.
    pub(crate) fn effective_text(mut self) -> String {
        self.http.default_healthy_retry_policy.get_or_insert(Retries::WEBHOOK);
        serde_json::to_string(&self).expect("its keys are text")
    }
}

fn check(
    retries: &Option<Retries>,
    throttle: &Option<Throttle>,
    request: &Option<RequestPolicy>,
) -> Result<(), String> {
    retries.map_or(Ok(()), |retries| retries.check())?;
    if throttle.is_some_and(|throttle| throttle.max_receives_per_second == Some(0)) {
        return Err("maxReceivesPerSecond is at least 1".to_owned());
    }
    if let Some(said) = request.as_ref().and_then(|request| request.header_content_type.as_deref()) {
        let base = said.split(';').next().unwrap_or("").trim();
        let is_plain = said.len() <= 128 && said.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        if !is_plain || !CONTENT_TYPES.contains(&base) {
            return Err(format!("headerContentType is one of {}", CONTENT_TYPES.join(", ")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscriptions_policy_goes_before_its_topics_unless_the_topic_forbids_it() {
        let own = Delivery::parse(r#"{"healthyRetryPolicy": {"numRetries": 5, "minDelayTarget": 1}}"#)
            .expect("a policy");
        let topic = |forbids: bool| {
            OfTopic::parse(&format!(
                r#"{{"http": {{"defaultHealthyRetryPolicy": {{"numRetries": 7}}, "disableSubscriptionOverrides": {forbids},
                    "defaultThrottlePolicy": {{"maxReceivesPerSecond": 2}}}}}}"#
            ))
            .expect("a policy")
        };
        assert_eq!(own.clone().effective(None).retries().num_retries, 5);
        assert_eq!(own.clone().effective(Some(topic(false))).retries().num_retries, 5);
        assert_eq!(own.clone().effective(Some(topic(false))).per_second(), Some(2));
        assert_eq!(own.effective(Some(topic(true))).retries().num_retries, 7);
    }

    #[test]
    fn what_a_policy_does_not_know_or_may_not_say_is_refused() {
        for wrong in [
            "",
            "[]",
            r#"{"healthyRetryPolicy": {"numRetries": 101}}"#,
            r#"{"healthyRetryPolicy": {"retries": 1}}"#,
            r#"{"healthyRetryPolicy": {"numRetries": -1}}"#,
            r#"{"sicklyRetryPolicy": {}}"#,
            r#"{"throttlePolicy": {"maxReceivesPerSecond": 0}}"#,
            r#"{"requestPolicy": {"headerContentType": "image/png"}}"#,
            r#"{"requestPolicy": {"headerContentType": "text/plain\r\nx: y"}}"#,
        ] {
            assert!(Delivery::parse(wrong).is_err(), "{wrong}");
        }
    }
}
