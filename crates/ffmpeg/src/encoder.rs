//! Raw frames to coded packets.

use std::ffi::CString;
use std::ptr::NonNull;

use ffmpeg_sys_the_third as ffi;
use media::{Rational, VideoCodec};

use crate::error::{EAGAIN, Error, check};
use crate::frame::{Colour, Frame};
use crate::options::Options;
use crate::packet::Packet;
use crate::x264;

/// How one video rendition is encoded. Key frames come only where [`Picture::Key`] asks for them; groups of pictures
/// are closed.
#[derive(Clone, Debug)]
pub struct VideoSettings<'a> {
    /// H.264 (libx264) or H.265 (libx265).
    pub codec: VideoCodec,
    /// Width in luma samples.
    pub width: u32,
    /// Height in luma samples.
    pub height: u32,
    /// Frames per second; times of frames and packets count frames of it.
    pub frame_rate: Rational,
    /// Average aimed at, bits per second.
    pub bitrate_bps: u32,
    /// Highest rate over the buffer's length, bits per second.
    pub max_bitrate_bps: u32,
    /// The decoder buffer the encoder may count on, in bits.
    pub buffer_bits: u32,
    /// The encoder's effort preset by its own name.
    pub preset: &'a str,
    /// The preset whose H.264 headers the stream has, by its own name: where it is not `preset`, then a slower one, whose
    /// coding tools that are told in headers stay in use.
    pub headers_of: &'a str,
    /// The H.264 profile by its own name; ignored for H.265 (always Main).
    pub profile: &'a str,
    /// Threads the encoder may use.
    pub threads: usize,
    /// Give each frame back at once: no frames ahead to look at, none that refer to later ones, none in work on other threads.
    pub low_delay: bool,
    /// What the stream says about its colours.
    pub colour: Colour,
}

/// How sound is encoded: AAC-LC, stereo.
#[derive(Clone, Copy, Debug)]
pub struct AudioSettings {
    /// Samples per second; times of blocks and packets count them.
    pub sample_rate: u32,
    /// Bits per second.
    pub bitrate_bps: u32,
}

/// What a picture sent to an encoder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Picture {
    /// An IDR: a decoder can start here, and nothing after it refers to anything before.
    Key,
    /// Whatever the encoder finds best.
    Any,
    /// As `Any`, and the same picture as the one before, so captions on it are not sent twice.
    Repeat,
    /// Predicted from pictures before it alone, so that what follows it may be left out.
    Predicted,
}

/// Encodes one rendition.
#[derive(Debug)]
pub struct Encoder {
    raw: NonNull<ffi::AVCodecContext>,
    spare: Frame,
}

// SAFETY: the context is owned by this value alone; FFmpeg's encoders may be moved between threads between calls.
unsafe impl Send for Encoder {}

/// x264's and x265's word for "no key frame of your own accord" (X264_KEYINT_MAX_INFINITE).
const NO_KEY_INTERVAL: i32 = 1 << 30;

/// Of encoders whose packets make a stream. Added to the defaults, never instead of them: libx264's include closed groups of pictures.
const STREAM_FLAGS: i32 = (ffi::AV_CODEC_FLAG_GLOBAL_HEADER | ffi::AV_CODEC_FLAG_CLOSED_GOP) as i32;
/// FFmpeg's scale of JPEG quality: 1 is best, 31 worst.
const JPEG_QUANTISER: i32 = 4;

impl Encoder {
    /// Opens a video encoder.
    pub fn video(settings: &VideoSettings<'_>) -> Result<Self, Error> {
        let mut options = Options::new();
        options.set("preset", settings.preset)?;
        options.set("forced-idr", "1")?;
        if settings.low_delay {
            options.set("tune", "zerolatency")?;
        }
        let name = match settings.codec {
            VideoCodec::H264 => {
                options.set("profile", settings.profile)?;
                let mut parameters = "scenecut=0:open-gop=0:stitchable=1".to_owned();
                if settings.headers_of != settings.preset {
                    parameters.push_str(&x264::pins(settings));
                }
                options.set("x264-params", &parameters)?;
                c"libx264"
            }
            VideoCodec::H265 => {
                let threads = settings.threads.max(1);
                // x265 writes to standard error by itself: keep it quiet. It starts a pool for every core unless
                // told otherwise.
                let parameters = format!(
                    "keyint=-1:scenecut=0:open-gop=0:info=0:log-level=none:pools={threads}:frame-threads={}",
                    if settings.low_delay { 1 } else { threads.min(4) }
                );
                options.set("x265-params", &parameters)?;
                c"libx265"
            }
            VideoCodec::Av1 | VideoCodec::Mpeg2 => {
                return Err(Error::new("avcodec_find_encoder_by_name", ffi::AVERROR_ENCODER_NOT_FOUND));
            }
        };
        let mut encoder = Self::allocate(name)?;
        // SAFETY: the context is valid, not open yet, and nobody else has it.
        let raw = unsafe { encoder.raw.as_mut() };
        let side = |side: u32| i32::try_from(side).map_err(|_| Error::invalid("avcodec_open2"));
        let (num, den) = (settings.frame_rate.num(), settings.frame_rate.den());
        raw.flags |= STREAM_FLAGS;
        raw.width = side(settings.width)?;
        raw.height = side(settings.height)?;
        raw.framerate = ffi::AVRational { num: side(num)?, den: side(den)? };
        raw.time_base = ffi::AVRational { num: side(den)?, den: side(num)? };
        raw.sample_aspect_ratio = ffi::AVRational { num: 1, den: 1 };
        raw.pix_fmt = ffi::AVPixelFormat::YUV420P;
        raw.color_range = ffi::AVColorRange::MPEG;
        raw.colorspace = settings.colour.space;
        raw.color_primaries = settings.colour.primaries;
        raw.color_trc = settings.colour.transfer;
        raw.chroma_sample_location = ffi::AVChromaLocation::LEFT;
        raw.bit_rate = i64::from(settings.bitrate_bps);
        raw.rc_max_rate = i64::from(settings.max_bitrate_bps);
        raw.rc_buffer_size = side(settings.buffer_bits)?;
        raw.gop_size = NO_KEY_INTERVAL;
        raw.thread_count = settings.threads.clamp(1, 64) as i32;
        encoder.open(options)
    }

    /// Opens an AAC encoder.
    pub fn audio(settings: &AudioSettings) -> Result<Self, Error> {
        let mut encoder = Self::allocate(c"aac")?;
        // SAFETY: the context is valid, not open yet, and nobody else has it.
        let raw = unsafe { encoder.raw.as_mut() };
        raw.flags |= STREAM_FLAGS;
        raw.sample_rate = i32::try_from(settings.sample_rate).map_err(|_| Error::invalid("avcodec_open2"))?;
        raw.time_base = ffi::AVRational { num: 1, den: raw.sample_rate };
        raw.sample_fmt = ffi::AVSampleFormat::FLTP;
        raw.bit_rate = i64::from(settings.bitrate_bps);
        // SAFETY: the layout belongs to the context and is empty.
        unsafe { ffi::av_channel_layout_default(&mut raw.ch_layout, 2) };
        encoder.open(Options::new())
    }

    /// Opens an encoder of JPEG files, for full-range pictures of this size.
    pub(crate) fn jpeg(width: u32, height: u32) -> Result<Self, Error> {
        let mut encoder = Self::allocate(c"mjpeg")?;
        // SAFETY: the context is valid, not open yet, and nobody else has it.
        let raw = unsafe { encoder.raw.as_mut() };
        let side = |side: u32| i32::try_from(side).map_err(|_| Error::invalid("avcodec_open2"));
        raw.width = side(width)?;
        raw.height = side(height)?;
        raw.time_base = ffi::AVRational { num: 1, den: 1 };
        raw.pix_fmt = ffi::AVPixelFormat::YUVJ420P;
        raw.color_range = ffi::AVColorRange::JPEG;
        raw.thread_count = 1;
        // One quality: libjpeg's 80, about.
        (raw.qmin, raw.qmax) = (JPEG_QUANTISER, JPEG_QUANTISER);
        encoder.open(Options::new())
    }

    fn allocate(name: &std::ffi::CStr) -> Result<Self, Error> {
        let spare = Frame::empty()?;
        // SAFETY: the name ends with NUL; a null codec is refused before it is used.
        unsafe {
            let codec = ffi::avcodec_find_encoder_by_name(name.as_ptr());
            if codec.is_null() {
                return Err(Error::new("avcodec_find_encoder_by_name", ffi::AVERROR_ENCODER_NOT_FOUND));
            }
            let raw = NonNull::new(ffi::avcodec_alloc_context3(codec))
                .ok_or(Error::memory("avcodec_alloc_context3"))?;
            Ok(Self { raw, spare })
        }
    }

    fn open(mut self, mut options: Options) -> Result<Self, Error> {
        // SAFETY: the context was allocated for its codec and is not open yet.
        let code = unsafe {
            let raw = self.raw.as_mut();
            ffi::avcodec_open2(raw, raw.codec, options.as_mut_ptr())
        };
        check("avcodec_open2", code)?;
        // An option that nobody took would be a promise silently broken.
        if options.left() > 0 {
            return Err(Error::new("avcodec_open2", ffi::AVERROR_OPTION_NOT_FOUND));
        }
        Ok(self)
    }

    /// Sends one picture that is shown at frame `pts`. Take every packet with [`Self::receive`] before the next call.
    pub fn send_picture(&mut self, frame: &Frame, pts: i64, picture: Picture) -> Result<(), Error> {
        self.spare.clear();
        // SAFETY: the spare frame is empty and ours, the source valid; only counts rise.
        let code = unsafe { ffi::av_frame_ref(self.spare.as_mut_ptr(), frame.as_ptr()) };
        check("av_frame_ref", code)?;
        self.spare.set_pts(pts);
        if picture == Picture::Repeat {
            // SAFETY: the spare frame is ours; absent side data is no error.
            unsafe {
                ffi::av_frame_remove_side_data(self.spare.as_mut_ptr(), ffi::AVFrameSideDataType::A53_CC);
            }
        }
        let raw = self.spare.raw_mut();
        raw.pict_type = match picture {
            Picture::Key => ffi::AVPictureType::I,
            Picture::Predicted => ffi::AVPictureType::P,
            Picture::Any | Picture::Repeat => ffi::AVPictureType::NONE,
        };
        self.send_spare()
    }

    /// Sends one block of stereo sound whose first sample is heard at sample `pts`. Every block but the last has
    /// [`Self::block_samples`] samples.
    pub fn send_sound(&mut self, left: &[f32], right: &[f32], pts: i64) -> Result<(), Error> {
        if left.len() != right.len() || left.is_empty() || left.len() > self.block_samples() {
            return Err(Error::invalid("avcodec_send_frame"));
        }
        self.spare.clear();
        let (rate, samples) = (self.context().sample_rate, left.len());
        let raw = self.spare.raw_mut();
        raw.format = ffi::AVSampleFormat::FLTP.0;
        raw.sample_rate = rate;
        raw.nb_samples = samples as i32;
        // SAFETY: the layout is the spare frame's own and empty; the buffers made for this format, rate and number
        // of samples hold one float plane a channel, so both copies stay inside.
        unsafe {
            ffi::av_channel_layout_default(&mut raw.ch_layout, 2);
            check("av_frame_get_buffer", ffi::av_frame_get_buffer(raw, 0))?;
            std::ptr::copy_nonoverlapping(left.as_ptr(), raw.data[0].cast(), samples);
            std::ptr::copy_nonoverlapping(right.as_ptr(), raw.data[1].cast(), samples);
        }
        self.spare.set_pts(pts);
        self.send_spare()
    }

    fn send_spare(&mut self) -> Result<(), Error> {
        // SAFETY: context and frame are valid; `&mut self` keeps other threads out.
        let code = unsafe { ffi::avcodec_send_frame(self.raw.as_ptr(), self.spare.as_ptr()) };
        self.spare.clear();
        check("avcodec_send_frame", code).map(drop)
    }

    /// Says that no more comes; [`Self::receive`] then gives the packets held back.
    pub fn finish(&mut self) {
        // SAFETY: a null frame begins the drain; an already drained encoder answers with an error that changes
        // nothing.
        unsafe { ffi::avcodec_send_frame(self.raw.as_ptr(), std::ptr::null()) };
    }

    /// The next packet in decode order, times in frames (video) or samples (sound); `None` until more is sent, or at
    /// the end.
    pub fn receive(&mut self) -> Result<Option<Packet>, Error> {
        let packet = Packet::empty()?;
        // SAFETY: context and packet are valid; `&mut self` keeps other threads out.
        let code = unsafe { ffi::avcodec_receive_packet(self.raw.as_ptr(), packet.as_ptr()) };
        if code == ffi::AVERROR(EAGAIN) || code == ffi::AVERROR_EOF {
            return Ok(None);
        }
        check("avcodec_receive_packet", code)?;
        Ok(Some(packet))
    }

    const fn context(&self) -> &ffi::AVCodecContext {
        // SAFETY: the pointer is valid for as long as self.
        unsafe { self.raw.as_ref() }
    }

    /// The codec's headers: parameter sets in Annex B form (video), AudioSpecificConfig (AAC).
    pub fn headers(&self) -> &[u8] {
        let raw = self.context();
        if raw.extradata.is_null() || raw.extradata_size <= 0 {
            return &[];
        }
        // SAFETY: FFmpeg keeps `extradata_size` bytes there while the context lives.
        unsafe { std::slice::from_raw_parts(raw.extradata, raw.extradata_size as usize) }
    }

    /// Frames by which decode times run ahead of presentation: the constant shift that reordering asks for.
    pub const fn reorder_frames(&self) -> u32 {
        self.context().has_b_frames as u32
    }

    /// Samples in a block of sound.
    pub const fn block_samples(&self) -> usize {
        self.context().frame_size as usize
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        let mut raw = self.raw.as_ptr();
        // SAFETY: the context is ours and is not used again.
        unsafe { ffi::avcodec_free_context(&mut raw) };
    }
}

/// The version of libavcodec that is loaded, such as `59.37.100`, for the log.
pub fn version() -> String {
    // SAFETY: no precondition.
    let version = unsafe { ffi::avcodec_version() };
    format!("{}.{}.{}", version >> 16, version >> 8 & 0xFF, version & 0xFF)
}

/// Whether an encoder of this name is built in.
pub fn has_encoder(name: &str) -> bool {
    let Ok(name) = CString::new(name) else { return false };
    // SAFETY: the name ends with NUL.
    unsafe { !ffi::avcodec_find_encoder_by_name(name.as_ptr()).is_null() }
}
