//! The calls against the libraries that are installed.

use std::io::Cursor;
use std::process::Command;

use bytes::Bytes;
use media::{AudioCodec, AudioFormat, Format, Rational, VideoCodec};

use crate::*;

fn settings() -> VideoSettings<'static> {
    VideoSettings {
        codec: VideoCodec::H264,
        width: 320,
        height: 180,
        frame_rate: Rational::whole(30),
        bitrate_bps: 400_000,
        max_bitrate_bps: 440_000,
        buffer_bits: 600_000,
        preset: "veryfast",
        headers_of: "veryfast",
        profile: "high",
        threads: 1,
        low_delay: false,
        colour: Colour::BT709,
    }
}

/// A grey picture with a bright block that moves with `n`.
fn picture(width: u32, height: u32, n: usize) -> Frame {
    let mut frame = Frame::picture(width, height).expect("memory");
    for (plane, grey) in [(0, 60), (1, 128), (2, 128)] {
        let (bytes, stride) = frame.plane_mut(plane).expect("memory");
        for row in bytes.chunks_mut(stride) {
            row.fill(grey);
        }
        if plane == 0 {
            for row in bytes.chunks_mut(stride).take(40) {
                row[n * 4 % 200..][..32].fill(220);
            }
        }
    }
    frame
}

fn encode(settings: &VideoSettings<'_>, frames: usize, keys: &[usize]) -> Vec<Packet> {
    let mut encoder = Encoder::video(settings).expect("the encoder is installed");
    let mut packets = Vec::new();
    for n in 0..frames {
        let kind = if keys.contains(&n) { Picture::Key } else { Picture::Any };
        let frame = picture(settings.width, settings.height, n);
        encoder.send_picture(&frame, 1_000 + n as i64, kind).expect("encodes");
        packets.extend(std::iter::from_fn(|| encoder.receive().expect("encodes")));
    }
    encoder.finish();
    packets.extend(std::iter::from_fn(|| encoder.receive().expect("encodes")));
    packets
}

#[test]
fn key_frames_come_where_they_are_asked_for_and_nowhere_else() {
    for codec in [VideoCodec::H264, VideoCodec::H265] {
        let packets = encode(&VideoSettings { codec, ..settings() }, 90, &[0, 31, 60]);
        let keys: Vec<_> = packets.iter().filter(|packet| packet.is_key()).map(Packet::pts).collect();
        assert_eq!(keys, [Some(1_000), Some(1_031), Some(1_060)], "{codec:?}");
        // Decode times are contiguous, shifted by a constant.
        let first = packets[0].dts().expect("encoders tell decode times");
        for (n, packet) in packets.iter().enumerate() {
            assert_eq!(packet.dts(), Some(first + n as i64), "{codec:?}");
            assert!(packet.pts() >= packet.dts(), "{codec:?}");
        }
    }
}

#[test]
fn what_was_encoded_decodes_to_the_same_pictures() {
    let packets = encode(&settings(), 30, &[0]);
    let encoder = Encoder::video(&settings()).expect("opens");
    // Annex B parameter sets serve a decoder as well as an avcC does.
    let format = Format::Video(media::VideoFormat {
        codec: VideoCodec::H264,
        width: 320,
        height: 180,
        frame_rate: None,
        sample_aspect: Rational::whole(1),
        config: Bytes::copy_from_slice(encoder.headers()),
        rfc6381: String::new(),
    });
    let mut decoder = Decoder::open(&Parameters::of(&format).expect("memory"), 2).expect("opens");
    let mut frames = Vec::new();
    for packet in &packets {
        decoder
            .send(packet.data(), packet.pts().expect("known"), packet.dts().expect("known"))
            .expect("decodes");
        frames.extend(std::iter::from_fn(|| decoder.receive().expect("decodes")));
    }
    decoder.finish();
    frames.extend(std::iter::from_fn(|| decoder.receive().expect("decodes")));
    let times: Vec<_> = frames.iter().filter_map(Frame::pts).collect();
    assert_eq!(times, (1_000..1_030).collect::<Vec<_>>());
    let (luma, _) = frames[10].plane(0);
    assert!(luma[50] > 180 && luma[20] < 100, "the block has moved: {} {}", luma[50], luma[20]);
}

#[test]
fn a_damaged_unit_is_a_named_error_and_the_next_one_decodes() {
    let packets = encode(&settings(), 60, &[0, 30]);
    let mut stream = Encoder::video(&settings()).expect("opens").headers().to_vec();
    stream.extend_from_slice(packets[0].data());
    let format = Format::Video(media::VideoFormat {
        codec: VideoCodec::H264,
        width: 320,
        height: 180,
        frame_rate: None,
        sample_aspect: Rational::whole(1),
        config: Bytes::new(),
        rfc6381: String::new(),
    });
    let mut decoder = Decoder::open(&Parameters::of(&format).expect("memory"), 1).expect("opens");
    let refused = decoder.send(&[0, 0, 0, 1, 0x65, 0xFF, 0xFF], 0, 0).expect_err("no parameter sets");
    assert!(refused.is_damaged_input(), "{refused}");
    decoder.send(&stream, 1, 1).expect("decodes");
    decoder.finish();
    assert!(decoder.receive().expect("decodes").is_some());
}

#[test]
fn scaling_keeps_bars_black_and_the_picture_inside() {
    let mut scaler = Scaler::new(160, 120).expect("memory");
    let placement = Placement { x: 0, y: 14, width: 160, height: 90 };
    let mut bright = picture(320, 180, 0);
    let (bytes, _) = bright.plane_mut(0).expect("memory");
    bytes.fill(200);
    for _ in 0..3 {
        let frame = scaler.scale(&bright, placement, Colour::SMPTE170M).expect("scales");
        let (luma, stride) = frame.plane(0);
        assert_eq!((frame.width(), frame.height()), (160, 120));
        for y in 0..120 {
            let inside = (14..104).contains(&y);
            let expected = if inside { 200 } else { 16 };
            for x in [0, 80, 159] {
                assert!(luma[y * stride + x].abs_diff(expected) <= 2, "{x},{y}: {}", luma[y * stride + x]);
            }
        }
    }
    let outside = Placement { x: 2, y: 0, width: 160, height: 90 };
    assert!(scaler.scale(&bright, outside, Colour::SMPTE170M).is_err());
}

#[test]
fn sound_survives_encoding_where_its_packets_say() {
    let mut encoder =
        Encoder::audio(&AudioSettings { sample_rate: 48_000, bitrate_bps: 128_000 }).expect("opens");
    assert_eq!(encoder.block_samples(), 1_024);
    // Silence, then a tone from sample 10,000 on.
    let sound: Vec<f32> =
        (0..40 * 1_024).map(|n: i32| if n < 10_000 { 0.0 } else { (n as f32 * 0.13).sin() * 0.5 }).collect();
    let mut packets = Vec::new();
    for (block, samples) in sound.chunks(1_024).enumerate() {
        encoder.send_sound(samples, samples, block as i64 * 1_024).expect("encodes");
        packets.extend(std::iter::from_fn(|| encoder.receive().expect("encodes")));
    }
    encoder.finish();
    packets.extend(std::iter::from_fn(|| encoder.receive().expect("encodes")));
    assert_eq!(packets[0].pts(), Some(-1_024), "the encoder's priming");

    let format = Format::Audio(AudioFormat {
        codec: AudioCodec::Aac,
        sample_rate: 48_000,
        channels: 2,
        config: Bytes::copy_from_slice(encoder.headers()),
        rfc6381: String::new(),
    });
    let mut decoder = Decoder::open(&Parameters::of(&format).expect("memory"), 1).expect("opens");
    let mut resampler = Resampler::new(48_000);
    let (mut left, mut right) = (Vec::new(), Vec::new());
    for packet in &packets {
        let time = packet.pts().expect("known");
        decoder.send(packet.data(), time, time).expect("decodes");
        while let Some(frame) = decoder.receive().expect("decodes") {
            resampler.convert(&frame, &mut left, &mut right).expect("converts");
        }
    }
    let onset = left.iter().position(|sample| sample.abs() > 0.2).expect("the tone is heard") as i64 - 1_024;
    assert!((onset - 10_000).abs() < 200, "{onset}");
    assert_eq!(left.len(), right.len());
}

fn made_by_ffmpeg(arguments: &[&str]) -> Vec<u8> {
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin"])
        .args(arguments)
        .args(["-f", "matroska", "-"])
        .output()
        .expect("ffmpeg is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[test]
fn an_interlaced_file_is_read_decoded_and_deinterlaced() {
    let file = made_by_ffmpeg(&[
        "-f",
        "lavfi",
        "-i",
        "testsrc2=size=320x240:rate=50:duration=1",
        "-f",
        "lavfi",
        "-i",
        "sine=duration=1",
        "-vf",
        "interlace",
        "-c:v",
        "libx264",
        "-flags",
        "+ildct+ilme",
        "-c:a",
        "aac",
    ]);
    let mut demuxer = Demuxer::open(Box::new(Cursor::new(file))).expect("opens");
    let streams = demuxer.streams().expect("lists");
    assert_eq!(streams.len(), 2);
    let video = streams.iter().find(|stream| stream.kind == StreamKind::Video).expect("video");
    assert_eq!(video.frame_rate, Some(Rational::whole(25)));
    for (fields, expected) in [(Fields::Joined, 25), (Fields::Each, 50)] {
        let mut decoder = Decoder::open(&video.parameters, 1).expect("opens");
        let mut deinterlacer = Deinterlacer::new(fields);
        let mut frames = Vec::new();
        let mut decoded = 0;
        let mut feed = |decoder: &mut Decoder, frames: &mut Vec<Frame>| {
            while let Some(mut frame) = decoder.receive().expect("decodes") {
                assert!(frame.is_interlaced());
                frame.set_pts(frame.pts().expect("known"));
                deinterlacer.push(frame, frames).expect("filters");
                decoded += 1;
            }
        };
        let mut again = Demuxer::open(Box::new(Cursor::new(made_by_ffmpeg(&[
            "-f",
            "lavfi",
            "-i",
            "testsrc2=size=320x240:rate=50:duration=1",
            "-vf",
            "interlace",
            "-c:v",
            "libx264",
            "-flags",
            "+ildct+ilme",
        ]))))
        .expect("opens");
        while let Some(packet) = again.read().expect("reads") {
            let time = packet.pts().expect("known");
            decoder.send(packet.data(), time, packet.dts().unwrap_or(time)).expect("decodes");
            feed(&mut decoder, &mut frames);
        }
        decoder.finish();
        feed(&mut decoder, &mut frames);
        deinterlacer.finish(&mut frames).expect("filters");
        assert_eq!(decoded, 25);
        assert_eq!(frames.len(), expected, "{fields:?}");
        assert!(frames.iter().all(|frame| !frame.is_interlaced()));
        let times: Vec<_> = frames.iter().filter_map(Frame::pts).collect();
        assert!(times.windows(2).all(|pair| pair[1] - pair[0] == 1_000 / expected as i64), "{times:?}");
    }
    let mut sounds = 0;
    while let Some(packet) = demuxer.read().expect("reads") {
        sounds += usize::from(packet.stream() != video.index);
    }
    assert!(sounds > 40, "{sounds}");
}

#[test]
fn a_playlist_opens_no_other_file() {
    let playlist = b"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n/etc/passwd\n#EXT-X-ENDLIST\n".to_vec();
    assert!(Demuxer::open(Box::new(Cursor::new(playlist))).is_err());
    assert!(
        Demuxer::open(Box::new(Cursor::new(b"ffconcat version 1.0\nfile '/etc/passwd'\n".to_vec()))).is_err()
    );
    assert!(Demuxer::open(Box::new(Cursor::new(Vec::new()))).is_err());
}

#[test]
fn damaged_files_give_errors_or_packets_but_never_more() {
    let file =
        made_by_ffmpeg(&["-f", "lavfi", "-i", "testsrc2=size=160x120:rate=10:duration=1", "-c:v", "libx264"]);
    let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed as usize
    };
    for _ in 0..60 {
        let mut damaged = file.clone();
        for _ in 0..20 {
            let at = random() % damaged.len();
            damaged[at] = random() as u8;
        }
        let Ok(mut demuxer) = Demuxer::open(Box::new(Cursor::new(damaged))) else { continue };
        let Ok(streams) = demuxer.streams() else { continue };
        let mut decoder = streams.first().and_then(|stream| Decoder::open(&stream.parameters, 1).ok());
        while let Ok(Some(packet)) = demuxer.read() {
            let Some(decoder) = &mut decoder else { continue };
            if decoder.send(packet.data(), packet.pts().unwrap_or(0), packet.dts().unwrap_or(0)).is_ok() {
                while let Ok(Some(_)) = decoder.receive() {}
            }
        }
    }
}

#[test]
fn log_lines_reach_the_callback_and_are_bounded() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static LINES: AtomicUsize = AtomicUsize::new(0);
    log_to(|_, line| {
        assert!(line.len() < 512);
        LINES.fetch_add(1, Ordering::Relaxed);
    });
    assert!(version().starts_with(char::is_numeric));
    assert!(has_encoder("libx264") && !has_encoder("no-such-encoder"));
    // An access unit without parameter sets makes the decoder complain, each time.
    let format = Format::Video(media::VideoFormat {
        codec: VideoCodec::H264,
        width: 320,
        height: 180,
        frame_rate: None,
        sample_aspect: Rational::whole(1),
        config: Bytes::new(),
        rfc6381: String::new(),
    });
    let mut decoder = Decoder::open(&Parameters::of(&format).expect("memory"), 1).expect("opens");
    for _ in 0..50 {
        assert!(decoder.send(&[0, 0, 0, 1, 0x65, 0xFF, 0xFF], 0, 0).is_err());
    }
    let lines = LINES.load(Ordering::Relaxed);
    assert!((1..50).contains(&lines), "{lines}");
}

#[test]
fn scaling_converts_the_matrix_where_the_colours_differ() {
    // 75 % red: 63, 102, 212 in BT.601 and 51, 109, 212 in BT.709.
    let mut red = Frame::picture(320, 180).expect("memory");
    red.set_colour(Colour::SMPTE170M);
    for (plane, value) in [(0, 65), (1, 100), (2, 212)] {
        red.plane_mut(plane).expect("memory").0.fill(value);
    }
    let mut scaler = Scaler::new(160, 90).expect("memory");
    let whole = Placement { x: 0, y: 0, width: 160, height: 90 };
    let samples = |frame: &Frame| [0, 1, 2].map(|plane| frame.plane(plane).0[20]);
    let same = scaler.scale(&red, whole, Colour::SMPTE170M).expect("scales");
    let other = scaler.scale(&red, whole, Colour::BT709).expect("scales");
    let near = |found: [u8; 3], wanted: [u8; 3]| found.iter().zip(wanted).all(|(f, w)| f.abs_diff(w) <= 3);
    assert!(near(samples(&same), [65, 100, 212]), "{:?}", samples(&same));
    assert!(near(samples(&other), [51, 109, 212]), "{:?}", samples(&other));
    assert!(other.colour().same_matrix(Colour::BT709));
}

#[test]
fn stills_of_three_kinds_are_decoded_and_others_refused() {
    for kind in ["png", "jpg", "webp"] {
        let folder = std::env::temp_dir().join(format!("headwater-still-{}.{kind}", std::process::id()));
        let made = Command::new("ffmpeg")
            .args(["-v", "error", "-nostdin", "-y", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=1"])
            .args(["-frames:v", "1", "-update", "1"])
            .arg(&folder)
            .status()
            .expect("ffmpeg is installed");
        assert!(made.success(), "{kind}");
        let file = std::fs::read(&folder).expect("is there");
        std::fs::remove_file(&folder).expect("is there");
        let frame = Frame::still(&file).expect(kind);
        assert_eq!((frame.width(), frame.height()), (320, 180), "{kind}");
        assert!(Frame::still(&file[..40]).is_err(), "{kind} cut short");
    }
    assert!(Frame::still(b"GIF89a").is_err());
    assert!(Frame::still(b"").is_err());
}

#[test]
fn luma_is_sampled_from_black_to_white_whatever_the_range() {
    let mut frame = picture(1_920, 1_080, 0);
    frame.plane_mut(0).expect("memory").0.fill(16);
    assert_eq!(frame.luma_samples(), Some(LumaSamples(vec![0; 32 * 18])));
    frame.plane_mut(0).expect("memory").0.fill(235);
    assert_eq!(frame.luma_samples(), Some(LumaSamples(vec![255; 32 * 18])));
    let (bytes, stride) = frame.plane_mut(0).expect("memory");
    bytes[stride * 540..].fill(16);
    let samples = frame.luma_samples().expect("planar").0;
    assert_eq!((samples[32 * 8], samples[32 * 9]), (255, 0), "the lower half is black");
}

#[test]
fn a_stream_keeps_its_headers_and_its_order_under_every_cheaper_preset() {
    const PRESETS: [&str; 7] = ["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow"];
    for profile in ["baseline", "main", "high"] {
        for low_delay in [false, true] {
            for (place, headers_of) in PRESETS.into_iter().enumerate() {
                let open = |preset| {
                    let settings = VideoSettings { preset, headers_of, profile, low_delay, ..settings() };
                    Encoder::video(&settings).expect("opens")
                };
                let configured = open(headers_of);
                for preset in &PRESETS[..place] {
                    let cheaper = open(preset);
                    let what = format!("{preset} for {headers_of}, {profile}, low delay {low_delay}");
                    assert_eq!(cheaper.headers(), configured.headers(), "{what}");
                    assert_eq!(cheaper.reorder_frames(), configured.reorder_frames(), "{what}");
                }
            }
        }
    }
}

#[test]
fn a_picture_is_written_as_jpeg_in_its_own_shape_and_colours() {
    let mut frame = Frame::picture(1_440, 1_080).expect("memory");
    frame.set_colour(Colour::BT709);
    frame.raw_mut().sample_aspect_ratio = ffmpeg_sys_the_third::AVRational { num: 4, den: 3 };
    // Red as BT.709 codes it, and black bars left of it.
    for (plane, red, black, bar) in [(0, 63, 16, 360), (1, 102, 128, 180), (2, 240, 128, 180)] {
        let (values, stride) = frame.plane_mut(plane).expect("memory");
        values.fill(red);
        values.chunks_mut(stride).for_each(|row| row[..bar].fill(black));
    }
    let file = frame.jpeg(640).expect("written");
    assert!(file.starts_with(&[0xFF, 0xD8, 0xFF]) && file.ends_with(&[0xFF, 0xD9]));
    let read = Frame::still(&file).expect("it is a JPEG file");
    assert_eq!((read.width(), read.height()), (640, 360));
    let (luma, stride) = read.plane(0);
    // Full range, as JFIF has it: red is 76, 85, 255.
    let near = |value: u8, wanted: u8| value.abs_diff(wanted) <= 3;
    assert!(
        near(luma[180 * stride + 40], 0) && near(luma[180 * stride + 600], 76),
        "{}",
        luma[180 * stride + 600]
    );
    let (red, stride) = read.plane(2);
    assert!(near(red[90 * stride + 300], 255), "{}", red[90 * stride + 300]);
    // Never larger than it is.
    let small = Frame::picture(320, 240).expect("memory").jpeg(640).expect("written");
    assert_eq!(Frame::still(&small).expect("it is a JPEG file").width(), 320);
}
