//! Coded packets to raw frames.

use std::ptr::NonNull;

use bytes::{BufMut, Bytes, BytesMut};
use ffmpeg_sys_the_third as ffi;
use media::{AudioCodec, Format, VideoCodec};

use crate::error::{EAGAIN, Error, check};
use crate::frame::Frame;
use crate::packet::Packet;

/// What a decoder must know of a stream before its first packet.
#[derive(Debug)]
pub struct Parameters(NonNull<ffi::AVCodecParameters>);

// SAFETY: plain data owned by this value alone.
unsafe impl Send for Parameters {}
// SAFETY: through `&Parameters` it is only read.
unsafe impl Sync for Parameters {}

impl Parameters {
    fn empty() -> Result<Self, Error> {
        // SAFETY: no precondition; null means no memory.
        NonNull::new(unsafe { ffi::avcodec_parameters_alloc() })
            .map(Self)
            .ok_or(Error::memory("avcodec_parameters_alloc"))
    }

    /// A copy of a demuxer's.
    ///
    /// # Safety
    /// `source` is valid for the call.
    pub(crate) unsafe fn copy_of(source: *const ffi::AVCodecParameters) -> Result<Self, Error> {
        let parameters = Self::empty()?;
        // SAFETY: the target is ours, the source valid by this function's promise.
        check("avcodec_parameters_copy", unsafe {
            ffi::avcodec_parameters_copy(parameters.0.as_ptr(), source)
        })?;
        Ok(parameters)
    }

    /// Those of a track.
    pub fn of(format: &Format) -> Result<Self, Error> {
        let mut parameters = Self::empty()?;
        // SAFETY: the pointer is valid and nobody else has it yet.
        let raw = unsafe { parameters.0.as_mut() };
        let config = match format {
            Format::Video(video) => {
                raw.codec_type = ffi::AVMediaType::VIDEO;
                raw.codec_id = match video.codec {
                    VideoCodec::H264 => ffi::AVCodecID::H264,
                    VideoCodec::H265 => ffi::AVCodecID::HEVC,
                    VideoCodec::Av1 => ffi::AVCodecID::AV1,
                    VideoCodec::Mpeg2 => ffi::AVCodecID::MPEG2VIDEO,
                };
                raw.width = video.width as i32;
                raw.height = video.height as i32;
                video.config.clone()
            }
            Format::Audio(audio) => {
                raw.codec_type = ffi::AVMediaType::AUDIO;
                raw.sample_rate = audio.sample_rate as i32;
                // SAFETY: the layout belongs to `raw` and is empty.
                unsafe { ffi::av_channel_layout_default(&mut raw.ch_layout, i32::from(audio.channels)) };
                match audio.codec {
                    AudioCodec::Aac => {
                        raw.codec_id = ffi::AVCodecID::AAC;
                        audio.config.clone()
                    }
                    AudioCodec::Mp2 | AudioCodec::Mp3 | AudioCodec::Ac3 | AudioCodec::Eac3 => {
                        raw.codec_id = match audio.codec {
                            AudioCodec::Mp2 => ffi::AVCodecID::MP2,
                            AudioCodec::Mp3 => ffi::AVCodecID::MP3,
                            AudioCodec::Ac3 => ffi::AVCodecID::AC3,
                            _ => ffi::AVCodecID::EAC3,
                        };
                        Bytes::new()
                    }
                    AudioCodec::Opus => {
                        raw.codec_id = ffi::AVCodecID::OPUS;
                        opus_head(&audio.config).ok_or(Error::invalid("OpusHead"))?
                    }
                }
            }
        };
        if !config.is_empty() {
            let padding = ffi::AV_INPUT_BUFFER_PADDING_SIZE as usize;
            let length = i32::try_from(config.len()).map_err(|_| Error::invalid("extradata"))?;
            // SAFETY: the block has room for the copy and for the zeroed padding decoders read into; av_malloc's
            // memory is what avcodec_parameters_free gives back.
            unsafe {
                let block: *mut u8 = ffi::av_mallocz(config.len() + padding).cast();
                if block.is_null() {
                    return Err(Error::memory("av_mallocz"));
                }
                std::ptr::copy_nonoverlapping(config.as_ptr(), block, config.len());
                raw.extradata = block;
                raw.extradata_size = length;
            }
        }
        Ok(parameters)
    }

    /// Width and height of the pictures; zero for sound, or where it is not known.
    pub fn picture_size(&self) -> (u32, u32) {
        let side = |side: i32| u32::try_from(side).unwrap_or(0);
        (side(self.raw().width), side(self.raw().height))
    }

    pub(crate) const fn raw(&self) -> &ffi::AVCodecParameters {
        // SAFETY: the pointer is valid for as long as self.
        unsafe { self.0.as_ref() }
    }
}

impl Drop for Parameters {
    fn drop(&mut self) {
        let mut raw = self.0.as_ptr();
        // SAFETY: the parameters are ours and are not used again.
        unsafe { ffi::avcodec_parameters_free(&mut raw) };
    }
}

/// FFmpeg's Opus decoder reads the Ogg header (RFC 7845 §5.1, little-endian); MP4 has `dOps` (big-endian).
fn opus_head(dops: &[u8]) -> Option<Bytes> {
    let fixed: &[u8; 10] = dops.get(1..)?.first_chunk()?;
    let mut head = BytesMut::from(&b"OpusHead\x01"[..]);
    head.put_u8(fixed[0]);
    head.put_u16_le(u16::from_be_bytes([fixed[1], fixed[2]]));
    head.put_u32_le(u32::from_be_bytes([fixed[3], fixed[4], fixed[5], fixed[6]]));
    head.put_u16_le(u16::from_be_bytes([fixed[7], fixed[8]]));
    head.put_slice(&dops[10..]);
    Some(head.freeze())
}

/// Decodes one stream.
#[derive(Debug)]
pub struct Decoder {
    raw: NonNull<ffi::AVCodecContext>,
    spare: Frame,
}

// SAFETY: the context is owned by this value alone; FFmpeg's decoders may be moved between threads between calls.
unsafe impl Send for Decoder {}

impl Decoder {
    /// Luma samples of the largest picture that is decoded: 4096 × 2304.
    pub const MAX_PICTURE: u64 = 4_096 * 2_304;

    /// Opens a decoder that works on `threads` threads.
    pub fn open(parameters: &Parameters, threads: usize) -> Result<Self, Error> {
        let spare = Frame::empty()?;
        // SAFETY: avcodec_find_decoder reads a table; a null codec is refused before it is used. The context is
        // freed by Drop from the moment it exists.
        unsafe {
            let codec = ffi::avcodec_find_decoder(parameters.raw().codec_id);
            if codec.is_null() {
                return Err(Error::new("avcodec_find_decoder", ffi::AVERROR_DECODER_NOT_FOUND));
            }
            let raw = NonNull::new(ffi::avcodec_alloc_context3(codec))
                .ok_or(Error::memory("avcodec_alloc_context3"))?;
            let mut decoder = Self { raw, spare };
            let code = ffi::avcodec_parameters_to_context(raw.as_ptr(), parameters.raw());
            check("avcodec_parameters_to_context", code)?;
            decoder.raw.as_mut().thread_count = threads.clamp(1, 16) as i32;
            decoder.raw.as_mut().max_pixels = Self::MAX_PICTURE as i64;
            check("avcodec_open2", ffi::avcodec_open2(raw.as_ptr(), codec, std::ptr::null_mut()))?;
            Ok(decoder)
        }
    }

    /// Opens a decoder of whole image files of `codec`, none with more than `max_samples`.
    pub(crate) fn of_stills(codec: ffi::AVCodecID, max_samples: i64) -> Result<Self, Error> {
        let spare = Frame::empty()?;
        // SAFETY: as in `open`; no parameters are needed, image files tell everything themselves.
        unsafe {
            let codec = ffi::avcodec_find_decoder(codec);
            if codec.is_null() {
                return Err(Error::new("avcodec_find_decoder", ffi::AVERROR_DECODER_NOT_FOUND));
            }
            let raw = NonNull::new(ffi::avcodec_alloc_context3(codec))
                .ok_or(Error::memory("avcodec_alloc_context3"))?;
            let mut decoder = Self { raw, spare };
            decoder.raw.as_mut().thread_count = 1;
            decoder.raw.as_mut().max_pixels = max_samples;
            check("avcodec_open2", ffi::avcodec_open2(raw.as_ptr(), codec, std::ptr::null_mut()))?;
            Ok(decoder)
        }
    }

    /// Feeds one access unit. Times come back on the frames; the time base is the caller's. Take every frame with
    /// [`Self::receive`] before the next call. After a damaged unit the decoder goes on with the next.
    pub fn send(&mut self, data: &[u8], pts: i64, dts: i64) -> Result<(), Error> {
        let mut packet = Packet::copy_of(data)?;
        packet.set_times(pts, dts);
        // SAFETY: context and packet are valid; `&mut self` keeps other threads out.
        let code = unsafe { ffi::avcodec_send_packet(self.raw.as_ptr(), packet.as_ptr()) };
        check("avcodec_send_packet", code).map(drop)
    }

    /// Says that no more comes; [`Self::receive`] then gives the frames held back.
    pub fn finish(&mut self) {
        // SAFETY: a null packet begins the drain; an already drained decoder answers with an error that changes
        // nothing.
        unsafe { ffi::avcodec_send_packet(self.raw.as_ptr(), std::ptr::null()) };
    }

    /// Forgets what is held: the next access unit is a key frame's, whatever came before.
    pub fn flush(&mut self) {
        // SAFETY: the context is open; `&mut self` keeps other threads out.
        unsafe { ffi::avcodec_flush_buffers(self.raw.as_ptr()) };
    }

    /// The next decoded frame, in presentation order; `None` until more is sent, or at the end.
    pub fn receive(&mut self) -> Result<Option<Frame>, Error> {
        // SAFETY: context and frame are valid; the frame is unreferenced by the call before it is filled.
        let code = unsafe { ffi::avcodec_receive_frame(self.raw.as_ptr(), self.spare.as_mut_ptr()) };
        if code == ffi::AVERROR(EAGAIN) || code == ffi::AVERROR_EOF {
            return Ok(None);
        }
        check("avcodec_receive_frame", code)?;
        let next = Frame::empty()?;
        Ok(Some(std::mem::replace(&mut self.spare, next)))
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        let mut raw = self.raw.as_ptr();
        // SAFETY: the context is ours and is not used again.
        unsafe { ffi::avcodec_free_context(&mut raw) };
    }
}
