//! Sources through the transcoder to CMAF in memory, judged by FFmpeg and by our own reader.

#[path = "transcode/inputs.rs"]
mod inputs;
#[path = "transcode/kit.rs"]
mod kit;
#[path = "transcode/ts.rs"]
mod ts;

use encoder::source::pattern::read_strip;
use encoder::source::{Event, InputTrack};
use encoder::transcode::Start;
use kit::{Made, Take, ladder, made_by_ffmpeg, of_file, of_pattern, settings};
use media::{Rational, VideoCodec};

const SECOND: i64 = 1_000_000_000;

#[test]
fn every_track_is_contiguous_to_the_tick_and_cut_on_the_epoch_grid() {
    let mut settings = settings(ladder(&[(640, 360, 30), (426, 240, 30), (320, 180, 30)]));
    settings.grid = media::Grid::new(2_000);
    let made = of_pattern(&settings, (640, 360), Rational::whole(30), 0..195);
    let mut cuts = Vec::new();
    for take in &made.tracks[..3] {
        take.assert_contiguous();
        assert_eq!(take.samples.len(), 195, "{}", take.name);
        assert!(take.samples.iter().all(|sample| sample.duration == Some(3_000)), "{}", take.name);
        let keys: Vec<i64> = take.samples.iter().filter(|s| s.sync).map(|s| s.pts()).collect();
        let starts: Vec<i64> = take.segment_starts();
        assert_eq!(keys.len(), starts.len(), "a key frame starts each segment and nothing else");
        assert!(keys[1..].iter().all(|pts| pts % 180_000 == 0), "{keys:?}");
        cuts.push(keys);
    }
    assert_eq!(cuts[0].len(), 4);
    assert!(cuts.iter().all(|keys| *keys == cuts[0]), "key frames are aligned across rungs");

    let audio = &made.tracks[3];
    audio.assert_contiguous();
    assert!(audio.samples.iter().all(|sample| sample.duration == Some(1_024) && sample.dts % 1_024 == 0));
    for (segment, cut) in audio.segment_starts().iter().zip(&cuts[0]) {
        let lead = i128::from(*segment) * 90_000 - i128::from(*cut) * 48_000;
        assert!(
            (0..1_024 * 90_000).contains(&lead),
            "sound is cut at the first frame from the picture's cut on"
        );
    }
    // The sound covers the pictures: it ends within a frame of them.
    let end = audio.samples.last().expect("sound").dts + 1_024;
    let picture_end = (cuts[0][0] + 195 * 3_000) * 48_000 / 90_000;
    assert!((0..1_024).contains(&(end - picture_end)), "{end} {picture_end}");
}

#[test]
fn two_encoders_of_a_channel_make_the_same_headers_and_segments_of_the_same_times() {
    let mut rungs = ladder(&[(640, 360, 30), (320, 180, 30)]);
    rungs[1].codec = VideoCodec::H265;
    let one = settings(rungs);
    // Another machine, another moment: neither may show.
    let other = encoder::transcode::Settings { cores: 5, ..one.clone() };
    let long = of_pattern(&one, (640, 360), Rational::whole(30), 0..140);
    let late = of_pattern(&other, (640, 360), Rational::whole(30), 40..140);
    for (long, late) in long.tracks.iter().zip(&late.tracks) {
        assert!(long.header.raw == late.header.raw, "{}: one header serves both", long.name);
        let (long, late_starts) = (long.segment_starts(), late.segment_starts());
        // It began in the middle of a segment; those after it are the same.
        assert!(late_starts.len() >= 3 && long.ends_with(&late_starts[1..]), "{}", late.name);
    }
}

#[test]
fn a_channel_has_nothing_wrong_from_its_beginning_even_where_that_is_in_the_middle_of_a_segment() {
    let made = of_pattern(&settings(ladder(&[(320, 180, 30)])), (320, 180), Rational::whole(30), 0..75);
    let pictures = &made.tracks[0].measured;
    // The pattern begins half a second before a slot's start: 15 frames, then 30 and 30.
    let whole = |frames| wire::Measured { frames, ..wire::Measured::default() };
    assert_eq!(pictures[..3], [whole(15), whole(30), whole(30)]);
    for take in &made.tracks {
        for measured in &take.measured[..2] {
            assert_eq!(measured.score(), 100, "{}: {measured}", take.name);
        }
    }
}

#[test]
fn ffprobe_and_ffmpeg_read_every_track() {
    let settings = settings(ladder(&[(640, 360, 30), (426, 240, 30)]));
    let made = of_pattern(&settings, (640, 360), Rational::whole(30), 0..90);
    for (take, size) in made.tracks.iter().zip(["640,360", "426,240"]) {
        let probed = take.ffprobe(&[
            "-count_frames",
            "-show_entries",
            "stream=codec_name,width,height,nb_read_frames",
        ]);
        assert_eq!(probed, format!("h264,{size},90"));
    }
    let probed = made.tracks[2].ffprobe(&["-show_entries", "stream=codec_name,sample_rate,channels"]);
    assert_eq!(probed, "aac,48000,2");
}

#[test]
fn the_strip_survives_encoding_and_tells_the_frame_s_own_time() {
    let mut rungs = ladder(&[(640, 360, 30), (426, 240, 30)]);
    rungs.iter_mut().for_each(|rung| rung.preset = spec::Preset::Ultrafast);
    let made = of_pattern(&settings(rungs), (640, 360), Rational::whole(30), 0..60);
    for (take, (width, height)) in made.tracks.iter().zip([(640, 360), (426, 240)]) {
        let frames = take.decoded();
        assert_eq!(frames.len(), 60);
        for (time_ns, frame) in frames {
            let (luma, stride) = frame.plane(0);
            let millis = read_strip(luma, stride, width, height).expect("the strip is readable");
            assert_eq!(millis, time_ns / 1_000_000, "{width}x{height}");
        }
    }
}

#[test]
fn flash_and_beep_stay_together() {
    let made = of_pattern(&settings(ladder(&[(640, 360, 30)])), (640, 360), Rational::whole(30), 0..150);
    let flashes = made.tracks[0].flashes();
    let beeps = made.tracks[1].beeps();
    assert_eq!(flashes.len(), 5, "{flashes:?}");
    assert_eq!(beeps.len(), 5, "{beeps:?}");
    for (flash, beep) in flashes.iter().zip(&beeps) {
        let apart_ms = (flash - beep).abs() / 1_000_000;
        assert!(apart_ms <= 40, "{apart_ms} ms apart");
        assert!(flash % SECOND <= 1_000, "the flash is shown at the whole second: {flash}");
    }
}

#[test]
fn flash_and_beep_stay_together_through_a_file_and_other_rates() {
    // The pattern, made into a file of 25 or 29.97 fps by the transcoder itself, goes through it again.
    for (file_rate, rung_rate) in [
        (Rational::whole(25), Rational::whole(30)),
        (Rational::new(30_000, 1_001).expect("positive"), Rational::whole(30)),
        (Rational::whole(30), Rational::whole(25)),
        (Rational::whole(50), Rational::whole(25)),
        (Rational::whole(30), Rational::new(30_000, 1_001).expect("positive")),
    ] {
        let frames = (file_rate.as_f64() * 5.0) as i64;
        let mut rungs = ladder(&[(640, 360, 30)]);
        rungs[0].frame_rate = file_rate;
        let first = of_pattern(&settings(rungs.clone()), (640, 360), file_rate, 0..frames);
        let file = first.muxed("mp4");
        rungs[0].frame_rate = rung_rate;
        let made = of_file(&settings(rungs), file.path());
        made.tracks.iter().for_each(Take::assert_contiguous);
        let ticks = rung_rate.frame_ticks();
        assert!(made.tracks[0].samples.iter().all(|sample| sample.duration == Some(ticks)));
        let wanted = 5.0 * rung_rate.as_f64();
        let found = made.tracks[0].samples.len() as f64;
        assert!((found - wanted).abs() <= 2.0, "{file_rate} to {rung_rate}: {found} frames");
        let (flashes, beeps) = (made.tracks[0].flashes(), made.tracks[1].beeps());
        assert!(flashes.len() >= 4 && beeps.len() >= 4, "{flashes:?} {beeps:?}");
        for flash in &flashes[1..] {
            let apart = beeps.iter().map(|beep| (flash - beep).abs()).min().expect("there are beeps");
            assert!(apart <= 40_000_000, "{file_rate} to {rung_rate}: {} ms apart", apart / 1_000_000);
        }
    }
}

#[test]
fn a_hevc_rung_is_encoded_beside_the_others() {
    let mut rungs = ladder(&[(640, 360, 30), (320, 180, 30)]);
    rungs[1].codec = VideoCodec::H265;
    rungs[1].preset = spec::Preset::Ultrafast;
    let made = of_pattern(&settings(rungs), (640, 360), Rational::whole(30), 0..100);
    made.tracks.iter().for_each(Take::assert_contiguous);
    let keys = |take: &Take| take.samples.iter().filter(|s| s.sync).map(|s| s.pts()).collect::<Vec<_>>();
    assert_eq!(keys(&made.tracks[0]), keys(&made.tracks[1]));
    let probed =
        made.tracks[1].ffprobe(&["-count_frames", "-show_entries", "stream=codec_name,nb_read_frames"]);
    assert_eq!(probed, "hevc,100");
}

#[test]
fn interlaced_pictures_become_progressive_ones_one_a_field_where_a_rung_can_show_them() {
    let file = made_by_ffmpeg(
        &[
            "-f",
            "lavfi",
            "-i",
            "testsrc2=size=720x576:rate=50:duration=2",
            "-vf",
            "interlace,setsar=64/45",
            "-c:v",
            "libx264",
            "-flags",
            "+ildct+ilme",
            "-preset",
            "ultrafast",
        ],
        "mkv",
    );
    for (rate, frames) in [(25, 50), (50, 100)] {
        let mut rungs = ladder(&[(1_024, 576, 30)]);
        rungs[0].frame_rate = Rational::whole(rate);
        let made = of_file(&settings(rungs), file.path());
        let found = made.tracks[0].samples.len();
        assert!((frames - 2..=frames).contains(&found), "{found}");
        let order = made.tracks[0].ffprobe(&["-show_entries", "stream=field_order,sample_aspect_ratio"]);
        assert_eq!(order, "1:1,progressive");
        // Every picture differs from the one before it: no field is shown twice.
        let decoded = made.tracks[0].decoded();
        let sums: Vec<u64> = decoded
            .iter()
            .map(|(_, frame)| frame.plane(0).0.iter().map(|luma| u64::from(*luma)).sum())
            .collect();
        assert!(sums.windows(2).all(|pair| pair[0] != pair[1]));
        // The source has no sound: the track is silent, and there.
        assert!(made.tracks[1].samples.len() >= 90);
        assert!(made.tracks[1].beeps().is_empty());
    }
}

#[test]
fn a_hole_is_filled_up_to_three_seconds_and_left_open_beyond() {
    let settings = settings(ladder(&[(320, 180, 30)]));
    let short = of_pattern_with_hole(&settings, 60..145);
    assert_eq!(short.tracks[0].samples.len(), 200);
    short.tracks.iter().for_each(Take::assert_contiguous);

    let long = of_pattern_with_hole(&settings, 60..160);
    assert_eq!(long.tracks[0].samples.len(), 100);
    let dts: Vec<i64> = long.tracks[0].samples.iter().map(|sample| sample.dts).collect();
    let steps: Vec<i64> =
        dts.windows(2).map(|pair| pair[1] - pair[0]).filter(|step| *step != 3_000).collect();
    assert_eq!(steps, [101 * 3_000], "one hole, exactly as long as the source's");
    assert!(long.tracks[0].samples[60].sync, "what follows the hole starts with a key frame");
    let restart = long.tracks[0].samples[60].pts();
    assert!(long.tracks[0].segment_starts().contains(&long.tracks[0].samples[60].dts));
    let sound = &long.tracks[1];
    let after = sound.samples.iter().find(|sample| sample.dts * 90_000 >= restart * 48_000).expect("sound");
    assert!(sound.segment_starts().contains(&after.dts), "sound starts again with the picture");
}

fn of_pattern_with_hole(settings: &encoder::transcode::Settings, hole: std::ops::Range<i64>) -> Made {
    kit::run(settings, move |pattern, first, sender| {
        for part in [0..hole.start, hole.end..200] {
            let frames = first + part.start..first + part.end;
            pattern.send_frames(frames, sender).expect("memory").expect("received");
        }
    })
}

#[test]
fn encoding_goes_on_from_the_slot_asked_for() {
    let mut settings = settings(ladder(&[(320, 180, 30)]));
    let whole = of_pattern(&settings, (320, 180), Rational::whole(30), 0..180);
    let starts = whole.tracks[0].segment_starts();
    let heads = settings.heads().expect("opens");
    // The origin holds two segments of the picture and one of the sound.
    let next = [Some(starts[2]), Some(whole.tracks[1].segment_starts()[1])];
    let slot = settings.resume_slot(&heads, &next).expect("something is held");
    settings.start = Start::Slot(slot);
    let again = of_pattern(&settings, (320, 180), Rational::whole(30), 0..180);
    assert_eq!(again.tracks[0].segment_starts(), starts[1..]);
    assert_eq!(again.tracks[1].segment_starts(), whole.tracks[1].segment_starts()[1..]);
    // A slot the source does not reach back to: the next one is.
    settings.start = Start::Slot(slot - 5);
    let late = of_pattern(&settings, (320, 180), Rational::whole(30), 0..180);
    assert_eq!(late.tracks[0].segment_starts(), starts[1..]);
    assert_eq!(settings.resume_slot(&heads, &[None, None]), None);
}

#[test]
fn a_source_that_cannot_be_decoded_or_has_no_pictures_leaves_the_channel_waiting() {
    let settings = settings(ladder(&[(320, 180, 30)]));
    let made = kit::run(&settings, |pattern, first, sender| {
        let sound = made_by_ffmpeg(&["-f", "lavfi", "-i", "sine=duration=1", "-c:a", "aac"], "mkv");
        kit::play(sound.path(), sender);
        sender.send_blocking(Event::Tracks(Vec::new())).expect("received");
        sender.send_blocking(Event::Fault("damaged".into())).expect("received");
        sender.send_blocking(Event::Ended("gone".into())).expect("received");
        pattern.send_frames(first..first + 30, sender).expect("memory").expect("received");
    });
    assert_eq!(made.tracks[0].samples.len(), 30);
}

#[test]
fn a_file_that_is_missing_is_said_by_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("no-such-file.mp4");
    let faults = kit::faults_of(&path);
    assert!(faults.contains("no-such-file.mp4"), "{faults}");
    let folder_fault = kit::faults_of(folder.path());
    assert!(folder_fault.contains("not a regular file"), "{folder_fault}");
}

#[test]
fn every_codec_a_publisher_may_send_is_decoded_from_its_track() {
    let picture = ["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=30:duration=2"];
    let tone = ["-f", "lavfi", "-i", "sine=frequency=1000:duration=2,volume=6"];
    for (video, audio) in [
        (&["-c:v", "libx264", "-bf", "3"][..], &["-c:a", "aac"][..]),
        (&["-c:v", "libx265", "-x265-params", "log-level=none"], &["-c:a", "libopus"]),
        (
            &["-c:v", "libsvtav1", "-preset", "10", "-b:v", "200k"],
            &["-c:a", "aac", "-ac", "1", "-ar", "44100"],
        ),
    ] {
        let (video_track, pictures) = kit::coded_by_ffmpeg(&[&picture, video].concat(), 0);
        let (audio_track, sounds) = kit::coded_by_ffmpeg(&[&tone, audio].concat(), 1);
        let settings = settings(ladder(&[(320, 180, 30)]));
        let made = kit::run(&settings, |_, _, sender| {
            let tracks = [&video_track, &audio_track].map(|track| InputTrack::of(track).expect("memory"));
            sender.send_blocking(Event::Tracks(tracks.into())).expect("received");
            for sample in sounds.into_iter().chain(pictures) {
                sender.send_blocking(Event::Sample(sample)).expect("received");
            }
        });
        assert_eq!(made.tracks[0].samples.len(), 60, "{video_track:?}");
        made.tracks.iter().for_each(Take::assert_contiguous);
        assert_eq!(made.tracks[1].beeps().len(), 1, "one long tone: {audio_track:?}");
    }
}

#[test]
fn a_source_that_changes_its_size_changes_nothing_downstream() {
    let settings = settings(ladder(&[(640, 360, 30), (320, 180, 30)]));
    let made = kit::run(&settings, |pattern, first, sender| {
        let mut part = pattern.clone();
        for (n, (width, height)) in [(320, 180), (1_280, 720), (640, 480)].into_iter().enumerate() {
            (part.width, part.height) = (width, height);
            let from = first + 40 * n as i64;
            part.send_frames(from..from + 40, sender).expect("memory").expect("received");
        }
    });
    for take in &made.tracks {
        take.assert_contiguous();
    }
    for (take, size) in made.tracks.iter().zip([(640, 360), (320, 180)]) {
        let frames = take.decoded();
        assert_eq!(frames.len(), 120);
        assert!(frames.iter().all(|(_, frame)| (frame.width(), frame.height()) == size));
        // 4:3 lies between bars: black at the left edge, where the colour bars were white.
        let left = |n: usize| frames[n].1.plane(0).0[4];
        assert!(left(20) > 150 && left(60) > 150 && left(100) < 30);
    }
}

#[test]
fn damaged_samples_cost_pictures_and_nothing_else() {
    let picture =
        ["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=30:duration=4", "-c:v", "libx264", "-g", "30"];
    let (track, mut pictures) = kit::coded_by_ffmpeg(&picture, 0);
    let mut seed = 0x9E37_79B9_u32;
    let mut random = move || {
        seed ^= seed << 13;
        seed ^= seed >> 17;
        seed ^= seed << 5;
        seed as usize
    };
    for sample in pictures.iter_mut().skip(40).take(20) {
        let mut data = sample.data.to_vec();
        for _ in 0..8 {
            let at = random() % data.len();
            data[at] = random() as u8;
        }
        data.truncate(random() % data.len() + 1);
        sample.data = data.into();
    }
    let made = kit::run(&settings(ladder(&[(320, 180, 30)])), |_, _, sender| {
        let tracks = vec![InputTrack::of(&track).expect("memory")];
        sender.send_blocking(Event::Tracks(tracks)).expect("received");
        for sample in pictures {
            sender.send_blocking(Event::Sample(sample)).expect("received");
        }
    });
    assert_eq!(made.tracks[0].samples.len(), 120, "the frame rate holds");
    made.tracks.iter().for_each(Take::assert_contiguous);
}
