//! Says which of FFmpeg's two ways of marking interlaced frames the installed headers have.

fn main() {
    println!("cargo::rustc-check-cfg=cfg(frame_flags)");
    // FFmpeg 6.1 moved `interlaced_frame` into `flags`, and 8 removed the old field.
    if std::env::var_os("DEP_FFMPEG_FFMPEG_6_1").is_some() {
        println!("cargo::rustc-cfg=frame_flags");
    }
}
