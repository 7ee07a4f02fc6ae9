use bytes::Bytes;
use media::{Format, Rational, VideoCodec, VideoFormat, rescale_ceil};
use proptest::prelude::*;

use super::*;

const GRID: Grid = Grid::new(2_000);
const VIDEO: TrackId = TrackId(0);
const AUDIO: TrackId = TrackId(1);
const FRAME: i64 = 3_000;

fn video() -> Track {
    Track {
        id: VIDEO,
        timescale: Timescale::MPEG,
        format: Format::Video(VideoFormat {
            codec: VideoCodec::H264,
            width: 2,
            height: 2,
            frame_rate: None,
            sample_aspect: Rational::whole(1),
            config: Bytes::new(),
            rfc6381: String::new(),
        }),
        language: None,
    }
}

fn audio() -> Track {
    let asc = Bytes::from_static(&[0x11, 0x90]);
    Track {
        id: AUDIO,
        timescale: Timescale::new(48_000),
        format: Format::Audio(codec::aac::format_from_asc(asc).expect("AAC-LC")),
        language: None,
    }
}

fn at_start(track: &Track) -> Start<'_> {
    Start { track, floor: 0 }
}

fn sample(track: TrackId, dts: i64, sync: bool) -> Sample {
    Sample { track, dts, composition_offset: 0, duration: None, sync, data: Bytes::from_static(b"x") }
}

/// `frames` pictures from `first` on, a key frame every `gop`, with sound beside them that is `lead` ticks of its own
/// scale ahead in arrival.
fn stream(first: i64, frames: i64, gop: i64, lead: i64) -> Vec<Sample> {
    let pictures = (0..frames).map(|index| {
        let dts = first + index * FRAME;
        (dts as f64, Sample { composition_offset: 2 * FRAME as i32, ..sample(VIDEO, dts, index % gop == 0) })
    });
    let scale = 48_000.0 / 90_000.0;
    let start = (first as f64 * scale / 1_024.0).floor() as i64;
    let end = ((first + frames * FRAME) as f64 * scale / 1_024.0) as i64;
    let sound = (start..end).map(|index| {
        let dts = index * 1_024;
        ((dts - lead) as f64 / scale, Sample { duration: Some(1_024), ..sample(AUDIO, dts, true) })
    });
    let mut all: Vec<(f64, Sample)> = pictures.chain(sound).collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    all.into_iter().map(|(_, sample)| sample).collect()
}

fn cutter(video: Option<Start<'_>>, audio: Option<Start<'_>>, part_ms: Option<u32>) -> Cutter {
    let mut cutter = Cutter::new(GRID, part_ms);
    video.into_iter().chain(audio).for_each(|start| cutter.add(start));
    cutter
}

#[derive(Default)]
struct Seen {
    /// First decode time and end of each segment.
    segments: Vec<(i64, i64)>,
    /// Frames of each chunk, segment by segment.
    chunks: Vec<Vec<u32>>,
    is_open: bool,
}

impl Seen {
    fn take(&mut self, output: Output) {
        match output {
            Output::EndSegment => assert!(std::mem::take(&mut self.is_open), "an end needs a start"),
            Output::Chunk(chunk) => {
                if chunk.segment_start {
                    assert!(!self.is_open, "the one before has ended");
                    assert!(chunk.independent, "a segment starts where a decoder can");
                    self.segments.push((chunk.first_dts, chunk.end_dts()));
                    self.chunks.push(Vec::new());
                    self.is_open = true;
                } else {
                    let open = self.segments.last_mut().expect("a segment is open");
                    assert_eq!(open.1, chunk.first_dts, "chunks follow each other");
                    open.1 = chunk.end_dts();
                }
                self.chunks.last_mut().expect("a segment is open").push(chunk.sample_count);
            }
        }
    }
}

/// Cuts `samples` and gives back what came of video and of audio, and where they ended.
fn cut(mut cutter: Cutter, samples: Vec<Sample>) -> ([Seen; 2], Vec<(TrackId, MediaTime)>) {
    let mut seen = [Seen::default(), Seen::default()];
    let mut out = |id: TrackId, output| seen[usize::from(id.0)].take(output);
    for sample in samples {
        cutter.push(sample, &mut out).expect("times rise");
    }
    let ends = cutter.finish(&mut out);
    (seen, ends)
}

fn starts(seen: &Seen) -> Vec<i64> {
    seen.segments.iter().map(|(start, _)| *start).collect()
}

#[test]
fn video_is_cut_at_the_first_key_frame_of_each_slot_and_audio_where_that_is_presented() {
    let (video, audio) = (video(), audio());
    // Three key frames in two seconds; slots begin every 180,000 ticks.
    let samples = stream(90_000, 150, 20, 0);
    let cutter = cutter(Some(at_start(&video)), Some(at_start(&audio)), None);
    let ([pictures, sound], _) = cut(cutter, samples);
    // Keys stand at 90,000 + n × 60,000: the first of all, then the first after 180,000, 360,000 and 540,000.
    assert_eq!(starts(&pictures), [90_000, 210_000, 390_000]);
    assert_eq!(pictures.segments[2].1, 90_000 + 150 * FRAME);
    assert!(pictures.chunks.iter().all(|chunks| chunks.len() == 1), "one chunk a segment");
    // Shown two frames after they are decoded: 96,000 is 51,200 at 48 kHz, 50 × 1,024 on the dot.
    let shown = [96_000, 216_000, 396_000].map(|ticks: i64| {
        let at = rescale_ceil(ticks, Timescale::MPEG, Timescale::new(48_000));
        (at + 1_023) / 1_024 * 1_024
    });
    assert_eq!(starts(&sound), shown);
}

#[test]
fn nothing_goes_out_before_the_first_key_frame() {
    let video = video();
    let mut samples = stream(180_000, 30, 10, 0);
    samples.retain(|sample| sample.track == VIDEO);
    samples.drain(..3);
    let cutter = cutter(Some(at_start(&video)), None, None);
    let ([pictures, _], _) = cut(cutter, samples);
    assert_eq!(starts(&pictures), [180_000 + 10 * FRAME]);
}

#[test]
fn sound_alone_is_cut_on_the_grid() {
    let audio = audio();
    let mut samples = stream(90_000, 150, 20, 0);
    samples.retain(|sample| sample.track == AUDIO);
    let cutter = cutter(None, Some(at_start(&audio)), None);
    let ([_, sound], _) = cut(cutter, samples);
    // 96,000 ticks of 48 kHz a slot: the first frame of all, then the first at or after each slot's start.
    assert_eq!(starts(&sound), [46 * 1_024, 94 * 1_024, 188 * 1_024]);
}

#[test]
fn sound_goes_on_alone_when_pictures_stop() {
    let (video, audio) = (video(), audio());
    let mut samples = stream(180_000, 300, 30, 0);
    // Pictures stop after a second; sound goes on for nine.
    samples.retain(|sample| sample.track == AUDIO || sample.dts < 180_000 + 30 * FRAME);
    let cutter = cutter(Some(at_start(&video)), Some(at_start(&audio)), None);
    let ([pictures, sound], _) = cut(cutter, samples);
    assert_eq!(pictures.segments.len(), 1);
    assert!(sound.segments.len() >= 3, "{:?}", sound.segments);
    let slots: Vec<i64> = starts(&sound)
        .into_iter()
        .map(|ticks| GRID.slot(MediaTime::new(ticks, Timescale::new(48_000))))
        .collect();
    assert!(slots.windows(2).all(|pair| pair[0] < pair[1]), "{slots:?}");
}

#[test]
fn a_restart_goes_on_exactly_where_the_last_run_ended() {
    let (video, audio) = (video(), audio());
    let samples = stream(180_000, 300, 30, 0);
    let whole = cutter(Some(at_start(&video)), Some(at_start(&audio)), None);
    let ([all_pictures, all_sound], _) = cut(whole, samples.clone());
    // The origin holds two segments of each; ingest replays from the key frame of the second.
    let floor = |track, seen: &Seen| Start { track, floor: seen.segments[1].1 };
    let (video_start, audio_start) = (floor(&video, &all_pictures), floor(&audio, &all_sound));
    let from = all_pictures.segments[1].0;
    let replay = samples.into_iter().skip_while(|sample| sample.track == AUDIO || sample.dts < from);
    let again = cutter(Some(video_start), Some(audio_start), None);
    let ([pictures, sound], _) = cut(again, replay.collect());
    assert_eq!(pictures.segments, all_pictures.segments[2..]);
    assert_eq!(sound.segments, all_sound.segments[2..]);
}

#[test]
fn segments_are_shared_out_evenly_among_parts_once_one_has_shown_how_long_they_are() {
    let (video, audio) = (video(), audio());
    // Key frames every 2.5 s.
    let samples = stream(180_000, 300, 75, 0);
    let start = (Some(at_start(&video)), Some(at_start(&audio)));
    let ([pictures, sound], _) = cut(cutter(start.0, start.1, Some(300)), samples);
    assert_eq!(starts(&pictures), [180_000, 405_000, 630_000, 855_000]);
    assert_eq!(pictures.chunks[0], [9, 9, 9, 9, 9, 9, 9, 9, 3], "nothing is known of the first");
    for (parts, even) in [(&pictures.chunks[1..], 8..=9), (&sound.chunks[1..3], 12..=14)] {
        for parts in parts {
            assert!(parts.len() == 9 && parts.iter().all(|frames| even.contains(frames)), "{parts:?}");
        }
    }
}

#[test]
fn a_time_that_does_not_rise_costs_its_sample_only() {
    let video = video();
    let mut cutter = cutter(Some(at_start(&video)), None, None);
    let mut seen = Seen::default();
    for (dts, sync, rises) in [
        (180_000, true, true),
        (183_000, false, true),
        (183_000, false, false),
        (10, true, false),
        (186_000, false, true),
    ] {
        let result = cutter.push(sample(VIDEO, dts, sync), &mut |_, output| seen.take(output));
        assert_eq!(result.is_ok(), rises, "{dts}");
    }
    let ends = cutter.finish(&mut |_, output| seen.take(output));
    assert_eq!(seen.segments, [(180_000, 189_000)]);
    assert_eq!(ends, [(VIDEO, MediaTime::new(189_000, Timescale::MPEG))]);
}

/// A second rendition of the pictures.
const LOW: TrackId = TrackId(65);
/// Its ticks: another timescale, as another muxer has it.
const LOW_SCALE: Timescale = Timescale::new(30_000);

fn low() -> Track {
    Track { id: LOW, timescale: LOW_SCALE, ..video() }
}

/// A ladder of two: `frames` pictures from `first` on, `late` frames of the second rendition's missing at the start, its key
/// frames `apart` frames later, and decoded `early` frames before they are shown.
fn ladder(first: i64, frames: i64, gop: i64, late: i64, apart: i64, early: i64) -> Vec<Sample> {
    let picture = |track, index: i64, early: i64, key: bool, frame: i64| {
        let shown = first / FRAME * frame + index * frame;
        let offset = (early * frame) as i32;
        Sample { composition_offset: offset, ..sample(track, shown - early * frame, key) }
    };
    let mut all: Vec<(i64, Sample)> = Vec::new();
    for index in 0..frames {
        let high = picture(VIDEO, index, 2, index % gop == 0, FRAME);
        all.push((high.dts, high));
        if index >= late {
            let low = picture(LOW, index, early, (index - apart).rem_euclid(gop) == 0, 1_000);
            all.push((low.dts * 3, low));
        }
    }
    all.sort_by_key(|(dts, _)| *dts);
    all.into_iter().map(|(_, sample)| sample).collect()
}

/// When the segments of both renditions begin to be shown, in frames.
fn shown(cutter: &mut Cutter, samples: Vec<Sample>, early: i64) -> [Vec<i64>; 2] {
    let mut seen = [Seen::default(), Seen::default()];
    for sample in samples {
        let _ = cutter.push(sample, &mut |id, output| seen[usize::from(id == LOW)].take(output));
    }
    cutter.retain(|_| false, &mut |id, output| seen[usize::from(id == LOW)].take(output));
    let [high, low] = seen.map(|seen| starts(&seen));
    [high.iter().map(|dts| dts / FRAME + 2).collect(), low.iter().map(|dts| dts / 1_000 + early).collect()]
}

fn of_both() -> Cutter {
    let (video, low) = (video(), low());
    cutter(Some(at_start(&video)), Some(at_start(&low)), None)
}

#[test]
fn a_rendition_that_comes_later_begins_with_a_segment_of_the_others() {
    let mut all = of_both();
    // Its first key frame is the second of a slot.
    let [high, low] = shown(&mut all, ladder(180_000, 300, 20, 35, 0, 0), 0);
    assert_eq!(high, [60, 120, 180, 240, 300]);
    assert_eq!(low, [120, 180, 240, 300]);
    assert_eq!(all.told(), None);
}

#[test]
fn a_track_that_goes_leaves_the_others_segments_whole() {
    let mut all = of_both();
    let (first, second): (Vec<_>, Vec<_>) =
        ladder(180_000, 300, 60, 0, 0, 0).into_iter().partition(|sample| sample.pts() < 180_000 + 90 * FRAME);
    let mut ends = Vec::new();
    let mut seen = Seen::default();
    let mut take = |id, output| {
        if id == VIDEO {
            seen.take(output)
        }
    };
    for sample in first {
        all.push(sample, &mut take).expect("times rise");
    }
    ends.extend(all.retain(|id| id == VIDEO, &mut take));
    for sample in second {
        all.push(sample, &mut take).expect("times rise, and what is gone is passed over");
    }
    all.finish(&mut take);
    assert!(ends.len() == 1 && ends[0].0 == LOW, "{ends:?}");
    assert_eq!(seen.segments.len(), 5);
    assert!(seen.segments.windows(2).all(|pair| pair[0].1 == pair[1].0));
}

#[test]
fn renditions_whose_key_frames_lie_apart_are_cut_each_at_its_own_in_the_same_slots_and_it_is_told() {
    let mut all = of_both();
    let [high, low] = shown(&mut all, ladder(180_000, 300, 60, 0, 7, 0), 0);
    assert_eq!(high, [60, 120, 180, 240, 300]);
    assert_eq!(low, [127, 187, 247, 307]);
    let gap_ms = 7 * 1_000 / 30;
    assert_eq!(all.told(), Some(Told::Apart { id: LOW, gap_ms }));
}

proptest! {
    /// Wherever slots fall between key frames, however late a rendition comes and however long before they are shown its pictures
    /// are decoded: from its first segment on it has the same as the other.
    #[test]
    fn renditions_with_the_same_key_frames_are_cut_at_the_same_pictures(
        slot in 1..1_000_i64,
        offset in 0..60_i64,
        gop in 1..90_i64,
        late in 0..200_i64,
        early in 0..4_i64,
    ) {
        let mut all = of_both();
        let samples = ladder(slot * 180_000 + offset * FRAME, 600, gop, late, 0, early);
        let [high, low] = shown(&mut all, samples, early);
        prop_assert!(low.len() >= 2);
        prop_assert_eq!(&high[high.len() - low.len()..], &low[..]);
        prop_assert_eq!(all.told(), None);
    }

    /// However far sound arrives ahead of or behind the pictures, the cuts are the same, on both tracks, and nothing
    /// is lost between the first and the last.
    #[test]
    fn cuts_do_not_depend_on_arrival(
        slot in 1..1_000_i64,
        offset in 0..60_i64,
        gop in 1..90_i64,
        lead in -60_000..60_000_i64,
    ) {
        let (video, audio) = (video(), audio());
        let first = slot * 180_000 + offset * FRAME;
        let anew = || cutter(Some(at_start(&video)), Some(at_start(&audio)), None);
        let ([in_step, sound_in_step], _) = cut(anew(), stream(first, 400, gop, 0));
        let ([ahead, sound_ahead], _) = cut(anew(), stream(first, 400, gop, lead));
        prop_assert_eq!(&in_step.segments, &ahead.segments);
        prop_assert_eq!(&sound_in_step.segments, &sound_ahead.segments);
        for seen in [&in_step, &sound_in_step] {
            for pair in seen.segments.windows(2) {
                prop_assert_eq!(pair[0].1, pair[1].0);
            }
        }
        // The last picture cut may be shown after the last sound.
        let short = in_step.segments.len() - sound_in_step.segments.len();
        prop_assert!(short <= 1, "{}", short);
    }
}
