//! What the workflow file and the native API made, as the doors of services are told it.

use control::Elsewhere;
use door::{OtherState, Others};
use spec::Input;
use store::Owner;

use crate::client::Ask;
use crate::support::{Options, Server, until};

const WORKFLOW: &str = "[listen]\nviewers_tls = \"127.0.0.1:8443\"\n\
    [[channel]]\nname = \"news\"\ninput = { rtmp = \"live/s3cret\" }\n\
    [[endpoint]]\nname = \"out\"\nchannel = \"news\"\npath = \"out/v1/1\"\n[[endpoint.manifest]]\nkind = \"hls\"\nname = \"index\"\n\
    [[distribution]]\nname = \"cdn\"\nmount = true\n[[distribution.origin]]\nid = \"o\"\ntarget = \"origin\"\n\
    [[distribution.behaviour]]\norigin = \"o\"\nviewer_protocol = \"https-only\"\n";

async fn put(server: &Server, name: &str, body: &str) {
    let answer =
        Ask::new("PUT", &format!("/v1/channels/{name}")).bearer(server).json(body).send(server).await;
    assert!(answer.status < 300, "{answer:?}");
}

#[tokio::test]
async fn doors_are_told_what_the_file_and_the_native_api_made_as_it_is_now() {
    let server = Server::start(Options { workflow: WORKFLOW, ..Options::default() }).await;
    let elsewhere = Elsewhere::new(server.store.clone(), &server.identity().await, WORKFLOW);
    put(&server, "extra", r#"{"input":"test","window":50}"#).await;
    let made = elsewhere.made().await.expect("made");
    let told: Vec<_> = made.channels.iter().map(|channel| (channel.name.as_str(), channel.owner)).collect();
    assert_eq!(told, [("extra", Owner::Api), ("news", Owner::File)]);
    assert!(matches!(&made.channels[1].spec.input, Input::Rtmp(rtmp) if rtmp.key == "s3cret"));
    assert_eq!((made.endpoints[0].name.as_str(), made.endpoints[0].spec.path.as_str()), ("out", "out/v1/1"));
    assert_eq!(made.distributions[0].name, "cdn");
    assert_eq!(made.channels[0].sight.state, OtherState::Starting);

    put(&server, "extra", r#"{"input":"test","window":70}"#).await;
    let made = elsewhere.made().await.expect("made");
    assert_eq!((made.channels[0].spec.window_ms, made.channels[0].generation), (70_000, 2));
    let stop = Ask::new("POST", "/v1/channels/extra/stop").bearer(&server);
    assert_eq!(stop.send(&server).await.status, 200);
    until("it is seen to be stopped", async || {
        let made = elsewhere.made().await.expect("made");
        (made.channels[0].sight.state == OtherState::Stopped).then_some(())
    })
    .await;
    server.stop().await;
}
