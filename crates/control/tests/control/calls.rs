//! Calls from the request to the door and back.

use aws::{Error, Map};

use crate::client::Ask;
use crate::support::{Fake, Options, Server, until};

/// The snippet that is passed around, as it goes out without the client's own check.
const SEED: &str = r#"{"inputAttachments":[{"inputId":"input-123456","inputSettings":{"sourceEndBehavior":"LOOP"}}],
    "encoderSettings":{"outputGroups":[{"name":"HLS Output","outputGroupSettings":{"hlsGroupSettings":{"segmentLength":10}},
    "outputs":[{"outputSettings":{"hlsOutputSettings":{}},"videoDescriptionName":"video_1080p30"}]}]},"requestId":"1"}"#;

#[tokio::test]
async fn a_call_comes_to_its_door_and_its_answer_back() {
    let output = Map::new().with("Channel", Map::new().with("Id", "7").with("Name", "n"));
    let conflict = Error::new("ConflictException", "it runs");
    let door = Fake::answering(
        "medialive",
        [
            ("CreateChannel", Ok(output)),
            ("DeleteChannel", Err(conflict)),
            ("ListInputs", Ok(Map::new().with("NoSuchMember", "x"))),
        ],
    );
    let server = Server::start(Options { doors: vec![door.clone()], ..Options::default() }).await;
    let made = Ask::new("POST", "/prod/channels").json(SEED).signed(&server, "medialive").send(&server).await;
    assert_eq!((made.status, made.json()["channel"]["id"].as_str()), (201, Some("7")), "{made:?}");
    assert_eq!(made.header("cache-control"), "no-store");
    {
        let asked = door.asked.lock().expect("not poisoned");
        let (caller, operation, input) = asked.first().expect("asked");
        assert_eq!((*operation, caller.region.as_str()), ("CreateChannel", "us-west-2"));
        assert_eq!(caller.source, "127.0.0.1");
        assert_eq!(caller.request_id, made.header("x-amzn-requestid"));
        assert!(input.get("EncoderSettings").is_some());
    }
    let refused = Ask::new("DELETE", "/prod/channels/7").signed(&server, "medialive").send(&server).await;
    assert_eq!((refused.status, refused.header("x-amzn-errortype")), (409, "ConflictException"));
    let broken = Ask::new("GET", "/prod/inputs").signed(&server, "medialive").send(&server).await;
    assert_eq!((broken.status, broken.header("x-amzn-errortype")), (500, "InternalFailure"));
    let panicked = Ask::new("GET", "/prod/multiplexes").signed(&server, "medialive").send(&server).await;
    assert_eq!((panicked.status, panicked.header("content-type")), (500, "application/json"));
    assert_eq!(
        Ask::new("GET", "/prod/channels").signed(&server, "medialive").send(&server).await.status,
        200
    );
    server.stop().await;
}

#[tokio::test]
async fn what_is_required_and_not_completed_is_refused_with_its_path() {
    let door = Fake::new("medialive");
    let server = Server::start(Options { doors: vec![door.clone()], ..Options::default() }).await;
    let body = r#"{"encoderSettings":{"outputGroups":[{"outputs":[]}]}}"#;
    let refused =
        Ask::new("POST", "/prod/channels").json(body).signed(&server, "medialive").send(&server).await;
    assert_eq!(refused.status, 422, "{refused:?}");
    let told = &refused.json()["validationErrors"];
    assert_eq!(told.as_array().map(Vec::len), Some(1), "{told}");
    assert_eq!(told[0]["elementPath"], "/encoderSettings/outputGroups/0/outputGroupSettings");
    // However many may be missing, what may not be is found behind them.
    let outputs = [r#"{"outputSettings":{"hlsOutputSettings":{}}}"#; 30].join(",");
    let group = r#""outputGroupSettings":{"hlsGroupSettings":{"mode":"SOMETIMES"}}"#;
    let many = format!(r#"{{"encoderSettings":{{"outputGroups":[{{"outputs":[{outputs}],{group}}}]}}}}"#);
    let refused =
        Ask::new("POST", "/prod/channels").json(&many).signed(&server, "medialive").send(&server).await;
    let told = &refused.json()["validationErrors"];
    assert_eq!((refused.status, told.as_array().map(Vec::len)), (422, Some(1)), "{told}");
    let unreadable =
        Ask::new("POST", "/prod/channels").json("{").signed(&server, "medialive").send(&server).await;
    assert_eq!((unreadable.status, unreadable.header("x-amzn-errortype")), (400, "SerializationException"));
    assert!(door.operations().is_empty());
    until("all refusals in the audit log", || async {
        (server.outcomes("medialive:CreateChannel").await.len() == 3).then_some(())
    })
    .await;
    let outcomes: Vec<_> =
        server.outcomes("medialive:CreateChannel").await.into_iter().map(|(_, outcome)| outcome).collect();
    assert_eq!(
        outcomes,
        ["UnprocessableEntityException", "UnprocessableEntityException", "SerializationException"]
    );
    server.stop().await;
}

#[tokio::test]
async fn what_nobody_does_is_refused_by_name() {
    let door = Fake::new("medialive");
    let server = Server::start(Options { doors: vec![door], ..Options::default() }).await;
    let offerings = Ask::new("GET", "/prod/offerings").signed(&server, "medialive").send(&server).await;
    assert_eq!(offerings.status, 501, "{offerings:?}");
    assert!(offerings.body.contains("ListOfferings of medialive is not implemented here"), "{offerings:?}");
    let form = Ask::new("POST", "/").form("Action=ListQueues&Version=2012-11-05");
    let no_door = form.signed(&server, "sqs").send(&server).await;
    assert!(no_door.status == 501 && no_door.body.contains("<Code>NotImplemented</Code>"), "{no_door:?}");
    let unknown = Ask::new("GET", "/prod/nothing").signed(&server, "medialive").send(&server).await;
    assert_eq!((unknown.status, unknown.header("x-amzn-errortype")), (404, "UnknownOperationException"));
    let service = Ask::new("GET", "/").signed(&server, "glacier").send(&server).await;
    assert!(service.status == 404 && service.body.contains("no service `glacier` here"), "{service:?}");
    server.stop().await;
}
