//! Parameter sets gathered from a stream that carries them among its pictures, of H.264 and H.265 alike.

use bytes::{Bytes, BytesMut};

use crate::nal;

/// Longest parameter set gathered, in bytes. With every scaling list one has under 2 KiB.
pub(crate) const MAX_SET_BYTES: usize = 4_096;

/// What becomes of a NAL unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// A parameter set of this kind.
    Set(usize),
    /// A delimiter or filler data: samples have none.
    Dropped,
    /// Part of the sample.
    Kept,
}

/// How a codec writes its parameter sets, of `KINDS` kinds: the last are of pictures, the last but one of sequences.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules<const KINDS: usize> {
    /// Sets of each kind at most.
    pub(crate) most: [usize; KINDS],
    pub(crate) unit: fn(&[u8]) -> Unit,
    /// The id of a picture parameter set.
    pub(crate) picture_id: fn(&[u8]) -> Option<u32>,
}

/// The sets in force. An access unit with sets of a kind replaces all of that kind before it; those of pictures are
/// replaced with the sequence's where it brings some, and otherwise by their ids.
#[derive(Debug)]
pub(crate) struct Sets<const KINDS: usize> {
    sets: [Vec<Bytes>; KINDS],
    changed: bool,
}

impl<const KINDS: usize> Default for Sets<KINDS> {
    fn default() -> Self {
        Self { sets: [const { Vec::new() }; KINDS], changed: false }
    }
}

impl<const KINDS: usize> Sets<KINDS> {
    /// Takes the sets out of one Annex B access unit; gives the rest as [`media::Sample`] holds it.
    pub(crate) fn take(&mut self, access_unit: &[u8], rules: &Rules<KINDS>) -> Bytes {
        let mut out = BytesMut::with_capacity(access_unit.len() + 32);
        let mut found = [const { Vec::<&[u8]>::new() }; KINDS];
        for unit in nal::annexb(access_unit) {
            match (rules.unit)(unit) {
                Unit::Set(kind) => add(&mut found[kind], unit, rules.most[kind]),
                Unit::Dropped => {}
                Unit::Kept => nal::put(&mut out, unit),
            }
        }
        let (pictures, sequences) = (KINDS - 1, KINDS - 2);
        let by_id = found[sequences].is_empty();
        for (kind, found) in found.into_iter().enumerate() {
            let sets = &mut self.sets[kind];
            if kind == pictures && by_id {
                for set in found {
                    self.changed |= merge(sets, set, rules.picture_id, rules.most[kind]);
                }
            } else if !found.is_empty() {
                self.changed |= replace(sets, &found);
            }
        }
        out.freeze()
    }

    /// The sets in force, kind by kind, if they changed since this was asked last.
    pub(crate) fn changed(&mut self) -> Option<[Vec<&[u8]>; KINDS]> {
        std::mem::take(&mut self.changed).then(|| self.sets.each_ref().map(|sets| slices(sets)))
    }

    #[cfg(test)]
    pub(crate) fn counts(&self) -> [usize; KINDS] {
        self.sets.each_ref().map(Vec::len)
    }
}

/// Notes a set of an access unit; a long one, a repetition, or one past `most` is left out.
fn add<'a>(sets: &mut Vec<&'a [u8]>, unit: &'a [u8], most: usize) {
    if sets.len() < most && unit.len() <= MAX_SET_BYTES && !sets.contains(&unit) {
        sets.push(unit);
    }
}

/// Puts `new` in place of all sets; true where that changes anything.
fn replace(sets: &mut Vec<Bytes>, new: &[&[u8]]) -> bool {
    let same = sets.iter().eq(new.iter());
    if !same {
        *sets = new.iter().map(|set| Bytes::copy_from_slice(set)).collect();
    }
    !same
}

/// Puts `new` in place of the set with its id, or beside the others; true where that changes anything.
fn merge(sets: &mut Vec<Bytes>, new: &[u8], id: fn(&[u8]) -> Option<u32>, most: usize) -> bool {
    match sets.iter().position(|set| id(set) == id(new)) {
        Some(at) if sets[at] == new => return false,
        Some(at) => sets[at] = Bytes::copy_from_slice(new),
        None if sets.len() < most => sets.push(Bytes::copy_from_slice(new)),
        None => return false,
    }
    true
}

/// Borrowed, as records are written from.
fn slices(sets: &[Bytes]) -> Vec<&[u8]> {
    sets.iter().map(|set| &set[..]).collect()
}
