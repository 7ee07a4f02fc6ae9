//! What is still so after another start.

use crate::client::Ask;
use crate::support::{Fake, Options, Server, now, open};

#[tokio::test]
async fn account_keys_and_channels_survive_a_restart_and_a_call_of_before_is_not_made_again() {
    let door = Fake::new("medialive");
    let options = || Options { doors: vec![door.clone()], ..Options::default() };
    let first = Server::start(options()).await;
    let root = first.root.clone();
    let channel = Ask::new("PUT", "/v1/channels/main").json(r#"{"input":"test"}"#).bearer(&first);
    assert_eq!(channel.send(&first).await.status, 201);
    let heard = Ask::new("DELETE", "/prod/channels/1").signed_by(
        &first,
        root.access_key.as_str(),
        &root.secret_key,
        "medialive",
        now().plus_micros(-2_000_000),
    );
    assert_eq!(heard.send(&first).await.status, 200);
    let folder = first.stop().await;
    let store = open(folder.path()).await;
    let key = store.key(root.access_key.as_str()).await.expect("kept");
    assert!(key.last_used.is_some(), "its use was written down at the end");
    store.close().await;

    let second = Server::start_in(folder, options()).await;
    assert_eq!(second.root, root);
    let ask = Ask::new("GET", "/prod/channels").signed(&second, "medialive");
    assert_eq!(ask.send(&second).await.status, 200);
    let shown = Ask::new("GET", "/v1/channels/main").bearer(&second).send(&second).await;
    assert_eq!((shown.status, shown.json()["channel"]["input"].as_str()), (200, Some("test")));
    // The signature covers the host, so what was heard is sent as it was.
    let again = heard.send(&second).await;
    assert_eq!(again.status, 403, "{again:?}");
    let anew = Ask::new("DELETE", "/prod/channels/1").signed(&second, "medialive");
    assert_eq!(anew.send(&second).await.status, 200);
    assert_eq!(door.operations(), ["DeleteChannel", "ListChannels", "DeleteChannel"]);
    second.stop().await;
}
