//! What sources bring: every codec, rate and kind of picture, made by the `ffmpeg` command, sent as a transport stream,
//! and judged by what comes out.

use encoder::source::{Event, InputTrack};
use ffmpeg::Frame;
use media::{Rational, Timescale};
use mpegts::writer::{MapEntry, PesPacket, Writer};

use crate::kit::{self, BEGINS, Made, Take, coded_by_ffmpeg, ladder, settings};
use crate::ts::{self, Stream};

const SECOND: i64 = 1_000_000_000;
/// Brightness of the left half at the beginning, and how much it grows in a second.
const DARKEST: f64 = 20.0;
const GROWS: f64 = 60.0;
/// Y'CbCr of BT.709 red and blue.
const RED: [f64; 3] = [63.0, 102.0, 240.0];
const BLUE: [f64; 3] = [32.0, 240.0, 118.0];
const TONE: &str = "aevalsrc=0.5*sin(2*PI*1000*t)|0.5*sin(2*PI*1000*t):s=48000:d=2";
/// Root mean square of that tone.
const LOUDNESS: f64 = 0.354;

/// Two seconds of a picture whose left half grows brighter and whose right half is red above blue.
fn picture(rate: &str, size: (u32, u32)) -> String {
    let (w, h) = size;
    format!(
        "color=s={w}x{h}:r={rate}:d=2,format=yuv420p,geq=lum='if(lt(X,{}),{DARKEST}+{GROWS}*T,if(lt(Y,{}),63,32))'\
         :cb='if(lt(X,{}),128,if(lt(Y,{}),102,240))':cr='if(lt(X,{}),128,if(lt(Y,{}),240,118))'",
        w / 2,
        h / 2,
        w / 4,
        h / 4,
        w / 4,
        h / 4
    )
}

/// Arguments for a picture and the tone, coded as `coding` says.
fn arguments<'a>(picture: &'a str, coding: &'a str) -> Vec<&'a str> {
    let mut all = vec!["-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", TONE];
    all.extend("-colorspace bt709 -color_primaries bt709 -color_trc bt709 -color_range tv".split(' '));
    all.extend(coding.split_whitespace());
    all
}

fn transcoded(stream: Stream) -> Made {
    kit::run(&settings(ladder(&[(320, 180, 30)])), |_, _, sender| stream.play(sender))
}

/// The middle of a patch of the frame, `[Y', Cb, Cr]`; place in sixteenths.
fn colour(frame: &Frame, across: usize, down: usize) -> [f64; 3] {
    let mut colour = [0.0; 3];
    for (plane, mean) in colour.iter_mut().enumerate() {
        let (samples, stride) = frame.plane(plane);
        let by = if plane == 0 { 1 } else { 2 };
        let (width, height) = (frame.width() as usize / by, frame.height() as usize / by);
        let (x, y) = (width * across / 16, height * down / 16);
        let patch = (y - 3..y + 3).flat_map(|row| &samples[row * stride + x - 3..row * stride + x + 3]);
        *mean = patch.map(|sample| f64::from(*sample)).sum::<f64>() / 36.0;
    }
    colour
}

fn assert_near(found: [f64; 3], wanted: [f64; 3], what: &str) {
    let apart = found.iter().zip(wanted).map(|(found, wanted)| (found - wanted).abs());
    assert!(apart.fold(0.0, f64::max) < 8.0, "{what}: {found:?}, and {wanted:?} is wanted");
}

/// Every picture shows what the source showed at its time, to within `late` seconds.
fn assert_shows_source(take: &Take, frames: std::ops::RangeInclusive<usize>, late: f64, what: &str) {
    take.assert_contiguous();
    let decoded = take.decoded();
    assert!(frames.contains(&decoded.len()), "{what}: {} pictures", decoded.len());
    let first = decoded[0].0;
    for (time, frame) in &decoded {
        let seconds = (time - first) as f64 / SECOND as f64;
        let [grey, ..] = colour(frame, 4, 8);
        let wanted = DARKEST + GROWS * seconds;
        let may_differ = GROWS * late + 3.0;
        assert!((grey - wanted).abs() <= may_differ, "{what}: {grey} at {seconds} s, not {wanted}");
        assert_near(colour(frame, 12, 4), RED, what);
        assert_near(colour(frame, 12, 12), BLUE, what);
    }
}

/// A tone of 1 kHz as loud as the source's.
fn assert_tone(take: &Take, what: &str) {
    assert_tone_of(take, 1_000, what);
}

fn assert_tone_of(take: &Take, hz: usize, what: &str) {
    take.assert_contiguous();
    let heard: Vec<f32> = take.heard().into_iter().flat_map(|(_, block)| block).collect();
    let middle = &heard[24_000..72_000];
    let power: f64 = middle.iter().map(|sample| f64::from(*sample).powi(2)).sum();
    let loudness = (power / middle.len() as f64).sqrt();
    assert!((loudness / LOUDNESS - 1.0).abs() < 0.12, "{what}: {loudness}");
    let rises = middle.windows(2).filter(|pair| pair[0] < 0.0 && pair[1] >= 0.0).count();
    assert!(rises.abs_diff(hz) <= 5, "{what}: {rises} Hz");
}

#[test]
fn every_codec_of_a_transport_stream_keeps_its_picture_and_its_tone() {
    for coding in [
        "-c:v libx264 -preset ultrafast -c:a aac",
        "-c:v libx264 -preset veryfast -bf 16 -b_strategy 0 -refs 16 -g 60 -c:a aac -ar 44100",
        "-c:v libx264 -preset veryfast -pix_fmt yuv420p10le -c:a libopus",
        "-c:v libx265 -preset ultrafast -x265-params log-level=none -c:a ac3",
        "-c:v libx265 -preset ultrafast -x265-params log-level=none:bframes=4 -pix_fmt yuv420p10le -c:a eac3",
        "-c:v mpeg2video -q:v 3 -c:a mp2",
        "-c:v mpeg2video -q:v 3 -bf 2 -c:a ac3 -ac 6",
        "-c:v libx264 -preset ultrafast -pix_fmt yuv422p -c:a libmp3lame",
    ] {
        let picture = picture("30", (320, 180));
        let made = transcoded(Stream::of(&arguments(&picture, coding)));
        assert_shows_source(&made.tracks[0], 60..=60, 0.034, coding);
        // Stereo in six channels is the front pair; the mix down takes 3 dB or less.
        if !coding.ends_with("-ac 6") {
            assert_tone(&made.tracks[1], coding);
        }
        assert_eq!(made.figures.source_faults.get(), 0, "{coding}");
    }
}

#[test]
fn av1_in_a_transport_stream_keeps_its_picture() {
    let picture = picture("30", (320, 180));
    let coding = ["-f", "lavfi", "-i", &picture, "-c:v", "libsvtav1", "-preset", "10", "-g", "30"];
    let colours = ["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"];
    let (track, samples) = coded_by_ffmpeg(&[&coding[..], &colours].concat(), 0);
    let mut writer = Writer::default();
    writer.association(&[(1, 0x20)]);
    let entry = MapEntry { stream_type: 6, pid: 0x100, descriptors: b"\x05\x04AV01" };
    writer.map(0x20, 1, 0, 0x100, &[entry]);
    let stamp = |ticks| {
        media::rescale_nearest(ticks - BEGINS.ticks(track.timescale), track.timescale, Timescale::MPEG)
    };
    for sample in &samples {
        // A temporal delimiter begins each unit.
        let payload = [&[0x12, 0][..], &sample.data].concat();
        let (pts, dts) = (Some(stamp(sample.pts())), Some(stamp(sample.dts)));
        writer.pes(0x100, &PesPacket { stream_id: 0xBD, pts, dts, pcr: None, payload: &payload });
    }
    let made = transcoded(Stream::read(&writer.take()));
    assert_shows_source(&made.tracks[0], 60..=60, 0.034, "AV1");
}

#[test]
fn every_frame_rate_becomes_the_rung_s() {
    for rate in ["24000/1001", "24", "25", "30000/1001", "30", "50", "60000/1001", "60", "10"] {
        let picture = picture(rate, (320, 180));
        let stream = Stream::of(&arguments(&picture, "-c:v libx264 -preset ultrafast -c:a aac"));
        let made = transcoded(stream);
        let (num, den) = rate.split_once('/').unwrap_or((rate, "1"));
        let fps: f64 = num.parse::<f64>().expect("a number") / den.parse::<f64>().expect("a number");
        assert_shows_source(&made.tracks[0], 57..=61, 1.0 / fps + 0.017, rate);
        assert_tone(&made.tracks[1], rate);
    }
}

#[test]
fn a_variable_frame_rate_becomes_a_steady_one_in_its_time() {
    let picture = format!("{},select='lt(n,10)+not(mod(n,3))'", picture("30", (320, 180)));
    let coding = "-vsync vfr -c:v libx264 -preset ultrafast -c:a aac";
    let made = transcoded(Stream::of(&arguments(&picture, coding)));
    assert_shows_source(&made.tracks[0], 57..=60, 0.101, "variable");
}

#[test]
fn interlaced_pictures_of_a_transport_stream_become_progressive_in_both_orders() {
    for (order, coding) in [
        ("tff", "-c:v mpeg2video -q:v 3 -flags +ildct+ilme -top 1 -c:a mp2"),
        ("bff", "-c:v mpeg2video -q:v 3 -flags +ildct+ilme -top 0 -c:a mp2"),
        ("tff", "-c:v libx264 -preset ultrafast -flags +ildct+ilme -top 1 -c:a aac"),
    ] {
        let picture = format!("{},interlace=scan={order}", picture("50", (320, 240)));
        let stream = Stream::of(&arguments(&picture, coding));
        let mut rungs = ladder(&[(320, 240, 50)]);
        rungs[0].frame_rate = Rational::whole(50);
        let made = kit::run(&settings(rungs), |_, _, sender| stream.play(sender));
        assert_shows_source(&made.tracks[0], 97..=100, 0.041, coding);
        let grey = |(_, frame): &(i64, Frame)| colour(frame, 4, 8)[0];
        let shown = made.tracks[0].decoded();
        // In the wrong order every other picture is darker than the one before.
        let falls = shown.windows(2).filter(|pair| grey(&pair[1]) < grey(&pair[0]) - 0.5).count();
        assert!(falls * 10 < shown.len(), "{coding}: {falls} of {} fields are out of order", shown.len());
    }
}

#[test]
fn each_audio_rendition_has_the_track_of_its_language_and_is_called_as_it_is_set() {
    let tone = |hz| format!("aevalsrc=0.5*sin(2*PI*{hz}*t)|0.5*sin(2*PI*{hz}*t):s=48000:d=2");
    let (low, middle, high) = (tone(440), tone(1_000), tone(2_000));
    let mut all = vec!["-f", "lavfi", "-i", "testsrc2=s=320x180:r=30:d=2"];
    for tone in [&low, &middle, &high] {
        all.extend(["-f", "lavfi", "-i", tone]);
    }
    let coding = "-map 0 -map 1 -map 2 -map 3 -c:v libx264 -preset ultrafast -c:a:0 aac -c:a:1 ac3 -c:a:2 mp2 \
                  -metadata:s:a:0 language=eng -metadata:s:a:1 language=deu";
    all.extend(coding.split_whitespace());
    let bytes = ts::bytes(&all);
    let rendition = |track, language: Option<&str>, name: &str| spec::AudioRendition {
        track,
        language: language.map(str::to_owned),
        name: Some(name.to_owned()),
    };
    let mut settings = settings(ladder(&[(320, 180, 30)]));
    settings.audio = vec![
        rendition(None, Some("deu"), "Deutsch"),
        rendition(None, Some("eng"), "English"),
        rendition(Some(3), Some("fra"), "Français"),
        rendition(None, Some("ita"), "Italiano"),
    ];
    let play = |settings: &_| kit::run(settings, |_, _, sender| Stream::read(&bytes).play(sender));
    let made = play(&settings);
    let told: Vec<_> = made.tracks[1..]
        .iter()
        .map(|take| {
            let labels = &take.header.labels;
            (take.name.as_str(), labels.language.as_str(), labels.label.as_deref().expect("set above"))
        })
        .collect();
    let wanted = [
        ("audio", "deu", "Deutsch"),
        ("audio-2", "eng", "English"),
        ("audio-3", "fra", "Français"),
        ("audio-4", "ita", "Italiano"),
    ];
    assert_eq!(told, wanted);
    for (take, hz) in made.tracks[1..].iter().zip([1_000, 440, 2_000]) {
        assert_tone_of(take, hz, &take.name);
        assert_eq!(take.segment_starts(), made.tracks[1].segment_starts());
    }
    assert!(made.tracks[4].beeps().is_empty(), "nothing is Italian");
    made.tracks[4].assert_contiguous();

    // Whoever chose nothing hears something.
    settings.audio = vec![rendition(None, Some("ita"), "Italiano")];
    assert_tone_of(&play(&settings).tracks[1], 440, "the first");
}

#[test]
fn sound_that_runs_late_is_told_and_stays_where_its_times_say() {
    let mut all = vec!["-f", "lavfi", "-i", "testsrc2=s=320x180:r=10:d=30", "-f", "lavfi", "-i"];
    all.extend(["sine=frequency=1000:duration=30", "-af", "asetpts=PTS*1.008", "-c:v", "libx264"]);
    all.extend(["-preset", "ultrafast", "-c:a", "mp2"]);
    let stream = Stream::of(&all);
    let (made, log) = kit::logged(|| transcoded(stream));
    made.tracks.iter().for_each(Take::assert_contiguous);
    assert_eq!(log.matches("av_drift").count(), 1, "{log}");
    assert!(made.figures.av_drift_ms.get() > 150, "{}", made.figures.av_drift_ms.get());
}

#[test]
fn sound_that_vanishes_becomes_silence_and_that_is_told_until_it_is_back() {
    let picture = "testsrc2=s=320x180:r=30:d=6";
    let mut all = vec![
        "-f",
        "lavfi",
        "-i",
        picture,
        "-f",
        "lavfi",
        "-i",
        "sine=frequency=1000:sample_rate=48000:duration=6",
    ];
    all.extend("-c:v libx264 -preset ultrafast -c:a aac".split(' '));
    let mut stream = Stream::of(&all);
    let is_away = |sample: &media::Sample| (96_000..192_000).contains(&(sample.dts - 48_000 * 14 / 10));
    stream.events.retain(|event| match event {
        mpegts::Event::Sample(sample) => sample.track.0 == 0 || !is_away(sample),
        _ => true,
    });
    let (made, log) = kit::logged(|| transcoded(stream));
    made.tracks.iter().for_each(Take::assert_contiguous);
    assert_eq!(log.matches("audio_loss").count(), 2, "{log}");
    let loud = |second: i64| {
        let heard = made.tracks[1].heard();
        let from = heard[0].0 + second * SECOND + SECOND / 4;
        heard
            .iter()
            .filter(|(at, _)| (from..from + SECOND / 2).contains(at))
            .flat_map(|(_, block)| block.clone())
            .any(|sample| sample.abs() > 0.05)
    };
    assert_eq!([0, 1, 2, 3, 4, 5].map(loud), [true, true, false, false, true, true]);
}

#[test]
fn time_stamps_that_wrap_are_nothing() {
    // One second before 2^33 ticks of 90 kHz.
    let picture = picture("30", (320, 180));
    let coding = "-c:v libx264 -preset veryfast -bf 3 -c:a aac -output_ts_offset 95440.5";
    let stream = Stream::of(&arguments(&picture, coding));
    let made = transcoded(stream);
    assert_shows_source(&made.tracks[0], 60..=60, 0.034, "wrap");
    assert_tone(&made.tracks[1], "wrap");
}

/// The parameter sets of an `avcC` with one of each, as a stream holds them.
fn parameter_sets(avcc: &[u8]) -> Vec<u8> {
    let set = |at: usize| &avcc[at + 3..at + 3 + usize::from(avcc[at + 1]) * 256 + usize::from(avcc[at + 2])];
    let sps = set(5);
    let pps = set(5 + 3 + sps.len());
    [&[0, 0, 0, 1], sps, &[0, 0, 0, 1], pps].concat()
}

#[test]
fn decode_times_that_do_not_rise_or_lie_behind_are_put_right_and_counted() {
    let picture = picture("30", (320, 180));
    let bytes = ts::bytes(&arguments(&picture, "-c:v libx264 -preset ultrafast -bf 0 -g 30 -c:a aac"));
    let clean = Stream::read(&bytes);
    let mut writer = Writer::default();
    writer.association(&[(1, 0x20)]);
    writer.map(0x20, 1, 0, 0x100, &[MapEntry { stream_type: 0x1B, pid: 0x100, descriptors: &[] }]);
    let mut number = 0;
    let format = clean.events.iter().find_map(|event| match event {
        mpegts::Event::Tracks(streams) => Some(streams[0].track.format.clone()),
        _ => None,
    });
    let Some(media::Format::Video(format)) = format else { panic!("pictures come first") };
    let sets = parameter_sets(&format.config);
    for event in clean.events {
        let mpegts::Event::Sample(sample) = event else { continue };
        if sample.track.0 != 0 {
            continue;
        }
        let mut payload = if sample.sync { sets.clone() } else { Vec::new() };
        for unit in codec::nal::length_prefixed(&sample.data) {
            payload.extend_from_slice(&[&[0, 0, 0, 1], unit.expect("whole units")].concat());
        }
        let dts = match number {
            // Before zero: wrapped, as multiplexers write it.
            0 => -3_000,
            n if n % 10 == 3 => sample.dts - 6_000,
            // After its picture's time.
            n if n % 10 == 7 => sample.pts() + 1_500,
            _ => sample.dts,
        };
        let packet = PesPacket {
            stream_id: 0xE0,
            pts: Some(sample.pts()),
            dts: Some(dts),
            pcr: None,
            payload: &payload,
        };
        writer.pes(0x100, &packet);
        number += 1;
    }
    let stream = Stream::read(&writer.take());
    assert_eq!(stream.warnings("decode_time"), 6);
    assert_eq!(stream.warnings("presentation_time"), 6);
    let made = transcoded(stream);
    assert_shows_source(&made.tracks[0], 60..=60, 0.034, "repaired");
}

#[test]
fn a_stream_joined_in_the_middle_is_shown_from_its_next_headers_on() {
    let picture = picture("30", (320, 180));
    let bytes = ts::bytes(&arguments(&picture, "-c:v libx264 -preset ultrafast -g 15 -c:a aac"));
    // The tables stand in the first three packets.
    let joined = [&bytes[..3 * 188], &bytes[bytes.len() / 5 / 188 * 188..]].concat();
    let stream = Stream::read(&joined);
    assert!(stream.warnings("missing_header") + stream.warnings("before_key_frame") > 0);
    let made = transcoded(stream);
    let frames = made.tracks[0].decoded().len();
    assert!((30..=50).contains(&frames), "{frames}");
    made.tracks.iter().for_each(Take::assert_contiguous);
}

#[test]
fn another_codec_size_and_rate_in_mid_stream_change_no_track() {
    let mut bytes = Vec::new();
    for (n, (size, rate, coding)) in [
        ((320, 180), "30", "-c:v libx264 -preset ultrafast -profile:v baseline -c:a aac"),
        ((640, 360), "25", "-c:v libx265 -preset ultrafast -x265-params log-level=none -c:a ac3"),
        ((320, 180), "50", "-c:v mpeg2video -q:v 3 -c:a mp2 -ar 44100"),
        ((640, 360), "30", "-c:v libx264 -preset ultrafast -pix_fmt yuv420p10le -c:a aac"),
    ]
    .into_iter()
    .enumerate()
    {
        let offset = (10 + 2 * n).to_string();
        let picture = picture(rate, size);
        let mut all = arguments(&picture, coding);
        all.extend(["-output_ts_offset", &offset, "-muxdelay", "0", "-muxpreload", "0"]);
        bytes.extend(ts::bytes(&all));
    }
    let stream = Stream::read(&bytes);
    let (made, log) = kit::logged(|| transcoded(stream));
    made.tracks.iter().for_each(Take::assert_contiguous);
    let decoded = made.tracks[0].decoded();
    assert!((237..=241).contains(&decoded.len()), "{} pictures", decoded.len());
    for part in 0..4 {
        // A quarter of a second into each part its own picture is shown.
        let [grey, ..] = colour(&decoded[part * 60 + 8].1, 4, 8);
        assert!((grey - DARKEST - GROWS * 8.0 / 30.0).abs() < 9.0, "part {part}: {grey}");
    }
    let changes: Vec<_> = log.lines().filter(|line| line.contains("input_changed")).collect();
    assert!(changes.len() >= 3, "{log}");
    assert!(changes[0].contains("320x180") && changes[0].contains("640x360"), "{}", changes[0]);
    assert_eq!(made.figures.input_changes.get(), changes.len() as u64);
}

#[test]
fn a_damaged_transport_stream_costs_pictures_and_nothing_else() {
    let picture = picture("30", (320, 180));
    let mut bytes = ts::bytes(&arguments(&picture, "-c:v libx264 -preset veryfast -g 15 -slices 4 -c:a aac"));
    let mut seed = 0x2545_F491_u32;
    let mut random = move || {
        seed ^= seed << 13;
        seed ^= seed >> 17;
        seed ^= seed << 5;
        seed as usize
    };
    let (from, until) = (bytes.len() / 3, bytes.len() * 2 / 3);
    for packet in bytes[from / 188 * 188..until / 188 * 188].chunks_mut(188) {
        if random() % 3 == 0 {
            // Emulation bytes, start codes and noise, in the payload alone.
            let at = 40 + random() % 140;
            packet[at..at + 4]
                .copy_from_slice(&[[0, 0, 3, 0], [0, 0, 1, 0x65], [0xFF; 4], [0; 4]][random() % 4]);
        }
    }
    let made = transcoded(Stream::read(&bytes));
    made.tracks.iter().for_each(Take::assert_contiguous);
    let frames = made.tracks[0].samples.len();
    assert!((58..=60).contains(&frames), "{frames}");
    assert!(made.figures.decode_errors.get() > 0);
}

#[test]
fn segments_are_cut_though_the_source_has_one_key_frame_and_that_is_said() {
    let size = "testsrc2=s=320x180:r=10:d=13";
    let coding = "-c:v libx264 -preset ultrafast -g 3000 -keyint_min 3000 -sc_threshold 0";
    let mut all = vec!["-f", "lavfi", "-i", size];
    all.extend(coding.split(' '));
    let stream = Stream::of(&all);
    let (made, log) = kit::logged(|| transcoded(stream));
    made.tracks.iter().for_each(Take::assert_contiguous);
    assert!(made.tracks[0].segment_starts().len() >= 13);
    assert_eq!(log.matches("long_gop").count(), 1, "{log}");
}

#[test]
fn a_picture_or_a_rate_too_large_is_refused_by_its_figures_and_the_channel_goes_on() {
    for (source, coding, reason) in [
        ("color=s=7680x4320:r=2:d=1", "-c:v libx264 -preset ultrafast", "7680x4320"),
        ("color=s=320x180:r=240:d=1", "-c:v libx264 -preset ultrafast", "240 fps"),
    ] {
        let mut all = vec!["-f", "lavfi", "-i", source, "-f", "lavfi", "-i", TONE];
        all.extend(coding.split(' '));
        let stream = Stream::of(&all);
        let settings = settings(ladder(&[(320, 180, 30)]));
        let (made, log) = kit::logged(|| {
            kit::run(&settings, |pattern, first, sender| {
                stream.play(sender);
                sender.send_blocking(Event::Tracks(Vec::<InputTrack>::new())).expect("received");
                pattern.send_frames(first..first + 30, sender).expect("memory").expect("received");
            })
        });
        let refusal = log.lines().find(|line| line.contains("input_refused")).expect("it is told");
        assert!(refusal.contains(reason), "{refusal}");
        assert_eq!(made.tracks[0].samples.len(), 30, "what comes after is shown");
    }
}
