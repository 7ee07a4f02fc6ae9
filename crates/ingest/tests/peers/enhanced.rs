//! Enhanced RTMP messages, crafted: what no encoder at hand sends, and what those that do may not be at hand for.

use bytes::{BufMut, Bytes, BytesMut};
use codec::{av1, h265};
use media::{Format, VideoCodec};

use crate::client::{Client, tags};
use crate::harness::*;

fn capture(name: &str) -> Vec<u8> {
    let path = format!("{}/testdata/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|fault| panic!("{path}: {fault}"))
}

fn tag(head: &[u8], payload: &[u8]) -> Bytes {
    [head, payload].concat().into()
}

/// The AAC header and frames of the clip.
fn sounds() -> impl Iterator<Item = &'static (u8, u32, Bytes)> {
    tags::clip().iter().filter(|(kind, ..)| *kind == 8)
}

#[test]
fn hevc_comes_with_and_without_composition_times_behind_modex_and_among_unknown_packets() {
    let stream = capture("x265-128x64-key-frame.h265");
    let h265 = h265::format_from_annexb(&stream).expect("a capture with headers");
    let picture = h265::annexb_to_length_prefixed(&stream);

    let role = Role::start(0);
    let mut subscriber = role.subscribe("main", None);
    let mut client = Client::publish(role.rtmp, "sesame");
    client.video(0, tag(b"\x90hvc1", &h265.config));
    client.audio(0, sounds().next().expect("a header").2.clone());
    client.video(0, tag(b"\x91hvc1\0\0\x28", &picture));
    client.video(33, tag(b"\x93hvc1", &picture));
    // ModEx: a nanosecond offset, then CodedFramesX.
    client.video(66, tag(b"\x97\x02\0\0\x07\x03hvc1", &picture));
    client.video(70, tag(b"\x9Ehvc1", b"of a later version"));
    client.video(70, tag(b"\x94hvc1", b"colour description"));
    client.video(100, tag(b"\x93hvc1", &picture));
    client.goodbye();

    let heard = subscriber.session();
    let Format::Video(video) = &heard.track(VIDEO).format else { panic!("{:?}", heard.tracks) };
    assert_eq!((video.codec, video.width, video.height), (VideoCodec::H265, h265.width, h265.height));
    let pictures = heard.of(VIDEO);
    let times: Vec<_> = pictures.iter().map(|sample| (sample.dts - pictures[0].dts) / 90).collect();
    assert_eq!(times, [0, 33, 66, 100]);
    assert_eq!(pictures[0].composition_offset, 40 * 90);
    assert!(pictures.iter().all(|sample| sample.sync && sample.data == picture));
    assert_eq!(role.metric("headwater_ingest_faults_total{channel=\"main\",fault=\"unknown_packet\"}"), 1.0);
}

#[test]
fn of_a_multitrack_av1_stream_track_zero_is_carried_and_the_rest_counted() {
    let unit = capture("libaom-128x64-key-frame.obu");
    let av1 = av1::format_from_obus(&unit).expect("a capture with a header");

    let role = Role::start(0);
    let mut subscriber = role.subscribe("main", None);
    let mut client = Client::publish(role.rtmp, "sesame");
    // One track a message, then many tracks in one.
    client.video(0, tag(b"\x96\x00av01\0", &av1.config));
    client.video(0, tag(b"\x96\x00av01\x01", &av1.config));
    client.audio(0, sounds().next().expect("a header").2.clone());
    let mut many = BytesMut::from(&b"\x96\x13av01"[..]);
    for track in [1, 0] {
        many.put_u8(track);
        many.put_uint(unit.len() as u64, 3);
        many.put_slice(&unit);
    }
    client.video(40, many.freeze());
    client.goodbye();

    let heard = subscriber.session();
    let Format::Video(video) = &heard.track(VIDEO).format else { panic!("{:?}", heard.tracks) };
    assert_eq!((video.codec, video.width), (VideoCodec::Av1, av1.width));
    assert_eq!(heard.of(VIDEO).len(), 1);
    assert_eq!(role.metric("headwater_ingest_faults_total{channel=\"main\",fault=\"other_track\"}"), 2.0);
}

#[test]
fn an_unsupported_codec_is_named_in_the_log_and_the_channel_stays() {
    let role = Role::start(0);
    let mut subscriber = role.subscribe("main", None);
    let mut client = Client::publish(role.rtmp, "sesame");
    client.video(0, &b"\x90vp09record"[..]);
    client.video(0, &b"\x91vp09frame"[..]);
    role.wait_for_log("video cannot be carried: codec `vp09`");
    role.wait_for_metric("headwater_ingest_faults_total{channel=\"main\",fault=\"unsupported_video\"}", 2.0);
    client.goodbye();

    // The next publisher on the same channel finds nothing amiss.
    role.wait_for_metric("headwater_ingest_publishers{channel=\"main\"}", 0.0);
    let mut client = Client::publish(role.rtmp, "sesame");
    client.send(1);
    client.goodbye();
    assert_eq!(subscriber.session().of(VIDEO).len(), 30);
}
