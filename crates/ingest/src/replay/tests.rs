use bytes::Bytes;
use media::{AudioCodec, AudioFormat, Format, Rational, Timescale, Track, TrackId, VideoCodec, VideoFormat};

use super::*;

const VIDEO: TrackId = TrackId(0);
const AUDIO: TrackId = TrackId(1);
const KEEP: Duration = Duration::from_secs(6);

fn tracks(session: u64) -> Entry {
    let video = VideoFormat {
        codec: VideoCodec::H264,
        width: 16,
        height: 16,
        frame_rate: None,
        sample_aspect: Rational::whole(1),
        config: Bytes::new(),
        rfc6381: String::new(),
    };
    let tracks = vec![
        Track { id: VIDEO, timescale: Timescale::MPEG, format: Format::Video(video), language: None },
        audio_track(),
    ];
    Entry::Tracks(Arc::new(Tracks { session, tracks }))
}

fn audio_track() -> Track {
    let audio = AudioFormat {
        codec: AudioCodec::Aac,
        sample_rate: 48_000,
        channels: 2,
        config: Bytes::new(),
        rfc6381: String::new(),
    };
    Track { id: AUDIO, timescale: Timescale::new(48_000), format: Format::Audio(audio), language: None }
}

/// A sample at `ms` with `length` bytes.
fn sample(track: TrackId, ms: i64, sync: bool, length: usize) -> Entry {
    let dts = if track == VIDEO { ms * 90 } else { ms * 48 };
    let data = vec![0; length].into();
    Entry::Sample(Sample { track, dts, composition_offset: 0, duration: None, sync, data })
}

/// `seconds` of a stream with a key frame each second, ten pictures and ten audio frames a second, from `from_ms`.
fn fill(replay: &mut Replay, from_ms: i64, seconds: i64) -> u32 {
    let mut overflows = 0;
    for step in 0..seconds * 10 {
        let ms = from_ms + step * 100;
        overflows += u32::from(replay.push(sample(VIDEO, ms, step % 10 == 0, 1_000)));
        overflows += u32::from(replay.push(sample(AUDIO, ms + 1, true, 100)));
    }
    overflows
}

/// What a cursor gives: `T7` tracks of session 7, `K1000` key frame, `v1100`, `a1101` by ms, `E` ended.
fn all(replay: &Replay, cursor: &mut Cursor) -> Vec<String> {
    let mut out = Vec::new();
    while replay.has_more(cursor) {
        replay.read(cursor, 5_000, &mut out);
    }
    out.iter()
        .map(|entry| match entry {
            Entry::Tracks(tracks) => format!("T{}", tracks.session),
            Entry::Ended(_) => "E".to_owned(),
            Entry::Sample(sample) if sample.track == AUDIO => format!("a{}", sample.dts / 48),
            Entry::Sample(sample) => format!("{}{}", if sample.sync { 'K' } else { 'v' }, sample.dts / 90),
        })
        .collect()
}

fn start_of(replay: &Replay, from: Option<i64>) -> Vec<String> {
    let mut all = all(replay, &mut replay.join(from.map(|ms| Utc(ms * 1_000))));
    all.truncate(3);
    all
}

#[test]
fn a_subscriber_starts_at_the_newest_key_frame_or_at_the_one_before_its_time() {
    let mut replay = Replay::new(KEEP, MAX_BYTES);
    assert_eq!(start_of(&replay, None), [""; 0]);
    replay.push(tracks(7));
    assert_eq!(start_of(&replay, None), ["T7"]);
    fill(&mut replay, 0, 5);
    assert_eq!(start_of(&replay, None), ["T7", "K4000", "a4001"]);
    assert_eq!(start_of(&replay, Some(2_999)), ["T7", "K2000", "a2001"]);
    assert_eq!(start_of(&replay, Some(3_000)), ["T7", "K3000", "a3001"]);
    assert_eq!(start_of(&replay, Some(-9)), ["T7", "K0", "a1"]);
    assert_eq!(start_of(&replay, Some(99_000)), ["T7", "K4000", "a4001"]);
}

#[test]
fn audio_that_came_before_the_key_frame_but_sounds_with_it_is_not_lost() {
    let mut replay = Replay::new(KEEP, MAX_BYTES);
    replay.push(tracks(7));
    for entry in [sample(VIDEO, 960, true, 9), sample(AUDIO, 990, true, 9), sample(AUDIO, 1_010, true, 9)] {
        replay.push(entry);
    }
    replay.push(sample(VIDEO, 1_000, true, 9));
    replay.push(sample(AUDIO, 1_031, true, 9));
    assert_eq!(start_of(&replay, None), ["T7", "a1010", "K1000"]);
}

#[test]
fn a_subscriber_starts_with_all_renditions_whichever_came_first_at_that_time() {
    const LOW: TrackId = TrackId(65);
    let mut replay = Replay::new(KEEP, MAX_BYTES);
    let Entry::Tracks(both) = tracks(7) else { unreachable!("it is of tracks") };
    let mut both = (*both).clone();
    both.tracks.push(Track { id: LOW, ..both.tracks[0].clone() });
    replay.push(Entry::Tracks(Arc::new(both)));
    let low = |ms: i64, sync, offset| match sample(VIDEO, ms, sync, 9) {
        // Decoded longer before it is shown.
        Entry::Sample(sample) => Entry::Sample(Sample { track: LOW, composition_offset: offset, ..sample }),
        other => other,
    };
    for second in 0..3 {
        let ms = second * 1_000;
        replay.push(low(ms - 80, true, 80 * 90));
        replay.push(sample(VIDEO, ms, true, 9));
        replay.push(low(ms - 40, false, 120 * 90));
        replay.push(sample(VIDEO, ms + 500, false, 9));
    }
    assert_eq!(start_of(&replay, None), ["T7", "K1920", "K2000"]);
    assert_eq!(start_of(&replay, Some(1_900)), ["T7", "K920", "K1000"]);
}

#[test]
fn the_log_reaches_back_six_seconds_to_a_key_frame_and_no_further() {
    let mut replay = Replay::new(KEEP, MAX_BYTES);
    replay.push(tracks(7));
    assert_eq!(fill(&mut replay, 0, 60), 0);
    assert_eq!(start_of(&replay, Some(0)), ["T7", "K53000", "a53001"]);
    assert!(replay.bytes() < 8 * 10 * 1_100 + 200 * ENTRY_BYTES);
}

#[test]
fn the_byte_bound_drops_the_oldest_group_first_and_a_group_over_it_is_given_up() {
    let mut replay = Replay::new(KEEP, 30_000);
    replay.push(tracks(7));
    assert_eq!(fill(&mut replay, 0, 4), 0);
    assert!(replay.bytes() <= 30_000);
    assert_eq!(start_of(&replay, Some(0)), ["T7", "K2000", "a2001"]);

    // A group that never ends: the live reader goes on, a late one waits for the next key frame.
    let mut live = replay.join(None);
    let mut seen = all(&replay, &mut live).len();
    let mut overflows = 0;
    for step in 0..100 {
        overflows += u32::from(replay.push(sample(VIDEO, 4_000 + step * 100, step == 0, 1_000)));
        seen += all(&replay, &mut live).len();
    }
    assert_eq!((overflows, seen), (1, 1 + 20 + 100));
    assert!(replay.bytes() <= 30_000);
    let mut late = replay.join(None);
    assert_eq!(all(&replay, &mut late), ["T7"]);
    replay.push(sample(VIDEO, 14_000, false, 9));
    replay.push(sample(VIDEO, 14_100, true, 9));
    replay.push(sample(VIDEO, 14_200, false, 9));
    assert_eq!(all(&replay, &mut late), ["K14100", "v14200"]);
}

#[test]
fn a_slow_reader_is_overtaken_goes_on_at_a_key_frame_and_is_told_how_much_it_missed() {
    let mut replay = Replay::new(KEEP, MAX_BYTES);
    replay.push(tracks(7));
    fill(&mut replay, 0, 1);
    let mut slow = replay.join(None);
    let mut out = Vec::new();
    assert_eq!(replay.read(&mut slow, 2_000, &mut out), 0);
    assert_eq!(out.len(), 4, "tracks, two pictures, a sound");
    fill(&mut replay, 1_000, 20);
    out.clear();
    // 21 seconds of 20 samples; it had 3 and goes on with the newest second.
    assert_eq!(replay.read(&mut slow, usize::MAX, &mut out), 400 - 3);
    assert_eq!(out.len(), 20);
    assert_eq!(out[0], sample(VIDEO, 20_000, true, 1_000));
}

#[test]
fn publishers_follow_each_other_on_one_cursor() {
    let mut replay = Replay::new(KEEP, MAX_BYTES);
    let mut reader = replay.join(None);
    replay.push(tracks(1));
    replay.push(sample(VIDEO, 0, true, 9));
    replay.push(Entry::Ended("gone".into()));
    // Nothing to start at for one that comes now, except by asking for the time.
    assert_eq!(start_of(&replay, None), [""; 0]);
    assert_eq!(start_of(&replay, Some(0)), ["T1", "K0", "E"]);
    replay.push(tracks(2));
    assert_eq!(start_of(&replay, None), ["T2"]);
    replay.push(sample(VIDEO, 9_000, true, 9));
    assert_eq!(start_of(&replay, None), ["T2", "K9000"]);
    assert_eq!(all(&replay, &mut reader), ["T1", "K0", "E", "T2", "K9000"]);
    // One that was overtaken over the change of publishers hears of it.
    let mut slow = Cursor { next: 1, seek: Seek::Not, told: replay.tracks_at(1), before: Vec::new() };
    for second in 0..20 {
        replay.push(sample(VIDEO, 10_000 + second * 1_000, true, 9));
    }
    assert_eq!(all(&replay, &mut slow)[..2], ["T2", "K29000"]);
}

#[test]
fn without_video_every_audio_frame_is_a_start() {
    let mut replay = Replay::new(KEEP, MAX_BYTES);
    replay.push(Entry::Tracks(Arc::new(Tracks { session: 3, tracks: vec![audio_track()] })));
    for frame in 0..1_000 {
        replay.push(sample(AUDIO, frame * 20, true, 100));
    }
    assert_eq!(start_of(&replay, None), ["T3", "a19980"]);
    assert_eq!(start_of(&replay, Some(0)), ["T3", "a13980", "a14000"]);
}
