//! H.265's parameter sets, gathered from a stream.

use bytes::Bytes;
use media::VideoFormat;

use super::{
    H265Error, NAL_DELIMITER, NAL_FILLER, NAL_PPS, NAL_SPS, NAL_VPS, format_from_parameter_sets, unit_type,
};
use crate::bits::BitReader;
use crate::parameter_sets::{Rules, Sets, Unit};

/// As many video, sequence and picture parameter sets as there are ids (§7.4.3.1 to §7.4.3.3).
const RULES: Rules<3> = Rules {
    most: [16, 16, 64],
    unit: |unit| match unit_type(unit) {
        Some(NAL_VPS) => Unit::Set(0),
        Some(NAL_SPS) => Unit::Set(1),
        Some(NAL_PPS) => Unit::Set(2),
        Some(NAL_DELIMITER | NAL_FILLER) => Unit::Dropped,
        _ => Unit::Kept,
    },
    // pps_pic_parameter_set_id (§7.3.2.3.1).
    picture_id: |pps| BitReader::new(pps.get(2..)?).ue().ok(),
};

/// The parameter sets in force, however often the stream repeats, changes or leaves them out.
///
/// An access unit with video or sequence parameter sets replaces all of those before it; picture parameter sets are
/// replaced with the sequence's where it brings some, and otherwise by their ids.
#[derive(Debug, Default)]
pub struct ParameterSets(Sets<3>);

impl ParameterSets {
    /// Takes the parameter sets out of one Annex B access unit; gives the rest as [`media::Sample`] holds it, without
    /// delimiters and filler data.
    pub fn take(&mut self, access_unit: &[u8]) -> Bytes {
        self.0.take(access_unit, &RULES)
    }

    /// The format of the sets in force, if they changed since this was asked last.
    pub fn changed(&mut self) -> Option<Result<VideoFormat, H265Error>> {
        self.0.changed().map(|[vps, sps, pps]| format_from_parameter_sets(&vps, &sps, &pps))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::h265::format_from_annexb;
    use crate::nal;

    const STREAM: &[u8] = include_bytes!("../../testdata/x265-1080p30-main.h265");
    const OTHER: &[u8] = include_bytes!("../../testdata/x265-638x358p59.94-main10.h265");
    const SLICE: &[u8] = &[0, 0, 0, 1, 70, 1, 0x50, 0, 0, 1, 0x26, 1, 0xAF, 0, 0, 1, 76, 1, 0xFF, 0x80];
    const SAMPLE: &[u8] = &[0, 0, 0, 3, 0x26, 1, 0xAF];

    #[test]
    fn sets_leave_the_samples_and_only_a_change_is_a_format() {
        let mut sets = ParameterSets::default();
        assert_eq!(sets.take(SLICE), SAMPLE);
        assert_eq!(sets.changed(), None);
        for (stream, news) in [(STREAM, true), (STREAM, false), (OTHER, true), (STREAM, true)] {
            sets.take(&[SLICE, stream].concat());
            assert_eq!(sets.changed(), news.then(|| format_from_annexb(stream)));
        }
    }

    #[test]
    fn sets_that_come_apart_are_the_format_they_make_together() {
        let mut sets = ParameterSets::default();
        let mut last = None;
        for unit in nal::annexb(STREAM) {
            sets.take(&[&[0, 0, 1], unit].concat());
            last = sets.changed().or(last);
        }
        assert_eq!(last, Some(format_from_annexb(STREAM)));
    }
}
