use bytes::Bytes;
use codec::h264;
use media::{AudioCodec, Format, Timescale, VideoCodec};
use rtmp::flv::{AudioPacket, FourCc, Skipped, VideoPacket};

use super::*;

const START: Utc = Utc(1_700_000_000_000_000);
/// AAC-LC, 48 kHz, stereo.
const ASC: &[u8] = &[0x11, 0x90];

/// A source and what came of its messages, as lines a test can compare.
struct Bench {
    source: Source,
    lines: Vec<String>,
    samples: Vec<Sample>,
}

impl Bench {
    fn new() -> Self {
        Self { source: Source::after(Utc(0)), lines: Vec::new(), samples: Vec::new() }
    }

    /// A video packet with timestamp `ms`, arriving `now_ms` after the start.
    fn video(&mut self, ms: i64, now_ms: i64, packet: VideoPacket) {
        let mut out = Vec::new();
        let video = Video { packet, other_tracks: 0 };
        self.source.video(ms, video, START.plus_micros(now_ms * 1_000), &mut out);
        self.take(out);
    }

    fn audio(&mut self, ms: i64, now_ms: i64, packet: AudioPacket) {
        let mut out = Vec::new();
        let audio = Audio { packet, other_tracks: 0 };
        self.source.audio(ms, audio, START.plus_micros(now_ms * 1_000), &mut out);
        self.take(out);
    }

    fn take(&mut self, out: Vec<Output>) {
        for output in out {
            match output {
                Output::Tracks(tracks) => {
                    let kinds = tracks.iter().map(|track| if track.id == VIDEO { "video" } else { "audio" });
                    self.lines.push(format!("tracks {}", kinds.collect::<Vec<_>>().join(" ")));
                }
                Output::Sample(sample) => {
                    let (name, ms) = match sample.track {
                        VIDEO => ("video", (sample.dts - START.ticks(Timescale::MPEG)) as f64 / 90.0),
                        _ => ("audio", (sample.dts - START.ticks(Timescale::new(48_000))) as f64 / 48.0),
                    };
                    self.lines.push(format!("{name} {ms:.0}"));
                    self.samples.push(sample);
                }
                Output::Trouble(trouble) => self.lines.push(trouble.label().to_owned()),
            }
        }
    }

    /// What came since the last call.
    fn lines(&mut self) -> String {
        std::mem::take(&mut self.lines).join(", ")
    }

    fn audio_header(&mut self, now_ms: i64) {
        let record = Bytes::from_static(ASC);
        self.audio(0, now_ms, AudioPacket::Config { codec: AudioCodec::Aac, record });
    }

    fn sound(&mut self, ms: i64, now_ms: i64) {
        self.audio(
            ms,
            now_ms,
            AudioPacket::Frame { codec: AudioCodec::Aac, data: Bytes::from_static(b"aac") },
        );
    }

    fn video_header(&mut self, now_ms: i64) {
        let record = format().config;
        self.video(0, now_ms, VideoPacket::Config { codec: VideoCodec::H264, record });
    }

    fn picture(&mut self, ms: i64, now_ms: i64, unit: &'static [u8]) {
        let data = Bytes::from_static(unit);
        self.video(
            ms,
            now_ms,
            VideoPacket::Frame { codec: VideoCodec::H264, key: true, composition_ms: 0, data },
        );
    }
}

const IDR: &[u8] = b"\0\0\0\x02\x65\xAA";
const SLICE: &[u8] = b"\0\0\0\x02\x41\xAA";

fn format() -> media::VideoFormat {
    let stream = include_bytes!("../../testdata/x264-128x64-key-frame.h264");
    h264::format_from_annexb(stream).expect("a capture with headers")
}

#[test]
fn tracks_are_announced_once_both_headers_are_there() {
    let mut bench = Bench::new();
    bench.video_header(0);
    bench.picture(10, 5, IDR);
    assert_eq!(bench.lines(), "");
    bench.audio_header(6);
    assert_eq!(bench.lines(), "tracks video audio, video 5");
    bench.sound(10, 6);
    bench.picture(43, 40, SLICE);
    assert_eq!(bench.lines(), "audio 5, video 38");
    assert_eq!(bench.samples.iter().map(|sample| sample.sync).collect::<Vec<_>>(), [true, true, false]);
}

#[test]
fn a_lone_track_is_announced_after_a_second_and_the_missing_one_named_after_two() {
    let mut bench = Bench::new();
    bench.audio_header(0);
    for frame in 0..150 {
        bench.sound(frame * 64 / 3, frame * 64 / 3);
    }
    let lines = bench.lines();
    assert!(lines.starts_with("tracks audio, audio 0, audio 21, audio 43"), "{lines}");
    assert_eq!(lines.matches("no_video").count(), 1, "{lines}");
    assert_eq!(bench.samples.len(), 150, "none is lost");

    let mut bench = Bench::new();
    bench.video_header(0);
    for frame in 0..100 {
        bench.picture(frame * 33, frame * 33, IDR);
    }
    let lines = bench.lines();
    assert!(lines.starts_with("tracks video, video 0, video 33"), "{lines}");
    assert_eq!(lines.matches("no_audio").count(), 1, "{lines}");
    // Audio that comes after all is announced, once however often its header is repeated.
    bench.audio_header(3_400);
    bench.audio_header(3_401);
    bench.sound(3_400, 3_402);
    assert_eq!(bench.lines(), "tracks video audio, audio 3400");
}

#[test]
fn what_waits_for_a_second_header_is_bounded() {
    let mut bench = Bench::new();
    bench.video_header(0);
    let mut unit = vec![0x65; 1 << 20];
    unit[..4].copy_from_slice(&((1_u32 << 20) - 4).to_be_bytes());
    for ms in [0, 33, 66] {
        let data = unit.clone().into();
        bench.video(
            ms,
            ms,
            VideoPacket::Frame { codec: VideoCodec::H264, key: true, composition_ms: 0, data },
        );
    }
    assert_eq!(bench.lines(), "");
    let data = unit.into();
    bench.video(99, 99, VideoPacket::Frame { codec: VideoCodec::H264, key: true, composition_ms: 0, data });
    assert_eq!(bench.lines(), "tracks video, video 0, video 33, video 66, video 99");
}

#[test]
fn aac_frames_lie_end_to_end_while_their_timestamps_are_near_and_gaps_are_told() {
    let mut bench = Bench::new();
    bench.video_header(0);
    bench.audio_header(0);
    for ms in [0, 20, 45, 90, 60] {
        bench.sound(ms, ms);
    }
    let step =
        |samples: &[Sample]| samples.windows(2).map(|pair| pair[1].dts - pair[0].dts).collect::<Vec<_>>();
    assert_eq!(step(&bench.samples), [1_024; 4]);
    assert_eq!(bench.lines(), "tracks video audio, audio 0, audio 21, audio 43, audio 64, audio 85");
    // 106.7 ms is where the next belongs.
    bench.sound(400, 400);
    assert_eq!(bench.lines(), "audio_gap, audio 400");
    // 421.3 ms is where the next belongs: this one sounds while others still do.
    bench.sound(350, 401);
    bench.sound(421, 402);
    assert_eq!(bench.lines(), "audio_overlap, audio 421");
}

#[test]
fn video_waits_for_a_key_frame_and_decode_times_rise() {
    let mut bench = Bench::new();
    bench.picture(0, 0, IDR);
    bench.video_header(0);
    bench.audio_header(0);
    bench.picture(0, 0, SLICE);
    bench.picture(33, 33, IDR);
    bench.picture(33, 34, SLICE);
    bench.picture(66, 67, SLICE);
    assert_eq!(
        bench.lines(),
        "missing_header, tracks video audio, before_key_frame, video 33, decode_time, video 33, video 66"
    );
    assert_eq!(bench.samples[1].dts - bench.samples[0].dts, 1);
}

#[test]
fn a_jump_of_the_timestamps_moves_both_tracks_to_the_wall_clock_together() {
    let mut bench = Bench::new();
    bench.video_header(0);
    bench.audio_header(0);
    bench.picture(0, 0, IDR);
    bench.sound(0, 0);
    bench.picture(3_600_000, 1_000, IDR);
    bench.sound(3_600_005, 1_001);
    assert_eq!(
        bench.lines(),
        "tracks video audio, video 0, audio 0, timestamp_jump, video 1000, audio_gap, audio 1005"
    );
}

#[test]
fn headers_that_do_not_parse_and_codecs_that_are_not_carried_are_named() {
    let mut bench = Bench::new();
    let record = Bytes::from_static(b"not avcC");
    bench.video(0, 0, VideoPacket::Config { codec: VideoCodec::H264, record: record.clone() });
    bench.video(0, 0, VideoPacket::Config { codec: VideoCodec::H265, record: record.clone() });
    bench.video(0, 0, VideoPacket::Config { codec: VideoCodec::Av1, record: record.clone() });
    bench.video(0, 0, VideoPacket::Skipped(Skipped::FourCc(FourCc(*b"vp09"))));
    bench.audio(0, 0, AudioPacket::Config { codec: AudioCodec::Opus, record });
    bench.audio(0, 0, AudioPacket::Skipped(Skipped::Codec("MP3")));
    bench.video(0, 0, VideoPacket::Skipped(Skipped::Short));
    bench.video(0, 0, VideoPacket::Skipped(Skipped::Description));
    bench.video(0, 0, VideoPacket::End);
    assert_eq!(
        bench.lines(),
        "bad_video_header, bad_video_header, bad_video_header, unsupported_video, bad_audio_header, \
         unsupported_audio, unknown_packet"
    );
}

#[test]
fn two_byte_nal_lengths_become_four() {
    let mut two = format().config.to_vec();
    two[4] = two[4] & !0b11 | 0b01;
    let mut bench = Bench::new();
    bench.video(0, 0, VideoPacket::Config { codec: VideoCodec::H264, record: two.into() });
    bench.audio_header(0);
    bench.picture(0, 0, b"\0\x02\x65\xAA");
    bench.picture(33, 33, b"\0\x09\x65\xAA");
    assert_eq!(bench.lines(), "tracks video audio, video 0, bad_sample");
    assert_eq!(bench.samples[0].data, IDR);
    assert!(matches!(&bench.source.tracks()[0].format, Format::Video(video) if video == &format()));
}
