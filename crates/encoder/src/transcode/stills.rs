//! The pictures that stand in for a source: black and the slate.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use ffmpeg::{Colour, Error, Frame};
use spec::Slate;

use super::fill::Shown;
use super::pyramid::{Picture, Pyramid};
use crate::door::Door;
use crate::source::pattern::font::{self, COLUMNS, ROWS};

/// Longest slate file, in bytes.
const MAX_FILE_BYTES: u64 = 16 << 20;
/// The default slate's ground and letters, as red, green, blue.
const GROUND: [u8; 3] = [0x14, 0x18, 0x20];
const LETTERS: u8 = 170;
/// The name fills this share of the width at most, and is no higher than this share of the height.
const NAME_WIDTH: usize = 2;
const NAME_HEIGHT: usize = 10;

/// Black and slate, before anybody has scaled them.
#[derive(Debug)]
pub(crate) struct Stills {
    black: Frame,
    slate: Frame,
}

/// The same as pictures of a run, each scaled once.
#[derive(Clone, Debug)]
pub(crate) struct StillPictures {
    black: Arc<Picture>,
    slate: Arc<Picture>,
}

impl Stills {
    /// Makes both in `size`. A slate file that cannot be used is told in the log, and the channel's `name` shown.
    pub(crate) fn new(slate: &Slate, name: &str, size: (u32, u32), door: &Door) -> Result<Self, Error> {
        let slate = match slate {
            Slate::Name => named(name, size)?,
            Slate::Colour(rgb) => plain(*rgb, size)?,
            Slate::File(path) => match read(door, path) {
                Ok(frame) => frame,
                Err(fault) => {
                    tracing::error!("slate `{}`: {fault}; showing the channel's name", path.display());
                    named(name, size)?
                }
            },
        };
        Ok(Self { black: plain([0; 3], size)?, slate })
    }

    /// The slate, as it was before anybody has scaled it.
    pub(crate) fn slate(&self) -> Result<Frame, Error> {
        self.slate.reference()
    }

    /// As pictures of `colour`.
    pub(crate) fn pictures(&self, pyramid: &Pyramid, colour: Colour) -> Result<StillPictures, Error> {
        let picture = |frame: &Frame| Ok(Arc::new(pyramid.picture(frame.reference()?, colour)));
        Ok(StillPictures { black: picture(&self.black)?, slate: picture(&self.slate)? })
    }
}

impl StillPictures {
    /// The picture for `shown`; `last` is the source's last, where there was one.
    pub(crate) const fn of<'a>(&'a self, shown: Shown, last: Option<&'a Arc<Picture>>) -> &'a Arc<Picture> {
        match (shown, last) {
            (Shown::Repeat, Some(last)) => last,
            (Shown::Black, _) => &self.black,
            (Shown::Repeat | Shown::Slate, _) => &self.slate,
        }
    }
}

/// Why a slate file cannot be shown.
#[derive(Debug, thiserror::Error)]
enum SlateError {
    #[error("{0}")]
    Read(#[from] std::io::Error),
    #[error("larger than {MAX_FILE_BYTES} bytes")]
    Size,
    #[error("no PNG, JPEG or WebP picture of at most 8192 x 8192: {0}")]
    Decode(#[from] Error),
}

fn read(door: &Door, path: &Path) -> Result<Frame, SlateError> {
    let mut file = Vec::new();
    door.file(path)?.take(MAX_FILE_BYTES + 1).read_to_end(&mut file)?;
    if file.len() as u64 > MAX_FILE_BYTES {
        return Err(SlateError::Size);
    }
    Ok(Frame::still(&file)?)
}

fn plain(rgb: [u8; 3], (width, height): (u32, u32)) -> Result<Frame, Error> {
    let mut frame = Frame::picture(width, height)?;
    frame.set_colour(Colour::BT709);
    for (plane, value) in bt709(rgb).into_iter().enumerate() {
        frame.plane_mut(plane)?.0.fill(value);
    }
    Ok(frame)
}

/// Red, green, blue as limited-range BT.709 (ITU-R BT.709-6 §3).
fn bt709(rgb: [u8; 3]) -> [u8; 3] {
    let [red, green, blue] = rgb.map(|value| f64::from(value) / 255.0);
    let luma = 0.212_6 * red + 0.715_2 * green + 0.072_2 * blue;
    let coded = |value: f64, range: f64, zero: f64| (value * range + zero).round() as u8;
    [
        coded(luma, 219.0, 16.0),
        coded((blue - luma) / 1.855_6, 224.0, 128.0),
        coded((red - luma) / 1.574_8, 224.0, 128.0),
    ]
}

/// The channel's name in the middle of a dark ground.
fn named(name: &str, size: (u32, u32)) -> Result<Frame, Error> {
    let mut frame = plain(GROUND, size)?;
    let (width, height) = (size.0 as usize, size.1 as usize);
    let columns = name.chars().count() * COLUMNS;
    let dot = (width / NAME_WIDTH / columns.max(1)).min(height / NAME_HEIGHT / ROWS).max(1);
    let (luma, stride) = frame.plane_mut(0)?;
    let left = width.saturating_sub(columns * dot) / 2;
    let top = height.saturating_sub(ROWS * dot) / 2;
    for row in 0..ROWS * dot {
        for x in 0..(columns * dot).min(width - left) {
            let (place, column) = (x / dot / COLUMNS, x / dot % COLUMNS);
            if name.chars().nth(place).is_some_and(|letter| font::dot(letter, column, row / dot)) {
                luma[(top + row) * stride + left + x] = LETTERS;
            }
        }
    }
    Ok(frame)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_coded_as_bt_709_says() {
        assert_eq!(bt709([0; 3]), [16, 128, 128]);
        assert_eq!(bt709([255; 3]), [235, 128, 128]);
        assert_eq!(bt709([191, 0, 0]), [51, 109, 212]);
    }

    #[test]
    fn the_name_stands_in_the_middle_however_long_it_is() {
        for (name, size) in [("main", (1_280, 720)), ("a-very-long-channel-name-of-its-owner", (64, 64))] {
            let frame = named(name, size).expect("memory");
            let (luma, stride) = frame.plane(0);
            let bright: Vec<usize> = (0..luma.len()).filter(|at| luma[*at] == LETTERS).collect();
            assert!(!bright.is_empty(), "{name}");
            let rows = [bright[0] / stride, bright[bright.len() - 1] / stride];
            assert!(
                (rows[0] + rows[1]).abs_diff(size.1 as usize) <= size.1 as usize / 10,
                "{name}: {rows:?}"
            );
        }
    }

    #[test]
    fn a_slate_that_cannot_be_read_becomes_the_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("slate.png");
        let slate =
            || Stills::new(&Slate::File(path.clone()), "a", (64, 64), &Door::Itself).expect("memory").slate;
        let name = named("a", (64, 64)).expect("memory");
        assert_eq!(slate().plane(0).0, name.plane(0).0);
        std::fs::write(&path, b"no picture").expect("room");
        assert_eq!(slate().plane(0).0, name.plane(0).0);
    }
}
