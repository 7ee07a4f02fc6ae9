//! Frames of sound out of PES packets, whose borders they need not heed (ISO/IEC 13818-1 §2.4.3.7).

use std::collections::VecDeque;

use bytes::{Buf, BytesMut};
use media::{Format, Timescale, rescale_nearest};

use super::framing::{Frame, Framing};
use super::{Coded, Step, Timed};
use crate::Warning;

/// A stream of frames that each carry their header.
#[derive(Debug)]
pub(super) struct Frames {
    pid: u16,
    framing: Framing,
    /// Bytes from the start of a frame, or of what may be one; under a PES packet and a frame.
    bytes: BytesMut,
    /// Where in `bytes` PES packets with a time begin, and their times in 90 kHz.
    stamps: VecDeque<(usize, i64)>,
    /// Where the next frame begins by those before it, in its sample rate.
    next: Option<i64>,
    /// A frame of the format that was told.
    known: Option<Frame>,
    /// Frames begin where they should: one header is enough to believe the next.
    in_step: bool,
    skipped: usize,
    over: bool,
}

impl Frames {
    pub(super) fn new(pid: u16, framing: Framing) -> Self {
        Self {
            pid,
            framing,
            bytes: BytesMut::new(),
            stamps: VecDeque::new(),
            next: None,
            known: None,
            in_step: false,
            skipped: 0,
            over: false,
        }
    }

    pub(super) fn take(&mut self, pes: Timed, out: &mut Vec<Step>) {
        let (times, payload) = match pes {
            Ok(pes) => pes,
            Err(fault) => {
                self.bytes.clear();
                self.stamps.clear();
                self.next = None;
                self.in_step = false;
                return out.push(Step::Warning(Warning::Pes { pid: self.pid, fault }));
            }
        };
        if let Some(times) = times {
            self.stamps.retain(|(at, _)| *at < self.bytes.len());
            self.stamps.push_back((self.bytes.len(), times.pts));
        }
        self.bytes.extend_from_slice(&payload);
        self.split(out);
    }

    /// No more comes: a last frame need not be confirmed.
    pub(super) fn finish(&mut self, out: &mut Vec<Step>) {
        self.over = true;
        self.split(out);
    }

    fn split(&mut self, out: &mut Vec<Step>) {
        while self.bytes.len() >= self.framing.header_bytes() {
            let Ok(frame) = self.framing.read(&self.bytes) else {
                self.skip(out);
                continue;
            };
            let usual = self.in_step && self.known.is_none_or(|known| known.is_like(&frame) || !frame.main);
            if !usual {
                match self.confirmed(&frame) {
                    Some(true) => {}
                    Some(false) => {
                        self.skip(out);
                        continue;
                    }
                    None => return,
                }
            }
            if self.bytes.len() < frame.bytes {
                return;
            }
            self.in_step = true;
            if self.skipped > 0 {
                let skipped = std::mem::take(&mut self.skipped);
                out.push(Step::Warning(Warning::FrameSync { pid: self.pid, skipped }));
            }
            self.frame(frame, out);
        }
    }

    /// Whether another frame of the same kind follows this one; `None` where that is not known yet.
    fn confirmed(&self, frame: &Frame) -> Option<bool> {
        let Some(after) = self.bytes.get(frame.bytes..) else {
            return self.over.then_some(false);
        };
        if after.len() < self.framing.header_bytes() {
            return self.over.then_some(true);
        }
        Some(self.framing.read(after).is_ok_and(|next| next.is_like(frame) || !next.main))
    }

    /// Passes over bytes up to the next that may begin a frame.
    fn skip(&mut self, out: &mut Vec<Step>) {
        if self.in_step && self.known.is_some() {
            // Told here what was found instead: later bytes are likely to be noise.
            if let Err(why) = self.framing.read(&self.bytes) {
                out.push(Step::Warning(Warning::BadHeader { pid: self.pid, why }));
            }
        }
        self.in_step = false;
        let rest = &self.bytes[1..];
        let count = 1 + memchr::memchr(self.framing.first_byte(), rest).unwrap_or(rest.len());
        self.skipped += count;
        self.advance(count);
    }

    fn frame(&mut self, frame: Frame, out: &mut Vec<Step>) {
        if !frame.main {
            return self.advance(frame.bytes);
        }
        let scale = Timescale::new(frame.sample_rate);
        let told = self.known.is_some_and(|known| known.is_like(&frame));
        if !told {
            match frame.format() {
                Ok(format) => out.push(Step::NewFormat(Format::Audio(format))),
                Err(why) => {
                    out.push(Step::Warning(Warning::BadHeader { pid: self.pid, why }));
                    return self.advance(frame.bytes);
                }
            }
            if let Some(before) = self.known.replace(frame) {
                let before = Timescale::new(before.sample_rate);
                self.next = self.next.map(|next| rescale_nearest(next, before, scale));
            }
        }
        let mut stamped = None;
        while self.stamps.front().is_some_and(|(at, _)| *at == 0) {
            stamped = self.stamps.pop_front();
        }
        let stamped = stamped.map(|(_, pts)| rescale_nearest(pts, Timescale::MPEG, scale));
        let data = self.bytes[frame.left_out.min(frame.bytes)..frame.bytes].to_vec().into();
        self.advance(frame.bytes);
        match stamped.or(self.next) {
            Some(dts) => {
                self.next = Some(dts + i64::from(frame.samples));
                out.push(Step::Sample(Coded {
                    dts,
                    composition_offset: 0,
                    duration: Some(frame.samples),
                    sync: true,
                    data,
                }));
            }
            None => out.push(Step::Warning(Warning::NoTimestamp { pid: self.pid })),
        }
    }

    /// Drops bytes from the front. A PES packet that began in them times the next frame: the first that begins in it.
    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
        for (at, _) in &mut self.stamps {
            *at = at.saturating_sub(count);
        }
    }
}

#[cfg(test)]
mod tests;
