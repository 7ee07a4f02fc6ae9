//! A container read through a Rust reader.

use std::ffi::{c_char, c_int, c_void};
use std::io::{Read, Seek, SeekFrom};
use std::ptr::{self, NonNull};

use ffmpeg_sys_the_third as ffi;
use media::Rational;

use crate::decoder::Parameters;
use crate::error::{Error, check};
use crate::options::Options;
use crate::packet::{Packet, known};

/// What a [`Demuxer`] reads from.
pub trait ReadSeek: Read + Seek + Send {}

impl<T: Read + Seek + Send> ReadSeek for T {}

/// What a stream carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamKind {
    /// Pictures.
    Video,
    /// Sound.
    Audio,
}

/// One stream of a container that carries pictures or sound.
#[derive(Debug)]
pub struct StreamInfo {
    /// Its number, as packets name it.
    pub index: usize,
    /// What it carries.
    pub kind: StreamKind,
    /// Seconds of one tick of its packets' times.
    pub time_base: Rational,
    /// Frames per second where the container says or implies it.
    pub frame_rate: Option<Rational>,
    /// Samples per second; zero for pictures.
    pub sample_rate: u32,
    /// What a decoder must know.
    pub parameters: Parameters,
}

/// Containers that hold their media themselves. Playlists, scripts and image sequences, which would have FFmpeg open
/// further files, are not among them.
const CONTAINERS: &str = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,mpegts,flv,live_flv,avi,mpeg,mpegvideo,mxf,\
                          ogg,wav,mp3,aac,flac,h264,hevc,obu,ivf,nut,yuv4mpegpipe,asf";

/// Bytes FFmpeg reads at a time.
const BUFFER: usize = 64 << 10;

/// Reads packets of a container.
pub struct Demuxer {
    raw: NonNull<ffi::AVFormatContext>,
    /// Ours, not the format context's: freed after it.
    io: InputOutput,
}

// SAFETY: contexts and reader (Send by its trait) are owned by this value alone, with no thread-bound state.
unsafe impl Send for Demuxer {}

impl Demuxer {
    /// Finds the container and its streams. Nothing but `reader` is opened, whatever the container asks for.
    pub fn open(reader: Box<dyn ReadSeek>) -> Result<Self, Error> {
        let io = InputOutput::new(reader)?;
        let mut options = Options::new();
        options.set("format_whitelist", CONTAINERS)?;
        options.set("protocol_whitelist", "none")?;
        // SAFETY: no precondition; null means no memory.
        let mut raw = unsafe { ffi::avformat_alloc_context() };
        if raw.is_null() {
            return Err(Error::memory("avformat_alloc_context"));
        }
        // SAFETY: the context is fresh and ours; the reader's context outlives it, as fields drop in order after
        // Drop closed the input. On failure avformat_open_input frees the context itself (but not our reader).
        let raw = unsafe {
            (*raw).pb = io.raw.as_ptr();
            (*raw).flags |= ffi::AVFMT_FLAG_CUSTOM_IO as c_int;
            (*raw).io_open = Some(refuse_to_open);
            let code = ffi::avformat_open_input(&mut raw, ptr::null(), ptr::null(), options.as_mut_ptr());
            check("avformat_open_input", code)?;
            NonNull::new(raw).ok_or(Error::memory("avformat_open_input"))?
        };
        let demuxer = Self { raw, io };
        // SAFETY: the input is open.
        let code = unsafe { ffi::avformat_find_stream_info(raw.as_ptr(), ptr::null_mut()) };
        check("avformat_find_stream_info", code)?;
        Ok(demuxer)
    }

    /// The streams that carry pictures (cover art not) or sound.
    pub fn streams(&self) -> Result<Vec<StreamInfo>, Error> {
        let mut streams = Vec::new();
        // SAFETY: an open input keeps `nb_streams` valid stream pointers, each with parameters; they are only read.
        unsafe {
            let raw = self.raw.as_ref();
            for index in 0..raw.nb_streams as usize {
                let stream = *raw.streams.add(index);
                let parameters = &*(*stream).codecpar;
                let kind = match parameters.codec_type {
                    ffi::AVMediaType::VIDEO => StreamKind::Video,
                    ffi::AVMediaType::AUDIO => StreamKind::Audio,
                    _ => continue,
                };
                if (*stream).disposition & ffi::AV_DISPOSITION_ATTACHED_PIC as c_int != 0 {
                    continue;
                }
                let Some(time_base) = rational((*stream).time_base) else { continue };
                let frame_rate =
                    rational(ffi::av_guess_frame_rate(self.raw.as_ptr(), stream, ptr::null_mut()));
                streams.push(StreamInfo {
                    index,
                    kind,
                    time_base,
                    frame_rate,
                    sample_rate: u32::try_from(parameters.sample_rate).unwrap_or(0),
                    parameters: Parameters::copy_of(parameters)?,
                });
            }
        }
        Ok(streams)
    }

    /// The container's length in microseconds, where it says so.
    pub fn duration_us(&self) -> Option<i64> {
        // SAFETY: the input is open; the field is only read.
        known(unsafe { self.raw.as_ref().duration }).filter(|duration| *duration > 0)
    }

    /// The next packet in file order; `None` at the end.
    pub fn read(&mut self) -> Result<Option<Packet>, Error> {
        let packet = Packet::empty()?;
        // SAFETY: the input is open, the packet ours; `&mut self` keeps other threads out.
        let code = unsafe { ffi::av_read_frame(self.raw.as_ptr(), packet.as_ptr()) };
        if code == ffi::AVERROR_EOF {
            return Ok(None);
        }
        check("av_read_frame", code)?;
        Ok(Some(packet))
    }
}

impl Drop for Demuxer {
    fn drop(&mut self) {
        let mut raw = self.raw.as_ptr();
        // SAFETY: the input is ours and open; with AVFMT_FLAG_CUSTOM_IO the reader's context is left to `io`, which
        // drops after this.
        unsafe { ffi::avformat_close_input(&mut raw) };
        let _ = &self.io;
    }
}

impl std::fmt::Debug for Demuxer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Demuxer").finish_non_exhaustive()
    }
}

/// FFmpeg's reading context and the reader behind it.
struct InputOutput {
    raw: NonNull<ffi::AVIOContext>,
    /// From `Box::into_raw`; given back in Drop.
    reader: *mut Box<dyn ReadSeek>,
}

impl InputOutput {
    fn new(reader: Box<dyn ReadSeek>) -> Result<Self, Error> {
        let reader = Box::into_raw(Box::new(reader));
        // SAFETY: the buffer comes from av_malloc as the context asks; the callbacks get `reader`, which lives until
        // Drop. Whatever fails gives back what was made.
        unsafe {
            let buffer: *mut u8 = ffi::av_malloc(BUFFER).cast();
            let raw = if buffer.is_null() {
                ptr::null_mut()
            } else {
                ffi::avio_alloc_context(
                    buffer,
                    BUFFER as c_int,
                    0,
                    reader.cast(),
                    Some(read),
                    None,
                    Some(seek),
                )
            };
            match NonNull::new(raw) {
                Some(raw) => Ok(Self { raw, reader }),
                None => {
                    ffi::av_free(buffer.cast());
                    drop(Box::from_raw(reader));
                    Err(Error::memory("avio_alloc_context"))
                }
            }
        }
    }
}

impl Drop for InputOutput {
    fn drop(&mut self) {
        let mut raw = self.raw.as_ptr();
        // SAFETY: the format context that used both is closed. FFmpeg may have replaced the buffer, so the context's
        // own pointer is freed; then the context, then the reader.
        unsafe {
            ffi::av_freep((&raw mut (*raw).buffer).cast());
            ffi::avio_context_free(&mut raw);
            drop(Box::from_raw(self.reader));
        }
    }
}

const EIO: c_int = 5;
const EACCES: c_int = 13;

unsafe extern "C" fn read(opaque: *mut c_void, buffer: *mut u8, length: c_int) -> c_int {
    // SAFETY: `opaque` is the reader given to avio_alloc_context, used by one thread at a time; FFmpeg offers
    // `length` writable bytes.
    let (reader, buffer) = unsafe {
        let reader = &mut *opaque.cast::<Box<dyn ReadSeek>>();
        (reader, std::slice::from_raw_parts_mut(buffer, usize::try_from(length).unwrap_or(0)))
    };
    loop {
        match reader.read(buffer) {
            Ok(0) => return ffi::AVERROR_EOF,
            Ok(bytes) => return c_int::try_from(bytes.min(buffer.len())).unwrap_or(length),
            Err(fault) if fault.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => return ffi::AVERROR(EIO),
        }
    }
}

unsafe extern "C" fn seek(opaque: *mut c_void, offset: i64, whence: c_int) -> i64 {
    // SAFETY: as in `read`.
    let reader = unsafe { &mut *opaque.cast::<Box<dyn ReadSeek>>() };
    let refused = i64::from(ffi::AVERROR(EIO));
    let position = |result: std::io::Result<u64>| {
        result.ok().and_then(|position| i64::try_from(position).ok()).unwrap_or(refused)
    };
    // FFmpeg may add AVSEEK_FORCE.
    match whence & 0xFFFF & !(ffi::AVSEEK_SIZE as c_int) {
        _ if whence & ffi::AVSEEK_SIZE as c_int != 0 => {
            let Ok(here) = reader.stream_position() else { return refused };
            let size = reader.seek(SeekFrom::End(0));
            if reader.seek(SeekFrom::Start(here)).is_err() {
                return refused;
            }
            position(size)
        }
        0 => match u64::try_from(offset) {
            Ok(offset) => position(reader.seek(SeekFrom::Start(offset))),
            Err(_) => refused,
        },
        1 => position(reader.seek(SeekFrom::Current(offset))),
        2 => position(reader.seek(SeekFrom::End(offset))),
        _ => refused,
    }
}

/// Whatever a container asks to have opened is refused.
unsafe extern "C" fn refuse_to_open(
    _context: *mut ffi::AVFormatContext,
    _io: *mut *mut ffi::AVIOContext,
    _url: *const c_char,
    _flags: c_int,
    _options: *mut *mut ffi::AVDictionary,
) -> c_int {
    ffi::AVERROR(EACCES)
}

fn rational(ratio: ffi::AVRational) -> Option<Rational> {
    Rational::new(u32::try_from(ratio.num).ok()?, u32::try_from(ratio.den).ok()?)
}
