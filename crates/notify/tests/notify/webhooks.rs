//! Webhooks: confirmed, signed, tried again.

use media::Utc;
use notify::Counts;
use reach::Reach;
use serde_json::json;
use store::{Document, Put};

use crate::home::{ACCOUNT, Home, URL, at, entry, tag};
use crate::receiver::{Receiver, verifies};

/// Subscribes a receiver and confirms by the link it gets; the subscription's ARN.
async fn subscribed(home: &Home, topic: &str, receiver: &Receiver, attributes: &[(&str, &str)]) -> String {
    let mut fields = vec![("TopicArn", topic), ("Protocol", "http"), ("Endpoint", &receiver.url)];
    let names: Vec<_> = (1..=attributes.len())
        .map(|n| (format!("Attributes.entry.{n}.key"), format!("Attributes.entry.{n}.value")))
        .collect();
    for ((name, value), (key, held)) in attributes.iter().zip(&names) {
        fields.extend([(key.as_str(), *name), (held.as_str(), *value)]);
    }
    home.sns(1, "Subscribe", &fields).await.expect("subscribed");
    home.notifier.deliver_due(at(1)).await.expect("delivered");
    let question = receiver.taken().pop().expect("asked").json();
    let answer = home.follow(2, question["SubscribeURL"].as_str().expect("a link")).await.expect("confirmed");
    tag(&answer, "SubscriptionArn")
}

async fn publish(home: &Home, second: i64, topic: &str, message: &str) {
    home.sns(second, "Publish", &[("TopicArn", topic), ("Message", message)]).await.expect("published");
}

#[tokio::test]
async fn a_webhook_confirms_and_gets_messages_whose_signatures_verify() {
    let home = Home::new().await;
    let receiver = Receiver::start().await;
    let topic = home.topic("news").await;
    for (second, version) in [(10, "1"), (20, "2")] {
        let set = [
            ("TopicArn", topic.as_str()),
            ("AttributeName", "SignatureVersion"),
            ("AttributeValue", version),
        ];
        home.sns(second, "SetTopicAttributes", &set).await.expect("set");
        let subscribe = [("TopicArn", topic.as_str()), ("Protocol", "http"), ("Endpoint", &receiver.url)];
        let answer = home.sns(second, "Subscribe", &subscribe).await.expect("subscribed");
        if version == "2" {
            assert!(tag(&answer, "SubscriptionArn").starts_with(&topic), "it is there already: {answer}");
        } else {
            assert_eq!(tag(&answer, "SubscriptionArn"), "pending confirmation");
            publish(&home, second, &topic, "not for who has not confirmed").await;
            home.notifier.deliver_due(at(second)).await.expect("delivered");
            let [question] = receiver.taken().try_into().expect("one question");
            assert_eq!(question.line, "POST /hook?a=b HTTP/1.1");
            assert_eq!(question.headers["x-amz-sns-message-type"], "SubscriptionConfirmation");
            assert_eq!(question.headers["content-type"], "text/plain; charset=UTF-8");
            let question = question.json();
            assert!(verifies(&home.notifier, &question).await, "{question}");
            let confirm =
                [("TopicArn", topic.as_str()), ("Token", question["Token"].as_str().expect("a token"))];
            let confirmed = home.sns(second, "ConfirmSubscription", &confirm).await.expect("confirmed");
            let again = home.sns(second, "ConfirmSubscription", &confirm).await.expect("confirmed already");
            assert_eq!(tag(&confirmed, "SubscriptionArn"), tag(&again, "SubscriptionArn"));
        }
        let fields = [
            ("TopicArn", topic.as_str()),
            ("Message", "a <b> & \"c\"\nü"),
            ("Subject", "For you"),
            ("MessageAttributes.entry.1.Name", "sport"),
            ("MessageAttributes.entry.1.Value.DataType", "String"),
            ("MessageAttributes.entry.1.Value.StringValue", "rugby"),
        ];
        let published = home.sns(second, "Publish", &fields).await.expect("published");
        home.notifier.deliver_due(at(second)).await.expect("delivered");
        let [received] = receiver.taken().try_into().expect("one message");
        let mut message = received.json();
        assert!(verifies(&home.notifier, &message).await, "{message}");
        assert_eq!(message["MessageId"], tag(&published, "MessageId"));
        assert_eq!(message["Message"], "a <b> & \"c\"\nü");
        assert_eq!(message["Subject"], "For you");
        assert_eq!(message["SignatureVersion"], version);
        assert_eq!(message["Timestamp"], at(second).to_string());
        assert_eq!(message["MessageAttributes"], json!({"sport": {"Type": "String", "Value": "rugby"}}));
        let arn = &received.headers["x-amz-sns-subscription-arn"];
        assert_eq!(message["UnsubscribeURL"], format!("{URL}/?Action=Unsubscribe&SubscriptionArn={arn}"));
        assert_eq!(received.headers["x-amz-sns-message-type"], "Notification");
        assert_eq!(received.headers["x-amz-sns-topic-arn"], topic);
        assert_eq!(received.headers["x-amz-sns-message-id"], message["MessageId"]);
        message["Message"] = "another".into();
        assert!(!verifies(&home.notifier, &message).await, "a changed message does not verify");
    }
}

#[tokio::test]
async fn links_that_nobody_signs_end_a_subscription_and_take_that_back() {
    let home = Home::new().await;
    let receiver = Receiver::start().await;
    let topic = home.topic("news").await;
    let arn = subscribed(&home, &topic, &receiver, &[]).await;
    publish(&home, 3, &topic, "one").await;
    home.notifier.deliver_due(at(3)).await.expect("delivered");
    let link = receiver.taken()[0].json()["UnsubscribeURL"].as_str().expect("a link").to_owned();
    publish(&home, 4, &topic, "on its way when it ends").await;
    home.follow(5, &link).await.expect("ended");
    home.follow(5, &link).await.expect("as good as ended");
    publish(&home, 6, &topic, "after it").await;
    home.notifier.deliver_due(at(6)).await.expect("delivered");
    let [notice] = receiver.taken().try_into().expect("only the notice");
    let notice = notice.json();
    assert_eq!(notice["Type"], "UnsubscribeConfirmation");
    assert!(verifies(&home.notifier, &notice).await);
    let back = home.follow(7, notice["SubscribeURL"].as_str().expect("a link")).await.expect("taken back");
    assert_eq!(tag(&back, "SubscriptionArn"), arn);
    publish(&home, 8, &topic, "two").await;
    home.notifier.deliver_due(at(8)).await.expect("delivered");
    assert_eq!(receiver.taken()[0].json()["Message"], "two");
    let audit = home.store.audit(0, 1_000).await.expect("read");
    assert!(
        audit
            .iter()
            .any(|line| line.call.who == "anybody" && line.call.account == ACCOUNT && line.subject == arn)
    );
}

#[tokio::test]
async fn a_subscription_that_asks_for_it_ends_only_by_a_signed_call() {
    let home = Home::new().await;
    let receiver = Receiver::start().await;
    let topic = home.topic("news").await;
    let subscribe = [("TopicArn", topic.as_str()), ("Protocol", "http"), ("Endpoint", &receiver.url)];
    home.sns(1, "Subscribe", &subscribe).await.expect("subscribed");
    home.notifier.deliver_due(at(1)).await.expect("delivered");
    let token = receiver.taken()[0].json()["Token"].as_str().expect("a token").to_owned();
    let confirm = [("TopicArn", topic.as_str()), ("Token", &token), ("AuthenticateOnUnsubscribe", "true")];
    let arn = tag(&home.sns(2, "ConfirmSubscription", &confirm).await.expect("confirmed"), "SubscriptionArn");
    let link = format!("{URL}/?Action=Unsubscribe&SubscriptionArn={arn}");
    assert_eq!(home.follow(3, &link).await.expect_err("refused").0, "AuthorizationError");
    home.sns(3, "Unsubscribe", &[("SubscriptionArn", &arn)]).await.expect("ended");
}

#[tokio::test]
async fn tokens_confirm_their_own_subscription_alone() {
    let home = Home::new().await;
    let receiver = Receiver::start().await;
    let (topic, other) = (home.topic("news").await, home.topic("other").await);
    let subscribe = [("TopicArn", topic.as_str()), ("Protocol", "http"), ("Endpoint", &receiver.url)];
    let mut tokens = Vec::new();
    for second in [1, 2] {
        home.sns(second, "Subscribe", &subscribe).await.expect("asked, and asked again");
        home.notifier.deliver_due(at(second)).await.expect("delivered");
        tokens.push(receiver.taken()[0].json()["Token"].as_str().expect("a token").to_owned());
    }
    let mut forged = tokens[1].clone();
    forged.replace_range(90..91, if &forged[90..91] == "0" { "1" } else { "0" });
    for (topic, token) in [
        (&topic, &tokens[0]),
        (&other, &tokens[1]),
        (&topic, &forged),
        (&topic, &"a".repeat(96)),
        (&topic, &String::new()),
    ] {
        let link = format!("{URL}/?Action=ConfirmSubscription&TopicArn={topic}&Token={token}");
        assert_eq!(home.follow(3, &link).await.expect_err("refused").0, "InvalidParameter");
    }
    let link = format!("{URL}/?Action=ConfirmSubscription&TopicArn={topic}&Token={}", tokens[1]);
    home.follow(3, &link).await.expect("the newest token confirms");
}

#[tokio::test]
async fn nobody_who_does_not_confirm_in_48_hours_is_asked_for_longer() {
    let home = Home::new().await;
    let receiver = Receiver::start().await;
    let topic = home.topic("news").await;
    let subscribe = [("TopicArn", topic.as_str()), ("Protocol", "http"), ("Endpoint", &receiver.url)];
    home.sns(1, "Subscribe", &subscribe).await.expect("subscribed");
    let pending = async |second| {
        home.notifier.upkeep(at(second)).await.expect("done");
        let told = home.sns(second, "GetTopicAttributes", &[("TopicArn", &topic)]).await.expect("told");
        entry(&told, "SubscriptionsPending").expect("told")
    };
    assert_eq!(pending(48 * 3_600).await, "1");
    assert_eq!(pending(48 * 3_600 + 2).await, "0");
}

#[tokio::test]
async fn a_webhook_that_fails_is_tried_again_as_its_policy_says_and_then_given_up() {
    let home = Home::new().await;
    let receiver = Receiver::start().await;
    let topic = home.topic("news").await;
    let (dead, dead_arn) = home.queue("dead", json!({})).await;
    let redrive = json!({ "deadLetterTargetArn": dead_arn }).to_string();
    subscribed(&home, &topic, &receiver, &[("RedrivePolicy", &redrive)]).await;
    receiver.answers(&["500 No", "503 No", "429 No", "500 No"]);
    publish(&home, 100, &topic, "urgent").await;
    // Three retries, 20 seconds apart; in between nothing comes.
    for (second, tries) in [(100, 1), (119, 0), (130, 1), (149, 0), (160, 1), (179, 0), (190, 1), (400, 0)] {
        home.notifier.deliver_due(at(second)).await.expect("tried");
        assert_eq!(receiver.taken().len(), tries, "at {second}");
    }
    assert_eq!(home.notifier.counts(), Counts { delivered: 1, retried: 3, failed: 1, dropped: 0 });
    let letters = home.drain(401, &dead).await;
    assert_eq!(letters.len(), 1);
    assert!(letters[0].contains("\"Message\": \"urgent\""), "{}", letters[0]);
}

#[tokio::test]
async fn a_webhook_that_comes_back_gets_what_it_missed_under_the_same_id() {
    let home = Home::new().await;
    let receiver = Receiver::start().await;
    let topic = home.topic("news").await;
    let policy = r#"{"healthyRetryPolicy": {"numRetries": 4, "numNoDelayRetries": 1, "minDelayTarget": 5, "maxDelayTarget": 9}}"#;
    subscribed(&home, &topic, &receiver, &[("DeliveryPolicy", policy)]).await;
    receiver.answers(&["502 No", "502 No"]);
    publish(&home, 100, &topic, "urgent").await;
    home.notifier.deliver_due(at(100)).await.expect("tried");
    home.notifier.deliver_due(at(110)).await.expect("tried without a delay");
    home.notifier.deliver_due(at(112)).await.expect("not due");
    home.notifier.deliver_due(at(130)).await.expect("tried");
    let received = receiver.taken();
    assert_eq!(received.len(), 3);
    assert!(
        received.iter().all(|again| again.body == received[0].body && again.headers == received[0].headers)
    );
    assert_eq!(home.notifier.counts().failed, 0);
}

#[tokio::test]
async fn what_a_webhook_refuses_for_good_is_not_tried_again() {
    let home = Home::new().await;
    let receiver = Receiver::start().await;
    let topic = home.topic("news").await;
    subscribed(&home, &topic, &receiver, &[]).await;
    for (second, status) in [(100, "404 No"), (200, "301 Moved"), (300, "403 No")] {
        receiver.answers(&[status]);
        publish(&home, second, &topic, "x").await;
        home.notifier.deliver_due(at(second)).await.expect("tried");
        home.notifier.deliver_due(at(second + 60)).await.expect("nothing left");
        assert_eq!(receiver.taken().len(), 1, "{status}");
    }
    assert_eq!(home.notifier.counts().failed, 3);
}

#[tokio::test]
async fn nothing_in_private_networks_is_called_unless_that_is_allowed() {
    let home = Home::with(Reach::Public, None).await;
    let receiver = Receiver::start().await;
    let topic = home.topic("news").await;
    let port = receiver.url.split([':', '/']).nth(4).expect("a port").to_owned();
    for host in
        ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254", "10.0.0.1", "127.1"]
    {
        let endpoint = format!("http://{host}:{port}/hook");
        let subscribe = [("TopicArn", topic.as_str()), ("Protocol", "http"), ("Endpoint", &endpoint)];
        home.sns(1, "Subscribe", &subscribe).await.expect("kept");
    }
    for second in [1, 30, 60, 90] {
        home.notifier.deliver_due(at(second)).await.expect("tried");
    }
    assert_eq!(receiver.taken().len(), 0);
    assert_eq!(home.notifier.counts().delivered, 0);
}

#[tokio::test]
async fn raw_messages_are_the_message_alone() {
    let home = Home::new().await;
    let receiver = Receiver::start().await;
    let topic = home.topic("news").await;
    let policy = r#"{"requestPolicy": {"headerContentType": "application/json"}}"#;
    subscribed(&home, &topic, &receiver, &[("RawMessageDelivery", "true"), ("DeliveryPolicy", policy)]).await;
    publish(&home, 3, &topic, r#"{"a": 1}"#).await;
    home.notifier.deliver_due(at(3)).await.expect("delivered");
    let received = receiver.taken().pop().expect("a message");
    assert_eq!(received.body, r#"{"a": 1}"#);
    assert_eq!(received.headers["x-amz-sns-rawdelivery"], "true");
    assert_eq!(received.headers["content-type"], "application/json");
}

#[tokio::test]
async fn what_was_acknowledged_is_delivered_after_a_restart_and_signed_with_the_same_key() {
    let home = Home::new().await;
    let receiver = Receiver::start().await;
    let topic = home.topic("news").await;
    subscribed(&home, &topic, &receiver, &[]).await;
    receiver.answers(&["500 No"]);
    publish(&home, 100, &topic, "tried before").await;
    home.notifier.deliver_due(at(100)).await.expect("tried");
    publish(&home, 101, &topic, "not tried before").await;
    receiver.taken();
    let home = home.restarted().await;
    home.notifier.deliver_due(at(130)).await.expect("delivered");
    let mut received: Vec<_> = receiver.taken().iter().map(|received| received.json()).collect();
    received.sort_by_key(|message| message["Timestamp"].to_string());
    assert_eq!(received[0]["Message"], "tried before");
    assert_eq!(received[1]["Message"], "not tried before");
    assert_eq!(received[0]["SigningCertURL"], received[1]["SigningCertURL"]);
    for message in &received {
        assert!(verifies(&home.notifier, message).await);
    }
    home.notifier.deliver_due(at(200)).await.expect("nothing left");
    assert_eq!(receiver.taken().len(), 0);
}

#[tokio::test]
async fn a_webhook_that_is_silent_keeps_no_other_waiting() {
    let home = Home::new().await;
    let (silent, receiver) = (Receiver::start().await, Receiver::start().await);
    let topic = home.topic("news").await;
    subscribed(&home, &topic, &silent, &[]).await;
    subscribed(&home, &topic, &receiver, &[]).await;
    silent.answers(&["silence"; 50]);
    let notifier = home.notifier.clone();
    let running = tokio::spawn(async move { notifier.run().await });
    for number in 0..20 {
        home.notifier.publish(&topic, Some("s"), &format!("m{number}")).await.expect("published");
        assert_eq!(receiver.next().await.json()["Message"], format!("m{number}"));
    }
    running.abort();
}

#[tokio::test]
async fn an_outbox_that_is_full_takes_no_more_and_the_message_goes_to_the_dead_letters() {
    let home = Home::new().await;
    let receiver = Receiver::start().await;
    let topic = home.topic("news").await;
    let (dead, dead_arn) = home.queue("dead", json!({})).await;
    let redrive = json!({ "deadLetterTargetArn": dead_arn }).to_string();
    let arn = subscribed(&home, &topic, &receiver, &[("RedrivePolicy", &redrive)]).await;
    let mut exchange = home.store.exchange().await.expect("the turn");
    let far = Utc(i64::MAX / 2);
    let waiting = Put {
        queue: format!("out/{arn}"),
        sent: at(3),
        due: far,
        expires: far,
        head: Document::parse("{}").expect("JSON"),
        body: String::new(),
    };
    for _ in 0..10_000 {
        exchange.messages().put(&waiting).await.expect("put");
    }
    exchange.commit().await.expect("committed");
    publish(&home, 5, &topic, "one too many").await;
    assert_eq!(home.notifier.counts().dropped, 1);
    assert!(home.drain(6, &dead).await[0].contains("one too many"));
}
