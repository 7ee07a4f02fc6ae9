//! Video usability information, as far as H.264 (§E.1.1) and H.265 (§E.2.1) write it alike.

use media::Rational;

use crate::bits::{BitReader, BitsError};
use crate::{frame_rate, sample_aspect};

/// What is kept of it. Reading that fails leaves what stood before the damage.
#[derive(Default)]
pub(crate) struct Vui {
    pub(crate) sample_aspect: Option<Rational>,
    pub(crate) frame_rate: Option<Rational>,
}

impl Vui {
    /// Reads from its beginning up to the chroma sample locations.
    pub(crate) fn read_picture(&mut self, bits: &mut BitReader<'_>) -> Result<(), BitsError> {
        if bits.flag()? {
            self.sample_aspect = Some(sample_aspect::read(bits)?);
        }
        if bits.flag()? {
            bits.skip(1)?; // overscan_appropriate_flag
        }
        if bits.flag()? {
            bits.skip(4)?; // video_format, video_full_range_flag
            if bits.flag()? {
                bits.skip(24)?; // colour description
            }
        }
        if bits.flag()? {
            bits.ue()?; // chroma sample locations
            bits.ue()?;
        }
        Ok(())
    }

    /// Reads the timing, whose clock ticks `ticks_a_frame` times a frame.
    pub(crate) fn read_timing(
        &mut self,
        bits: &mut BitReader<'_>,
        ticks_a_frame: u64,
    ) -> Result<(), BitsError> {
        if bits.flag()? {
            let units_in_tick = u64::from(bits.bits(32)?);
            let time_scale = u64::from(bits.bits(32)?);
            self.frame_rate = frame_rate::declared(time_scale, ticks_a_frame * units_in_tick);
        }
        Ok(())
    }
}
