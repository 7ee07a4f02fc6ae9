use media::AudioCodec;

use super::*;
use crate::pes::PesFault;
use crate::stream::Times;

/// An ADTS frame of AAC-LC, stereo, at 48 kHz, filled with `fill`.
fn adts(fill: u8, payload: usize) -> Vec<u8> {
    let length = payload + 7;
    let mut frame = vec![
        0xFF,
        0xF1,
        0x4C,
        0x80 | (length >> 11) as u8,
        (length >> 3) as u8,
        (length << 5) as u8 | 0x1F,
        0xFC,
    ];
    frame.resize(length, fill);
    frame
}

struct Bench {
    frames: Frames,
    out: Vec<Step>,
}

impl Bench {
    fn new(framing: Framing) -> Self {
        Self { frames: Frames::new(257, framing), out: Vec::new() }
    }

    fn pes(&mut self, pts: Option<i64>, payload: &[u8]) {
        let times = pts.map(|pts| Times { pts, dts: pts });
        self.frames.take(Ok((times, payload.to_vec().into())), &mut self.out);
    }

    /// Times and first bytes of the samples.
    fn samples(&self) -> Vec<(i64, u8)> {
        let samples = self.out.iter().filter_map(|step| match step {
            Step::Sample(sample) => Some((sample.dts, sample.data[0])),
            _ => None,
        });
        samples.collect()
    }

    fn rates(&self) -> Vec<u32> {
        let formats = self.out.iter().filter_map(|step| match step {
            Step::NewFormat(Format::Audio(audio)) => Some(audio.sample_rate),
            _ => None,
        });
        formats.collect()
    }
}

#[test]
fn frames_across_pes_borders_are_whole_and_a_time_is_that_of_the_first_to_begin() {
    let mut bench = Bench::new(Framing::Adts);
    let stream: Vec<u8> = (1..=6).flat_map(|fill| adts(fill, 93)).collect();
    bench.pes(Some(90_000), &stream[..250]); // frames 1 and 2, half of 3
    bench.pes(Some(97_680), &stream[250..380]); // frame 4 begins here, at a time of its own
    bench.pes(None, &stream[380..]);
    let at = |frame: i64| 48_000 + 1_024 * (frame - 1);
    let jumped = 97_680 * 48 / 90;
    assert_eq!(
        bench.samples(),
        [(at(1), 1), (at(2), 2), (at(3), 3), (jumped, 4), (jumped + 1_024, 5), (jumped + 2_048, 6)]
    );
    assert_eq!(bench.rates(), [48_000]);
    assert!(
        matches!(&bench.out[1], Step::Sample(sample) if sample.data.len() == 93 && sample.duration == Some(1_024))
    );
}

#[test]
fn a_new_header_is_a_new_format_when_the_next_frame_confirms_it() {
    let mut bench = Bench::new(Framing::Adts);
    let other = |fill| {
        let mut frame = adts(fill, 50);
        frame[2] = 0x50; // 44,100 Hz
        frame
    };
    bench.pes(Some(0), &[adts(1, 50), adts(2, 50), other(3)].concat());
    assert_eq!(bench.rates(), [48_000]);
    bench.pes(Some(90_000), &[other(4), other(5)].concat());
    assert_eq!(bench.rates(), [48_000, 44_100]);
    assert_eq!(bench.samples().len(), 5);
    // The frame that ended with the first packet goes on from those before it.
    assert_eq!(bench.samples()[2..4], [(2_048 * 441 / 480 + 1, 3), (44_100, 4)]);
    // One frame alone that says otherwise is damage.
    bench.pes(None, &[adts(6, 50), other(7), other(8)].concat());
    assert_eq!(bench.rates(), [48_000, 44_100]);
    assert_eq!(bench.samples()[5..].iter().map(|(_, fill)| *fill).collect::<Vec<_>>(), [7, 8]);
}

#[test]
fn noise_between_frames_is_passed_over_and_told() {
    let mut bench = Bench::new(Framing::Adts);
    bench.pes(
        Some(0),
        &[adts(1, 50), adts(2, 50), vec![0xFF, 3, 0xFF, 0xE1, 9, 9], adts(3, 50), adts(4, 50)].concat(),
    );
    assert_eq!(bench.samples().iter().map(|(_, fill)| *fill).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert!(bench.out.contains(&Step::Warning(Warning::FrameSync { pid: 257, skipped: 6 })));
}

#[test]
fn sound_after_a_loss_waits_for_a_time() {
    let mut bench = Bench::new(Framing::Adts);
    let two = |a, b| [adts(a, 50), adts(b, 50)].concat();
    bench.pes(Some(0), &[two(1, 2), adts(3, 50)[..30].to_vec()].concat());
    bench.frames.take(Err(PesFault::Lost), &mut bench.out);
    bench.pes(None, &[vec![9; 40], two(4, 5)].concat());
    assert_eq!(bench.samples().len(), 2);
    assert!(bench.out.contains(&Step::Warning(Warning::NoTimestamp { pid: 257 })));
    bench.pes(Some(90_000), &two(6, 7));
    assert_eq!(bench.samples()[2..], [(48_000, 6), (49_024, 7)]);
}

#[test]
fn a_last_frame_needs_no_other_after_it() {
    let mut bench = Bench::new(Framing::Adts);
    bench.pes(Some(0), &adts(1, 50));
    assert_eq!(bench.samples(), []);
    bench.frames.finish(&mut bench.out);
    assert_eq!(bench.samples(), [(0, 1)]);
}

#[test]
fn e_ac_3_beside_the_main_programme_is_left_out() {
    let frame = |substream: u8, fill: u8| {
        let mut frame = vec![0x0B, 0x77, substream << 3, 31, 0x34, 0x87, 0xC0];
        frame.resize(64, fill);
        frame
    };
    let dependent = |fill| {
        let mut frame = frame(0, fill);
        frame[2] |= 0x40;
        frame
    };
    let mut bench = Bench::new(Framing::Ac3);
    bench.pes(
        Some(0),
        &[frame(0, 1), dependent(2), frame(1, 3), frame(0, 4), dependent(5), frame(0, 6)].concat(),
    );
    assert_eq!(bench.samples().iter().map(|(dts, _)| *dts).collect::<Vec<_>>(), [0, 1_536, 3_072]);
    assert!(
        matches!(&bench.out[0], Step::NewFormat(Format::Audio(audio)) if audio.codec == AudioCodec::Eac3)
    );
}
