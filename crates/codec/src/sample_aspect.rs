//! Sample aspect ratios as H.264 Table E-1 and H.265 Table E.1 number them.

use media::Rational;

use crate::bits::{BitReader, BitsError};

const EXTENDED_SAR: u32 = 255;
const TABLE: [(u32, u32); 17] = [
    (1, 1), // 0: unspecified
    (1, 1),
    (12, 11),
    (10, 11),
    (16, 11),
    (40, 33),
    (24, 11),
    (20, 11),
    (32, 11),
    (80, 33),
    (18, 11),
    (15, 11),
    (64, 33),
    (160, 99),
    (4, 3),
    (3, 2),
    (2, 1),
];

/// Reads `aspect_ratio_idc` and what follows it; 1 where it names no ratio.
pub(crate) fn read(bits: &mut BitReader<'_>) -> Result<Rational, BitsError> {
    let (num, den) = match bits.bits(8)? {
        EXTENDED_SAR => (bits.bits(16)?, bits.bits(16)?),
        idc => TABLE.get(idc as usize).copied().unwrap_or((1, 1)),
    };
    Ok(Rational::new(num, den).unwrap_or(Rational::whole(1)))
}
