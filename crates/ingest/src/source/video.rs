//! The video track.

use bytes::Bytes;
use codec::{av1, h264, h265, mpeg2, nal};
use media::{Format, Sample, Timescale, Track, Utc, VideoCodec, VideoFormat};
use rtmp::flv::{Skipped, VideoPacket};

use super::{Output, Step, VIDEO};
use crate::trouble::Trouble;

const TICKS_PER_MS: i32 = 90;

#[derive(Debug, Default)]
pub(super) struct VideoTrack {
    known: Option<Known>,
    last_dts: Option<i64>,
    /// A key frame has come since the format did.
    started: bool,
}

#[derive(Debug)]
struct Known {
    track: Track,
    codec: VideoCodec,
    /// Bytes of NAL unit lengths in what the publisher sends.
    length_size: u8,
}

impl VideoTrack {
    pub(super) fn track(&self) -> Option<&Track> {
        self.known.as_ref().map(|known| &known.track)
    }

    pub(super) fn packet(
        &mut self,
        packet: VideoPacket,
        place: impl FnOnce(&mut Vec<Output>) -> Utc,
        out: &mut Vec<Output>,
    ) -> Step {
        let trouble = match packet {
            VideoPacket::Config { codec, record } => match read_config(codec, record) {
                Ok(known) => return self.format(known),
                Err(why) => Trouble::BadVideoHeader(why),
            },
            VideoPacket::Frame { codec, composition_ms, data, .. } => match self.frame(codec, data) {
                Ok((data, sync)) => {
                    let stamped = place(out).ticks(Timescale::MPEG);
                    let pts = stamped + i64::from(composition_ms * TICKS_PER_MS);
                    if pts < stamped {
                        out.push(Output::Trouble(Trouble::PresentationTime));
                    }
                    let dts = self.rising(stamped.min(pts), out);
                    let composition_offset = (pts - dts) as i32;
                    return Step::Sample(Sample {
                        track: VIDEO,
                        dts,
                        composition_offset,
                        duration: None,
                        sync,
                        data,
                    });
                }
                Err(trouble) => trouble,
            },
            VideoPacket::Skipped(Skipped::Description | Skipped::CommandFrame | Skipped::OtherTrack)
            | VideoPacket::End => return Step::Nothing,
            VideoPacket::Skipped(skipped @ (Skipped::Codec(_) | Skipped::FourCc(_))) => {
                Trouble::UnsupportedVideo(skipped)
            }
            VideoPacket::Skipped(skipped @ (Skipped::Short | Skipped::PacketType(_))) => {
                Trouble::UnknownPacket(skipped)
            }
        };
        out.push(Output::Trouble(trouble));
        Step::Nothing
    }

    fn format(&mut self, known: Known) -> Step {
        let repeated = self.track() == Some(&known.track);
        let length_size = known.length_size;
        match &mut self.known {
            // Many encoders repeat their header with every key frame.
            Some(before) if repeated => {
                before.length_size = length_size;
                Step::Nothing
            }
            _ => {
                self.known = Some(known);
                self.started = false;
                Step::NewFormat
            }
        }
    }

    /// The payload as a sample holds it, and whether a decoder can start there. The bitstream says so, not the message's
    /// key frame flag: some encoders set it on pictures that refer to earlier ones.
    fn frame(&mut self, codec: VideoCodec, data: Bytes) -> Result<(Bytes, bool), Trouble> {
        let known = match &self.known {
            Some(known) if known.codec == codec => known,
            _ => return Err(Trouble::MissingHeader),
        };
        let nal = |data| {
            nal::with_four_byte_lengths(data, known.length_size)
                .map_err(|fault| Trouble::BadSample(fault.to_string()))
        };
        let data = match codec {
            VideoCodec::H264 | VideoCodec::H265 => nal(data)?,
            VideoCodec::Mpeg2 => data,
            VideoCodec::Av1 => {
                av1::strip_temporal_delimiters(data).map_err(|fault| Trouble::BadSample(fault.to_string()))?
            }
        };
        if data.is_empty() {
            return Err(Trouble::BadSample("no bytes".to_owned()));
        }
        let sync = match codec {
            VideoCodec::H264 => h264::is_idr(&data),
            VideoCodec::H265 => h265::is_irap(&data),
            VideoCodec::Mpeg2 => mpeg2::is_intra(&data),
            VideoCodec::Av1 => av1::is_key_frame(&data),
        };
        self.started |= sync;
        match self.started {
            true => Ok((data, sync)),
            false => Err(Trouble::BeforeKeyFrame),
        }
    }

    fn rising(&mut self, dts: i64, out: &mut Vec<Output>) -> i64 {
        let dts = match self.last_dts {
            Some(last) if dts <= last => {
                out.push(Output::Trouble(Trouble::DecodeTime));
                last + 1
            }
            _ => dts,
        };
        self.last_dts = Some(dts);
        dts
    }
}

fn read_config(codec: VideoCodec, record: Bytes) -> Result<Known, String> {
    let known = |format: VideoFormat, length_size| Known {
        track: Track { id: VIDEO, timescale: Timescale::MPEG, format: Format::Video(format), language: None },
        codec,
        length_size,
    };
    // The record must outlive the read buffer it arrived in without keeping all of that.
    let record = Bytes::copy_from_slice(&record);
    match codec {
        VideoCodec::H264 => {
            let length_size = h264::length_size(&record).map_err(|fault| fault.to_string())?;
            h264::format_from_avcc(record)
                .map(|format| known(format, length_size))
                .map_err(|fault| fault.to_string())
        }
        VideoCodec::H265 => {
            let length_size = h265::length_size(&record).map_err(|fault| fault.to_string())?;
            h265::format_from_hvcc(record)
                .map(|format| known(format, length_size))
                .map_err(|fault| fault.to_string())
        }
        VideoCodec::Av1 => {
            av1::format_from_av1c(record).map(|format| known(format, 4)).map_err(|fault| fault.to_string())
        }
        VideoCodec::Mpeg2 => {
            mpeg2::format(&record).map(|format| known(format, 4)).map_err(|fault| fault.to_string())
        }
    }
}
