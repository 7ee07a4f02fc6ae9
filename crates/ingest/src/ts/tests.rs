use media::Format;
use mpegts::writer::{MapEntry, PesPacket, Writer};

use super::*;

const START: Utc = Utc(1_700_000_000_000_000);
const MAP: u16 = 0x20;
const PICTURES: u16 = 0x100;
const SOUND: u16 = 0x101;

/// A source fed by a writer, and what came of it, as lines a test can compare.
struct Bench {
    source: TsSource,
    writer: Writer,
    out: Vec<Output>,
}

impl Bench {
    /// With a program of a picture and so many sounds.
    fn new(sounds: u16) -> Self {
        Self::beside(sounds, &[])
    }

    /// With these streams, too.
    fn beside(sounds: u16, others: &[MapEntry<'static>]) -> Self {
        let mut writer = Writer::default();
        writer.association(&[(1, MAP)]);
        let mut entries = vec![MapEntry { stream_type: 0x1B, pid: PICTURES, descriptors: &[] }];
        entries.extend_from_slice(others);
        entries.extend((0..sounds).map(|at| MapEntry {
            stream_type: 0x0F,
            pid: SOUND + at,
            descriptors: b"\x0A\x04deu\0",
        }));
        writer.map(MAP, 1, 0, PICTURES, &entries);
        Self { source: TsSource::new(Select::default(), START), writer, out: Vec::new() }
    }

    /// A key frame with decode time `dts`, in 90 kHz, that arrives `now_ms` after the start.
    fn picture(&mut self, dts: i64, now_ms: i64) {
        let payload = include_bytes!("../../testdata/x264-128x64-key-frame.h264");
        self.pes(
            PICTURES,
            PesPacket { stream_id: 0xE0, pts: Some(dts), dts: None, pcr: None, payload },
            now_ms,
        );
    }

    fn sound(&mut self, pid: u16, pts: i64, now_ms: i64) {
        // ADTS: AAC-LC, 48 kHz, stereo, 7 bytes of header and 2 of sound.
        let payload = &[0xFF, 0xF1, 0x4C, 0x80, 0x01, 0x3F, 0xFC, 0x21, 0x10];
        self.pes(pid, PesPacket { stream_id: 0xC0, pts: Some(pts), dts: None, pcr: None, payload }, now_ms);
    }

    fn pes(&mut self, pid: u16, packet: PesPacket<'_>, now_ms: i64) {
        self.writer.pes(pid, &packet);
        let bytes = self.writer.take();
        self.source.push(&bytes, START.plus_micros(now_ms * 1_000), &mut self.out);
    }

    fn finish(&mut self, now_ms: i64) {
        self.source.finish(START.plus_micros(now_ms * 1_000), &mut self.out);
    }

    /// What came since the last call.
    fn lines(&mut self) -> Vec<String> {
        let line = |output| match output {
            Output::Tracks(tracks) => {
                let kind = |track: &Track| match track.format {
                    Format::Video(_) => format!("video {}", track.id.0),
                    Format::Audio(_) => format!("audio {}", track.id.0),
                };
                format!("tracks {}", tracks.iter().map(kind).collect::<Vec<_>>().join(", "))
            }
            Output::Sample(sample) => match sample.track {
                VIDEO => format!("video {}", sample.dts - START.ticks(Timescale::MPEG)),
                _ => format!("audio {}", sample.dts - START.ticks(Timescale::new(48_000))),
            },
            Output::Trouble(trouble) => trouble.label().to_owned(),
        };
        std::mem::take(&mut self.out).into_iter().map(line).collect()
    }
}

#[test]
fn samples_lie_on_the_epoch_and_their_spacing_is_exact() {
    let mut bench = Bench::new(1);
    for frame in 0..4 {
        // 29.97 pictures a second, from a stream that has run for an hour.
        bench.picture(324_000_000 + frame * 3_003, 1_000 + frame * 33);
        bench.sound(SOUND, 324_000_000 + frame * 1_920, 1_000 + frame * 33);
    }
    bench.finish(2_000);
    let lines = bench.lines();
    assert_eq!(lines[0], "tracks video 0, audio 1");
    let of = |kind: &str| -> Vec<i64> {
        let numbers = lines.iter().filter_map(|line| line.strip_prefix(kind)?.trim().parse().ok());
        numbers.collect()
    };
    let (pictures, sounds) = (of("video"), of("audio"));
    assert_eq!(pictures.windows(2).map(|pair| pair[1] - pair[0]).collect::<Vec<_>>(), [3_003; 3]);
    assert_eq!(sounds.windows(2).map(|pair| pair[1] - pair[0]).collect::<Vec<_>>(), [1_024; 3]);
    // They belong together, and to when the first of them was whole: when the next began.
    assert_eq!((pictures[0] / 90, sounds[0] / 48), (1_033, 1_033), "{lines:?}");
}

#[test]
fn sound_far_behind_its_pictures_in_the_stream_is_no_jump() {
    let mut bench = Bench::new(1);
    bench.picture(900_000, 5_000);
    bench.sound(SOUND, 900_000 - 225_000, 5_010);
    bench.picture(903_000, 5_033);
    bench.finish(5_100);
    assert_eq!(bench.lines(), ["tracks video 0, audio 1", "video 459000", "video 462000", "audio 124800"]);
}

#[test]
fn a_jump_of_the_timestamps_moves_both_tracks_to_the_wall_clock_together() {
    let mut bench = Bench::new(1);
    let hour = 324_000_000;
    bench.picture(0, 1_000);
    bench.sound(SOUND, 0, 1_000);
    bench.picture(3_000, 1_033);
    bench.sound(SOUND, 1_920, 1_033);
    bench.picture(hour, 2_000);
    bench.sound(SOUND, hour, 2_000);
    bench.finish(2_010);
    assert_eq!(
        bench.lines(),
        [
            "tracks video 0, audio 1",
            "video 92970",
            "audio 49584",
            "audio 50608",
            "video 95970",
            "timestamp_jump",
            "audio_gap",
            "audio 96000",
            "video 180000"
        ]
    );
}

#[test]
fn sounds_of_many_languages_are_carried_and_those_over_eight_are_named() {
    let mut bench = Bench::new(10);
    bench.picture(0, 1_000);
    for sound in 0..10 {
        bench.sound(SOUND + sound, 0, 1_000);
    }
    bench.finish(1_100);
    let named = bench.out.iter().filter_map(|output| match output {
        Output::Tracks(tracks) => Some(tracks.iter().map(|track| track.language.clone()).collect::<Vec<_>>()),
        _ => None,
    });
    let languages = named.last().expect("they are announced");
    assert_eq!(languages.len(), 9);
    assert_eq!(languages[0], None);
    assert!(languages[1..].iter().all(|language| language.as_deref() == Some("deu")), "{languages:?}");
    let lines = bench.lines();
    assert_eq!(lines.iter().filter(|line| *line == "other_track").count(), 2, "{lines:?}");
    assert_eq!(lines.iter().filter(|line| line.starts_with("audio")).count(), 8, "{lines:?}");
}

#[test]
fn cues_and_metadata_by_the_thousand_are_passed_over_and_counted() {
    let (cues, tags) = (0x1F0, 0x1F1);
    let mut bench = Bench::beside(
        1,
        &[
            MapEntry { stream_type: 0x86, pid: cues, descriptors: b"\x05\x04CUEI" },
            MapEntry { stream_type: 0x15, pid: tags, descriptors: b"" },
        ],
    );
    // Splices that are cancelled, lie in the past, overlap, or are torn: none of them is acted on.
    let splice =
        |number: u8| [&[0xFC, 0x30, 0x11, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xF0][..], &[number; 4]].concat();
    for frame in 0..30 {
        bench.picture(frame * 3_000, 1_000 + frame * 33);
        bench.sound(SOUND, frame * 1_920, 1_000 + frame * 33);
        for number in 0..100 {
            bench.writer.section(cues, &splice(number));
            let payload = b"ID3 tag";
            let packet =
                PesPacket { stream_id: 0xBD, pts: Some(frame * 3_000), dts: None, pcr: None, payload };
            bench.pes(tags, packet, 1_000 + frame * 33);
        }
    }
    bench.finish(2_000);
    let lines = bench.lines();
    let of = |kind: &str| lines.iter().filter(|line| line.starts_with(kind)).count();
    assert_eq!([of("video"), of("audio"), of("cue"), of("metadata")], [30, 30, 3_000, 3_000], "{lines:?}");
    assert_eq!(of(""), 6_061, "and the tracks, once");
}

#[test]
fn nothing_lands_before_the_end_of_what_the_channel_had() {
    let mut bench = Bench::new(1);
    bench.picture(900_000, 0);
    bench.picture(903_000, 0);
    bench.sound(SOUND, 810_000, 0);
    bench.sound(SOUND, 811_920, 0);
    bench.sound(SOUND, 909_000, 0);
    bench.finish(100);
    let lines = bench.lines();
    assert_eq!(
        lines[1..],
        ["video 90", "behind_track", "behind_track", "audio 4848", "video 3090"],
        "{lines:?}"
    );
}
