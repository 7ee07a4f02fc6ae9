use aws::{Map, Value};
use expect_test::expect;
use serde_json::json;
use spec::{Ladder, Pipelines};

use super::super::samples::{feeds, full, map, rtmp, seed, set, solution};
use super::super::{Shown, complete, parse, table};
use super::{check, refused, told};
use crate::endpoint::Reach;

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
    let channel = parse(table).expect("a channel").channels.remove(0);
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
