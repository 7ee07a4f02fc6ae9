//! Batches, and what may be set and asked of queues.

use serde_json::{Value as Json, json};

use crate::home::{Home, tag};
use crate::queues::{receive, send};

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
        receive(&home, 14, &url, json!({ "VisibilityTimeout": 0, "AttributeNames": ["SentTimestamp"] }))
            .await
            .len(),
        1
    );
    let again = home.sqs_by_query(16, "ReceiveMessage", &wanted).await.expect("answered");
    let handle = tag(&again, "ReceiptHandle");
    home.sqs_by_query(17, "DeleteMessage", &[("QueueUrl", &url), ("ReceiptHandle", &handle)])
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
