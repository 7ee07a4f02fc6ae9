//! Queues as their clients see them.

use serde_json::{Value as Json, json};

use crate::home::Home;

pub(crate) async fn receive(home: &Home, second: i64, url: &str, more: Json) -> Vec<Json> {
    let mut input = json!({ "QueueUrl": url, "MaxNumberOfMessages": 10 });
    input.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    let answer = home.sqs(second, "ReceiveMessage", input).await.expect("answered");
    answer["Messages"].as_array().cloned().unwrap_or_default()
}

pub(crate) async fn send(home: &Home, second: i64, url: &str, body: &str) -> Json {
    home.sqs(second, "SendMessage", json!({ "QueueUrl": url, "MessageBody": body })).await.expect("sent")
}

#[tokio::test]
async fn a_message_comes_with_its_sums_and_attributes_and_is_gone_when_it_is_deleted() {
    let home = Home::new().await;
    let (url, _) = home.queue("jobs", json!({})).await;
    let input = json!({
        "QueueUrl": url,
        "MessageBody": "This is a test message",
        "MessageAttributes": {
            "timestamp": {"DataType": "Number", "StringValue": "1493147359900"},
            "kind.of.it": {"DataType": "String", "StringValue": "x"},
            "bytes": {"DataType": "Binary", "BinaryValue": "AAE="},
        },
        "MessageSystemAttributes": {"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1-2"}},
    });
    let sent = home.sqs(10, "SendMessage", input).await.expect("sent");
    assert_eq!(sent["MD5OfMessageBody"], "fafb00f5732ab283681e124bf8747ed1");
    let [message] = receive(
        &home,
        11,
        &url,
        json!({ "MessageAttributeNames": ["All"], "MessageSystemAttributeNames": ["All"] }),
    )
    .await
    .try_into()
    .expect("one");
    assert_eq!(message["MessageId"], sent["MessageId"]);
    assert_eq!(message["MD5OfBody"], sent["MD5OfMessageBody"]);
    assert_eq!(message["MD5OfMessageAttributes"], sent["MD5OfMessageAttributes"]);
    assert_eq!(message["MessageAttributes"]["bytes"], json!({"DataType": "Binary", "BinaryValue": "AAE="}));
    assert_eq!(
        message["Attributes"],
        json!({
            "SenderId": "ada",
            "SentTimestamp": "1700000010000",
            "ApproximateReceiveCount": "1",
            "ApproximateFirstReceiveTimestamp": message["Attributes"]["ApproximateFirstReceiveTimestamp"],
            "AWSTraceHeader": "Root=1-2",
        })
    );
    let handle = json!({ "QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"] });
    home.sqs(12, "DeleteMessage", handle.clone()).await.expect("deleted");
    home.sqs(12, "DeleteMessage", handle).await.expect("as good as deleted");
    assert_eq!(receive(&home, 1_000, &url, json!({})).await.len(), 0);
}

/// Sums from Python's hashlib over the bytes that AWS's guide describes.
#[tokio::test]
async fn only_the_attributes_asked_for_come_and_the_sum_is_of_those() {
    let home = Home::new().await;
    let (url, _) = home.queue("jobs", json!({ "VisibilityTimeout": "0" })).await;
    let text = |value| json!({"DataType": "String", "StringValue": value});
    let attributes = json!({ "a": text("1"), "b.c": text("2"), "b.d": text("3"), "bc": text("4") });
    home.sqs(
        1,
        "SendMessage",
        json!({ "QueueUrl": url, "MessageBody": "x", "MessageAttributes": attributes }),
    )
    .await
    .expect("sent");
    for (second, wanted, names) in [
        (2, json!([]), vec![]),
        (3, json!(["a"]), vec!["a"]),
        (4, json!(["b.*"]), vec!["b.c", "b.d"]),
        (5, json!([".*"]), vec!["a", "b.c", "b.d", "bc"]),
        (6, json!(["none"]), vec![]),
    ] {
        let message = &receive(&home, second, &url, json!({ "MessageAttributeNames": wanted })).await[0];
        let mut shown: Vec<_> = message["MessageAttributes"]
            .as_object()
            .into_iter()
            .flat_map(|map| map.keys().cloned())
            .collect();
        shown.sort();
        assert_eq!(shown, names, "{wanted}");
        assert_eq!(message.get("MD5OfMessageAttributes").is_some(), !names.is_empty());
    }
    let message = &receive(&home, 7, &url, json!({ "MessageAttributeNames": ["a"] })).await[0];
    assert_eq!(message["MD5OfMessageAttributes"], "314c77b249893c6b3c765a42cc08b245");
}

#[tokio::test]
async fn a_message_that_was_taken_stays_away_until_its_time_is_over() {
    let home = Home::new().await;
    let (url, _) = home.queue("jobs", json!({ "VisibilityTimeout": "60" })).await;
    send(&home, 1, &url, "x").await;
    let first = receive(&home, 10, &url, json!({})).await.remove(0);
    assert_eq!(receive(&home, 69, &url, json!({})).await.len(), 0);
    let second = receive(&home, 71, &url, json!({ "VisibilityTimeout": 5, "AttributeNames": ["All"] }))
        .await
        .remove(0);
    assert_eq!(second["Attributes"]["ApproximateReceiveCount"], "2");
    // The handle of the earlier receive deletes nothing any more, and moves nothing.
    home.sqs(72, "DeleteMessage", json!({ "QueueUrl": url, "ReceiptHandle": first["ReceiptHandle"] }))
        .await
        .expect("taken");
    let change = |handle: &Json, seconds| json!({ "QueueUrl": url, "ReceiptHandle": handle, "VisibilityTimeout": seconds });
    let stale = home.sqs(72, "ChangeMessageVisibility", change(&first["ReceiptHandle"], 9)).await;
    assert_eq!(stale.expect_err("refused").0, "AWS.SimpleQueueService.MessageNotInflight");
    home.sqs(73, "ChangeMessageVisibility", change(&second["ReceiptHandle"], 100)).await.expect("longer");
    assert_eq!(receive(&home, 172, &url, json!({})).await.len(), 0);
    home.sqs(172, "ChangeMessageVisibility", change(&second["ReceiptHandle"], 0)).await.expect("at once");
    assert_eq!(receive(&home, 172, &url, json!({})).await.len(), 1);
    let broken = home.sqs(173, "DeleteMessage", json!({ "QueueUrl": url, "ReceiptHandle": "broken" })).await;
    assert_eq!(broken.expect_err("refused").0, "ReceiptHandleIsInvalid");
    let long = home.sqs(173, "ChangeMessageVisibility", change(&second["ReceiptHandle"], 43_201)).await;
    assert_eq!(long.expect_err("refused").0, "InvalidParameterValue");
}

#[tokio::test]
async fn who_waits_gets_what_is_sent_meanwhile_and_what_becomes_due() {
    let home = Home::new().await;
    let (url, _) = home.queue("jobs", json!({})).await;
    assert_eq!(receive(&home, 1, &url, json!({ "WaitTimeSeconds": 1 })).await.len(), 0);
    let (got, ()) = tokio::join!(receive(&home, 1, &url, json!({ "WaitTimeSeconds": 20 })), async {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        send(&home, 1, &url, "meanwhile").await;
    });
    assert_eq!(got[0]["Body"], "meanwhile");
    home.sqs(2, "PurgeQueue", json!({ "QueueUrl": url })).await.expect("emptied");
    let delayed = json!({ "QueueUrl": url, "MessageBody": "later", "DelaySeconds": 2 });
    home.sqs(100, "SendMessage", delayed).await.expect("sent");
    assert_eq!(receive(&home, 100, &url, json!({})).await.len(), 0);
    assert_eq!(receive(&home, 100, &url, json!({ "WaitTimeSeconds": 20 })).await[0]["Body"], "later");
    home.sqs(150, "PurgeQueue", json!({ "QueueUrl": url })).await.expect("emptied");
    let (gone, _) = tokio::join!(
        home.sqs(200, "ReceiveMessage", json!({ "QueueUrl": url, "WaitTimeSeconds": 20 })),
        home.sqs(200, "DeleteQueue", json!({ "QueueUrl": url })),
    );
    assert_eq!(gone.expect_err("the queue went").0, "AWS.SimpleQueueService.NonExistentQueue");
}

#[tokio::test]
async fn what_was_taken_too_often_goes_to_the_dead_letters_with_its_source() {
    let home = Home::new().await;
    let (dead, dead_arn) = home.queue("dead", json!({})).await;
    let redrive = json!({ "deadLetterTargetArn": dead_arn, "maxReceiveCount": 2 }).to_string();
    let (url, arn) = home.queue("jobs", json!({ "RedrivePolicy": redrive, "VisibilityTimeout": "1" })).await;
    let sent = send(&home, 1, &url, "poison").await;
    for second in [10, 20] {
        assert_eq!(receive(&home, second, &url, json!({})).await.len(), 1);
    }
    send(&home, 25, &url, "fine").await;
    let got = receive(&home, 30, &url, json!({ "MaxNumberOfMessages": 1 })).await;
    assert_eq!(got[0]["Body"], "fine", "what is given up does not take a place");
    let [letter] = receive(&home, 31, &dead, json!({ "MessageSystemAttributeNames": ["All"] }))
        .await
        .try_into()
        .expect("one");
    assert_eq!((&letter["Body"], &letter["MessageId"]), (&json!("poison"), &sent["MessageId"]));
    assert_eq!(letter["Attributes"]["DeadLetterQueueSourceArn"], arn);
    assert_eq!(letter["Attributes"]["SentTimestamp"], "1700000001000");
    assert_eq!(letter["Attributes"]["ApproximateReceiveCount"], "1");
    let sources =
        home.sqs(32, "ListDeadLetterSourceQueues", json!({ "QueueUrl": dead })).await.expect("listed");
    assert_eq!(sources["queueUrls"], json!([url]));
    let none =
        json!({ "deadLetterTargetArn": dead_arn.replace("dead", "none"), "maxReceiveCount": 2 }).to_string();
    let set = json!({ "QueueUrl": url, "Attributes": { "RedrivePolicy": none } });
    assert_eq!(
        home.sqs(33, "SetQueueAttributes", set).await.expect_err("no such queue").0,
        "InvalidParameterValue"
    );
}

#[tokio::test]
async fn messages_and_receipts_survive_a_restart_and_messages_end_with_their_retention() {
    let home = Home::new().await;
    let (url, _) = home.queue("jobs", json!({ "MessageRetentionPeriod": "600" })).await;
    send(&home, 1, &url, "one").await;
    send(&home, 2, &url, "two").await;
    let taken = receive(&home, 3, &url, json!({ "MaxNumberOfMessages": 1 })).await.remove(0);
    let home = home.restarted().await;
    assert_eq!(receive(&home, 4, &url, json!({ "VisibilityTimeout": 0 })).await[0]["Body"], "two");
    home.sqs(5, "DeleteMessage", json!({ "QueueUrl": url, "ReceiptHandle": taken["ReceiptHandle"] }))
        .await
        .expect("deleted");
    assert_eq!(receive(&home, 500, &url, json!({ "VisibilityTimeout": 0 })).await.len(), 1);
    assert_eq!(receive(&home, 603, &url, json!({})).await.len(), 0);
}
