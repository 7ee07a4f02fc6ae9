//! Queues as their clients see them.

use serde_json::{Value as Json, json};

use crate::home::{Home, tag};

async fn receive(home: &Home, second: i64, url: &str, more: Json) -> Vec<Json> {
    let mut input = json!({ "QueueUrl": url, "MaxNumberOfMessages": 10 });
    input.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    let answer = home.sqs(second, "ReceiveMessage", input).await.expect("answered");
    answer["Messages"].as_array().cloned().unwrap_or_default()
}

async fn send(home: &Home, second: i64, url: &str, body: &str) -> Json {
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
    for (wanted, names) in [
        (json!([]), vec![]),
        (json!(["a"]), vec!["a"]),
        (json!(["b.*"]), vec!["b.c", "b.d"]),
        (json!([".*"]), vec!["a", "b.c", "b.d", "bc"]),
        (json!(["none"]), vec![]),
    ] {
        let message = &receive(&home, 2, &url, json!({ "MessageAttributeNames": wanted })).await[0];
        let mut shown: Vec<_> = message["MessageAttributes"]
            .as_object()
            .into_iter()
            .flat_map(|map| map.keys().cloned())
            .collect();
        shown.sort();
        assert_eq!(shown, names, "{wanted}");
        assert_eq!(message.get("MD5OfMessageAttributes").is_some(), !names.is_empty());
    }
    let message = &receive(&home, 2, &url, json!({ "MessageAttributeNames": ["a"] })).await[0];
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

#[tokio::test]
async fn batches_do_each_entry_for_itself() {
    let home = Home::new().await;
    let (url, _) = home.queue("jobs", json!({})).await;
    let entries = json!([
        {"Id": "a", "MessageBody": "one"},
        {"Id": "b", "MessageBody": ""},
        {"Id": "c", "MessageBody": "three", "DelaySeconds": 901},
        {"Id": "d", "MessageBody": "four"},
    ]);
    let sent = home
        .sqs(1, "SendMessageBatch", json!({ "QueueUrl": url, "Entries": entries }))
        .await
        .expect("answered");
    let ids = |list: &Json| -> Vec<String> {
        list.as_array()
            .expect("a list")
            .iter()
            .map(|entry| entry["Id"].as_str().expect("text").to_owned())
            .collect()
    };
    assert_eq!(
        (ids(&sent["Successful"]), ids(&sent["Failed"])),
        (vec!["a".into(), "d".into()], vec!["b".into(), "c".into()])
    );
    let taken = receive(&home, 2, &url, json!({})).await;
    assert_eq!(taken.iter().map(|message| &message["Body"]).collect::<Vec<_>>(), ["one", "four"]);
    let hide = json!([
        {"Id": "a", "ReceiptHandle": taken[0]["ReceiptHandle"], "VisibilityTimeout": 0},
        {"Id": "b", "ReceiptHandle": "x", "VisibilityTimeout": 0},
    ]);
    let hidden = home
        .sqs(3, "ChangeMessageVisibilityBatch", json!({ "QueueUrl": url, "Entries": hide }))
        .await
        .expect("answered");
    assert_eq!((ids(&hidden["Successful"]), ids(&hidden["Failed"])), (vec!["a".into()], vec!["b".into()]));
    let again = receive(&home, 3, &url, json!({})).await.remove(0);
    let delete = json!([
        {"Id": "x", "ReceiptHandle": again["ReceiptHandle"]},
        {"Id": "y", "ReceiptHandle": taken[1]["ReceiptHandle"]},
    ]);
    let deleted = home
        .sqs(4, "DeleteMessageBatch", json!({ "QueueUrl": url, "Entries": delete }))
        .await
        .expect("answered");
    assert_eq!(ids(&deleted["Successful"]), ["x", "y"]);
    assert_eq!(receive(&home, 1_000, &url, json!({})).await.len(), 0);
    let many = |count: usize, id: &str| -> Json {
        (0..count)
            .map(|n| json!({ "Id": id.replace('#', &n.to_string()), "MessageBody": "x" }))
            .collect::<Vec<_>>()
            .into()
    };
    for (entries, code) in [
        (many(0, ""), "AWS.SimpleQueueService.EmptyBatchRequest"),
        (many(11, "#"), "AWS.SimpleQueueService.TooManyEntriesInBatchRequest"),
        (many(2, "same"), "AWS.SimpleQueueService.BatchEntryIdsNotDistinct"),
        (many(1, "a b"), "AWS.SimpleQueueService.InvalidBatchEntryId"),
        (
            json!([{"Id": "a", "MessageBody": "x".repeat(600_000)}, {"Id": "b", "MessageBody": "x".repeat(600_000)}]),
            "AWS.SimpleQueueService.BatchRequestTooLong",
        ),
    ] {
        let refused = home.sqs(5, "SendMessageBatch", json!({ "QueueUrl": url, "Entries": entries })).await;
        assert_eq!(refused.expect_err("refused").0, code);
    }
}

#[tokio::test]
async fn a_queue_is_made_once_told_listed_tagged_and_emptied() {
    let home = Home::new().await;
    let (url, arn) = home.queue("jobs", json!({ "DelaySeconds": "5" })).await;
    home.queue("jobs", json!({ "DelaySeconds": "05" })).await;
    let other = json!({ "QueueName": "jobs", "Attributes": { "DelaySeconds": "6" } });
    assert_eq!(home.sqs(1, "CreateQueue", other).await.expect_err("it is there").0, "QueueAlreadyExists");
    home.queue("other", json!({})).await;
    assert_eq!(
        home.sqs(1, "GetQueueUrl", json!({ "QueueName": "jobs" })).await.expect("told")["QueueUrl"],
        url
    );
    let none = home.sqs(1, "GetQueueUrl", json!({ "QueueName": "none" })).await;
    assert_eq!(none.expect_err("none").0, "AWS.SimpleQueueService.NonExistentQueue");
    let listed = home.sqs(1, "ListQueues", json!({ "QueueNamePrefix": "jo" })).await.expect("listed");
    assert_eq!(listed, json!({ "QueueUrls": [url] }));
    let page = home.sqs(1, "ListQueues", json!({ "MaxResults": 1 })).await.expect("listed");
    let rest = home
        .sqs(1, "ListQueues", json!({ "MaxResults": 1, "NextToken": page["NextToken"] }))
        .await
        .expect("listed");
    assert_eq!(
        (page["QueueUrls"][0].clone(), rest["QueueUrls"].as_array().map(Vec::len), rest.get("NextToken")),
        (json!(url), Some(1), None)
    );
    send(&home, 2, &url, "delayed").await;
    let told = home
        .sqs(3, "GetQueueAttributes", json!({ "QueueUrl": url, "AttributeNames": ["All"] }))
        .await
        .expect("told");
    for (name, value) in [
        ("QueueArn", arn.as_str()),
        ("DelaySeconds", "5"),
        ("VisibilityTimeout", "30"),
        ("MessageRetentionPeriod", "345600"),
        ("ApproximateNumberOfMessages", "0"),
        ("ApproximateNumberOfMessagesDelayed", "1"),
        ("ApproximateNumberOfMessagesNotVisible", "0"),
        ("CreatedTimestamp", "1700000000"),
    ] {
        assert_eq!(told["Attributes"][name], value, "{name}");
    }
    let some = home
        .sqs(3, "GetQueueAttributes", json!({ "QueueUrl": url, "AttributeNames": ["DelaySeconds"] }))
        .await
        .expect("told");
    assert_eq!(some, json!({ "Attributes": { "DelaySeconds": "5" } }));
    home.sqs(4, "SetQueueAttributes", json!({ "QueueUrl": url, "Attributes": { "VisibilityTimeout": "7" } }))
        .await
        .expect("set");
    let some = home
        .sqs(4, "GetQueueAttributes", json!({ "QueueUrl": url, "AttributeNames": ["VisibilityTimeout"] }))
        .await
        .expect("told");
    assert_eq!(some["Attributes"]["VisibilityTimeout"], "7");
    home.sqs(5, "TagQueue", json!({ "QueueUrl": url, "Tags": { "a": "1", "b": "2" } }))
        .await
        .expect("tagged");
    home.sqs(5, "UntagQueue", json!({ "QueueUrl": url, "TagKeys": ["a"] })).await.expect("untagged");
    assert_eq!(
        home.sqs(5, "ListQueueTags", json!({ "QueueUrl": url })).await.expect("told"),
        json!({ "Tags": { "b": "2" } })
    );
    let grant = json!({ "QueueUrl": url, "Label": "l", "AWSAccountIds": ["210987654321"], "Actions": ["SendMessage"] });
    home.sqs(6, "AddPermission", grant).await.expect("added");
    home.sqs(6, "RemovePermission", json!({ "QueueUrl": url, "Label": "l" })).await.expect("removed");
    home.sqs(7, "PurgeQueue", json!({ "QueueUrl": url })).await.expect("emptied");
    assert_eq!(receive(&home, 100, &url, json!({})).await.len(), 0);
    home.sqs(8, "DeleteQueue", json!({ "QueueUrl": url })).await.expect("deleted");
    let gone = home.sqs(8, "SendMessage", json!({ "QueueUrl": url, "MessageBody": "x" })).await;
    assert_eq!(gone.expect_err("gone").0, "AWS.SimpleQueueService.NonExistentQueue");
    let (_, again) = home.queue("jobs", json!({})).await;
    assert_eq!(again, arn);
}

#[tokio::test]
async fn what_queues_do_not_do_here_is_refused_by_its_name() {
    let home = Home::new().await;
    let (url, _) = home.queue("jobs", json!({ "MaximumMessageSize": "1024" })).await;
    let create = |attributes: Json| json!({ "QueueName": "new", "Attributes": attributes });
    let message = |more: Json| {
        let mut input = json!({ "QueueUrl": url, "MessageBody": "x" });
        input.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        input
    };
    for (operation, input, named) in [
        ("CreateQueue", json!({ "QueueName": "a.fifo" }), "FIFO"),
        ("CreateQueue", json!({ "QueueName": "a b" }), "alphanumeric"),
        ("CreateQueue", create(json!({ "FifoQueue": "true" })), "FIFO"),
        ("CreateQueue", create(json!({ "KmsMasterKeyId": "k" })), "KmsMasterKeyId"),
        ("CreateQueue", create(json!({ "SqsManagedSseEnabled": "true" })), "SqsManagedSseEnabled"),
        ("CreateQueue", create(json!({ "VisibilityTimeout": "43201" })), "VisibilityTimeout"),
        ("CreateQueue", create(json!({ "DelaySeconds": "soon" })), "DelaySeconds"),
        ("CreateQueue", create(json!({ "QueueArn": "x" })), "QueueArn"),
        ("CreateQueue", create(json!({ "RedrivePolicy": "{}x" })), "RedrivePolicy"),
        ("SendMessage", message(json!({ "MessageGroupId": "g" })), "MessageGroupId"),
        ("SendMessage", message(json!({ "MessageBody": "x".repeat(1_025) })), "1024"),
        ("SendMessage", message(json!({ "MessageBody": "\u{1}" })), "characters"),
        (
            "SendMessage",
            message(json!({ "MessageAttributes": { "a": { "DataType": "Object", "StringValue": "x" } } })),
            "Object",
        ),
        (
            "SendMessage",
            message(
                json!({ "MessageSystemAttributes": { "AWSTraceHeader": { "DataType": "Number", "StringValue": "1" } } }),
            ),
            "AWSTraceHeader",
        ),
        ("SendMessage", json!({ "QueueUrl": "jobs", "MessageBody": "x" }), "jobs"),
        ("ReceiveMessage", json!({ "QueueUrl": url, "MaxNumberOfMessages": 11 }), "MaxNumberOfMessages"),
        ("ReceiveMessage", json!({ "QueueUrl": url, "WaitTimeSeconds": 21 }), "WaitTimeSeconds"),
        ("StartMessageMoveTask", json!({ "SourceArn": "x" }), "StartMessageMoveTask"),
    ] {
        let (code, message) = home.sqs(1, operation, input).await.expect_err(named);
        assert!(message.contains(named), "{operation}: {code} {message}");
    }
    assert_eq!(receive(&home, 2, &url, json!({})).await.len(), 0);
}

#[tokio::test]
async fn clients_of_the_query_protocol_send_and_receive() {
    let home = Home::new().await;
    let made = home
        .sqs_by_query(
            1,
            "CreateQueue",
            &[("QueueName", "jobs"), ("Attribute.1.Name", "VisibilityTimeout"), ("Attribute.1.Value", "9")],
        )
        .await;
    let url = tag(&made.expect("made"), "QueueUrl");
    let message = [
        ("QueueUrl", url.as_str()),
        ("MessageBody", "hi"),
        ("MessageAttribute.1.Name", "a"),
        ("MessageAttribute.1.Value.DataType", "String"),
        ("MessageAttribute.1.Value.StringValue", "b"),
    ];
    let sent = home.sqs_by_query(2, "SendMessage", &message).await.expect("sent");
    assert_eq!(tag(&sent, "MD5OfMessageBody"), "49f68a5c8493ec2c0bf489821c21fc3b");
    let wanted =
        [("QueueUrl", url.as_str()), ("AttributeName.1", "SentTimestamp"), ("MessageAttributeName.1", "All")];
    let got = home.sqs_by_query(3, "ReceiveMessage", &wanted).await.expect("answered");
    assert_eq!(tag(&got, "Body"), "hi");
    assert_eq!(tag(&got, "Attribute"), "<Name>SentTimestamp</Name><Value>1700000002000</Value>");
    assert_eq!(tag(&tag(&got, "MessageAttribute"), "StringValue"), "b");
    assert_eq!(receive(&home, 11, &url, json!({})).await.len(), 0);
    assert_eq!(
        receive(&home, 12, &url, json!({ "VisibilityTimeout": 0, "AttributeNames": ["SentTimestamp"] }))
            .await
            .len(),
        1
    );
    let again = home.sqs_by_query(13, "ReceiveMessage", &wanted).await.expect("answered");
    let handle = tag(&again, "ReceiptHandle");
    home.sqs_by_query(14, "DeleteMessage", &[("QueueUrl", &url), ("ReceiptHandle", &handle)])
        .await
        .expect("deleted");
    assert_eq!(receive(&home, 99, &url, json!({})).await.len(), 0);
    let batch = [
        ("QueueUrl", url.as_str()),
        ("SendMessageBatchRequestEntry.1.Id", "x"),
        ("SendMessageBatchRequestEntry.1.MessageBody", "one"),
    ];
    let sent = home.sqs_by_query(100, "SendMessageBatch", &batch).await.expect("answered");
    assert_eq!(tag(&tag(&sent, "SendMessageBatchResultEntry"), "Id"), "x");
    assert_eq!(tag(&home.sqs_by_query(101, "ListQueues", &[]).await.expect("listed"), "QueueUrl"), url);
    let gone = home.sqs_by_query(102, "GetQueueUrl", &[("QueueName", "none")]).await;
    assert_eq!(gone.expect_err("none").0, "AWS.SimpleQueueService.NonExistentQueue");
}
