//! Channels that fetch HLS: here from another Headwater, whose sound has a playlist of its own.

use e2e::{Stack, eventually, ffmpeg};

const SOURCE: &str = "[[channel]]\nname = \"source\"\ninput = \"test\"\nladder = [\"240p30\"]\npreset = \"ultrafast\"\nsegment = 1\n";

#[test]
fn a_channel_that_fetches_another_s_hls_plays() {
    let source = Stack::start(SOURCE);
    source.wait_for_segments("source", 4);
    let url = source.url("/source/index.m3u8?secret=t0ken");
    for ladder in ["\"passthrough\"", "[\"240p30\"]\npreset = \"ultrafast\""] {
        let stack = Stack::start(&format!(
            "[[channel]]\nname = \"news\"\ninput = {{ hls = \"{url}\", allow_private = true }}\nladder = {ladder}\nsegment = 1\n"
        ));
        let multivariant = eventually("pictures and sound are listed", || {
            let text = stack.wait_for_segments("news", 4);
            text.contains("mp4a.40.2").then_some(text)
        });
        assert!(multivariant.contains("avc1."), "{multivariant}");
        let fetched = stack.metric(&["headwater_ingest_pull_segments_total"]);
        eventually("segments go on", || {
            (stack.metric(&["headwater_ingest_pull_segments_total"]) > fetched + 6.0).then_some(())
        });
        let watched = stack.url("/news/index.m3u8");
        let (_, said) =
            ffmpeg("ffmpeg", &["-v", "error", "-xerror", "-i", &watched, "-t", "4", "-f", "null", "-"]);
        assert_eq!(said, "");
        assert_eq!(stack.metric(&["headwater_ingest_pull_faults_total"]), 0.0, "{}", stack.log());
        assert!(!stack.log().contains("t0ken"), "{}", stack.log());
    }
}

#[test]
fn a_private_address_is_refused_unless_it_is_allowed() {
    let stack = Stack::start(
        "[[channel]]\nname = \"news\"\ninput = { hls = \"http://169.254.169.254/latest/meta-data\" }\nladder = \"passthrough\"\n",
    );
    eventually("the refusal is counted", || {
        (stack.metric(&["headwater_ingest_pull_faults_total", "forbidden_address"]) > 0.0).then_some(())
    });
    assert!(stack.log().contains("set `allow_private = true` on this input"), "{}", stack.log());
}
