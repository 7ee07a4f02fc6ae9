use super::*;
use crate::unwrap::StampLine;

const SETS: &[u8] = include_bytes!("../../../../codec/testdata/x264-720p30-baseline.h264");
const OTHER_SETS: &[u8] = include_bytes!("../../../../codec/testdata/x264-576i25-anamorphic.h264");
const DELIMITER: &[u8] = &[0, 0, 0, 1, 9, 0xF0];
const IDR: &[u8] = &[0, 0, 1, 0x65, 0x88, 1];
const OTHER: &[u8] = &[0, 0, 1, 0x41, 0x9A, 2];

struct Bench {
    pictures: Pictures,
    out: Vec<Step>,
    next: i64,
}

impl Bench {
    fn new() -> Self {
        Self { pictures: Pictures::new(256, VideoCodec::H264), out: Vec::new(), next: 0 }
    }

    /// An access unit a frame after the one before.
    fn unit(&mut self, parts: &[&[u8]]) {
        self.next += 3_000;
        self.at(self.next, self.next, parts);
    }

    fn at(&mut self, dts: i64, pts: i64, parts: &[&[u8]]) {
        self.pictures.take(Ok((Some(Times { pts, dts }), parts.concat().into())), &mut self.out);
    }

    /// What came, in words.
    fn told(&mut self) -> Vec<String> {
        self.pictures.finish(&mut self.out);
        let words = self.out.drain(..).map(|step| match step {
            Step::NewFormat(format) => format!("{format}"),
            Step::Sample(sample) if sample.sync => format!("key {}", sample.dts),
            Step::Sample(sample) => format!("{}", sample.dts),
            Step::Warning(warning) => warning.label().to_owned(),
            other => panic!("{other:?}"),
        });
        words.collect()
    }
}

#[test]
fn pictures_wait_for_parameter_sets_and_a_key_frame() {
    let mut bench = Bench::new();
    bench.unit(&[DELIMITER, IDR]);
    bench.unit(&[DELIMITER, SETS, OTHER]);
    bench.unit(&[DELIMITER, IDR]);
    bench.unit(&[DELIMITER, OTHER]);
    let told = bench.told();
    let format = "avc1.42c01f 1280x720 30 fps";
    assert_eq!(told, ["missing_header", format, "before_key_frame", "key 9000", "12000"]);
}

#[test]
fn repeated_sets_are_no_news_and_changing_ones_are_each_time() {
    let mut bench = Bench::new();
    let (small, large) = ("avc1.64001e 720x576 25 fps", "avc1.42c01f 1280x720 30 fps");
    for sets in [SETS, SETS, OTHER_SETS, SETS] {
        bench.unit(&[DELIMITER, sets, IDR]);
    }
    assert_eq!(bench.told(), [large, "key 3000", "key 6000", small, "key 9000", large, "key 12000"]);
}

#[test]
fn an_open_group_s_recovery_point_is_a_start() {
    let mut bench = Bench::new();
    bench.unit(&[SETS, &[0, 0, 1, 6, 6, 1, 0x84, 0x80], OTHER]);
    bench.unit(&[SETS, &[0, 0, 1, 6, 6, 1, 0x50, 0x80], OTHER]);
    let told = bench.told();
    assert_eq!(told[1..], ["key 3000", "6000"]);
}

#[test]
fn a_payload_without_time_goes_on_with_the_unit_unless_it_begins_another() {
    let mut bench = Bench::new();
    bench.unit(&[DELIMITER, SETS, IDR]);
    bench.pictures.take(Ok((None, Bytes::from_static(OTHER))), &mut bench.out);
    bench.pictures.finish(&mut bench.out);
    assert!(
        matches!(&bench.out[1], Step::Sample(sample) if sample.data.ends_with(&[0, 0, 0, 3, 0x41, 0x9A, 2]))
    );
    bench.out.clear();
    bench.unit(&[DELIMITER, IDR]);
    bench.pictures.take(Ok((None, [DELIMITER, OTHER].concat().into())), &mut bench.out);
    assert_eq!(bench.told(), ["key 6000", "no_timestamp"]);
}

#[test]
fn an_access_unit_of_many_payloads_is_bounded() {
    let mut bench = Bench::new();
    bench.unit(&[DELIMITER, SETS, IDR]);
    let piece = Bytes::from(vec![7; 1 << 20]);
    for _ in 0..16 {
        bench.pictures.take(Ok((None, piece.clone())), &mut bench.out);
    }
    assert_eq!(bench.told(), ["pes"]);
}

#[test]
fn decode_times_rise_and_only_a_jump_goes_back() {
    let mut bench = Bench::new();
    bench.at(300_000, 300_000, &[SETS, IDR]);
    bench.at(299_000, 303_000, &[OTHER]);
    bench.at(306_000, 305_000, &[OTHER]);
    bench.at(310_000, 310_000 + MAX_COMPOSITION + 1, &[OTHER]);
    bench.at(100_000, 100_000, &[OTHER]);
    bench.pictures.finish(&mut bench.out);
    let offsets = bench.out.iter().filter_map(|step| match step {
        Step::Sample(sample) => Some(sample.composition_offset),
        _ => None,
    });
    assert_eq!(offsets.collect::<Vec<_>>(), [0, 2_999, 0, 0, 0]);
    let told = bench.told();
    assert_eq!(
        told[1..],
        [
            "key 300000",
            "decode_time",
            "300001",
            "presentation_time",
            "305000",
            "presentation_time",
            "310000",
            "100000"
        ]
    );
}

#[test]
fn an_access_unit_without_a_picture_is_told() {
    let mut bench = Bench::new();
    bench.unit(&[DELIMITER, SETS, IDR]);
    bench.unit(&[DELIMITER]);
    bench.unit(&[b"no start code"]);
    assert_eq!(bench.told()[1..], ["key 3000", "bad_sample", "bad_sample"]);
}

#[test]
fn av1_becomes_sized_obus_with_a_format() {
    const KEY: &[u8] = include_bytes!("../../../../codec/testdata/libaom-360p25.obu");
    let format = av1::format_from_obus(KEY).expect("libaom's sequence header");
    let mut pictures = Pictures::new(256, VideoCodec::Av1);
    let mut out = Vec::new();
    let mut line = StampLine::default();
    let dts = line.next(9_000);
    // A frame OBU whose header says a shown key frame.
    let unit = [KEY, &[0x32, 2, 0x10, 0]].concat();
    pictures.take(Ok((Some(Times { pts: dts, dts }), unit.into())), &mut out);
    pictures.finish(&mut out);
    assert_eq!(out[0], Step::NewFormat(Format::Video(format)));
    assert!(matches!(&out[1], Step::Sample(sample) if sample.sync && sample.dts == 9_000), "{out:?}");
}
