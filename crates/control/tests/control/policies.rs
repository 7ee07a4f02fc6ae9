//! What users may.

use crate::client::Ask;
use crate::support::{Fake, Options, Server, now, until};

#[tokio::test]
async fn a_user_may_what_a_policy_allows_and_none_denies() {
    let door = Fake::new("medialive");
    let server = Server::start(Options { doors: vec![door.clone()], ..Options::default() }).await;
    let nobody = server.user("nobody", None).await;
    let reader =
        server.user("reader", Some(r#"{"Effect":"Allow","Action":"medialive:List*","Resource":"*"}"#)).await;
    let most = server
        .user(
            "most",
            Some(
                r#"{"Effect":"Allow","Action":"medialive:*","Resource":"*"},
                   {"Effect":"Deny","Action":"medialive:Delete*","Resource":"arn:aws:medialive:*:*:channel:1"},
                   {"Effect":"Deny","Action":"medialive:*","Resource":"*","Condition":{"NotIpAddress":{"aws:SourceIp":"127.0.0.0/8"}}}"#,
            ),
        )
        .await;
    let status = async |(key, secret): &(String, identity::Secret), method: &str, target: &str| {
        let ask = Ask::new(method, target).signed_by(&server, key, secret, "medialive", now());
        let answer = ask.send(&server).await;
        (answer.status, answer.header("x-amzn-errortype").to_owned())
    };
    let denied = (403, "AccessDeniedException".to_owned());
    let done = (200, String::new());
    assert_eq!(status(&nobody, "GET", "/prod/channels").await, denied);
    assert_eq!(status(&reader, "GET", "/prod/channels").await, done);
    assert_eq!(status(&reader, "DELETE", "/prod/channels/2").await, denied);
    assert_eq!(status(&most, "DELETE", "/prod/channels/2").await, done);
    assert_eq!(status(&most, "DELETE", "/prod/channels/1").await, denied);
    // Which input it is the door does not say, so that what is denied of any is denied of this.
    assert_eq!(status(&most, "DELETE", "/prod/inputs/1").await, denied);
    assert_eq!(status(&most, "GET", "/prod/inputs/1").await, done);
    assert_eq!(door.operations(), ["ListChannels", "DeleteChannel", "DescribeInput"]);
    let who = format!("arn:aws:iam::{}:user/reader", server.root.account);
    until("the refusal in the audit log", || async {
        let lines = server.outcomes("medialive:DeleteChannel").await;
        lines.contains(&(who.clone(), "AccessDeniedException".to_owned())).then_some(())
    })
    .await;
    assert!(server.outcomes("medialive:ListChannels").await.is_empty(), "reads are no mutating calls");
    server.stop().await;
}

#[tokio::test]
async fn who_may_do_it_to_one_may_not_do_it_to_others_nor_to_several_at_once() {
    let door = Fake::new("medialive");
    let server = Server::start(Options { doors: vec![door.clone()], ..Options::default() }).await;
    let (key, secret) = server
        .user(
            "one",
            Some(
                r#"{"Effect":"Allow","Action":"medialive:*","Resource":"arn:aws:medialive:*:*:channel:1"},
                   {"Effect":"Allow","Action":"medialive:BatchStart","Resource":"arn:aws:medialive:*:*:channel:2"},
                   {"Effect":"Deny","Action":"medialive:*","Resource":"arn:aws:medialive:*:*:channel:3"}"#,
            ),
        )
        .await;
    let batch =
        |ids: &str| Ask::new("POST", "/prod/batch/start").json(&format!(r#"{{"channelIds":[{ids}]}}"#));
    for (ask, status, about) in [
        (Ask::new("GET", "/prod/channels/1"), 200, ""),
        (Ask::new("GET", "/prod/channels/2"), 403, "channel:2"),
        (Ask::new("GET", "/prod/channels"), 403, "*"),
        (batch(r#""1","2""#), 200, ""),
        (batch(r#""1","2","4""#), 403, "channel:4"),
        (batch(r#""3""#), 403, "channel:3"),
        // It names none, so that it could be any.
        (batch(""), 403, "*"),
    ] {
        let answer = ask.clone().signed_by(&server, &key, &secret, "medialive", now()).send(&server).await;
        assert_eq!(answer.status, status, "{ask:?} {answer:?}");
        let told = answer.body.split("on resource: ").nth(1).and_then(|rest| rest.split_once(' '));
        assert!(
            told.is_none_or(|(arn, _)| arn.ends_with(about)) && told.is_some() == (status == 403),
            "{answer:?}"
        );
    }
    assert_eq!(door.operations(), ["DescribeChannel", "BatchStart"]);
    server.stop().await;
}

#[tokio::test]
async fn everybody_with_a_key_may_ask_who_they_are() {
    let server = Server::start(Options::default()).await;
    let account = server.root.account.clone();
    let ask = || Ask::new("POST", "/").form("Action=GetCallerIdentity&Version=2011-06-15");
    let root = ask().signed(&server, "sts").send(&server).await;
    assert_eq!(root.status, 200);
    for part in [
        format!("<UserId>{account}</UserId>"),
        format!("<Account>{account}</Account>"),
        format!("<Arn>arn:aws:iam::{account}:root</Arn>"),
    ] {
        assert!(root.body.contains(&part), "{part}: {root:?}");
    }
    let (key, secret) = server.user("eve", None).await;
    let eve = ask().signed_by(&server, &key, &secret, "sts", now()).send(&server).await;
    assert!(eve.body.contains("<UserId>AIDATEST</UserId>"), "{eve:?}");
    assert!(eve.body.contains(&format!("<Arn>arn:aws:iam::{account}:user/eve</Arn>")), "{eve:?}");
    server.stop().await;
}
