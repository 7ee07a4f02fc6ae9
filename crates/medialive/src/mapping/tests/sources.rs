use aws::Value;
use expect_test::expect;
use serde_json::json;
use spec::Input;

use super::super::samples::{feeds, full, map, rtmp, set};
use super::super::{Feed, Shown, complete, parse, table};
use super::{check, told};
use crate::endpoint::{Endpoint, Reach};

#[test]
fn each_kind_of_input_is_one_of_the_workflow_file() {
    let text = |text: &str| text.to_owned();
    let call = Endpoint::SrtCall { address: text("a.example:9000"), stream_id: Some(text("x")) };
    let all = [
        (Endpoint::Rtmp(text("live/a")), "RTMP publisher of live/(key) from 192.0.2.0/24"),
        (Endpoint::RtmpCall(text("rtmp://h.example/live/a")), "RTMP from rtmp://h.example:1935/live"),
        (Endpoint::Srt(text("main")), "SRT publisher of main from 192.0.2.0/24, in the clear, latency 0.5 s"),
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
        let channel = parse(table).expect(expected).channels.remove(0);
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
    let channel = parse(table).expect("a channel").channels.remove(0);
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
