//! How far apart a source's key frames are.

/// A group of pictures longer than this is told, in nanoseconds: whoever joins waits that long.
const LONG_NS: i64 = 10_000_000_000;

/// Watches one track's key frames.
#[derive(Debug, Default)]
pub(crate) struct KeyFrames {
    last_ns: Option<i64>,
    is_long: bool,
}

impl KeyFrames {
    /// Takes note of a coded picture; whether groups are long. One that was stays so until a short one is over.
    pub(crate) fn see(&mut self, time_ns: i64, is_key: bool) -> bool {
        let last_ns = *self.last_ns.get_or_insert(time_ns);
        let is_over = time_ns.saturating_sub(last_ns) > LONG_NS;
        if is_key {
            self.last_ns = Some(time_ns);
            self.is_long = is_over;
        }
        self.is_long |= is_over;
        self.is_long
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_long_after_ten_seconds_and_until_a_short_one_is_over() {
        let mut key_frames = KeyFrames::default();
        let mut told = Vec::new();
        for second in 0..60 {
            let is_long = key_frames.see(second * 1_000_000_000, second % 25 == 0 || second >= 52);
            if told.last().is_none_or(|(before, _)| *before != is_long) {
                told.push((is_long, second));
            }
        }
        assert_eq!(told, [(false, 0), (true, 11), (false, 52)]);
    }
}
