//! Opus packets out of PES packets: each behind a control header (ETSI TS 103 491 Annex A).

use bytes::{Buf, Bytes};
use codec::opus;
use media::{Format, Timescale, rescale_nearest};

use super::{Coded, Step, Timed};
use crate::Warning;

const PREFIX: u16 = 0x7FE0;
const PREFIX_MASK: u16 = 0xFFE0;
const START_TRIM: u16 = 0x10;
const END_TRIM: u16 = 0x08;
const EXTENSION: u16 = 0x04;

/// A stream of Opus packets.
#[derive(Debug)]
pub(super) struct OpusPackets {
    pid: u16,
    channels: u8,
    told: bool,
    next: Option<i64>,
}

impl OpusPackets {
    /// A stream of 1 to 8 channels.
    pub(super) const fn new(pid: u16, channels: u8) -> Self {
        Self { pid, channels, told: false, next: None }
    }

    pub(super) fn take(&mut self, pes: Timed, out: &mut Vec<Step>) {
        let pid = self.pid;
        let (times, mut payload) = match pes {
            Ok(pes) => pes,
            Err(fault) => {
                self.next = None;
                return out.push(Step::Warning(Warning::Pes { pid, fault }));
            }
        };
        if !self.told {
            match opus::format_from_channels(self.channels) {
                Ok(format) => out.push(Step::NewFormat(Format::Audio(format))),
                Err(fault) => {
                    return out.push(Step::Warning(Warning::BadHeader { pid, why: fault.to_string() }));
                }
            }
            self.told = true;
        }
        if let Some(times) = times {
            self.next = Some(rescale_nearest(times.pts, Timescale::MPEG, Timescale::new(opus::SAMPLE_RATE)));
        }
        while payload.has_remaining() {
            let bad = |why| Step::Warning(Warning::BadSample { pid, why });
            let Some(data) = packet(&mut payload) else {
                return out.push(bad("an Opus control header is broken"));
            };
            let Some(samples) = opus::packet_samples(&data) else {
                return out.push(bad("an Opus packet has no length"));
            };
            let Some(dts) = self.next else {
                return out.push(Step::Warning(Warning::NoTimestamp { pid }));
            };
            self.next = Some(dts + i64::from(samples));
            out.push(Step::Sample(Coded {
                dts,
                composition_offset: 0,
                duration: Some(samples),
                sync: true,
                data: Bytes::copy_from_slice(&data),
            }));
        }
    }
}

/// Takes a control header and its packet; what is trimmed is left to the decoder's delay.
fn packet(payload: &mut Bytes) -> Option<Bytes> {
    let flags = payload.try_get_u16().ok()?;
    if flags & PREFIX_MASK != PREFIX {
        return None;
    }
    let mut size = 0;
    loop {
        let byte = payload.try_get_u8().ok()?;
        size += usize::from(byte);
        if byte != 255 {
            break;
        }
    }
    for trim in [START_TRIM, END_TRIM] {
        if flags & trim != 0 {
            payload.try_get_u16().ok()?;
        }
    }
    if flags & EXTENSION != 0 {
        let length = usize::from(payload.try_get_u8().ok()?);
        if payload.len() < length {
            return None;
        }
        payload.advance(length);
    }
    (payload.len() >= size).then(|| payload.split_to(size))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::Times;

    #[test]
    fn packets_behind_control_headers_follow_each_other_in_time() {
        let mut payload = vec![0x7F, 0xF4, 3, 0, 120, 1, 9, 0xFC, 1, 2];
        payload.extend([0x7F, 0xE0, 255, 1, 0xF8]);
        payload.resize(payload.len() + 255, 7);
        let mut packets = OpusPackets::new(256, 2);
        let mut out = Vec::new();
        packets.take(Ok((Some(Times { pts: 90_000, dts: 90_000 }), payload.into())), &mut out);
        let [Step::NewFormat(_), Step::Sample(first), Step::Sample(second)] = &out[..] else {
            panic!("{out:?}");
        };
        assert_eq!((first.dts, first.duration, first.data.len()), (48_000, Some(960), 3));
        assert_eq!((second.dts, second.data.len()), (48_960, 256));
    }

    #[test]
    fn broken_headers_cost_the_rest_of_their_packet() {
        for broken in [&[0x7F][..], &[0x12, 0xE0, 1, 0xFC], &[0x7F, 0xE0, 9, 0xFC], &[0x7F, 0xE0, 255]] {
            let mut packets = OpusPackets::new(256, 2);
            let mut out = Vec::new();
            packets.take(Ok((None, Bytes::copy_from_slice(broken))), &mut out);
            assert!(matches!(out[..], [Step::NewFormat(_), Step::Warning(Warning::BadSample { .. })]));
        }
    }
}
