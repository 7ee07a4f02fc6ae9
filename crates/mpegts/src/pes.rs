//! PES packets put together from transport packets (ISO/IEC 13818-1 §2.4.3.6).

use bytes::{Bytes, BytesMut};

/// Bytes up to and with the length field.
const HEAD_BYTES: usize = 6;
/// Bytes of the fixed header: the flags and the length of what follows them too.
const FIXED_BYTES: usize = 9;

/// Why a PES packet is of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PesFault {
    /// It does not begin with its start code.
    #[error("no start code")]
    StartCode,
    /// A header field past the end, or a marker bit that is not set.
    #[error("its header is broken")]
    Header,
    /// Encrypted by its own flag.
    #[error("it is scrambled")]
    Scrambled,
    /// More bytes than the limit allows.
    #[error("it is longer than {0} bytes")]
    Long(usize),
    /// The next began before its end.
    #[error("it is cut short")]
    Short,
    /// Transport packets of it were lost.
    #[error("part of it was lost")]
    Lost,
}

/// A whole PES packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pes {
    pub(crate) stamps: Stamps,
    pub(crate) payload: Bytes,
}

/// Its time stamps, 33 bits of 90 kHz.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stamps {
    pub(crate) pts: Option<i64>,
    /// Only where it differs from `pts`.
    pub(crate) dts: Option<i64>,
}

/// How the end of a packet is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// By its length; where that is 0, by the next.
    Length,
    /// By the next alone: lengths of video are 0 or, as some write them, wrong.
    Next,
}

/// Puts the PES packets of one PID together.
#[derive(Debug)]
pub(crate) struct Assembler {
    end: End,
    most: usize,
    state: State,
}

/// ```text
/// Waiting --start--> Open --loss, over the limit--> Spoilt --start--> Open
///    ^                |
///    '----- end ------'
/// ```
#[derive(Debug)]
enum State {
    Waiting,
    Open { bytes: BytesMut, length: Option<usize> },
    Spoilt,
}

impl Assembler {
    pub(crate) const fn new(end: End, most: usize) -> Self {
        Self { end, most, state: State::Waiting }
    }

    /// Takes a transport packet's payload; gives the packets it completed.
    pub(crate) fn packet(
        &mut self,
        payload: &[u8],
        starts: bool,
        mut give: impl FnMut(Result<Pes, PesFault>),
    ) {
        if starts {
            self.finish(&mut give);
            self.state = State::Open { bytes: BytesMut::new(), length: None };
        }
        let State::Open { bytes, length } = &mut self.state else {
            return;
        };
        if bytes.len() + payload.len() > self.most {
            self.state = State::Spoilt;
            return give(Err(PesFault::Long(self.most)));
        }
        bytes.extend_from_slice(payload);
        if length.is_none() && self.end == End::Length && bytes.len() >= HEAD_BYTES {
            let told = usize::from(u16::from_be_bytes([bytes[4], bytes[5]]));
            *length = (told > 0).then_some(HEAD_BYTES + told);
        }
        if length.is_some_and(|length| bytes.len() >= length) {
            self.finish(&mut give);
        }
    }

    /// Transport packets were lost here: what is open is of no use.
    pub(crate) fn lost(&mut self, mut give: impl FnMut(Result<Pes, PesFault>)) {
        if matches!(self.state, State::Open { .. }) {
            self.state = State::Spoilt;
            give(Err(PesFault::Lost));
        }
    }

    /// Ends what is open.
    pub(crate) fn finish(&mut self, mut give: impl FnMut(Result<Pes, PesFault>)) {
        if let State::Open { bytes, length } = std::mem::replace(&mut self.state, State::Waiting) {
            give(read(bytes.freeze(), length));
        }
    }
}

/// True where these first bytes of a packet say that it has a time stamp.
pub(crate) fn is_timed(start: &[u8]) -> bool {
    start.starts_with(&[0, 0, 1]) && start.get(7).is_some_and(|flags| flags & 0x80 != 0)
}

fn read(bytes: Bytes, length: Option<usize>) -> Result<Pes, PesFault> {
    let head = bytes.first_chunk::<HEAD_BYTES>().ok_or(PesFault::Header)?;
    if head[..3] != [0, 0, 1] {
        return Err(PesFault::StartCode);
    }
    let end = length.unwrap_or(bytes.len());
    if bytes.len() < end {
        return Err(PesFault::Short);
    }
    // Maps, padding, private data of the second kind and the like have no header of their own.
    if matches!(head[3], 0xBC | 0xBE | 0xBF | 0xF0..=0xF2 | 0xF8 | 0xFF) {
        return Ok(Pes { stamps: Stamps::default(), payload: bytes.slice(HEAD_BYTES..end) });
    }
    let fixed = bytes.first_chunk::<FIXED_BYTES>().ok_or(PesFault::Header)?;
    if fixed[6] & 0xC0 != 0x80 {
        return Err(PesFault::Header);
    }
    if fixed[6] & 0x30 != 0 {
        return Err(PesFault::Scrambled);
    }
    let start = FIXED_BYTES + usize::from(fixed[8]);
    let fields = bytes.get(FIXED_BYTES..start).filter(|_| start <= end).ok_or(PesFault::Header)?;
    let stamps = match fixed[7] >> 6 {
        0 => Stamps::default(),
        2 => Stamps { pts: Some(stamp(fields)?), dts: None },
        3 => Stamps { pts: Some(stamp(fields)?), dts: Some(stamp(fields.get(5..).unwrap_or_default())?) },
        _ => return Err(PesFault::Header),
    };
    Ok(Pes { stamps, payload: bytes.slice(start..end) })
}

/// Four bits that say which stamp this is, then 33 with marker bits after 3, 18 and 33 of them.
fn stamp(fields: &[u8]) -> Result<i64, PesFault> {
    let [a, b, c, d, e] = *fields.first_chunk::<5>().ok_or(PesFault::Header)?;
    if a & c & e & 1 == 0 {
        return Err(PesFault::Header);
    }
    let [a, b, c, d, e] = [a, b, c, d, e].map(i64::from);
    Ok((a >> 1 & 7) << 30 | b << 22 | c >> 1 << 15 | d << 7 | e >> 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{MAX_PES_BYTES, MAX_VIDEO_BYTES};

    /// FFmpeg 5.1's header of a video packet: PTS 133,200 and DTS 126,000.
    const HEAD: [u8; 19] =
        [0, 0, 1, 0xE0, 0, 0, 0x80, 0xC0, 10, 0x31, 0, 9, 0x10, 0xA1, 0x11, 0, 7, 0xD8, 0x61];

    fn run(assembler: &mut Assembler, packets: &[(&[u8], bool)]) -> Vec<Result<Pes, PesFault>> {
        let mut found = Vec::new();
        for (payload, starts) in packets {
            assembler.packet(payload, *starts, |pes| found.push(pes));
        }
        found
    }

    #[test]
    fn a_packet_without_length_ends_with_the_next() {
        let mut assembler = Assembler::new(End::Next, MAX_VIDEO_BYTES);
        let found = run(&mut assembler, &[(b"tail", false), (&HEAD, true), (b"one", false), (&HEAD, true)]);
        let stamps = Stamps { pts: Some(133_200), dts: Some(126_000) };
        assert_eq!(found, [Ok(Pes { stamps, payload: Bytes::from_static(b"one") })]);
        let mut last = Vec::new();
        assembler.finish(|pes| last.push(pes));
        assert_eq!(last, [Ok(Pes { stamps, payload: Bytes::new() })]);
    }

    #[test]
    fn a_packet_with_a_length_ends_there() {
        let head = [0, 0, 1, 0xC0, 0, 11, 0x80, 0x80, 5, 0x21, 0, 9, 0x10, 0xA1];
        let mut assembler = Assembler::new(End::Length, MAX_PES_BYTES);
        let found = run(&mut assembler, &[(&head, true), (b"ab", false), (b"cd", false), (b"ef", false)]);
        let payload = Bytes::from_static(b"abc");
        assert_eq!(found, [Ok(Pes { stamps: Stamps { pts: Some(133_200), dts: None }, payload })]);
        let found = run(&mut assembler, &[(&head, true), (b"a", false), (&head, true)]);
        assert_eq!(found, [Err(PesFault::Short)]);
    }

    #[test]
    fn loss_and_length_spoil_one_packet_and_no_other() {
        let mut assembler = Assembler::new(End::Next, 30);
        let found = run(&mut assembler, &[(&HEAD, true), (&[7; 12], false), (b"x", false), (&HEAD, true)]);
        assert_eq!(found, [Err(PesFault::Long(30))]);
        let mut faults = Vec::new();
        assembler.lost(|fault| faults.push(fault));
        assembler.lost(|fault| faults.push(fault));
        assert_eq!(faults, [Err(PesFault::Lost)]);
        let found = run(&mut assembler, &[(b"x", false), (&HEAD, true), (b"y", false), (&HEAD, true)]);
        assert_eq!(found.len(), 1);
        assert!(found[0].is_ok());
    }

    #[test]
    fn broken_headers_are_named() {
        let with = |at: usize, byte: u8| {
            let mut head = HEAD;
            head[at] = byte;
            read(Bytes::copy_from_slice(&head), None)
        };
        assert_eq!(with(2, 2), Err(PesFault::StartCode));
        assert_eq!(with(6, 0x90), Err(PesFault::Scrambled));
        assert_eq!(with(6, 0x40), Err(PesFault::Header));
        assert_eq!(with(7, 0x40), Err(PesFault::Header));
        assert_eq!(with(8, 11), Err(PesFault::Header));
        assert_eq!(with(8, 9), Err(PesFault::Header));
        assert_eq!(with(9, 0x30), Err(PesFault::Header));
    }
}
