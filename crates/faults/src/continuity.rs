//! Whether a track's line is whole, to the frame.

use cmaf::ReadChunk;

/// One track's segments, in the order a viewer gets them.
#[derive(Debug, Default)]
pub struct Continuity {
    /// Decode time that must come next, in track ticks.
    next: Option<u64>,
    /// Frames that came.
    pub frames: u64,
    /// Frames for which there was room between two that came.
    pub missing: u64,
    /// Frames whose time had been there already.
    pub duplicate: u64,
    /// Segments that do not begin with a key frame.
    pub no_key: u64,
}

impl Continuity {
    /// The next segment's chunks.
    pub fn segment(&mut self, chunks: &[ReadChunk]) {
        self.no_key += u64::from(chunks.first().is_some_and(|chunk| !chunk.sync_first));
        for chunk in chunks {
            self.chunk(chunk.decode_time, chunk.duration, chunk.sample_count.into());
        }
    }

    fn chunk(&mut self, decode_time: u64, duration: u64, samples: u64) {
        let frame = (duration / samples.max(1)).max(1);
        if let Some(next) = self.next {
            // A frame's length, rounded: a hole of half a frame is one.
            self.missing += (decode_time.saturating_sub(next) + frame / 2) / frame;
            self.duplicate += (next.saturating_sub(decode_time) + frame / 2) / frame;
        }
        self.frames += samples;
        self.next = Some(decode_time + duration);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(chunks: &[(u64, u64)]) -> Continuity {
        let mut continuity = Continuity::default();
        for (decode_time, samples) in chunks {
            continuity.chunk(*decode_time, samples * 3_000, *samples);
        }
        continuity
    }

    #[test]
    fn a_dense_line_has_no_fault() {
        let line = of(&[(0, 30), (90_000, 15), (135_000, 15)]);
        assert_eq!((line.frames, line.missing, line.duplicate), (60, 0, 0));
    }

    #[test]
    fn one_frame_too_few_and_one_too_many_are_seen() {
        assert_eq!(of(&[(0, 30), (93_000, 30)]).missing, 1);
        assert_eq!(of(&[(0, 30), (87_000, 30)]).duplicate, 1);
    }
}
