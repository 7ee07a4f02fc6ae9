//! Every size a picture is needed in, scaled once each.

use std::sync::{Mutex, OnceLock};

use ffmpeg::{Colour, Error, Frame, Scaler};
use spec::Rung;

use super::fit::{fit, same_shape};

/// The sizes of a ladder. A smaller size is scaled from the next larger one of its shape: less to read than the
/// source, and what was scaled already is not scaled again.
#[derive(Debug)]
pub(crate) struct Pyramid {
    /// Largest first.
    levels: Vec<Level>,
}

#[derive(Debug)]
struct Level {
    width: u32,
    height: u32,
    /// The level it is scaled from, unless the source itself is smaller than that.
    parent: Option<usize>,
    scaler: Mutex<Scaler>,
}

/// A source picture and its scaled versions, made by the first rung that asks.
#[derive(Debug)]
pub(crate) struct Picture {
    source: Frame,
    /// What its scaled versions' numbers mean.
    colour: Colour,
    scaled: Box<[OnceLock<Result<Frame, Error>>]>,
}

impl Picture {
    /// As the source sent it.
    pub(crate) const fn source(&self) -> &Frame {
        &self.source
    }
}

impl Pyramid {
    /// The pyramid of `rungs`, and the level of each of them.
    pub(crate) fn new(rungs: &[Rung]) -> Result<(Self, Vec<usize>), Error> {
        let mut sizes: Vec<_> = rungs.iter().map(|rung| (rung.width, rung.height)).collect();
        sizes.sort_by_key(|(width, height)| std::cmp::Reverse((width * height, *width)));
        sizes.dedup();
        let mut levels: Vec<Level> = Vec::with_capacity(sizes.len());
        for &(width, height) in &sizes {
            let parent = levels.iter().rposition(|level| {
                level.width > width
                    && level.height > height
                    && same_shape((level.width, level.height), (width, height))
            });
            levels.push(Level { width, height, parent, scaler: Mutex::new(Scaler::new(width, height)?) });
        }
        let level_of = |rung: &Rung| {
            let size = (rung.width, rung.height);
            sizes.iter().position(|known| *known == size).expect("sizes come from the rungs")
        };
        let of_rungs = rungs.iter().map(level_of).collect();
        Ok((Self { levels }, of_rungs))
    }

    /// A picture nobody has scaled yet, for a stream of `colour`.
    pub(crate) fn picture(&self, source: Frame, colour: Colour) -> Picture {
        Picture { source, colour, scaled: self.levels.iter().map(|_| OnceLock::new()).collect() }
    }

    /// `picture` in the size of `level`. Rungs that ask at once wait for the one that scales.
    pub(crate) fn frame<'a>(&self, picture: &'a Picture, level: usize) -> Result<&'a Frame, Error> {
        picture.scaled[level].get_or_init(|| self.scale(picture, level)).as_ref().map_err(|fault| *fault)
    }

    fn scale(&self, picture: &Picture, number: usize) -> Result<Frame, Error> {
        let level = &self.levels[number];
        let source = &picture.source;
        let larger = |parent: &usize| {
            let parent = &self.levels[*parent];
            source.width() >= parent.width && source.height() >= parent.height
        };
        let from = match level.parent.filter(larger) {
            Some(parent) => self.frame(picture, parent)?,
            None => source,
        };
        let size = (from.width(), from.height());
        let fits = size == (level.width, level.height) && from.is_plain();
        if fits && from.colour().same_matrix(picture.colour) {
            return from.reference();
        }
        let placement = fit(size, from.sample_aspect(), level.width, level.height);
        level.scaler.lock().expect("scaling does not panic").scale(from, placement, picture.colour)
    }
}
