//! HLS that encoders push: to channels of the workflow file, and to MediaPackage's ingest endpoints.

use std::process::Command;

use e2e::aws::Clients;
use e2e::{Peer, Stack, eventually, ffmpeg};
use serde_json::Value;

/// Some seconds of what is there, decoded without a complaint.
fn plays(url: &str) {
    let (_, said) = ffmpeg("ffmpeg", &["-v", "error", "-xerror", "-i", url, "-t", "4", "-f", "null", "-"]);
    assert_eq!(said, "", "{url}");
}

#[test]
fn hls_that_ffmpeg_pushes_plays_passed_through_and_encoded() {
    let channel = |name: &str, ladder: &str| {
        let login = "user = \"encoder\", password = \"correct-horse\"";
        format!(
            "[[channel]]\nname = \"{name}\"\ninput = {{ hls_push = \"in/{name}\", {login} }}\nladder = {ladder}\nsegment = 1\n"
        )
    };
    let encoded = channel("encoded", "[\"240p30\"]\npreset = \"ultrafast\"");
    let stack = Stack::start(&(channel("passed", "\"passthrough\"") + &encoded));
    let url = |name: &str| {
        format!("http://encoder:correct-horse@{}/in/in/{name}/index.m3u8", stack.hls_push_address())
    };
    let _pushers = ["passed", "encoded"].map(|name| Peer::publish(&url(name), 30));
    for name in ["passed", "encoded"] {
        eventually("pictures and sound are listed", || {
            stack.wait_for_segments(name, 4).contains("mp4a.40.2").then_some(())
        });
        eventually("the encoder is shown", || {
            let about = format!("channel=\"{name}\"");
            (stack.metric(&["headwater_ingest_push_segments_total{", &about]) > 4.0).then_some(())
        });
        plays(&stack.url(&format!("/{name}/index.m3u8")));
    }
    assert_eq!(stack.metric(&["headwater_ingest_push_faults_total"]), 0.0, "{}", stack.log());
    assert!(!stack.log().contains("correct-horse"), "{}", stack.log());
}

fn text<'v>(value: &'v Value, place: &str) -> &'v str {
    value.pointer(place).and_then(Value::as_str).unwrap_or_else(|| panic!("{place} in {value}"))
}

/// An ingest endpoint of MediaPackage, as an encoder is told it.
struct Endpoint {
    url: String,
    user: String,
    password: String,
}

impl Endpoint {
    fn of(channel: &Value, number: usize) -> Self {
        let told =
            |member: &str| text(channel, &format!("/HlsIngest/IngestEndpoints/{number}/{member}")).to_owned();
        Self { url: told("Url"), user: told("Username"), password: told("Password") }
    }

    fn with_login(&self) -> String {
        self.url.replace("http://", &format!("http://{}:{}@", self.user, self.password)) + ".m3u8"
    }

    /// The status of a file that curl pushes.
    fn put(&self, scheme: &str) -> String {
        let login = format!("{}:{}", self.user, self.password);
        let output = Command::new("curl")
            .args(["-sS", "-o", "/dev/null", "-w", "%{http_code}", scheme, "-u", &login, "-X", "PUT"])
            .args(["--data-binary", "x", &format!("{}_other.ts", self.url)])
            .output()
            .expect("curl runs");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

#[test]
fn mediapackage_s_ingest_endpoints_take_hls_under_the_credentials_that_it_tells() {
    let stack = Stack::start_with_control("");
    let aws = Clients::of(&stack);
    let call = |arguments: &[&str]| -> Value {
        let said = aws.cli(&[&["mediapackage"], arguments].concat());
        assert!(said.is_fine, "{arguments:?}: {}", said.errors);
        serde_json::from_str(&said.output).expect("JSON")
    };
    let channel = call(&["create-channel", "--id", "live"]);
    let package = "{\"SegmentDurationSeconds\": 2}";
    let origin =
        ["create-origin-endpoint", "--channel-id", "live", "--id", "live-hls", "--hls-package", package];
    let shown = call(&origin);
    let path = text(&shown, "/Url").splitn(4, '/').nth(3).expect("a path").to_owned();
    let [first, second] = [0, 1].map(|number| Endpoint::of(&channel, number));
    eventually("the endpoint is open", || (first.put("--digest") == "201").then_some(()));
    let pusher = Peer::publish(&first.with_login(), 30);
    eventually("the endpoint lists", || {
        stack.try_get(&format!("/{path}")).filter(|answer| answer.text().contains("mp4a.40.2"))
    });
    plays(&stack.url(&format!("/{path}")));
    let id = text(&channel, "/HlsIngest/IngestEndpoints/0/Id");
    let changed = call(&["rotate-ingest-endpoint-credentials", "--id", "live", "--ingest-endpoint-id", id]);
    let anew = Endpoint::of(&changed, 0);
    eventually("the new credentials hold", || (anew.put("--basic") != "401").then_some(()));
    assert_eq!((first.put("--basic"), first.put("--digest")), ("401".to_owned(), "401".to_owned()));
    drop(pusher);
    let _standby = Peer::publish(&second.with_login(), 30);
    eventually("the second endpoint is read", || {
        (stack.metric(&["headwater_ingest_push_standby{", "channel=\"mp-live\""]) == 1.0).then_some(())
    });
    let segments = stack.metric(&["headwater_ingest_push_segments_total{", "channel=\"mp-live\""]);
    eventually("it goes on", || {
        let now = stack.metric(&["headwater_ingest_push_segments_total{", "channel=\"mp-live\""]);
        (now > segments + 2.0).then_some(())
    });
}
