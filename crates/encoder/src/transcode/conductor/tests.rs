//! Sources in trouble on a clock that the tests turn, judged by what the tracks hold.

use bytes::Bytes;
use cmaf::{Chunk, Header};
use daemon::{Drain, EpochClock};
use ffmpeg::{Decoder, Encoder, Parameters, Resampler};
use media::{Format, Grid, MediaTime, Rational, Sample, Timescale, VideoCodec};
use spec::{Fill, Latency, Preset, Profile, Rung, Slate};

use super::*;
use crate::door::Door;
use crate::source::InputTrack;

const SECOND: i64 = 1_000_000_000;
const MS: i64 = 1_000_000;
/// 2026-11-21T00:00:00Z.
const BEGINS: Utc = Utc(1_795_219_200_000_000);
/// Luma of the source's pictures, of black and of the slate, which is red.
const BRIGHT: u8 = 200;
const DARKER: u8 = 120;
const BLACK: u8 = 16;
const SLATE: u8 = 63;

#[derive(Default)]
struct Memory {
    header: Option<Bytes>,
    chunks: Vec<Chunk>,
}

impl Sink for Memory {
    fn header(&mut self, init: Bytes) {
        assert!(self.header.is_none() || self.chunks.is_empty(), "the header never changes in mid-stream");
        self.header = Some(init);
    }

    fn chunk(&mut self, chunk: Chunk) {
        self.chunks.push(chunk);
    }

    fn end_segment(&mut self, _: wire::Measured) {}

    fn break_off(&mut self) {}
}

fn rung(width: u32, height: u32, fps: u32) -> Rung {
    Rung {
        name: format!("{height}p{fps}"),
        codec: VideoCodec::H264,
        width,
        height,
        frame_rate: Rational::whole(fps),
        bitrate_bps: 200_000,
        preset: Preset::Ultrafast,
        profile: Profile::High,
    }
}

/// A channel of two rungs, and the time that has passed.
struct Scene {
    conductor: Conductor<Memory>,
    metrics: TranscodeMetrics,
    settings: Settings,
    now_ns: i64,
    /// Time of each input's next picture.
    picture_ns: [i64; 2],
    coders: [Option<Coder>; 2],
    /// How long what comes waits until it is taken.
    lag: Duration,
    /// Something of the input that is not shown waits to be taken.
    other_waits: bool,
}

/// Codes an input's pictures, with a key frame every second.
struct Coder {
    encoder: Encoder,
    sent: i64,
}

/// How a source behaves for a while.
#[derive(Clone, Copy)]
struct Source {
    /// Added to its times.
    shift_ns: i64,
    /// Its pictures' luma.
    luma: u8,
    size: (u32, u32),
    sounds: bool,
    moves: bool,
    coded: bool,
}

const GOOD: Source =
    Source { shift_ns: 0, luma: BRIGHT, size: (64, 64), sounds: true, moves: true, coded: false };
/// The same as a publisher's coded samples, without sound, and another that is darker.
const CODED: Source = Source { sounds: false, coded: true, ..GOOD };
const OTHER: Source = Source { luma: DARKER, ..CODED };

impl Scene {
    fn start(latency: Latency) -> Self {
        Self::start_with(latency, None)
    }

    fn start_with(latency: Latency, backup: Option<spec::Failover>) -> Self {
        Self::start_with_preset(latency, backup, Preset::Ultrafast)
    }

    fn start_with_preset(latency: Latency, backup: Option<spec::Failover>, preset: Preset) -> Self {
        let slate = Slate::Colour([255, 0, 0]);
        let settings = Settings {
            channel: "test".into(),
            rungs: [rung(128, 128, 60), rung(64, 64, 30)].map(|rung| Rung { preset, ..rung }).into(),
            audio_bps: 64_000,
            audio: vec![spec::AudioRendition::first()],
            grid: Grid::new(1_000),
            latency,
            pace: Pace::Live,
            start: Start::Now,
            fill: Fill { slate, ..Fill::default() },
            door: Door::Itself,
            backup,
            prefers: crate::transcode::Side::Primary,
            selector: crate::transcode::Selector::default(),
            preview: crate::transcode::Preview::default(),
            cores: 1,
            pulse: crate::pulse::Pulse::default(),
            clock: EpochClock::anchored(Instant::now(), BEGINS),
            drain: Drain::manual().0,
        };
        let metrics = TranscodeMetrics::default();
        let sinks = (0..3).map(|_| Memory::default()).collect();
        let conductor = Conductor::start(settings.clone(), sinks, &metrics).expect("starts");
        let now_ns = BEGINS.0 * 1_000;
        Self {
            conductor,
            metrics,
            settings,
            now_ns,
            picture_ns: [now_ns; 2],
            coders: [None, None],
            lag: Duration::ZERO,
            other_waits: false,
        }
    }

    fn instant(&self) -> Instant {
        self.settings.clock.instant_of(Utc(self.now_ns / 1_000))
    }

    fn send(&mut self, event: Event) {
        self.send_to(Side::Primary, event);
    }

    fn send_to(&mut self, side: Side, event: Event) {
        let now = self.instant();
        let arrived = now - self.lag;
        self.conductor.take(side, Envelope::of(event, arrived), now, false).expect("encodes");
    }

    /// Lets `ms` pass with a primary source of 30 pictures a second, 20 ms late, or without one.
    fn pass(&mut self, ms: i64, source: Option<Source>) {
        self.pass_both(ms, source, None);
    }

    fn pass_both(&mut self, ms: i64, primary: Option<Source>, backup: Option<Source>) {
        let end_ns = self.now_ns + ms * MS;
        let sources = [(Side::Primary, primary), (Side::Backup, backup)];
        for (side, source) in sources {
            if source.is_some() {
                self.picture_ns[side.index()] = self.picture_ns[side.index()].max(self.now_ns);
            }
        }
        while self.now_ns < end_ns {
            for (side, source) in sources {
                while let Some(source) = source
                    && self.picture_ns[side.index()] + 20 * MS <= self.now_ns
                {
                    self.picture(side, source);
                }
            }
            let now = self.instant();
            // While something always waits, nobody is idle.
            if self.lag.is_zero() {
                self.conductor.idle(now, self.other_waits).expect("encodes");
            }
            self.now_ns += 5 * MS;
        }
    }

    fn picture(&mut self, side: Side, source: Source) {
        let at = self.picture_ns[side.index()];
        let number = self.frames_until(at);
        let time_ns = at + source.shift_ns;
        self.picture_ns[side.index()] = BEGINS.0 * 1_000 + frame_time_ns(number + 1, Rational::whole(30));
        let mut frame = Frame::picture(source.size.0, source.size.1).expect("memory");
        frame.set_colour(Colour::BT709);
        let luma = if source.moves { source.luma + (number % 3) as u8 * 2 } else { source.luma };
        for (plane, value) in [luma, 128, 128].into_iter().enumerate() {
            frame.plane_mut(plane).expect("memory").0.fill(value);
        }
        if source.sounds {
            let samples: Vec<f32> = (0..1_600).map(|n| if n % 48 < 24 { 0.4 } else { -0.4 }).collect();
            let at = samples_at(time_ns);
            self.send_to(side, Event::Sound { left: samples.clone(), right: samples, at });
        }
        if source.coded {
            self.coded(side, &frame, time_ns);
        } else {
            let time = MediaTime::new(time_ns / 1_000, Timescale::MICROS);
            self.send_to(side, Event::Picture { frame, time });
        }
    }

    fn coded(&mut self, side: Side, frame: &Frame, time_ns: i64) {
        if self.coders[side.index()].is_none() {
            let (encoder, head) =
                super::super::rung::open(&rung(64, 64, 30), Preset::Ultrafast, 1, LOW, Colour::BT709)
                    .expect("opens");
            let track = InputTrack::of(&head.track).expect("memory");
            self.send_to(side, Event::Tracks(vec![track]));
            self.coders[side.index()] = Some(Coder { encoder, sent: 0 });
        }
        let coder = self.coders[side.index()].as_mut().expect("made above");
        let kind = if coder.sent % 30 == 0 { ffmpeg::Picture::Key } else { ffmpeg::Picture::Any };
        coder.encoder.send_picture(frame, coder.sent, kind).expect("encodes");
        coder.sent += 1;
        let packet = coder.encoder.receive().expect("encodes").expect("nothing is held back");
        let sample = Sample {
            track: media::TrackId(0),
            dts: (i128::from(time_ns) * 90_000 / 1_000_000_000) as i64,
            composition_offset: 0,
            duration: None,
            sync: packet.is_key(),
            data: codec::h264::annexb_to_length_prefixed(packet.data()),
        };
        self.send_to(side, Event::Sample(sample));
    }

    fn frames_until(&self, time_ns: i64) -> i64 {
        nearest_frame(time_ns - BEGINS.0 * 1_000, Rational::whole(30))
    }

    fn end(mut self) -> Vec<Take> {
        self.conductor.end_run().expect("encodes");
        let heads = self.settings.heads().expect("opens");
        let sinks = self.conductor.output.finish(Ok(())).expect("encodes");
        let take = |(head, sink): (super::super::TrackHead, Memory)| {
            let header = Header::read(sink.header.unwrap_or(head.init)).expect("our own header");
            let samples = sink
                .chunks
                .iter()
                .flat_map(|chunk| cmaf::read_samples(&chunk.to_bytes(), &header).expect("our own chunks"));
            Take { samples: samples.collect(), header }
        };
        let takes: Vec<Take> = heads.into_iter().zip(sinks).map(take).collect();
        takes.iter().for_each(Take::assert_whole);
        takes
    }
}

struct Take {
    samples: Vec<Sample>,
    header: Header,
}

impl Take {
    /// Every frame's number is there once: nothing is missing, nothing is twice.
    fn assert_whole(&self) {
        assert!(!self.samples.is_empty());
        for pair in self.samples.windows(2) {
            let duration = i64::from(pair[0].duration.expect("known"));
            assert_eq!(pair[0].dts + duration, pair[1].dts, "{}", self.header.track.format);
        }
    }

    fn decode(&self) -> Vec<(i64, Frame)> {
        let mut decoder =
            Decoder::open(&Parameters::of(&self.header.track.format).expect("memory"), 1).expect("opens");
        let mut frames = Vec::new();
        let mut take = |decoder: &mut Decoder| {
            while let Some(frame) = decoder.receive().expect("decodes") {
                let time = MediaTime::new(frame.pts().expect("known"), self.header.track.timescale);
                frames.push((nanoseconds(time) - BEGINS.0 * 1_000, frame));
            }
        };
        for sample in &self.samples {
            decoder.send(&sample.data, sample.pts(), sample.dts).expect("decodes");
            take(&mut decoder);
        }
        decoder.finish();
        take(&mut decoder);
        frames
    }

    /// What is seen, as luma and how many milliseconds it stands.
    fn scenes(&self) -> Vec<(u8, i64)> {
        let Format::Video(format) = &self.header.track.format else { panic!("pictures are seen") };
        let rate = format.frame_rate.expect("known");
        let mut scenes: Vec<(u8, i64)> = Vec::new();
        for (_, frame) in self.decode() {
            let luma = frame.plane(0).0[0];
            match scenes.last_mut() {
                Some((before, frames)) if before.abs_diff(luma) <= 12 => *frames += 1,
                _ => scenes.push((luma, 1)),
            }
        }
        scenes.into_iter().map(|(luma, frames)| (luma, frame_time_ns(frames, rate) / MS)).collect()
    }

    /// Milliseconds of sound that is not silent.
    fn loud_ms(&self) -> i64 {
        let mut resampler = Resampler::new(48_000);
        let (mut left, mut right) = (Vec::new(), Vec::new());
        for (_, frame) in self.decode() {
            resampler.convert(&frame, &mut left, &mut right).expect("converts");
        }
        let loud = |window: &&[f32]| window.iter().any(|sample| sample.abs() > 0.1);
        left.chunks(48).filter(loud).count() as i64
    }
}

fn assert_scenes(takes: &[Take], wanted: &[(u8, std::ops::RangeInclusive<i64>)]) {
    for take in &takes[..2] {
        let seen = take.scenes();
        let fits = |((luma, ms), (wanted, range)): (&(u8, i64), &(u8, std::ops::RangeInclusive<i64>))| {
            luma.abs_diff(*wanted) <= 8 && range.contains(ms)
        };
        assert!(
            seen.len() == wanted.len() && seen.iter().zip(wanted).all(fits),
            "{}: {seen:?}, wanted {wanted:?}",
            take.header.track.format
        );
    }
}

const LOW: Latency = Latency::Low { part_ms: 300 };

#[test]
fn a_channel_whose_source_has_not_come_begins_on_slate_and_goes_over_to_it() {
    for latency in [Latency::Standard, LOW] {
        let mut scene = Scene::start(latency);
        scene.pass(5_000, None);
        scene.pass(3_000, Some(GOOD));
        let figures = scene.metrics.channel("test");
        assert_eq!(figures.input_lost.get(), 0, "cleared");
        assert!(figures.fill_frames[2].get() >= 100);
        let takes = scene.end();
        assert_scenes(&takes, &[(SLATE, 4_900..=5_400), (BRIGHT, 2_500..=3_000)]);
        assert!((2_400..=3_020).contains(&takes[2].loud_ms()), "{}", takes[2].loud_ms());
    }
}

#[test]
fn what_begins_on_slate_begins_with_a_whole_segment() {
    let mut scene = Scene::start(Latency::Standard);
    // It begins a second after a cut, with what is half a second old.
    scene.pass(3_000, None);
    let grid = scene.settings.grid;
    for take in scene.end() {
        let (first, track) = (take.samples[0].dts, &take.header.track);
        let cut = grid.start(grid.slot(MediaTime::new(first, track.timescale)), track.timescale);
        // A cut lies between two frames of sound.
        let slack = if track.format.is_video() { 0 } else { crate::transcode::cuts::AAC_FRAME };
        assert!((cut..=cut + slack).contains(&first), "{}: {first}, cut {cut}", track.format);
    }
}

#[test]
fn a_source_that_goes_is_repeated_then_black_then_slate_and_returns_with_any_times() {
    for (latency, shift_ns) in
        [(Latency::Standard, 0), (LOW, 0), (Latency::Standard, -3_600 * SECOND), (LOW, 86_400 * SECOND)]
    {
        let mut scene = Scene::start(latency);
        scene.pass(2_000, Some(GOOD));
        scene.send(Event::Ended("killed".into()));
        scene.pass(1_000, None);
        assert_eq!(scene.metrics.channel("test").input_lost.get(), 1, "it is told in a second");
        scene.pass(5_000, None);
        scene.send(Event::Tracks(Vec::new()));
        scene.pass(3_000, Some(Source { shift_ns, ..GOOD }));
        let figures = scene.metrics.channel("test");
        assert_eq!((figures.input_lost.get(), figures.restarts.get()), (0, 0), "and its end in three");
        let takes = scene.end();
        let slate = 4_000..=4_700;
        assert_scenes(
            &takes,
            &[(BRIGHT, 2_900..=3_100), (BLACK, 950..=1_050), (SLATE, slate), (BRIGHT, 2_500..=3_000)],
        );
        let loud = takes[2].loud_ms();
        assert!((4_400..=5_100).contains(&loud), "{loud} ms of sound");
    }
}

#[test]
fn one_late_picture_costs_nothing_and_a_second_of_silence_a_still() {
    let mut scene = Scene::start(Latency::Standard);
    scene.pass(2_000, Some(GOOD));
    scene.pass(300, None);
    scene.pass(2_000, Some(GOOD));
    assert_eq!(scene.metrics.channel("test").fill_frames[0].get(), 0, "the next picture filled it");
    scene.pass(1_000, None);
    scene.pass(2_000, Some(GOOD));
    assert!(scene.metrics.channel("test").fill_frames[0].get() >= 10);
    assert_scenes(&scene.end(), &[(BRIGHT, 7_200..=7_400)]);
}

#[test]
fn a_source_that_connects_and_drops_all_the_time_never_disturbs_the_slate() {
    let mut scene = Scene::start(Latency::Standard);
    scene.pass(2_000, None);
    for _ in 0..20 {
        scene.send(Event::Tracks(Vec::new()));
        scene.pass(150, Some(GOOD));
        scene.send(Event::Ended("flapping".into()));
        scene.pass(50, None);
    }
    assert_scenes(&scene.end(), &[(SLATE, 5_000..=6_000)]);
}

#[test]
fn a_jump_of_the_source_s_times_is_no_hole_and_no_repetition() {
    let mut scene = Scene::start(Latency::Standard);
    for shift_ns in [0, 5 * SECOND, -7 * SECOND, 400 * SECOND] {
        scene.pass(2_000, Some(Source { shift_ns, ..GOOD }));
    }
    assert!(scene.metrics.channel("test").timestamp_jumps.get() >= 3);
    let takes = scene.end();
    assert_scenes(&takes, &[(BRIGHT, 7_900..=8_100)]);
    // What goes back is passed over for a second.
    assert!((6_500..=8_100).contains(&takes[2].loud_ms()), "{}", takes[2].loud_ms());
}

#[test]
fn sound_that_goes_or_comes_late_leaves_silence_and_no_hole() {
    let mut scene = Scene::start(LOW);
    for sounds in [false, true, false, true] {
        scene.pass(2_000, Some(Source { sounds, ..GOOD }));
    }
    let takes = scene.end();
    assert!((3_500..=4_200).contains(&takes[2].loud_ms()), "{}", takes[2].loud_ms());
}

#[test]
fn the_sound_of_a_source_that_is_gone_is_awaited_no_longer_than_its_pictures() {
    for (latency, grace_ms) in [(Latency::Standard, 500), (LOW, 200)] {
        let mut scene = Scene::start(latency);
        scene.pass(2_000, Some(GOOD));
        let figures = scene.metrics.channel("test");
        let before = figures.silent_frames.get();
        scene.pass(grace_ms + 150, None);
        let (filled, silent) = (figures.fill_frames[0].get(), figures.silent_frames.get() - before);
        assert!(filled >= 3 && silent >= 4, "{latency:?}: {filled} frames, {silent} of sound");
        scene.end();
    }
}

#[test]
fn another_size_in_mid_stream_changes_no_track() {
    let mut scene = Scene::start(Latency::Standard);
    for size in [(64, 64), (256, 256), (640, 640)] {
        scene.pass(1_500, Some(Source { size, ..GOOD }));
    }
    assert_scenes(&scene.end(), &[(BRIGHT, 4_400..=4_600)]);
}

#[test]
fn a_machine_that_slept_goes_on_at_the_clock() {
    let mut scene = Scene::start(Latency::Standard);
    scene.pass(1_500, Some(GOOD));
    scene.now_ns += 3_600 * SECOND;
    let now = scene.instant();
    scene.conductor.fill(now).expect("encodes");
    scene.pass(3_000, None);
    let next_ns = scene.conductor.output.next_ns().expect("it goes on");
    assert!((scene.now_ns - next_ns) < SECOND);
    assert_eq!(scene.metrics.channel("test").restarts.get(), 1);
}

fn failover() -> spec::Failover {
    spec::Failover { clear_ms: 2_000, ..spec::Failover::default() }
}

#[test]
fn a_backup_takes_over_without_a_frame_missing_and_a_clear_primary_comes_back() {
    for latency in [Latency::Standard, LOW] {
        let failover = spec::Failover { clear_ms: 2_000, ..spec::Failover::of(latency) };
        let mut scene = Scene::start_with(latency, Some(failover));
        scene.pass_both(3_500, Some(CODED), Some(OTHER));
        scene.pass_both(2_000, None, Some(OTHER));
        assert_eq!(scene.conductor.active(), Side::Backup);
        scene.pass_both(4_500, Some(CODED), Some(OTHER));
        assert_eq!(scene.conductor.active(), Side::Primary);
        let figures = scene.metrics.inputs("test");
        assert_eq!((figures.failovers[0].get(), figures.failovers[4].get()), (1, 1));
        assert_eq!((figures.active[0].get(), figures.active[1].get()), (1, 0));
        assert_eq!(figures.faults[0].each_ref().map(|gauge| gauge.get()), [0; 4], "cleared");
        let filled = scene.metrics.channel("test").fill_frames.each_ref().map(|frames| frames.get());
        assert!(filled[0] <= 3 && filled[1..] == [0, 0], "{filled:?}");
        // The backup's first picture is the one that is next on the output: nothing stands still in between.
        assert_scenes(
            &scene.end(),
            &[(BRIGHT, 3_430..=3_600), (DARKER, 3_900..=5_000), (BRIGHT, 1_300..=2_700)],
        );
    }
}

#[test]
fn a_sender_that_falters_is_not_left_while_nobody_sees_it_and_is_once_it_stays_away() {
    let mut scene = Scene::start_with(Latency::Standard, Some(failover()));
    scene.pass_both(3_000, Some(CODED), Some(OTHER));
    for _ in 0..5 {
        // Its pictures come all at once then, as of a busy sender.
        let paused_ns = scene.picture_ns[0];
        scene.pass_both(280, None, Some(OTHER));
        scene.picture_ns[0] = paused_ns;
        scene.pass_both(700, Some(CODED), Some(OTHER));
    }
    let figures = scene.metrics.inputs("test");
    let filled = || scene.metrics.channel("test").fill_frames.each_ref().map(|frames| frames.get());
    assert_eq!((figures.failovers[0].get(), filled()), (0, [0; 3]), "nobody saw anything");
    scene.pass_both(400, None, Some(OTHER));
    assert_eq!(scene.conductor.active(), Side::Backup);
    scene.pass_both(600, None, Some(OTHER));
    let filled = scene.metrics.channel("test").fill_frames[0].get();
    assert_eq!((figures.failovers[0].get(), filled), (1, 0), "the other was there in time");
    scene.end();
}

#[test]
fn an_input_whose_pictures_wait_for_a_late_thread_is_not_silent() {
    let mut scene = Scene::start_with(Latency::Standard, Some(failover()));
    scene.pass_both(3_000, Some(CODED), Some(OTHER));
    let faults = || scene.metrics.inputs("test").faults[1].each_ref().map(|gauge| gauge.get());
    assert_eq!(faults(), [0; 4]);
    scene.other_waits = true;
    scene.pass_both(600, Some(CODED), None);
    let figures = scene.metrics.inputs("test");
    assert_eq!(figures.faults[1][0].get(), 0, "they wait");
    scene.other_waits = false;
    scene.pass_both(5, Some(CODED), None);
    assert_eq!(figures.faults[1][0].get(), 1, "there are none");
    scene.end();
}

#[test]
fn black_silence_and_a_frozen_picture_are_left_and_watched_until_they_are_over() {
    let sounding = |source: Source| Source { sounds: true, ..source };
    for (bad, cause) in [
        (Source { luma: BLACK, moves: false, ..sounding(CODED) }, 1),
        (CODED, 2),
        (Source { moves: false, ..sounding(CODED) }, 3),
    ] {
        let mut scene = Scene::start_with(
            Latency::Standard,
            Some(spec::Failover {
                black_ms: Some(1_000),
                silence_ms: Some(1_000),
                frozen_ms: Some(1_500),
                ..failover()
            }),
        );
        let (good, other) = (Some(sounding(CODED)), Some(sounding(OTHER)));
        scene.pass_both(2_500, good, other);
        assert_eq!(scene.conductor.active(), Side::Primary);
        scene.pass_both(2_500, Some(bad), other);
        assert_eq!(scene.conductor.active(), Side::Backup, "cause {cause}");
        assert_eq!(scene.metrics.inputs("test").failovers[cause].get(), 1);
        scene.pass_both(3_000, Some(bad), other);
        assert_eq!(scene.conductor.active(), Side::Backup, "it is not over: cause {cause}");
        scene.pass_both(3_000, good, other);
        assert_eq!(scene.conductor.active(), Side::Primary, "it is over: cause {cause}");
        scene.end();
    }
}

#[test]
fn two_inputs_that_come_and_go_leave_nothing_to_be_seen_but_themselves() {
    let equal = spec::Failover { preference: spec::Preference::Equal, ..spec::Failover::of(LOW) };
    let mut scene = Scene::start_with(LOW, Some(equal));
    scene.pass_both(2_000, Some(CODED), Some(OTHER));
    for cycle in 0..10 {
        let gone = 300 + cycle * 90;
        match scene.conductor.active() {
            Side::Primary => scene.pass_both(gone, None, Some(OTHER)),
            Side::Backup => scene.pass_both(gone, Some(CODED), None),
        }
        scene.pass_both(900, Some(CODED), Some(OTHER));
    }
    let losses = scene.metrics.inputs("test").failovers[0].get();
    assert!(losses >= 9, "{losses}");
    let takes = scene.end();
    let seen = takes[0].scenes();
    assert!(seen.len() as u64 >= losses, "{seen:?}");
    assert!(
        seen.iter().all(|(luma, _)| luma.abs_diff(BRIGHT) <= 8 || luma.abs_diff(DARKER) <= 8),
        "{seen:?}"
    );
}

#[test]
fn the_operator_s_choice_is_shown_from_the_next_frame_on() {
    let mut scene = Scene::start_with(LOW, Some(failover()));
    scene.pass_both(3_000, Some(CODED), Some(OTHER));
    scene.settings.selector.choose(Some(Side::Backup));
    scene.pass_both(3_000, Some(CODED), Some(OTHER));
    scene.settings.selector.choose(Some(Side::Primary));
    scene.pass_both(2_000, Some(CODED), Some(OTHER));
    assert_eq!(scene.metrics.inputs("test").failovers[5].get(), 2);
    assert_eq!(scene.metrics.channel("test").fill_frames[0].get(), 0);
    assert_scenes(&scene.end(), &[(BRIGHT, 2_900..=3_100), (DARKER, 2_900..=3_100), (BRIGHT, 1_900..=2_100)]);
}

#[test]
fn an_input_that_was_left_a_moment_ago_is_shown_again_without_waiting_for_a_key_frame() {
    let mut scene = Scene::start_with(LOW, Some(failover()));
    // Neither input has a key frame in what follows.
    scene.pass_both(3_100, Some(CODED), Some(OTHER));
    for side in [Side::Backup, Side::Primary, Side::Backup] {
        scene.settings.selector.choose(Some(side));
        scene.pass_both(200, Some(CODED), Some(OTHER));
    }
    assert_eq!(scene.metrics.channel("test").fill_frames[0].get(), 0);
    let moment = 160..=240;
    assert_scenes(
        &scene.end(),
        &[(BRIGHT, 3_000..=3_200), (DARKER, moment.clone()), (BRIGHT, moment.clone()), (DARKER, moment)],
    );
}

#[test]
fn an_encoder_slower_than_real_time_gives_up_quality_and_no_frame_and_takes_it_back() {
    for latency in [Latency::Standard, LOW] {
        let mut scene = Scene::start_with_preset(latency, None, Preset::Veryfast);
        scene.pass(3_000, Some(GOOD));
        let figures = scene.metrics.channel("test");
        assert_eq!(figures.quality_step.get(), 0);
        // A third of a second and a little: nothing is dropped for it yet.
        scene.lag = Duration::from_millis(400);
        let mut steps = vec![0];
        for _ in 0..12 {
            scene.pass(1_000, Some(GOOD));
            steps.push(figures.quality_step.get());
        }
        assert_eq!(steps.last(), Some(&3), "two presets, then half of the pictures: {steps:?}");
        assert!(steps.is_sorted() && steps[5] > 0, "told within five seconds: {steps:?}");
        assert!(figures.frames_dropped.get() > 15);
        scene.lag = Duration::ZERO;
        scene.pass(95_000, Some(GOOD));
        assert_eq!(figures.quality_step.get(), 0, "calm");
        assert_eq!(figures.restarts.get(), 0);
        // Every frame's number is there once, under the first header.
        let takes = scene.end();
        assert_scenes(&takes, &[(BRIGHT, 109_800..=110_100)]);
    }
}

#[test]
fn an_encoder_far_behind_shows_stills_and_no_hole_until_it_has_caught_up() {
    let mut scene = Scene::start(Latency::Standard);
    scene.pass(3_000, Some(GOOD));
    let figures = scene.metrics.channel("test");
    for (lag_ms, flow) in [(800, Flow::Dropping), (1_500, Flow::Skipping), (0, Flow::Live)] {
        scene.lag = Duration::from_millis(lag_ms);
        scene.pass(2_000, Some(GOOD));
        assert_eq!(scene.conductor.flow, flow);
    }
    assert!(figures.frames_dropped.get() >= 100);
    assert_eq!(figures.restarts.get(), 0);
    scene.end();
}
