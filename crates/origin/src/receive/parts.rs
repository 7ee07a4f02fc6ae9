//! Chunks joined into parts.

use bytes::{Bytes, BytesMut};
use cmaf::ReadChunk;
use manifest::Part;
use media::Parts;

/// Joins one segment's chunks into parts, as evenly as the chunks allow: as if all were like the first and the segment
/// as long as a slot of the grid. A part is whole with the last chunk of its share, where the next chunk would make
/// it longer than parts may be, or at the segment's end. An encoder whose chunks are parts has them given back one by one.
#[derive(Debug)]
pub(super) struct Joiner {
    /// A slot of the grid, in track ticks.
    slot: i64,
    /// In track ticks.
    longest: i64,
    /// Known from the first chunk on, and when that began.
    shares: Option<(Parts, i64)>,
    held: Option<Held>,
}

#[derive(Debug)]
struct Held {
    part: Part,
    chunks: Vec<Bytes>,
}

/// A chunk lasts longer than a part may.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLong;

/// A whole part, in the publisher's time.
pub(super) type Joined = (Part, Bytes);

impl Joiner {
    pub(super) fn new(slot: i64, longest: i64) -> Self {
        Self { slot, longest, shares: None, held: None }
    }

    /// Takes the segment's next chunk; gives the parts it completes, at most two.
    pub(super) fn push(
        &mut self,
        chunk: &ReadChunk,
        start: i64,
        duration: i64,
    ) -> Result<Vec<Joined>, TooLong> {
        if duration > self.longest {
            return Err(TooLong);
        }
        let mut whole = Vec::new();
        if self.held.as_ref().is_some_and(|held| held.part.duration + duration > self.longest) {
            whole.extend(self.finish());
        }
        let held = self.held.get_or_insert_with(|| Held {
            part: Part { start, duration: 0, independent: chunk.sync_first },
            chunks: Vec::new(),
        });
        held.part.duration = start + duration - held.part.start;
        held.chunks.push(chunk.raw.clone());
        let chunks = (self.slot + duration / 2) / duration.max(1);
        let (parts, first) = *self.shares.get_or_insert((Parts::new(self.slot, chunks, self.longest), start));
        if parts.index(held.part.start - first) != parts.index(start + duration - first) {
            whole.extend(self.finish());
        }
        Ok(whole)
    }

    /// The segment has ended: its last part may be short.
    pub(super) fn finish(&mut self) -> Option<Joined> {
        let Held { part, chunks } = self.held.take()?;
        Some((part, join(chunks)))
    }
}

/// Chunks behind each other; copied only where there are several.
pub(super) fn join(chunks: Vec<Bytes>) -> Bytes {
    match <[Bytes; 1]>::try_from(chunks) {
        Ok([only]) => only,
        Err(chunks) => {
            let mut whole = BytesMut::with_capacity(chunks.iter().map(Bytes::len).sum());
            chunks.iter().for_each(|chunk| whole.extend_from_slice(chunk));
            whole.freeze()
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn chunk(index: i64, sync: bool) -> ReadChunk {
        ReadChunk {
            raw: Bytes::from(vec![index as u8; 3]),
            decode_time: 0,
            duration: 0,
            sample_count: 1,
            sync_first: sync,
            first_pts: 0,
            sequence: 0,
            segment_start: false,
        }
    }

    fn joined(durations: &[i64], longest: i64) -> Result<Vec<Joined>, TooLong> {
        let mut joiner = Joiner::new(2_000, longest);
        let (mut start, mut parts) = (0, Vec::new());
        for (index, duration) in durations.iter().enumerate() {
            parts.extend(joiner.push(&chunk(index as i64, index == 0), start, *duration)?);
            start += duration;
        }
        parts.extend(joiner.finish());
        Ok(parts)
    }

    #[test]
    fn chunks_that_are_parts_stay_as_they_are_and_smaller_ones_are_joined() {
        let durations = |parts: Vec<Joined>| parts.iter().map(|(part, _)| part.duration).collect::<Vec<_>>();
        assert_eq!(durations(joined(&[330, 330, 330, 10], 334).unwrap()), [330, 330, 330, 10]);
        assert_eq!(durations(joined(&[40; 50], 360).unwrap()), [320, 360, 320, 320, 360, 320]);
        assert_eq!(durations(joined(&[20; 100], 360).unwrap()), [340, 320, 340, 340, 320, 340]);
        assert_eq!(durations(joined(&[200; 10], 334).unwrap()), [200; 10]);
        assert_eq!(joined(&[335], 334), Err(TooLong));
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_no_part_is_too_long(durations in prop::collection::vec(1_i64..100, 1..200)) {
            let parts = joined(&durations, 100).unwrap();
            let mut at = 0;
            for (part, _) in &parts {
                prop_assert_eq!(part.start, at);
                prop_assert!(part.duration <= 100);
                at += part.duration;
            }
            prop_assert_eq!(at, durations.iter().sum::<i64>());
            let bytes: usize = parts.iter().map(|(_, bytes)| bytes.len()).sum();
            prop_assert_eq!(bytes, durations.len() * 3);
            prop_assert_eq!(parts.iter().filter(|(part, _)| part.independent).count(), 1);
        }
    }
}
