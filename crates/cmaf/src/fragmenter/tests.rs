use std::sync::Arc;

use media::{AudioCodec, AudioFormat, Format, TrackId};
use proptest::prelude::*;

use super::*;
use crate::{ChunkReader, Event, Header, Labels, init_segment, read_samples};

/// x264's parameter sets for 1280x720 at 30 frames a second.
const PARAMETER_SETS: &[u8] = include_bytes!("../../../codec/testdata/x264-720p30-baseline.h264");

fn video() -> Track {
    let format = codec::h264::format_from_annexb(PARAMETER_SETS).expect("x264's own");
    Track { id: TrackId(0), timescale: Timescale::MPEG, format: Format::Video(format), language: None }
}

fn audio() -> Track {
    Track {
        id: TrackId(1),
        timescale: Timescale::new(48_000),
        format: Format::Audio(AudioFormat {
            codec: AudioCodec::Aac,
            sample_rate: 48_000,
            channels: 2,
            config: Bytes::from_static(&[0x11, 0x90]),
            rfc6381: "mp4a.40.2".to_owned(),
        }),
        language: None,
    }
}

fn sample(dts: i64, duration: Option<u32>, sync: bool) -> Sample {
    Sample {
        track: TrackId(0),
        dts,
        composition_offset: 0,
        duration,
        sync,
        data: Bytes::from(vec![dts as u8; 10]),
    }
}

#[test]
fn a_sample_lasts_until_the_next_one_whatever_it_says() {
    let mut fragmenter = Fragmenter::new(&video());
    let push = |fragmenter: &mut Fragmenter, dts, duration, begins| {
        fragmenter.push(sample(dts, duration, true), begins).expect("rising")
    };
    assert_eq!(push(&mut fragmenter, 1_000, None, Begins::Segment), None);
    assert_eq!(push(&mut fragmenter, 1_100, Some(90), Begins::Nothing), None);
    let chunk = push(&mut fragmenter, 1_210, None, Begins::Segment).expect("two samples");
    assert_eq!((chunk.first_dts, chunk.end_dts(), chunk.sample_count), (1_000, 1_210, 2));
    assert!(chunk.segment_start);
    // Cut now: the held sample's duration is not known.
    assert_eq!(fragmenter.cut_chunk(), None);
    let last = fragmenter.finish().expect("the held sample");
    assert_eq!((last.first_dts, last.duration), (1_210, 110));
    assert!(last.segment_start);
    assert_eq!(fragmenter.finish(), None);
}

#[test]
fn a_chunk_inside_a_segment_says_that_it_starts_none() {
    let mut fragmenter = Fragmenter::new(&audio());
    for (dts, begins) in [(0, Begins::Segment), (1_024, Begins::Nothing)] {
        assert_eq!(fragmenter.push(sample(dts, Some(1_024), true), begins), Ok(None));
    }
    let first = fragmenter.cut_chunk().expect("both are known");
    assert_eq!((first.segment_start, first.duration), (true, 2_048));
    assert_eq!(fragmenter.push(sample(2_048, Some(1_024), true), Begins::Nothing), Ok(None));
    let second = fragmenter.cut_chunk().expect("known too");
    assert_eq!((second.segment_start, second.first_dts), (false, 2_048));
    // Nothing is pending, and the next sample begins a segment.
    assert_eq!(fragmenter.push(sample(3_072, Some(1_024), true), Begins::Segment), Ok(None));
    assert!(fragmenter.finish().expect("one").segment_start);
}

#[test]
fn an_overlap_with_a_chunk_already_given_moves_to_its_end_and_shows_when_it_should() {
    let mut fragmenter = Fragmenter::new(&video());
    assert_eq!(fragmenter.push(sample(0, Some(100), true), Begins::Segment), Ok(None));
    assert_eq!(fragmenter.cut_chunk().expect("known").end_dts(), 100);
    assert_eq!(fragmenter.push(sample(90, Some(100), true), Begins::Nothing), Ok(None));
    let chunk = fragmenter.cut_chunk().expect("known");
    assert_eq!((chunk.first_dts, chunk.first_pts), (100, 90));
}

#[test]
fn a_decode_time_that_does_not_rise_is_refused_and_push_may_go_on() {
    let mut fragmenter = Fragmenter::new(&video());
    assert_eq!(fragmenter.push(sample(50, None, true), Begins::Segment), Ok(None));
    let refused = fragmenter.push(sample(50, None, true), Begins::Nothing);
    assert_eq!(refused, Err(DtsBackwards { previous: 50, dts: 50 }));
    assert_eq!(fragmenter.push(sample(60, None, true), Begins::Nothing), Ok(None));
    assert_eq!(fragmenter.finish().expect("two").sample_count, 2);
    let mut early = Fragmenter::new(&video());
    assert!(early.push(sample(-1, None, true), Begins::Segment).is_err(), "before the epoch");
}

#[test]
fn only_what_varies_is_written_per_sample() {
    // styp 24, prft 32, moof 8, mfhd 16, traf 8, tfhd 16 + 3 defaults, tfdt 20, trun 20 + its columns, mdat 8
    let fixed = 24 + 32 + 8 + 16 + 8 + 16 + 20 + 20 + 8;
    let mut fragmenter = Fragmenter::new(&audio());
    for index in 0..94 {
        let frame = sample(index * 1_024, Some(1_024), true);
        fragmenter.push(frame, Begins::Nothing).expect("rising");
    }
    let constant = fragmenter.finish().expect("94 frames");
    assert_eq!(constant.len(), fixed + 3 * 4 + 94 * 10);
    let mut fragmenter = Fragmenter::new(&video());
    for index in 0..60_i64 {
        let mut frame = sample(index * 3_000, Some(3_000), index == 0);
        frame.data = Bytes::from(vec![0; 10 + index as usize]);
        fragmenter.push(frame, Begins::Nothing).expect("rising");
    }
    let pictures = fragmenter.finish().expect("60 frames");
    let payload: usize = (0..60).map(|index| 10 + index).sum();
    // Two defaults, the first sample's flags, and sixty sizes.
    assert_eq!(pictures.len(), fixed + 2 * 4 + 4 + 60 * 4 + payload);
}

#[test]
fn large_payloads_are_not_copied() {
    let mut fragmenter = Fragmenter::new(&video());
    let large = Bytes::from(vec![7; JOIN_BELOW]);
    let mut frame = sample(0, Some(1), true);
    frame.data = large.clone();
    fragmenter.push(frame, Begins::Segment).expect("rising");
    let chunk = fragmenter.cut_chunk().expect("known");
    assert_eq!(chunk.bytes.len(), 2);
    assert_eq!(chunk.bytes[1].as_ptr(), large.as_ptr());
}

#[derive(Clone, Debug)]
struct Step {
    delta: u32,
    composition_offset: i32,
    declared: bool,
    sync: bool,
    size: usize,
    begins: Begins,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (
        1..200_000_u32,
        prop_oneof![Just(0), -5_000..5_000_i32],
        any::<bool>(),
        any::<bool>(),
        prop_oneof![0..64_usize, 4_000..5_000_usize],
        prop_oneof![4 => Just(Begins::Nothing), 1 => Just(Begins::Chunk), 1 => Just(Begins::Segment)],
    )
        .prop_map(|(delta, composition_offset, declared, sync, size, begins)| Step {
            delta,
            composition_offset,
            declared,
            sync,
            size,
            begins,
        });
    prop::collection::vec(step, 1..40)
}

proptest! {
    /// Whatever is pushed, cut anywhere and fed to the reader in any pieces, comes back: the same samples at the
    /// same times, chunks without a gap.
    #[test]
    fn what_goes_in_comes_out(
        start in 0..1_i64 << 48,
        steps in steps(),
        pieces in prop::collection::vec(1..700_usize, 1..20),
    ) {
        let track = video();
        let mut fragmenter = Fragmenter::new(&track);
        let (mut sent, mut chunks) = (Vec::new(), Vec::new());
        let mut dts = start;
        for (index, step) in steps.iter().enumerate() {
            let next = dts + i64::from(step.delta);
            let sample = Sample {
                track: track.id,
                dts,
                composition_offset: step.composition_offset,
                duration: step.declared.then_some(step.delta),
                sync: step.sync,
                data: vec![index as u8; step.size].into(),
            };
            chunks.extend(fragmenter.push(sample.clone(), step.begins).expect("rising"));
            sent.push(sample);
            dts = next;
        }
        chunks.extend(fragmenter.finish());
        for pair in chunks.windows(2) {
            prop_assert_eq!(pair[0].end_dts(), pair[1].first_dts);
        }

        let init = init_segment(&track, &Labels::named("video"));
        let header = Header::read(init.clone()).expect("our own header");
        prop_assert_eq!(&header.track, &track);
        let whole: Vec<Bytes> = std::iter::once(init).chain(chunks.iter().map(Chunk::to_bytes)).collect();
        let whole = Bytes::from(whole.concat());
        let mut reader = ChunkReader::new();
        let (mut at, mut turn, mut events) = (0, 0, Vec::new());
        while at < whole.len() {
            let end = (at + pieces[turn % pieces.len()]).min(whole.len());
            reader.feed(whole.slice(at..end));
            (at, turn) = (end, turn + 1);
            while let Some(event) = reader.next().expect("our own chunks") {
                events.push(event);
            }
        }
        prop_assert_eq!(reader.finish(), Ok(()));
        let starts = events.iter().filter(|event| **event == Event::SegmentStart).count();
        prop_assert_eq!(starts, chunks.iter().filter(|chunk| chunk.segment_start).count());
        prop_assert_eq!(&events[0], &Event::Header(Arc::new(header.clone())));
        let mut found = Vec::new();
        let read = events.into_iter().filter_map(|event| match event {
            Event::Chunk(chunk) => Some(chunk),
            _ => None,
        });
        for (read, made) in read.zip(&chunks) {
            prop_assert_eq!(&read.raw, &made.to_bytes());
            prop_assert_eq!(read.decode_time as i64, made.first_dts);
            prop_assert_eq!(read.duration, made.duration);
            prop_assert_eq!(read.sample_count, made.sample_count);
            prop_assert_eq!(read.sync_first, made.independent);
            prop_assert_eq!(read.first_pts, made.first_pts);
            prop_assert_eq!(read.segment_start, made.segment_start);
            found.extend(read_samples(&read.raw, &header).expect("a chunk that was read"));
        }
        prop_assert_eq!(found.len(), sent.len());
        for (index, (found, sent)) in found.iter().zip(&sent).enumerate() {
            prop_assert_eq!((found.dts, found.pts(), found.sync), (sent.dts, sent.pts(), sent.sync));
            prop_assert_eq!(&found.data, &sent.data);
            let until_next = sent.dts + i64::from(steps[index].delta);
            if index + 1 < steps.len() {
                prop_assert_eq!(found.dts + i64::from(found.duration.expect("chunks say")), until_next);
            }
        }
    }
}
