//! Reads bits, most significant first, and never past the end.

/// Why a field could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BitsError {
    /// The header ends inside a field.
    #[error("header ends inside a field")]
    End,
    /// An Exp-Golomb code with more than 31 leading zeros: no field is that long.
    #[error("Exp-Golomb code longer than 32 bits")]
    Golomb,
}

/// A position in a bit string.
#[derive(Clone)]
pub(crate) struct BitReader<'a> {
    data: &'a [u8],
    /// In bits from the start of `data`.
    at: usize,
}

impl<'a> BitReader<'a> {
    pub(crate) const fn new(data: &'a [u8]) -> Self {
        Self { data, at: 0 }
    }

    pub(crate) const fn left(&self) -> usize {
        self.data.len() * 8 - self.at
    }

    /// The next `count` bits, at most 32, as a number.
    pub(crate) fn bits(&mut self, count: u32) -> Result<u32, BitsError> {
        debug_assert!(count <= 32, "a field has at most 32 bits");
        if self.left() < count as usize {
            return Err(BitsError::End);
        }
        let mut value = 0_u64;
        let mut wanted = count;
        while wanted > 0 {
            let offset = (self.at % 8) as u32;
            let taken = wanted.min(8 - offset);
            let byte = u32::from(self.data[self.at / 8]);
            let part = byte >> (8 - offset - taken) & ((1 << taken) - 1);
            value = value << taken | u64::from(part);
            self.at += taken as usize;
            wanted -= taken;
        }
        Ok(value as u32)
    }

    pub(crate) fn flag(&mut self) -> Result<bool, BitsError> {
        Ok(self.bits(1)? == 1)
    }

    pub(crate) fn skip(&mut self, count: usize) -> Result<(), BitsError> {
        if self.left() < count {
            return Err(BitsError::End);
        }
        self.at += count;
        Ok(())
    }

    pub(crate) fn align(&mut self) {
        self.at = self.at.next_multiple_of(8);
    }

    /// ue(v): an unsigned Exp-Golomb code (H.264 §9.1).
    pub(crate) fn ue(&mut self) -> Result<u32, BitsError> {
        let mut zeros = 0;
        while !self.flag()? {
            zeros += 1;
            if zeros > 31 {
                return Err(BitsError::Golomb);
            }
        }
        Ok(((1_u64 << zeros) - 1) as u32 + self.bits(zeros)?)
    }

    /// se(v): a signed Exp-Golomb code (H.264 §9.1.1).
    pub(crate) fn se(&mut self) -> Result<i32, BitsError> {
        let code = i64::from(self.ue()?);
        let magnitude = (code + 1) / 2;
        Ok(if code % 2 == 1 { magnitude } else { -magnitude } as i32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golomb_codes_read_as_the_standard_s_table_says() {
        // 1 010 011 00100 00101 00110, then zeros
        let mut bits = BitReader::new(&[0b1010_0110, 0b0100_0010, 0b1001_1000]);
        let codes: Vec<u32> = (0..6).map(|_| bits.ue().expect("six codes")).collect();
        assert_eq!(codes, [0, 1, 2, 3, 4, 5]);
        assert_eq!(bits.ue(), Err(BitsError::End));
        let mut bits = BitReader::new(&[0b0100_1100, 0b1000_0101, 0, 0, 0, 0, 0]);
        let codes: Vec<i32> = (0..4).map(|_| bits.se().expect("four codes")).collect();
        assert_eq!(codes, [1, -1, 2, -2]);
        assert_eq!(bits.ue(), Err(BitsError::Golomb));
    }

    #[test]
    fn a_full_word_at_an_odd_offset_reads_whole() {
        let mut bits = BitReader::new(&[0x01, 0xFF, 0xFF, 0xFF, 0xFE]);
        bits.skip(7).expect("seven bits");
        assert_eq!(bits.bits(32), Ok(u32::MAX));
        assert_eq!(bits.bits(2), Err(BitsError::End));
        assert_eq!(bits.left(), 1);
    }
}
