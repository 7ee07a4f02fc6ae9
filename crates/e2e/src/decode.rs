//! What ffmpeg sees and hears.

use crate::peer::ffmpeg;

/// The part of the test pattern that flashes.
const FLASH_CROP: &str = "crop=iw/16:ih/8:iw*27/32:ih*3/16";

/// A flash and a beep: when each begins, in seconds on the stream's own line.
#[derive(Debug, Clone, PartialEq)]
pub struct FlashesAndBeeps {
    /// Starts of white flashes.
    pub flashes: Vec<f64>,
    /// Starts of beeps.
    pub beeps: Vec<f64>,
}

/// Decodes an fMP4 file made of one video and one audio track and finds the flashes of the test pattern (brightest
/// pixel row sum jumps) and its beeps (sound after silence). Times keep the files' own timestamps.
pub fn flashes_and_beeps(video: &str, audio: &str) -> FlashesAndBeeps {
    let filter = format!("{FLASH_CROP},scale=1:1:flags=area,format=gray");
    let (pixels, _) = ffmpeg(
        "ffmpeg",
        &["-v", "error", "-i", video, "-vf", &filter, "-f", "rawvideo", "-fps_mode", "passthrough", "-"],
    );
    let (times, _) = ffmpeg(
        "ffprobe",
        &["-v", "error", "-select_streams", "v", "-show_entries", "frame=pts_time", "-of", "csv=p=0", video],
    );
    let times: Vec<f64> = String::from_utf8_lossy(&times)
        .lines()
        .filter_map(|line| line.trim_end_matches(',').parse().ok())
        .collect();
    assert_eq!(times.len(), pixels.len(), "one time a frame");
    let bright = |value: u8| value > 180;
    let flashes = (1..pixels.len())
        .filter(|&index| bright(pixels[index]) && !bright(pixels[index - 1]))
        .map(|index| times[index])
        .collect();

    let rate = 48_000.0;
    let (pcm, _) =
        ffmpeg("ffmpeg", &["-v", "error", "-i", audio, "-ac", "1", "-ar", "48000", "-f", "s16le", "-"]);
    let (start, _) = ffmpeg(
        "ffprobe",
        &[
            "-v",
            "error",
            "-select_streams",
            "a",
            "-show_entries",
            "frame=pts_time",
            "-read_intervals",
            "%+#1",
            "-of",
            "csv=p=0",
            audio,
        ],
    );
    let start: f64 = String::from_utf8_lossy(&start)
        .lines()
        .find_map(|line| line.trim_end_matches(',').parse().ok())
        .expect("the first sound's time");
    let samples: Vec<i16> = pcm.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
    let mut beeps = Vec::new();
    let mut quiet_since = 0_usize;
    for (index, sample) in samples.iter().enumerate() {
        if sample.unsigned_abs() > 2_000 {
            // A beep lasts 100 ms: 300 ms of quiet before it tells its start from its middle.
            if index - quiet_since > 14_400 {
                beeps.push(start + index as f64 / rate);
            }
            quiet_since = index;
        }
    }
    FlashesAndBeeps { flashes, beeps }
}
