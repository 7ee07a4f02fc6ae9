//! Against FFmpeg: what it writes we read, what we write it reads without a word.

use std::path::Path;
use std::process::{Command, Stdio};

use bytes::Bytes;
use cmaf::{
    Begins, ChunkReader, Event, Fragmenter, Header, Labels, ReadChunk, init_segment, read_samples,
    shift_decode_time,
};
use media::Sample;

const H264: &[&str] = &[
    "-f",
    "lavfi",
    "-i",
    "testsrc=s=320x180:r=25",
    "-t",
    "3",
    "-c:v",
    "libx264",
    "-preset",
    "veryfast",
    "-bf",
    "2",
    "-g",
    "25",
    "-pix_fmt",
    "yuv420p",
    "-b:v",
    "100k",
];
const HEVC: &[&str] = &[
    "-f",
    "lavfi",
    "-i",
    "testsrc=s=320x180:r=25",
    "-t",
    "2",
    "-c:v",
    "libx265",
    "-preset",
    "ultrafast",
    "-x265-params",
    "log-level=error:keyint=25",
    "-tag:v",
    "hvc1",
    "-pix_fmt",
    "yuv420p",
];
const AV1: &[&str] = &[
    "-f",
    "lavfi",
    "-i",
    "testsrc=s=64x64:r=25",
    "-t",
    "1",
    "-c:v",
    "libaom-av1",
    "-cpu-used",
    "8",
    "-g",
    "25",
    "-pix_fmt",
    "yuv420p",
    "-strict",
    "-2",
];
const AAC: &[&str] =
    &["-f", "lavfi", "-i", "sine=r=48000", "-t", "3", "-c:a", "aac", "-ac", "2", "-b:a", "64k"];
const OPUS: &[&str] =
    &["-f", "lavfi", "-i", "sine=r=48000", "-t", "3", "-c:a", "libopus", "-ac", "2", "-strict", "-2"];

#[test]
fn h264_in_every_fragmented_flavour() {
    for flags in [
        "cmaf+frag_keyframe",
        // Absolute data offsets: the chunk must be rewritten.
        "frag_keyframe+empty_moov",
        // With a sidx before each fragment.
        "dash+frag_keyframe+empty_moov+default_base_moof",
        // With an edit list.
        "frag_keyframe+empty_moov+delay_moov+default_base_moof",
    ] {
        check(H264, &["-movflags", flags], "avc1.64000c 320x180 25 fps");
    }
}

#[test]
fn the_other_codecs() {
    check(HEVC, &["-movflags", "cmaf+frag_keyframe"], "hvc1.1.6.L60.90 320x180 25 fps");
    // FFmpeg knows AV1's configuration only after the first frame; without delay_moov it writes an empty av1C.
    check(AV1, &["-movflags", "cmaf+frag_keyframe+delay_moov"], "av01.0.00M.08 64x64");
    let second = ["-movflags", "cmaf", "-frag_duration", "1000000"];
    check(AAC, &second, "mp4a.40.2 48000 Hz 2 ch");
    check(OPUS, &second, "opus 48000 Hz 2 ch");
}

/// Has FFmpeg write a fragmented file, then holds it against what we make of it, four ways.
fn check(encode: &[&str], mux: &[&str], format: &str) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let theirs = dir.path().join("theirs.mp4");
    ffmpeg(&[encode, mux, &[theirs.to_str().expect("UTF-8")]].concat());

    // 1. The reader finds the samples that ffprobe finds.
    let body = Bytes::from(std::fs::read(&theirs).expect("FFmpeg wrote it"));
    let (header, chunks) = read(&body, 1_021);
    assert_eq!(header.track.format.to_string(), format);
    let samples: Vec<Sample> = chunks
        .iter()
        .flat_map(|chunk| read_samples(&chunk.raw, &header).expect("it was read before"))
        .collect();
    assert!(samples.len() >= 25, "{mux:?}: {} samples", samples.len());
    // Where composition offsets are negative, FFmpeg's demuxer moves all presentation times up by the largest.
    let lowest = samples.iter().map(|sample| sample.composition_offset).min();
    let up = -i64::from(lowest.unwrap_or(0).min(0));
    let line = |sample: &Sample| line(sample, up);
    let seen: Vec<String> = samples.iter().map(line).collect();
    assert_eq!(packets(&theirs), seen, "{mux:?}");

    for pair in samples.windows(2) {
        let lasts = pair[0].duration.map(i64::from);
        assert_eq!(lasts, Some(pair[1].dts - pair[0].dts), "{mux:?}");
    }

    // 2. In whatever pieces the body comes, the events are the same.
    for step in [7, 4_096, body.len()] {
        assert_eq!(read(&body, step), (header.clone(), chunks.clone()), "{mux:?} in steps of {step}");
    }

    // 3. What the reader kept is a whole file, with its times moved onto the epoch too.
    let delta = 1_790_000_000 * i64::from(header.track.timescale.ticks_per_second());
    let kept = dir.path().join("kept.mp4");
    let shifted = chunks.iter().map(|chunk| {
        shift_decode_time(&chunk.raw, delta, header.track.timescale).expect("it was read before")
    });
    let file: Vec<Bytes> = std::iter::once(header.raw.clone()).chain(shifted).collect();
    std::fs::write(&kept, file.concat()).expect("disk");
    let moved: Vec<String> =
        samples.iter().map(|sample| line(&Sample { dts: sample.dts + delta, ..sample.clone() })).collect();
    assert_eq!(packets(&kept), moved, "{mux:?}");

    // 4. Our own header and chunks of these samples read and decode without a warning.
    let ours = dir.path().join("ours.mp4");
    let labels = Labels { bitrate_bps: Some(100_000), ..Labels::named("test") };
    let mut file = vec![init_segment(&header.track, &labels)];
    let mut fragmenter = Fragmenter::new(&header.track);
    for (index, sample) in samples.iter().enumerate() {
        let begins = match (sample.sync && index % 25 == 0, index % 5) {
            (true, _) => Begins::Segment,
            (false, 0) => Begins::Chunk,
            _ => Begins::Nothing,
        };
        let chunk = fragmenter.push(sample.clone(), begins).expect("they rise");
        file.extend(chunk.into_iter().flat_map(|chunk| chunk.bytes));
    }
    file.extend(fragmenter.finish().into_iter().flat_map(|chunk| chunk.bytes));
    std::fs::write(&ours, file.concat()).expect("disk");
    assert_eq!(packets(&ours), seen, "{mux:?}");
    decode_in_silence(&ours);
    decode_in_silence(&kept);
}

/// Feeds `body` in pieces of `step` bytes.
fn read(body: &Bytes, step: usize) -> (Header, Vec<ReadChunk>) {
    let (mut header, mut chunks) = (None, Vec::new());
    let mut reader = ChunkReader::new();
    let mut at = 0;
    while at < body.len() {
        let end = (at + step).min(body.len());
        reader.feed(body.slice(at..end));
        at = end;
        while let Some(event) = reader.next().expect("FFmpeg's own") {
            match event {
                Event::Header(found) => header = Some(Header::clone(&found)),
                Event::SegmentStart => {}
                Event::Chunk(chunk) => chunks.push(chunk),
            }
        }
    }
    reader.finish().expect("the file is whole");
    (header.expect("it has a header"), chunks)
}

fn line(sample: &Sample, up: i64) -> String {
    let key = if sample.sync { "K_" } else { "__" };
    format!("{},{},{},{key}", sample.pts() + up, sample.dts, sample.data.len())
}

/// What ffprobe finds; it must have nothing to complain about.
fn packets(file: &Path) -> Vec<String> {
    let probe = Command::new("ffprobe")
        .args(["-v", "warning", "-ignore_editlist", "1"])
        .args(["-show_entries", "packet=pts,dts,size,flags", "-of", "csv=p=0"])
        .arg(file)
        .stdin(Stdio::null())
        .output()
        .expect("`ffprobe` runs (Debian package ffmpeg)");
    assert_eq!(String::from_utf8_lossy(&probe.stderr), "", "{}", file.display());
    assert!(probe.status.success(), "{}", file.display());
    let text = String::from_utf8(probe.stdout).expect("CSV");
    // Packets with side data end in a comma.
    text.lines().map(|line| line.trim_end_matches(',').to_owned()).collect()
}

fn decode_in_silence(file: &Path) {
    let decode = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "warning", "-xerror", "-i"])
        .arg(file)
        .args(["-f", "null", "-"])
        .output()
        .expect("`ffmpeg` runs (Debian package ffmpeg)");
    assert_eq!(String::from_utf8_lossy(&decode.stderr), "", "{}", file.display());
    assert!(decode.status.success(), "{}", file.display());
}

fn ffmpeg(arguments: &[&str]) {
    let status = Command::new("ffmpeg")
        .args(["-nostdin", "-hide_banner", "-loglevel", "error", "-y"])
        .args(arguments)
        .status()
        .expect("`ffmpeg` runs (Debian package ffmpeg)");
    assert!(status.success(), "{arguments:?}");
}
