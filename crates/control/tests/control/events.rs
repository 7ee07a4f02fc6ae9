//! The feed of changes.

use store::Retention;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::Ask;
use crate::support::{Options, PATIENCE, Server, now};

/// A stream of events that is read as it comes.
struct Listener {
    stream: TcpStream,
    text: String,
}

impl Listener {
    async fn new(server: &Server, ask: Ask) -> Self {
        let mut stream = TcpStream::connect(server.address).await.expect("connected");
        stream.write_all(&ask.bearer(server).bytes(server.address)).await.expect("sent");
        let mut this = Self { stream, text: String::new() };
        this.until("text/event-stream").await;
        this.until("retry: 1000").await;
        this
    }

    /// Reads on until `part` came.
    async fn until(&mut self, part: &str) {
        let reading = async {
            while !self.text.contains(part) {
                let mut bytes = [0; 4_096];
                let length = self.stream.read(&mut bytes).await.expect("read");
                assert!(length > 0, "it ended before {part}: {}", self.text);
                self.text += &String::from_utf8_lossy(&bytes[..length]);
            }
        };
        let waited = tokio::time::timeout(PATIENCE, reading).await;
        assert!(waited.is_ok(), "never {part}: {}", self.text);
    }

    fn ids(&self) -> Vec<i64> {
        self.text.lines().filter_map(|line| line.strip_prefix("id: ")?.parse().ok()).collect()
    }
}

async fn put(server: &Server, name: &str, window: u32) {
    let body = format!(r#"{{"input":"test","window":{window}}}"#);
    let ask = Ask::new("PUT", &format!("/v1/channels/{name}")).json(&body).bearer(server);
    assert_eq!(ask.send(server).await.status / 100, 2);
}

#[tokio::test]
async fn changes_come_as_they_are_made_and_whoever_comes_back_misses_none() {
    let server = Server::start(Options::default()).await;
    put(&server, "before", 60).await;
    let mut listener = Listener::new(&server, Ask::new("GET", "/v1/events")).await;
    put(&server, "a", 60).await;
    listener.until(r#""id":"a","kind":"channel""#).await;
    let is_old = |line: &str| line.contains("before") && line.contains("created");
    assert!(!listener.text.lines().any(is_old), "from now on: {}", listener.text);
    let last = *listener.ids().last().expect("an id");
    drop(listener);
    put(&server, "a", 70).await;
    put(&server, "b", 60).await;
    let back = Ask::new("GET", "/v1/events").header("last-event-id", &last.to_string());
    let mut listener = Listener::new(&server, back).await;
    listener.until(r#""id":"b""#).await;
    listener.until(r#""what":"changed""#).await;
    assert!(listener.ids().windows(2).all(|pair| pair[0] < pair[1]) && listener.ids()[0] > last);
    let all = Ask::new("GET", "/v1/events?since=0");
    Listener::new(&server, all).await.until("before").await;
    for wrong in ["/v1/events?since=x", "/v1/events?since=-1"] {
        assert_eq!(Ask::new("GET", wrong).bearer(&server).send(&server).await.status, 400);
    }
    server.stop().await;
}

#[tokio::test]
async fn whoever_is_too_far_behind_is_told_to_list_anew() {
    let server = Server::start(Options::default()).await;
    for window in 60..65 {
        put(&server, "a", window).await;
    }
    server.store.upkeep(now(), Retention { changes: 1, audit: 1_000 }).await.expect("forgotten");
    let mut listener = Listener::new(&server, Ask::new("GET", "/v1/events?since=1")).await;
    listener.until("event: reset").await;
    put(&server, "a", 90).await;
    listener.until("event: change").await;
    // A drain ends the stream, and waits for nobody.
    server.stop().await;
}
