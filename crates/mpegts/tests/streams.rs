//! Streams made here, packet by packet: tables that change, loss, limits.

use bytes::Bytes;
use media::{Format, VideoCodec};
use mpegts::limits::*;
use mpegts::writer::{MapEntry, PesPacket, Writer};
use mpegts::{Demuxer, Event, PACKET_BYTES, Select, Warning};

const SETS: &[u8] = include_bytes!("../../codec/testdata/x264-720p30-baseline.h264");
const VIDEO: u16 = 256;
const AUDIO: u16 = 257;
const MAP: u16 = 4096;
const H264: MapEntry<'_> = MapEntry { stream_type: 0x1B, pid: VIDEO, descriptors: b"" };
const AAC: MapEntry<'_> = MapEntry { stream_type: 0x0F, pid: AUDIO, descriptors: b"\x0A\x04deu\0" };

/// A stream under way.
#[derive(Default)]
struct Bench {
    writer: Writer,
}

impl Bench {
    fn of(entries: &[MapEntry<'_>]) -> Self {
        let mut bench = Self::default();
        bench.writer.association(&[(1, MAP)]);
        bench.writer.map(MAP, 1, 0, VIDEO, entries);
        bench
    }

    fn picture(&mut self, frame: i64, key: bool) {
        let (sets, slice) = if key { (SETS, 0x65) } else { (&b""[..], 0x41) };
        let unit =
            [&[0, 0, 0, 1, 9, 0xF0], sets, &[0, 0, 1, slice, 0x88, 0x81 + frame as u8 % 100], &[0x55; 700]];
        self.video(frame, &unit.concat());
    }

    fn video(&mut self, frame: i64, payload: &[u8]) {
        let dts = 3_000 * frame;
        let pcr = (dts - 1_500) * 300;
        let packet = PesPacket { stream_id: 0xE0, pts: Some(dts), dts: None, pcr: Some(pcr), payload };
        self.writer.pes(VIDEO, &packet);
    }

    /// Two frames of AAC at 48 kHz.
    fn sound(&mut self, pid: u16, packet: i64) {
        let frame = |fill: u8| [&[0xFF, 0xF1, 0x4C, 0x80, 0x0A, 0x1F, 0xFC], &[fill; 73][..]].concat();
        let payload = [frame(packet as u8), frame(packet as u8)].concat();
        let pts = Some(packet * 3_840);
        self.writer.pes(pid, &PesPacket { stream_id: 0xC0, pts, dts: None, pcr: None, payload: &payload });
    }

    /// A second: a picture and its sound by turns.
    fn second(&mut self, second: i64) {
        for frame in 30 * second..30 * (second + 1) {
            self.picture(frame, frame % 30 == 0);
            self.sound(AUDIO, frame);
        }
    }

    fn events(&mut self, select: Select) -> Vec<Event> {
        demux(&self.writer.take(), select)
    }

    fn words(&mut self) -> Vec<String> {
        words(&self.events(Select::default()))
    }
}

fn demux(stream: &[u8], select: Select) -> Vec<Event> {
    let mut demuxer = Demuxer::new(select);
    let mut events = Vec::new();
    for piece in stream.chunks(1_316) {
        demuxer.push(piece);
        events.extend(std::iter::from_fn(|| demuxer.poll()));
    }
    demuxer.finish();
    events.extend(std::iter::from_fn(|| demuxer.poll()));
    assert_eq!(demuxer.poll(), None, "nothing comes after the end");
    events
}

/// Events in words, runs of samples of a track as one.
fn words(events: &[Event]) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for event in events {
        let word = match event {
            Event::Tracks(streams) => {
                let each = streams.iter().map(|stream| {
                    let language = stream.language.map_or(String::new(), |language| format!(" {language}"));
                    format!("{}@{}: {}{language}", stream.track.id.0, stream.pid, stream.track.format)
                });
                each.collect::<Vec<_>>().join("; ")
            }
            Event::Sample(sample) => format!("samples of {}", sample.track.0),
            Event::Section { pid, data, near } => format!("section of {} on {pid} near {near:?}", data.len()),
            Event::Id3 { pid, pts, data } => format!("id3 of {} on {pid} at {pts:?}", data.len()),
            Event::ClockJump { pid, step } => format!("clock of {pid} by {step:?}"),
            Event::Warning(warning) => warning.to_string(),
            Event::Ended => "ended".to_owned(),
        };
        if words.last() != Some(&word) {
            words.push(word);
        }
    }
    words
}

const TRACK: &str = "0@256: avc1.42c01f 1280x720 30 fps";

#[test]
fn tracks_come_together_in_front_of_their_samples_with_their_language() {
    let mut bench = Bench::of(&[H264, AAC]);
    bench.picture(0, true);
    bench.picture(1, false);
    bench.sound(AUDIO, 0);
    bench.picture(2, false);
    let both = format!("{TRACK}; 1@257: mp4a.40.2 48000 Hz 2 ch deu");
    assert_eq!(bench.words(), [&both, "samples of 0", "samples of 1", "samples of 0", "ended"]);
}

#[test]
fn a_track_that_never_comes_holds_the_other_back_for_five_seconds_only() {
    let mut bench = Bench::of(&[H264, AAC]);
    for frame in 0..160 {
        bench.picture(frame, frame == 0);
    }
    let events = bench.events(Select::default());
    assert_eq!(words(&events), [TRACK, "samples of 0", "ended"]);
    let limit = 3 * TRACKS_WAIT_MS as usize / 100 + 1;
    let mut demuxer = Demuxer::new(Select::default());
    let mut bench = Bench::of(&[H264, AAC]);
    for frame in 0..=limit as i64 {
        assert_eq!(demuxer.poll(), None, "before frame {frame}");
        bench.picture(frame, frame == 0);
        demuxer.push(&bench.writer.take());
    }
    assert!(matches!(demuxer.poll(), Some(Event::Tracks(_))));
}

#[test]
fn samples_that_wait_are_bounded_in_number_and_in_bytes() {
    let waited = |payload: &[u8], step: i64| {
        let mut demuxer = Demuxer::new(Select::default());
        let mut bench = Bench::of(&[H264, AAC]);
        bench.picture(0, true);
        for frame in 1_i64.. {
            let dts = frame * step;
            let packet = PesPacket { stream_id: 0xE0, pts: Some(dts), dts: None, pcr: None, payload };
            bench.writer.pes(VIDEO, &packet);
            demuxer.push(&bench.writer.take());
            if demuxer.poll().is_some() {
                return frame as usize;
            }
        }
        unreachable!()
    };
    assert_eq!(waited(b"\0\0\x01\x41\x9A", 10), MAX_PENDING_SAMPLES);
    let large = [&b"\0\0\x01\x41"[..], &vec![0x9A; 1 << 20]].concat();
    assert_eq!(waited(&large, 10), MAX_PENDING_BYTES / (1 << 20) + 1);
}

#[test]
fn a_new_map_changes_the_tracks_and_what_stays_goes_on() {
    let mut bench = Bench::of(&[H264, AAC]);
    bench.second(0);
    let french = MapEntry { stream_type: 0x0F, pid: 300, descriptors: b"\x0A\x04fra\0" };
    bench.writer.map(MAP, 1, 1, VIDEO, &[H264, AAC, french]);
    for packet in 30..35 {
        bench.picture(packet, false);
        bench.sound(300, packet);
    }
    bench.writer.map(MAP, 1, 2, VIDEO, &[H264, french]);
    for packet in 35..40 {
        bench.picture(packet, false);
        bench.sound(300, packet);
    }
    let told: Vec<String> = bench.words().into_iter().filter(|word| word.contains('@')).collect();
    let (german, french) = ("1@257: mp4a.40.2 48000 Hz 2 ch deu", "2@300: mp4a.40.2 48000 Hz 2 ch fra");
    assert_eq!(
        told,
        [format!("{TRACK}; {german}"), format!("{TRACK}; {german}; {french}"), format!("{TRACK}; {french}")]
    );
}

#[test]
fn a_program_with_all_new_pids_begins_anew_and_its_last_pictures_are_kept() {
    let mut bench = Bench::of(&[H264]);
    bench.picture(0, true);
    bench.picture(1, false);
    bench.writer.map(MAP, 1, 1, 400, &[MapEntry { pid: 400, ..H264 }]);
    let unit = [&[0, 0, 0, 1, 9, 0xF0], SETS, &[0, 0, 1, 0x65, 0x88]].concat();
    let packet = PesPacket { stream_id: 0xE0, pts: Some(9_000), dts: None, pcr: None, payload: &unit };
    bench.writer.pes(400, &packet);
    let events = bench.events(Select::default());
    assert_eq!(
        words(&events),
        [TRACK, "samples of 0", &TRACK.replace("256", "400"), "samples of 0", "ended"]
    );
    assert_eq!(events.iter().filter(|event| matches!(event, Event::Sample(_))).count(), 3);
}

#[test]
fn program_and_pids_are_chosen() {
    let mut bench = Bench::default();
    let second = [MapEntry { pid: 500, ..H264 }, MapEntry { pid: 501, ..AAC }, MapEntry { pid: 502, ..AAC }];
    bench.writer.association(&[(0, 16), (3, MAP), (7, MAP + 1)]);
    bench.writer.map(MAP, 3, 0, VIDEO, &[H264]);
    bench.writer.map(MAP + 1, 7, 0, 500, &second);
    bench.picture(0, true);
    bench.sound(501, 0);
    bench.sound(502, 0);
    let stream = bench.writer.take();
    let choose =
        |program, video_pid, audio_pids| words(&demux(&stream, Select { program, video_pid, audio_pids }));
    assert_eq!(choose(None, None, None), [TRACK, "samples of 0", "ended"]);
    let sound = |id, pid| format!("{id}@{pid}: mp4a.40.2 48000 Hz 2 ch deu");
    let all = choose(Some(7), None, None);
    assert_eq!(all[0], format!("{}; {}", sound(1, 501), sound(2, 502)));
    let one = choose(Some(7), None, Some(vec![502, 777]));
    assert_eq!(one[..2], ["PID 777 is not in the program, or of another kind".to_owned(), sound(1, 502)]);
    assert_eq!(choose(Some(3), Some(VIDEO), Some(vec![]))[0], TRACK);
    assert_eq!(choose(Some(3), Some(501), None)[0], "PID 501 is not in the program, or of another kind");
    assert_eq!(choose(Some(9), None, None), ["there is no program 9 in the stream", "ended"]);
}

#[test]
fn splice_sections_and_metadata_come_whole() {
    let scte35 = MapEntry { stream_type: 0x86, pid: 600, descriptors: b"\x05\x04CUEI" };
    let id3 = MapEntry { stream_type: 0x15, pid: 601, descriptors: b"" };
    let mut bench = Bench::of(&[H264, scte35, id3]);
    bench.picture(10, true);
    bench.picture(11, false);
    let mut cue = vec![0xFC, 0x31, 0xF5];
    cue.resize(3 + 0x1F5 - 4, 0xAB);
    bench.writer.section(600, &cue);
    let packet = PesPacket { stream_id: 0xBD, pts: Some(9), dts: None, pcr: None, payload: b"ID3 tag" };
    bench.writer.pes(601, &packet);
    let events = bench.events(Select::default());
    let section = events.iter().find_map(|event| match event {
        Event::Section { data, near, .. } => Some((data.clone(), *near)),
        _ => None,
    });
    let (data, near) = section.expect("the cue");
    assert_eq!((&data[..data.len() - 4], near), (&cue[..], Some(30_000)));
    let tag = Event::Id3 { pid: 601, pts: Some(9), data: Bytes::from_static(b"ID3 tag") };
    assert!(events.contains(&tag));
}

#[test]
fn what_is_not_carried_is_named() {
    let latm = MapEntry { stream_type: 0x11, pid: 300, descriptors: b"" };
    let mut bench = Bench::of(&[H264, latm]);
    bench.picture(0, true);
    assert_eq!(bench.words(), ["PID 300: AAC in LATM is not carried", TRACK, "samples of 0", "ended"]);
}

#[test]
fn over_the_limit_of_streams_the_rest_is_left_out() {
    let tracks: Vec<_> = (0..64).map(|at| MapEntry { pid: 300 + at, ..AAC }).collect();
    let mut bench = Bench::of(&tracks);
    (0..64).for_each(|at| bench.sound(300 + at, 0));
    let events = bench.events(Select::default());
    assert_eq!(events[0], Event::Warning(Warning::TooManyStreams { pid: 300 + MAX_STREAMS as u16 }));
    assert!(matches!(&events[1], Event::Tracks(streams) if streams.len() == MAX_STREAMS));
}

#[test]
fn a_picture_over_the_limit_is_dropped_alone() {
    let mut bench = Bench::of(&[H264]);
    bench.picture(0, true);
    bench.video(1, &[&[0, 0, 1, 0x41][..], &vec![7; MAX_VIDEO_BYTES]].concat());
    bench.picture(2, false);
    let fault = format!("PID 256: a PES packet was dropped: it is longer than {MAX_VIDEO_BYTES} bytes");
    assert_eq!(bench.words(), [TRACK, "samples of 0", &fault, "samples of 0", "ended"]);
}

#[test]
fn a_sound_packet_over_the_limit_is_dropped_alone() {
    let mut bench = Bench::of(&[AAC]);
    bench.sound(AUDIO, 0);
    // Its length is written as 0, unbounded.
    let payload = vec![7; MAX_PES_BYTES];
    let packet = PesPacket { stream_id: 0xC0, pts: Some(1), dts: None, pcr: None, payload: &payload };
    bench.writer.pes(AUDIO, &packet);
    bench.sound(AUDIO, 1);
    let fault = format!("PID 257: a PES packet was dropped: it is longer than {MAX_PES_BYTES} bytes");
    let track = "1@257: mp4a.40.2 48000 Hz 2 ch deu";
    assert_eq!(bench.words(), [track, "samples of 1", &fault, "samples of 1", "ended"]);
}

#[test]
fn a_section_over_the_limit_is_dropped_alone() {
    let mut bench = Bench::of(&[H264, MapEntry { stream_type: 0x86, pid: 600, descriptors: b"" }]);
    for length in [MAX_SECTION_BYTES + 1, MAX_SECTION_BYTES] {
        let mut cue = vec![0xFC, 0x30 | ((length - 3) >> 8) as u8, (length - 3) as u8];
        cue.resize(length - 4, 1);
        bench.writer.section(600, &cue);
    }
    let fault = "PID 600: a section of 4097 bytes, bound 4096";
    assert_eq!(bench.words(), [fault, "section of 4096 on 600 near None", "ended"]);
}

#[test]
fn what_nobody_reads_is_dropped_oldest_first_and_told() {
    let mut bench = Bench::of(&[H264]);
    bench.picture(0, true);
    let tail = bench.writer.take();
    let mut demuxer = Demuxer::new(Select::default());
    demuxer.push(&vec![0; MAX_UNREAD_BYTES]);
    demuxer.push(&tail);
    demuxer.finish();
    let events: Vec<_> = std::iter::from_fn(|| demuxer.poll()).collect();
    assert_eq!(events[0], Event::Warning(Warning::Unread { dropped: tail.len() }));
    assert!(matches!(events[2], Event::Tracks(_)), "{events:?}");
    assert_eq!(demuxer.warnings().get("unread"), Some(&1));
}

/// The packets of a stream of one second, by number.
fn packets(bench: &mut Bench) -> Vec<[u8; PACKET_BYTES]> {
    let stream = bench.writer.take();
    stream.as_chunks().0.to_vec()
}

fn with(
    mut packets: Vec<[u8; PACKET_BYTES]>,
    change: impl FnOnce(&mut Vec<[u8; PACKET_BYTES]>),
) -> Vec<String> {
    change(&mut packets);
    words(&demux(packets.as_flattened(), Select::default()))
}

fn second() -> Vec<[u8; PACKET_BYTES]> {
    let mut bench = Bench::of(&[H264]);
    for frame in 0..30 {
        bench.picture(frame, frame == 0);
    }
    packets(&mut bench)
}

#[test]
fn losses_cost_a_picture_and_duplicates_nothing() {
    let clean = [TRACK, "samples of 0", "ended"];
    assert_eq!(with(second(), |_| {}), clean);
    let duplicated = with(second(), |packets| {
        let again = packets[30];
        packets.insert(31, again);
    });
    assert_eq!(duplicated, clean);
    let lost = with(second(), |packets| {
        packets.remove(30);
    });
    let missing = "PID 256: 1 or more packets are missing";
    let dropped = "PID 256: a PES packet was dropped: part of it was lost";
    assert_eq!(lost, [TRACK, "samples of 0", missing, dropped, "samples of 0", "ended"]);
    let damaged = with(second(), |packets| packets[30][1] |= 0x80);
    let told = "PID 256: a packet was damaged on its way here";
    assert_eq!(damaged, [TRACK, "samples of 0", told, missing, dropped, "samples of 0", "ended"]);
    let broken = with(second(), |packets| packets[30][3] &= 0xCF);
    assert_eq!(broken[2], "PID 256: an adaptation field is broken");
}

#[test]
fn a_loss_that_the_counters_hide_is_known_from_who_brings_the_stream() {
    let mut bench = Bench::of(&[H264]);
    bench.picture(0, true);
    let before = bench.writer.take();
    bench.video(1, &[&[0, 0, 0, 1, 9, 0xF0, 0, 0, 1, 0x41, 0x88, 0x81], &[0x55; 6_000][..]].concat());
    let holed = bench.writer.take();
    bench.picture(2, false);
    bench.picture(3, true);
    let after = bench.writer.take();
    for (told, pictures) in [(0, 4), (15, 4), (16, 3)] {
        let mut demuxer = Demuxer::new(Select::default());
        let mut events = Vec::new();
        for piece in [&before[..], &holed[..5 * PACKET_BYTES]] {
            demuxer.push(piece);
            events.extend(std::iter::from_fn(|| demuxer.poll()));
        }
        demuxer.lost(told);
        for piece in [&holed[21 * PACKET_BYTES..], &after[..]] {
            demuxer.push(piece);
            events.extend(std::iter::from_fn(|| demuxer.poll()));
        }
        demuxer.finish();
        events.extend(std::iter::from_fn(|| demuxer.poll()));
        let samples = events.iter().filter(|event| matches!(event, Event::Sample(_))).count();
        assert_eq!(samples, pictures, "{told} told: {:?}", words(&events));
    }
}

#[test]
fn what_is_scrambled_is_refused_by_name_once() {
    let told = with(second(), |packets| packets[2..].iter_mut().for_each(|packet| packet[3] |= 0x80));
    assert_eq!(told, ["PID 256 is scrambled: send it in the clear", "ended"]);
    let mut demuxer = Demuxer::new(Select::default());
    let mut packets = second();
    packets[2..].iter_mut().for_each(|packet| packet[3] |= 0x80);
    demuxer.push(packets.as_flattened());
    while demuxer.poll().is_some() {}
    assert!(demuxer.warnings()["scrambled"] > 100);
}

#[test]
fn a_break_that_is_told_is_no_loss_but_a_jump_of_the_clock() {
    let mut bench = Bench::of(&[H264]);
    bench.picture(0, true);
    bench.picture(1, false);
    let before = packets(&mut bench);
    bench.picture(900_000, true);
    bench.picture(900_001, false);
    let mut after = packets(&mut bench);
    // Another counter, and the indicator in the first packet's adaptation field.
    after.iter_mut().for_each(|packet| packet[3] = packet[3] & 0xF0 | (packet[3] + 5) & 0x0F);
    after[0][5] |= 0x80;
    let told = words(&demux([before, after].concat().as_flattened(), Select::default()));
    let step = (3_000 * 899_999_i64) * 300;
    let jump = format!("clock of 256 by Some({step})");
    assert_eq!(told, [TRACK, "samples of 0", &jump, "samples of 0", "ended"]);
}

#[test]
fn a_wrap_is_no_event_and_time_goes_on() {
    let mut bench = Bench::of(&[H264, AAC]);
    let wrap = (1_i64 << 33) / 3_000;
    bench.picture(wrap - 3, true);
    for frame in wrap - 2..wrap + 60 {
        bench.picture(frame, false);
    }
    bench.sound(AUDIO, wrap * 3_000 / 3_840);
    let events = bench.events(Select::default());
    let times: Vec<i64> = events
        .iter()
        .filter_map(|event| match event {
            Event::Sample(sample) if sample.track.0 == 0 => Some(sample.dts),
            _ => None,
        })
        .collect();
    assert_eq!(times.len(), 63);
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] == 3_000));
    let quiet = |event: &Event| matches!(event, Event::Tracks(_) | Event::Sample(_) | Event::Ended);
    assert!(events.iter().all(quiet), "{:?}", words(&events));
}

#[test]
fn av1_comes_by_its_registration() {
    const KEY: &[u8] = include_bytes!("../../codec/testdata/libaom-360p25.obu");
    let av1 = MapEntry { stream_type: 0x06, pid: VIDEO, descriptors: b"\x05\x04AV01\x80\x04\x81\0\0\0" };
    let mut bench = Bench::of(&[av1]);
    bench.video(0, &[KEY, &[0x32, 2, 0x10, 0]].concat());
    let events = bench.events(Select::default());
    let Event::Tracks(streams) = &events[0] else {
        panic!("{events:?}");
    };
    assert!(matches!(&streams[0].track.format, Format::Video(video) if video.codec == VideoCodec::Av1));
    assert!(matches!(&events[1], Event::Sample(sample) if sample.sync));
}
