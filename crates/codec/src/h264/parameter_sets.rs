//! H.264's parameter sets, gathered from a stream.

use bytes::Bytes;
use media::VideoFormat;

use super::{H264Error, NAL_DELIMITER, NAL_FILLER, NAL_PPS, NAL_SPS, format_from_parameter_sets, unit_type};
use crate::bits::BitReader;
use crate::parameter_sets::{Rules, Sets, Unit};

/// As many sequence and picture parameter sets as `avcC` holds.
const RULES: Rules<2> = Rules {
    most: [31, 255],
    unit: |unit| match unit_type(unit) {
        Some(NAL_SPS) => Unit::Set(0),
        Some(NAL_PPS) => Unit::Set(1),
        Some(NAL_DELIMITER | NAL_FILLER) => Unit::Dropped,
        _ => Unit::Kept,
    },
    // pic_parameter_set_id (§7.3.2.2).
    picture_id: |pps| BitReader::new(pps.get(1..)?).ue().ok(),
};

/// The parameter sets in force, however often the stream repeats, changes or leaves them out.
///
/// An access unit with sequence parameter sets replaces all of those before it; picture parameter sets are replaced with
/// it where it brings some, and otherwise by their ids.
#[derive(Debug, Default)]
pub struct ParameterSets(Sets<2>);

impl ParameterSets {
    /// Takes the parameter sets out of one Annex B access unit; gives the rest as [`media::Sample`] holds it, without
    /// delimiters and filler data.
    pub fn take(&mut self, access_unit: &[u8]) -> Bytes {
        self.0.take(access_unit, &RULES)
    }

    /// The format of the sets in force, if they changed since this was asked last.
    pub fn changed(&mut self) -> Option<Result<VideoFormat, H264Error>> {
        self.0.changed().map(|[sps, pps]| format_from_parameter_sets(&sps, &pps))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::h264::format_from_annexb;
    use crate::nal;
    use crate::parameter_sets::MAX_SET_BYTES;

    const STREAM: &[u8] = include_bytes!("../../testdata/x264-720p30-baseline.h264");
    const OTHER: &[u8] = include_bytes!("../../testdata/x264-576i25-anamorphic.h264");
    const SLICE: &[u8] = &[0, 0, 0, 1, 9, 0xF0, 0, 0, 1, 0x65, 0x88, 0, 0, 1, 12, 0xFF, 0x80];
    const SAMPLE: &[u8] = &[0, 0, 0, 2, 0x65, 0x88];

    #[test]
    fn sets_leave_the_samples_and_a_repetition_is_no_change() {
        let mut sets = ParameterSets::default();
        assert_eq!(sets.changed(), None);
        for first in [true, false] {
            assert_eq!(sets.take(&[SLICE, STREAM].concat()), SAMPLE);
            assert_eq!(sets.changed(), first.then(|| format_from_annexb(STREAM)));
        }
        assert_eq!(sets.take(SLICE), SAMPLE);
        assert_eq!(sets.changed(), None);
    }

    #[test]
    fn sets_that_come_apart_or_change_are_the_format_they_make_together() {
        let units: Vec<&[u8]> = nal::annexb(STREAM).collect();
        let alone = |unit: &[u8]| [&[0, 0, 1], unit].concat();
        let mut sets = ParameterSets::default();
        sets.take(&alone(units[0]));
        assert_eq!(sets.changed(), Some(Err(H264Error::NoPps)));
        sets.take(&alone(units[1]));
        assert_eq!(sets.changed(), Some(format_from_annexb(STREAM)));
        sets.take(OTHER);
        assert_eq!(sets.changed(), Some(format_from_annexb(OTHER)));
        // Another set of the same id takes its place; one of a new id joins it.
        sets.take(&alone(&[0x68, 0xEE, 0x3C, 0x81]));
        assert_eq!((sets.changed().is_some(), sets.0.counts()[1]), (true, 1));
        sets.take(&alone(&[0x68, 0x4E, 0x3C, 0x81]));
        assert_eq!((sets.changed().is_some(), sets.0.counts()[1]), (true, 2));
    }

    #[test]
    fn more_or_longer_sets_than_the_record_holds_are_left_out() {
        let mut stream = Vec::new();
        for id in 0..40_u8 {
            stream.extend_from_slice(&[0, 0, 1, 0x67, id | 0x80, 0x80]);
        }
        stream.extend_from_slice(&[0, 0, 1, 0x68]);
        stream.extend_from_slice(&[0x81; MAX_SET_BYTES]);
        let mut sets = ParameterSets::default();
        sets.take(&stream);
        assert_eq!(sets.0.counts(), [31, 0]);
    }
}
