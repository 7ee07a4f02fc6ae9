//! A third party's encoder pushes, a third party's player reads.

mod common;

use std::process::Command;

use common::{CODECS, LIVE, PATIENCE, Process, Server, entries, ffmpeg, wait_for};

fn with_server(test: impl FnOnce(&Server)) {
    let data = tempfile::tempdir().expect("a folder");
    test(&Server::start(data.path()));
}

/// Waits until the track's playlist lists this many segments, and returns it.
fn listed(server: &Server, track: &str, count: usize) -> String {
    wait_for("segments", || {
        let answer = server.get(&format!("/cam/{track}/index.m3u8"));
        let enough = answer.status == 200 && entries(&answer.text()).len() >= count;
        enough.then(|| answer.text())
    })
}

/// `codec,width or sample rate` of each stream that ffprobe finds, sorted.
fn probed(url: &str) -> Vec<String> {
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-show_entries", "stream=codec_name,width,sample_rate", "-of", "csv=p=0", url])
        .output()
        .expect("ffprobe runs");
    assert!(output.status.success(), "{url}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut lines: Vec<_> = text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect();
    lines.sort();
    lines.dedup();
    lines
}

/// Decodes some of it; errors of decoder or demuxer fail the test.
fn decodes(url: &str) {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-xerror", "-nostdin", "-i", url, "-t", "3", "-f", "null", "-"]);
    let mut player = Process::start(&mut command);
    let began = std::time::Instant::now();
    loop {
        if let Some(status) = player.0.try_wait().expect("waits") {
            assert!(status.success(), "{url}");
            return;
        }
        assert!(began.elapsed() < PATIENCE, "{url}: the player hangs");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

#[test]
fn a_dash_push_is_watched_as_hls_and_dash_and_comes_back_after_a_restart() {
    with_server(|server| {
        let url = server.url("/ingest/cam/manifest.mpd");
        let output = [
            &CODECS[..],
            &["-f", "dash", "-method", "PUT", "-seg_duration", "2", "-streaming", "1", "-use_template", "1"],
            &["-use_timeline", "0", "-http_persistent", "1", &url],
        ]
        .concat();
        let mut publisher = ffmpeg(&LIVE, &output);
        listed(server, "stream1", 3);
        let video = listed(server, "stream0", 3);
        assert!(video.contains("#EXTINF:2,"), "{video}");
        let multivariant = server.get("/cam/index.m3u8").text();
        assert!(multivariant.contains("RESOLUTION=320x180,FRAME-RATE=30.000"), "{multivariant}");
        assert_eq!(probed(&server.url("/cam/index.m3u8")), ["aac,48000", "h264,320"]);
        assert_eq!(probed(&server.url("/cam/manifest.mpd")), ["aac,48000", "h264,320"]);
        decodes(&server.url("/cam/index.m3u8"));
        decodes(&server.url("/cam/manifest.mpd"));

        publisher.kill();
        let mut publisher = ffmpeg(&LIVE, &output);
        let again = wait_for("the publisher's return", || {
            let text = server.get("/cam/stream0/index.m3u8").text();
            let back = text.split("#EXT-X-DISCONTINUITY\n").nth(1)?;
            (entries(back).len() >= 2).then_some(text)
        });
        publisher.kill();
        assert_eq!(entries(&again).iter().filter(|entry| *entry == "DISCONTINUITY").count(), 1, "{again}");
        assert_eq!(again.matches("#EXT-X-MAP").count(), 1, "the header is the same: {again}");
        let sound = server.get("/cam/stream1/index.m3u8").text();
        assert_eq!(entries(&sound).iter().filter(|entry| *entry == "DISCONTINUITY").count(), 1, "{sound}");
    });
}

/// An endpoint of `cam` with HLS and DASH called `index`, and segments of four seconds.
fn joined() -> origin::Endpoint {
    let view = manifest::View {
        window_us: 20_000_000,
        delay_us: 0,
        segment_ms: Some(4_000),
        lists_parts: false,
        video_bps: 0..=u64::MAX,
    };
    let dash = manifest::dash::Style { template: manifest::dash::Template::Number, ..Default::default() };
    let kind = origin::Kind::HlsAndDash;
    let index = origin::Manifest { name: "index".to_owned(), kind, view, hls: Default::default(), dash };
    origin::Endpoint {
        path: "out/v1/four".to_owned(),
        channel: "cam".parse().expect("a name"),
        segment_ms: Some(4_000),
        identifier: None,
        manifests: vec![index],
    }
}

#[test]
fn an_endpoints_joined_segments_are_watched_as_hls_and_as_numbered_dash() {
    let data = tempfile::tempdir().expect("a folder");
    let server = &Server::start_packaging(data.path(), None, vec![joined()]);
    let url = server.url("/ingest/cam/manifest.mpd");
    let output = [
        &CODECS[..],
        &["-f", "dash", "-method", "PUT", "-seg_duration", "2", "-streaming", "1", "-use_template", "1"],
        &["-use_timeline", "0", "-http_persistent", "1", &url],
    ]
    .concat();
    let mut publisher = ffmpeg(&LIVE, &output);
    for track in ["stream0", "stream1"] {
        wait_for("joined segments", || {
            let answer = server.get(&format!("/out/v1/four/{track}/index.m3u8"));
            (answer.status == 200 && entries(&answer.text()).len() >= 3).then_some(())
        });
    }
    let playlist = server.get("/out/v1/four/stream0/index.m3u8").text();
    assert!(playlist.contains("#EXTINF:4,"), "{playlist}");
    let (_, broken) = conformance::Playlist::read(&playlist).expect("it is read");
    assert!(broken.is_empty(), "{broken:?}");
    for manifest in ["/out/v1/four/index.m3u8", "/out/v1/four/index.mpd"] {
        assert_eq!(probed(&server.url(manifest)), ["aac,48000", "h264,320"]);
        decodes(&server.url(manifest));
    }
    publisher.kill();
}

#[test]
fn endless_bodies_are_cut_on_the_grid() {
    with_server(|server| {
        let (video, audio) =
            (server.url("/ingest/cam/Streams(video)"), server.url("/ingest/cam/Streams(audio)"));
        let moving = "+frag_keyframe+empty_moov+default_base_moof";
        let output = [
            &CODECS[..],
            &["-map", "0", "-f", "mp4", "-method", "PUT", "-movflags", moving, &video],
            &["-map", "1", "-c:a", "aac", "-f", "mp4", "-method", "PUT", "-frag_duration", "500000"],
            &["-movflags", "+empty_moov+default_base_moof+cmaf", &audio],
        ]
        .concat();
        let mut publisher = ffmpeg(&LIVE, &output);
        let text = listed(server, "video", 3);
        listed(server, "audio", 3);
        assert!(text.contains("#EXTINF:2,"), "{text}");
        assert_eq!(probed(&server.url("/cam/index.m3u8")), ["aac,48000", "h264,320"]);
        decodes(&server.url("/cam/index.m3u8"));
        publisher.kill();
    });
}

#[test]
fn picture_and_sound_in_one_file_are_refused_with_the_reason() {
    with_server(|server| {
        let url = server.url("/ingest/cam/live.m3u8");
        let output = [
            &CODECS[..],
            &["-f", "hls", "-hls_segment_type", "fmp4", "-method", "PUT", "-hls_time", "2", &url],
        ]
        .concat();
        let mut publisher = ffmpeg(&LIVE, &output);
        wait_for("the refusal in the metrics", || {
            let text = common::metrics(server);
            text.contains("reason=\"muxed\"").then_some(())
        });
        publisher.kill();
        assert_eq!(server.get("/cam/index.m3u8").status, 404);
    });
}
