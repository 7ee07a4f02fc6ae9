//! What the pictures of a switch show, frame by frame.
//!
//! Each input sends one colour ([`Side::cb`]) whose brightness rises with each frame, so a frame tells whose it is and whether it
//! is a new one.

use std::path::Path;

use e2e::ffmpeg;

use crate::publisher::Side;

/// Mean Y, Cb and Cr of a picture.
pub type Mean = [u8; 3];

/// Frames of output a second.
pub const FRAMES_PER_S: u64 = 30;
/// Cb this far from an input's own is not its picture.
const SAME_COLOUR: u8 = 30;
/// Luma this near the last one's is the same picture again: from one picture to the next it rises by 5.
const SAME_PICTURE: u8 = 2;

/// How the output went from one input to the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Switch {
    /// Frames that showed the old input's last picture again.
    pub held: u64,
    /// Frames that showed neither: black or slate.
    pub strange: u64,
}

impl Switch {
    /// For how long no input's moving picture was shown, in milliseconds.
    pub const fn milliseconds(self) -> u64 {
        (self.held + self.strange) * 1_000 / FRAMES_PER_S
    }
}

/// Decodes a file to the mean of each picture.
pub fn means(folder: &Path, file: &[u8]) -> Vec<Mean> {
    let path = folder.join("switch.mp4");
    std::fs::write(&path, file).expect("room on the disk");
    let path = path.to_str().expect("a path that is text");
    let filter = "scale=1:1:flags=area,format=yuv444p";
    let decode = ["-v", "error", "-i", path, "-map", "0:v", "-vf", filter, "-fps_mode", "passthrough"];
    let (pixels, _) = ffmpeg("ffmpeg", &[&decode[..], &["-f", "rawvideo", "-"]].concat());
    pixels.chunks_exact(3).map(|mean| mean.try_into().expect("three bytes")).collect()
}

fn is(mean: &Mean, side: Side) -> bool {
    mean[1].abs_diff(side.cb()) <= SAME_COLOUR
}

/// Whether a picture is of neither input: black or slate.
pub fn is_neither(mean: &Mean) -> bool {
    !is(mean, Side::Primary) && !is(mean, Side::Backup)
}

/// The last switch to `to` among these pictures; `None` where there is none.
pub fn switch(means: &[Mean], to: Side) -> Option<Switch> {
    let last_of_old = means.iter().rposition(|mean| is(mean, to.other()))?;
    let strange = means[last_of_old + 1..].iter().position(|mean| is(mean, to))?;
    let old = &means[..=last_of_old];
    let held = old
        .windows(2)
        .rev()
        .take_while(|pair| is(&pair[0], to.other()) && pair[0][0].abs_diff(pair[1][0]) <= SAME_PICTURE)
        .count();
    Some(Switch { held: held as u64, strange: strange as u64 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(side: Side, lumas: std::ops::Range<u8>) -> Vec<Mean> {
        lumas.map(|luma| [luma * 5, side.cb(), 100]).collect()
    }

    #[test]
    fn a_switch_without_a_seam_takes_no_time() {
        let means = [run(Side::Primary, 10..30), run(Side::Backup, 17..30)].concat();
        assert_eq!(switch(&means, Side::Backup), Some(Switch { held: 0, strange: 0 }));
    }

    #[test]
    fn held_and_strange_frames_are_counted() {
        let held = vec![[29 * 5, Side::Primary.cb(), 100]; 6];
        let slate = vec![[16, 128, 128]; 9];
        let means = [run(Side::Primary, 10..30), held, slate, run(Side::Backup, 17..30)].concat();
        let found = switch(&means, Side::Backup).expect("there is one");
        assert_eq!((found, found.milliseconds()), (Switch { held: 6, strange: 9 }, 500));
    }

    #[test]
    fn no_switch_is_none() {
        assert_eq!(switch(&run(Side::Primary, 10..30), Side::Backup), None);
        assert_eq!(switch(&run(Side::Backup, 10..30), Side::Backup), None);
    }
}
