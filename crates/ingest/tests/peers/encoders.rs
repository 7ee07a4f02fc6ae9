//! The encoders people use.

use media::{AudioCodec, Format, VideoCodec};

use crate::harness::*;

fn push_with_ffmpeg(batch_ms: u64) {
    let role = Role::start(batch_ms);
    let mut subscriber = role.subscribe("main", None);
    let (file, url) = (clip().to_str().expect("a UTF-8 name"), role.url("sesame"));
    let mut ffmpeg = Process::start("ffmpeg", &["-v", "error", "-i", file, "-c", "copy", "-f", "flv", &url]);
    let heard = subscriber.session();
    assert!(ffmpeg.succeeded());
    assert_eq!(heard.ended, "the publisher said goodbye");

    let Format::Video(video) = &heard.track(VIDEO).format else { panic!("{:?}", heard.tracks) };
    assert_eq!((video.codec, video.width, video.height), (VideoCodec::H264, 320, 180));
    let Format::Audio(audio) = &heard.track(AUDIO).format else { panic!("{:?}", heard.tracks) };
    assert_eq!((audio.codec, audio.sample_rate), (AudioCodec::Aac, 48_000));

    let pictures = heard.of(VIDEO);
    assert_eq!(pictures.len(), packets_in_clip("v:0"), "every picture arrives");
    let keys: Vec<_> = (0..pictures.len()).filter(|at| pictures[*at].sync).collect();
    assert_eq!(keys, [0, 30, 60, 90]);
    for pair in pictures.windows(2) {
        // 33 or 34 ms of RTMP's clock.
        assert!([2_970, 3_060].contains(&(pair[1].dts - pair[0].dts)), "{} {}", pair[0].dts, pair[1].dts);
    }
    assert!(pictures.iter().any(|picture| picture.composition_offset > 0), "B-frames keep their offsets");

    let sounds = heard.of(AUDIO);
    assert_eq!(sounds.len(), packets_in_clip("a:0"), "every AAC frame arrives");
    assert!(sounds.windows(2).all(|pair| pair[1].dts - pair[0].dts == 1_024), "frames lie end to end");
    assert!(sounds.iter().all(|sound| sound.duration == Some(1_024)));

    role.wait_for_metric("headwater_ingest_publishers{channel=\"main\"}", 0.0);
    assert_eq!(role.metric("headwater_ingest_video_frames_total{channel=\"main\"}"), pictures.len() as f64);
    assert_eq!(role.metric("headwater_ingest_audio_frames_total{channel=\"main\"}"), sounds.len() as f64);
    assert!(role.metric("headwater_ingest_bytes_total{channel=\"main\"}") > 10_000.0);
}

#[test]
fn every_frame_of_an_ffmpeg_push_arrives_as_it_comes() {
    push_with_ffmpeg(0);
}

#[test]
fn every_frame_of_an_ffmpeg_push_arrives_when_read_in_batches() {
    push_with_ffmpeg(100);
}

#[test]
fn gstreamer_publishes() {
    let role = Role::start(0);
    let mut subscriber = role.subscribe("main", None);
    let location = format!("location={}", role.url("sesame"));
    let pipeline = "-q flvmux name=mux streamable=true ! rtmp2sink LOCATION \
                    videotestsrc num-buffers=60 ! video/x-raw,width=320,height=180,framerate=30/1 ! \
                    x264enc tune=zerolatency key-int-max=30 ! h264parse ! mux. \
                    audiotestsrc num-buffers=90 samplesperbuffer=1024 ! audio/x-raw,rate=44100,channels=2 ! \
                    voaacenc ! aacparse ! mux.";
    let arguments: Vec<_> = pipeline
        .split_whitespace()
        .map(|word| if word == "LOCATION" { location.as_str() } else { word })
        .collect();
    let mut gstreamer = Process::start("gst-launch-1.0", &arguments);
    let heard = subscriber.session();
    assert!(gstreamer.succeeded());
    assert_eq!(heard.of(VIDEO).len(), 60);
    assert!(heard.of(VIDEO)[0].sync);
    let Format::Audio(audio) = &heard.track(AUDIO).format else { panic!("{:?}", heard.tracks) };
    assert_eq!(audio.sample_rate, 44_100);
    let sounds = heard.of(AUDIO);
    assert!(sounds.len() >= 89, "{} AAC frames of 90 buffers", sounds.len());
    assert!(sounds.windows(2).all(|pair| pair[1].dts - pair[0].dts == 1_024), "frames lie end to end");
}

/// FFmpeg 7 or later, which speaks Enhanced RTMP: `HEADWATER_FFMPEG9`, or the one in PyPI's `imageio-ffmpeg`.
fn enhanced_ffmpeg() -> Option<String> {
    if let Ok(path) = std::env::var("HEADWATER_FFMPEG9") {
        return Some(path);
    }
    let program = "import imageio_ffmpeg; print(imageio_ffmpeg.get_ffmpeg_exe())";
    let output = std::process::Command::new("python3").args(["-c", program]).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn push_enhanced(encoder: &str, audio: &str) -> Option<Heard> {
    let Some(ffmpeg) = enhanced_ffmpeg() else {
        eprintln!("no FFmpeg with Enhanced RTMP here: only the crafted messages were tested");
        return None;
    };
    let role = Role::start(0);
    let mut subscriber = role.subscribe("main", None);
    let arguments = format!(
        "-v error -f lavfi -i testsrc2=s=320x180:r=30:d=2 -f lavfi -i sine=r=48000:d=2 -g 30 -pix_fmt yuv420p \
         -c:v {encoder} -c:a {audio} -f flv {}",
        role.url("sesame")
    );
    let arguments: Vec<_> = arguments.split_whitespace().collect();
    let mut ffmpeg = Process::start(ffmpeg, &arguments);
    let heard = subscriber.session();
    assert!(ffmpeg.succeeded());
    assert_eq!(heard.of(VIDEO).len(), 60);
    assert!(heard.of(VIDEO)[0].sync);
    Some(heard)
}

#[test]
fn ffmpeg_publishes_hevc_over_enhanced_rtmp() {
    let Some(heard) = push_enhanced("libx265", "aac") else { return };
    let Format::Video(video) = &heard.track(VIDEO).format else { panic!("{:?}", heard.tracks) };
    assert_eq!((video.codec, video.width, video.height), (VideoCodec::H265, 320, 180));
    assert!(heard.of(AUDIO).len() > 90);
}

#[test]
fn ffmpeg_publishes_av1_and_opus_over_enhanced_rtmp() {
    let Some(heard) = push_enhanced("libsvtav1 -preset 12", "libopus") else { return };
    let Format::Video(video) = &heard.track(VIDEO).format else { panic!("{:?}", heard.tracks) };
    assert_eq!((video.codec, video.width, video.height), (VideoCodec::Av1, 320, 180));
    let Format::Audio(audio) = &heard.track(AUDIO).format else { panic!("{:?}", heard.tracks) };
    assert_eq!(audio.codec, AudioCodec::Opus);
    assert!(heard.of(AUDIO).iter().all(|sound| sound.duration == Some(960)));
}
