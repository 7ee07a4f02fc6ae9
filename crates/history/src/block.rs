//! One file of the past.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::catalogue::SeriesId;
use crate::codec::{HEADER_BYTES, Kind, Series, header};
use crate::files::{self, FOOTER_BYTES, Steps};

/// A block that is open: where each series lies is in memory, the values are on disk.
#[derive(Debug)]
pub(crate) struct Block {
    file: File,
    path: PathBuf,
    /// By series: offset and length in the file.
    places: Vec<(SeriesId, u32, u32)>,
    pub(crate) first_step: i64,
    pub(crate) last_step: i64,
    pub(crate) bytes: u64,
}

impl Block {
    /// Opens a file. `enter` is told of each series and its last step, and gives its number. `None` where the file is damaged.
    pub(crate) fn open(
        path: &Path,
        step_s: i64,
        mut enter: impl FnMut(&Series, i64) -> SeriesId,
    ) -> io::Result<Option<Block>> {
        let file = File::open(path)?;
        let bytes = file.metadata()?.len();
        let Some(list) = read_list(&file, bytes, step_s)? else { return Ok(None) };
        let mut places: Vec<_> = list
            .iter()
            .map(|place| (enter(&place.series, place.last_step), place.offset, place.length))
            .collect();
        places.sort_unstable();
        Ok(Some(Block {
            file,
            path: path.to_owned(),
            places,
            first_step: list.iter().map(|place| place.first_step).min().unwrap_or(0),
            last_step: list.iter().map(|place| place.last_step).max().unwrap_or(i64::MIN),
            bytes,
        }))
    }

    /// Writes a file that is there whole or not at all, and on disk when this returns.
    pub(crate) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
        let unfinished = path.with_extension("new");
        let mut file = File::create(&unfinished)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&unfinished, path)?;
        sync_folder(path)
    }

    /// The values of a series; `None` where they are damaged.
    pub(crate) fn steps(&self, series: SeriesId) -> io::Result<Option<Steps>> {
        let Ok(at) = self.places.binary_search_by_key(&series, |place| place.0) else {
            return Ok(Some(Vec::new()));
        };
        let (_, offset, length) = self.places[at];
        let mut chunk = vec![0; length as usize];
        self.file.read_exact_at(&mut chunk, u64::from(offset))?;
        Ok(files::read_chunk(&chunk))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

fn read_list(file: &File, bytes: u64, step_s: i64) -> io::Result<Option<Vec<files::Place>>> {
    let Some(footer_at) = bytes.checked_sub(FOOTER_BYTES as u64).filter(|at| *at >= HEADER_BYTES as u64)
    else {
        return Ok(None);
    };
    let (mut start, mut footer) = ([0; HEADER_BYTES], [0; FOOTER_BYTES]);
    file.read_exact_at(&mut start, 0)?;
    file.read_exact_at(&mut footer, footer_at)?;
    let length = files::list_bytes(&footer).filter(|_| start == header(Kind::Block, step_s));
    let list_at = length.and_then(|length| footer_at.checked_sub(length as u64));
    let (Some(length), Some(list_at)) = (length, list_at) else { return Ok(None) };
    let mut list = vec![0; length];
    file.read_exact_at(&mut list, list_at)?;
    Ok(files::read_list(&list, &footer, bytes))
}

/// Makes names of files in a folder durable.
pub(crate) fn sync_folder(file: &Path) -> io::Result<()> {
    File::open(file.parent().expect("a file lies in a folder"))?.sync_all()
}
