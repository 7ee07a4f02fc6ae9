//! One transport packet (ISO/IEC 13818-1 §2.4.3).

/// Bytes of a transport packet.
pub const PACKET_BYTES: usize = 188;
/// Its first byte.
pub const SYNC_BYTE: u8 = 0x47;

/// A packet's header, its adaptation field as far as it is used, and its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Packet<'a> {
    pub(crate) pid: u16,
    /// A receiver before us saw damage that it could not mend.
    pub(crate) damaged: bool,
    /// A PES packet or a section begins in the payload.
    pub(crate) starts: bool,
    pub(crate) scrambled: bool,
    pub(crate) continuity: u8,
    /// Continuity, and on the PID of the clock that too, may break here.
    pub(crate) discontinuity: bool,
    /// In ticks of 27 MHz.
    pub(crate) pcr: Option<i64>,
    pub(crate) payload: Option<&'a [u8]>,
}

/// An adaptation field that does not fit its packet, or no field where there must be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

impl<'a> Packet<'a> {
    pub(crate) fn read(bytes: &'a [u8; PACKET_BYTES]) -> Result<Self, Malformed> {
        let [_, second, third, fourth, rest @ ..] = bytes;
        let mut packet = Self {
            pid: u16::from_be_bytes([*second, *third]) & 0x1FFF,
            damaged: second & 0x80 != 0,
            starts: second & 0x40 != 0,
            scrambled: fourth & 0xC0 != 0,
            continuity: fourth & 0x0F,
            discontinuity: false,
            pcr: None,
            payload: None,
        };
        let (has_adaptation, has_payload) = (fourth & 0x20 != 0, fourth & 0x10 != 0);
        let mut payload = &rest[..];
        if has_adaptation {
            let (length, after) = payload.split_first().ok_or(Malformed)?;
            let (field, after) = after.split_at_checked(usize::from(*length)).ok_or(Malformed)?;
            payload = after;
            if let Some((flags, fields)) = field.split_first() {
                packet.discontinuity = flags & 0x80 != 0;
                if flags & 0x10 != 0 {
                    packet.pcr = Some(pcr(fields.first_chunk().ok_or(Malformed)?));
                }
            }
        }
        if has_payload {
            packet.payload = Some(payload);
        } else if !has_adaptation {
            return Err(Malformed);
        }
        Ok(packet)
    }
}

/// 33 bits of 90 kHz, 6 reserved, 9 bits that count 300ths (§2.4.3.5).
fn pcr(bytes: &[u8; 6]) -> i64 {
    let word = bytes.iter().fold(0_i64, |word, byte| word << 8 | i64::from(*byte));
    (word >> 15) * 300 + (word & 0x1FF)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(head: &[u8]) -> [u8; PACKET_BYTES] {
        let mut bytes = [0xFF; PACKET_BYTES];
        bytes[..head.len()].copy_from_slice(head);
        bytes
    }

    #[test]
    fn a_header_its_clock_and_its_payload_are_read() {
        // FFmpeg's first packet of video at a PCR of 63,000 ticks of 90 kHz.
        let bytes = packet(&[0x47, 0x41, 0, 0x30, 7, 0x50, 0, 0, 0x7B, 0x0C, 0x7E, 0, 0, 0, 1]);
        let read = Packet::read(&bytes).expect("a packet");
        assert_eq!((read.pid, read.starts, read.continuity), (0x100, true, 0));
        assert_eq!(read.pcr, Some(63_000 * 300));
        assert_eq!(read.payload.map(|payload| (payload.len(), payload[2])), Some((176, 1)));
        assert!(!read.damaged && !read.scrambled && !read.discontinuity);
        let bytes = packet(&[0x47, 0x9F, 0xFF, 0xD7]);
        let read = Packet::read(&bytes).expect("a packet");
        assert!(read.damaged && read.scrambled && !read.starts);
        assert_eq!((read.pid, read.continuity), (0x1FFF, 7));
        let bytes = packet(&[0x47, 1, 0, 0x25, 183, 0x80]);
        let read = Packet::read(&bytes).expect("a packet");
        assert_eq!((read.discontinuity, read.payload), (true, None));
    }

    #[test]
    fn fields_that_do_not_fit_are_refused() {
        for head in [&[0x47, 1, 0, 0x30, 184][..], &[0x47, 1, 0, 0x00], &[0x47, 1, 0, 0x30, 6, 0x10]] {
            assert_eq!(Packet::read(&packet(head)), Err(Malformed), "{head:x?}");
        }
    }
}
