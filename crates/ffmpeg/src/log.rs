//! FFmpeg's own log lines, handed to a callback instead of standard error.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use ffmpeg_sys_the_third as ffi;

/// How grave FFmpeg finds a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// Something was lost.
    Error,
    /// Something is odd.
    Warning,
}

/// Lines a second that are passed on: a damaged source makes FFmpeg write thousands.
const LINES_PER_SECOND: u64 = 10;
/// Longest line passed on, in bytes; the rest of it is cut off.
const LINE_BYTES: usize = 512;

static SINK: OnceLock<fn(LogLevel, &str)> = OnceLock::new();
static STARTED: OnceLock<Instant> = OnceLock::new();
/// The current second in the upper half, lines passed in it in the lower.
static WINDOW: AtomicU64 = AtomicU64::new(0);

/// Sends FFmpeg's warnings and errors to `sink`, at most ten lines a second; everything else is dropped. Only the
/// first call in a process counts. `sink` is called from FFmpeg's threads and must not panic.
pub fn log_to(sink: fn(LogLevel, &str)) {
    let _ = SINK.set(sink);
    STARTED.get_or_init(Instant::now);
    // SAFETY: `callback` has the signature FFmpeg asks for and lives as long as the process.
    unsafe {
        ffi::av_log_set_level(ffi::AV_LOG_WARNING as c_int);
        ffi::av_log_set_callback(Some(callback));
    }
}

#[cfg(any(target_arch = "x86_64", not(target_os = "linux")))]
type VaList = *mut ffi::__va_list_tag;
#[cfg(all(target_os = "linux", not(target_arch = "x86_64")))]
type VaList = ffi::va_list;

unsafe extern "C" fn callback(context: *mut c_void, level: c_int, format: *const c_char, arguments: VaList) {
    if level > ffi::AV_LOG_WARNING as c_int || !admit() {
        return;
    }
    let Some(sink) = SINK.get() else { return };
    let mut line = [0 as c_char; LINE_BYTES];
    let mut print_prefix: c_int = 1;
    // SAFETY: FFmpeg calls back with a context, format and arguments that belong together; the buffer is ours and
    // its length is told, and av_log_format_line2 ends it with NUL.
    let line = unsafe {
        let length = line.len() as c_int;
        ffi::av_log_format_line2(
            context,
            level,
            format,
            arguments,
            line.as_mut_ptr(),
            length,
            &mut print_prefix,
        );
        CStr::from_ptr(line.as_ptr())
    };
    let grave = if level <= ffi::AV_LOG_ERROR as c_int { LogLevel::Error } else { LogLevel::Warning };
    sink(grave, line.to_string_lossy().trim_end());
}

/// Whether one more line fits this second.
fn admit() -> bool {
    let second = STARTED.get().map_or(0, |started| started.elapsed().as_secs()) & 0xFFFF_FFFF;
    WINDOW
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |window| {
            let (then, lines) = (window >> 32, window & 0xFFFF_FFFF);
            match then == second {
                true if lines >= LINES_PER_SECOND => None,
                true => Some(window + 1),
                false => Some(second << 32 | 1),
            }
        })
        .is_ok()
}
