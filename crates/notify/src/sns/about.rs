//! What calls are about, by the Service Authorization Reference's table for Amazon SNS. A subscription is its topic's.

use aws::Map;
use door::{Arns, Caller};

const ARNS: Arns = Arns {
    start: "arn:aws:sns:{region}:{account}:",
    forms: &[
        ("ListTopics ListSubscriptions", "*"),
        ("CreateTopic", "arn:aws:sns:{region}:{account}:{Name}"),
        (
            "DeleteTopic GetTopicAttributes SetTopicAttributes AddPermission RemovePermission Subscribe ConfirmSubscription \
             ListSubscriptionsByTopic",
            "{TopicArn}",
        ),
        ("Publish PublishBatch", "{TopicArn} {TargetArn}"),
        ("TagResource UntagResource ListTagsForResource", "{ResourceArn}"),
    ],
};

/// Operations on one subscription.
const OF_A_SUBSCRIPTION: [&str; 3] =
    ["Unsubscribe", "GetSubscriptionAttributes", "SetSubscriptionAttributes"];

pub(super) fn arns(caller: &Caller, operation: &str, input: &Map) -> Vec<String> {
    if !OF_A_SUBSCRIPTION.contains(&operation) {
        return ARNS.of(caller, operation, input);
    }
    let topic = input.text("SubscriptionArn").and_then(|arn| arn.rsplit_once(':'));
    topic.map(|(topic, _)| topic.to_owned()).into_iter().collect()
}
