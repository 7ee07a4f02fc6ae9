//! SNS: topics, who subscribes to them, and what is published.

mod about;
mod confirm;
mod delivery;
mod draft;
mod message;
mod publish;
mod subscribe;
mod subscription;
mod subscription_attributes;
mod tags;
mod topic;
mod topic_attributes;

use std::future::ready;
use std::sync::Arc;

use aws::Map;
use door::{About, Answer, Caller, Door, Page, Reading};

use crate::notifier::{CERTIFICATES, Shared};

pub(crate) use publish::publish_own;
pub(crate) use subscription::forget_pending;

/// The door for SNS.
#[derive(Clone)]
pub struct Sns(pub(crate) Arc<Shared>);

impl Door for Sns {
    fn service(&self) -> &'static str {
        "sns"
    }

    /// The links in messages.
    fn takes_unsigned(&self, operation: &str) -> bool {
        matches!(operation, "ConfirmSubscription" | "Unsubscribe")
    }

    /// The certificate that messages are signed with.
    fn page<'a>(&'a self, path: &'a str) -> Option<Reading<'a>> {
        path.starts_with(CERTIFICATES).then(|| -> Reading<'a> {
            Box::pin(async move {
                let text = self.0.certificate(path).await?;
                Some(Page { kind: "application/x-pem-file", text })
            })
        })
    }

    fn about<'a>(&'a self, caller: &'a Caller, operation: &'a str, input: &'a Map) -> About<'a> {
        Box::pin(ready(Ok(about::arns(caller, operation, input))))
    }

    fn call<'a>(&'a self, caller: &'a Caller, operation: &'static str, input: Map) -> Option<Answer<'a>> {
        let shared = &*self.0;
        Some(match operation {
            "CreateTopic" => Box::pin(topic::create(shared, caller, input)),
            "DeleteTopic" => Box::pin(topic::delete(shared, caller, input)),
            "ListTopics" => Box::pin(topic::list(shared, caller, input)),
            "GetTopicAttributes" => Box::pin(topic_attributes::get(shared, caller, input)),
            "SetTopicAttributes" => Box::pin(topic_attributes::set(shared, caller, input)),
            "AddPermission" => Box::pin(topic_attributes::add_permission(shared, caller, input)),
            "RemovePermission" => Box::pin(topic_attributes::remove_permission(shared, caller, input)),
            "Subscribe" => Box::pin(subscribe::subscribe(shared, caller, input)),
            "ConfirmSubscription" => Box::pin(confirm::confirm(shared, caller, input)),
            "Unsubscribe" => Box::pin(confirm::unsubscribe(shared, caller, input)),
            "ListSubscriptions" => Box::pin(subscription::list(shared, caller, input)),
            "ListSubscriptionsByTopic" => Box::pin(subscription::list_by_topic(shared, caller, input)),
            "GetSubscriptionAttributes" => Box::pin(subscription_attributes::get(shared, caller, input)),
            "SetSubscriptionAttributes" => Box::pin(subscription_attributes::set(shared, caller, input)),
            "Publish" => Box::pin(publish::publish(shared, caller, input)),
            "PublishBatch" => Box::pin(publish::publish_batch(shared, caller, input)),
            "TagResource" => Box::pin(tags::tag(shared, caller, input)),
            "UntagResource" => Box::pin(tags::untag(shared, caller, input)),
            "ListTagsForResource" => Box::pin(tags::list(shared, caller, input)),
            _ => return None,
        })
    }
}
