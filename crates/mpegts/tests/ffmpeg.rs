//! Against FFmpeg: streams it writes come out packet for packet as it reads them itself.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use media::{AudioCodec, Format, Sample, Timescale, VideoCodec, rescale_nearest};
use mpegts::{Demuxer, Event, PACKET_BYTES, Select, Stream};

const PICTURE: &str = "-f lavfi -i testsrc=s=320x180:r=25";
const SOUND: &str = "-f lavfi -i sine=r=48000";

/// A transport stream that FFmpeg made.
struct Made {
    path: tempfile::TempPath,
    bytes: Vec<u8>,
}

fn ffmpeg(arguments: &str) -> Made {
    let path = tempfile::Builder::new().suffix(".ts").tempfile().expect("a temporary file").into_temp_path();
    let status = Command::new("ffmpeg")
        .args("-v error -nostdin -y".split(' '))
        .args(arguments.split_whitespace())
        .args(["-f", "mpegts"])
        .arg(&path)
        .status()
        .expect("ffmpeg is installed (scripts/packages run test)");
    assert!(status.success(), "ffmpeg {arguments}");
    let bytes = std::fs::read(&path).expect("what ffmpeg wrote");
    Made { path, bytes }
}

/// A packet as ffprobe shows it, times in 90 kHz modulo 2^33.
#[derive(Debug, PartialEq)]
struct Probed {
    pts: i64,
    dts: i64,
    size: usize,
    key: bool,
}

/// The packets of each PID, in order.
fn ffprobe(path: &Path) -> BTreeMap<u16, Vec<Probed>> {
    let output = Command::new("ffprobe")
        .args("-v error -print_format json -show_packets -show_streams".split(' '))
        .arg(path)
        .output()
        .expect("ffprobe is installed (scripts/packages run test)");
    let probed: serde_json::Value = serde_json::from_slice(&output.stdout).expect("ffprobe's JSON");
    let number = |value: &serde_json::Value| value.as_i64().expect("a number");
    let mut pids = BTreeMap::new();
    for stream in probed["streams"].as_array().expect("streams") {
        let pid =
            stream["id"].as_str().and_then(|id| u16::from_str_radix(id.trim_start_matches("0x"), 16).ok());
        pids.insert(number(&stream["index"]), pid.expect("a PID"));
    }
    let mut packets: BTreeMap<u16, Vec<Probed>> = BTreeMap::new();
    for packet in probed["packets"].as_array().expect("packets") {
        packets.entry(pids[&number(&packet["stream_index"])]).or_default().push(Probed {
            pts: number(&packet["pts"]),
            dts: number(&packet["dts"]),
            size: packet["size"].as_str().and_then(|size| size.parse().ok()).expect("a size"),
            key: packet["flags"].as_str().expect("flags").starts_with('K'),
        });
    }
    packets
}

/// What a demultiplexer makes of bytes.
#[derive(Default)]
struct Read {
    streams: Vec<Stream>,
    samples: Vec<Sample>,
    warnings: Vec<String>,
}

impl Read {
    fn of(bytes: &[u8], select: Select) -> Self {
        let mut read = Self::default();
        let mut demuxer = Demuxer::new(select);
        for piece in bytes.chunks(1_316) {
            demuxer.push(piece);
            read.take(&mut demuxer);
        }
        demuxer.finish();
        read.take(&mut demuxer);
        read
    }

    fn take(&mut self, demuxer: &mut Demuxer) {
        while let Some(event) = demuxer.poll() {
            match event {
                Event::Tracks(streams) => self.streams = streams,
                Event::Sample(sample) => self.samples.push(sample),
                Event::Warning(warning) => self.warnings.push(warning.to_string()),
                Event::ClockJump { .. } => self.warnings.push("clock jump".to_owned()),
                Event::Section { .. } | Event::Id3 { .. } | Event::Ended => {}
            }
        }
    }

    fn of_pid(&self, pid: u16) -> (&Stream, Vec<&Sample>) {
        let stream = self.streams.iter().find(|stream| stream.pid == pid).expect("a track for each PID");
        (stream, self.samples.iter().filter(|sample| sample.track == stream.track.id).collect())
    }
}

/// Demultiplexes what FFmpeg made and compares each packet with what ffprobe shows; gives what was read.
fn check(made: &Made, select: Select) -> Read {
    let read = Read::of(&made.bytes, select);
    assert_eq!(read.warnings, [""; 0], "a clean stream");
    let probed = ffprobe(&made.path);
    for stream in &read.streams {
        let (_, samples) = read.of_pid(stream.pid);
        let wanted = &probed[&stream.pid];
        assert_eq!(samples.len(), wanted.len(), "packets of {}", stream.track.format);
        for (at, (sample, wanted)) in samples.iter().zip(wanted).enumerate() {
            let what = format!("packet {at} of {}", stream.track.format);
            let mpeg = |ticks| rescale_nearest(ticks, stream.track.timescale, Timescale::MPEG);
            // FFmpeg adds up rounded durations inside a PES packet; here samples are counted.
            let tolerance = if stream.track.format.is_video() { 0 } else { 2 };
            let near = |ours: i64, theirs: i64| (mpeg(ours) - theirs).abs() <= tolerance;
            assert!(near(sample.dts, wanted.dts), "{what}: dts {} {wanted:?}", mpeg(sample.dts));
            assert!(near(sample.pts(), wanted.pts), "{what}: pts {} {wanted:?}", mpeg(sample.pts()));
            assert_eq!(sample.sync, wanted.key, "{what}");
            match &stream.track.format {
                Format::Audio(audio) if audio.codec == AudioCodec::Aac => {
                    assert_eq!(sample.data.len() + 7, wanted.size, "{what}: without its ADTS header");
                }
                Format::Video(video) if matches!(video.codec, VideoCodec::H264 | VideoCodec::H265) => {}
                _ => assert_eq!(sample.data.len(), wanted.size, "{what}"),
            }
        }
    }
    read
}

fn names(read: &Read) -> Vec<String> {
    let name = |stream: &Stream| match stream.language {
        Some(language) => format!("{} {language}", stream.track.format),
        None => stream.track.format.to_string(),
    };
    read.streams.iter().map(name).collect()
}

/// NAL units of a raw stream but for those that samples leave out.
fn slices(raw: &[u8]) -> Vec<&[u8]> {
    let kept = |unit: &&[u8]| !matches!(unit[0] & 0x1F, 7 | 8 | 9 | 12);
    codec::nal::annexb(raw).filter(kept).collect()
}

#[test]
fn h264_with_b_frames_and_aac() {
    let made = ffmpeg(&format!(
        "{PICTURE} {SOUND} -t 3 -c:v libx264 -preset ultrafast -bf 3 -b_strategy 0 -g 25 -pix_fmt yuv420p -c:a aac -ac 2 \
         -metadata:s:a:0 language=deu"
    ));
    let read = check(&made, Select::default());
    assert!(names(&read)[0].starts_with("avc1.") && names(&read)[0].ends_with(" 320x180 25 fps"));
    assert_eq!(names(&read)[1], "mp4a.40.2 48000 Hz 2 ch deu");
    let (_, samples) = read.of_pid(256);
    assert!(samples.iter().any(|sample| sample.composition_offset > 3_600), "there are B frames");
    // And byte for byte: the same slices in the same order.
    let raw = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(&made.path)
        .args("-map 0:v -c copy -f h264 -".split(' '))
        .output()
        .expect("ffmpeg is installed");
    let ours: Vec<&[u8]> = samples
        .iter()
        .flat_map(|sample| codec::nal::length_prefixed(&sample.data).map(|unit| unit.expect("whole units")))
        .collect();
    assert!(ours == slices(&raw.stdout), "{} NAL units", ours.len());
}

#[test]
fn hevc_and_ac_3() {
    let made = ffmpeg(&format!(
        "{PICTURE} {SOUND} -t 2 -c:v libx265 -preset ultrafast -x265-params log-level=none:keyint=25:bframes=2 \
         -pix_fmt yuv420p -c:a ac3 -ac 6 -b:a 384k"
    ));
    let read = check(&made, Select::default());
    assert!(names(&read)[0].starts_with("hvc1.1."), "{:?}", names(&read));
    assert_eq!(names(&read)[1], "ac-3 48000 Hz 6 ch");
}

#[test]
fn mpeg_2_and_mp2() {
    let made = ffmpeg(&format!(
        "{PICTURE} {SOUND} -t 2 -c:v mpeg2video -bf 2 -g 12 -aspect 16:9 -c:a mp2 -ar 44100 -ac 2 -b:a 192k"
    ));
    let read = check(&made, Select::default());
    assert_eq!(names(&read), ["mp4v.61 320x180 25 fps", "mp4a.6B 44100 Hz 2 ch"]);
}

#[test]
fn opus_e_ac_3_and_mp3_in_several_languages() {
    let made = ffmpeg(&format!(
        "{SOUND} -t 2 -map 0 -map 0 -map 0 -c:a:0 libopus -ac:a:0 2 -c:a:1 eac3 -ac:a:1 2 -c:a:2 libmp3lame -ac:a:2 1 \
         -metadata:s:a:0 language=eng -metadata:s:a:1 language=fra"
    ));
    let read = check(&made, Select::default());
    assert_eq!(names(&read), ["opus 48000 Hz 2 ch eng", "ec-3 48000 Hz 2 ch fra", "mp4a.6B 48000 Hz 1 ch"],);
}

#[test]
fn time_goes_on_over_the_wrap_of_33_bits() {
    let made = ffmpeg(&format!(
        "{PICTURE} {SOUND} -t 4 -c:v libx264 -preset ultrafast -bf 3 -b_strategy 0 -g 25 -pix_fmt yuv420p -c:a aac \
         -output_ts_offset 95440.5"
    ));
    let read = Read::of(&made.bytes, Select::default());
    assert_eq!(read.warnings, [""; 0]);
    for stream in &read.streams {
        let (_, samples) = read.of_pid(stream.pid);
        let mpeg = |ticks| rescale_nearest(ticks, stream.track.timescale, Timescale::MPEG);
        let step = if stream.track.format.is_video() { 3_600 } else { 2_090 };
        assert!(mpeg(samples[0].dts) < 1 << 33 && mpeg(samples.last().expect("samples").dts) > 1 << 33);
        for pair in samples.windows(2) {
            let taken = mpeg(pair[1].dts) - mpeg(pair[0].dts);
            assert!((1..=step).contains(&taken), "{taken} ticks in {}", stream.track.format);
        }
    }
    assert_eq!(read.of_pid(256).1.len(), 100);
}

#[test]
fn two_programs_one_chosen() {
    let made = ffmpeg(&format!(
        "{PICTURE} {SOUND} -t 1 -map 0 -map 1 -map 0 -map 1 -c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a aac \
         -program program_num=11:st=0:st=1 -program program_num=12:st=2:st=3"
    ));
    let pids = |read: &Read| read.streams.iter().map(|stream| stream.pid).collect::<Vec<_>>();
    assert_eq!(pids(&check(&made, Select::default())), [256, 257]);
    let second = Select { program: Some(12), ..Select::default() };
    assert_eq!(pids(&check(&made, second)), [258, 259]);
}

#[test]
fn packets_of_192_bytes() {
    let made = ffmpeg(&format!(
        "{PICTURE} {SOUND} -t 1 -c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a ac3 -mpegts_m2ts_mode 1"
    ));
    assert_eq!(made.bytes.len() % 192, 0);
    assert_eq!(check(&made, Select::default()).streams.len(), 2);
}

#[test]
fn a_stream_joined_in_the_middle_begins_at_its_next_key_frame() {
    let made = ffmpeg(&format!("{PICTURE} -t 3 -c:v libx264 -preset ultrafast -g 25 -bf 0 -pix_fmt yuv420p"));
    let whole = Read::of(&made.bytes, Select::default());
    let from = made.bytes.len() / 2 + 77;
    let joined = Read::of(&made.bytes[from..], Select::default());
    let first = joined.samples.first().expect("a key frame");
    assert!(first.sync);
    let at = whole.samples.iter().position(|sample| sample == first).expect("one of the whole stream's");
    assert_eq!(joined.samples, whole.samples[at..]);
}

#[test]
fn every_twentieth_packet_lost_costs_pictures_and_no_others_change() {
    let made = ffmpeg(&format!(
        "{PICTURE} {SOUND} -t 3 -c:v libx264 -preset ultrafast -g 10 -pix_fmt yuv420p -c:a aac"
    ));
    let whole = Read::of(&made.bytes, Select::default());
    let packets = made.bytes.chunks(PACKET_BYTES).enumerate();
    let kept: Vec<u8> =
        packets.filter(|(at, _)| at % 20 != 19).flat_map(|(_, packet)| packet.to_vec()).collect();
    let lossy = Read::of(&kept, Select::default());
    assert!(!lossy.warnings.is_empty() && lossy.samples.len() > 20);
    assert!(lossy.samples.iter().all(|sample| whole.samples.contains(sample)));
}
