//! What is published, as it comes to queues and by filters.

use serde_json::{Value as Json, json};

use crate::home::{Home, tag, tags};
use crate::receiver::verifies;

async fn subscribed(home: &Home, topic: &str, queue: &str, attributes: &[(&str, &str)]) {
    let mut fields = vec![("TopicArn", topic), ("Protocol", "sqs"), ("Endpoint", queue)];
    let names: Vec<_> = (1..=attributes.len())
        .map(|n| (format!("Attributes.entry.{n}.key"), format!("Attributes.entry.{n}.value")))
        .collect();
    for ((name, value), (key, held)) in attributes.iter().zip(&names) {
        fields.extend([(key.as_str(), *name), (held.as_str(), *value)]);
    }
    home.sns(1, "Subscribe", &fields).await.expect("subscribed");
}

#[tokio::test]
async fn each_subscription_gets_what_its_filter_admits() {
    let home = Home::new().await;
    let topic = home.topic("news").await;
    let mut queues = Vec::new();
    for (name, attributes) in [
        ("all", vec![]),
        ("rugby", vec![("FilterPolicy", r#"{"sport": ["rugby"], "goals": [{"numeric": [">", 1]}]}"#)]),
        ("likes", vec![("FilterPolicy", r#"{"likes": ["golf"]}"#)]),
        ("none", vec![("FilterPolicy", r#"{"sport": [{"exists": false}]}"#)]),
        (
            "body",
            vec![("FilterPolicy", r#"{"match": {"home": ["A"]}}"#), ("FilterPolicyScope", "MessageBody")],
        ),
    ] {
        let (url, arn) = home.queue(name, json!({})).await;
        let raw = [attributes, vec![("RawMessageDelivery", "true")]].concat();
        subscribed(&home, &topic, &arn, &raw).await;
        queues.push(url);
    }
    let attribute = |n: usize, name, kind, value| {
        [("Name", name), ("Value.DataType", kind), ("Value.StringValue", value)]
            .map(|(part, value)| (format!("MessageAttributes.entry.{n}.{part}"), value))
    };
    for (message, attributes) in [
        ("m1", vec![]),
        ("m2", vec![attribute(1, "sport", "String", "rugby"), attribute(2, "goals", "Number", "2")]),
        ("m3", vec![attribute(1, "sport", "String", "rugby"), attribute(2, "goals", "Number", "1")]),
        (
            "m4",
            vec![
                attribute(1, "sport", "String", "x"),
                attribute(2, "likes", "String.Array", r#"["tennis", "golf"]"#),
            ],
        ),
        (r#"{"match": {"home": "A"}}"#, vec![attribute(1, "sport", "String", "x")]),
    ] {
        let attributes = attributes.concat();
        let mut fields = vec![("TopicArn", topic.as_str()), ("Message", message)];
        fields.extend(attributes.iter().map(|(name, value)| (name.as_str(), *value)));
        home.sns(2, "Publish", &fields).await.expect("published");
    }
    let mut got = Vec::new();
    for url in &queues {
        got.push(home.drain(3, url).await);
    }
    let body = r#"{"match": {"home": "A"}}"#;
    assert_eq!(got[0], ["m1", "m2", "m3", "m4", body]);
    assert_eq!(got[1..], [vec!["m2"], vec!["m4"], vec!["m1"], vec![body]]);
}

#[tokio::test]
async fn a_queue_gets_the_signed_envelope_or_the_raw_message_with_its_attributes() {
    let home = Home::new().await;
    let topic = home.topic("news").await;
    let (plain, plain_arn) = home.queue("plain", json!({})).await;
    let (raw, raw_arn) = home.queue("raw", json!({})).await;
    subscribed(&home, &topic, &plain_arn, &[]).await;
    subscribed(&home, &topic, &raw_arn, &[("RawMessageDelivery", "true")]).await;
    let fields = [
        ("TopicArn", topic.as_str()),
        ("Message", r#"{"default": "for all", "sqs": "for queues"}"#),
        ("MessageStructure", "json"),
        ("MessageAttributes.entry.1.Name", "size"),
        ("MessageAttributes.entry.1.Value.DataType", "Number"),
        ("MessageAttributes.entry.1.Value.StringValue", "7"),
    ];
    let published = home.sns(2, "Publish", &fields).await.expect("published");
    let envelope: Json = serde_json::from_str(&home.drain(3, &plain).await[0]).expect("JSON");
    assert_eq!(envelope["Message"], "for queues");
    assert_eq!(envelope["MessageId"], tag(&published, "MessageId"));
    assert!(verifies(&home.notifier, &envelope).await);
    let input = json!({"QueueUrl": raw, "MessageAttributeNames": ["All"]});
    let message = &home.sqs(3, "ReceiveMessage", input).await.expect("answered")["Messages"][0];
    assert_eq!(message["Body"], "for queues");
    assert_eq!(message["MessageAttributes"], json!({"size": {"DataType": "Number", "StringValue": "7"}}));
}

#[tokio::test]
async fn a_queue_that_is_gone_leaves_its_messages_to_the_dead_letters() {
    let home = Home::new().await;
    let topic = home.topic("news").await;
    let (gone, gone_arn) = home.queue("gone", json!({})).await;
    let (dead, dead_arn) = home.queue("dead", json!({})).await;
    let redrive = json!({ "deadLetterTargetArn": dead_arn }).to_string();
    subscribed(&home, &topic, &gone_arn, &[("RawMessageDelivery", "true"), ("RedrivePolicy", &redrive)])
        .await;
    home.sqs(2, "DeleteQueue", json!({ "QueueUrl": gone })).await.expect("deleted");
    home.sns(3, "Publish", &[("TopicArn", &topic), ("Message", "m")]).await.expect("published");
    assert_eq!(home.drain(4, &dead).await, ["m"]);
}

#[tokio::test]
async fn a_batch_publishes_each_entry_for_itself() {
    let home = Home::new().await;
    let topic = home.topic("news").await;
    let (queue, arn) = home.queue("jobs", json!({})).await;
    subscribed(&home, &topic, &arn, &[("RawMessageDelivery", "true")]).await;
    let entry = |n: usize, part: &str| format!("PublishBatchRequestEntries.member.{n}.{part}");
    let names = [
        entry(1, "Id"),
        entry(1, "Message"),
        entry(2, "Id"),
        entry(2, "Message"),
        entry(3, "Id"),
        entry(3, "Message"),
    ];
    let values = ["a", "one", "b", "", "c", "three"];
    let mut fields: Vec<_> = names.iter().map(String::as_str).zip(values).collect();
    fields.push(("TopicArn", &topic));
    let answer = home.sns(2, "PublishBatch", &fields).await.expect("answered");
    assert_eq!(tags(&answer, "MessageId").len(), 2);
    let failed = tag(&answer, "Failed");
    assert_eq!(
        (tag(&failed, "Id"), tag(&failed, "Code"), tag(&failed, "SenderFault")),
        ("b".into(), "InvalidParameter".into(), "true".into())
    );
    assert_eq!(home.drain(3, &queue).await, ["one", "three"]);
    fields[2].1 = "a";
    assert_eq!(
        home.sns(4, "PublishBatch", &fields).await.expect_err("refused").0,
        "BatchEntryIdsNotDistinct"
    );
    assert_eq!(home.drain(5, &queue).await, Vec::<String>::new());
}

#[tokio::test]
async fn messages_of_this_installation_itself_are_published_with_a_subject_cut_to_fit() {
    let home = Home::new().await;
    let topic = home.topic("alarms").await;
    let (queue, arn) = home.queue("jobs", json!({})).await;
    subscribed(&home, &topic, &arn, &[]).await;
    let subject = format!("ALARM:\n{}", "x".repeat(200));
    home.notifier.publish(&topic, Some(&subject), "it burns").await.expect("published");
    let now = i64::try_from(std::time::SystemTime::UNIX_EPOCH.elapsed().expect("after 1970").as_secs())
        .expect("small")
        - 1_700_000_000
        + 1;
    let envelope: Json = serde_json::from_str(&home.drain(now, &queue).await[0]).expect("JSON");
    assert_eq!(envelope["Subject"].as_str().expect("text").len(), 100);
    let none = home.notifier.publish("arn:aws:sns:eu-west-1:123456789012:none", None, "x").await;
    assert_eq!(none.expect_err("no such topic").name, "NotFoundException");
}
