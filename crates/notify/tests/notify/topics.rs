//! Topics and subscriptions as they are made, told and listed.

use serde_json::json;

use crate::home::{Home, entry, tag, tags};

const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:news";

#[tokio::test]
async fn a_topic_is_made_once_and_is_as_it_was_wanted() {
    let home = Home::new().await;
    let wanted = [
        ("Name", "news"),
        ("Attributes.entry.1.key", "DisplayName"),
        ("Attributes.entry.1.value", "News & more"),
        ("Tags.member.1.Key", "team"),
        ("Tags.member.1.Value", "sport"),
    ];
    for _ in 0..2 {
        assert_eq!(tag(&home.sns(1, "CreateTopic", &wanted).await.expect("made"), "TopicArn"), TOPIC);
    }
    home.sns(1, "CreateTopic", &[("Name", "news")]).await.expect("nothing else is wanted");
    let other = [("Name", "news"), wanted[1], ("Attributes.entry.1.value", "Other")];
    assert_eq!(
        home.sns(1, "CreateTopic", &other).await.expect_err("refused").1,
        "Invalid parameter: Attributes Reason: Topic already exists with different attributes"
    );
    let other = [("Name", "news"), wanted[3], ("Tags.member.1.Value", "other")];
    assert!(home.sns(1, "CreateTopic", &other).await.expect_err("refused").1.ends_with("different tags"));
    let told = home.sns(2, "GetTopicAttributes", &[("TopicArn", TOPIC)]).await.expect("told");
    for (name, value) in [
        ("TopicArn", TOPIC),
        ("Owner", "123456789012"),
        ("DisplayName", "News & more"),
        ("SubscriptionsConfirmed", "0"),
        ("SubscriptionsPending", "0"),
        ("SubscriptionsDeleted", "0"),
    ] {
        assert_eq!(entry(&told, name).as_deref(), Some(value), "{name}");
    }
    assert!(entry(&told, "Policy").expect("a policy").contains("__default_policy_ID"));
    assert!(entry(&told, "EffectiveDeliveryPolicy").expect("a policy").contains("\"numRetries\":3"));
    home.sns(3, "DeleteTopic", &[("TopicArn", TOPIC)]).await.expect("deleted");
    home.sns(3, "DeleteTopic", &[("TopicArn", TOPIC)]).await.expect("as good as deleted");
    assert_eq!(
        home.sns(3, "GetTopicAttributes", &[("TopicArn", TOPIC)]).await.expect_err("gone").0,
        "NotFound"
    );
    home.sns(4, "CreateTopic", &[("Name", "news")]).await.expect("made anew");
    let told = home.sns(4, "GetTopicAttributes", &[("TopicArn", TOPIC)]).await.expect("told");
    assert_eq!(entry(&told, "DisplayName").as_deref(), Some(""));
}

#[tokio::test]
async fn what_is_not_done_here_is_refused_by_its_name_and_nothing_is_kept() {
    let home = Home::new().await;
    let (_, queue) = home.queue("jobs", json!({})).await;
    home.topic("news").await;
    for (action, fields, named) in [
        ("CreateTopic", vec![("Name", "a.fifo")], "FIFO"),
        ("CreateTopic", vec![("Name", "a b")], "Topic Name"),
        ("CreateTopic", vec![("Name", "a"), ("DataProtectionPolicy", "{}")], "DataProtectionPolicy"),
        (
            "CreateTopic",
            vec![
                ("Name", "a"),
                ("Attributes.entry.1.key", "KmsMasterKeyId"),
                ("Attributes.entry.1.value", "k"),
            ],
            "KmsMasterKeyId",
        ),
        (
            "SetTopicAttributes",
            vec![("TopicArn", TOPIC), ("AttributeName", "TracingConfig"), ("AttributeValue", "Active")],
            "TracingConfig",
        ),
        (
            "SetTopicAttributes",
            vec![
                ("TopicArn", TOPIC),
                ("AttributeName", "SQSFailureFeedbackRoleArn"),
                ("AttributeValue", "r"),
            ],
            "SQSFailureFeedbackRoleArn",
        ),
        (
            "SetTopicAttributes",
            vec![("TopicArn", TOPIC), ("AttributeName", "Colour"), ("AttributeValue", "r")],
            "Colour",
        ),
        (
            "SetTopicAttributes",
            vec![("TopicArn", TOPIC), ("AttributeName", "SignatureVersion"), ("AttributeValue", "3")],
            "SignatureVersion",
        ),
        (
            "SetTopicAttributes",
            vec![("TopicArn", TOPIC), ("AttributeName", "Policy"), ("AttributeValue", "{}")],
            "Policy",
        ),
        (
            "SetTopicAttributes",
            vec![("TopicArn", TOPIC), ("AttributeName", "DeliveryPolicy"), ("AttributeValue", "{\"x\":1}")],
            "DeliveryPolicy",
        ),
        ("Subscribe", vec![("TopicArn", TOPIC), ("Protocol", "lambda"), ("Endpoint", "arn")], "lambda"),
        ("Subscribe", vec![("TopicArn", TOPIC), ("Protocol", "sms"), ("Endpoint", "+1")], "sms"),
        ("Subscribe", vec![("TopicArn", TOPIC), ("Protocol", "email"), ("Endpoint", "a@b.c")], "email"),
        ("Subscribe", vec![("TopicArn", TOPIC), ("Protocol", "smoke"), ("Endpoint", "x")], "smoke"),
        (
            "Subscribe",
            vec![("TopicArn", TOPIC), ("Protocol", "https"), ("Endpoint", "http://a/")],
            "Endpoint",
        ),
        (
            "Subscribe",
            vec![("TopicArn", TOPIC), ("Protocol", "http"), ("Endpoint", "http://u:p@a/")],
            "password",
        ),
        ("Subscribe", vec![("TopicArn", TOPIC), ("Protocol", "sqs"), ("Endpoint", "jobs")], "Endpoint"),
        (
            "Subscribe",
            vec![
                ("TopicArn", TOPIC),
                ("Protocol", "sqs"),
                ("Endpoint", &queue),
                ("Attributes.entry.1.key", "ReplayPolicy"),
                ("Attributes.entry.1.value", "{\"a\":1}"),
            ],
            "ReplayPolicy",
        ),
        (
            "Subscribe",
            vec![
                ("TopicArn", TOPIC),
                ("Protocol", "sqs"),
                ("Endpoint", &queue),
                ("Attributes.entry.1.key", "FilterPolicy"),
                ("Attributes.entry.1.value", "{\"a\":1}"),
            ],
            "FilterPolicy",
        ),
        (
            "Subscribe",
            vec![
                ("TopicArn", TOPIC),
                ("Protocol", "sqs"),
                ("Endpoint", &queue),
                ("Attributes.entry.1.key", "RedrivePolicy"),
                ("Attributes.entry.1.value", "{\"deadLetterTargetArn\":\"x\"}"),
            ],
            "RedrivePolicy",
        ),
        ("Publish", vec![("PhoneNumber", "+1"), ("Message", "x")], "PhoneNumber"),
        ("Publish", vec![("TopicArn", TOPIC), ("Message", "x"), ("MessageGroupId", "g")], "MessageGroupId"),
        ("Publish", vec![("TopicArn", TOPIC), ("Message", "")], "Empty message"),
        ("Publish", vec![("TopicArn", TOPIC), ("Message", "x"), ("Subject", "a\nb")], "Subject"),
        (
            "Publish",
            vec![("TopicArn", TOPIC), ("Message", "{\"sqs\":\"x\"}"), ("MessageStructure", "json")],
            "default",
        ),
        ("GetSMSAttributes", vec![], "GetSMSAttributes"),
        (
            "PutDataProtectionPolicy",
            vec![("ResourceArn", TOPIC), ("DataProtectionPolicy", "{}")],
            "PutDataProtectionPolicy",
        ),
    ] {
        let (code, message) = home.sns(1, action, &fields).await.expect_err(named);
        assert!(message.contains(named), "{action} {fields:?}: {code} {message}");
        assert!(matches!(&*code, "InvalidParameter" | "NotImplemented"), "{code} {message}");
    }
    let topics = home.sns(2, "ListTopics", &[]).await.expect("listed");
    assert_eq!(tags(&topics, "TopicArn"), [TOPIC]);
    assert_eq!(
        tags(&home.sns(2, "ListSubscriptions", &[]).await.expect("listed"), "TopicArn"),
        Vec::<String>::new()
    );
    assert_eq!(
        home.sns(2, "Publish", &[("TopicArn", &TOPIC.replace("news", "none")), ("Message", "x")])
            .await
            .expect_err("none")
            .0,
        "NotFound"
    );
    assert_eq!(
        home.sns(2, "Publish", &[("TopicArn", "news"), ("Message", "x")]).await.expect_err("none").0,
        "InvalidParameter"
    );
}

#[tokio::test]
async fn lists_come_in_pages_of_a_hundred() {
    let home = Home::new().await;
    let (_, queue) = home.queue("jobs", json!({})).await;
    for number in 0..101 {
        let topic = home.topic(&format!("t{number:03}")).await;
        let subscribe = [("TopicArn", topic.as_str()), ("Protocol", "sqs"), ("Endpoint", &queue)];
        home.sns(1, "Subscribe", &subscribe).await.expect("subscribed");
    }
    for (action, name) in [("ListTopics", "TopicArn"), ("ListSubscriptions", "SubscriptionArn")] {
        let first = home.sns(2, action, &[]).await.expect("listed");
        assert_eq!(tags(&first, name).len(), 100);
        let rest = home.sns(2, action, &[("NextToken", &tag(&first, "NextToken"))]).await.expect("listed");
        assert_eq!((tags(&rest, name).len(), tag(&rest, "NextToken")), (1, String::new()));
    }
    let one = [("TopicArn", "arn:aws:sns:eu-west-1:123456789012:t050")];
    let listed = home.sns(2, "ListSubscriptionsByTopic", &one).await.expect("listed");
    assert_eq!((tags(&listed, "Endpoint"), tag(&listed, "NextToken")), (vec![queue], String::new()));
}

#[tokio::test]
async fn a_subscription_is_made_once_and_told_as_it_is() {
    let home = Home::new().await;
    let (_, queue) = home.queue("jobs", json!({})).await;
    let topic = home.topic("news").await;
    let subscribe = [
        ("TopicArn", topic.as_str()),
        ("Protocol", "sqs"),
        ("Endpoint", &queue),
        ("Attributes.entry.1.key", "RawMessageDelivery"),
        ("Attributes.entry.1.value", "true"),
    ];
    let arn = tag(&home.sns(1, "Subscribe", &subscribe).await.expect("subscribed"), "SubscriptionArn");
    assert_eq!(
        tag(&home.sns(2, "Subscribe", &subscribe[..3]).await.expect("the same"), "SubscriptionArn"),
        arn
    );
    let mut other = subscribe;
    other[4].1 = "false";
    assert!(home.sns(2, "Subscribe", &other).await.expect_err("refused").1.contains("different attributes"));
    let set =
        |name, value| [("SubscriptionArn", arn.as_str()), ("AttributeName", name), ("AttributeValue", value)];
    home.sns(3, "SetSubscriptionAttributes", &set("FilterPolicy", r#"{"a": ["b"]}"#)).await.expect("set");
    let nested = set("FilterPolicy", r#"{"a": {"b": ["c"]}}"#);
    assert_eq!(
        home.sns(3, "SetSubscriptionAttributes", &nested).await.expect_err("of bodies").0,
        "InvalidParameter"
    );
    home.sns(3, "SetSubscriptionAttributes", &set("FilterPolicyScope", "MessageBody")).await.expect("set");
    home.sns(3, "SetSubscriptionAttributes", &nested).await.expect("now it is one");
    let back = set("FilterPolicyScope", "MessageAttributes");
    assert!(home.sns(3, "SetSubscriptionAttributes", &back).await.is_err(), "the policy would be none");
    let told = home.sns(4, "GetSubscriptionAttributes", &[("SubscriptionArn", &arn)]).await.expect("told");
    for (name, value) in [
        ("SubscriptionArn", arn.as_str()),
        ("TopicArn", &topic),
        ("Owner", "123456789012"),
        ("Protocol", "sqs"),
        ("Endpoint", &queue),
        ("PendingConfirmation", "false"),
        ("RawMessageDelivery", "true"),
        ("FilterPolicyScope", "MessageBody"),
        ("FilterPolicy", r#"{"a": {"b": ["c"]}}"#),
    ] {
        assert_eq!(entry(&told, name).as_deref(), Some(value), "{name}");
    }
    home.sns(5, "SetSubscriptionAttributes", &set("FilterPolicy", "{}")).await.expect("taken away");
    let told = home.sns(5, "GetSubscriptionAttributes", &[("SubscriptionArn", &arn)]).await.expect("told");
    assert_eq!(entry(&told, "FilterPolicy"), None);
    home.sns(6, "DeleteTopic", &[("TopicArn", &topic)]).await.expect("deleted");
    let gone = home.sns(6, "GetSubscriptionAttributes", &[("SubscriptionArn", &arn)]).await;
    assert_eq!(gone.expect_err("it went with its topic").0, "NotFound");
}

#[tokio::test]
async fn tags_and_permissions_are_kept_and_taken_away() {
    let home = Home::new().await;
    let topic = home.topic("news").await;
    let resource = ("ResourceArn", topic.as_str());
    let tag_it = [
        resource,
        ("Tags.member.1.Key", "a"),
        ("Tags.member.1.Value", "1"),
        ("Tags.member.2.Key", "b"),
        ("Tags.member.2.Value", ""),
    ];
    home.sns(1, "TagResource", &tag_it).await.expect("tagged");
    home.sns(1, "UntagResource", &[resource, ("TagKeys.member.1", "a")]).await.expect("untagged");
    assert_eq!(tags(&home.sns(1, "ListTagsForResource", &[resource]).await.expect("told"), "Key"), ["b"]);
    let many: Vec<_> = (0..50)
        .map(|n| {
            (format!("Tags.member.{}.Key", n + 1), format!("Tags.member.{}.Value", n + 1), format!("k{n}"))
        })
        .collect();
    let mut fields = vec![resource];
    fields.extend(
        many.iter().flat_map(|(key, value, name)| [(key.as_str(), name.as_str()), (value.as_str(), "v")]),
    );
    assert_eq!(home.sns(1, "TagResource", &fields).await.expect_err("51").0, "TagLimitExceeded");
    let gone = home
        .sns(1, "ListTagsForResource", &[("ResourceArn", "arn:aws:sns:eu-west-1:123456789012:none")])
        .await;
    assert_eq!(gone.expect_err("none").0, "ResourceNotFound");
    let add = [
        ("TopicArn", topic.as_str()),
        ("Label", "l"),
        ("AWSAccountId.member.1", "210987654321"),
        ("ActionName.member.1", "Publish"),
    ];
    home.sns(2, "AddPermission", &add).await.expect("added");
    assert_eq!(home.sns(2, "AddPermission", &add).await.expect_err("there").0, "InvalidParameter");
    let policy = async || {
        let told = home.sns(3, "GetTopicAttributes", &[("TopicArn", &topic)]).await.expect("told");
        entry(&told, "Policy").expect("a policy")
    };
    assert!(policy().await.contains("210987654321"));
    home.sns(4, "RemovePermission", &add[..2]).await.expect("removed");
    assert!(!policy().await.contains("210987654321"));
}
