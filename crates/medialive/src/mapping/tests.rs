use std::collections::BTreeMap;

use aws::{Map, Value};
use expect_test::{Expect, expect};
use serde_json::json;
use spec::{Input, Ladder, Pipelines};

use super::samples::{feeds, full, map, rtmp, seed, set, solution};
use super::{Feed, Shown, complete, table};
use crate::endpoint::{Endpoint, Reach};
use crate::settings;

/// The table as text, or what is refused.
fn told(settings: &Map, feeds: &BTreeMap<String, Feed>, shown: Shown<'_>) -> String {
    let refused = settings::check("CreateChannelRequest", settings);
    if !refused.is_empty() {
        return refused.iter().map(|invalid| format!("{}: {}\n", invalid.path, invalid.message)).collect();
    }
    let mut settings = settings.clone();
    complete(&mut settings, feeds.values().any(|feed| feed.endpoints.len() > 1));
    match table("7654321", &settings, feeds, shown, Reach::Public) {
        Ok(table) => toml::to_string(&table).expect("text"),
        Err(invalid) => format!("{}: {}\n", invalid.path, invalid.message),
    }
}

fn check(settings: &Map, feeds: &BTreeMap<String, Feed>, expected: Expect) {
    expected.assert_eq(&told(settings, feeds, Shown::First));
}

/// The full channel with one setting changed is refused so.
fn refused(place: &str, value: impl Into<Value>, expected: &str) {
    let mut settings = full();
    set(&mut settings, place, value);
    assert_eq!(told(&settings, &feeds(&rtmp(&["live/a"])), Shown::First), format!("{expected}\n"), "{place}");
}

#[test]
fn the_seed_as_it_is_written_is_completed_and_maps() {
    let input = feeds(&rtmp(&["live/a"]));
    check(
        &seed(&["video_1080p30"]),
        &input,
        expect![[r#"
        audio_bitrate = 128000
        name = "ml-7654321"
        pipelines = 1
        segment = 10.0

        [input]
        rtmp = "live/a"

        [[ladder]]
        bitrate = 4500000
        codec = "h264"
        fps = 30
        name = "video_1080p30"
        size = "1920x1080"
    "#]],
    );
    check(
        &seed(&["video_1080p30", "video_720p30", "video_480p30"]),
        &input,
        expect![[r#"
        audio_bitrate = 128000
        name = "ml-7654321"
        pipelines = 1
        segment = 10.0

        [input]
        rtmp = "live/a"

        [[ladder]]
        bitrate = 4500000
        codec = "h264"
        fps = 30
        name = "video_1080p30"
        size = "1920x1080"

        [[ladder]]
        bitrate = 2500000
        codec = "h264"
        fps = 30
        name = "video_720p30"
        size = "1280x720"

        [[ladder]]
        bitrate = 1200000
        codec = "h264"
        fps = 30
        name = "video_480p30"
        size = "854x480"
    "#]],
    );
    let mut completed = seed(&["video_480p30"]);
    complete(&mut completed, false);
    expect![[r#"
        {
          "EncoderSettings": {
            "OutputGroups": [
              {
                "Name": "HLS Output",
                "OutputGroupSettings": {
                  "HlsGroupSettings": {
                    "SegmentLength": 10,
                    "Destination": {
                      "DestinationRefId": "headwater"
                    }
                  }
                },
                "Outputs": [
                  {
                    "OutputSettings": {
                      "HlsOutputSettings": {
                        "HlsSettings": {
                          "Fmp4HlsSettings": {}
                        }
                      }
                    },
                    "VideoDescriptionName": "video_480p30",
                    "AudioDescriptionNames": [
                      "audio_1"
                    ]
                  }
                ]
              }
            ],
            "TimecodeConfig": {
              "Source": "SYSTEMCLOCK"
            },
            "AudioDescriptions": [
              {
                "AudioSelectorName": "default",
                "CodecSettings": {
                  "AacSettings": {
                    "Bitrate": 128000.0,
                    "CodingMode": "CODING_MODE_2_0",
                    "SampleRate": 48000.0
                  }
                },
                "Name": "audio_1"
              }
            ],
            "VideoDescriptions": [
              {
                "Name": "video_480p30",
                "Width": 854,
                "Height": 480,
                "CodecSettings": {
                  "H264Settings": {
                    "FramerateControl": "SPECIFIED",
                    "FramerateNumerator": 30,
                    "FramerateDenominator": 1,
                    "Bitrate": 1200000
                  }
                }
              }
            ]
          },
          "InputAttachments": [
            {
              "InputId": "1",
              "InputSettings": {
                "SourceEndBehavior": "LOOP"
              }
            }
          ],
          "ChannelClass": "SINGLE_PIPELINE",
          "Destinations": [
            {
              "Id": "headwater",
              "Settings": []
            }
          ]
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&completed).expect("JSON"));
}

#[test]
fn what_can_be_said_of_a_channel_arrives_in_its_table() {
    check(
        &full(),
        &feeds(&rtmp(&["live/a"])),
        expect![[r##"
        audio_bitrate = 96000
        name = "ml-7654321"
        pipelines = 1
        segment = 4.0
        window = 40.0

        [[audio]]
        language = "eng"
        name = "English"

        [fill]
        black = 2.0
        repeat = 0.5
        slate = "#102030"

        [input]
        rtmp = "live/a"

        [[ladder]]
        bitrate = 2000000
        codec = "hevc"
        fps = 29.97
        name = "720p30"
        size = "1280x720"
    "##]],
    );
}

#[test]
fn the_ladder_of_aws_s_own_solution_maps_as_it_is() {
    let pair = feeds(&rtmp(&["live/primary", "live/secondary"]));
    check(
        &solution(),
        &pair,
        expect![[r#"
        audio_bitrate = 96000
        name = "mp-live-channel"
        pipelines = "pair"
        segment = 2.0

        [backup]
        rtmp = "live/secondary"

        [input]
        rtmp = "live/primary"

        [[ladder]]
        bitrate = 400000
        codec = "h264"
        fps = 15
        name = "video_288p15"
        profile = "main"
        size = "512x288"

        [[ladder]]
        bitrate = 800000
        codec = "h264"
        fps = 30
        name = "video_360p30"
        profile = "main"
        size = "640x360"

        [[ladder]]
        bitrate = 1200000
        codec = "h264"
        fps = 30
        name = "video_432p30"
        profile = "main"
        size = "768x432"

        [[ladder]]
        bitrate = 1800000
        codec = "h264"
        fps = 30
        name = "video_540p30"
        profile = "main"
        size = "960x540"

        [[ladder]]
        bitrate = 2700000
        codec = "h264"
        fps = 30
        name = "video_720p30"
        profile = "main"
        size = "1280x720"

        [[ladder]]
        bitrate = 4100000
        codec = "h264"
        fps = 30
        name = "video_1080p30"
        profile = "high"
        size = "1920x1080"
    "#]],
    );
    let mut settings = solution();
    complete(&mut settings, true);
    let table = table("1", &settings, &pair, Shown::First, Reach::Public).expect("it maps");
    let channel = super::parse(table).expect("a channel").channels.remove(0);
    assert_eq!((channel.name.as_str(), channel.pipelines), ("mp-live-channel", Pipelines::Pair));
    let Ladder::Transcode(rungs) = &channel.ladder else { panic!("a ladder") };
    let sizes: Vec<_> = rungs.iter().map(|rung| (rung.width, rung.height, rung.bitrate_bps)).collect();
    assert_eq!(sizes[0], (1920, 1080, 4_100_000));
    assert_eq!(sizes[5], (512, 288, 400_000));
}

#[test]
fn a_setting_that_would_change_the_picture_or_sound_is_refused_at_its_place() {
    let video = "EncoderSettings.VideoDescriptions.0";
    let audio = "EncoderSettings.AudioDescriptions.0";
    let hls = "EncoderSettings.OutputGroups.0.OutputGroupSettings.HlsGroupSettings";
    let h265 = format!("{video}.CodecSettings.H265Settings");
    refused(
        &format!("{video}.CropRectangle"),
        Map::new(),
        "/encoderSettings/videoDescriptions/0/cropRectangle: CropRectangle is not implemented; leave it out",
    );
    refused(
        &format!("{video}.ScalingBehavior"),
        "STRETCH_TO_OUTPUT",
        "/encoderSettings/videoDescriptions/0/scalingBehavior: STRETCH_TO_OUTPUT is not implemented; DEFAULT is what is done",
    );
    refused(
        &format!("{h265}.Profile"),
        "MAIN_10BIT",
        "/encoderSettings/videoDescriptions/0/codecSettings/h265Settings/profile: MAIN_10BIT is not implemented; MAIN is what is done",
    );
    refused(
        &format!("{h265}.FramerateNumerator"),
        12_500,
        "/encoderSettings/videoDescriptions/0/codecSettings/h265Settings/framerateNumerator: 12500/1001 is not implemented; 1 to \
         120, 24000/1001, 30000/1001 and 60000/1001 are",
    );
    refused(
        &format!("{video}.Width"),
        1_281,
        "/encoderSettings/videoDescriptions/0/width: an even number from 64 to 4096 is implemented",
    );
    refused(
        &format!("{audio}.RemixSettings"),
        Map::new(),
        "/encoderSettings/audioDescriptions/0/remixSettings: RemixSettings is not implemented; leave it out",
    );
    refused(
        &format!("{audio}.AudioSelectorName"),
        "german",
        "/encoderSettings/audioDescriptions/0/audioSelectorName: an attached input has no audio selector german",
    );
    refused(
        &format!("{hls}.SegmentLength"),
        11,
        "/encoderSettings/outputGroups/0/outputGroupSettings/hlsGroupSettings/segmentLength: segments of 1 to 10 seconds are \
         implemented",
    );
    refused(
        &format!("{hls}.EncryptionType"),
        "AES128",
        "/encoderSettings/outputGroups/0/outputGroupSettings/hlsGroupSettings/encryptionType: EncryptionType is not implemented; \
         leave it out",
    );
    refused(
        "EncoderSettings.GlobalConfiguration.InputLossBehavior.RepeatFrameMsec",
        1_000_000,
        "/encoderSettings/globalConfiguration/inputLossBehavior/repeatFrameMsec: a frame that is repeated for ever is not \
         implemented; at most 999999",
    );
    let url = Map::new().with("Url", "s3ssl://bucket/live/index");
    refused(
        "Destinations.0.Settings",
        vec![Value::from(url)],
        "/destinations/0/settings/0/url: pushing to other servers is not implemented; without a URL the channel plays from this \
         installation",
    );
    refused("InputAttachments.0.InputId", "2", "/inputAttachments/0/inputId: there is no input 2");
}

#[test]
fn the_origin_s_own_url_comes_back_from_clients_and_is_taken() {
    let mut settings = full();
    let url = Map::new().with("Url", "http://elsewhere:80/ml-7654321/index.m3u8");
    set(&mut settings, "Destinations.0.Settings", vec![Value::from(url)]);
    let taken = told(&settings, &feeds(&rtmp(&["live/a"])), Shown::First);
    assert!(taken.contains("name = \"ml-7654321\""), "{taken}");
}

#[test]
fn cmaf_ingest_goes_to_the_mediapackage_channel_its_url_names() {
    let mut settings = full();
    let group = json!({"CmafIngestGroupSettings": {"Destination": {"DestinationRefId": "here"}, "SegmentLength": 1500,
        "SegmentLengthUnits": "MILLISECONDS"}});
    set(&mut settings, "EncoderSettings.OutputGroups.0.OutputGroupSettings", map(group));
    set(
        &mut settings,
        "EncoderSettings.OutputGroups.0.Outputs.0.OutputSettings",
        Map::new().with("CmafIngestOutputSettings", Map::new()),
    );
    let url = |end| {
        Value::from(Map::new().with("Url", format!("https://x-1.ingest.example/in/v1/news/{end}/one/index")))
    };
    set(&mut settings, "Destinations.0.Settings", vec![url(1), url(2)]);
    let taken = told(&settings, &feeds(&rtmp(&["live/a"])), Shown::First);
    let name = door::media_name("mp", "news/one");
    assert!(taken.contains(&format!("name = \"{name}\"")) && taken.contains("segment = 1.5"), "{taken}");
}

#[test]
fn each_kind_of_input_is_one_of_the_workflow_file() {
    let text = |text: &str| text.to_owned();
    let call = Endpoint::SrtCall { address: text("a.example:9000"), stream_id: Some(text("x")) };
    let all = [
        (Endpoint::Rtmp(text("live/a")), "RTMP publisher of live/(key)"),
        (Endpoint::RtmpCall(text("rtmp://h.example/live/a")), "RTMP from rtmp://h.example:1935/live"),
        (Endpoint::Srt(text("main")), "SRT publisher of main, in the clear, latency 0.5 s"),
        (call, "SRT from a.example:9000, in the clear, latency 0.5 s"),
        (Endpoint::Udp(5000), "MPEG-TS by UDP to 0.0.0.0:5000 from 192.0.2.0/24"),
        (
            Endpoint::Rtp(5010),
            "MPEG-TS by RTP to 0.0.0.0:5010 from 192.0.2.0/24, error correction, latency 0.2 s",
        ),
        (
            Endpoint::Hls(text("https://h.example/index.m3u8")),
            "HLS from https://h.example/index.m3u8, repeated",
        ),
        (Endpoint::File(text("https://h.example/a.mp4")), "file https://h.example/a.mp4, repeated"),
    ];
    for (endpoint, expected) in all {
        let mut settings = full();
        set(&mut settings, "InputAttachments.0.InputSettings.SourceEndBehavior", "LOOP");
        let mut feeds = feeds(&[endpoint]);
        let feed = feeds.get_mut("1").expect("there is one");
        feed.latency_ms = vec![Some(500)];
        feed.senders = Some(vec![text("192.0.2.0/24")]);
        complete(&mut settings, false);
        let table = table("1", &settings, &feeds, Shown::First, Reach::Public).expect(expected);
        let channel = super::parse(table).expect(expected).channels.remove(0);
        assert_eq!(channel.input.to_string(), expected);
    }
}

#[test]
fn security_groups_without_a_rule_let_nobody_send_and_that_cannot_be_run() {
    let mut feeds = feeds(&[Endpoint::Udp(5000)]);
    feeds.get_mut("1").expect("there is one").senders = Some(Vec::new());
    assert_eq!(
        told(&full(), &feeds, Shown::First),
        "/inputAttachments/0/inputId: its security groups allow nobody to send; give them a rule\n"
    );
}

#[test]
fn a_transport_stream_s_program_and_packet_ids_are_chosen_and_those_of_rtmp_are_not_there() {
    let mut settings = full();
    let selector = json!({"SelectorSettings": {"VideoSelectorProgramId": {"ProgramId": 7}}});
    set(&mut settings, "InputAttachments.0.InputSettings.VideoSelector", map(selector));
    let sound = json!({"AudioPidSelection": {"Pid": 257}});
    set(&mut settings, "InputAttachments.0.InputSettings.AudioSelectors.0.SelectorSettings", map(sound));
    let taken = told(&settings, &feeds(&[Endpoint::Srt("main".to_owned())]), Shown::First);
    assert!(taken.contains("program = 7") && taken.contains("audio_pid = 257"), "{taken}");
    let rtmp = told(&settings, &feeds(&rtmp(&["live/a"])), Shown::First);
    assert!(
        rtmp.contains(
            "/audioPidSelection/pid: a packet id is chosen for one rendition of a transport stream"
        ),
        "{rtmp}"
    );
}

#[test]
fn a_failover_pair_is_input_and_backup_and_a_switch_shows_another_attachment() {
    let mut settings = full();
    set(&mut settings, "EncoderSettings.AudioDescriptions.0.AudioSelectorName", "default");
    set(
        &mut settings,
        "InputAttachments",
        vec![
            Value::from(map(
                json!({"InputId": "1", "InputAttachmentName": "first", "AutomaticInputFailoverSettings": {
                "SecondaryInputId": "2", "ErrorClearTimeMsec": 2000, "InputPreference": "PRIMARY_INPUT_PREFERRED",
                "FailoverConditions": [
                    {"FailoverConditionSettings": {"InputLossSettings": {"InputLossThresholdMsec": 300}}},
                    {"FailoverConditionSettings": {"VideoBlackSettings": {"BlackDetectThreshold": 0.05}}},
                    {"FailoverConditionSettings": {"AudioSilenceSettings": {"AudioSelectorName": "default"}}},
                ]}}),
            )),
            Value::from(map(json!({"InputId": "2", "InputAttachmentName": "second"}))),
            Value::from(map(json!({"InputId": "3", "InputAttachmentName": "third"}))),
        ],
    );
    let mut feeds = feeds(&rtmp(&["live/a"]));
    for id in ["2", "3"] {
        let feed = Feed { endpoints: rtmp(&[&format!("live/{id}")]), latency_ms: vec![None], senders: None };
        feeds.insert(id.to_owned(), feed);
    }
    check(
        &settings,
        &feeds,
        expect![[r##"
        audio_bitrate = 96000
        name = "ml-7654321"
        pipelines = 1
        segment = 4.0
        window = 40.0

        [[audio]]
        name = "English"
        track = 1

        [backup]
        rtmp = "live/2"

        [failover]
        black = 1.0
        black_level = 0.05
        clear = 2.0
        loss = 0.3
        on = ["loss", "black", "silence"]
        preference = "primary"
        silence = 1.0

        [fill]
        black = 2.0
        repeat = 0.5
        slate = "#102030"

        [input]
        rtmp = "live/a"

        [[ladder]]
        bitrate = 2000000
        codec = "hevc"
        fps = 29.97
        name = "720p30"
        size = "1280x720"
    "##]],
    );
    complete(&mut settings, false);
    let shown = Shown::Named("third");
    let table = table("1", &settings, &feeds, shown, Reach::Public).expect("it maps");
    let channel = super::parse(table).expect("a channel").channels.remove(0);
    assert!(matches!(&channel.input, Input::Rtmp(key) if key.key == "3"));
    assert_eq!(channel.backup, None);
}

#[test]
fn renditions_come_from_selectors_in_the_order_that_the_default_leads() {
    let mut settings = full();
    set(
        &mut settings,
        "InputAttachments.0.InputSettings.AudioSelectors",
        vec![
            Value::from(map(json!({"Name": "english"}))),
            Value::from(map(
                json!({"Name": "german", "SelectorSettings": {"AudioTrackSelection": {"Tracks": [{"Track": 2}]}}}),
            )),
        ],
    );
    let audio = |name: &str, selector: &str, code: &str| {
        Value::from(map(json!({"Name": name, "AudioSelectorName": selector, "LanguageCode": code,
            "LanguageCodeControl": "USE_CONFIGURED"})))
    };
    set(
        &mut settings,
        "EncoderSettings.AudioDescriptions",
        vec![audio("sound", "english", "eng"), audio("deutsch", "german", "deu")],
    );
    let only = |name: &str, kind: &str| {
        json!({"AudioDescriptionNames": [name], "OutputSettings": {"HlsOutputSettings": {"HlsSettings": {
            "AudioOnlyHlsSettings": {"AudioTrackType": kind}}}}})
    };
    let video = json!({"VideoDescriptionName": "Main Picture", "OutputSettings": {"HlsOutputSettings": {"HlsSettings":
        {"Fmp4HlsSettings": {}}}}});
    let outputs = [
        video,
        only("sound", "ALTERNATE_AUDIO_AUTO_SELECT"),
        only("deutsch", "ALTERNATE_AUDIO_AUTO_SELECT_DEFAULT"),
    ];
    let outputs: Vec<Value> = outputs.into_iter().map(|output| map(output).into()).collect();
    set(&mut settings, "EncoderSettings.OutputGroups.0.Outputs", outputs);
    check(
        &settings,
        &feeds(&rtmp(&["live/a"])),
        expect![[r##"
        audio_bitrate = 192000
        name = "ml-7654321"
        pipelines = 1
        segment = 4.0
        window = 40.0

        [[audio]]
        language = "deu"
        track = 2

        [[audio]]
        language = "eng"
        track = 1

        [fill]
        black = 2.0
        repeat = 0.5
        slate = "#102030"

        [input]
        rtmp = "live/a"

        [[ladder]]
        bitrate = 2000000
        codec = "hevc"
        fps = 29.97
        name = "720p30"
        size = "1280x720"
    "##]],
    );
}
