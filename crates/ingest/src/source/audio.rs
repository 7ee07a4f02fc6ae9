//! The audio track.

use bytes::Bytes;
use codec::aac::{self, AudioSpecificConfig};
use codec::opus;
use media::{AudioCodec, AudioFormat, Format, Sample, Timescale, Track, Utc, rescale_nearest};
use rtmp::flv::{AudioPacket, Skipped};

use super::{AUDIO, Output, Step};
use crate::end_to_end::EndToEnd;
use crate::trouble::Trouble;

#[derive(Debug, Default)]
pub(super) struct AudioTrack {
    known: Option<Known>,
    laid: EndToEnd,
}

#[derive(Debug)]
struct Known {
    track: Track,
    codec: AudioCodec,
    /// Ticks of one AAC frame. Opus packets say theirs each.
    frame_ticks: u32,
}

impl AudioTrack {
    pub(super) fn track(&self) -> Option<&Track> {
        self.known.as_ref().map(|known| &known.track)
    }

    pub(super) fn packet(
        &mut self,
        packet: AudioPacket,
        place: impl FnOnce(&mut Vec<Output>) -> Utc,
        out: &mut Vec<Output>,
    ) -> Step {
        let trouble = match packet {
            AudioPacket::Config { codec, record } => match read_config(codec, record) {
                Ok(known) => return self.format(known),
                Err(why) => Trouble::BadAudioHeader(why),
            },
            AudioPacket::Frame { codec, data } => return self.frame(codec, data, place, out),
            AudioPacket::Skipped(Skipped::Description | Skipped::CommandFrame | Skipped::OtherTrack)
            | AudioPacket::End => return Step::Nothing,
            AudioPacket::Skipped(skipped @ (Skipped::Codec(_) | Skipped::FourCc(_))) => {
                Trouble::UnsupportedAudio(skipped)
            }
            AudioPacket::Skipped(skipped @ (Skipped::Short | Skipped::PacketType(_))) => {
                Trouble::UnknownPacket(skipped)
            }
        };
        out.push(Output::Trouble(trouble));
        Step::Nothing
    }

    fn format(&mut self, known: Known) -> Step {
        if self.track() == Some(&known.track) {
            return Step::Nothing;
        }
        if self.track().is_some_and(|before| before.timescale != known.track.timescale) {
            self.laid = EndToEnd::default();
        }
        self.known = Some(known);
        Step::NewFormat
    }

    fn frame(
        &mut self,
        codec: AudioCodec,
        data: Bytes,
        place: impl FnOnce(&mut Vec<Output>) -> Utc,
        out: &mut Vec<Output>,
    ) -> Step {
        let known = match &self.known {
            Some(known) if known.codec == codec => known,
            _ => {
                out.push(Output::Trouble(Trouble::MissingHeader));
                return Step::Nothing;
            }
        };
        let ticks = match codec {
            AudioCodec::Aac if data.is_empty() => None,
            AudioCodec::Aac => Some(known.frame_ticks),
            AudioCodec::Opus => opus::packet_samples(&data),
            AudioCodec::Mp2 | AudioCodec::Mp3 | AudioCodec::Ac3 | AudioCodec::Eac3 => None,
        };
        let Some(ticks) = ticks else {
            out.push(Output::Trouble(Trouble::BadSample("an audio frame without a length".to_owned())));
            return Step::Nothing;
        };
        let scale = known.track.timescale;
        let stamped = rescale_nearest(place(out).0, Timescale::MICROS, scale);
        let Some(dts) = self.laid.place(stamped, ticks, scale, out) else {
            return Step::Nothing;
        };
        Step::Sample(Sample {
            track: AUDIO,
            dts,
            composition_offset: 0,
            duration: Some(ticks),
            sync: true,
            data,
        })
    }
}

fn read_config(codec: AudioCodec, record: Bytes) -> Result<Known, String> {
    let (format, frame_ticks) = match codec {
        AudioCodec::Aac => {
            let config = AudioSpecificConfig::read(&record).map_err(|fault| fault.to_string())?;
            let format =
                aac::format_from_asc(Bytes::copy_from_slice(&record)).map_err(|fault| fault.to_string())?;
            (format, config.frame_samples)
        }
        AudioCodec::Mp2 | AudioCodec::Mp3 | AudioCodec::Ac3 | AudioCodec::Eac3 => {
            return Err(format!("{codec:?} has no sequence header"));
        }
        AudioCodec::Opus => (opus::format_from_head(&record).map_err(|fault| fault.to_string())?, 0),
    };
    let AudioFormat { sample_rate, .. } = format;
    let timescale = Timescale::checked(sample_rate).ok_or("a sample rate of zero")?;
    Ok(Known {
        track: Track { id: AUDIO, timescale, format: Format::Audio(format), language: None },
        codec,
        frame_ticks,
    })
}
