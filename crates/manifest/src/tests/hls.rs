use expect_test::{Expect, expect};

use crate::Timeline;
use crate::hls;
use crate::testing::{kept, play, played, shape};

fn media(script: &str, track: &str, expected: Expect) {
    let name = track.parse().expect("a track name");
    let text = hls::media(&played(script), &name, hls::Extent::Whole).expect("the track has segments");
    m3u8_rs::parse_media_playlist_res(text.as_bytes()).expect("m3u8-rs reads it");
    expected.assert_eq(&text);
}

fn multivariant(script: &str, expected: Expect) {
    let text = hls::multivariant(&played(script)).expect("something is listed");
    m3u8_rs::parse_master_playlist_res(text.as_bytes()).expect("m3u8-rs reads it");
    expected.assert_eq(&text);
}

#[test]
fn a_media_playlist() {
    media(
        "720p 0+2x3",
        "720p",
        expect![[r##"
        #EXTM3U
        #EXT-X-VERSION:6
        #EXT-X-INDEPENDENT-SEGMENTS
        #EXT-X-TARGETDURATION:2
        #EXT-X-MEDIA-SEQUENCE:500000000
        #EXT-X-DISCONTINUITY-SEQUENCE:0
        #EXT-X-MAP:URI="init-000000000019c25b.mp4"
        #EXT-X-PROGRAM-DATE-TIME:2001-09-09T01:46:40.000Z
        #EXTINF:2,
        90000000000000.m4s
        #EXTINF:2,
        90000000180000.m4s
        #EXTINF:2,
        90000000360000.m4s
    "##]],
    );
}

#[test]
fn durations_are_exact_to_the_microsecond() {
    media(
        "audio 0+2.005334, audio 2.005334+1.984",
        "audio",
        expect![[r##"
        #EXTM3U
        #EXT-X-VERSION:6
        #EXT-X-INDEPENDENT-SEGMENTS
        #EXT-X-TARGETDURATION:2
        #EXT-X-MEDIA-SEQUENCE:500000000
        #EXT-X-DISCONTINUITY-SEQUENCE:0
        #EXT-X-MAP:URI="init-00000000058d9bd6.mp4"
        #EXT-X-PROGRAM-DATE-TIME:2001-09-09T01:46:40.000Z
        #EXTINF:2.005333,
        48000000000000.m4s
        #EXTINF:1.984,
        48000000096256.m4s
    "##]],
    );
}

#[test]
fn a_discontinuity_names_its_header_and_date() {
    media(
        "720p 0+2x2, audio 0+2x2; 720p#1 90+2, audio 90+2",
        "720p",
        expect![[r##"
        #EXTM3U
        #EXT-X-VERSION:6
        #EXT-X-INDEPENDENT-SEGMENTS
        #EXT-X-TARGETDURATION:2
        #EXT-X-MEDIA-SEQUENCE:500000000
        #EXT-X-DISCONTINUITY-SEQUENCE:0
        #EXT-X-MAP:URI="init-000000000019c25b.mp4"
        #EXT-X-PROGRAM-DATE-TIME:2001-09-09T01:46:40.000Z
        #EXTINF:2,
        90000000000000.m4s
        #EXTINF:2,
        90000000180000.m4s
        #EXT-X-DISCONTINUITY
        #EXT-X-MAP:URI="init-000000000027d9dc.mp4"
        #EXT-X-PROGRAM-DATE-TIME:2001-09-09T01:48:10.000Z
        #EXTINF:2,
        90000008100000.m4s
    "##]],
    );
    media(
        "720p 0+2x2, audio 0+2x2; 720p#1 90+2, audio 90+2",
        "audio",
        expect![[r##"
        #EXTM3U
        #EXT-X-VERSION:6
        #EXT-X-INDEPENDENT-SEGMENTS
        #EXT-X-TARGETDURATION:2
        #EXT-X-MEDIA-SEQUENCE:500000000
        #EXT-X-DISCONTINUITY-SEQUENCE:0
        #EXT-X-MAP:URI="init-00000000058d9bd6.mp4"
        #EXT-X-PROGRAM-DATE-TIME:2001-09-09T01:46:40.000Z
        #EXTINF:2,
        48000000000000.m4s
        #EXTINF:2,
        48000000096000.m4s
        #EXT-X-DISCONTINUITY
        #EXT-X-PROGRAM-DATE-TIME:2001-09-09T01:48:10.000Z
        #EXTINF:2,
        48000004320000.m4s
    "##]],
    );
}

#[test]
fn discontinuities_that_rolled_off_are_counted() {
    media(
        "720p 0+2x2; 720p#1 4+2x2; 720p#2 8+2x20",
        "720p",
        expect![[r##"
        #EXTM3U
        #EXT-X-VERSION:6
        #EXT-X-INDEPENDENT-SEGMENTS
        #EXT-X-TARGETDURATION:2
        #EXT-X-MEDIA-SEQUENCE:500000014
        #EXT-X-DISCONTINUITY-SEQUENCE:2
        #EXT-X-MAP:URI="init-000000000035f15d.mp4"
        #EXT-X-PROGRAM-DATE-TIME:2001-09-09T01:47:08.000Z
        #EXTINF:2,
        90000002520000.m4s
        #EXTINF:2,
        90000002700000.m4s
        #EXTINF:2,
        90000002880000.m4s
        #EXTINF:2,
        90000003060000.m4s
        #EXTINF:2,
        90000003240000.m4s
        #EXTINF:2,
        90000003420000.m4s
        #EXTINF:2,
        90000003600000.m4s
        #EXTINF:2,
        90000003780000.m4s
        #EXTINF:2,
        90000003960000.m4s
        #EXTINF:2,
        90000004140000.m4s
    "##]],
    );
}

#[test]
fn lost_segments_are_gaps() {
    let restored = kept(&played("720p 0+2x3"), 1);
    let mut timeline = Timeline::restore(shape(20), restored).expect("kept in order");
    play(&mut timeline, "720p 6+2");
    let text = hls::media(&timeline, &"720p".parse().expect("a name"), hls::Extent::Whole).expect("listed");
    expect![[r##"
        #EXTM3U
        #EXT-X-VERSION:6
        #EXT-X-INDEPENDENT-SEGMENTS
        #EXT-X-TARGETDURATION:2
        #EXT-X-MEDIA-SEQUENCE:500000000
        #EXT-X-DISCONTINUITY-SEQUENCE:0
        #EXT-X-MAP:URI="init-000000000019c25b.mp4"
        #EXT-X-PROGRAM-DATE-TIME:2001-09-09T01:46:40.000Z
        #EXTINF:2,
        90000000000000.m4s
        #EXTINF:2,
        90000000180000.m4s
        #EXT-X-DISCONTINUITY
        #EXT-X-PROGRAM-DATE-TIME:2001-09-09T01:46:44.000Z
        #EXT-X-GAP
        #EXTINF:2,
        90000000360000.m4s
        #EXT-X-DISCONTINUITY
        #EXT-X-PROGRAM-DATE-TIME:2001-09-09T01:46:46.000Z
        #EXTINF:2,
        90000000540000.m4s
    "##]]
    .assert_eq(&text);
}

#[test]
fn a_track_without_segments_has_no_playlist() {
    let timeline = played("720p");
    assert_eq!(hls::media(&timeline, &"720p".parse().expect("a name"), hls::Extent::Whole), None);
    assert_eq!(hls::multivariant(&timeline), None);
}

#[test]
fn a_ladder_with_one_audio() {
    multivariant(
        "360p 0+2x2, 1080p60 0+2x2, audio 0+2x2, 720p 0+2x2",
        expect![[r##"
        #EXTM3U
        #EXT-X-VERSION:6
        #EXT-X-INDEPENDENT-SEGMENTS
        #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio-mp4a",NAME="audio",LANGUAGE="und",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",URI="audio/index.m3u8"
        #EXT-X-STREAM-INF:BANDWIDTH=8768000,AVERAGE-BANDWIDTH=8768000,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=1920x1080,FRAME-RATE=60.000,AUDIO="audio-mp4a"
        1080p60/index.m3u8
        #EXT-X-STREAM-INF:BANDWIDTH=5888000,AVERAGE-BANDWIDTH=5888000,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=1280x720,FRAME-RATE=30.000,AUDIO="audio-mp4a"
        720p/index.m3u8
        #EXT-X-STREAM-INF:BANDWIDTH=3008000,AVERAGE-BANDWIDTH=3008000,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=640x360,FRAME-RATE=30.000,AUDIO="audio-mp4a"
        360p/index.m3u8
    "##]],
    );
}

#[test]
fn two_languages_are_two_renditions_of_a_group() {
    multivariant(
        "720p 0+2, audio-de 0+2, audio-en 0+2",
        expect![[r##"
        #EXTM3U
        #EXT-X-VERSION:6
        #EXT-X-INDEPENDENT-SEGMENTS
        #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio-mp4a",NAME="audio-de",LANGUAGE="de",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",URI="audio-de/index.m3u8"
        #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio-mp4a",NAME="audio-en",LANGUAGE="en",DEFAULT=NO,AUTOSELECT=YES,CHANNELS="2",URI="audio-en/index.m3u8"
        #EXT-X-STREAM-INF:BANDWIDTH=5888000,AVERAGE-BANDWIDTH=5888000,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=1280x720,FRAME-RATE=30.000,AUDIO="audio-mp4a"
        720p/index.m3u8
    "##]],
    );
}

#[test]
fn video_alone_and_audio_alone() {
    multivariant(
        "720p 0+2",
        expect![[r##"
        #EXTM3U
        #EXT-X-VERSION:6
        #EXT-X-INDEPENDENT-SEGMENTS
        #EXT-X-STREAM-INF:BANDWIDTH=5760000,AVERAGE-BANDWIDTH=5760000,CODECS="avc1.64001f",RESOLUTION=1280x720,FRAME-RATE=30.000
        720p/index.m3u8
    "##]],
    );
    multivariant(
        "audio 0+2",
        expect![[r##"
        #EXTM3U
        #EXT-X-VERSION:6
        #EXT-X-INDEPENDENT-SEGMENTS
        #EXT-X-STREAM-INF:BANDWIDTH=128000,AVERAGE-BANDWIDTH=128000,CODECS="mp4a.40.2"
        audio/index.m3u8
    "##]],
    );
}

#[test]
fn a_stalled_track_is_not_offered_to_new_viewers() {
    multivariant(
        "720p 0+2, audio 0+2; 720p 2+2x6",
        expect![[r##"
        #EXTM3U
        #EXT-X-VERSION:6
        #EXT-X-INDEPENDENT-SEGMENTS
        #EXT-X-STREAM-INF:BANDWIDTH=5760000,AVERAGE-BANDWIDTH=5760000,CODECS="avc1.64001f",RESOLUTION=1280x720,FRAME-RATE=30.000
        720p/index.m3u8
    "##]],
    );
}

#[test]
fn a_rung_that_is_easy_today_keeps_its_place_on_the_ladder() {
    let mut timeline = Timeline::new(shape(20));
    for (name, declared_bps) in [("720p", 9_000_000), ("480p", 1_000)] {
        let header = crate::Header { declared_bps: Some(declared_bps), ..crate::testing::header(name, 0) };
        timeline.announce(&name.parse().expect("a track name"), header).expect("room");
    }
    for name in ["720p", "480p"] {
        let name = name.parse().expect("a track name");
        let arrived = crate::Arrived { start: 90_000_000_000_000, duration: 180_000, bytes: 2_000_000 };
        timeline.append(&name, arrived, media::Utc(1_000_000_002_100_000)).expect("new");
    }
    let text = hls::multivariant(&timeline).expect("both are listed");
    let rates: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("#EXT-X-STREAM-INF:")).collect();
    // What the encoder aims at where the pictures take less, what they take where they take more.
    assert!(rates[0].starts_with("BANDWIDTH=9000000,AVERAGE-BANDWIDTH=9000000,"), "{text}");
    assert!(rates[1].starts_with("BANDWIDTH=8000000,AVERAGE-BANDWIDTH=8000000,"), "{text}");
}

#[test]
fn a_rendition_is_called_by_its_label_where_no_other_has_it() {
    let mut timeline = Timeline::new(shape(20));
    let labels = [("audio", "Deutsch & mehr"), ("audio-2", "English"), ("audio-3", "English")];
    let names = ["720p"].into_iter().chain(labels.map(|(name, _)| name));
    for name in names.clone() {
        let label = labels.iter().find(|(of, _)| *of == name).map(|(_, label)| (*label).to_owned());
        let header = crate::Header { label, ..crate::testing::header(name, 0) };
        timeline.announce(&name.parse().expect("a track name"), header).expect("room");
    }
    for name in names {
        let scale = if name == "720p" { 90_000 } else { 48_000 };
        let arrived = crate::Arrived { start: 1_000_000_000 * scale, duration: 2 * scale, bytes: 2_000 };
        let name = name.parse().expect("a track name");
        timeline.append(&name, arrived, media::Utc(1_000_000_002_100_000)).expect("new");
    }
    let text = hls::multivariant(&timeline).expect("all are listed");
    for (name, uri) in [("Deutsch & mehr", "audio"), ("audio-2", "audio-2"), ("audio-3", "audio-3")] {
        let line = text.lines().find(|line| line.ends_with(&format!("URI=\"{uri}/index.m3u8\"")));
        assert!(line.expect("it is offered").contains(&format!("NAME=\"{name}\"")), "{text}");
    }
    let text = crate::dash::mpd(&timeline).expect("all are listed");
    assert_eq!(text.matches("<Label>Deutsch &amp; mehr</Label>").count(), 1, "{text}");
}
