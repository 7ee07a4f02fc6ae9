//! Access units of video out of PES packets.

use bytes::{Bytes, BytesMut};
use codec::{av1, h264, h265, mpeg2};
use media::{Format, VideoCodec, VideoFormat};

use super::av1::sized_obus;
use super::{Coded, Step, Timed, Times};
use crate::Warning;
use crate::limits::MAX_VIDEO_BYTES;
use crate::pes::PesFault;

/// A presentation time further from its decode time is damage, in ticks of 90 kHz.
const MAX_COMPOSITION: i64 = 10 * 90_000;
/// A decode time back by less is disorder, which is put right; by more it is a jump, which is passed on.
const MAX_DISORDER: i64 = 90_000;

/// A stream of pictures, one access unit a PES packet. One without a time goes on with the access unit before it, unless
/// it begins another by its look.
#[derive(Debug)]
pub(super) struct Pictures {
    pid: u16,
    syntax: Syntax,
    held: Option<(Times, BytesMut)>,
    format: Option<VideoFormat>,
    /// Whether a picture came that a decoder can start at.
    started: bool,
    last_dts: Option<i64>,
}

#[derive(Debug)]
enum Syntax {
    H264(h264::ParameterSets),
    H265(h265::ParameterSets),
    Mpeg2,
    Av1,
}

/// What a codec makes of an access unit.
struct Unit {
    data: Bytes,
    sync: bool,
    /// The format its headers tell, where they may be new.
    format: Option<Result<VideoFormat, String>>,
}

impl Pictures {
    pub(super) fn new(pid: u16, codec: VideoCodec) -> Self {
        let syntax = match codec {
            VideoCodec::H264 => Syntax::H264(h264::ParameterSets::default()),
            VideoCodec::H265 => Syntax::H265(h265::ParameterSets::default()),
            VideoCodec::Mpeg2 => Syntax::Mpeg2,
            VideoCodec::Av1 => Syntax::Av1,
        };
        Self { pid, syntax, held: None, format: None, started: false, last_dts: None }
    }

    pub(super) fn take(&mut self, pes: Timed, out: &mut Vec<Step>) {
        let pid = self.pid;
        match pes {
            Ok((Some(times), payload)) => {
                self.finish(out);
                self.held = Some((times, BytesMut::from(payload)));
            }
            Ok((None, payload)) => match &mut self.held {
                Some((_, held)) if !self.syntax.begins(&payload) => {
                    if held.len() + payload.len() > MAX_VIDEO_BYTES {
                        self.held = None;
                        let fault = PesFault::Long(MAX_VIDEO_BYTES);
                        return out.push(Step::Warning(Warning::Pes { pid, fault }));
                    }
                    held.extend_from_slice(&payload);
                }
                _ => {
                    self.finish(out);
                    out.push(Step::Warning(Warning::NoTimestamp { pid }));
                }
            },
            Err(fault) => {
                // What was lost began behind the held access unit, which is whole but where many make up one.
                self.finish(out);
                out.push(Step::Warning(Warning::Pes { pid, fault }));
            }
        }
    }

    /// Gives out the access unit that is held.
    pub(super) fn finish(&mut self, out: &mut Vec<Step>) {
        let Some((times, payload)) = self.held.take() else {
            return;
        };
        let pid = self.pid;
        let unit = self.syntax.read(payload.freeze());
        match unit.format {
            Some(Ok(format)) if self.format.as_ref() != Some(&format) => {
                out.push(Step::NewFormat(Format::Video(format.clone())));
                self.format = Some(format);
            }
            Some(Err(why)) => out.push(Step::Warning(Warning::BadHeader { pid, why })),
            _ => {}
        }
        self.started |= unit.sync && self.format.is_some();
        let warning = if unit.data.is_empty() {
            Warning::BadSample { pid, why: "an access unit holds no picture" }
        } else if self.format.is_none() {
            Warning::MissingHeader { pid }
        } else if !self.started {
            Warning::BeforeKeyFrame { pid }
        } else {
            let dts = self.rising(self.before_shown(times, out), out);
            let composition_offset = self.composition(times.pts - dts, out);
            return out.push(Step::Sample(Coded {
                dts,
                composition_offset,
                duration: None,
                sync: unit.sync,
                data: unit.data,
            }));
        };
        out.push(Step::Warning(warning));
    }

    /// The decode time, which is not after the picture's own.
    fn before_shown(&self, times: Times, out: &mut Vec<Step>) -> i64 {
        if !(1..=MAX_COMPOSITION).contains(&(times.dts - times.pts)) {
            return times.dts;
        }
        out.push(Step::Warning(Warning::PresentationTime { pid: self.pid }));
        times.pts
    }

    fn rising(&mut self, dts: i64, out: &mut Vec<Step>) -> i64 {
        let dts = match self.last_dts {
            Some(last) if dts <= last && last - dts < MAX_DISORDER => {
                out.push(Step::Warning(Warning::DecodeTime { pid: self.pid }));
                last + 1
            }
            _ => dts,
        };
        self.last_dts = Some(dts);
        dts
    }

    fn composition(&self, offset: i64, out: &mut Vec<Step>) -> i32 {
        if offset.abs() > MAX_COMPOSITION {
            out.push(Step::Warning(Warning::PresentationTime { pid: self.pid }));
            return 0;
        }
        offset as i32
    }
}

impl Syntax {
    /// True where a payload without a time begins an access unit.
    fn begins(&self, payload: &[u8]) -> bool {
        match self {
            Self::H264(_) => h264::begins_access_unit(payload),
            Self::H265(_) => h265::begins_access_unit(payload),
            Self::Mpeg2 => mpeg2::begins_picture(payload),
            Self::Av1 => true,
        }
    }

    fn read(&mut self, payload: Bytes) -> Unit {
        match self {
            Self::H264(sets) => {
                let data = sets.take(&payload);
                let format = sets.changed().map(|format| format.map_err(|fault| fault.to_string()));
                Unit { sync: h264::is_random_access(&data), data, format }
            }
            Self::H265(sets) => {
                let data = sets.take(&payload);
                let format = sets.changed().map(|format| format.map_err(|fault| fault.to_string()));
                Unit { sync: h265::is_irap(&data), data, format }
            }
            Self::Mpeg2 => {
                let format = match mpeg2::format(&payload) {
                    Err(mpeg2::Mpeg2Error::NoSequenceHeader) => None,
                    format => Some(format.map_err(|fault| fault.to_string())),
                };
                Unit { sync: mpeg2::is_intra(&payload), data: payload, format }
            }
            Self::Av1 => {
                let data = av1::strip_temporal_delimiters(sized_obus(&payload)).unwrap_or_default();
                let format = match av1::format_from_obus(&data) {
                    Err(av1::Av1Error::NoSequenceHeader) => None,
                    format => Some(format.map_err(|fault| fault.to_string())),
                };
                Unit { sync: av1::is_key_frame(&data), data, format }
            }
        }
    }
}

#[cfg(test)]
mod tests;
