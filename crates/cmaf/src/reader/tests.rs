use bytes::BufMut;
use media::{Sample, Timescale, Track, TrackId};
use mp4_atom::ReadFrom;
use proptest::prelude::*;

use super::*;
use crate::boxes::{put, put_full};
use crate::{Begins, Fragmenter, Labels, init_segment, read_samples};

fn track() -> Track {
    let sets = include_bytes!("../../../codec/testdata/x264-1080p29.97-cropped.h264");
    Track {
        id: TrackId(0),
        timescale: Timescale::MPEG,
        format: media::Format::Video(codec::h264::format_from_annexb(sets).expect("x264's own")),
        language: None,
    }
}

fn labels() -> Labels {
    Labels {
        name: "1080p29".to_owned(),
        language: "pt-BR".to_owned(),
        label: Some("Sound & <more>".into()),
        role: Some("main".to_owned()),
        bitrate_bps: Some(5_000_000),
    }
}

fn chunk(first_dts: i64) -> Bytes {
    let mut fragmenter = Fragmenter::new(&track());
    for index in 0..4 {
        let sample = Sample {
            track: TrackId(0),
            dts: first_dts + 3_003 * index,
            composition_offset: [3_003, 6_006, -3_003, 0][index as usize],
            duration: Some(3_003),
            sync: index == 0,
            data: vec![index as u8; 10 + index as usize].into(),
        };
        fragmenter.push(sample, Begins::Nothing).expect("rising");
    }
    fragmenter.finish().expect("four frames").to_bytes()
}

fn body() -> Bytes {
    [init_segment(&track(), &labels()), chunk(900_000), chunk(912_012)].concat().into()
}

fn read(body: impl Into<Bytes>) -> Result<Vec<Event>, ReadError> {
    read_with(ChunkReader::new(), body)
}

fn read_with(mut reader: ChunkReader, body: impl Into<Bytes>) -> Result<Vec<Event>, ReadError> {
    reader.feed(body.into());
    let mut events = Vec::new();
    while let Some(event) = reader.next()? {
        events.push(event);
    }
    reader.finish()?;
    Ok(events)
}

fn fault(body: impl Into<Bytes>) -> ReadError {
    read(body).expect_err("this body has a fault")
}

/// A box of `kind` around `body`.
fn boxed(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let mut out = BytesMut::new();
    put(&mut out, kind, |out| out.put_slice(body));
    out.to_vec()
}

#[test]
fn a_header_tells_everything_that_was_written() {
    let events = read(body()).expect("our own");
    let Event::Header(header) = &events[0] else {
        panic!("{:?}", events[0]);
    };
    assert_eq!(header.track, track());
    assert_eq!(header.labels, labels());
    assert_eq!(header.edit_start, 0);
    assert_eq!(header.raw, init_segment(&track(), &labels()));
    assert_eq!(events.len(), 5, "a header, and twice the start of a segment and its chunk");
}

#[test]
fn another_reader_agrees_with_our_boxes() {
    let body = body();
    let mut rest = &body[..];
    let mut kinds = Vec::new();
    while !rest.is_empty() {
        match mp4_atom::Any::read_from(&mut rest).expect("mp4-atom reads it") {
            mp4_atom::Any::Ftyp(ftyp) => kinds.push(ftyp.major_brand.to_string()),
            mp4_atom::Any::Styp(styp) => kinds.push(styp.major_brand.to_string()),
            mp4_atom::Any::Moov(moov) => {
                let trak = &moov.trak[0];
                assert_eq!(trak.mdia.mdhd.timescale, 90_000);
                assert_eq!(trak.mdia.hdlr.name, "1080p29");
                let mp4_atom::Codec::Avc1(avc1) = &trak.mdia.minf.stbl.stsd.codecs[0] else {
                    panic!("{:?}", trak.mdia.minf.stbl.stsd);
                };
                assert_eq!((avc1.visual.width, avc1.visual.height), (1_920, 1_080));
                assert_eq!(avc1.avcc.avc_profile_indication, 100);
                assert_eq!(avc1.btrt.as_ref().map(|btrt| btrt.avg_bitrate), Some(5_000_000));
                kinds.push("moov".to_owned());
            }
            mp4_atom::Any::Moof(moof) => {
                let traf = &moof.traf[0];
                assert_eq!(traf.tfhd.default_sample_duration, Some(3_003));
                let time = traf.tfdt.as_ref().map(|tfdt| tfdt.base_media_decode_time);
                kinds.push(format!("moof {}", time.expect("tfdt")));
                let offsets: Vec<_> = traf.trun[0].samples.iter().map(|entry| entry.cts).collect();
                assert_eq!(offsets, [Some(3_003), Some(6_006), Some(-3_003), Some(0)]);
            }
            mp4_atom::Any::Mdat(mdat) => kinds.push(format!("mdat {}", mdat.data.len())),
            other => kinds.push(format!("{:?}", other.kind())),
        }
    }
    assert_eq!(
        kinds.join(", "),
        "cmf2, moov, msdh, prft, moof 900000, mdat 46, msdh, prft, moof 912012, mdat 46"
    );
}

#[test]
fn a_chunk_without_its_header_asks_for_it() {
    assert_eq!(fault(chunk(0)), ReadError::HeaderMissing);
    let header = Arc::new(Header::read(init_segment(&track(), &labels())).expect("our own"));
    let events = read_with(ChunkReader::with_header(header), chunk(0)).expect("with its header");
    assert_eq!(events.len(), 2);
}

#[test]
fn boxes_that_say_nothing_to_us_are_left_out_wherever_they_stand() {
    let (init, one) = (init_segment(&track(), &labels()), chunk(900_000));
    let free = boxed(b"free", &[0; 300]);
    let styp_end = 24;
    let (styp, rest) = one.split_at(styp_end);
    let sidx = boxed(b"sidx", &[0; 44]);
    let body = [&free, &init[..], &free, styp, &sidx, rest, &boxed(b"mfra", &[0; 20])].concat();
    for step in [1, 100, body.len()] {
        let mut reader = ChunkReader::new();
        let mut chunks = Vec::new();
        for piece in body.chunks(step) {
            reader.feed(Bytes::copy_from_slice(piece));
            while let Some(event) = reader.next().expect("nothing wrong") {
                if let Event::Chunk(found) = event {
                    chunks.push(found.raw);
                }
            }
        }
        assert_eq!(chunks, std::slice::from_ref(&one), "in steps of {step}");
        assert_eq!(reader.finish(), Ok(()));
    }
}

#[test]
fn a_64_bit_mdat_is_read() {
    let one = chunk(900_000);
    let at = one.len() - (8 + 46);
    let mut long = BytesMut::from(&one[..at]);
    long.put_u32(1);
    long.put_slice(b"mdat");
    long.put_u64(16 + 46);
    long.put_slice(&one[at + 8..]);
    let init = init_segment(&track(), &labels());
    // The data offset still points where the payload was, into the longer header.
    assert_eq!(fault([&init[..], &long].concat()), ReadError::DataOutside);
    let data_offset = long.windows(4).position(|word| word == b"trun").expect("there is one") + 12;
    let offset = u32::from_be_bytes(*long[data_offset..].first_chunk().expect("four bytes"));
    long[data_offset..data_offset + 4].copy_from_slice(&(offset + 8).to_be_bytes());
    let events = read([&init[..], &long].concat()).expect("a 64-bit size is as good");
    let Some(Event::Chunk(found)) = events.last() else {
        panic!("{events:?}");
    };
    let header = Header::read(init).expect("our own");
    let long = read_samples(&found.raw, &header).expect("it was read");
    assert_eq!(long, read_samples(&one, &header).expect("our own"));
}

#[test]
fn what_is_over_its_bound_is_refused_before_it_is_awaited() {
    let head = |kind: &[u8; 4], size: u64| [&1_u32.to_be_bytes(), &kind[..], &size.to_be_bytes()].concat();
    let init = init_segment(&track(), &labels());
    let too_large = |kind: &[u8; 4], size, bound| ReadError::TooLarge { kind: FourCc(*kind), size, bound };
    let after_ftyp = [&init[..28], &head(b"moov", MAX_MOOV + 1)].concat();
    assert_eq!(fault(after_ftyp), too_large(b"moov", MAX_MOOV + 1, MAX_MOOV));
    let moof = [&init[..], &head(b"moof", MAX_MOOF + 1)].concat();
    assert_eq!(fault(moof), too_large(b"moof", MAX_MOOF + 1, MAX_MOOF));
    let one = chunk(0);
    let mdat = [&init[..], &one[..one.len() - 54], &head(b"mdat", MAX_MDAT + 1)].concat();
    assert_eq!(fault(mdat), too_large(b"mdat", MAX_MDAT + 1, MAX_MDAT));
    assert_eq!(fault(head(b"uuid", u64::MAX)), too_large(b"uuid", u64::MAX, MAX_SKIPPED));
    let events = boxed(b"emsg", &[0; 300 << 10]).repeat(4);
    assert!(matches!(fault(events), ReadError::TooLarge { .. }), "a lead of emsg without end");
}

#[test]
fn each_fault_has_its_name() {
    let (init, one) = (init_segment(&track(), &labels()), chunk(0));
    let moof_at = 24 + 32;
    let mdat_at = one.len() - 54;
    assert_eq!(fault(init.slice(28..)), ReadError::TornHeader);
    assert_eq!(fault(init.slice(..28)), ReadError::TornHeader);
    assert_eq!(fault(boxed(b"mdat", &[])), ReadError::MdatWithoutMoof);
    assert_eq!(fault(vec![0, 0, 0, 0, b'm', b'd', b'a', b't']), ReadError::OpenEnded(FourCc(*b"mdat")));
    let size = ReadError::Size { kind: FourCc(*b"moof"), size: 7 };
    assert_eq!(fault(vec![0, 0, 0, 7, b'm', b'o', b'o', b'f']), size);
    let twice = [&init[..], &one[moof_at..mdat_at], &one[moof_at..mdat_at]].concat();
    assert_eq!(fault(twice), ReadError::MoofWithoutMdat(FourCc(*b"moof")));
    let moof_only = [&init[..], &one[moof_at..mdat_at]].concat();
    assert_eq!(fault(moof_only), ReadError::Truncated(FourCc(*b"moof")));
    let torn = [&init[..], &one[..one.len() - 1]].concat();
    assert_eq!(fault(torn), ReadError::Truncated(FourCc(*b"mdat")));
    let short_data = [&init[..], &one[..mdat_at], &boxed(b"mdat", &[0; 45])].concat();
    assert_eq!(fault(short_data), ReadError::DataOutside);

    let other = Track { id: TrackId(5), ..track() };
    let strange = [&init_segment(&other, &labels())[..], &one].concat();
    assert_eq!(fault(strange), ReadError::WrongTrack { expected: 6, found: 1 });
}

#[test]
fn cmaf_has_one_track() {
    let init = init_segment(&track(), &labels());
    let moov = boxes(&init).nth(1).expect("moov").expect("our own");
    let trak = moov.need(b"trak").expect("our own");
    let two = [&init[..28], &boxed(b"moov", &[moov.body, trak.whole].concat())].concat();
    assert_eq!(fault(two), ReadError::TrackCount(2));
    let none = [&init[..28], &boxed(b"moov", &[])].concat();
    assert_eq!(fault(none), ReadError::TrackCount(0));
}

#[test]
fn a_run_of_a_billion_empty_samples_is_refused() {
    let mut moof = BytesMut::new();
    put(&mut moof, b"moof", |out| {
        put_full(out, b"mfhd", 0, 0, |out| out.put_u32(1));
        put(out, b"traf", |out| {
            put_full(out, b"tfhd", 0, 0x02_0000, |out| out.put_u32(1));
            put_full(out, b"tfdt", 1, 0, |out| out.put_u64(0));
            put_full(out, b"trun", 1, 1, |out| {
                out.put_u32(1_000_000_000);
                out.put_u32(0);
            });
        });
    });
    let body = [&init_segment(&track(), &labels())[..], &moof].concat();
    assert_eq!(fault(body), ReadError::SampleCount(1_000_000_000));
}

proptest! {
    #[test]
    fn damage_is_an_error_or_sane_events_never_a_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
        step in 1..400_usize,
    ) {
        let mut body = body().to_vec();
        for (at, value) in changes {
            let at = at.index(body.len());
            body[at] = value;
        }
        body.truncate(1 + cut.index(body.len()));
        let mut reader = ChunkReader::new();
        'body: for piece in body.chunks(step) {
            reader.feed(Bytes::copy_from_slice(piece));
            loop {
                match reader.next() {
                    Ok(Some(Event::Chunk(chunk))) => {
                        prop_assert!(chunk.sample_count > 0);
                        prop_assert!(chunk.raw.len() <= body.len() + 4);
                        let header = reader.header().expect("a chunk came, so a header did");
                        read_samples(&chunk.raw, header).expect("the reader checked it");
                        let _ = crate::shift_decode_time(&chunk.raw, -1_000, Timescale::MPEG);
                    }
                    Ok(Some(_)) => {}
                    Ok(None) => break,
                    Err(_) => break 'body,
                }
            }
        }
    }
}
